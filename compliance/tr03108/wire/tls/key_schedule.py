"""The TLS 1.3 key schedule and record protection (RFC 8446 sections 5.2 and 7.1), on HMAC and AEAD of `cryptography`.

It lets a hello of ours be completed, so that what TLS 1.3 sends encrypted can be read: EncryptedExtensions, the
certificate, the signature in CertificateVerify, tickets. Nothing is ever hidden with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from .records import APPLICATION_DATA

Aead = AESGCM | AESCCM | ChaCha20Poly1305
_IV = 12


@dataclass(frozen=True, slots=True)
class SuiteKeys:
    """What a TLS 1.3 suite is made of: hash, key length in octets, AEAD and the octets of its tag."""

    hash: Callable[[], hashes.HashAlgorithm]
    key_length: int
    aead: Callable[[bytes], Aead]
    tag_length: int = 16


SUITE_KEYS: Mapping[int, SuiteKeys] = MappingProxyType(
    {
        0x1301: SuiteKeys(hashes.SHA256, 16, AESGCM),
        0x1302: SuiteKeys(hashes.SHA384, 32, AESGCM),
        0x1303: SuiteKeys(hashes.SHA256, 32, ChaCha20Poly1305),
        0x1304: SuiteKeys(hashes.SHA256, 16, AESCCM),
        0x1305: SuiteKeys(hashes.SHA256, 16, lambda key: AESCCM(key, tag_length=8), 8),
    }
)


class Protection:
    """The records of one direction under one traffic secret."""

    def __init__(self, keys: SuiteKeys, secret: bytes) -> None:
        self._aead = keys.aead(expand_label(keys, secret, b"key", b"", keys.key_length))
        self._tag = keys.tag_length
        self._iv = expand_label(keys, secret, b"iv", b"", _IV)
        self._number = 0

    def open(self, header: bytes, fragment: bytes) -> tuple[int, bytes] | None:
        """Content type and content of a protected record; None where it does not authenticate."""
        try:
            inner = self._aead.decrypt(self._nonce(), fragment, header).rstrip(b"\x00")
        except (InvalidTag, ValueError):
            return None
        return (inner[-1], inner[:-1]) if inner else None

    def seal(self, kind: int, content: bytes) -> bytes:
        """A protected record with its header; `content` is at most 16384 octets."""
        inner = content + bytes((kind,))
        header = bytes((APPLICATION_DATA, 3, 3)) + (len(inner) + self._tag).to_bytes(2, "big")
        return header + self._aead.encrypt(self._nonce(), inner, header)

    def _nonce(self) -> bytes:
        number = self._number.to_bytes(_IV, "big")
        self._number += 1
        return bytes(a ^ b for a, b in zip(self._iv, number, strict=True))


class KeySchedule:
    """The secrets of one connection without a pre-shared key."""

    def __init__(self, suite: int) -> None:
        """Raises KeyError for a suite that is none of TLS 1.3's five."""
        self.keys = SUITE_KEYS[suite]
        self._handshake = b""

    def handshake(self, shared: bytes, transcript: bytes) -> tuple[bytes, bytes]:
        """Client's and server's handshake traffic secret; `transcript` are the messages up to ServerHello."""
        length = self.keys.hash().digest_size
        early = self._extract(bytes(length), bytes(length))
        self._handshake = self._extract(self._derive(early, b"derived", b""), shared)
        return (
            self._derive(self._handshake, b"c hs traffic", transcript),
            self._derive(self._handshake, b"s hs traffic", transcript),
        )

    def application(self, transcript: bytes) -> tuple[bytes, bytes]:
        """Client's and server's application traffic secret; `transcript` ends with the server's Finished."""
        length = self.keys.hash().digest_size
        master = self._extract(self._derive(self._handshake, b"derived", b""), bytes(length))
        return self._derive(master, b"c ap traffic", transcript), self._derive(master, b"s ap traffic", transcript)

    def finished(self, secret: bytes, transcript: bytes) -> bytes:
        """The verify data of a Finished under a handshake traffic secret."""
        length = self.keys.hash().digest_size
        key = expand_label(self.keys, secret, b"finished", b"", length)
        return self._hmac(key, self.digest(transcript))

    def digest(self, transcript: bytes) -> bytes:
        """The transcript hash."""
        digest = hashes.Hash(self.keys.hash())
        digest.update(transcript)
        return digest.finalize()

    def _extract(self, salt: bytes, material: bytes) -> bytes:
        return self._hmac(salt, material)

    def _derive(self, secret: bytes, label: bytes, transcript: bytes) -> bytes:
        return expand_label(self.keys, secret, label, self.digest(transcript), self.keys.hash().digest_size)

    def _hmac(self, key: bytes, data: bytes) -> bytes:
        mac = HMAC(key, self.keys.hash())
        mac.update(data)
        return mac.finalize()


def expand_label(keys: SuiteKeys, secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """HKDF-Expand-Label (RFC 8446 section 7.1)."""
    full = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes((len(full),)) + full + bytes((len(context),)) + context
    return HKDFExpand(keys.hash(), length, info).derive(secret)
