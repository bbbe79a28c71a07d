"""The tables of services: mail hosts, what mail clients talk to, and how clients are led there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tr03108.model import CLIENT_KINDS, Finding, ServiceKind, Subject, TargetAudit

from .texts import Texts
from .view import blocks, name_of, rank, short

_MOST_COLUMNS = 8  # as many as fit a sheet of A4; which ones come first, the texts say
_OFFERED = "client-services.offered"
_WEBMAIL = "webmail.https-only"
_WEB = "https"
# The columns of client services: the first of these checks that was made at an address, and a label where the check's
# own word does not serve
_CLIENT_COLUMNS: Sequence[tuple[tuple[str, ...], str]] = (
    (("starttls.offered",), ""),
    (("certificate.pkix",), ""),
    (("tls.versions",), ""),
    (("tls.suites",), ""),
    (("tls.groups",), ""),
    (("tls.signatures",), ""),
    (("client-services.tlsa",), "column_tlsa"),
    (("login.no-clear-text", _WEBMAIL), "column_clear"),
)
_FAMILIES = {
    "submission": "service_submission",
    "imap": "service_imap",
    "pop3": "service_pop3",
    "sieve": "service_sieve",
    _WEB: "service_webmail",
}
_SOURCES = {
    "srv": "found_srv",
    "autoconfig": "found_autoconfig",
    "autodiscover": "found_autodiscover",
    "user": "found_user",
    "well-known": "found_well_known",
}
# How clients are led: a way, the check whether it is there (SRV records are asked for by protocol), and one for each
# protocol
_LED_PROTOCOLS = ("service_submission", "service_imap", "service_pop3")
_LED: Sequence[tuple[str, tuple[str, ...]]] = (
    ("found_srv", ("", "srv.submissions", "srv.imaps", "srv.pop3s")),
    ("found_autoconfig", ("autoconfig.offered", "autoconfig.submission", "autoconfig.imap", "autoconfig.pop3")),
    (
        "found_autodiscover",
        ("autodiscover.offered", "autodiscover.submission", "autodiscover.imap", "autodiscover.pop3"),
    ),
)


@dataclass(frozen=True, slots=True)
class Others:
    """The findings of an address that have no column: the worst verdict, how many have it, and how many there are."""

    verdict: str
    worst: tuple[tuple[str, str], ...]  # id and column head of those that have it, first those at which the gate stops
    count: int


@dataclass(frozen=True, slots=True)
class HostRow:
    """One address of one host with its findings, one place for each column. `sources`: who names the service there."""

    subject: Subject
    findings: tuple[Finding | None, ...]
    others: Others | None
    negotiated: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostTable:
    """The mail hosts: column heads and rows. `others`: whether some row has findings without a column."""

    columns: tuple[str, ...]
    rows: tuple[HostRow, ...]

    @property
    def others(self) -> bool:
        return any(row.others is not None for row in self.rows)


@dataclass(frozen=True, slots=True)
class ServiceRows:
    """One kind of service: what was found about it as a whole (None where nothing was said), and its addresses."""

    label: str
    implicit: bool
    port: int
    web: bool
    whole: Finding | None
    rows: tuple[HostRow, ...]


@dataclass(frozen=True, slots=True)
class ClientTable:
    """What mail clients talk to, kind by kind."""

    columns: tuple[str, ...]
    kinds: tuple[ServiceRows, ...]

    @property
    def others(self) -> bool:
        return any(row.others is not None for kind in self.kinds for row in kind.rows)


@dataclass(frozen=True, slots=True)
class Led:
    """One way in which clients are led to services: a place for each column, None where it has no finding."""

    label: str
    findings: tuple[Finding | None, ...]


def mail_hosts(target: TargetAudit, texts: Texts) -> HostTable:
    """Every service address of the mail hosts that was to be examined, with the verdicts found there."""
    by_subject = _by_subject(f for f in target.findings if not _of_client(f.subject))
    present = dict.fromkeys(check for findings in by_subject.values() for check in findings)
    checks = sorted(present, key=texts.column_order)[:_MOST_COLUMNS]
    labels = _labels(target, texts)
    columns = [(check,) for check in checks]
    rows = (
        _row(subject, findings, columns, labels, negotiated=_negotiated(findings))
        for subject, findings in by_subject.items()
    )
    return HostTable(tuple(labels[check] for check in checks), tuple(rows))


def client_services(target: TargetAudit, texts: Texts, told: Iterable[Finding] = ()) -> ClientTable:
    """Every kind of service for mail clients that was looked for, TLS from the start first, and where it is.

    `told`: findings of other domains, which may say who names a service there.
    """
    by_kind: dict[str, dict[Subject, dict[str, Finding]]] = {}
    for subject, findings in _by_subject(f for f in target.findings if _of_client(f.subject)).items():
        by_kind.setdefault(str(subject.service), {})[subject] = findings
    wholes = {str(f.subject.service): f for f in target.findings if f.check == _OFFERED and f.subject.service}
    for finding in target.findings:
        if finding.check == _WEBMAIL and finding.subject.port is None:  # no address of it, and why
            wholes[_WEB] = finding
    naming: dict[str, list[Finding]] = {kind: [whole] for kind, whole in wholes.items()}
    for finding in told:
        if finding.check == _OFFERED and finding.subject.service:
            naming.setdefault(finding.subject.service, []).append(finding)
    found = [kind for kind in _in_order() if kind.name in by_kind or kind.name in wholes]
    present = {check for subjects in by_kind.values() for findings in subjects.values() for check in findings}
    columns = [(checks, label) for checks, label in _CLIENT_COLUMNS if present & set(checks)]
    labels = _labels(target, texts)
    heads = [texts.ui(label) if label else next(labels[c] for c in checks if c in present) for checks, label in columns]
    places = [checks for checks, _ in columns]
    kinds = (
        _service(
            kind,
            by_kind.get(kind.name, {}),
            wholes.get(kind.name),
            naming.get(kind.name, []),
            places,
            labels,
            texts,
        )
        for kind in found
    )
    return ClientTable(tuple(heads), tuple(kinds))


def led(target: TargetAudit, texts: Texts) -> tuple[Led, ...]:
    """SRV records, Autoconfig and Autodiscover; empty where none of their checks was made."""
    made = {finding.check: finding for finding in target.findings}
    ways = tuple(Led(texts.ui(label), tuple(made.get(check) for check in checks)) for label, checks in _LED)
    return ways if any(finding is not None for way in ways for finding in way.findings) else ()


def led_columns(texts: Texts) -> tuple[str, ...]:
    """The heads of the columns of `led`."""
    return (texts.ui("led_there"), *(texts.ui(label) for label in _LED_PROTOCOLS))


def _service(
    kind: ServiceKind,
    subjects: Mapping[Subject, dict[str, Finding]],
    whole: Finding | None,
    naming: Sequence[Finding],
    columns: Sequence[tuple[str, ...]],
    labels: Mapping[str, str],
    texts: Texts,
) -> ServiceRows:
    """A kind with its rows. What is said of the domain in place of addresses says the finding about the kind."""
    rows = (
        _row(subject, findings, columns, labels, sources=_sources(naming, subject, texts))
        for subject, findings in subjects.items()
        if subject.kind != "domain" or whole is None
    )
    label = texts.ui(_FAMILIES[kind.family])
    return ServiceRows(label, kind.implicit, kind.port, not kind.language, whole, tuple(rows))


def _sources(naming: Iterable[Finding], subject: Subject, texts: Texts) -> tuple[str, ...]:
    """Who names the service at that place, as the evidence tells it: `HOST:PORT (srv, autoconfig); ...`."""
    found: dict[str, None] = {}
    head = f"{subject.name}:{subject.port} ("
    for finding in naming:
        places = finding.evidence.get("places")
        told = places.split("; ") if isinstance(places, str) else []
        own = next((place for place in told if place.startswith(head) and place.endswith(")")), "")
        if own:
            found |= dict.fromkeys(own[len(head) : -1].split(", "))
    return tuple(texts.ui(_SOURCES[name]) if name in _SOURCES else name for name in found)


def _in_order() -> Sequence[ServiceKind]:
    """The kinds by protocol, TLS from the start first."""
    families = list(_FAMILIES)
    return sorted(CLIENT_KINDS, key=lambda kind: (families.index(kind.family), not kind.implicit))


def _of_client(subject: Subject) -> bool:
    return any(kind.name == subject.service for kind in CLIENT_KINDS)


def _by_subject(findings: Iterable[Finding]) -> dict[Subject, dict[str, Finding]]:
    by_subject: dict[Subject, dict[str, Finding]] = {}
    for finding in findings:
        if finding.subject.port is not None:
            by_subject.setdefault(finding.subject, {})[finding.check] = finding
    return by_subject


def _labels(target: TargetAudit, texts: Texts) -> dict[str, str]:
    return {finding.check: texts.column(finding.check) or short(name_of(finding)) for finding in target.findings}


def _row(
    subject: Subject,
    findings: Mapping[str, Finding],
    columns: Sequence[tuple[str, ...]],
    labels: Mapping[str, str],
    *,
    negotiated: str = "",
    sources: tuple[str, ...] = (),
) -> HostRow:
    shown = [next((check for check in checks if check in findings), None) for checks in columns]
    others = [finding for check, finding in findings.items() if check not in shown]
    return HostRow(
        subject,
        tuple(findings[check] if check is not None else None for check in shown),
        _others(others, labels),
        negotiated,
        sources,
    )


def _others(findings: Sequence[Finding], labels: Mapping[str, str]) -> Others | None:
    """The findings without a column in short. What stops the gate is never behind a worse verdict that does not."""
    found = sorted(findings, key=lambda finding: (not blocks(finding), rank(finding.verdict.value)))
    if not found:
        return None
    verdict = found[0].verdict
    worst = tuple((name_of(finding), labels[finding.check]) for finding in found if finding.verdict is verdict)
    return Others(verdict.value, worst, len(found))


def _negotiated(findings: Mapping[str, Finding]) -> str:
    """Version, suite and group of the connection, as the first check that tells them has it."""
    for check in ("tls.negotiated", "starttls.offered"):
        evidence = findings[check].evidence if check in findings else {}
        told = [str(evidence[key]) for key in ("version", "suite", "group") if isinstance(evidence.get(key), str)]
        if told:
            return " · ".join(told)
    return ""
