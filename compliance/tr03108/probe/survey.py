"""Which hellos a service address is asked with, and in which order: what comes next depends on the answers so far.

Mode "verdict" goes down the sets of the plan until none is accepted any more. Mode "full" lists everything: a
ServerHello names one choice, so that each thing accepted takes one hello, and one refusal proves the rest. Lists that
the client orders are asked in several parts at once; where the server has an order of its own one chain shows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from ..evaluate.spki import key_type
from ..evaluate.tls.answers import Answer
from ..evaluate.tls.certificate_curve import curve_of
from ..model import HelloSets
from ..wire.tls.client_hello import ClientHello
from ..wire.tls.code_points import (
    ALL_SUITES,
    GROUPS_TLS12,
    GROUPS_TLS13,
    SCHEMES_TLS12,
    SCHEMES_TLS13,
    TLS13_SUITES,
    authentication,
    is_cbc,
    schemes_of,
    uses_dhe,
    uses_ecdhe,
)
from ..wire.tls.key_share import SHAREABLE
from .hello import Question
from .hellos import FALLBACK_SCSV, LEGACY, NUMBERS, Hellos, curious, greased

PARTS = 4  # parts of a list that are asked at the same time; as many as connections are allowed by default
_SHARES = (29, 23)  # keys for servers that do not like a hello without any: x25519 and secp256r1
_EMPTY_SHARE_ALERTS = (10, 40, 47, 50, 109)  # what such a server may answer

Ask = Callable[[Question], Awaitable[Answer]]
Make = Callable[[Sequence[int]], ClientHello]
Read = Callable[[Answer], int | None]


class Survey:
    """One service address. `ordinary` is the answer to a complete handshake where there was one."""

    def __init__(self, ask: Ask, host: str, sets: HelloSets, ordinary: Answer | None, farewell: bytes) -> None:
        """`farewell` is what is said inside TLS before leaving, in the protocol of the service."""
        self._ask = ask
        self._hellos = Hellos(host)
        self._sets = sets
        self._ordinary = ordinary
        self._farewell = farewell
        self._shares: tuple[int, ...] = ()  # sent from the start where the server wants it so

    async def verdict(self) -> None:
        """As few hellos as tell the sets of the plan apart."""
        tls13 = await self._speaks_tls13()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hello("versions.SSLv2", None))
            group.create_task(self._old_versions())
            group.create_task(self._suites_verdict(tls13))
            group.create_task(self._groups_verdict(tls13))
            group.create_task(self._alone(tls13))
            group.create_task(self._other_certificate(tls13))
            group.create_task(self._schemes_verdict(_authentication_of(self._ordinary) or "RSA"))
            group.create_task(self._singles_verdict(tls13))

    async def full(self) -> None:
        """Everything that can be told from hellos."""
        versions = await self._versions()
        async with asyncio.TaskGroup() as group:
            for version in (*LEGACY, "TLSv1.2"):
                if versions.get(version) is not None:
                    group.create_task(self._old_full(version, versions[version]))
            if versions.get("TLSv1.3") is not None:
                group.create_task(self._new_full(versions["TLSv1.3"]))
            group.create_task(self._order_of_versions(versions))

    # Mode "verdict"

    async def _speaks_tls13(self) -> bool:
        """Known from the ordinary handshake, where that offered TLS 1.3; else asked."""
        offered = self._ordinary.offered if self._ordinary is not None else None
        if offered is not None and NUMBERS["TLSv1.3"] in (offered.versions or ()):
            return self._ordinary is not None and self._ordinary.version == "TLSv1.3"
        return (await self._tls13_version()).chosen

    async def _old_versions(self) -> None:
        """One hello of TLS 1.1: who speaks only older ones answers with those."""
        await self._hello("versions.TLSv1.1", self._hellos.old("TLSv1.1"))

    async def _suites_verdict(self, tls13: bool) -> None:
        sets = self._sets.suites.get("TLSv1.2", ())
        worst = await self._ladder("suites.TLSv1.2", sets, self._old12, _suite)
        if worst is not None:
            await self._hello("order.ends.TLSv1.2", self._old12((*sets[worst], *sets[-1])))
        if tls13 and worst != 0:
            sets = self._sets.suites.get("TLSv1.3", ())
            await self._ladder("suites.TLSv1.3", sets, self._hellos.new, _suite, below=worst)

    async def _groups_verdict(self, tls13: bool) -> None:
        worst: int | None = None
        if tls13:
            sets = self._sets.groups.get("TLSv1.3", ())
            worst = await self._ladder("groups.TLSv1.3", sets, lambda g: self._hellos.new(groups=g), _group)
        if worst != 0:
            sets = self._sets.groups.get("TLSv1.2", ())
            await self._ladder("groups.TLSv1.2", sets, lambda g: self._old12(_ECDHE, groups=g), _group, below=worst)

    async def _schemes_verdict(self, kind: str) -> None:
        mine = [suite for suite in _signed(kind) if uses_ecdhe(suite) or uses_dhe(suite)]
        legal = set(SCHEMES_TLS12.get(kind, ()))
        sets = tuple(tuple(c for c in each if c in legal) for each in self._sets.schemes.get("TLSv1.2", ()))
        sets = tuple(each for each in sets[:-1] if each) + sets[-1:]
        make: Make = lambda codes: self._old12(mine, schemes=codes)  # noqa: E731
        await self._ladder(f"schemes.TLSv1.2.{kind}", sets, make, lambda answer: answer.scheme)

    async def _other_certificate(self, tls13: bool) -> None:
        kind = {"RSA": "ECDSA", "ECDSA": "RSA"}.get(_authentication_of(self._ordinary) or "")
        if kind is None:
            return
        found = await self._hello(f"certificate.TLSv1.2.{kind}", self._old12(_signed(kind)))
        if found.chosen:
            await self._schemes_verdict(kind)
        elif tls13:
            hello = self._hellos.new(schemes=schemes_of(kind))
            await self._complete(f"certificate.TLSv1.3.{kind}", hello)

    async def _singles_verdict(self, tls13: bool) -> None:
        order = _together(reversed(self._sets.suites.get("TLSv1.2", (ALL_SUITES,))))
        cbc = [suite for suite in order if is_cbc(suite)]
        await self._hello("curious.TLSv1.2", curious(self._old12(cbc)))
        dhe = [suite for suite in order if uses_dhe(suite) and authentication(suite) in ("RSA", "DSS")]
        await self._hello("dhe.TLSv1.2", self._hellos.old("TLSv1.2", dhe, groups=None))
        if tls13:
            await self._complete("complete.TLSv1.3", self._hellos.new(), _SHARES[1:])

    async def _alone(self, tls13: bool) -> None:
        """Single groups, the first with the suites that are asked for together, so that one hello tells both."""
        ecdhe = [suite for suite in self._best("TLSv1.2") if uses_ecdhe(suite)]
        together = self._sets.together.get("TLSv1.2", ())
        for number, code in enumerate(self._sets.alone.get("TLSv1.2", ())):
            both = number == 0 and bool(together)
            answer = await self._group_alone(code, together if both else ecdhe, "")
            if both and not answer.chosen:
                await self._hello("suites.TLSv1.2.together", self._old12(together))
                await self._group_alone(code, ecdhe, ".wide")
        if tls13:
            for code in self._sets.alone.get("TLSv1.3", ()):
                await self._hello(f"alone.TLSv1.3.{code}", self._hellos.new(groups=(code,)))

    async def _group_alone(self, code: int, suites: Sequence[int], end: str) -> Answer:
        """One group; where only an ECDSA certificate answers, once more beside the curve of its key (RFC 8422 5.1)."""
        answer = await self._hello(f"alone.TLSv1.2.{code}{end}", self._old12(suites, groups=(code,)))
        own = self._own_curve()
        if answer.chosen or own is None or own == code:
            return answer
        return await self._hello(f"alone.TLSv1.2.{code}{end}.beside", self._old12(suites, groups=(code, own)))

    # Mode "full"

    async def _versions(self) -> Mapping[str, Answer]:
        """Each version alone, with all that it has."""
        names = (*LEGACY, "TLSv1.2")
        found = await asyncio.gather(
            *(self._hello(f"versions.{name}", self._hellos.old(name, self._best(name))) for name in names),
            self._tls13_version(),
            self._hello("versions.SSLv2", None),
        )
        named = zip((*names, "TLSv1.3"), found, strict=False)
        return {name: answer for name, answer in named if answer.chosen and answer.version == name}

    async def _tls13_version(self) -> Answer:
        first = await self._hello("versions.TLSv1.3", self._hellos.new(self._best("TLSv1.3")))
        spoken = self._ordinary is not None and self._ordinary.version == "TLSv1.3"
        if first.chosen or not (spoken or first.alert in _EMPTY_SHARE_ALERTS):
            return first
        self._shares = _SHARES
        return await self._hello("versions.TLSv1.3.shares", self._hellos.new(self._best("TLSv1.3")))

    async def _old_full(self, version: str, first: Answer) -> None:
        worst = await self._hello(f"order.worst.{version}", self._hellos.old(version, self._worst(version)))
        sets = self._sets.suites.get(version, ())
        if len(sets) > 1:
            await self._hello(f"order.ends.{version}", self._hellos.old(version, (*sets[0], *sets[-1])))
        chosen = [answer.suite for answer in (first, worst) if answer.suite is not None]
        own_order = len(set(chosen)) == 1
        rest = [suite for suite in self._best(version) if suite not in chosen[: 1 if own_order else 2]]
        make: Make = lambda codes: self._hellos.old(version, codes)  # noqa: E731
        if own_order or version != "TLSv1.2":
            suites = chosen + await self._chain(f"suites.{version}", rest, make, _suite)
        else:
            parts = [rest[part::PARTS] for part in range(PARTS)]
            names = [f"suites.{version}.{part + 1}" for part in range(PARTS)]
            lists = await asyncio.gather(
                *(self._chain(name, part, make, _suite) for name, part in zip(names, parts, strict=True))
            )
            suites = chosen + [suite for each in lists for suite in each]
        await self._hello(
            f"curious.{version}", curious(self._hellos.old(version, [s for s in suites if is_cbc(s)] or suites))
        )
        if version == "TLSv1.2":
            await self._tls12_full(tuple(dict.fromkeys(suites)))

    async def _tls12_full(self, suites: tuple[int, ...]) -> None:
        ecdhe = [suite for suite in suites if uses_ecdhe(suite)]
        dhe = [suite for suite in suites if uses_dhe(suite)]
        async with asyncio.TaskGroup() as group:
            if ecdhe:
                group.create_task(self._tls12_groups(ecdhe))
            for kind, legal in SCHEMES_TLS12.items():
                mine = [s for s in (*ecdhe, *dhe) if authentication(s) == kind]
                if mine:
                    make = self._scheme_maker(mine)
                    group.create_task(self._chain(f"schemes.TLSv1.2.{kind}", legal, make, lambda answer: answer.scheme))
            if dhe:
                group.create_task(self._hello("ffdhe.TLSv1.2", self._hellos.ffdhe(dhe)))
            group.create_task(self._hello("sni.none", replace(self._old12(suites), server_name=None)))
            group.create_task(
                self._hello("sni.wrong", replace(self._old12(suites), server_name="no-such-name.invalid"))
            )
            group.create_task(self._hello("grease.TLSv1.2", greased(self._old12(suites))))
            if self._ordinary is not None and self._ordinary.version == "TLSv1.3":
                group.create_task(self._hello("fallback.TLSv1.2", self._old12((*suites, FALLBACK_SCSV))))

    def _scheme_maker(self, suites: Sequence[int]) -> Make:
        return lambda codes: self._old12(suites, schemes=codes)

    async def _tls12_groups(self, ecdhe: Sequence[int]) -> None:
        make: Make = lambda codes: self._old12(ecdhe, groups=codes)  # noqa: E731
        found = await self._chain("groups.TLSv1.2", GROUPS_TLS12, make, _group)
        own = self._own_curve()
        if own is None or own not in found or any(authentication(suite) == "RSA" for suite in ecdhe):
            return
        # Without the curve of its key the server had no certificate to show: the rest once more, beside that curve.
        rest = [code for code in GROUPS_TLS12 if code not in found]
        number = 1
        while rest:
            answer = await self._hello(f"groups.TLSv1.2.own{number}.beside", make((*rest, own)))
            if answer.group not in rest:
                return
            rest.remove(answer.group)
            number += 1

    async def _new_full(self, first: Answer) -> None:
        worst = await self._hello("order.worst.TLSv1.3", self._hellos.new(self._worst("TLSv1.3")))
        chosen = list(dict.fromkeys(a.suite for a in (first, worst) if a.suite is not None))
        rest = [suite for suite in TLS13_SUITES if suite not in chosen]
        groups = [code for code in GROUPS_TLS13 if code != first.group]
        seen = [first.group] if first.group is not None else []
        async with asyncio.TaskGroup() as group:
            group.create_task(self._chain("suites.TLSv1.3", rest, self._hellos.new, _suite))
            listing = group.create_task(
                self._chain("groups.TLSv1.3", groups, lambda codes: self._hellos.new(groups=codes), _group)
            )
            group.create_task(self._hello("grease.TLSv1.3", greased(self._hellos.new())))
        seen += listing.result()
        usable = [code for code in seen if code in SHAREABLE]
        if usable:
            await self._tls13_complete(tuple(usable))

    async def _tls13_complete(self, groups: tuple[int, ...]) -> None:
        """Complete handshakes: the signature schemes, one after the other; what is encrypted comes along."""
        make: Make = lambda codes: self._hellos.new(groups=groups, schemes=codes)  # noqa: E731
        rest, number = list(SCHEMES_TLS13), 1
        while rest:
            answer = await self._complete(f"schemes.TLSv1.3.{number}", make(rest), groups[:1])
            if answer.scheme not in rest:
                return
            rest.remove(answer.scheme)
            number += 1

    async def _order_of_versions(self, versions: Mapping[str, Answer]) -> None:
        """All versions at once, the oldest first: the newest should be chosen all the same."""
        older = [version for version in ("TLSv1", "TLSv1.1", "TLSv1.2") if version != "SSLv3"]
        if not any(version in versions for version in LEGACY):
            return
        suites = _together((self._worst("TLSv1.2"), self._worst("TLSv1.3")))
        await self._hello("order.versions", self._hellos.every_version((*older, "TLSv1.3"), suites))

    # How to ask

    async def _ladder(
        self, name: str, sets: Sequence[Sequence[int]], make: Make, read: Read, below: int | None = None
    ) -> int | None:
        """The first of the sets, the last left out, of which a member is accepted; None where none is."""
        worst = below
        number = 1
        while (pool := sets[:-1] if worst is None else sets[:worst]) and len(sets) > 1:
            answer = await self._hello(f"{name}.{number}", make(_together(pool)))
            found = next((at for at, each in enumerate(pool) if read(answer) in each), None) if answer.chosen else None
            if found is None:
                break
            worst, number = found, number + 1
        return worst

    async def _chain(self, name: str, codes: Sequence[int], make: Make, read: Read) -> list[int]:
        """All of `codes` that are accepted, in the server's order if it has one: offered again without the chosen."""
        rest, found = list(codes), list[int]()
        while rest:
            answer = await self._hello(f"{name}.{len(found) + 1}", make(rest))
            code = read(answer) if answer.chosen else None
            if code is None or code not in rest:
                break
            rest.remove(code)
            found.append(code)
        return found

    async def _hello(self, name: str, hello: ClientHello | None) -> Answer:
        new = hello is not None and hello.versions is not None
        shares = tuple(s for s in self._shares if s in (hello.groups or ())) if new and hello is not None else ()
        return await self._ask(Question(name, hello, shares))

    async def _complete(self, name: str, hello: ClientHello, shares: tuple[int, ...] = ()) -> Answer:
        groups = tuple(code for code in hello.groups or () if code in SHAREABLE)
        return await self._ask(
            Question(name, replace(hello, groups=groups), shares, complete=True, farewell=self._farewell)
        )

    def _old12(
        self, suites: Sequence[int], *, groups: Sequence[int] = GROUPS_TLS12, schemes: Sequence[int] | None = None
    ) -> ClientHello:
        if schemes is None:
            return self._hellos.old("TLSv1.2", suites, groups=groups)
        return self._hellos.old("TLSv1.2", suites, groups=groups, schemes=schemes)

    def _best(self, version: str) -> tuple[int, ...]:
        return self._worst(version)[::-1]

    def _worst(self, version: str) -> tuple[int, ...]:
        """All suites of a version in the order of the plan's sets; what is in none of them comes in between."""
        every = TLS13_SUITES if version == "TLSv1.3" else ALL_SUITES
        sets = self._sets.suites.get(version, ())
        return _together((*sets[:-1], [code for code in every if not any(code in each for each in sets)], *sets[-1:]))

    def _own_curve(self) -> int | None:
        """The curve of the certificate's key, where the ordinary handshake showed one."""
        return None if self._ordinary is None or not self._ordinary.chain else curve_of(self._ordinary.chain[0])


_ECDHE = tuple(suite for suite in ALL_SUITES if uses_ecdhe(suite))


def _suite(answer: Answer) -> int | None:
    return answer.suite


def _group(answer: Answer) -> int | None:
    return answer.group


def _signed(kind: str) -> list[int]:
    """The suites of TLS 1.2 that ask for a certificate with a key of this type."""
    return [suite for suite in ALL_SUITES if authentication(suite) == kind]


def _authentication_of(answer: Answer | None) -> str | None:
    return key_type(answer.chain[0]) if answer is not None and answer.chain else None


def _together(sets: Iterable[Sequence[int]]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(code for each in sets for code in each))
