"""Key shares of a client: private keys on `cryptography`, public values on the wire (RFC 8446 section 4.2.8)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from . import ffdhe

CURVES: Mapping[int, type[ec.EllipticCurve]] = MappingProxyType(
    {
        23: ec.SECP256R1,
        24: ec.SECP384R1,
        25: ec.SECP521R1,
        31: ec.BrainpoolP256R1,
        32: ec.BrainpoolP384R1,
        33: ec.BrainpoolP512R1,
    }
)
X25519, X448 = 29, 30
_EXPONENT = 32  # octets; nothing is to stay secret here
SHAREABLE = (X25519, X448, *CURVES, *ffdhe.GROUPS)
_UNCOMPRESSED = b"\x04"


class KeyShare(Protocol):
    """One ephemeral key of a client."""

    @property
    def public(self) -> bytes:
        """The public value as key_share carries it."""
        ...

    def shared(self, peer: bytes) -> bytes:
        """The shared secret with the server's public value. Raises ValueError where that is none."""
        ...


def key_share(group: int) -> KeyShare:
    """A fresh key for a group of `SHAREABLE`. Raises ValueError for any other."""
    if group in CURVES:
        return _Curve(CURVES[group]())
    if group == X25519:
        return _X25519()
    if group == X448:
        return _X448()
    if group in ffdhe.GROUPS:
        return _FiniteField(ffdhe.prime(group))
    raise ValueError(f"no key share for group {group}")


class _Curve:
    def __init__(self, curve: ec.EllipticCurve) -> None:
        self._curve = curve
        self._key = ec.generate_private_key(curve)

    @property
    def public(self) -> bytes:
        return self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def shared(self, peer: bytes) -> bytes:
        if peer[:1] != _UNCOMPRESSED:  # the only form in TLS 1.3 (RFC 8446 section 4.2.8.2)
            raise ValueError("not an uncompressed point")
        return self._key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(self._curve, peer))


class _X25519:
    def __init__(self) -> None:
        self._key = x25519.X25519PrivateKey.generate()

    @property
    def public(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def shared(self, peer: bytes) -> bytes:
        return self._key.exchange(x25519.X25519PublicKey.from_public_bytes(peer))


class _X448:
    def __init__(self) -> None:
        self._key = x448.X448PrivateKey.generate()

    @property
    def public(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def shared(self, peer: bytes) -> bytes:
        return self._key.exchange(x448.X448PublicKey.from_public_bytes(peer))


class _FiniteField:
    """RFC 8446 section 4.2.8.1: values as long as the prime, generator 2."""

    def __init__(self, prime: int) -> None:
        self._prime = prime
        self._length = (prime.bit_length() + 7) // 8
        self._secret = int.from_bytes(os.urandom(_EXPONENT), "big") | 1 << (8 * _EXPONENT - 1)

    @property
    def public(self) -> bytes:
        return pow(2, self._secret, self._prime).to_bytes(self._length, "big")

    def shared(self, peer: bytes) -> bytes:
        value = int.from_bytes(peer, "big")
        if len(peer) != self._length or not 1 < value < self._prime - 1:
            raise ValueError("not a public value of this group")
        return pow(value, self._secret, self._prime).to_bytes(self._length, "big")
