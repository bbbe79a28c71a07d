"""The nouns of the product: frozen types that every room shares. Standard library only.

    probe -> Dossier, check -> Finding, judge -> Audit, render -> report

Three kinds of trouble never mix. What the target did is a *value* inside an `Observation`, however bad it is; that we
could not see is a `Failure` in its place; a mistake of ours is an exception. No observed fact has a default.
"""

from .dossier import Dossier, Vantage
from .forms import UsageError, pem, rfc3339
from .judged import (
    Audit,
    CaseResult,
    Finding,
    Level,
    Outcome,
    ProfileInfo,
    RequirementResult,
    Subject,
    TargetAudit,
    TargetVerdict,
    Verdict,
    Waiver,
    bracketed,
)
from .plan import HelloSets, ProbePlan, ServicePlace
from .seen import (
    ClientSession,
    DnsMessage,
    Failure,
    Fetch,
    Handshake,
    HelloExchange,
    HttpExchange,
    Line,
    Observation,
    ObservedValue,
    Reason,
    Renegotiation,
    SmtpSession,
)
from .services import CLIENT_KINDS, MAIL_SERVICE, SERVICE_KINDS, ServiceKind

__all__ = [
    "CLIENT_KINDS",
    "MAIL_SERVICE",
    "SERVICE_KINDS",
    "Audit",
    "CaseResult",
    "ClientSession",
    "DnsMessage",
    "Dossier",
    "Failure",
    "Fetch",
    "Finding",
    "Handshake",
    "HelloExchange",
    "HelloSets",
    "HttpExchange",
    "Level",
    "Line",
    "Observation",
    "ObservedValue",
    "Outcome",
    "ProbePlan",
    "ProfileInfo",
    "Reason",
    "Renegotiation",
    "RequirementResult",
    "ServiceKind",
    "ServicePlace",
    "SmtpSession",
    "Subject",
    "TargetAudit",
    "TargetVerdict",
    "UsageError",
    "Vantage",
    "Verdict",
    "Waiver",
    "bracketed",
    "pem",
    "rfc3339",
]
