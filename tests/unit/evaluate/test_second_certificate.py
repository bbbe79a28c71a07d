"""What the connection that asks for the other type of key shows: a certificate, that there is none, or nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tr03108.evaluate.second_certificate import second_certificate
from tr03108.evaluate.spki import key_type
from tr03108.model import Failure, Handshake, Observation, Reason, SmtpSession

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
Key = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | dsa.DSAPrivateKey
)


def certificate(key: Key) -> bytes:
    name = x509.Name([])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
    signer = ec.generate_private_key(ec.SECP256R1())
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.DER)


RSA = certificate(rsa.generate_private_key(65537, 2048))
ECDSA = certificate(ec.generate_private_key(ec.SECP256R1()))


def handshake(ended: str, chain: tuple[bytes, ...] = (), alert: int | None = None) -> Handshake:
    return Handshake("mx", {}, b"", b"", ended, None, None, None, chain, alert, None, 0.1)


def look(tls: Handshake | None, state: str = "handshake", ended: str = "closed") -> Observation[SmtpSession]:
    return Observation("k", NOW, SmtpSession("192.0.2.1:25", False, (), state, ended, tls), None)


def test_types_of_keys() -> None:
    assert (key_type(RSA), key_type(ECDSA)) == ("RSA", "ECDSA")
    for key in (ed25519.Ed25519PrivateKey.generate(), ed448.Ed448PrivateKey.generate()):
        assert key_type(certificate(key)) == "ECDSA"
    assert key_type(certificate(dsa.generate_private_key(1024))) is None
    for cut in range(0, len(RSA), 7):
        assert key_type(RSA[:cut]) is None


@pytest.mark.parametrize(
    ("seen", "code", "unseen"),
    [
        (look(handshake("completed", (RSA,))), "OK", False),
        (look(handshake("alert", alert=40)), "NONE", False),
        (look(handshake("alert", alert=71)), "NONE", False),
        (look(handshake("alert", alert=70)), "NOT_PROBED", True),  # TLS 1.2 is not spoken
        (look(handshake("alert", alert=80)), "STARTTLS_UNSEEN", True),
        (look(handshake("alert")), "STARTTLS_UNSEEN", True),
        (look(handshake("closed")), "STARTTLS_UNSEEN", True),
        (look(handshake("reset")), "STARTTLS_UNSEEN", True),
        (look(handshake("completed")), "STARTTLS_UNSEEN", True),  # without a certificate
        (look(None, "connect", "refused"), "PORT_REFUSED", True),
        (look(None, "quit", "done"), "SERVICE_ABORTED", True),
        (Observation("k", NOW, None, Failure(Reason.DEFERRED, "421")), "SERVICE_DEFERRED", True),
        (Observation("k", NOW, None, Failure(Reason.BUDGET, "used up")), "BUDGET_EXHAUSTED", True),
        (None, "NOT_PROBED", True),
    ],
)
def test_conclusion(seen: Observation[SmtpSession] | None, code: str, unseen: bool) -> None:
    found = second_certificate(handshake("completed", (ECDSA,)), seen)
    assert (found.code, found.unseen, found.key_type) == (code, unseen, "RSA")
    assert found.chain == ((RSA,) if code == "OK" else ())


def test_why_it_was_not_probed() -> None:
    first = handshake("completed", (RSA,))
    assert second_certificate(first, None).because == "NOT_PROBED"
    assert second_certificate(first, look(handshake("alert", alert=70))).because == "TLS12_NOT_SPOKEN"
    assert second_certificate(first, None).key_type == "ECDSA"


def test_without_a_first_certificate_of_a_known_type() -> None:
    assert second_certificate(None, None).code == "NOT_PROBED"
    assert second_certificate(handshake("completed"), None).code == "NOT_PROBED"
    other = certificate(dsa.generate_private_key(1024))
    assert second_certificate(handshake("completed", (other,)), None).code == "NONE"
