"""Lists of what servers accept, made by hand: an old server at two addresses, and a modern one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tr03108.model import Finding, Level, Outcome, Subject, Verdict

OLD = (Subject("service", "mx1.example.org", "192.0.2.1", 25, "smtp"),)
OLD += (Subject("service", "mx1.example.org", "2001:db8::1", 25, "smtp"),)
MODERN = Subject("service", "mx2.example.org", "192.0.2.2", 25, "smtp")
SERVICES = (*OLD, MODERN)
_EDITION = "TR-02102-2 (2025-01)"
_TABLES = {
    "TLSv1.3": f"{_EDITION} section 3.4.4",
    "TLSv1.2": f"{_EDITION} section 3.3.1.1, Table 2",
}


def row(
    version: str, name: str, status: str = "listed", until: str | None = "2031+", source: str | None = None
) -> dict[str, Any]:
    """One entry as the evidence has it, with the outcome it has at port 25."""
    outcomes = {"listed": "MET", "too-small": "UNMET"}
    source = source or (_TABLES[version] if status == "listed" else f"{_EDITION} section 3.3.1 (not listed)")
    outcome = outcomes.get(status, "MARGINAL")
    return {"version": version, "name": name, "status": status, "until": until, "source": source, "outcome": outcome}


def listing(
    check: str,
    case: str,
    accepted: Sequence[Mapping[str, Any]],
    subject: Subject = MODERN,
    outcome: Outcome = Outcome.MET,
    **evidence: Any,
) -> Finding:
    """A finding with a list."""
    verdicts = {Outcome.MET: Verdict.PASS, Outcome.MARGINAL: Verdict.WARN, Outcome.UNSEEN: Verdict.INCONCLUSIVE}
    return Finding(
        case=case,
        check=check,
        requirement="TR-03108-03-M",
        level=Level.MUST,
        subject=subject,
        outcome=outcome,
        verdict=verdicts.get(outcome, Verdict.FAIL),
        gated=True,
        code="OK" if outcome is Outcome.MET else "GROUP_NOT_LISTED",
        evidence={"accepted": list(accepted), "editions": _EDITION, **evidence},
        sources=("TR-03116-4 chapter 2",),
    )


def old_lists(subject: Subject) -> Iterator[Finding]:
    """TLS 1.0 to 1.3, a long list of suites, small groups and signatures of yesterday."""
    versions = [row(name, name, "forbidden", None, "TR-03116-4 (2023) section 2.1.1") for name in ("TLSv1", "TLSv1.1")]
    versions += [row(name, name, "listed", None, "TR-03116-4 (2023) section 2.1.1") for name in ("TLSv1.2", "TLSv1.3")]
    yield listing("tls.versions", "TR-03108-E-11", versions, subject, Outcome.MARGINAL)
    suites = [
        row("TLSv1.2", f"TLS_ECDHE_{key}_WITH_{rest}")
        for key in ("ECDSA", "RSA")
        for rest in ("AES_256_GCM_SHA384", "AES_128_GCM_SHA256", "AES_256_CBC_SHA384", "AES_128_CBC_SHA256")
    ]
    suites += [
        row("TLSv1.2", f"TLS_DHE_RSA_WITH_{rest}", until="2029")
        for rest in ("AES_256_GCM_SHA384", "AES_128_GCM_SHA256", "AES_256_CBC_SHA256", "AES_128_CBC_SHA256")
    ]
    suites += [
        row(
            "TLSv1.2",
            "TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256",
            until="2026",
            source=f"{_EDITION} section 3.3.1.2, Table 3",
        )
    ]
    suites += [row("TLSv1.2", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "unlisted", None)]
    suites += [row("TLSv1.2", f"TLS_ECDHE_RSA_WITH_CAMELLIA_{rest}", "unlisted", None) for rest in ("128_CBC_SHA256",)]
    suites += [
        row("TLSv1.2", f"TLS_RSA_WITH_{rest}", "forbidden", None)
        for rest in (
            "AES_256_GCM_SHA384",
            "AES_128_GCM_SHA256",
            "AES_256_CBC_SHA",
            "AES_128_CBC_SHA",
            "3DES_EDE_CBC_SHA",
        )
    ]
    suites += [row("TLSv1.3", f"TLS_AES_{rest}") for rest in ("256_GCM_SHA384", "128_GCM_SHA256")]
    suites += [row("TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256", "unlisted", None)]
    order = {"TLSv1.2": "server", "TLSv1.3": "client"}
    yield listing("tls.suites", "TR-03108-E-08", suites, subject, Outcome.MARGINAL, order=order)
    groups = [row("TLSv1.2", name, source=f"{_EDITION} section 3.3.2, Table 5") for name in ("secp256r1", "secp384r1")]
    groups += [row("TLSv1.2", "x25519", "unlisted", None), row("TLSv1.2", "1024-bit DH", "too-small", None)]
    groups += [row("TLSv1.3", "secp256r1", source=f"{_EDITION} section 3.4.2, Table 9")]
    yield listing("tls.groups", "TR-03108-E-10", groups, subject, Outcome.UNMET)
    schemes = [row("TLSv1.2", f"rsa_pss_rsae_sha{n}", source=f"{_EDITION} section 3.3.3, Table 6") for n in (256, 384)]
    schemes += [
        row("TLSv1.2", f"rsa_pkcs1_sha{n}", "expired", "2025", f"{_EDITION} section 3.3.3, Table 6") for n in (256, 512)
    ]
    yield listing("tls.signatures", "TR-03108-E-09-T", schemes, subject, Outcome.UNSEEN, unknown=2)


def tls_findings() -> Iterator[Finding]:
    """The old server at two addresses, and a modern one whose groups nobody saw."""
    for subject in OLD:
        yield from old_lists(subject)
    modern = [row("TLSv1.3", "TLSv1.3", "listed", None, "TR-03116-4 (2023) section 2.1.1")]
    yield listing("tls.versions", "TR-03108-E-11", modern)
    yield listing("tls.suites", "TR-03108-E-08", [row("TLSv1.3", "TLS_AES_256_GCM_SHA384")])
    yield listing("tls.groups", "TR-03108-E-10", [], outcome=Outcome.UNSEEN)
