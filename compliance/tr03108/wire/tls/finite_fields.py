"""The named finite-field groups of RFC 7919, recognised by their primes."""

from __future__ import annotations

from functools import lru_cache

# By length in bits: the code point, and the last constant in the formula of appendix A.
_NAMED = {2048: (256, 560316), 3072: (257, 2625351), 4096: (258, 5736041), 6144: (259, 15705020), 8192: (260, 10965728)}
_GUARD = 64  # bits below the point, so that no rounding reaches those above


def named_group(prime: bytes) -> int | None:
    """The code point of the group that has this prime; None for all others."""
    value = int.from_bytes(prime, "big")
    bits = value.bit_length()
    return _NAMED[bits][0] if bits in _NAMED and value == _prime(bits) else None


@lru_cache(maxsize=len(_NAMED))
def _prime(bits: int) -> int:
    """2^b - 2^(b-64) + ([2^(b-130) e] + X) * 2^64 - 1."""
    return (1 << bits) - (1 << (bits - 64)) + ((_euler(bits - 130) + _NAMED[bits][1]) << 64) - 1


def _euler(bits: int) -> int:
    """Euler's number with so many binary places, as an integer: the sum of the reciprocals of the factorials."""
    total, term, number = 0, 1 << (bits + _GUARD), 1
    while term:
        total += term
        term //= number
        number += 1
    return total >> _GUARD
