"""Low priority is proven by a choice against the order of the client, and disproven by one choice of the worse."""

from __future__ import annotations

from dataclasses import replace

from tr03108.evaluate.tls.answers import Answer
from tr03108.evaluate.tls.facts import TlsFacts
from tr03108.evaluate.tls.listings import Item
from tr03108.evaluate.tls.priority import suite_has_low_priority, version_has_low_priority
from unit.evaluate.tls_answers import CBC, DHE, ECDHE_RSA, RC4, chosen, new, old, refused

BAD = Item("TLSv1.2", RC4, "TLS_RSA_WITH_RC4_128_SHA")


def better(_version: str, code: int) -> bool:
    return code in (ECDHE_RSA, DHE)


def low(*answers: Answer) -> bool | None:
    return suite_has_low_priority(TlsFacts(answers), BAD, better)


ALONE = chosen("suites.TLSv1.2.1", old((RC4,)), RC4)
GOOD = chosen("alone.TLSv1.2.23", old((ECDHE_RSA,)), ECDHE_RSA)


class TestSuites:
    def test_unseen(self) -> None:
        assert low(ALONE, GOOD) is None

    def test_a_better_one_chosen_although_it_came_last(self) -> None:
        assert low(ALONE, chosen("order.ends.TLSv1.2", old((RC4, ECDHE_RSA)), ECDHE_RSA)) is True

    def test_a_better_one_that_came_first_proves_nothing(self) -> None:
        assert low(ALONE, chosen("versions.TLSv1.2", old((ECDHE_RSA, RC4)), ECDHE_RSA)) is None

    def test_the_worse_chosen_is_enough(self) -> None:
        proof = chosen("order.ends.TLSv1.2", old((RC4, ECDHE_RSA)), ECDHE_RSA)
        for topic in ("versions.TLSv1.2", "order.worst.TLSv1.2", "suites.TLSv1.2.3", "ordinary"):
            assert low(GOOD, proof, chosen(topic, old((RC4, ECDHE_RSA)), RC4)) is False

    def test_one_better_suite_behind_it_is_enough(self) -> None:
        """A client that lacks the server's favourite gets the bad one, although it offers a good one."""
        favourite = chosen("order.ends.TLSv1.2", old((RC4, DHE, ECDHE_RSA)), ECDHE_RSA)
        second = chosen("suites.TLSv1.2.2", old((DHE, RC4)), RC4)
        third = chosen("suites.TLSv1.2.3", old((DHE,)), DHE)
        assert low(favourite, second, third) is False

    def test_what_is_not_known_to_be_accepted_is_not_preferred_to(self) -> None:
        assert low(ALONE, chosen("order.ends.TLSv1.2", old((RC4, DHE, CBC)), RC4)) is None
        nothing_better = refused("suites.TLSv1.2.best", old((ECDHE_RSA, DHE)))
        assert low(ALONE, nothing_better) is True


class TestVersions:
    OLD = Item("TLSv1.1", None, "TLSv1.1")
    SEEN = chosen("versions.TLSv1.1", old(version="TLSv1.1"), CBC, "TLSv1.1")

    def low(self, *answers: Answer) -> bool | None:
        return version_has_low_priority(TlsFacts(answers), self.OLD, ("TLSv1.2", "TLSv1.3"))

    def test_nothing_better_is_there(self) -> None:
        assert self.low(self.SEEN) is True

    def test_the_newer_one_chosen(self) -> None:
        assert self.low(self.SEEN, chosen("versions.TLSv1.2", old(), ECDHE_RSA)) is True

    def test_the_older_one_chosen_once(self) -> None:
        order = replace(new(), versions=(0x0302, 0x0303, 0x0304))
        newer = chosen("versions.TLSv1.2", old(), ECDHE_RSA)
        assert self.low(self.SEEN, newer, chosen("order.versions", order, CBC, "TLSv1.1")) is False

    def test_a_hello_of_one_version_shows_no_order(self) -> None:
        only = chosen("versions.TLSv1.3", new(), 0x1301, "TLSv1.3", group=23)
        assert self.low(self.SEEN, only) is None

    def test_nobody_comes_to_sslv2_who_says_hello_in_tls(self) -> None:
        sslv2 = replace(self.SEEN, question="versions.SSLv2", offered=None, hello=None)
        newer = chosen("versions.TLSv1.2", old(), ECDHE_RSA)
        assert version_has_low_priority(TlsFacts([sslv2, newer]), Item("SSLv2", None, "SSLv2"), ("TLSv1.2",)) is True
