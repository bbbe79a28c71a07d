"""Mode "verdict": as few hellos as tell the sets of the plan apart, from the worst down until none is accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ..evaluate.tls.answers import Answer
from ..wire.tls.code_points import FFDHE_GROUPS, SCHEMES_TLS12, authentication, is_cbc, schemes_of, uses_dhe, uses_ecdhe
from .hellos import NUMBERS, curious
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


class VerdictSurvey(Survey):
    """Asks what is needed to decide: where a list is as bad already as it can be, no more is asked of it."""

    async def run(self) -> None:
        tls13 = await self._speaks_tls13()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hello("versions.SSLv2", None))
            group.create_task(self._old_version("TLSv1.1"))  # who speaks only older ones answers with those
            group.create_task(self._suites(tls13))
            group.create_task(self._groups(tls13))
            group.create_task(self._alone())
            group.create_task(self._other_certificate(tls13))
            group.create_task(self._features(tls13))

    async def _speaks_tls13(self) -> bool:
        """Known from the ordinary handshake, where that offered TLS 1.3; else asked."""
        offered = self._ordinary.offered if self._ordinary is not None else None
        if offered is not None and NUMBERS["TLSv1.3"] in (offered.versions or ()):
            return self._ordinary is not None and self._ordinary.version == "TLSv1.3"
        return (await self._tls13_version()).chosen

    async def _suites(self, tls13: bool) -> None:
        sets = self._sets.suites.get("TLSv1.2", ())
        worst = await self._ladder("suites.TLSv1.2", sets, self._old12, suite_of)
        if worst is not None:
            await self._hello("order.ends.TLSv1.2", self._old12((*sets[worst], *sets[-1])))
        if tls13 and worst != 0:
            sets = self._sets.suites.get("TLSv1.3", ())
            await self._ladder("suites.TLSv1.3", sets, self._hellos.new, suite_of, below=worst)

    async def _groups(self, tls13: bool) -> None:
        worst: int | None = None
        if tls13:
            sets = self._sets.groups.get("TLSv1.3", ())
            worst = await self._ladder("groups.TLSv1.3", sets, lambda g: self._hellos.new(groups=g), group_of)
        if worst != 0:
            sets = self._sets.groups.get("TLSv1.2", ())
            await self._ladder("groups.TLSv1.2", sets, lambda g: self._old12(ECDHE, groups=g), group_of, below=worst)

    async def _alone(self) -> None:
        """Single groups, the first with the suites that are asked for together and the worst schemes first.

        One hello then tells three things, as long as the server goes along; where not, they are asked apart.
        """
        kind = self._own_kind() or "RSA"
        ecdhe = [suite for suite in self._best("TLSv1.2") if uses_ecdhe(suite)]
        asked = self._sets.together.get("TLSv1.2", ())
        schemes = together(self._sets.schemes.get("TLSv1.2", ()))
        below: int | None = None
        for number, code in enumerate(self._sets.alone.get("TLSv1.2", ())):
            if number > 0 or not asked:
                await self._group_alone(code, ecdhe)
                continue
            answer = await self._group_alone(code, asked, schemes=schemes)
            if answer.chosen:
                below = index_of(answer.scheme, self._scheme_sets(kind)[:-1])
            else:
                await self._hello("suites.TLSv1.2.together", self._old12(asked))
                await self._group_alone(code, ecdhe, ".wide")
        await self._schemes(kind, below)

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
        await self._ladder(f"schemes.TLSv1.2.{kind}", self._scheme_sets(kind), make, scheme_of, below=below)

    def _scheme_sets(self, kind: str) -> tuple[tuple[int, ...], ...]:
        """The plan's sets, with the schemes of one type of key alone; the last one may be empty."""
        legal = SCHEMES_TLS12.get(kind, ())
        sets = [tuple(c for c in each if c in legal) for each in self._sets.schemes.get("TLSv1.2", ((),))]
        return (*(each for each in sets[:-1] if each), sets[-1])

    async def _other_certificate(self, tls13: bool) -> None:
        kind = {"RSA": "ECDSA", "ECDSA": "RSA"}.get(self._own_kind() or "")
        if kind is None:
            return
        found = await self._hello(f"certificate.TLSv1.2.{kind}", self._old12(signed_by(kind)))
        if found.chosen:
            await self._schemes(kind)
        elif tls13 and found.alert == PROTOCOL_VERSION:
            await self._complete(f"certificate.TLSv1.3.{kind}", self._hellos.new(schemes=schemes_of(kind)))

    async def _features(self, tls13: bool) -> None:
        order = self._best("TLSv1.2")
        await self._hello("curious.TLSv1.2", curious(self._old12([suite for suite in order if is_cbc(suite)])))
        dhe = [suite for suite in order if uses_dhe(suite) and authentication(suite) in ("RSA", "DSS")]
        # Named is the smallest group: who goes by names shows whether it takes that, who does not shows its own prime.
        named = await self._hello("ffdhe.TLSv1.2.1", self._hellos.ffdhe(dhe, FFDHE_GROUPS[:1]))
        if not named.chosen:
            await self._hello("dhe.TLSv1.2", self._hellos.old("TLSv1.2", dhe, groups=None))
        if tls13:
            # Without a key: whoever goes along turned down no other hello for the lack of one.
            whole = await self._complete("complete.TLSv1.3", self._hellos.new())
            if not whole.chosen:
                await self._complete("complete.TLSv1.3.shares", self._hellos.new(), SHARES[1:])
