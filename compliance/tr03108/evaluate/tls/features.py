"""What a server makes of single features: resumption, 0-RTT, server names, stapling, and things it should not know.

Each function answers one question from the facts of a service address; where no hello asked it the answer says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, PublicKeyAlgorithmOID

from ...model import Observation, Renegotiation
from ...wire.tls.ffdhe import named
from ...wire.tls.names import VERSIONS, Extension, group_name
from ..pkix import load
from ..starttls import FAILURE_CODES
from .answers import Answer
from .certificate_curve import curve_of
from .facts import TlsFacts

HEARTBEAT = int(Extension.HEARTBEAT)
_INAPPROPRIATE_FALLBACK = 86  # RFC 7507
_LONG = 256  # octets; some old servers and firewalls give up on longer hellos
# Schemes that a key of one kind only can have (RFC 8446 section 4.2.3, RFC 8734): the curve of the key.
_CURVE_OF_SCHEME = {0x0403: 23, 0x0503: 24, 0x0603: 25, 0x081A: 26, 0x081B: 27, 0x081C: 28}
_PSS_KEY_SCHEMES = (0x0809, 0x080A, 0x080B)
_NUMBERS = {name: number for number, name in VERSIONS.items()}


@dataclass(frozen=True, slots=True)
class Tickets:
    """Whether TLS 1.2 and 1.3 give session tickets (None: not seen), the longest lifetime, the most early data."""

    tls12: bool | None
    tls13: bool | None
    lifetime: int | None
    early_data: int


@dataclass(frozen=True, slots=True)
class Named:
    """What a hello without the right server name brought: `kind` is "same", "other", "refused" or "unseen"."""

    kind: str
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Attempted:
    """One attempt of ours: whether it was accepted; None with the code of what kept us from seeing it."""

    accepted: bool | None
    code: str
    detail: str


def single(facts: TlsFacts, question: str) -> Answer | None:
    """The answer to one question; None where it was not asked."""
    return next((answer for answer in facts.answers if answer.question == question), None)


def tickets(facts: TlsFacts) -> Tickets:
    """Of TLS 1.3 they come after a completed handshake, of TLS 1.2 the ServerHello announces them (RFC 5077)."""
    complete = completed(facts)
    early = [ticket.early_data or 0 for answer in complete for ticket in answer.tickets]
    lifetimes = [ticket.lifetime for answer in facts.chosen for ticket in answer.tickets]
    given = any(answer.tickets for answer in complete)
    return Tickets(
        facts.granted(Extension.SESSION_TICKET),
        given if given or any(answer.heard_out for answer in complete) else None,
        max(lifetimes, default=None),
        max(early, default=0),
    )


def gives_session_ids(facts: TlsFacts) -> bool | None:
    """Whether TLS 1.2 names its sessions so that they could be resumed (RFC 5246 section 7.4.1.3); None: not seen.

    A hello that asks for a ticket may be answered without an ID for that reason (RFC 5077 section 3.4).
    """
    seen = [a for a in facts.in_version("TLSv1.2") if a.hello is not None]
    if any(a.hello is not None and a.hello.session_id for a in seen):
        return True
    return False if any(a.echoed(Extension.SESSION_TICKET) is None for a in seen) else None


def completed(facts: TlsFacts) -> tuple[Answer, ...]:
    """Handshakes of TLS 1.3 that went through to both Finished, with all that the server encrypts."""
    return tuple(a for a in facts.in_version("TLSv1.3") if a.completed and a.encrypted is not None)


def key_exchanges(facts: TlsFacts) -> int:
    """How many exchanges one group was used for: the number for the group that was used most."""
    used = Counter((answer.version, answer.group, answer.dh_bits) for answer in facts.chosen if answer.public)
    return max(used.values(), default=0)


def secure_renegotiation(facts: TlsFacts) -> bool | None:
    """Whether every handshake of TLS 1.2 was bound against injected beginnings (RFC 5746); None: never asked."""
    return facts.granted(Extension.RENEGOTIATION_INFO)


def heartbeat(facts: TlsFacts) -> Answer | None:
    """An answer that agreed to heartbeats (RFC 6520)."""
    return facts.ever_granted(Extension.HEARTBEAT)


def heartbeat_offered(facts: TlsFacts) -> bool:
    """Whether an answered hello offered heartbeats."""
    return facts.was_offered(Extension.HEARTBEAT)


def renegotiation(seen: Observation[Renegotiation] | None) -> Attempted:
    """What became of the attempt to renegotiate. Whoever goes on as if nothing had been said refuses, too."""
    if seen is None:
        return Attempted(None, "NOT_PROBED", "")
    if seen.value is None:
        assert seen.failure is not None
        return Attempted(None, FAILURE_CODES[seen.failure.reason], seen.failure.detail)
    ended = seen.value.ended
    if ended == "accepted":
        return Attempted(True, "", seen.value.detail)
    if ended in ("alert", "closed", "reset", "ignored"):
        return Attempted(False, "", ended if seen.value.alert is None else f"{ended} {seen.value.alert}")
    return Attempted(None, "SERVICE_TIMEOUT" if ended == "silent" else "TLS_UNREADABLE", seen.value.detail)


def compression_offered(facts: TlsFacts) -> bool:
    """Whether an answered hello offered to compress."""
    return any(answer.offered is not None and any(answer.offered.compressions) for answer in facts.chosen)


def staple_seen(facts: TlsFacts) -> Answer | None:
    """An answer with an OCSP response."""
    return next((answer for answer in facts.chosen if answer.staple), None)


def staple_asked(facts: TlsFacts) -> bool:
    """Whether a hello asked for an OCSP response and the server showed a certificate in answer."""
    return any(
        answer.offered is not None
        and any(kind == Extension.STATUS_REQUEST for kind, _ in answer.offered.extras)
        and bool(answer.chain)
        for answer in facts.chosen
    )


def ocsp_responders(facts: TlsFacts) -> tuple[str, ...]:
    """The OCSP responders that the server's certificates name (RFC 5280 section 4.2.2.1)."""
    return tuple(dict.fromkeys(url for chain in facts.chains.values() for url in _responders(chain[0])))


