"""The named finite-field groups (RFC 7919 appendix A), computed from their definition."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

# Code point -> length of the prime in bits, and the X of its definition.
_DEFINITIONS: Mapping[int, tuple[int, int]] = MappingProxyType(
    {
        256: (2048, 560316),
        257: (3072, 2625351),
        258: (4096, 5736041),
        259: (6144, 15705020),
        260: (8192, 10965728),
    }
)
GROUPS: tuple[int, ...] = tuple(_DEFINITIONS)


@cache
def prime(group: int) -> int:
    """p = 2^b - 2^(b-64) + (floor(2^(b-130) e) + X) 2^64 - 1. Raises KeyError for other groups."""
    bits, offset = _DEFINITIONS[group]
    return (1 << bits) - (1 << (bits - 64)) + ((_e(bits - 130) + offset) << 64) - 1


def named(value: bytes) -> int | None:
    """The code point of the group with this prime; None for any other."""
    number = int.from_bytes(value, "big")
    sizes = {bits: group for group, (bits, _) in _DEFINITIONS.items()}
    group = sizes.get(number.bit_length())
    return group if group is not None and prime(group) == number else None


def _e(bits: int) -> int:
    """floor(2^bits e): the sum of 2^bits / k!, with guard bits against the rounding of each term."""
    guard = 64
    term = total = 1 << (bits + guard)
    divisor = 1
    while term:
        term //= divisor
        total += term
        divisor += 1
    return total >> guard
