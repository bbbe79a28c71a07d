"""How the lab's scripted TLS server answers a hello: its configuration, and the ready-made ones of tls_presets.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from tr03108.wire.tls import sslv2
from tr03108.wire.tls.names import GROUPS, SIGNATURE_SCHEMES, VERSIONS
from tr03108.wire.tls.suites import SUITES

# How a server turns a hello down: an alert of the fitting number, an alert of this number, or without a word.
Refusal = int | str
ALERT, CLOSE, RESET, SILENCE = "alert", "close", "reset", "silence"
REFUSALS = (ALERT, CLOSE, RESET, SILENCE)
IGNORE, WARN = "ignore", "warn"
RSA, ECDSA = "RSA", "ECDSA"


class HelloFault(StrEnum):
    """What breaks. The last three happen at `HelloConfig.fault_at`, the others wherever they belong."""

    WRONG_SIGNATURE = "wrong-signature"  # of ServerKeyExchange or CertificateVerify
    WRONG_FINISHED = "wrong-finished"
    SECOND_SERVER_HELLO = "second-server-hello"
    SECOND_RETRY = "second-retry"
    WRONG_LENGTHS = "wrong-lengths"  # the ServerHello's inner lengths point past its end
    TRUNCATED = "truncated"  # the ServerHello announces more than ever comes, then the connection closes
    UNOFFERED_SUITE = "unoffered-suite"
    NO_CERTIFICATES = "no-certificates"  # a Certificate message with an empty chain
    BROKEN_CERTIFICATE = "broken-certificate"  # octets that are no DER
    HUGE_CERTIFICATE = "huge-certificate"  # megabytes of chain
    FRAGMENTS = "fragments"  # records of one octet
    EMPTY_RECORDS = "empty-records"  # handshake records without content, without end
    ENDLESS = "endless"  # handshake messages without end
    GARBAGE = "garbage"  # no TLS at all
    SILENCE = "silence"
    RESET = "reset"
    CLOSE = "close"


class State(StrEnum):
    """Where a server can fall silent, reset or close: after it has read or sent this."""

    CLIENT_HELLO = "client-hello"
    RETRY = "retry"
    SERVER_HELLO = "server-hello"
    CERTIFICATE = "certificate"
    FLIGHT = "flight"  # ServerHelloDone, or the server's Finished
    FINISHED = "finished"  # the client's Finished


@dataclass(frozen=True, slots=True)
class HelloConfig:
    """What one server speaks and how it declines. Lists are code points in the server's order of preference.

    `suites` says by its keys ("SSLv2" to "TLSv1.3") which versions are spoken; `groups` and `schemes` are by version,
    the latter then by type of key ("RSA", "ECDSA"). Without a preference of its own the server takes the client's
    first. `insist_on_group`: a HelloRetryRequest rather than a group of lower preference. `keys` are those of its
    certificates, as `Pki.chain` names them. `dh_bits` is the length of the prime for DHE, `dh_bits_of` that for single
    suites (EXPORT suites have 512); with `ffdhe` the groups of RFC 7919 that the client offers decide.
    `compression` is chosen where it is offered. `tickets` are those of TLS 1.3; in earlier versions any number above 0
    announces one. `names` are the server names it knows (none: all): `unknown_name` and `without_name` are a Refusal
    or "ignore", the former also "warn". `longest_hello` in octets, `too_long` what happens beyond; the other Refusals
    show where they are not "ignore". `stumbles_over` are beginnings of the names of key exchanges that are chosen
    though the server lacks what they need (a prime), which it finds out too late. `refusal` is for all that is not
    agreed upon.
    """

    suites: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    groups: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    schemes: Mapping[str, Mapping[str, tuple[int, ...]]] = field(default_factory=dict)
    server_preference: bool = True
    group_preference: bool = True
    scheme_preference: bool = False
    insist_on_group: bool = False
    announce_groups: bool = False  # supported_groups in EncryptedExtensions
    keys: tuple[str, ...] = ("P-256",)
    dh_bits: int = 2048
    dh_bits_of: Mapping[int, int] = field(default_factory=dict)
    ffdhe: bool = False
    extended_master_secret: bool = True
    encrypt_then_mac: bool = True
    secure_renegotiation: bool = True
    truncated_hmac: bool = False
    heartbeat: bool = False
    compression: int = 0
    staple: bytes = b""  # an OCSP response
    tickets: int = 1
    early_data: int | None = None  # max_early_data_size
    request_certificate: bool = False
    cookie: bytes = b""  # of a HelloRetryRequest
    reuse_keys: bool = False
    names: tuple[str, ...] = ()
    unknown_name: Refusal = IGNORE
    without_name: Refusal = IGNORE
    longest_hello: int = 1 << 24
    too_long: Refusal = ALERT
    grease: Refusal = IGNORE  # on values of RFC 8701
    newer_version: Refusal = IGNORE  # on a version above its own, instead of a lower one
    empty_key_share: Refusal = IGNORE
    stumble: Refusal = IGNORE  # where it chose a suite of `stumbles_over`
    stumbles_over: tuple[str, ...] = ("DHE", "DH_anon")
    renegotiation: Refusal = WARN  # a client's second handshake; never accepted
    refusal: Refusal = ALERT
    fault: HelloFault | None = None
    fault_at: State = State.CLIENT_HELLO


def config(table: Mapping[str, Any]) -> HelloConfig:
    """A configuration from TOML: code points are written by their registered names, or as numbers.

    `suites`, `groups` and `schemes` are tables by version, or one list for all of `versions`; `schemes` are one list
    that is sorted by type of key here. Raises ValueError for what is not known.
    """
    given = dict(table)
    versions = tuple(given.pop("versions", ()) or given.get("suites", {}))
    unknown = sorted(set(versions) - set(VERSIONS.values()))
    if unknown:
        raise ValueError(f"versions {unknown} are not known")
    converted: dict[str, Any] = {}
    for key, code in (("suites", suite), ("groups", group), ("schemes", scheme)):
        lists = given.pop(key, ())
        by_version = lists if isinstance(lists, Mapping) else dict.fromkeys(versions, lists)
        converted[key] = {version: tuple(code(name) for name in names) for version, names in by_version.items()}
    converted["schemes"] = {version: by_key_type(codes) for version, codes in converted["schemes"].items()}
    converted["dh_bits_of"] = {suite(name): bits for name, bits in given.pop("dh_bits_of", {}).items()}
    for key, convert in _CONVERT.items():
        if key in given:
            converted[key] = convert(given.pop(key))
    known = {item.name for item in fields(HelloConfig)}
    if not set(given) <= known:
        raise ValueError(f"hellos: unknown keys {sorted(set(given) - known)}")
    result = HelloConfig(**converted, **given)
    for key in _REFUSALS:
        value = getattr(result, key)
        if isinstance(value, str) and value not in (*REFUSALS, *_REFUSALS[key]):
            raise ValueError(f"hellos: {key} = {value!r} is none of {', '.join((*REFUSALS, *_REFUSALS[key]))}")
    return result


def by_key_type(schemes: Iterable[int]) -> dict[str, tuple[int, ...]]:
    """Signature schemes sorted by the type of key that signs with them."""
    codes = tuple(schemes)
    return {kind: tuple(code for code in codes if scheme_key(code) == kind) for kind in (RSA, ECDSA)}


def scheme_key(code: int) -> str:
    """The type of key of a signature scheme: "RSA", "ECDSA" or "" for all others."""
    head = SIGNATURE_SCHEMES.get(code, "").partition("_")[0]
    return {"rsa": RSA, "ecdsa": ECDSA}.get(head, "")


@lru_cache(maxsize=1)
def presets() -> Mapping[str, HelloConfig]:
    """The configurations of tls_presets.toml by name. Raises ValueError, with the name, for what it cannot read."""
    text = Path(__file__).with_name("tls_presets.toml").read_text("utf-8")
    result = {}
    for name, table in tomllib.loads(text).items():
        try:
            result[name] = config(table)
        except (ValueError, TypeError) as error:
            raise ValueError(f"preset {name}: {error}") from error
    return result


def named(given: str | Mapping[str, Any]) -> HelloConfig:
    """What a scenario writes: the name of a preset, or a table (`preset` in it is a preset to start from)."""
    if isinstance(given, str):
        if given not in presets():
            raise ValueError(f"{given!r} is none of the presets {', '.join(presets())}")
        return presets()[given]
    text = Path(__file__).with_name("tls_presets.toml").read_text("utf-8")
    table = dict(given)
    base = table.pop("preset", None)
    if base is None:
        return config(table)
    if base not in presets():
        raise ValueError(f"{base!r} is none of the presets {', '.join(presets())}")
    return config({**tomllib.loads(text)[base], **table})


def suite(name: str | int) -> int:
    """The code point of a cipher suite, SSLv2's included."""
    return _code(name, _SUITE_CODES, "suite")


