"""How often a mail server is looked at."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tr03108.model import ClientSession, Failure, Handshake, Observation, Reason, SmtpSession
from tr03108.probe.looks import answered_ehlo, look_again, other_key_type, plain_again, through_tls

NOW = datetime.now(UTC)


def fact(state: str = "ehlo", ended: str = "done", handshake: str | None = None) -> Observation[SmtpSession]:
    tls = None
    if handshake is not None:
        tls = Handshake(None, {}, b"", b"", handshake, None, None, None, (), None, None, 0.0)
    return Observation("k", NOW, SmtpSession("192.0.2.1:25", False, (), state, ended, tls), None)


def blind(reason: Reason) -> Observation[SmtpSession]:
    return Observation("k", NOW, None, Failure(reason, ""))


TLS = fact("quit", "done", "completed")
BROKEN_LATER = fact("ehlo-tls", "closed", "completed")
MISSING = fact()
REFUSED = fact("connect", "refused")
ALERT, SILENT = fact("handshake", "closed", "alert"), fact("handshake", "silent", "silent")
DEFERRED, TIMEOUT, ABORTED = (blind(r) for r in (Reason.DEFERRED, Reason.TIMEOUT, Reason.ABORTED))


@pytest.mark.parametrize(
    "seen",
    [
        [TLS],
        [BROKEN_LATER],
        [DEFERRED, TLS],
        [MISSING, MISSING],
        [REFUSED, REFUSED],
        [TIMEOUT, TIMEOUT],
        [MISSING, ALERT, SILENT],
        [DEFERRED, DEFERRED, DEFERRED],
        [blind(Reason.UNREACHABLE)],
        [blind(Reason.NOT_GLOBAL)],
        [blind(Reason.BUDGET)],
        [blind(Reason.VANTAGE)],
        [blind(Reason.REJECTED)],
        [MISSING, blind(Reason.BUDGET)],
    ],
)
def test_enough(seen: list[Observation[SmtpSession]]) -> None:
    assert not look_again(seen)


@pytest.mark.parametrize(
    "seen",
    [
        [MISSING],
        [REFUSED],
        [ALERT],
        [TIMEOUT],
        [ABORTED],
        [MISSING, REFUSED],
        [ALERT, SILENT],
        [MISSING, DEFERRED],
        [DEFERRED, MISSING],
        [DEFERRED, DEFERRED],
    ],
)
def test_once_more(seen: list[Observation[SmtpSession]]) -> None:
    assert look_again(seen)


def test_what_a_look_shows() -> None:
    assert through_tls(TLS)
    assert not through_tls(ALERT)
    assert answered_ehlo(MISSING)
    assert not answered_ehlo(REFUSED)
    assert not answered_ehlo(DEFERRED)


def test_the_session_in_the_clear_is_repeated_once_after_blindness() -> None:
    assert plain_again([DEFERRED])
    assert not plain_again([DEFERRED, DEFERRED])
    assert not plain_again([MISSING])
    assert not plain_again([blind(Reason.REJECTED)])


def test_no_second_certificate_is_asked_for_without_a_first() -> None:
    for seen in (TLS, BROKEN_LATER, MISSING, ALERT, DEFERRED):
        assert other_key_type(seen) is None


def test_sessions_with_clients_services_are_looked_at_alike() -> None:
    def client(look: Observation[SmtpSession]) -> Observation[ClientSession]:
        seen = look.value
        assert seen is not None
        value = ClientSession("imap", seen.connected_to, False, (), (), seen.state, seen.ended, seen.handshake)
        return Observation("k", NOW, value, None)

    assert through_tls(client(TLS))
    assert not look_again([client(TLS)])
    assert look_again([client(MISSING)])
    assert not look_again([client(MISSING), client(MISSING)])
    assert look_again([client(MISSING), client(ALERT)])
    assert answered_ehlo(client(MISSING))
