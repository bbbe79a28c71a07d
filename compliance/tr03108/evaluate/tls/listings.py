"""What is accepted, item by item with its name, and what of the same kind nobody knows: ready to be rated."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ...wire.tls.code_points import (
    ALL_SUITES,
    FFDHE_GROUPS,
    GROUPS_TLS12,
    GROUPS_TLS13,
    SCHEMES_TLS12,
    TLS13_SUITES,
    authentication,
    forward_secret,
    is_cbc,
    uses_dhe,
    uses_ecdhe,
)
from ...wire.tls.names import SIGNATURE_SCHEMES, VERSIONS, group_name, suite_name
from .answers import Answer
from .facts import TlsFacts

MODERN = ("TLSv1.2", "TLSv1.3")
OLD = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1")
_NUMBERS = {name: number for number, name in VERSIONS.items()}


@dataclass(frozen=True, slots=True)
class Item:
    """One thing: a version (without code), suite, group or signature scheme. `bits`: size of a finite-field group."""

    version: str
    code: int | None
    name: str
    bits: int | None = None
    key: str = ""  # type of the certificate's key, of a signature scheme

    @property
    def text(self) -> str:
        return self.name if self.code is None and self.bits is None else f"{self.version} {self.name}"


@dataclass(frozen=True, slots=True)
class Listing:
    """Accepted and unknown items of one kind; `open` is an answer that should have told more."""

    accepted: tuple[Item, ...]
    unknown: tuple[Item, ...]
    open: Answer | None

    @property
    def open_code(self) -> str:
        """Why the unknown is unknown: the code of a blindness, or NOT_PROBED."""
        return self.open.code if self.open is not None and self.open.code else "NOT_PROBED"

    def __add__(self, other: Listing) -> Listing:
        return Listing(self.accepted + other.accepted, self.unknown + other.unknown, self.open or other.open)

    def only(self, wanted: Callable[[Item], bool]) -> Listing:
        """Those of its items that are wanted."""
        return Listing(tuple(filter(wanted, self.accepted)), tuple(filter(wanted, self.unknown)), self.open)


NOTHING = Listing((), (), None)


def versions(facts: TlsFacts, names: Iterable[str] = (*OLD, *MODERN)) -> Listing:
    """The protocol versions."""
    items = {name: Item(name, None, name) for name in names}
    unknown = tuple(item for name, item in items.items() if facts.version(name) == "unseen")
    opened = next((answer for item in unknown if (answer := facts.version_open(item.name)) is not None), None)
    return Listing(tuple(item for name, item in items.items() if facts.version(name) == "accepted"), unknown, opened)


def spoken(facts: TlsFacts) -> tuple[str, ...]:
    """TLS 1.2 and 1.3 as far as they are not refused; where both are, the older versions that are accepted."""
    modern = tuple(name for name in MODERN if facts.version(name) != "refused")
    return modern or tuple(name for name in OLD[1:] if facts.version(name) == "accepted")


def suites(facts: TlsFacts, version: str) -> Listing:
    """The cipher suites of a version."""
    found = facts.suites(version)
    every = TLS13_SUITES if version == "TLSv1.3" else ALL_SUITES
    return Listing(
        tuple(Item(version, code, suite_name(code)) for code in found.codes),
        tuple(Item(version, code, suite_name(code)) for code in found.unknown(every)),
        found.open,
    )


def orders(facts: TlsFacts) -> dict[str, str]:
    """Who decides in which order suites are chosen, "server" or "client", for each version where that was seen."""
    seen = {version: facts.server_order(version) for version in spoken(facts)}
    return {version: "server" if own else "client" for version, own in seen.items() if own is not None}


def groups(facts: TlsFacts, version: str) -> Listing:
    """The groups of a version, finite-field groups without a name by their size."""
    found = facts.groups(version)
    named = [Item(version, code, group_name(code)) for code in found.codes]
    named += [Item(version, None, f"{bits}-bit DH", bits) for bits in facts.own_dh_sizes(version)]
    unknown: tuple[Item, ...] = ()
    if version == "TLSv1.3":
        unknown = tuple(Item(version, code, group_name(code)) for code in found.unknown(GROUPS_TLS13))
    elif _may_use(facts, version, uses_ecdhe):
        unknown = tuple(Item(version, code, group_name(code)) for code in found.unknown(GROUPS_TLS12))
    if version == "TLSv1.2":
        sized, possible = any(name == version for name, _ in facts.dh_sizes), _may_use(facts, version, uses_dhe)
        if possible:
            unknown += tuple(Item(version, code, group_name(code)) for code in found.unknown(FFDHE_GROUPS))
        if _has_unseen_dhe(facts, version) or (possible and not sized):
            unknown += (Item(version, None, "DH", 0),)
    return Listing(tuple(named), unknown, found.open)


def schemes(facts: TlsFacts, version: str) -> Listing:
    """The signature schemes that the server used in handshakes of a version."""
    total = NOTHING
    for kind, legal in SCHEMES_TLS12.items():
        found = facts.schemes(version, kind)
        if not found.codes and kind not in facts.chains:
            continue
        total += Listing(
            tuple(Item(version, code, _scheme(code), key=kind) for code in found.codes),
            tuple(Item(version, code, _scheme(code), key=kind) for code in found.unknown(legal)),
            found.open,
        )
    return total


def item_of_suite(answer: Answer) -> Item:
    """The suite that an answer chose. Raises ValueError where it chose none."""
    if answer.version is None or answer.suite is None:
        raise ValueError(f"{answer.question}: no choice")
    return Item(answer.version, answer.suite, suite_name(answer.suite))


def name_of_suite(code: int) -> str:
    """The registered name of a suite."""
    return suite_name(code)


def is_forward_secret(item: Item) -> bool:
    """Whether a suite keeps earlier sessions secret when the server's key becomes known."""
    return item.code is not None and forward_secret(item.code, _NUMBERS[item.version])


