"""The secrets of TLS 1.2 (RFC 5246 sections 5, 6.3 and 8, RFC 7627), for suites with an AEAD."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hmac import HMAC

from tr03108.lab.tls_hello_choice import Choice
from tr03108.lab.tls_hello_records import AeadProtection
from tr03108.wire.tls.key_share import KeyShare
from tr03108.wire.tls.reader import Reader
from tr03108.wire.tls.server_messages import TLS12
from tr03108.wire.tls.suites import SUITES

_MASTER = 48
_VERIFY = 12
# The end of a suite's name: key length, octets of the salt, the AEAD, its tag.
_Aead = Callable[[bytes], AESGCM | AESCCM | ChaCha20Poly1305]
_AEADS: tuple[tuple[str, int, int, _Aead, int], ...] = (
    ("_AES_128_GCM_", 16, 4, AESGCM, 16),
    ("_AES_256_GCM_", 32, 4, AESGCM, 16),
    ("_AES_128_CCM_8", 16, 4, lambda key: AESCCM(key, 8), 8),
    ("_AES_256_CCM_8", 32, 4, lambda key: AESCCM(key, 8), 8),
    ("_AES_128_CCM", 16, 4, AESCCM, 16),
    ("_AES_256_CCM", 32, 4, AESCCM, 16),
    ("_CHACHA20_POLY1305_", 32, 12, ChaCha20Poly1305, 16),
)


@dataclass(frozen=True, slots=True)
class Secrets:
    """The master secret of one connection and what is made of it. `randoms` are the client's and the server's."""

    choice: Choice
    randoms: bytes
    master: bytes

    def protections(self) -> tuple[AeadProtection, AeadProtection]:
        """Client's and server's. Raises KeyError for a suite without an AEAD."""
        _, key, salt, aead, tag = _aead(self.choice)
        seed = self.randoms[32:] + self.randoms[:32]
        block = Reader(_prf(self.choice, self.master, b"key expansion", seed, 2 * (key + salt)))
        keys = [block.take(key) or b"", block.take(key) or b""]
        client, server = (AeadProtection(aead(secret), block.take(salt) or b"", tag) for secret in keys)
        return client, server

    def finished(self, label: bytes, transcript: bytes) -> bytes:
        """The verify data of a Finished."""
        return _prf(self.choice, self.master, label, _digest(self.choice, transcript), _VERIFY)


def can_finish(choice: Choice) -> bool:
    """Whether this handshake can be brought to its end here."""
    known = any(choice.exchange.startswith(kind) for kind in ("ECDH_anon", "DH_anon", "ECDHE_", "DHE_"))
    usable = (known or choice.exchange == "RSA") and not choice.exchange.endswith("_PSK")
    return choice.version == TLS12 and usable and any(row[0] in SUITES.get(choice.suite, "") for row in _AEADS)


def secrets(choice: Choice, key: KeyShare | None, exchange: bytes, randoms: bytes, extended: bytes | None) -> Secrets:
    """The secrets from the body of a ClientKeyExchange; `extended` is the transcript where both want RFC 7627.

    Raises ValueError where the client's value is none.
    """
    reader = Reader(exchange)
    if choice.exchange == "RSA":
        assert choice.chain is not None
        assert isinstance(choice.chain.key, rsa.RSAPrivateKey)
        premaster = choice.chain.key.decrypt(reader.vector(2) or b"", padding.PKCS1v15())
    elif key is None:
        raise ValueError("no key of ours")
    elif choice.prime:
        premaster = key.shared(reader.vector(2) or b"").lstrip(b"\x00")  # RFC 5246 section 8.1.2
    else:
        premaster = key.shared(reader.vector(1) or b"")
    if extended is not None:
        label, seed = b"extended master secret", _digest(choice, extended)
    else:
        label, seed = b"master secret", randoms
    return Secrets(choice, randoms, _prf(choice, premaster, label, seed, _MASTER))


def _aead(choice: Choice) -> tuple[str, int, int, _Aead, int]:
    name = SUITES.get(choice.suite, "")
    found = next((row for row in _AEADS if row[0] in name), None)
    if found is None:
        raise KeyError(name)
    return found


def _hash(choice: Choice) -> hashes.HashAlgorithm:
    return hashes.SHA384() if SUITES.get(choice.suite, "").endswith("SHA384") else hashes.SHA256()


def _digest(choice: Choice, data: bytes) -> bytes:
    digest = hashes.Hash(_hash(choice))
    digest.update(data)
    return digest.finalize()


def _prf(choice: Choice, secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    result, link = b"", label + seed
    while len(result) < length:
        link = _hmac(choice, secret, link)
        result += _hmac(choice, secret, link + label + seed)
    return result[:length]


def _hmac(choice: Choice, secret: bytes, data: bytes) -> bytes:
    mac = HMAC(secret, _hash(choice))
    mac.update(data)
    return mac.finalize()
