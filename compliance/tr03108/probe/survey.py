"""How a service address is asked with single hellos; with which, the two modes say in modules of their own.

A ServerHello names one choice, so that each thing accepted takes one hello, and one refusal proves the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace

from ..evaluate.spki import key_type
from ..evaluate.tls.answers import Answer
from ..evaluate.tls.certificate_curve import curve_of
from ..evaluate.tls.facts import BESIDE
from ..evaluate.tls.stumbling import INTERNAL_ERROR, KINDS, OTHER, USUAL, Stumbling, kind_of, may_have_stumbled
from ..model import HelloSets
from ..wire.tls.client_hello import ClientHello
from ..wire.tls.code_points import (
    ALL_SUITES,
    GROUPS_TLS12,
    TLS13_SUITES,
    authentication,
    forward_secret,
    is_cbc,
    uses_dhe,
    uses_ecdhe,
)
from ..wire.tls.key_share import SHAREABLE
from .hello import Question
from .hellos import NUMBERS, Hellos, curious

ECDHE = tuple(suite for suite in ALL_SUITES if uses_ecdhe(suite))
SHARES = (29, 23)  # keys for servers that do not like a hello without any: x25519 and secp256r1
_EMPTY_SHARE_ALERTS = (10, 40, 47, 50, 109)  # what such a server may answer
PROTOCOL_VERSION = 70  # alert

Ask = Callable[[Question], Awaitable[Answer]]
Make = Callable[[Sequence[int]], ClientHello]
Read = Callable[[Answer], int | None]


class Survey:
    """One service address. `ordinary` is the answer to a complete handshake where there was one."""

    def __init__(self, ask: Ask, host: str, sets: HelloSets, ordinary: Answer | None, farewell: bytes) -> None:
        """`farewell` is what is said inside TLS before leaving, in the protocol of the service."""
        self._asking = ask
        self._hellos = Hellos(host)
        self._sets = sets
        self._ordinary = ordinary
        self._farewell = farewell
        self._tls12_answered = ordinary is not None and ordinary.version == "TLSv1.2"
        self._chosen: set[int | None] = set()  # suites seen in TLS 1.2
        self._used: set[int] = set()  # signature schemes seen in TLS 1.2
        self._shares = False  # keys are sent from the start, where the server wants it so
        self._answers = [] if ordinary is None else [ordinary]
        self._unusable: dict[str, set[str]] = {}  # kinds of suites of which a version has none, where that was asked
        self._kinds_asked = {version: asyncio.Lock() for version in NUMBERS}
        self._leaf = ordinary.chain[0] if ordinary is not None and ordinary.chain else None

    @property
    def answers(self) -> tuple[Answer, ...]:
        """All answers so far."""
        return tuple(self._answers)

    async def run(self) -> None:
        """Asks whatever the mode asks."""
        raise NotImplementedError

    # What both modes ask

    async def _old_version(self, name: str) -> Answer:
        """One version with all its suites, after a refusal once more with the usual ones, which make a shorter hello.

        Not after the alert that says it is about the version. After an internal error it is asked with those that need
        no signature. Where that brings nothing, those are left out over which servers were seen to stumble.
        """
        whole = self._hellos.old(name, self._best(name))
        answer = await self._send(f"versions.{name}", whole)
        if answer.chosen or answer.alert == PROTOCOL_VERSION or not may_have_stumbled(answer):
            return answer
        if answer.alert == INTERNAL_ERROR:
            rest = [suite for suite in self._best(name) if not forward_secret(suite, NUMBERS[name])]
            end = "unsigned"
        elif self._doubted(answer, name):
            return await self._apart(f"versions.{name}", whole, answer, name)
        else:
            rest, end = list(usual(self._best(name))), "usual"
        answer = await self._send(f"versions.{name}.{end}", self._hellos.old(name, rest))
        if answer.chosen or answer.alert == PROTOCOL_VERSION or not may_have_stumbled(answer):
            return answer
        plain = [suite for suite in self._best(name) if kind_of(suite) == USUAL]
        answer = await self._send(f"versions.{name}.apart", self._hellos.old(name, plain))
        if answer.chosen:  # it stumbles, so that this will be asked anyway
            await self._ask_kinds(name)
        return answer

    async def _tls13_version(self) -> Answer:
        first = await self._hello("versions.TLSv1.3", self._hellos.new(self._best("TLSv1.3")))
        spoken = self._ordinary is not None and self._ordinary.version == "TLSv1.3"
        closed = first.kind == "refused" and first.alert is None
        if first.chosen or not (spoken or closed or first.alert in _EMPTY_SHARE_ALERTS):
            return first
        self._shares = True
        return await self._hello("versions.TLSv1.3.shares", self._hellos.new(self._best("TLSv1.3")))

    async def _curious(self) -> None:
        """Features that had better not be taken up; some go with CBC suites alone, the others with any."""
        order = self._best("TLSv1.2")
        answer = await self._hello("curious.TLSv1.2", curious(self._old12([suite for suite in order if is_cbc(suite)])))
        if not answer.chosen:
            await self._hello("curious.TLSv1.2.any", curious(self._old12(order)))

    # How to ask

    async def _ladder(
        self, name: str, sets: Sequence[Sequence[int]], make: Make, read: Read, below: int | None = None
    ) -> int | None:
        """The first of the sets, the last left out, of which a member is accepted; None where none is.

        `below`: only sets before this one are still asked for.
        """
        worst, number = below, 1
        while (pool := sets[:-1] if worst is None else sets[:worst]) and len(sets) > 1:
            union = together(pool)
            answer = await self._hello(f"{name}.{number}", make(union))
            offered = _offered(answer, union)
            if read is suite_of and not answer.chosen and 0 < len(usual(offered)) < len(offered):
                answer = await self._hello(f"{name}.{number}.usual", make(usual(offered)))
            found = index_of(read(answer), pool) if answer.chosen else None
            if found is None:
                break
            worst, number = found, number + 1
        return worst

    async def _chain(
        self, name: str, codes: Sequence[int], make: Make, read: Read, *, own_order: bool = False
    ) -> list[int]:
        """All of `codes` that are accepted: offered again and again without the chosen.

        With an `own_order` the server may stumble over an unusual suite before it comes to the usual ones.
        """
        rest, found, end = list(codes), list[int](), ""
        while rest:
            answer = await self._hello(f"{name}.{len(found) + 1}{end}", make(rest))
            code = read(answer) if answer.chosen else None
            offered = _offered(answer, rest)
            if code is None and own_order and 0 < len(usual(offered)) < len(offered):
                rest, end = list(usual(rest)), ".usual"
                continue
            if code is None or code not in rest:
                break
            rest.remove(code)
            found.append(code)
        return found

    async def _hello(self, name: str, hello: ClientHello | None) -> Answer:
        """The answer; where the server may have stumbled, to the hello without the suites that may be the reason."""
        if hello is None or hello.versions is not None:
            return await self._send(name, hello)
        version = next(text for text, number in NUMBERS.items() if number == hello.version)
        usable = self._usable(hello, version)
        answer = await self._send(name, usable)
        if may_have_stumbled(answer) and self._doubted(answer, version):
            return await self._apart(name, usable, answer, version)
        return answer

    async def _apart(self, name: str, hello: ClientHello, answer: Answer, version: str) -> Answer:
        """Asks again, first without the kinds of suites of which the server has none, then without those in doubt."""
        await self._ask_kinds(version)
        usable = self._usable(hello, version)
        if usable is not hello:
            answer = await self._send(_ending(name, "apart"), usable)
        doubted = self._doubted(answer, version) if may_have_stumbled(answer) else frozenset()
        rest = [suite for suite in usable.suites if kind_of(suite) not in doubted]
        if 0 < len(rest) < len(usable.suites) and doubted == {OTHER}:
            return await self._send(_ending(name, "known"), replace(usable, suites=tuple(rest)))
        return answer

    async def _ask_kinds(self, version: str) -> None:
        """Each kind of suites of a version alone, as long as none is known to be accepted: once in a survey."""
        async with self._kinds_asked[version]:
            if version in self._unusable:
                return
            unusable = set[str]()
            for kind in KINDS:
                if kind not in Stumbling(self._answers).sound(version):
                    suites = [suite for suite in self._best(version) if kind_of(suite) == kind]
                    answer = await self._send(f"suites.{version}.{kind}", self._hellos.old(version, suites))
                    unusable.update(() if answer.chosen else (kind,))
            self._unusable[version] = unusable

    def _usable(self, hello: ClientHello, version: str) -> ClientHello:
        """The hello without the kinds of suites of which the server is known to have none, unless that is all."""
        unusable = self._unusable.get(version, set())
        suites = tuple(suite for suite in hello.suites if kind_of(suite) not in unusable)
        return replace(hello, suites=suites) if 0 < len(suites) < len(hello.suites) else hello

    def _doubted(self, answer: Answer, version: str) -> frozenset[str]:
        return Stumbling(self._answers).doubted(answer, version)

    async def _send(self, name: str, hello: ClientHello | None) -> Answer:
        new = hello is not None and hello.versions is not None
        shares: tuple[int, ...] = ()
        if new and hello is not None and self._shares:
            shares = tuple(group for group in (*SHARES, *(hello.groups or ())) if group in (hello.groups or ()))
            shares = tuple(group for group in dict.fromkeys(shares) if group in SHAREABLE)[: len(SHARES)]
        return self._keep(await self._asking(Question(name, hello, shares)))

    async def _complete(self, name: str, hello: ClientHello, shares: tuple[int, ...] = ()) -> Answer:
        """A complete handshake of TLS 1.3, with groups for which we can make keys."""
        groups = tuple(code for code in hello.groups or () if code in SHAREABLE)
        question = Question(name, replace(hello, groups=groups), shares, complete=True, farewell=self._farewell)
        return self._keep(await self._asking(question))

    def _keep(self, answer: Answer) -> Answer:
        self._answers.append(answer)
        if answer.version == "TLSv1.2":
            self._tls12_answered = True
            self._chosen.add(answer.suite)
            self._used.update(() if answer.scheme is None else (answer.scheme,))
        if self._leaf is None and answer.chain:
            self._leaf = answer.chain[0]
        return answer

    def _old12(
        self, suites: Sequence[int], *, groups: Sequence[int] = GROUPS_TLS12, schemes: Sequence[int] | None = None
    ) -> ClientHello:
        if schemes is None:
            return self._hellos.old("TLSv1.2", suites, groups=groups)
        return self._hellos.old("TLSv1.2", suites, groups=groups, schemes=schemes)

    def _best(self, version: str) -> tuple[int, ...]:
        """All suites, the best first and unusual ones last: who stumbles over one of those has chosen before."""
        order = list(self._worst(version))
        order.reverse()
        return tuple(sorted(order, key=_unusual))

    def _worst(self, version: str) -> tuple[int, ...]:
        """All suites of a version in the order of the plan's sets; what is in none of them comes in between."""
        every = TLS13_SUITES if version == "TLSv1.3" else ALL_SUITES
        sets = self._sets.suites.get(version, ())
        known = {code for each in sets for code in each}
        return together((*sets[:-1], [code for code in every if code not in known], *sets[-1:]))

    def _own_curve(self) -> int | None:
        """The curve of the certificate's key, where one was shown."""
        return None if self._leaf is None else curve_of(self._leaf)

    def _own_kind(self) -> str | None:
        """The type of the certificate's key."""
        return None if self._leaf is None else key_type(self._leaf)


