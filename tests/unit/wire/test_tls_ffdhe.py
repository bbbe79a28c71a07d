"""The primes of RFC 7919, against the formulae as the lab writes them and the digits of the RFC."""

from __future__ import annotations

import pytest

from tr03108.lab.tls_hello_keys import FFDHE, dh_prime, ffdhe_prime
from tr03108.wire.tls.ffdhe import named as named_group


@pytest.mark.parametrize(("code", "bits"), FFDHE.items())
def test_named_groups_are_known_by_their_primes(code: int, bits: int) -> None:
    prime = ffdhe_prime(bits)
    assert f"{prime:X}".startswith("FFFFFFFFFFFFFFFFADF85458A2BB4A9AAFDC5620273D3CF1")
    assert named_group(prime.to_bytes(bits // 8, "big")) == code
    assert named_group((prime - 2).to_bytes(bits // 8, "big")) is None


def test_other_primes_are_not_named() -> None:
    assert named_group(dh_prime(2048).to_bytes(256, "big")) is None
    assert named_group(b"") is None
