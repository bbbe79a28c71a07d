"""One rule on certificates over all chains that a service address serves: the gravest trouble decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ..evaluate.certificate_rules import CertificateFacts, ChainFacts, without_root
from ..evaluate.services import Service
from .outcomes import Result, absent, marginal, met, unmet, unseen
from .rules import Rules
from .tls_sight import without_handshake

_ROLES = {"end-entity": "ROLE_END_ENTITY", "sub-ca": "ROLE_SUB_CA", "root": "ROLE_ROOT"}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with one certificate; `failed` UNMET, else MARGINAL."""

    code: str
    certificate: CertificateFacts
    failed: bool = True
    told: Mapping[str, object] = field(default_factory=dict)


Troubles = Iterator[Trouble]
Rule = Callable[[CertificateFacts, Rules], Troubles]

# Which certificates of a chain a rule is about.
_CHOICES: Mapping[str, Callable[[ChainFacts], tuple[CertificateFacts, ...]]] = {
    "every": lambda chain: chain.certificates,
    "below-root": lambda chain: without_root(chain.certificates),
    "server": lambda chain: chain.certificates[:1],
    "authorities": lambda chain: chain.authorities,
    "roots": lambda chain: tuple(one for one in chain.authorities if one.role == "root"),
    "issued": lambda chain: chain.certificates[:-1],  # those whose issuer was seen
}


def no_certificate(service: Service) -> Result | None:
    """What a check of certificates answers where there is no TLS, E-12 says why; None where there is."""
    return None if service.starttls.works else without_handshake(service)


def judge_certificates(service: Service, rules: Rules, rule: Rule, which: str) -> Result:
    """UNMET before UNSEEN (an issuer is missing) before MARGINAL; `which` is one of _CHOICES.

    All troubles are in the evidence.
    """
    nothing = no_certificate(service)
    if nothing is not None:
        return nothing
    chains = service.chains(rules.roots, rules.as_of)
    if any(not chain.certificates for chain in chains):
        return unseen("CHAIN_UNREADABLE", chain=service.certificates)
    chosen = tuple(dict.fromkeys(certificate for chain in chains for certificate in _CHOICES[which](chain)))
    troubles = [trouble for certificate in chosen for trouble in rule(certificate, rules)]
    evidence: dict[str, object] = {
        "certificates": chosen,
        "troubles": [f"{trouble.code}: {trouble.certificate.subject}" for trouble in troubles],
        "year": rules.as_of.year,
    }
    worst = min(troubles, key=lambda trouble: not trouble.failed, default=None)
    told: dict[str, object] = {}
    if worst is not None:
        told = {"certificate": worst.certificate.subject, "reason": _ROLES[worst.certificate.role], **worst.told}
        if worst.failed:
            return unmet(worst.code, **told, **evidence)
    if which != "server" and not all(chain.complete for chain in chains):
        return unseen("ISSUERS_UNSEEN", **evidence)
    if worst is not None:
        return marginal(worst.code, **told, **evidence)
    if not chosen:
        return absent("NO_ROOT_SEEN" if which == "roots" else "NO_CA_CERTIFICATE", **evidence)
    return met(**evidence)
