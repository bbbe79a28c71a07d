"""The key `mta_sts` of a scenario: the record, and what each address of the policy host serves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tr03108.lab.pki import Variant
from tr03108.lab.policy_server import PolicyBehaviour, PolicyFault
from tr03108.lab.tables import build, exhausted, optional
from tr03108.lab.tls import TlsSettings


@dataclass(frozen=True, slots=True)
class PolicyPlace:
    """What answers at an address of the policy host."""

    behaviour: PolicyBehaviour
    certificate: Variant = Variant.GOOD
    tls: TlsSettings = field(default_factory=TlsSettings)

    @property
    def plain(self) -> bool:
        """Nothing in it needs a port of its own."""
        return self.behaviour.fault is None and not self.behaviour.raw and self.tls == TlsSettings()


@dataclass(frozen=True, slots=True)
class PolicyScenario:
    """MTA-STS: the TXT records, and the policy host (no `addresses`: no such host). `other` holds the addresses where
    something else is served than at the rest."""

    records: tuple[str, ...]
    addresses: tuple[str, ...]
    alias: str | None
    place: PolicyPlace
    other: Mapping[str, PolicyPlace]

    def at(self, address: str) -> PolicyPlace:
        return self.other.get(address, self.place)


class PolicyKeys:
    """Reads the key for one domain. `take` hands out addresses, `name` makes names absolute, `texts` fills them in."""

    def __init__(
        self,
        take: Callable[[str], str],
        name: Callable[[str], str],
        texts: Callable[[Iterable[str]], tuple[str, ...]],
        hosts: Iterable[str],
    ) -> None:
        self._take = take
        self._name = name
        self._texts = texts
        self._hosts = tuple(hosts)

    def read(self, given: Mapping[str, Any] | bool) -> PolicyScenario:
        """`given` as in scenarios.toml. Raises ValueError for unknown keys."""
        table: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {"records": [], "host": False}
        take = table.pop
        wishes = take("addresses", ["v4"]) if take("host", True) else []
        addresses = {wish: self._take(wish) for wish in wishes}
        alias = take("alias", None)
        other = {addresses[wish]: dict(entry) for wish, entry in take("other", {}).items()}
        records = self._texts(take("records", ["v=STSv1; id=20260101000000;"]))
        common = dict(table)
        return PolicyScenario(
            records=records,
            addresses=tuple(addresses.values()),
            alias=None if alias is None else self._name(alias),
            place=self._place(table),
            other={address: self._place({**common, **entry}) for address, entry in other.items()},
        )

    def _place(self, table: dict[str, Any]) -> PolicyPlace:
        take = table.pop
        patterns = self._texts(take("mx", self._hosts))
        lines = ["version: STSv1", f"mode: {take('mode', 'enforce')}", *(f"mx: {name}" for name in patterns)]
        lines.append(f"max_age: {take('max_age', 604800)}")
        (text,) = self._texts([take("text", "".join(f"{line}\r\n" for line in lines))])
        place = PolicyPlace(
            PolicyBehaviour(
                text,
                take("content_type", "text/plain"),
                optional(PolicyFault, take("fault", None)),
                tuple((name, value) for name, value in take("headers", [])),
                take("raw", ""),
            ),
            Variant(take("certificate", Variant.GOOD)),
            build(TlsSettings, take("tls", {})),
        )
        exhausted("mta_sts", table)
        return place
