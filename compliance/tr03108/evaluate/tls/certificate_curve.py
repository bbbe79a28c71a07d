"""The named group that the key of a certificate is on."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric import ec

from ..pkix import load

_GROUPS: Mapping[str, int] = MappingProxyType(
    {
        "secp192r1": 19,
        "secp224r1": 21,
        "secp256k1": 22,
        "secp256r1": 23,
        "secp384r1": 24,
        "secp521r1": 25,
        "brainpoolP256r1": 26,
        "brainpoolP384r1": 27,
        "brainpoolP512r1": 28,
    }
)


def curve_of(certificate: bytes) -> int | None:
    """Its code point in TLS 1.2; None for other keys, other curves, and what cannot be read."""
    loaded = load(certificate)
    key = loaded.public_key() if loaded is not None else None
    return _GROUPS.get(key.curve.name) if isinstance(key, ec.EllipticCurvePublicKey) else None
