"""What a configuration must accept, told by the libraries' own list commands and not by the code under test."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from interop.programs import run

TLS10, TLS11, TLS12, TLS13 = 0x0301, 0x0302, 0x0303, 0x0304
ALL_VERSIONS = (TLS10, TLS11, TLS12, TLS13)
VERSION_NAMES = {TLS10: "TLSv1", TLS11: "TLSv1.1", TLS12: "TLSv1.2", TLS13: "TLSv1.3"}  # of OpenSSL

# Names of OpenSSL, and below of GnuTLS, for numbers of IANA's "TLS Supported Groups".
OPENSSL_GROUPS: Mapping[str, int] = {
    "P-256": 23,
    "P-384": 24,
    "P-521": 25,
    "brainpoolP256r1": 26,
    "brainpoolP384r1": 27,
    "brainpoolP512r1": 28,
    "X25519": 29,
    "X448": 30,
    "secp256k1": 22,
    "prime256v1": 23,  # the short names, which Postfix uses
    "secp384r1": 24,
    "secp521r1": 25,
    "ffdhe2048": 256,
    "ffdhe3072": 257,
    "ffdhe4096": 258,
    "ffdhe6144": 259,
    "ffdhe8192": 260,
}
GNUTLS_GROUPS: Mapping[str, int] = {
    "GROUP-SECP192R1": 19,
    "GROUP-SECP224R1": 21,
    "GROUP-SECP256R1": 23,
    "GROUP-SECP384R1": 24,
    "GROUP-SECP521R1": 25,
    "GROUP-X25519": 29,
    "GROUP-X448": 30,
    "GROUP-FFDHE2048": 256,
    "GROUP-FFDHE3072": 257,
    "GROUP-FFDHE4096": 258,
    "GROUP-FFDHE6144": 259,
    "GROUP-FFDHE8192": 260,
}
BRAINPOOL_TLS12 = frozenset((26, 27, 28))  # for TLS 1.3 there are others, which OpenSSL 3.0 has not
FFDHE_BITS: Mapping[int, int] = {256: 2048, 257: 3072, 258: 4096, 259: 6144, 260: 8192}
FFDHE = frozenset(FFDHE_BITS)
AUTO_DH = 3072  # what OpenSSL and its users take for themselves beside an RSA key of 3072 bits, which all servers have
GNUTLS_VERSIONS: Mapping[str, int] = {"TLS1.0": TLS10, "TLS1.1": TLS11, "TLS1.2": TLS12, "TLS1.3": TLS13}

RSA, ECDSA = "RSA", "ECDSA"


@dataclass(frozen=True)
class Expected:
    """What a complete look at a server must find; a version without an entry in `suites` is refused.

    `groups` are those of ECDHE and, where the server negotiates them (RFC 7919), of finite-field DH. `dh_bits` is, for
    each suite with finite-field DH before TLS 1.3, the size of the server's prime if the client names no such group.
    `ordered`: the server's own order of suites decides, not the client's.
    """

    suites: Mapping[int, frozenset[int]]
    groups: Mapping[int, frozenset[int]]
    dh_bits: Mapping[int, int]
    ordered: bool
    certificates: frozenset[str]

    @property
    def versions(self) -> frozenset[int]:
        return frozenset(self.suites)


@dataclass(frozen=True)
class Suite:
    """A line of `openssl ciphers -V`."""

    code: int
    exchange: str
    authentication: str
    encryption: str


@functools.cache
def openssl_suites(ciphers: str, version: int, tls13: str | None) -> tuple[Suite, ...]:
    """The suites of one version that the system's OpenSSL supports of a cipher string."""
    option = {TLS10: "-tls1", TLS11: "-tls1_1", TLS12: "-tls1_2", TLS13: "-tls1_3"}[version]
    own = () if tls13 is None else ("-ciphersuites", tls13)
    listing = run("openssl", "ciphers", "-V", "-s", option, *own, ciphers)
    rows = re.findall(r"^\s*0x(\w\w),0x(\w\w) - .* Kx=(\S+) +Au=(\S+) +Enc=(\S+)", listing, re.M)
    assert len(rows) == len(listing.splitlines()), listing
    return tuple(Suite(int(high + low, 16), *names) for high, low, *names in rows)


