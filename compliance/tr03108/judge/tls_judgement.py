"""Rates what a server accepts by the TLS policy and says what it means at the service: the worst of a list counts.

Pass only on proof: where something of the list is unknown that would be worse than all that is accepted, nothing is
decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..evaluate.services import Service
from ..evaluate.tls import priority
from ..evaluate.tls.facts import TlsFacts
from ..evaluate.tls.listings import MODERN, Item, Listing, name_of_suite
from ..model import MAIL_SERVICE, Outcome, ServiceKind
from ..norms.tls_rows import Minimum, Rating, ServiceClass, Thing, Tolerance
from .outcomes import Result, marginal, met, unmet, unseen
from .rules import Rules

_WORST_FIRST = (Outcome.UNMET, Outcome.MARGINAL, Outcome.MET)
_GRAVEST_FIRST = ("forbidden", "too-small", "unlisted", "expired", "listed")
_OURS = ("BUDGET_EXHAUSTED", "NOT_PROBED", "ADDRESS_NOT_GLOBAL")
_SHOWN = 200  # items of a list in the evidence, as many as evidence may have; `left_out` counts the rest

# The code for each way to fall short, one mapping for each kind of thing.
Codes = Mapping[str, str]  # by `Shortfall`
# Whether something better is chosen wherever the client offers it; None where that was not seen.
LowPriority = Callable[[Item], bool | None]


@dataclass(frozen=True, slots=True)
class Judged:
    """One item, its rating, and what that means here. `low_priority`: a listed one is always chosen before it."""

    item: Item
    rating: Rating
    tolerance: Tolerance | None
    low_priority: bool | None = None

    @property
    def outcome(self) -> Outcome:
        """The best that can be said of it: tolerated only where it is known to have low priority."""
        if self.tolerance is None:
            return Outcome.MET
        return self.tolerance.outcome_if(self.low_priority is True)

    def evidence(self) -> dict[str, object]:
        rating = self.rating
        until = None if rating.until_year is None else f"{rating.until_year}{'+' if rating.until_plus else ''}"
        return {
            "version": self.item.version,
            "name": self.item.name,
            "status": rating.status,
            "until": until,
            "source": rating.source,
            "outcome": self.outcome,
        }


def service_class(kind: ServiceKind) -> ServiceClass:
    """The class of services that the policy tells apart."""
    if kind is MAIL_SERVICE:
        return "mta"
    return "implicit" if kind.implicit else "upgrade"


class TlsJudgement:
    """The policy of the profile, applied to one service."""

    def __init__(self, service: Service, rules: Rules) -> None:
        self._rules = rules
        self._class = service_class(service.kind)
        self._year = rules.as_of.year

    def rate(self, thing: Thing, item: Item) -> Rating:
        """What the policy says of an item."""
        policy = self._rules.tls
        if thing == "version":
            return policy.version(item.name)
        if thing == "suite":
            return policy.suite(item.code or 0, item.version, self._year, name=item.name)
        if thing == "group":
            return policy.group(item.code, item.version, self._year, bits=item.bits, name=item.name)
        return policy.signature(item.code or 0, item.version, self._year, name=item.name)

    def judged(
        self, thing: Thing, items: Iterable[Item], low_priority: LowPriority | None = None
    ) -> tuple[Judged, ...]:
        """Each item with what it means here."""
        found = []
        for item in items:
            rating = self.rate(thing, item)
            tolerance = self._tolerance(thing, rating)
            low = low_priority(item) if low_priority is not None and tolerance is not None else None
            found.append(Judged(item, rating, tolerance, low))
        return tuple(found)

    def listed(self, thing: Thing, item: Item) -> bool:
        """Whether the policy recommends it, or did until its year ended."""
        return self.rate(thing, item).status in ("listed", "expired")

    def suite_priority(self, facts: TlsFacts, prefer: Callable[[Item], bool] | None = None) -> LowPriority:
        """Whether a listed suite, or one that `prefer` names, is always chosen before another one."""
        wanted = prefer or (lambda item: self.listed("suite", item))

        def better(version: str, code: int) -> bool:
            return wanted(Item(version, code, name_of_suite(code)))

        return lambda item: priority.suite_has_low_priority(facts, item, better)

    def version_priority(self, facts: TlsFacts) -> LowPriority:
        """Whether a listed version is always chosen before another one."""
        better = [name for name in MODERN if self.listed("version", Item(name, None, name))]
        return lambda item: priority.version_has_low_priority(facts, item, better)

    def result(
        self,
        thing: Thing,
        listing: Listing,
        codes: Codes,
        low_priority: LowPriority | None = None,
        **evidence: object,
    ) -> Result:
        """The worst of what is accepted; undecided where something unknown could be worse than that."""
        accepted = self.judged(thing, listing.accepted, low_priority)
        worst = min(accepted, key=lambda each: (_severity(each), self._may_be_low(each), _gravity(each)), default=None)
        outcome = worst.outcome if worst is not None else Outcome.MET
        shown = {"accepted": accepted[:_SHOWN], "editions": ", ".join(self._rules.tls.editions), **evidence}
        if len(accepted) > _SHOWN:
            shown["left_out"] = len(accepted) - _SHOWN
        if worst is not None and outcome is Outcome.UNMET and not self._may_be_low(worst):
            return unmet(self._code(worst, codes), **self._words(worst, accepted), **shown)
        doubtful = next((each for each in accepted if self._may_be_low(each)), None)
        if doubtful is not None:
            return unseen("PRIORITY_UNSEEN", thing=doubtful.item.text, **shown)
        unknown = [
            each for each in self.judged(thing, listing.unknown) if _possible(each) < _WORST_FIRST.index(outcome)
        ]
        if unknown:
            names = ", ".join(each.item.text for each in unknown[:5])
            code = listing.open_code
            reason = code if code in _OURS else "TLS_UNSEEN"
            return unseen(reason, because=code, thing=names, unknown=len(unknown), **shown)
        if worst is not None and outcome is Outcome.MARGINAL:
            low = worst.tolerance is not None and worst.tolerance.low_priority_only
            code = "TOLERATED_LOW_PRIORITY" if low else self._code(worst, codes)
            return marginal(code, **self._words(worst, accepted), **shown)
        return met(**shown)

    def missing(self, minimum: Minimum) -> Tolerance:
        """What it means that a minimum is not supported."""
        return self._rules.tls.missing(minimum, self._class)

    def minimums(self, kind: str, version: str | None = None) -> tuple[Minimum, ...]:
        """The minimums of servers that hold in the year of judgement."""
        return tuple(
            row
            for row in self._rules.tls.minimums_in(self._year)
            if row.kind == kind and row.role in ("server", "both") and version in (None, row.version)
        )

    def mac(self) -> Tolerance:
        """What a CBC suite without encrypt-then-MAC means."""
        return self._rules.tls.tolerance("mac", "unlisted", self._class)

    def _tolerance(self, thing: Thing, rating: Rating) -> Tolerance | None:
        if rating.shortfall is None:
            return None
        strict = self._rules.parameters.strict_groups
        return self._rules.tls.tolerance(thing, rating.shortfall, self._class, strict_groups=strict)

    @staticmethod
    def _may_be_low(judged: Judged) -> bool:
        """It would be tolerated at low priority, and nobody knows whether it has that."""
        return judged.tolerance is not None and judged.tolerance.low_priority_only and judged.low_priority is None

    @staticmethod
    def _code(judged: Judged, codes: Codes) -> str:
        shortfall = judged.rating.shortfall
        assert shortfall is not None
        return codes[shortfall]

    @staticmethod
    def _words(worst: Judged, accepted: Sequence[Judged]) -> dict[str, object]:
        alike = [each for each in accepted if each.outcome is worst.outcome]
        tolerance = worst.tolerance
        return {
            "thing": worst.item.text,
            "things": ", ".join(each.item.text for each in alike[:5]) + (", ..." if len(alike) > 5 else ""),
            "count": len(alike),
            "until": worst.rating.until_year,
            "reason": worst.rating.reason,
            "rule": worst.rating.source,
            "tolerance": tolerance.source if tolerance is not None else None,
            "note": tolerance.note if tolerance is not None else None,
        }


def _severity(judged: Judged) -> int:
    return _WORST_FIRST.index(judged.outcome)


def _gravity(judged: Judged) -> int:
    """Of things that mean the same here, the one to be named first."""
    return _GRAVEST_FIRST.index(judged.rating.status)


def _possible(judged: Judged) -> int:
    """How bad an unknown item would be if it were accepted: priority granted, for it is asked of what is accepted."""
    if judged.tolerance is None:
        return _WORST_FIRST.index(Outcome.MET)
    return _WORST_FIRST.index(judged.tolerance.outcome_if(True))
