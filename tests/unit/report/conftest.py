"""An audit of realistic size, made by hand: every case of the catalogue, three domains, hostile text where asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tr03108.catalogue import Catalogue, load_catalogue
from tr03108.model import (
    Audit,
    CaseResult,
    Finding,
    Level,
    Outcome,
    ProbePlan,
    ProfileInfo,
    RequirementResult,
    Subject,
    TargetAudit,
    TargetVerdict,
    Vantage,
    Verdict,
    Waiver,
)
from tr03108.rooms import room

STARTED = datetime(2026, 11, 22, 9, 30, 12, 345678, tzinfo=UTC)
PEM = (
    "-----BEGIN CERTIFICATE-----\n"
    + "\n".join(["MIIBszCCAVmgAwIBAgIUE0x" + "A" * 41] * 9)
    + "\n-----END CERTIFICATE-----\n"
)
SOURCES = ("TR-03108-P v2.0 Table 50", "RFC 7672 section 3.1")
_VERDICTS = {
    Outcome.MET: Verdict.PASS,
    Outcome.MARGINAL: Verdict.WARN,
    Outcome.UNMET: Verdict.FAIL,
    Outcome.NOT_OFFERED: Verdict.FAIL,
    Outcome.ABSENT: Verdict.NOT_APPLICABLE,
    Outcome.UNSEEN: Verdict.INCONCLUSIVE,
    Outcome.ASKED: Verdict.MANUAL,
}
TR, DANE = "TR-03108-03-M", "TR-03108-05-M"


def make_finding(
    code: str,
    outcome: Outcome = Outcome.UNMET,
    *,
    check: str = "inbound-dane.tlsa-matches",
    case: str | None = "TR-03108-D-02",
    requirement: str = DANE,
    subject: Subject | None = None,
    level: Level = Level.MUST,
    evidence: Mapping[str, Any] | None = None,
    verdict: Verdict | None = None,
    gated: bool | None = None,
    waived: Waiver | None = None,
) -> Finding:
    """A finding with the verdict that its outcome has at level MUST, SHOULD or INFO."""
    if verdict is None:
        verdict = _VERDICTS[outcome]
        if level is Level.SHOULD and verdict is Verdict.FAIL:
            verdict = Verdict.WARN
        if level is Level.INFO and outcome is not Outcome.MET:
            verdict = Verdict.INFO
    return Finding(
        case=case,
        check=check,
        requirement=requirement,
        level=level,
        subject=subject or Subject("service", "mx1.example.org", "192.0.2.1", 25, "smtp"),
        outcome=outcome,
        verdict=verdict,
        gated=level is Level.MUST if gated is None else gated,
        code=code,
        evidence=evidence or {},
        sources=SOURCES,
        waived=waived,
        file="d_dane_inbound.py",
    )


def make_target(
    domain: str, verdict: TargetVerdict, findings: tuple[Finding, ...], catalogue: Catalogue
) -> TargetAudit:
    """A target whose cases and requirements follow from its findings."""

    def judged(name: str, own: list[Finding]) -> Verdict:
        order = [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.MANUAL, Verdict.WARN, Verdict.PASS, Verdict.NOT_APPLICABLE]
        seen = {finding.verdict for finding in own} - {Verdict.INFO}
        return next((item for item in order if item in seen), Verdict.INFO)

    cases = []
    for identity in catalogue.cases:
        own = [finding for finding in findings if finding.case == identity]
        reason = own[0].code if own and own[0].code == "NOT_COVERED" else None
        cases.append(CaseResult(identity, judged(identity, own), len(own), reason))
    requirements = []
    for identity, row in catalogue.requirements.items():
        served = tuple(case.id for case in catalogue.cases.values() if identity in case.requirements)
        own = [finding for finding in findings if finding.requirement == identity]
        partial = identity == "TR-03108-01-M"
        requirements.append(RequirementResult(identity, row.level, judged(identity, own), partial, served))
    return TargetAudit(
        domain=domain,
        verdict=verdict,
        dossier_sha256="5f2b" * 16,
        requirements=tuple(requirements),
        cases=tuple(cases),
        findings=findings,
        mail_hosts_examined=2,
        expiring=(
            {"owner": domain, "type": "MX", "signer": domain, "key_tag": 4711, "expiration": "2026-12-01T00:00:00Z"},
        ),
        expired_waivers=(Waiver("TR-03108-E-05", "mx2.example.org/192.0.2.2:25", "Projekt 4711", "2026-01-31"),),
        notes=("VANTAGE_NO_IPV6",),
        started=STARTED,
        finished=STARTED + timedelta(seconds=8.4),
        complete=True,
        vantage=Vantage(("127.0.0.1:5353",), True, False),
        plan=ProbePlan(connect=("192.0.2.1:25=127.0.0.1:2525",)),
    )


def sample_findings(domain: str, catalogue: Catalogue, *, bad: bool) -> Iterator[Finding]:
    """About 90 findings, of each kind some."""
    own = Subject("domain", domain)
    hosts = [Subject("host", f"mx{n}.{domain}") for n in (1, 2)]
    services = [
        Subject("service", f"mx{n}.{domain}", address, 25, "smtp")
        for n in (1, 2)
        for address in (f"192.0.2.{n}", f"2001:db8::{n}")
    ]
    tlsa = {
        "tlsa": [{"usage": 3, "selector": 1, "matching_type": 1, "data": "9f" * 32, "matched": False}],
        "records": ["3 1 1 9f9f9f9f…"],
        "chain": [PEM, PEM],
        "dnssec": {"status": "secure", "zones": [".", "org", domain], "expires": "2026-12-01T00:00:00Z"},
    }
    dialogue = {
        "dialogue": ["S 220 mx1 ESMTP", "C EHLO probe.example.net", "S 250-mx1", "S 250 SIZE 10240000"],
        "status": 250,
    }
    yield make_finding(
        "OK",
        Outcome.MET,
        check="inbound-dane.mx-secure",
        case="TR-03108-D-01",
        subject=own,
        evidence={"names": [host.name for host in hosts]},
    )
    for n, host in enumerate(hosts):
        if bad and n == 1:
            yield make_finding(
                "SIGNATURE_EXPIRES_SOON",
                Outcome.MARGINAL,
                check="inbound-dane.host-secure",
                case="TR-03108-D-01",
                subject=host,
                evidence={"expires": "2026-11-25T00:00:00Z", "name": host.name, "rdtype": "A"},
            )
        else:
            yield make_finding("OK", Outcome.MET, check="inbound-dane.host-secure", case="TR-03108-D-01", subject=host)
    for n, service in enumerate(services):
        blind = bad and n % 2 == 1
        fault = bad and n == 0
        no_tls = bad and n == 2
        if blind:
            yield make_finding(
                "STARTTLS_UNSEEN",
                Outcome.UNSEEN,
                subject=service,
                evidence={"because": "VANTAGE"},
            )
        elif no_tls:
            yield make_finding("NO_TLS", subject=service, evidence={"because": "STARTTLS_MISSING"})
        else:
            yield make_finding(
                "TLSA_MISMATCH" if fault else "OK",
                Outcome.UNMET if fault else Outcome.MET,
                subject=service,
                evidence=tlsa,
            )
        common: dict[str, Any] = {"subject": service, "requirement": TR}
        if blind:
            yield make_finding(
                "VANTAGE_NO_IPV6", Outcome.UNSEEN, check="starttls.offered", case="TR-03108-E-12", **common
            )
            continue
        if no_tls:
            yield make_finding(
                "STARTTLS_MISSING", check="starttls.offered", case="TR-03108-E-12", evidence=dialogue, **common
            )
            yield make_finding(
                "NO_TLS",
                Outcome.ABSENT,
                check="certificate.pkix",
                case="TR-03108-E-05",
                evidence={"because": "STARTTLS_MISSING"},
                **common,
            )
            continue
        yield make_finding(
            "OK", Outcome.MET, check="starttls.offered", case="TR-03108-E-12", evidence={"version": "TLSv1.3"}, **common
        )
        if fault:
            yield make_finding(
                "CERTIFICATE_SELF_SIGNED",
                check="certificate.pkix",
                case="TR-03108-E-05",
                evidence={"chain": [PEM], "names": [service.name]},
                waived=Waiver("certificate.pkix", "*", "DANE: 2026-02-01/7", "2027-02-01"),
                **common,
            )
        else:
            yield make_finding(
                "OK",
                Outcome.MET,
                check="certificate.pkix",
                case="TR-03108-E-05",
                evidence={"until": "2027-01-20"},
                **common,
            )
        yield make_finding(
            "OK",
            Outcome.MET,
            check="tls.negotiated",
            case=None,
            evidence={"version": "TLSv1.3", "suite": "TLS_AES_256_GCM_SHA384", "group": "secp256r1"},
            **common,
        )
        yield make_finding(
            "PLAINTEXT_ACCEPTED",
            check="starttls.plaintext-refused",
            case=None,
            level=Level.INFO,
            evidence={"status": 250},
            **common,
        )
    yield make_finding(
        "TLSRPT_HTTPS" if bad else "OK",
        Outcome.UNMET if bad else Outcome.MET,
        check="tlsrpt.no-https",
        case="TR-03108-G-02",
        requirement="TR-03108-10-M",
        subject=own,
        evidence={"records": "https://reports.example.net/v1"} if bad else {},
    )
    yield make_finding(
        "MODE_TESTING",
        check="mta-sts.enforced",
        case="TR-03108-I-03",
        requirement="TR-03108-07-R",
        subject=own,
        gated=False,
        evidence={"policy": "version: STSv1\nmode: testing\nmx: *.example.org\n"},
    )
    done = {"TR-03108-D-01", "TR-03108-D-02", "TR-03108-E-12", "TR-03108-E-05", "TR-03108-G-02", "TR-03108-I-03"}
    for case in catalogue.cases.values():
        if case.id in done:
            continue
        code, outcome = {
            "remote": ("NOT_COVERED", Outcome.UNSEEN),
            "cooperative": ("MANUAL_SENDING_SIDE", Outcome.ASKED),
            "declared": ("MANUAL_DECLARATION", Outcome.ASKED),
        }[case.testable]
        yield make_finding(
            code,
            outcome,
            check=f"case.{case.id}",
            case=case.id,
            requirement=case.requirements[0],
            subject=own,
            level=case.level,
        )
    for identity in ("TR-03108-11-R", "TR-03108-16-M"):
        yield make_finding(
            "MANUAL_REQUIREMENT",
            Outcome.ASKED,
            check=f"requirement.{identity}",
            case=None,
            requirement=identity,
            subject=own,
        )


def make_audit(*targets: TargetAudit) -> Audit:
    """A run over `targets`."""
    return Audit(
        tool_version="0.1.0",
        started=STARTED,
        finished=STARTED + timedelta(seconds=21.9),
        as_of=STARTED,
        complete=True,
        profile=ProfileInfo(
            "tr-03108-2.0",
            "BSI TR-03108 v2.0, as tested by TR-03108-P v2.0",
            "BSI TR-03108 v2.0, 2023-06-01; TR-03108-P v2.0 section 2.2",
            ("TR-03116-4 (2023)", "TR-02102-2 (2025-01)"),
        ),
        options={
            "profile": "tr-03108-2.0",
            "mode": "full",
            "connect": ["192.0.2.1:25=127.0.0.1:2525"],
            "resolver": None,
        },
        targets=targets,
        gate="must",
        exit_status=1,
    )


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue(room("checks") / "catalogue.toml")  # the default profile shows cases of one document


@pytest.fixture(scope="session")
def audit(catalogue: Catalogue) -> Audit:
    """Three domains: one bad, one flawless under what was asked, one with open questions."""
    bad = make_target(
        "example.org",
        TargetVerdict.NOT_COMPLIANT,
        tuple(sample_findings("example.org", catalogue, bad=True)),
        catalogue,
    )
    good = make_target(
        "flawless.example",
        TargetVerdict.NO_DEVIATION,
        tuple(sample_findings("flawless.example", catalogue, bad=False)),
        catalogue,
    )
    blind = make_finding(
        "RESOLVER_WITHOUT_DNSSEC",
        Outcome.UNSEEN,
        check="inbound-dane.mx-secure",
        case="TR-03108-D-01",
        subject=Subject("domain", "unseen.example"),
    )
    unseen = make_target("unseen.example", TargetVerdict.NOT_DEMONSTRATED, (blind,), catalogue)
    unseen = replace(unseen, mail_hosts_examined=0, notes=("RESOLVER_WITHOUT_DNSSEC",), complete=False)
    return make_audit(bad, good, unseen)


@pytest.fixture(scope="session")
def single(audit: Audit) -> Audit:
    return make_audit(audit.targets[0])


@pytest.fixture
def finding() -> Callable[..., Finding]:
    return make_finding
