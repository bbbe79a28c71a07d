"""Services of mail clients that mean harm, through the whole probe: bounded, the right reason, and never a pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from hostile.test_clients_probe import probed
from tr03108.catalogue import load_catalogue
from tr03108.evaluate.views import Views
from tr03108.judge import judge_target, load_checks
from tr03108.lab.client_server import ClientFault
from tr03108.model import SERVICE_KINDS, ClientSession, Dossier, Finding, Outcome, Verdict
from tr03108.profile import load_profile

UPGRADED = ("submission", "imap", "pop3", "sieve")
IMPLICIT = ("submissions", "imaps", "pop3s")
MOST = 70000  # octets of one dialogue that a dossier holds at most
BLIND = {
    ClientFault.GREETING_SILENT: "SERVICE_TIMEOUT",
    ClientFault.GREETING_ENDLESS: "SERVICE_TIMEOUT",
    ClientFault.GREETING_GARBAGE: "SERVICE_ABORTED",
    ClientFault.RESET_ON_CONNECT: "SERVICE_ABORTED",
    ClientFault.CAPABILITIES_CLOSE: "SERVICE_ABORTED",
    ClientFault.GREETING_BYE: "SERVICE_DEFERRED",
    ClientFault.GREETING_BYE_FOR_GOOD: "SERVICE_REJECTED",
}
OWN = ("client-services.offered", "login.no-clear-text", "starttls.no-injection")


def with_fault(folder: Path, fault: ClientFault, kinds: tuple[str, ...]) -> Dossier:
    """A domain all of whose services have the same fault; SRV records lead to each."""
    names = ", ".join(f'"{kind}"' for kind in kinds)
    faults = ", ".join(f'{kind} = "{fault}"' for kind in kinds)
    text = (
        f"clients = [{{ services = [{names}], faults = {{ {faults} }} }}]\nautoconfig = false\nautodiscover = false\n"
    )
    dossier = probed(folder, text, services=kinds, clear_text=True, deadline=60.0)
    for key, seen in dossier.observations.items():
        if key.startswith("client"):
            told = seen.value or seen.failure
            inside = told.inside if isinstance(told, ClientSession) else ()
            assert sum(len(line.data) for line in (*told.lines, *inside)) <= MOST, key
    return dossier


def findings(dossier: Dossier) -> tuple[Finding, ...]:
    """What is said of the services of clients."""
    catalogue = load_catalogue()
    profile = load_profile("tr-03108-2.0", catalogue)
    audit = judge_target(dossier, "", profile, catalogue, load_checks(), dossier.started, "should", ())
    return tuple(finding for finding in audit.findings if finding.subject.service in SERVICE_KINDS)


def codes(dossier: Dossier) -> dict[str, str]:
    return {
        service.kind.name: service.starttls.code for host in Views(dossier).clients.hosts for service in host.services
    }


def assert_blind(dossier: Dossier, kinds: tuple[str, ...]) -> None:
    """Nothing that stands on these services passes, and nothing fails: nobody saw anything."""
    found = [finding for finding in findings(dossier) if finding.subject.service in kinds]
    assert {finding.subject.service for finding in found} == set(kinds)
    outcomes = {(finding.check, finding.outcome) for finding in found}
    assert {outcome for _, outcome in outcomes} <= {Outcome.UNSEEN, Outcome.ABSENT}
    own = OWN if kinds[0] in UPGRADED else OWN[:1]
    assert {each for each in outcomes if each[0] in OWN} == {(check, Outcome.UNSEEN) for check in own}


@pytest.mark.parametrize("fault", BLIND)
def test_in_the_clear(tmp_path: Path, fault: ClientFault) -> None:
    kinds = UPGRADED[:3] if fault is ClientFault.CAPABILITIES_CLOSE else UPGRADED
    dossier = with_fault(tmp_path, fault, kinds)
    assert codes(dossier) == dict.fromkeys(kinds, BLIND[fault])
    assert_blind(dossier, kinds)


def test_literals_of_four_gigabytes(tmp_path: Path) -> None:
    """They are announced, not waited for."""
    kinds = ("imap", "sieve")
    dossier = with_fault(tmp_path, ClientFault.LITERAL_BOMB, kinds)
    for host in Views(dossier).clients.hosts:
        for service in host.services:
            assert (service.starttls.code, "literal" in service.starttls.detail) == ("SERVICE_ABORTED", True)
    assert_blind(dossier, kinds)


@pytest.mark.parametrize(
    ("fault", "code"),
    [(ClientFault.SILENT, "SERVICE_TIMEOUT"), (ClientFault.RESET_ON_CONNECT, "SERVICE_ABORTED")],
)
def test_before_tls(tmp_path: Path, fault: ClientFault, code: str) -> None:
    dossier = with_fault(tmp_path, fault, IMPLICIT)
    assert codes(dossier) == dict.fromkeys(IMPLICIT, code)
    assert_blind(dossier, IMPLICIT)


@pytest.mark.parametrize(
    "fault",
    [ClientFault.GREETING_SILENT, ClientFault.GREETING_ENDLESS, ClientFault.GREETING_GARBAGE, ClientFault.LITERAL_BOMB],
)
def test_inside_tls(tmp_path: Path, fault: ClientFault) -> None:
    """What is said inside TLS changes nothing of TLS, and keeps nobody there."""
    kinds = ("imaps",) if fault is ClientFault.LITERAL_BOMB else IMPLICIT
    dossier = with_fault(tmp_path, fault, kinds)
    assert codes(dossier) == dict.fromkeys(kinds, "OK")


def test_facts_that_fail(tmp_path: Path) -> None:
    """Who talks in the clear where TLS belongs was seen to do so."""
    dossier = with_fault(tmp_path, ClientFault.CLEARTEXT, IMPLICIT)
    assert codes(dossier) == dict.fromkeys(IMPLICIT, "TLS_GARBAGE")
    seen = [finding for finding in findings(dossier) if finding.code != "NOT_PROBED"]  # services that were left out
    offered = [finding.verdict for finding in seen if finding.check == "client-services.offered"]
    assert offered == [Verdict.FAIL] * len(IMPLICIT)
