"""Findings on services for mail clients, made by hand: some there, some not found, some with faults."""

from __future__ import annotations

from collections.abc import Iterator

from tr03108.model import Finding, Outcome, Subject

from .conftest import make_finding

DOMAIN = "example.org"
MAIL = ("192.0.2.3", "2001:db8::3")
PORTS = {
    "submission": 587, "submissions": 465, "imap": 143, "imaps": 993, "pop3": 110, "pop3s": 995, "sieve": 4190
}  # fmt: skip
IMPLICIT = ("submissions", "imaps")
UPGRADED = ("imap",)
MISSING = ("submission", "pop3", "pop3s", "sieve")
LED = {
    "srv": ("submissions", "imaps", "pop3s"),
    "autoconfig": ("offered", "submission", "imap", "pop3"),
    "autodiscover": ("offered", "submission", "imap", "pop3"),
}
_FIRST_CASE = {"srv": 21, "autoconfig": 17, "autodiscover": 13}


def kind_of(name: str) -> Subject:
    """The subject of a kind of service as a whole."""
    return Subject("domain", DOMAIN, None, PORTS[name], name)


def service_findings(host: str = f"mail.{DOMAIN}") -> Iterator[Finding]:
    """Submission and IMAP, IMAP by STARTTLS with a fault; nothing else; webmail at one address."""
    mx = Subject("service", f"mx1.{DOMAIN}", "192.0.2.1", 25, "smtp")
    yield make_finding("OK", Outcome.MET, check="starttls.offered", case="TR-03108-E-12", subject=mx)
    for name in (*IMPLICIT, *UPGRADED):
        places = f"{host}:{PORTS[name]} (srv, autoconfig); other.example.net:{PORTS[name]} (user)"
        yield offered(name, "OK", Outcome.MET, places=places)
        for address in MAIL:
            subject = Subject("service", host, address, PORTS[name], name)
            if name in UPGRADED:
                yield make_finding("STARTTLS_MISSING", check="starttls.offered", case="TR-03108-E-12", subject=subject)
                yield make_finding("OK", Outcome.MET, check="login.no-clear-text", case=None, subject=subject)
            yield make_finding("OK", Outcome.MET, check="certificate.pkix", case="TR-03108-E-05", subject=subject)
            yield make_finding("STAPLE_MISSING", check="tls.ocsp-stapling", case=None, subject=subject)
    for name in MISSING:
        yield offered(name, "SERVICE_NOT_FOUND", Outcome.ABSENT)
        yield make_finding(
            "SERVICE_NOT_FOUND", Outcome.ABSENT, check="certificate.pkix", case="TR-03108-E-05", subject=kind_of(name)
        )
    page = Subject("service", f"webmail.{DOMAIN}", "192.0.2.4", 443, "https")
    yield make_finding("WEBMAIL_PLAINTEXT", check="webmail.https-only", case=None, subject=page)


def offered(name: str, code: str, outcome: Outcome, **evidence: str) -> Finding:
    """What is said about a kind as a whole."""
    return make_finding(
        code, outcome, check="client-services.offered", case=None, subject=kind_of(name), evidence=evidence
    )


def led_findings() -> Iterator[Finding]:
    """Every check on how clients are led; that of SRV records for POP3 was not made."""
    for way, own in LED.items():
        for number, name in enumerate(own, _FIRST_CASE[way]):
            if name != "pop3s":
                yield make_finding(
                    "OK",
                    Outcome.MET,
                    check=f"{way}.{name}",
                    case=f"TR-03108-E-{number}",
                    subject=Subject("domain", DOMAIN),
                )
