"""Mode "verdict": as few hellos as tell the sets of the plan apart, from the worst down until none is accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ..evaluate.tls.answers import Answer
from ..wire.tls.code_points import FFDHE_GROUPS, SCHEMES_TLS12, authentication, schemes_of, uses_dhe, uses_ecdhe
from .hellos import NUMBERS
from .survey import (
    ECDHE,
    PROTOCOL_VERSION,
    SHARES,
    Make,
    Survey,
    ephemeral,
    group_of,
    index_of,
    scheme_of,
    signed_by,
    suite_of,
    together,
)

LONGEST = 24  # hellos to tell an order; listed are about twenty suites with forward secrecy


class VerdictSurvey(Survey):
    """Asks what is needed to decide: where a list is as bad already as it can be, no more is asked of it."""

    async def run(self) -> None:
        tls13 = await self._speaks_tls13()
        if tls13:
            await self._complete_tls13()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hello("versions.SSLv2", None))
            group.create_task(self._old_versions())
            group.create_task(self._tls12_and_lists(tls13))

    async def _complete_tls13(self) -> None:
        """Without a key of ours first: only a server that bears that refuses other hellos for what they offer."""
        answer = await self._complete("complete.TLSv1.3", self._hellos.new())
        if not answer.chosen:
            self._shares = True
            await self._complete("complete.TLSv1.3.shares", self._hellos.new(), SHARES[1:])

    async def _tls12_and_lists(self, tls13: bool) -> None:
        """What is asked in TLS 1.2, unless that version is refused as such."""
        first = await self._first_alone()
        tls12 = first is None or first.alert != PROTOCOL_VERSION
        if not tls12:  # there are servers that say so of suites and groups, too
            tls12 = (await self._old_version("TLSv1.2")).version == "TLSv1.2"
        async with asyncio.TaskGroup() as group:
            group.create_task(self._suites(tls12, tls13))
            group.create_task(self._groups(tls12, tls13))
            if tls12:
                group.create_task(self._alone(first))
                group.create_task(self._features())
            group.create_task(self._other_certificate(tls12, tls13))
        if tls12 and not self._tls12_answered:
            await self._old_version("TLSv1.2")  # with everything: now it shows whether the version is spoken at all

    async def _old_versions(self) -> None:
        """One hello of TLS 1.1: who speaks only older ones answers with those, and who says so speaks none of them."""
        newest = await self._old_version("TLSv1.1")
        if not newest.chosen and newest.alert != PROTOCOL_VERSION:
            await asyncio.gather(self._old_version("TLSv1"), self._old_version("SSLv3"))

    async def _speaks_tls13(self) -> bool:
        """Known from the ordinary handshake, where that offered TLS 1.3; else asked."""
        first = self._ordinary if self._ordinary is not None and self._ordinary.chosen else None
        if first is not None and first.offered is not None and NUMBERS["TLSv1.3"] in (first.offered.versions or ()):
            return first.version == "TLSv1.3"
        return (await self._tls13_version()).chosen

    async def _suites(self, tls12: bool, tls13: bool) -> None:
        worst: int | None = None
        if tls12:
            sets = self._sets.suites.get("TLSv1.2", ())
            worst = await self._ladder("suites.TLSv1.2", sets, self._old12, suite_of)
            if worst is not None:
                await self._ends(sets[worst], sets[-1])
        if tls13 and worst != 0:
            sets = self._sets.suites.get("TLSv1.3", ())
            await self._ladder("suites.TLSv1.3", sets, self._hellos.new, suite_of, below=worst)

    async def _ends(self, worst: Sequence[int], best: Sequence[int]) -> None:
        """The worst before the best, again without what was chosen of the best, until one of the worst comes."""
        rest, number = list(best), 1
        while number <= LONGEST:
            answer = await self._hello(f"order.ends.TLSv1.2.{number}", self._old12((*worst, *rest)))
            if answer.suite not in rest:
                if rest and self._chosen.isdisjoint(rest):  # is there any of the best that was passed over?
                    await self._hello("suites.TLSv1.2.best", self._old12(rest))
                return
            rest.remove(answer.suite)
            number += 1

    async def _groups(self, tls12: bool, tls13: bool) -> None:
        worst: int | None = None
        if tls13:
            sets = self._sets.groups.get("TLSv1.3", ())
            worst = await self._ladder("groups.TLSv1.3", sets, lambda g: self._hellos.new(groups=g), group_of)
        if tls12 and worst != 0:
            sets = self._sets.groups.get("TLSv1.2", ())
            make: Make = lambda groups: self._old12(ECDHE, groups=groups)  # noqa: E731
            worst = await self._ladder("groups.TLSv1.2", sets, make, group_of, below=worst)
            await self._beside_own_curve(sets[:-1] if worst is None else sets[:worst], make)

    async def _beside_own_curve(self, sets: Sequence[Sequence[int]], make: Make) -> None:
        """The sets once more, where the server may have had no certificate to show without the curve of its key."""
        own, number = self._own_curve(), 1
        while own is not None and (pool := [group for group in together(sets) if group != own]):
            answer = await self._hello(f"groups.TLSv1.2.own{number}.beside", make((*pool, own)))
            found = index_of(answer.group, sets)
            if found is None:
                return
            sets, number = sets[:found], number + 1

    async def _first_alone(self) -> Answer | None:
        """The first single group, with the suites that are asked for together and the worst schemes first.

        One hello then tells three things, as long as the server goes along; where not, they are asked apart.
        """
        codes, asked = self._sets.alone.get("TLSv1.2", ()), self._sets.together.get("TLSv1.2", ())
        if not codes or not asked:
            return None
        return await self._group_alone(codes[0], asked, schemes=together(self._sets.schemes.get("TLSv1.2", ())))

    async def _alone(self, first: Answer | None) -> None:
        kind = self._own_kind() or "RSA"
        codes = self._sets.alone.get("TLSv1.2", ())
        ecdhe = [suite for suite in self._best("TLSv1.2") if uses_ecdhe(suite)]
        if first is not None and not first.chosen:
            await self._hello("suites.TLSv1.2.together", self._old12(self._sets.together["TLSv1.2"]))
            await self._group_alone(codes[0], ecdhe, ".wide")
        for code in codes[1:] if first is not None else codes:
            await self._group_alone(code, ecdhe)
        seen = first.scheme if first is not None and first.chosen else None
        await self._schemes(kind, index_of(seen, self._scheme_sets(kind)[:-1]))

    async def _group_alone(
        self, code: int, suites: Sequence[int], end: str = "", schemes: Sequence[int] | None = None
    ) -> Answer:
        """One group; where only an ECDSA certificate answers, once more beside the curve of its key (RFC 8422 5.1)."""
        name = f"alone.TLSv1.2.{code}{end}"
        answer = await self._hello(name, self._old12(suites, groups=(code,), schemes=schemes))
        own = self._own_curve()
        if answer.chosen or own is None or own == code:
            return answer
        return await self._hello(f"{name}.beside", self._old12(suites, groups=(code, own), schemes=schemes))

    async def _schemes(self, kind: str, below: int | None = None) -> None:
        make: Make = lambda codes: self._old12(ephemeral(kind), schemes=codes)  # noqa: E731
        worst = await self._ladder(f"schemes.TLSv1.2.{kind}", self._scheme_sets(kind), make, scheme_of, below=below)
        required = [code for code in self._sets.signed.get("TLSv1.2", ()) if code in SCHEMES_TLS12.get(kind, ())]
        if worst != 0 and required and not self._used.intersection(required):
            await self._hello(f"schemes.TLSv1.2.{kind}.required", make(required))

    def _scheme_sets(self, kind: str) -> tuple[tuple[int, ...], ...]:
        """The plan's sets, with the schemes of one type of key alone; the last one may be empty."""
        legal = SCHEMES_TLS12.get(kind, ())
        sets = [tuple(c for c in each if c in legal) for each in self._sets.schemes.get("TLSv1.2", ((),))]
        return (*(each for each in sets[:-1] if each), sets[-1])

    async def _other_certificate(self, tls12: bool, tls13: bool) -> None:
        kind = {"RSA": "ECDSA", "ECDSA": "RSA"}.get(self._own_kind() or "")
        if kind is None:
            return
        if tls12:
            found = await self._hello(f"certificate.TLSv1.2.{kind}", self._old12(signed_by(kind)))
            if found.chosen:
                await self._schemes(kind)
        elif tls13:
            await self._complete(f"certificate.TLSv1.3.{kind}", self._hellos.new(schemes=schemes_of(kind)))

    async def _features(self) -> None:
        order = self._best("TLSv1.2")
        await self._curious()
        dhe = [suite for suite in order if uses_dhe(suite) and authentication(suite) in ("RSA", "DSS")]
        # Named is the smallest group: who goes by names shows whether it takes that, who does not shows its own prime.
        named = await self._hello("ffdhe.TLSv1.2.1", self._hellos.ffdhe(dhe, FFDHE_GROUPS[:1]))
        if not named.chosen:
            await self._hello("dhe.TLSv1.2", self._hellos.old("TLSv1.2", dhe, groups=None))
