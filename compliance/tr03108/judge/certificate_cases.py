"""What a server's certificates are judged by in the cases that several test specifications have in common."""

from __future__ import annotations

from ..evaluate.certificate_rules import names_an_authority
from ..evaluate.declared_authority import declared_by
from ..evaluate.services import Service
from .certificate_judgement import no_certificate
from .outcomes import Result, asked, met, unmet, unseen
from .rules import Rules


def certificate(service: Service, rules: Rules) -> Result:
    """Each names the host, its path leads to a trusted root on the as-of date, and none is proven to be revoked."""
    nothing = no_certificate(service)
    if nothing is not None:
        return nothing
    chains = service.pkix(rules.roots, rules.as_of)
    worst = next((served for served in chains if served.code != "OK"), None)
    if worst is not None:
        return unmet(worst.code, detail=worst.path.detail, **worst.shown())
    for one in service.revocation(rules.roots, rules.as_of):
        if one.state == "revoked":
            told = {"certificate": one.subject, "since": f"{one.since:%Y-%m-%d}" if one.since else None}
            return unmet("CERTIFICATE_REVOKED", cause=one.reason, revocation=one, **told, **chains[0].shown())
    return met(path=[subject for served in chains for subject in served.path.subjects], **chains[0].shown())


def declared_authority(service: Service, rules: Rules) -> Result:
    """All chains come, by a verified path, from an authority that the operator declared to meet TR-03116-4."""
    nothing = no_certificate(service)
    if nothing is not None:
        return nothing
    chains = service.chains(rules.roots, rules.as_of)
    issuers = list(dict.fromkeys(c.subject for chain in chains for c in chain.authorities))
    evidence: dict[str, object] = {"issuers": ", ".join(issuers), "chain": service.certificates}
    wanted = rules.parameters.trusted_cas
    if not wanted:
        return asked("MANUAL_DECLARATION", **evidence)
    evidence["trusted_cas"] = list(wanted)
    if any(not chain.certificates for chain in chains):
        return unseen("CHAIN_UNREADABLE", **evidence)
    found = [declared_by(served, rules.roots, rules.as_of, wanted) for served in service.served]
    strangers = [chain for chain, name in zip(chains, found, strict=True) if name is None]
    for chain in strangers:
        if chain.complete:  # what such a path says of itself proves nothing
            return unmet("ISSUER_NOT_DECLARED", claimed=names_an_authority(chain, wanted), **evidence)
    if strangers:
        return unseen("ISSUERS_UNSEEN", **evidence)
    return met(authorities=", ".join(dict.fromkeys(str(name) for name in found)), **evidence)
