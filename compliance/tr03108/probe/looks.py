"""How often a service is looked at: facts against it are seen twice, blindness is given another chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from ..evaluate.spki import OTHER_KEY_TYPE, key_type
from ..model import ClientSession, Observation, Reason, SmtpSession

Session = TypeVar("Session", bound=SmtpSession | ClientSession)

MOST = 3  # ordinary connections to one service address for one question
_NOT_AGAIN = (Reason.UNREACHABLE, Reason.NOT_GLOBAL, Reason.BUDGET, Reason.VANTAGE, Reason.REJECTED)


def through_tls(observation: Observation[Session]) -> bool:
    """Whether this connection completed its handshake."""
    session = observation.value
    return session is not None and session.handshake is not None and session.handshake.ended == "completed"


def refused_our_groups(observation: Observation[Session]) -> bool:
    """Whether the handshake ended in the alert that a server sends which has no group in common with the hello."""
    handshake = observation.value.handshake if observation.value is not None else None
    return handshake is not None and handshake.ended == "alert" and handshake.alert in (40, 47, 71)


def came_to_tls(observation: Observation[Session]) -> bool:
    """Whether this connection came to a hello, whatever became of it."""
    return observation.value is not None and observation.value.handshake is not None


def answered_in_clear(observation: Observation[Session]) -> bool:
    """Whether the hello of this connection was answered by something that is no TLS."""
    handshake = observation.value.handshake if observation.value is not None else None
    return handshake is not None and handshake.ended == "garbage"


def other_key_type(observation: Observation[Session]) -> str | None:
    """The type of key that this connection's certificate does not have: "RSA" or "ECDSA".

    None without a certificate of one of the two types.
    """
    session = observation.value
    if session is None or session.handshake is None or not through_tls(observation) or not session.handshake.chain:
        return None
    return OTHER_KEY_TYPE.get(key_type(session.handshake.chain[0]) or "")


def answered_ehlo(observation: Observation[Session]) -> bool:
    """Whether this connection got as far as a reply to EHLO."""
    return observation.value is not None and observation.value.state != "connect"


def look_again(seen: Sequence[Observation[Session]]) -> bool:
    """Whether one more STARTTLS session is needed after those `seen`, oldest first."""
    last = seen[-1]
    if len(seen) >= MOST or any(through_tls(look) for look in seen):
        return False
    if last.failure is not None and last.failure.reason in _NOT_AGAIN:
        return False
    if len(seen) == 1:
        return True
    return _kind(seen[-2]) != _kind(last) or (last.failure is not None and last.failure.reason is not Reason.TIMEOUT)


def plain_again(seen: Sequence[Observation[Session]]) -> bool:
    """Whether the session in the clear is held once more: only after blindness that may pass, and only once."""
    last = seen[-1]
    return len(seen) == 1 and last.failure is not None and last.failure.reason not in _NOT_AGAIN


def _kind(look: Observation[Session]) -> tuple[str | None, ...]:
    """What makes two looks say the same."""
    if look.failure is not None:
        return ("unseen", look.failure.reason)
    session = look.value
    assert session is not None
    return (session.state, session.ended, session.handshake.ended if session.handshake is not None else None)