@dataclass(frozen=True)
class OpenSslSettings:
    """What a server with OpenSSL is told, or its defaults: cipher string, security level, groups, DH, keys, order.

    `tls13` are its own TLS 1.3 suites and `signatures` its signature algorithms, None leaves OpenSSL's; nothing is
    expected of the latter. `dh` is the size of its DH prime, None if it has none.
    """

    versions: tuple[int, ...]
    ciphers: str
    level: int
    groups: tuple[str, ...]
    certificates: tuple[str, ...] = (RSA, ECDSA)
    dh: int | Literal["auto"] | None = None
    ordered: bool = False
    tls13: str | None = None
    signatures: str | None = None

    @property
    def cipher_string(self) -> str:
        return f"{self.ciphers}:@SECLEVEL={self.level}"

    def expected(self) -> Expected:
        """For OpenSSL 3.0. Its TLS 1.0 and 1.1 sign with MD5 and SHA-1, which it does at security level 0 only."""
        kinds = frozenset(self.certificates)
        served = [version for version in self.versions if version >= TLS12 or self.level == 0]
        suites = {version: list(filter(self._serves, self._suites(version))) for version in served}
        codes = frozenset(OPENSSL_GROUPS[group] for group in self.groups)
        # Before TLS 1.3 its DHE takes a prime of the server's and not the client's groups.
        shared = {version: codes - (BRAINPOOL_TLS12 if version == TLS13 else FFDHE) for version in served}
        finite = (suite for each in suites.values() for suite in each if suite.exchange == "DH")
        primes = {suite.code: self._prime(suite) for suite in finite}
        accepted = {version: frozenset(suite.code for suite in each) for version, each in suites.items()}
        return Expected(accepted, shared, primes, self.ordered, kinds)

    def _suites(self, version: int) -> tuple[Suite, ...]:
        return openssl_suites(self.cipher_string, version, self.tls13)

    def _serves(self, suite: Suite) -> bool:
        keyed = suite.authentication in {*self.certificates, "None", "any"}
        return keyed and (suite.exchange != "DH" or self.dh is not None)

    def _prime(self, suite: Suite) -> int:
        """SSL_CTX_set_dh_auto(3): as strong as the key; without a key as the cipher, where 80 bits do below AES-256."""
        assert self.dh is not None
        if self.dh != "auto":
            return self.dh
        return 1024 if suite.authentication == "None" and "(256)" not in suite.encryption else AUTO_DH


def of_gnutls(priority: str, *, certificates: Iterable[str], anonymous: bool) -> Expected:
    """The expectation for a server with GnuTLS; `anonymous`: it has credentials for the DH-anon suites."""
    kinds = frozenset(certificates)
    listing = run("gnutls-cli", "--list", "--priority", priority)
    protocols = set(_items(listing, "Protocols"))
    suites: dict[int, set[int]] = {v: set() for name, v in GNUTLS_VERSIONS.items() if f"VERS-{name}" in protocols}
    finite: set[int] = set()
    for name, high, low, least in re.findall(r"^(TLS_\w+)\s+0x(\w\w), 0x(\w\w)\s+(\S+)$", listing, re.M):
        first = GNUTLS_VERSIONS.get(least, TLS10)  # "SSL3.0" is before all that this library speaks
        last = TLS13 if first == TLS13 else TLS12
        if "_ANON_" in name:
            served = anonymous
        elif "PSK" in name or "SRP" in name:
            served = False
        else:
            served = first == TLS13 or (ECDSA if "_ECDSA_" in name else RSA) in kinds
        for version in suites:
            if served and first <= version <= last:
                suites[version].add(int(high + low, 16))
                if "_DHE_" in name or "_DH_" in name:
                    finite.add(int(high + low, 16))
    groups = [GNUTLS_GROUPS[group] for group in _items(listing, "Groups") if group in GNUTLS_GROUPS]
    first_prime = next(FFDHE_BITS[group] for group in groups if group in FFDHE)
    return Expected(
        {version: frozenset(codes) for version, codes in suites.items()},
        dict.fromkeys(suites, frozenset(groups)),
        dict.fromkeys(finite, first_prime),
        "%SERVER_PRECEDENCE" in priority,
        kinds,
    )


def _items(listing: str, title: str) -> list[str]:
    found = re.search(rf"^{title}: (.*)$", listing, re.M)
    assert found, listing
    return found[1].split(", ")
