"""The observations of a dossier by what they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from ..model import MAIL_SERVICE, Dossier, HelloExchange, Observation, ServiceKind
from .revocation import Revocations
from .starttls import Seen
from .tls.answers import answer_of, answers
from .tls.facts import TlsFacts
from .vantage import Reach, reach


class Observed:
    """Finds the observations of one dossier."""

    def __init__(self, dossier: Dossier) -> None:
        self.dossier = dossier

    def get(self, key: str) -> Observation[Any] | None:
        return self.dossier.observations.get(key)

    def numbered(self, prefix: str) -> list[Observation[Any]]:
        """The looks at one thing, oldest first: `prefix` and 1, 2, ..."""
        found: list[Observation[Any]] = []
        while (observation := self.get(f"{prefix}{len(found) + 1}")) is not None:
            found.append(observation)
        return found

    def tls(self, where: str, sessions: Sequence[Seen], *, hellos: bool = True) -> TlsFacts:
        """What a service accepts: from single hellos, and from the ordinary handshakes before them.

        `where` is HOST/ADDRESS/PORT. Without `hellos` the single ones are another service's.
        """
        ordinary = [
            answer_of("ordinary", look.time, look.value.handshake)
            for look in sessions
            if look.value is not None and look.value.handshake is not None
        ]
        return TlsFacts((*ordinary, *answers(self._hellos.get(where, {}) if hellos else {})))

    def reach(self, address: str, port: int, more: Sequence[Observation[Any]] = ()) -> Reach:
        """Whether silence of a service address is our vantage's matter. `more`: looks that are no ordinary sessions."""
        seen = self._reached
        if more:
            seen = {**seen, (address, port): [*seen.get((address, port), ()), *more]}
        return reach(address, port, seen, self.dossier.vantage)

    def sessions_at(self, kind: ServiceKind, address: str, port: int) -> tuple[Seen, ...]:
        """The ordinary sessions with one kind of service at an address and port, under whatever host name."""
        return tuple(seen for seen in self._reached.get((address, port), ()) if seen.key.startswith(_prefix(kind)))

    def others_at(self, kind: ServiceKind, address: str, port: int) -> tuple[Seen, ...]:
        """Those with services of other kinds that are named at the same address and port."""
        return tuple(seen for seen in self._reached.get((address, port), ()) if not seen.key.startswith(_prefix(kind)))

    @cached_property
    def revocations(self) -> Revocations:
        return Revocations(self.dossier.observations)

    @cached_property
    def _hellos(self) -> Mapping[str, dict[str, Observation[HelloExchange]]]:
        """All single hellos: by service address, then by question."""
        found: dict[str, dict[str, Observation[HelloExchange]]] = {}
        for key, observation in self.dossier.observations.items():
            if key.startswith("hello/"):
                where, _, question = key.removeprefix("hello/").rpartition("/")
                found.setdefault(where, {})[question] = observation
        return found

    @cached_property
    def _reached(self) -> Mapping[tuple[str, int], Sequence[Seen]]:
        """All ordinary sessions by address and port: the vantage is judged over the whole audit."""
        reached: dict[tuple[str, int], list[Seen]] = {}
        for key, observation in self.dossier.observations.items():
            if key.startswith(("smtp/", "client/")):
                address, port = key.rsplit("/", 3)[-3:-1]  # from the end: a host name may hold a slash
                reached.setdefault((address, int(port)), []).append(observation)
        return reached


def _prefix(kind: ServiceKind) -> str:
    return "smtp/" if kind is MAIL_SERVICE else f"client/{kind.name}/"