def usual(suites: Sequence[int]) -> tuple[int, ...]:
    """The suites for RSA and ECDSA certificates, and those of TLS 1.3."""
    return tuple(suite for suite in suites if not _unusual(suite))


def signed_by(kind: str) -> list[int]:
    """The suites of TLS 1.2 that ask for a certificate with a key of this type."""
    return [suite for suite in ALL_SUITES if authentication(suite) == kind]


def ephemeral(kind: str) -> list[int]:
    """Those of them in which the server signs its key exchange."""
    return [suite for suite in signed_by(kind) if uses_ecdhe(suite) or uses_dhe(suite)]


def suite_of(answer: Answer) -> int | None:
    """The suite chosen."""
    return answer.suite


def group_of(answer: Answer) -> int | None:
    """The group chosen."""
    return answer.group


def scheme_of(answer: Answer) -> int | None:
    """The signature scheme used."""
    return answer.scheme


def together(sets: Iterable[Sequence[int]]) -> tuple[int, ...]:
    """The members of all sets, each once."""
    return tuple(dict.fromkeys(code for each in sets for code in each))


def index_of(code: int | None, sets: Sequence[Sequence[int]]) -> int | None:
    """Which set a code is in."""
    return next((at for at, each in enumerate(sets) if code in each), None)


def _offered(answer: Answer, suites: Sequence[int]) -> Sequence[int]:
    """The suites that were asked for in the end."""
    return suites if answer.offered is None else answer.offered.suites


def _ending(name: str, part: str) -> str:
    """The name of a question with one more part; what it says at its end about groups stays there."""
    head, dot, last = name.rpartition(".")
    return f"{head}.{part}.{last}" if dot and last == BESIDE else f"{name}.{part}"


def _unusual(suite: int) -> bool:
    """Neither for an RSA nor for an ECDSA certificate: anonymous, with shared secrets, DSS, GOST.

    There are servers that choose such a suite because it is enabled, and only then find that they lack what it needs.
    """
    return suite not in TLS13_SUITES and authentication(suite) not in ("RSA", "ECDSA")
