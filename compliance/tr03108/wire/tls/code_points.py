"""The code points that a hello of each version may offer, and what a cipher suite's name says of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .names import GROUPS, suite_name
from .server_messages import TLS13, exchange_of
from .suites import PRIVATE_SUITES, SUITES

_SIGNALS = frozenset({0x0000, 0x00FF, 0x5600})  # nothing at all, RFC 5746, RFC 7507: no server may choose them

# RFC 8446 appendix B.4, RFC 8998, 9150, 9367 and the AEGIS registrations: suites that say nothing of the key exchange.
TLS13_SUITES: tuple[int, ...] = (
    *range(0x1301, 0x1308),
    0x00C6,
    0x00C7,
    0xC0B4,
    0xC0B5,
    *range(0xC103, 0xC107),
)
# In the order of their numbers, without regard to strength.
ALL_SUITES: tuple[int, ...] = tuple(sorted({*SUITES, *PRIVATE_SUITES} - {*TLS13_SUITES} - _SIGNALS))

# RFC 8422, 7027. Not 31 to 33, which RFC 8734 has for TLS 1.3 only; GC256A... belong to GOST suites (RFC 9189).
GROUPS_TLS12: tuple[int, ...] = tuple(range(1, 31))
FFDHE_GROUPS: tuple[int, ...] = tuple(range(256, 261))
# RFC 8446 section 4.2.7 leaves three curves of the older ones, and RFC 8734 replaces 26 to 28.
GROUPS_TLS13: tuple[int, ...] = tuple(
    code for code in GROUPS if code in (23, 24, 25) or (code > 28 and code not in (0xFF01, 0xFF02))
)

# By the kind of key that signs. The schemes of RFC 8734 are for TLS 1.3 only: there are servers that refuse a TLS 1.2
# hello because of them. RFC 8446 section 4.2.3 brought RSA-PSS to TLS 1.2, RFC 8422 the Edwards curves to ECDSA suites.
SCHEMES_TLS12: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "RSA": (
            *(0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B),
            *(0x0401, 0x0501, 0x0601, 0x0301, 0x0201, 0x0101),
        ),
        "ECDSA": (0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0303, 0x0203, 0x0103),
        "DSS": (0x0402, 0x0502, 0x0602, 0x0302, 0x0202, 0x0102),
    }
)
# PKCS#1 v1.5 and SHA-1 come last: RFC 8446 section 4.2.3 keeps them for certificates, so a hello may name them, and a
# server that signs its handshake with one is found out.
SCHEMES_TLS13: tuple[int, ...] = (
    *(0x0403, 0x0503, 0x0603, 0x081A, 0x081B, 0x081C),
    *(0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B),
    *(0x0807, 0x0808, 0x0904, 0x0905, 0x0906),
    *range(0x0708, 0x0710),
    *(0x0401, 0x0501, 0x0601, 0x0203, 0x0201),
)


def authentication(suite: int) -> str:
    """What the server proves itself with: the kind of its certificate's key, or what stands in its place.

    "RSA", "DSS", "ECDSA" (also for ECDH_RSA, where RSA signed a certificate with a curve's key), "DH" of a static
    Diffie-Hellman key, "GOST", "anon", "PSK" (with RSA_PSK), "SRP", "KRB5", "ECCPWD". Empty for suites of TLS 1.3,
    which leave it open, and for unknown ones.
    """
    parts = _exchange(suite).split("_")
    if suite in TLS13_SUITES or not parts[0]:
        return ""
    for word in ("anon", "PSK", "SRP", "KRB5", "ECCPWD"):
        if word in parts:
            return word
    if parts[0].startswith("GOST"):
        return "GOST"
    if parts[0] in ("DH", "ECDH"):
        return "ECDSA" if parts[0] == "ECDH" else "DH"
    return next((word for word in ("RSA", "DSS", "ECDSA") if word in parts), "")


def schemes_of(kind: str) -> tuple[int, ...]:
    """The schemes that a hello of TLS 1.3 may name for a type of key: "RSA" or "ECDSA", Edwards curves included."""
    brainpool = (0x081A, 0x081B, 0x081C) if kind == "ECDSA" else ()
    return tuple(code for code in SCHEMES_TLS13 if code in (*SCHEMES_TLS12[kind], *brainpool))


def is_cbc(suite: int) -> bool:
    """Whether a block cipher in CBC mode encrypts, so that encrypt-then-MAC matters (RFC 7366)."""
    return "_CBC_" in suite_name(suite)


def uses_ecdhe(suite: int) -> bool:
    """Whether a suite of TLS 1.2 and below agrees on keys by ephemeral elliptic curves, anonymous ones included."""
    return suite not in TLS13_SUITES and _exchange(suite).startswith(("ECDHE", "ECDH_anon"))


def uses_dhe(suite: int) -> bool:
    """Whether a suite of TLS 1.2 and below agrees on keys by ephemeral finite-field groups, anonymous ones included."""
    exchange = _exchange(suite)
    return suite not in TLS13_SUITES and (exchange.startswith(("DHE", "DH_anon")) or exchange == "PSK_DHE")


def forward_secret(suite: int, version: int) -> bool:
    """Whether an authenticated session stays secret when the server's key becomes known later.

    In TLS 1.3 always: a hello of ours never resumes by a pre-shared key alone.
    """
    if version >= TLS13:
        return True
    return (uses_ecdhe(suite) or uses_dhe(suite)) and authentication(suite) != "anon"


def _exchange(suite: int) -> str:
    return exchange_of(suite_name(suite))