def is_cbc_suite(item: Item) -> bool:
    """Whether a suite of TLS 1.2 and below encrypts with a block cipher in CBC mode."""
    return item.code is not None and is_cbc(item.code)


def is_finite_field(item: Item) -> bool:
    """Whether a group is one of a finite field, with or without a name, and no curve."""
    return item.code is None or item.code in FFDHE_GROUPS


def key_of(item: Item) -> str:
    """The type of key that a suite asks for."""
    return authentication(item.code) if item.code is not None else ""


def may_use_dhe(facts: TlsFacts) -> bool:
    """Whether a suite of TLS 1.2 with ephemeral finite-field keys is accepted, or might be."""
    return _may_use(facts, "TLSv1.2", uses_dhe)


def _has_unseen_dhe(facts: TlsFacts, version: str) -> bool:
    """Whether suites are open whose finite-field groups may be smaller than those seen: each may have its own."""
    possible = [code for code in ALL_SUITES if uses_dhe(code) and authentication(code) in ("RSA", "DSS", "anon")]
    refused = _refused_alone(facts, version)
    return any(code not in refused for code in facts.suites(version).unknown(possible))


def _may_use(facts: TlsFacts, version: str, uses: object) -> bool:
    """Whether some suite of a kind is accepted, or might be."""
    assert callable(uses)
    found = facts.suites(version)
    if any(uses(code) for code in found.codes):
        return True
    signed = [code for code in ALL_SUITES if uses(code) and authentication(code) in ("RSA", "ECDSA", "DSS")]
    refused = _refused_alone(facts, version)
    return any(code not in refused for code in found.unknown(signed))


def _refused_alone(facts: TlsFacts, version: str) -> set[int]:
    """Suites of refused hellos about one way of key exchange (mode "verdict")."""
    asked = [a for topic in ("dhe", "curious") for a in facts.about(topic, version) if a.kind == "refused"]
    return {suite for answer in asked if answer.offered is not None for suite in answer.offered.suites}


def _scheme(code: int) -> str:
    return SIGNATURE_SCHEMES.get(code, f"0x{code:04X}")
