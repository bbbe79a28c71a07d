"""Hellos as the questions of a survey need them: everything is offered but what the question is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ..wire.tls.client_hello import STATUS_REQUEST, ClientHello
from ..wire.tls.code_points import (
    ALL_SUITES,
    GROUPS_TLS12,
    GROUPS_TLS13,
    SCHEMES_TLS12,
    SCHEMES_TLS13,
    TLS13_SUITES,
    uses_ecdhe,
)
from ..wire.tls.names import Extension
from ..wire.tls.reader import Extensions

NUMBERS = {"SSLv3": 0x0300, "TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
LEGACY = ("SSLv3", "TLSv1", "TLSv1.1")
TLS12_SCHEMES = tuple(dict.fromkeys(code for codes in SCHEMES_TLS12.values() for code in codes))
# RFC 8446 section 4.2.3: the schemes of signature_algorithms_cert are about certificates, for which PKCS#1 is in use.
CERTIFICATE_SCHEMES = tuple(dict.fromkeys((*SCHEMES_TLS13, *TLS12_SCHEMES)))
PSK_MODES = (Extension.PSK_KEY_EXCHANGE_MODES, b"\x01\x01")  # psk_dhe_ke: without it no tickets are sent
# Grease values of RFC 8701: unknown to everybody, to be ignored by everybody.
GREASE = 0x4A4A
CURIOUS: Extensions = ((Extension.TRUNCATED_HMAC, b""), (Extension.HEARTBEAT, b"\x01"))
DEFLATE_OR_NONE = (1, 0)
FALLBACK_SCSV = 0x5600  # RFC 7507
_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?\Z")
_USUAL: Extensions = (
    (Extension.ENCRYPT_THEN_MAC, b""),
    (Extension.EXTENDED_MASTER_SECRET, b""),
    (Extension.SESSION_TICKET, b""),
    (Extension.STATUS_REQUEST, STATUS_REQUEST),
    (Extension.RENEGOTIATION_INFO, b"\x00"),
)


class Hellos:
    """Makes hellos for one server name."""

    def __init__(self, host: str) -> None:
        """`host` becomes the server name (SNI) where it can be one (RFC 6066 section 3)."""
        self.server_name = host if _HOST_NAME.match(host) else None

    def old(
        self,
        version: str,
        suites: Sequence[int] = ALL_SUITES,
        *,
        groups: Sequence[int] | None = GROUPS_TLS12,
        schemes: Sequence[int] = TLS12_SCHEMES,
        extras: Extensions = _USUAL,
    ) -> ClientHello:
        """A hello of TLS 1.2 or below. SSLv3 knows no extensions, TLS 1.1 no signature schemes."""
        number = NUMBERS[version]
        if number == NUMBERS["SSLv3"]:
            return ClientHello(number, tuple(suites), b"")
        with_groups = groups is not None and any(uses_ecdhe(suite) or _static_curve(suite) for suite in suites)
        return ClientHello(
            number,
            tuple(suites),
            b"",
            server_name=self.server_name,
            groups=tuple(groups or ()) if with_groups else None,
            schemes=tuple(schemes) if number >= NUMBERS["TLSv1.2"] else None,
            extras=extras,
        )

    def new(
        self,
        suites: Sequence[int] = TLS13_SUITES,
        *,
        groups: Sequence[int] = GROUPS_TLS13,
        schemes: Sequence[int] = SCHEMES_TLS13,
    ) -> ClientHello:
        """A hello of TLS 1.3 without a key: a server that takes a group asks for it (HelloRetryRequest)."""
        return ClientHello(
            NUMBERS["TLSv1.2"],
            tuple(suites),
            b"",
            server_name=self.server_name,
            versions=(NUMBERS["TLSv1.3"],),
            groups=tuple(groups),
            schemes=tuple(schemes),
            certificate_schemes=CERTIFICATE_SCHEMES,
            key_shares=(),
            extras=((Extension.STATUS_REQUEST, STATUS_REQUEST), PSK_MODES),
        )

    def every_version(self, versions: Sequence[str], suites: Sequence[int]) -> ClientHello:
        """A hello that lets the server choose among versions, in the order given."""
        return replace(
            self.new(suites),
            versions=tuple(NUMBERS[version] for version in versions),
            groups=tuple(dict.fromkeys((*GROUPS_TLS12, *GROUPS_TLS13))),
            schemes=CERTIFICATE_SCHEMES,
            extras=(*_USUAL, PSK_MODES),
        )

    def ffdhe(self, suites: Sequence[int], groups: Sequence[int]) -> ClientHello:
        """TLS 1.2 with finite-field suites and named groups of RFC 7919."""
        return replace(self.old("TLSv1.2", suites), groups=tuple(groups))


def curious(hello: ClientHello) -> ClientHello:
    """The hello with features that had better not be taken up: truncated HMAC, heartbeat, compression."""
    return replace(hello, compressions=DEFLATE_OR_NONE, extras=hello.extras + CURIOUS)


def greased(hello: ClientHello) -> ClientHello:
    """The hello with an unknown value in each list (RFC 8701)."""
    return replace(
        hello,
        suites=(GREASE, *hello.suites),
        groups=None if hello.groups is None else (GREASE, *hello.groups),
        schemes=None if hello.schemes is None else (GREASE, *hello.schemes),
        versions=None if hello.versions is None else (GREASE, *hello.versions),
        extras=((GREASE, b""), *hello.extras),
    )


def _static_curve(suite: int) -> bool:
    return 0xC001 <= suite <= 0xC019 or suite in range(0xC025, 0xC033)
