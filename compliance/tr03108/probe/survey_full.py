"""Mode "full": everything that can be told from hellos, in lists.

Suites of TLS 1.2 whose order the client makes are asked in several parts at once; where the server has an order of its
own, one chain brings it to light. What does not depend on an answer is asked at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..evaluate.tls.answers import Answer
from ..evaluate.tls.stumbling import KINDS, kind_of
from ..wire.tls.client_hello import ClientHello
from ..wire.tls.code_points import (
    FFDHE_GROUPS,
    GROUPS_TLS12,
    GROUPS_TLS13,
    SCHEMES_TLS12,
    SCHEMES_TLS13,
    TLS13_SUITES,
    authentication,
    is_cbc,
    uses_dhe,
)
from ..wire.tls.key_share import SHAREABLE
from .hellos import FALLBACK_SCSV, LEGACY, curious, greased
from .survey import ECDHE, Make, Survey, ephemeral, group_of, index_of, scheme_of, suite_of, together, usual

PARTS = 4  # parts of a list that are asked at the same time; as many as connections are allowed by default
UNKNOWN_NAME = "no-such-name.invalid"


class FullSurvey(Survey):
    """Lists everything."""

    async def run(self) -> None:
        versions = await self._versions()
        async with asyncio.TaskGroup() as group:
            if "TLSv1.2" in versions:
                group.create_task(self._tls12_suites(versions["TLSv1.2"]))
            for version in LEGACY:
                if version in versions:
                    group.create_task(self._old_suites(version, versions[version]))
            if "TLSv1.3" in versions:
                group.create_task(self._tls13_lists(versions["TLSv1.3"]))
                group.create_task(self._tls13_complete(versions["TLSv1.3"]))
            if "TLSv1.2" in versions:
                for kind, legal in SCHEMES_TLS12.items():
                    make = self._scheme_maker(ephemeral(kind))
                    group.create_task(self._chain(f"schemes.TLSv1.2.{kind}", legal, make, scheme_of))
                group.create_task(self._tls12_groups())
                group.create_task(self._tls12_features("TLSv1.3" in versions))
            if any(version in versions for version in LEGACY):
                group.create_task(self._hello("order.versions", self._oldest_first()))

    async def _versions(self) -> Mapping[str, Answer]:
        """Each version alone, with all that it has."""
        names = ("TLSv1.2", *LEGACY)
        found = await asyncio.gather(
            *(self._old_version(name) for name in names),
            self._tls13_version(),
            self._hello("versions.SSLv2", None),
        )
        named = zip((*names, "TLSv1.3"), found, strict=False)
        return {name: answer for name, answer in named if answer.chosen and answer.version == name}

    async def _tls12_suites(self, first: Answer) -> None:
        own_order, chosen = await self._order("TLSv1.2", first)
        rest = [suite for suite in self._best("TLSv1.2") if suite not in chosen]
        if own_order:
            await self._chain("suites.TLSv1.2", rest, self._old12, suite_of, own_order=True)
            return
        async with asyncio.TaskGroup() as group:
            for part in range(PARTS):
                name = f"suites.TLSv1.2.{part + 1}"
                group.create_task(self._chain(name, rest[part::PARTS], self._old12, suite_of))

    async def _old_suites(self, version: str, first: Answer) -> None:
        make: Make = lambda codes: self._hellos.old(version, codes)  # noqa: E731
        own_order, chosen = await self._order(version, first)
        rest = [suite for suite in self._best(version) if suite not in chosen]
        await self._chain(f"suites.{version}", rest, make, suite_of, own_order=own_order)
        await self._hello(f"curious.{version}", curious(make([s for s in self._best(version) if is_cbc(s)])))

    async def _order(self, version: str, first: Answer) -> tuple[bool, tuple[int | None, ...]]:
        """Whether the server has an order of its own, and what it chose from the best and the worst beginning."""
        order, sets = self._worst(version), self._sets.suites.get(version, ())
        worst = await self._hello(f"order.worst.{version}", self._hellos.old(version, order))
        if not worst.chosen:
            worst = await self._hello(f"order.worst.{version}.usual", self._hellos.old(version, usual(order)))
        if len(sets) > 1 and index_of(worst.suite, sets) not in (0, len(sets) - 1):
            # Something in between was chosen: only the worst and the best show which of the two comes first.
            await self._hello(f"order.ends.{version}", self._hellos.old(version, (*sets[0], *sets[-1])))
        if worst.suite is None or worst.suite == first.suite:
            return True, (first.suite,)
        return False, (first.suite, worst.suite)

    async def _tls12_groups(self) -> None:
        make: Make = lambda codes: self._old12(ECDHE, groups=codes)  # noqa: E731
        found = await self._chain("groups.TLSv1.2", GROUPS_TLS12, make, group_of)
        own = self._own_curve()
        if own is None or own not in found:
            return
        # Without the curve of its key the server may have had no certificate to show: the rest beside that curve.
        rest, number = [code for code in GROUPS_TLS12 if code not in found], 1
        while rest:
            answer = await self._hello(f"groups.TLSv1.2.own{number}.beside", make((*rest, own)))
            if answer.group not in rest:
                return
            rest.remove(answer.group)
            number += 1

    async def _tls12_features(self, tls13: bool) -> None:
        order = self._best("TLSv1.2")
        dhe = [suite for suite in order if uses_dhe(suite) and authentication(suite) in ("RSA", "DSS")]
        named: Make = lambda codes: self._hellos.ffdhe(dhe, codes)  # noqa: E731
        everything = self._old12(order)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._chain("ffdhe.TLSv1.2", FFDHE_GROUPS, named, group_of))
            group.create_task(self._curious())
            group.create_task(self._hello("sni.none", replace(everything, server_name=None)))
            group.create_task(self._hello("sni.wrong", replace(everything, server_name=UNKNOWN_NAME)))
            group.create_task(self._hello("grease.TLSv1.2", greased(everything)))
            if tls13:
                group.create_task(self._hello("fallback.TLSv1.2", self._old12((*order, FALLBACK_SCSV))))

    async def _tls13_lists(self, first: Answer) -> None:
        worst = await self._hello("order.worst.TLSv1.3", self._hellos.new(self._worst("TLSv1.3")))
        chosen = [answer.suite for answer in (first, worst)]
        suites = [suite for suite in TLS13_SUITES if suite not in chosen]
        groups = [code for code in GROUPS_TLS13 if code != first.group]
        make: Make = lambda codes: self._hellos.new(groups=codes)  # noqa: E731
        async with asyncio.TaskGroup() as group:
            group.create_task(self._chain("suites.TLSv1.3", suites, self._hellos.new, suite_of))
            group.create_task(self._chain("groups.TLSv1.3", groups, make, group_of))
            group.create_task(self._hello("grease.TLSv1.3", greased(self._hellos.new())))

    async def _tls13_complete(self, first: Answer) -> None:
        """Complete handshakes: the signature schemes, one after the other; what is encrypted comes along."""
        shares = (first.group,) if first.group is not None and first.group in SHAREABLE else ()
        rest, number = list(SCHEMES_TLS13), 1
        while rest:
            hello = self._hellos.new(schemes=rest)
            answer = await self._complete(f"schemes.TLSv1.3.{number}", hello, shares)
            if answer.scheme not in rest:
                return
            rest.remove(answer.scheme)
            number += 1

    def _scheme_maker(self, suites: Sequence[int]) -> Make:
        return lambda codes: self._old12(suites, schemes=codes)

    def _oldest_first(self) -> ClientHello:
        """All versions at once, the oldest first: the newest should be chosen all the same."""
        spoken = [kinds for kinds in self._unusable.values() if len(kinds) < len(KINDS)]
        usable = [suite for suite in self._worst("TLSv1.2") if not any(kind_of(suite) in kinds for kinds in spoken)]
        suites = together((usable, self._worst("TLSv1.3")))
        return self._hellos.every_version((*LEGACY[1:], "TLSv1.2", "TLSv1.3"), suites)
