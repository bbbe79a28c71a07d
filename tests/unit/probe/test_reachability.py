"""Addresses that DNS may name but nobody is to be made to contact."""

from __future__ import annotations

import pytest

from tr03108.probe.reachability import is_global


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2001:4860:4860::8888", "2a00::1", "::ffff:8.8.8.8", "2002:808:808::1", "64:ff9b::808:808"]
)
def test_global(address: str) -> None:
    assert is_global(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "192.0.2.1",
        "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fc00::1", "fd00::1", "ff02::1", "ff0e::1", "2001:db8::1", "2001::1", "4000::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::1", "2002:a00:1::1", "64:ff9b::7f00:1", "64:ff9b:1::1",
        "::127.0.0.1", "fe80::1%eth0", "2a00::1%eth0", "example.org", "",
    ],
)  # fmt: skip
def test_not_global(address: str) -> None:
    assert not is_global(address)
