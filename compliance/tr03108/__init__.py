"""tr03108: audits e-mail services against BSI TR-03108 v2.0.

The public names are what check files need: `check`, the outcomes, the views a check sees and the rules it judges by.
They are loaded on first use, so that pytest finds the plugin without loading the whole product.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .evaluate.certificate_rules import CertificateFacts, names_an_authority
    from .evaluate.clear_text import clear_login, injection
    from .evaluate.clients import Clients, Offer, Webmail, places_of_configuration, ranked_behind
    from .evaluate.configuration import Configuration
    from .evaluate.dmarc_policy import Destination, DmarcPolicy
    from .evaluate.lookup import Lookup, Status
    from .evaluate.mail_authentication import SendingDomain
    from .evaluate.mail_domain import MailDomain, MailHost
    from .evaluate.mailbox import Answered
    from .evaluate.mta_sts import StsFetch, sts_discarded, sts_fetch, sts_record
    from .evaluate.rollover import Rollover, rollover_of
    from .evaluate.services import ClientService, Service, SmtpService
    from .evaluate.spf_policy import SpfPolicy
    from .evaluate.tls import features, listings, priority, senders
    from .evaluate.tlsa_kinds import tlsa_kinds
    from .evaluate.tlsrpt import ReportMailbox, TlsRpt, tlsrpt_record
    from .evaluate.webmail import hsts, plain_page
    from .evaluate.zone_signing import ZoneSigning
    from .judge import certificate_cases, client_targets, tls_cases, tls_features, tls_refusals
    from .judge.certificate_judgement import Trouble, Troubles, judge_certificates, no_certificate
    from .judge.check import check
    from .judge.outcomes import Result, absent, asked, marginal, met, not_offered, unmet, unseen
    from .judge.rules import Rules
    from .judge.signed_answers import met_while_signed
    from .judge.tls_judgement import Judged, TlsJudgement
    from .judge.tls_sight import not_known, unanswered, without_handshake, without_tls, without_version
    from .model import SERVICE_KINDS
    from .norms.tls_rows import Minimum

__version__ = "0.1.0"

_HOMES = {
    "Answered": "evaluate.mailbox",
    "ReportMailbox": "evaluate.tlsrpt",
    "TlsRpt": "evaluate.tlsrpt",
    "CertificateFacts": "evaluate.certificate_rules",
    "ClientService": "evaluate.services",
    "Clients": "evaluate.clients",
    "Configuration": "evaluate.configuration",
    "Destination": "evaluate.dmarc_policy",
    "DmarcPolicy": "evaluate.dmarc_policy",
    "Offer": "evaluate.clients",
    "SERVICE_KINDS": "model",
    "Service": "evaluate.services",
    "Webmail": "evaluate.clients",
    "Judged": "judge.tls_judgement",
    "Lookup": "evaluate.lookup",
    "MailDomain": "evaluate.mail_domain",
    "MailHost": "evaluate.mail_domain",
    "Minimum": "norms.tls_rows",
    "Result": "judge.outcomes",
    "Rollover": "evaluate.rollover",
    "Rules": "judge.rules",
    "SendingDomain": "evaluate.mail_authentication",
    "SmtpService": "evaluate.services",
    "SpfPolicy": "evaluate.spf_policy",
    "Status": "evaluate.lookup",
    "StsFetch": "evaluate.mta_sts",
    "TlsJudgement": "judge.tls_judgement",
    "Trouble": "judge.certificate_judgement",
    "Troubles": "judge.certificate_judgement",
    "ZoneSigning": "evaluate.zone_signing",
    "absent": "judge.outcomes",
    "asked": "judge.outcomes",
    "certificate_cases": "judge.certificate_cases",
    "check": "judge.check",
    "clear_login": "evaluate.clear_text",
    "client_targets": "judge.client_targets",
    "hsts": "evaluate.webmail",
    "injection": "evaluate.clear_text",
    "places_of_configuration": "evaluate.clients",
    "plain_page": "evaluate.webmail",
    "ranked_behind": "evaluate.clients",
    "features": "evaluate.tls.features",
    "marginal": "judge.outcomes",
    "listings": "evaluate.tls.listings",
    "judge_certificates": "judge.certificate_judgement",
    "met": "judge.outcomes",
    "met_while_signed": "judge.signed_answers",
    "names_an_authority": "evaluate.certificate_rules",
    "no_certificate": "judge.certificate_judgement",
    "not_known": "judge.tls_sight",
    "not_offered": "judge.outcomes",
    "priority": "evaluate.tls.priority",
    "rollover_of": "evaluate.rollover",
    "senders": "evaluate.tls.senders",
    "sts_discarded": "evaluate.mta_sts",
    "sts_fetch": "evaluate.mta_sts",
    "sts_record": "evaluate.mta_sts",
    "tlsa_kinds": "evaluate.tlsa_kinds",
    "tls_cases": "judge.tls_cases",
    "tls_features": "judge.tls_features",
    "tls_refusals": "judge.tls_refusals",
    "tlsrpt_record": "evaluate.tlsrpt",
    "unanswered": "judge.tls_sight",
    "unmet": "judge.outcomes",
    "unseen": "judge.outcomes",
    "without_handshake": "judge.tls_sight",
    "without_tls": "judge.tls_sight",
    "without_version": "judge.tls_sight",
}

__all__ = [  # noqa: RUF022 (grouped: the decorator, the outcomes, the views, the rules)
    "check",
    "Result", "met", "marginal", "unmet", "not_offered", "absent", "unseen", "asked",
    "Lookup", "Status", "MailDomain", "MailHost", "SmtpService", "ZoneSigning",
    "StsFetch", "sts_discarded", "sts_fetch", "sts_record", "TlsRpt", "ReportMailbox", "Answered", "tlsrpt_record",
    "SendingDomain", "SpfPolicy", "DmarcPolicy", "Destination",
    "Rollover", "rollover_of", "tlsa_kinds",
    "TlsJudgement", "Judged", "Minimum", "features", "listings", "priority", "senders", "not_known", "without_tls",
    "CertificateFacts", "Trouble", "Troubles", "judge_certificates", "names_an_authority", "no_certificate",
    "unanswered", "without_version", "certificate_cases", "tls_cases", "tls_features", "tls_refusals",
    "SERVICE_KINDS", "Service", "ClientService", "Clients", "Offer", "Configuration", "Webmail", "client_targets",
    "clear_login", "injection", "plain_page", "hsts", "places_of_configuration", "ranked_behind", "without_handshake",
    "Rules", "met_while_signed",
]  # fmt: skip


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f".{_HOMES[name]}", __name__)
    return getattr(home, name, home)  # a module that is a public name as a whole
