"""Accepted, refused or unknown: nothing counts as refused that another reason explains."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tr03108.evaluate.tls.answers import Answer
from tr03108.evaluate.tls.facts import AGAIN, CLOSES_OF_DROPPERS, TlsFacts
from tr03108.lab.pki import Pki
from tr03108.wire.tls.code_points import ALL_SUITES, GROUPS_TLS12, GROUPS_TLS13
from tr03108.wire.tls.names import Extension
from unit.evaluate.tls_answers import (
    CBC,
    DHE,
    DHE2,
    ECDHE_ECDSA,
    ECDHE_RSA,
    RC4,
    TIME,
    chosen,
    closed,
    new,
    old,
    refused,
    unclear,
)

LONG = old(ALL_SUITES)  # the longest hello of all
MOST = old(tuple(code for code in ALL_SUITES if code != ECDHE_RSA))
WHOLE = chosen("versions.TLSv1.2", LONG, ECDHE_RSA, group=23)
SHOWN = (Pki(TIME).chain("mx1.lab.example", key="P-256").leaf.public_bytes(Encoding.DER),)


def test_nothing_asked_is_nothing_refused() -> None:
    facts = TlsFacts([])
    assert [facts.version(name) for name in ("SSLv2", "SSLv3", "TLSv1.2", "TLSv1.3")] == ["unseen"] * 4
    assert facts.suites("TLSv1.2").unknown(ALL_SUITES) == ALL_SUITES
    assert not facts.asked
    assert facts.extended_master_secret is None
    assert facts.server_order("TLSv1.2") is None


@pytest.mark.parametrize("alert", [40, 47, 70, 71])
def test_what_a_refused_hello_offered_is_not_accepted(alert: int) -> None:
    facts = TlsFacts([WHOLE, refused("suites.TLSv1.2.1", old((RC4, CBC)), alert)])
    assert facts.suites("TLSv1.2").codes == (ECDHE_RSA,)
    assert facts.suites("TLSv1.2").refused == {RC4, CBC}
    assert facts.suites("TLSv1.2").unknown((RC4, CBC, DHE)) == (DHE,)


@pytest.mark.parametrize("code", ["SERVICE_TIMEOUT", "SERVICE_DEFERRED", "TLS_ALERT", "BUDGET_EXHAUSTED"])
def test_trap_5_what_was_not_seen_stays_unknown(code: str) -> None:
    facts = TlsFacts([WHOLE, unclear("suites.TLSv1.2.1", old((RC4,)), code)])
    found = facts.suites("TLSv1.2")
    assert found.unknown((RC4,)) == (RC4,)
    assert found.open is not None
    assert found.open.code == code


class TestCloses:
    """Trap 5 of technique.md: there are servers that close where an alert is due."""

    HELLO = old((RC4,))

    def closes(self, number: int) -> list[Answer]:
        return [closed("suites.TLSv1.2.1" + AGAIN * n, self.HELLO) for n in range(number)]

    def test_one_shows_nothing(self) -> None:
        found = TlsFacts([WHOLE, *self.closes(1)]).suites("TLSv1.2")
        assert found.unknown((RC4,)) == (RC4,)
        assert found.open is not None
        assert found.open.code == "SERVICE_ABORTED"

    def test_two_refuse(self) -> None:
        assert TlsFacts([WHOLE, *self.closes(2)]).suites("TLSv1.2").refused == {RC4}

    def test_two_show_nothing_of_a_server_that_never_spoke_tls(self) -> None:
        assert TlsFacts(self.closes(2)).suites("TLSv1.2").unknown((RC4,)) == (RC4,)

    def test_the_second_answer_counts(self) -> None:
        again = chosen("suites.TLSv1.2.1" + AGAIN, self.HELLO, RC4)
        assert TlsFacts([WHOLE, *self.closes(1), again]).suites("TLSv1.2").codes == (RC4, ECDHE_RSA)

    def test_two_show_nothing_of_a_server_that_closes_at_random(self) -> None:
        random = [closed("groups.TLSv1.2.1", old()), chosen("groups.TLSv1.2.1" + AGAIN, old(), ECDHE_RSA, group=23)]
        for number in range(1, CLOSES_OF_DROPPERS):
            found = TlsFacts([WHOLE, *random, *self.closes(number)]).suites("TLSv1.2")
            assert found.unknown((RC4,)) == (RC4,)
        assert TlsFacts([WHOLE, *random, *self.closes(CLOSES_OF_DROPPERS)]).suites("TLSv1.2").refused == {RC4}


def test_a_refusal_of_what_is_accepted_is_about_something_else() -> None:
    contradiction = refused("order.worst.TLSv1.2", old((RC4, CBC, ECDHE_RSA)))
    found = TlsFacts([WHOLE, contradiction]).suites("TLSv1.2")
    assert found.codes == (ECDHE_RSA,)
    assert found.unknown((RC4, CBC)) == (RC4, CBC)
    groups = TlsFacts([WHOLE, refused("groups.TLSv1.2.1", old(groups=(21, 23)))]).groups("TLSv1.2")
    assert groups.unknown((21, 23)) == (21,)


class TestLongHellos:
    """Trap 8 of technique.md: a hello of all suites has more than 1,000 octets, and not every server bears that."""

    SHORT = chosen("alone.TLSv1.2.23", old(groups=(23,)), ECDHE_RSA, group=23)

    def test_a_refusal_of_a_longer_hello_than_any_answered_shows_nothing(self) -> None:
        answers = [self.SHORT, refused("suites.TLSv1.2.1", MOST), refused("versions.TLSv1.1", LONG)]
        facts = TlsFacts(answers)
        assert facts.suites("TLSv1.2").unknown((RC4,)) == (RC4,)
        assert facts.version("TLSv1.1") == "unseen"

    def test_it_does_where_another_one_as_long_was_answered(self) -> None:
        facts = TlsFacts([WHOLE, refused("suites.TLSv1.2.1", MOST)])
        assert facts.suites("TLSv1.2").unknown((RC4,)) == ()

    def test_an_ordinary_handshake_of_many_octets_shows_it_too(self) -> None:
        long = replace(old(), extras=((0x1234, bytes(1500)),))
        legacy = old(ALL_SUITES, "TLSv1.1")
        facts = TlsFacts([chosen("ordinary", long, ECDHE_RSA, group=23), refused("versions.TLSv1.1", legacy)])
        assert facts.version("TLSv1.1") == "refused"

    def test_protocol_version_is_never_about_the_length(self) -> None:
        facts = TlsFacts([self.SHORT, refused("versions.TLSv1.1", old(ALL_SUITES, "TLSv1.1"), 70)])
        assert facts.version("TLSv1.1") == "refused"


class TestVersions:
    def test_alone_and_refused(self) -> None:
        facts = TlsFacts([WHOLE, refused("versions.SSLv3", old(version="SSLv3"))])
        assert facts.version("SSLv3") == "refused"
        assert facts.version("TLSv1") == "unseen"

    def test_an_older_one_chosen_instead(self) -> None:
        facts = TlsFacts([chosen("versions.TLSv1.1", old(version="TLSv1.1"), CBC, "TLSv1")])
        assert (facts.version("TLSv1"), facts.version("TLSv1.1"), facts.version("TLSv1.2")) == (
            "accepted",
            "refused",
            "unseen",
        )

    def test_a_refused_hello_of_tls11_refuses_the_older_ones(self) -> None:
        facts = TlsFacts([WHOLE, refused("versions.TLSv1.1", old(version="TLSv1.1"), 70)])
        assert [facts.version(name) for name in ("SSLv3", "TLSv1", "TLSv1.1")] == ["refused"] * 3

    @pytest.mark.parametrize("alert", [40, 47, 71, None])
    def test_but_not_where_it_may_have_been_for_its_suites(self, alert: int | None) -> None:
        facts = TlsFacts([WHOLE, refused("versions.TLSv1.1", old(version="TLSv1.1"), alert)])
        assert [facts.version(name) for name in ("SSLv3", "TLSv1", "TLSv1.1")] == ["unseen", "unseen", "refused"]

    def test_a_refusal_of_some_suites_refuses_no_version(self) -> None:
        assert TlsFacts([refused("suites.TLSv1.2.1", old((RC4,)))]).version("TLSv1.2") == "unseen"

    def test_not_even_with_protocol_version(self) -> None:
        """There are servers that say so of suites and groups, too: the hello with everything decides."""
        assert TlsFacts([refused("suites.TLSv1.2.1", old((RC4,)), 70)]).version("TLSv1.2") == "unseen"
        assert TlsFacts([refused("versions.TLSv1.2", old((RC4,)), 70)]).version("TLSv1.2") == "refused"

    @pytest.mark.parametrize(
        ("random", "version"),
        [(bytes(32), "refused"), (bytes(24) + b"DOWNGRD\x01", "unseen"), (bytes(24) + b"DOWNGRD\x00", "unseen")],
    )
    def test_a_server_that_could_do_tls13_says_so_when_it_chooses_less(self, random: bytes, version: str) -> None:
        both = replace(old(), versions=(0x0304, 0x0303))
        facts = TlsFacts([chosen("ordinary", both, ECDHE_RSA, random=random)])
        assert facts.version("TLSv1.3") == version

    def test_sslv2_is_refused_by_name(self) -> None:
        assert TlsFacts([refused("versions.SSLv2", None)]).version("SSLv2") == "refused"
        assert TlsFacts([unclear("versions.SSLv2", None)]).version("SSLv2") == "unseen"
        assert TlsFacts([Answer("versions.SSLv2", WHOLE.time, "chosen", None)]).version("SSLv2") == "accepted"


class TestEmptyKeyShare:
    """RFC 8446 section 4.2.8 lets a client send no key; who does not know that refuses hellos for the lack of one."""

    WITH = chosen("versions.TLSv1.3.shares", replace(new(), key_shares=((29, bytes(32)),)), 0x1301, "TLSv1.3", group=29)
    REFUSED = (refused("groups.TLSv1.3.1", new(groups=(256,))), refused("suites.TLSv1.3.1", new(suites=(0x1305,))))

    def test_refusals_show_nothing_of_such_a_server(self) -> None:
        long = replace(old(), extras=((0x1234, bytes(1000)),))
        bears = chosen("ordinary", long, ECDHE_RSA)
        facts = TlsFacts([bears, self.WITH, *self.REFUSED, refused("versions.TLSv1.3", new(), 47)])
        assert facts.version("TLSv1.3") == "accepted"
        assert facts.groups("TLSv1.3").unknown((256,)) == (256,)
        assert facts.suites("TLSv1.3").unknown((0x1305,)) == (0x1305,)

    def test_and_not_that_it_lacks_the_version(self) -> None:
        long = replace(old(), extras=((0x1234, bytes(1000)),))
        facts = TlsFacts([chosen("sni.none", long, ECDHE_RSA), refused("versions.TLSv1.3", new(), 47)])
        assert facts.version("TLSv1.3") == "unseen"

    def test_they_do_where_one_without_a_key_was_answered(self) -> None:
        bears = chosen("versions.TLSv1.3", new(), 0x1301, "TLSv1.3", group=23)
        facts = TlsFacts([bears, *self.REFUSED])
        assert facts.groups("TLSv1.3").unknown((256,)) == ()
        assert facts.suites("TLSv1.3").unknown((0x1305,)) == ()


class TestGroups:
    def test_a_refusal_is_about_groups_only_where_a_suite_fits(self) -> None:
        hello = old((CBC,), groups=(21,))
        assert TlsFacts([WHOLE, refused("groups.TLSv1.2.1", hello)]).groups("TLSv1.2").unknown((21,)) == (21,)
        fits = old(groups=(21,))
        assert TlsFacts([WHOLE, refused("groups.TLSv1.2.1", fits)]).groups("TLSv1.2").unknown((21,)) == ()

    def test_trap_2_dh_sizes_are_by_suite_and_the_smallest_counts(self) -> None:
        answers = [
            chosen("suites.TLSv1.2.1", old((DHE,)), DHE, prime=2048),
            chosen("suites.TLSv1.2.2", old((DHE,)), DHE, prime=1024),
            chosen("suites.TLSv1.2.3", old((DHE2,)), DHE2, prime=3072),
        ]
        assert TlsFacts(answers).dh_sizes == {("TLSv1.2", DHE): 1024, ("TLSv1.2", DHE2): 3072}

    def test_every_code_of_each_version_is_unknown_until_asked(self) -> None:
        facts = TlsFacts([WHOLE])
        assert set(facts.groups("TLSv1.2").unknown(GROUPS_TLS12)) == set(GROUPS_TLS12) - {23}
        assert facts.groups("TLSv1.3").unknown(GROUPS_TLS13) == GROUPS_TLS13


class TestOwnCurve:
    """A server with one ECDSA certificate has none for who does not offer its curve (RFC 8422 section 5.1)."""

    ALL = chosen("versions.TLSv1.2", old((ECDHE_ECDSA, CBC)), ECDHE_ECDSA, group=23, chain=SHOWN)
    REST = old((ECDHE_ECDSA,), groups=(21, 29))

    def beside(self, group: int, groups: tuple[int, ...] = (21, 29, 23)) -> Answer:
        return chosen("groups.TLSv1.2.1.beside", old((ECDHE_ECDSA,), groups=groups), ECDHE_ECDSA, group=group)

    def test_a_refusal_without_the_curve_shows_nothing(self) -> None:
        found = TlsFacts([self.ALL, refused("groups.TLSv1.2.1", self.REST)]).groups("TLSv1.2")
        assert found.unknown((21, 29)) == (21, 29)

    def test_with_it_it_does(self) -> None:
        other = chosen("suites.TLSv1.2.1", old((ECDHE_ECDSA,)), ECDHE_ECDSA, group=24, chain=SHOWN)
        with_curve = refused("groups.TLSv1.2.2", old((ECDHE_ECDSA,), groups=(21, 29)))
        assert TlsFacts([self.ALL, other, with_curve]).groups("TLSv1.2").unknown((21, 29)) == (21, 29)
        rsa = chosen("certificate.TLSv1.2.RSA", old((ECDHE_RSA,)), ECDHE_RSA, group=23)
        either = refused("groups.TLSv1.2.2", old((ECDHE_ECDSA, ECDHE_RSA), groups=(21, 29)))
        assert TlsFacts([self.ALL, rsa, either]).groups("TLSv1.2").unknown((21, 29)) == ()

    def test_beside_it_a_server_of_its_own_order_may_just_like_its_own_curve_better(self) -> None:
        found = TlsFacts([self.ALL, self.beside(23)]).groups("TLSv1.2")
        assert found.codes == (23,)
        assert found.unknown((21, 29)) == (21, 29)

    def test_what_never_comes_without_the_curve_and_never_beside_it_does_not_come_at_all(self) -> None:
        found = TlsFacts([self.ALL, refused("groups.TLSv1.2.1", self.REST), self.beside(23)]).groups("TLSv1.2")
        assert found.unknown((21, 29)) == ()

    def test_who_follows_the_client_would_have_taken_what_came_before_it(self) -> None:
        follows = replace(
            self.beside(29), question="groups.TLSv1.2.own1.beside"
        )  # although 23, chosen elsewhere with 29 in the offer, was there as well
        found = TlsFacts([self.ALL, follows, self.beside(23, (21, 23))]).groups("TLSv1.2")
        assert found.codes == (23, 29)
        assert found.unknown((21,)) == ()


class TestFeatures:
    def test_trap_3_encrypt_then_mac_is_asked_with_cbc_suites_alone(self) -> None:
        granted = ((int(Extension.ENCRYPT_THEN_MAC), b""),)
        aead = chosen("versions.TLSv1.2", old(), ECDHE_RSA)
        assert TlsFacts([aead]).encrypt_then_mac == {}
        once = chosen("curious.TLSv1.2", old((CBC,)), CBC, extensions=granted)
        assert TlsFacts([aead, once]).encrypt_then_mac == {CBC: True}
        without = chosen("suites.TLSv1.2.1", old((CBC,)), CBC)
        assert TlsFacts([aead, once, without]).encrypt_then_mac == {CBC: False}

    def test_truncated_hmac_was_declined_only_where_a_cbc_suite_was_chosen(self) -> None:
        extras = ((int(Extension.TRUNCATED_HMAC), b""),)
        aead = chosen("curious.TLSv1.2", replace(old(), extras=extras), ECDHE_RSA)
        assert not TlsFacts([aead]).truncated_hmac_offered
        cbc = chosen("curious.TLSv1.2", replace(old((CBC,)), extras=extras), CBC)
        assert TlsFacts([aead, cbc]).truncated_hmac_offered
        assert TlsFacts([aead, cbc]).truncated_hmac is None
        taken = replace(cbc, hello=replace(cbc.hello, extensions=extras)) if cbc.hello else cbc
        assert TlsFacts([aead, taken]).truncated_hmac == taken

    def test_the_extended_master_secret_has_to_come_each_time(self) -> None:
        granted = ((int(Extension.EXTENDED_MASTER_SECRET), b""),)
        yes = chosen("versions.TLSv1.2", old(), ECDHE_RSA, extensions=granted)
        no = chosen("suites.TLSv1.2.1", old(), CBC)
        assert TlsFacts([yes]).extended_master_secret is True
        assert TlsFacts([yes, no]).extended_master_secret is False

    def test_order(self) -> None:
        best = chosen("versions.TLSv1.2", old((CBC, ECDHE_RSA)), ECDHE_RSA)
        other = chosen("suites.TLSv1.2.1", old((CBC,)), CBC)
        same = chosen("order.worst.TLSv1.2", old((ECDHE_RSA, CBC)), ECDHE_RSA)
        turned = chosen("order.worst.TLSv1.2", old((ECDHE_RSA, CBC)), CBC)
        assert TlsFacts([best, same, other]).server_order("TLSv1.2") is True
        assert TlsFacts([best, turned, other]).server_order("TLSv1.2") is False
        assert TlsFacts([best, same]).server_order("TLSv1.2") is None  # there is one suite: nothing to prefer

    def test_reused_keys(self) -> None:
        one = chosen("versions.TLSv1.2", old(), ECDHE_RSA, group=23)
        assert TlsFacts([one]).reused_keys == 0
        assert TlsFacts([one, replace(one, question="groups.TLSv1.2.1")]).reused_keys == 1


def test_a_second_certificate_is_lacking_only_where_all_that_asks_for_it_was_refused() -> None:
    ecdsa = old(tuple(code for code in ALL_SUITES if code in (ECDHE_ECDSA, 0xC02C, 0xC009)))
    facts = TlsFacts([WHOLE, refused("certificate.TLSv1.2.ECDSA", ecdsa)])
    assert facts.lacks_certificate("TLSv1.2", "ECDSA") is None
    assert TlsFacts([WHOLE, unclear("certificate.TLSv1.2.ECDSA", LONG)]).lacks_certificate("TLSv1.2", "ECDSA") is None
