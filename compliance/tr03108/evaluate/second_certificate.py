"""The second certificate of a server that has one for each type of key, RSA and ECDSA (RFC 5246 section 7.4.2).

In TLS 1.2 the cipher suite says of which type the certificate must be, so a hello whose suites all need the other type
brings the second certificate to light, or shows that there is none. TLS 1.3 has no such suites. A refusal reaches as
far as the curves that were offered: a certificate on another one is refused with the same alert.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..model import Handshake
from .spki import OTHER_KEY_TYPE, key_type
from .starttls import Seen, blindness
from .tls.facts import TlsFacts

NO_SUCH_CERTIFICATE = (40, 71)  # alerts handshake_failure, insufficient_security (RFC 8446 section 6.2)
PROTOCOL_VERSION = 70


@dataclass(frozen=True, slots=True)
class SecondCertificate:
    """What is known of it.

    `code`: "OK" (`chain` is there), "NONE" (no certificate of `key_type` is served), or why nobody knows:
    "NOT_PROBED", or a code of our blindness. `key_type` is the type that was asked for, None where the first
    certificate is of no type that has another.
    """

    code: str
    key_type: str | None
    chain: tuple[bytes, ...] = ()
    detail: str = ""
    refused_version: bool = False  # TLS 1.2 is not spoken, which leaves this question open

    @property
    def because(self) -> str:
        """Why it was not probed, as a key of the phrases."""
        return "TLS12_NOT_SPOKEN" if self.refused_version else "NOT_PROBED"

    @property
    def seen(self) -> bool:
        return bool(self.chain)

    @property
    def unseen(self) -> bool:
        return self.code not in ("OK", "NONE")

    def evidence(self) -> Mapping[str, object]:
        return {"code": self.code, "key_type": self.key_type, "detail": self.detail}


def second_of(first: Handshake | None, facts: TlsFacts, look: Seen | None) -> SecondCertificate:
    """From single hellos where they were sent, else from the one connection that asked for the other type."""
    return second_of_facts(first, facts) if facts.asked else second_certificate(first, look)


def second_certificate(first: Handshake | None, look: Seen | None) -> SecondCertificate:
    """What the one connection that asked for the other type shows; `first` is the ordinary handshake."""
    if first is None or not first.chain:
        return SecondCertificate("NOT_PROBED", None, detail="there is no first certificate")
    wanted = OTHER_KEY_TYPE.get(key_type(first.chain[0]) or "")
    if wanted is None:
        return SecondCertificate("NONE", None, detail="the key is neither RSA nor ECDSA")
    if look is None:
        return SecondCertificate("NOT_PROBED", wanted, detail="not asked")
    session = look.value
    handshake = session.handshake if session is not None else None
    if handshake is None:
        code, detail = blindness(look)
        return SecondCertificate(code, wanted, detail=detail)
    if handshake.ended == "completed" and handshake.chain:
        return SecondCertificate("OK", wanted, handshake.chain)
    if handshake.ended == "alert" and handshake.alert in NO_SUCH_CERTIFICATE:
        return SecondCertificate("NONE", wanted, detail=handshake.error or "")
    if handshake.ended == "alert" and handshake.alert == PROTOCOL_VERSION:
        return SecondCertificate("NOT_PROBED", wanted, detail="TLS 1.2 is not spoken", refused_version=True)
    return SecondCertificate("STARTTLS_UNSEEN", wanted, detail=handshake.error or handshake.ended)


def second_of_facts(first: Handshake | None, facts: TlsFacts) -> SecondCertificate:
    """The same from single hellos: they offer every curve, and in TLS 1.3 the schemes of one type of key alone."""
    if first is None or not first.chain:
        return SecondCertificate("NOT_PROBED", None, detail="there is no first certificate")
    wanted = OTHER_KEY_TYPE.get(key_type(first.chain[0]) or "")
    if wanted is None:
        return SecondCertificate("NONE", None, detail="the key is neither RSA nor ECDSA")
    if wanted in facts.chains:
        return SecondCertificate("OK", wanted, facts.chains[wanted])
    # A server has the same certificates for both versions: one that refuses the type shows that it has none.
    for version in ("TLSv1.2", "TLSv1.3"):
        if facts.version(version) != "refused" and facts.lacks_certificate(version, wanted):
            return SecondCertificate("NONE", wanted, detail=f"refused in {version}")
    unclear = [answer for answer in facts.answers if answer.kind == "unclear"]
    return SecondCertificate(unclear[-1].code if unclear else "NOT_PROBED", wanted, detail="not asked, or no answer")