def scheme_fits(scheme: int, certificate: bytes) -> bool:
    """Whether a key like this can sign by a scheme of TLS 1.3."""
    loaded = load(certificate)
    if loaded is None:
        return False
    pss_only = loaded.public_key_algorithm_oid == PublicKeyAlgorithmOID.RSASSA_PSS
    if scheme in _CURVE_OF_SCHEME:
        return curve_of(certificate) == _CURVE_OF_SCHEME[scheme]
    rsa = pss_only or loaded.public_key_algorithm_oid == PublicKeyAlgorithmOID.RSAES_PKCS1_v1_5
    return rsa and pss_only == (scheme in _PSS_KEY_SCHEMES)


def without_name(facts: TlsFacts) -> Named:
    """What a client gets that names no server."""
    return _named(facts, "sni.none")


def with_wrong_name(facts: TlsFacts) -> Named:
    """What a client gets that names a server nobody knows."""
    return _named(facts, "sni.wrong")


def intolerance(facts: TlsFacts) -> tuple[str, Answer] | None:
    """ "GREASE" or "LONG_HELLO" and the hello that was turned down, where the server takes others like it."""
    for answer in facts.about("grease"):
        if _turned_down(answer):
            return "GREASE", answer
    for answer in facts.about("versions"):
        version = next((name for name in _NUMBERS if answer.question == f"versions.{name}"), None)
        spoken = version is not None and facts.in_version(version)
        if spoken and _turned_down(answer) and len(answer.offered.encode() if answer.offered else b"") > _LONG:
            return "LONG_HELLO", answer
    return None


def tolerated(facts: TlsFacts) -> tuple[str, ...]:
    """The versions in which unknown values were ignored."""
    return tuple(answer.version for answer in facts.about("grease") if answer.chosen and answer.version)


def fallback(facts: TlsFacts) -> tuple[str, Answer | None]:
    """ "prevented", "ignored", "unseen" or "not-asked": a retry with TLS 1.2 that says it is one (RFC 7507)."""
    answer = single(facts, "fallback.TLSv1.2")
    if answer is None:
        return "not-asked", None
    if answer.chosen:
        return "ignored", answer
    prevented = answer.kind == "refused" and (answer.alert is None or answer.alert == _INAPPROPRIATE_FALLBACK)
    return "prevented" if prevented else "unseen", answer


def finite_field(facts: TlsFacts) -> tuple[str, Answer | None]:
    """ "named" (with the group in the answer), "own", "unseen" or "not-asked": DHE with the groups of RFC 7919."""
    found = facts.about("ffdhe", "TLSv1.2")
    if not found:
        return "not-asked", None
    answer = next((each for each in found if each.chosen and each.exchange and each.exchange.prime), None)
    if answer is None or answer.exchange is None:
        return "unseen", found[0]
    code = named(answer.exchange.prime)
    offered = (answer.offered.groups or ()) if answer.offered is not None else ()
    return "named" if code is not None and code in offered else "own", answer


def finite_field_name(answer: Answer) -> str:
    """The name of the finite-field group of an answer, or its size."""
    code = named(answer.exchange.prime) if answer.exchange is not None else None
    return group_name(code) if code is not None else f"{answer.dh_bits}-bit DH"


def hybrids(codes: Iterable[int]) -> tuple[str, ...]:
    """The names of the groups that withstand quantum computers, as far as is known."""
    return tuple(name for code in codes if any(word in (name := group_name(code)) for word in ("MLKEM", "Kyber")))


def _named(facts: TlsFacts, question: str) -> Named:
    answer = single(facts, question)
    if answer is None or answer.kind == "unclear":
        return Named("refused" if answer is not None and _name_refused(answer) else "unseen", answer)
    if not answer.chosen:
        return Named("refused", answer)
    known = {chain[0] for chain in facts.chains.values() if chain}
    if not answer.chain:
        return Named("unseen", answer)
    return Named("same" if answer.chain[0] in known else "other", answer)


def _name_refused(answer: Answer) -> bool:
    return answer.alert == 112  # unrecognized_name, RFC 6066 section 3


def _turned_down(answer: Answer) -> bool:
    """A refusal, or an alert of any kind: in these questions it can only be about the hello."""
    return answer.kind == "refused" or (answer.kind == "unclear" and answer.code == "TLS_ALERT" and answer.alert != 80)


def _responders(certificate: bytes) -> tuple[str, ...]:
    loaded = load(certificate)
    if loaded is None:
        return ()
    try:
        access = loaded.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(
        str(each.access_location.value)
        for each in access
        if each.access_method == AuthorityInformationAccessOID.OCSP
        and isinstance(each.access_location, x509.UniformResourceIdentifier)
    )
