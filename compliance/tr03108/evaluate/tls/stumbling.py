"""Which suites a refusal is about: servers were seen to choose what they cannot use, and to give up then.

A Dovecot without a prime for Diffie-Hellman chooses DHE and closes; an Exim with GnuTLS chose anonymous suites for
which it had nothing. Such a suite hides all behind it. Hence suites go by kinds that fail for one reason, and a refusal
that may be a stumble says nothing about a kind while another kind is there over which the server may stumble.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from ...wire.tls.code_points import authentication, uses_dhe
from ...wire.tls.names import VERSIONS
from .answers import Answer

USUAL, OTHER = "usual", "other"
KINDS = (USUAL, "dhe", "anon", "anondh", OTHER)
# Alerts by which a server says that nothing fits: handshake_failure, protocol_version, insufficient_security,
# inappropriate_fallback.
CLEAN = (40, 70, 71, 86)
INTERNAL_ERROR = 80
_ABOUT_SUITES = ("versions", "order", "suites")  # topics of hellos that leave nothing out but suites


@cache
def kind_of(suite: int) -> str:
    """What a suite needs: a certificate's key, a prime for Diffie-Hellman beside it, no key at all, or something rare.

    "usual", "dhe", "anon" (curves), "anondh" (primes), "other": with shared secrets, GOST and so on. Suites of TLS 1.3
    and signals (RFC 5746, 7507, 8701) are usual: they ask for nothing.
    """
    proof = authentication(suite)
    if not proof or (proof in ("RSA", "ECDSA") and not uses_dhe(suite)):
        return USUAL
    if proof == "anon":
        return "anondh" if uses_dhe(suite) else "anon"
    return "dhe" if uses_dhe(suite) and proof in ("RSA", "DSS") else OTHER


def may_have_stumbled(answer: Answer) -> bool:
    """Whether a hello ended as it does when a server finds out too late that it cannot use what it chose."""
    return answer.kind == "refused" or (answer.kind == "unclear" and answer.alert == INTERNAL_ERROR)


class Stumbling:
    """What all answers of one service address show of stumbling."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self._answers = answers
        self._sound: dict[str, frozenset[str]] = {}
        self._seen: dict[str, bool] = {}

    def sound(self, version: str) -> frozenset[str]:
        """The kinds over which the server does not stumble in a version: it went through with one of their suites."""
        if version not in self._sound:
            kinds = {kind_of(code) for code in self._codes(version)}
            self._sound[version] = frozenset(kinds - {OTHER})  # of which one that works says nothing about another
        return self._sound[version]

    def seen(self, version: str) -> bool:
        """Whether the server refused a hello in which there was a suite that it accepts."""
        if version not in self._seen:
            codes = self._codes(version)
            refused = (a for a in self._answers if a.kind == "refused" and a.topic in _ABOUT_SUITES)
            self._seen[version] = any(not codes.isdisjoint(suites_offered(answer, version)) for answer in refused)
        return self._seen[version]

    def doubted(self, answer: Answer, version: str) -> frozenset[str]:
        """The kinds of suites in a hello over which the server may have stumbled, where it did not choose any.

        Empty where there is one kind only, or where an alert says that nothing fits and the server stumbles nowhere.
        """
        kinds = frozenset(kind_of(suite) for suite in suites_offered(answer, version))
        if answer.chosen or len(kinds) < 2 or (answer.alert in CLEAN and not self.seen(version)):
            return frozenset()
        return kinds - self.sound(version)

    def refused_by(self, answer: Answer, version: str) -> frozenset[int]:
        """The suites that a refusal is about: those of which nothing of another kind can be the reason."""
        suites, doubted = suites_offered(answer, version), self.doubted(answer, version)
        return frozenset(suite for suite in suites if doubted <= {kind_of(suite)})

    def refuses_all(self, refusals: Iterable[Answer], version: str) -> bool:
        """Whether the hello with everything that a version has was refused, and so was each of its kinds.

        `refusals` are those that can be for what the hello offers; the first may have been refused for its length.
        """
        refused = {suite for answer in refusals for suite in self.refused_by(answer, version)}
        whole = (a for a in self._answers if a.question == f"versions.{version}" and a.kind == "refused")
        every = [suites for answer in whole if (suites := suites_offered(answer, version))]
        return any(refused.issuperset(suites) for suites in every)

    def _codes(self, version: str) -> set[int]:
        return {a.suite for a in self._answers if a.chosen and a.version == version and a.suite is not None}


def suites_offered(answer: Answer, version: str) -> tuple[int, ...]:
    """The suites of a hello whose newest version is this one."""
    offered = answer.offered
    if offered is None:
        return ()
    newest = max(offered.versions) if offered.versions else offered.version
    return offered.suites if VERSIONS.get(newest) == version else ()