def group(name: str | int) -> int:
    """The code point of a group."""
    return _code(name, _GROUP_CODES, "group")


def scheme(name: str | int) -> int:
    """The code point of a signature scheme."""
    return _code(name, _SCHEME_CODES, "signature scheme")


def _code(name: str | int, known: Mapping[str, int], what: str) -> int:
    if isinstance(name, int):
        return name
    if name not in known:
        raise ValueError(f"{name!r} is no {what}")
    return known[name]


_SUITE_CODES = {name: code for table in (SUITES, sslv2.SUITES) for code, name in table.items()}
_GROUP_CODES = {name: code for code, name in GROUPS.items()}
_SCHEME_CODES = {name: code for code, name in SIGNATURE_SCHEMES.items()}
_CONVERT: Mapping[str, Callable[[Any], Any]] = {
    "keys": tuple,
    "names": tuple,
    "stumbles_over": tuple,
    "staple": bytes.fromhex,
    "cookie": bytes.fromhex,
    "fault": HelloFault,
    "fault_at": State,
}
# The keys that hold a Refusal, and what else each may say.
_REFUSALS: Mapping[str, tuple[str, ...]] = {
    "unknown_name": (IGNORE, WARN),
    "without_name": (IGNORE,),
    "too_long": (),
    "grease": (IGNORE,),
    "newer_version": (IGNORE,),
    "empty_key_share": (IGNORE,),
    "stumble": (IGNORE,),
    "renegotiation": (IGNORE, WARN),
    "refusal": (),
}
