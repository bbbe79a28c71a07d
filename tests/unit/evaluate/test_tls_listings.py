"""What is accepted and what nobody knows, by name: a list is closed only where everything else was refused."""

from __future__ import annotations

import pytest

from tr03108.evaluate.tls import listings
from tr03108.evaluate.tls.facts import TlsFacts
from tr03108.evaluate.tls.listings import Item
from tr03108.wire.tls.code_points import ALL_SUITES, FFDHE_GROUPS, uses_dhe
from unit.evaluate.tls_answers import ANON_DH, CBC, DHE, DHE2, ECDHE_RSA, RC4, chosen, new, old, refused, unclear

LONG = old(ALL_SUITES)
WHOLE = chosen("versions.TLSv1.2", LONG, ECDHE_RSA, group=23)


def rest(*without: int) -> tuple[int, ...]:
    return tuple(code for code in ALL_SUITES if code not in without)


def names(items: tuple[Item, ...]) -> list[str]:
    return [item.text for item in items]


def test_versions() -> None:
    facts = TlsFacts([WHOLE, refused("versions.TLSv1.1", old(version="TLSv1.1"), 70), unclear("versions.SSLv2", None)])
    found = listings.versions(facts)
    assert names(found.accepted) == ["TLSv1.2"]
    assert names(found.unknown) == ["SSLv2", "TLSv1.3"]
    assert found.open_code == "SERVICE_TIMEOUT"


def test_older_versions_matter_where_neither_modern_one_is_spoken() -> None:
    old_one = chosen("versions.TLSv1", old(ALL_SUITES, "TLSv1"), CBC, "TLSv1")
    none = [refused("versions.TLSv1.2", old(), 70), refused("versions.TLSv1.3", new(), 70)]
    assert listings.spoken(TlsFacts([old_one, *none])) == ("TLSv1",)
    assert listings.spoken(TlsFacts([old_one])) == ("TLSv1.2", "TLSv1.3")  # for nobody knows


def test_suites_are_closed_by_a_refusal_of_all_others() -> None:
    open_list = listings.suites(TlsFacts([WHOLE]), "TLSv1.2")
    assert len(open_list.unknown) == len(ALL_SUITES) - 1
    assert open_list.open_code == "NOT_PROBED"
    closed_list = listings.suites(TlsFacts([WHOLE, refused("suites.TLSv1.2.1", old(rest(ECDHE_RSA)))]), "TLSv1.2")
    assert names(closed_list.accepted) == ["TLSv1.2 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"]
    assert closed_list.unknown == ()


class TestFiniteFields:
    """Trap 2 of technique.md: the size of the group is one of the suite."""

    DHE_SEEN = chosen("dhe.TLSv1.2", old((DHE, DHE2)), DHE2, prime=3072)

    def unknown(self, *answers: object) -> list[str]:
        return [i.name for i in listings.groups(TlsFacts([WHOLE, *answers]), "TLSv1.2").unknown if i.name == "DH"]  # type: ignore[list-item]

    def test_one_size_says_nothing_of_another_suite(self) -> None:
        assert self.unknown(self.DHE_SEEN) == ["DH"]

    def test_all_other_suites_refused_it_does(self) -> None:
        others = refused("suites.TLSv1.2.1", old(rest(ECDHE_RSA, DHE2)))
        assert self.unknown(self.DHE_SEEN, others) == []

    def test_each_size_is_an_item(self) -> None:
        second = chosen("suites.TLSv1.2.1", old((ANON_DH,)), ANON_DH, prime=1024)
        found = listings.groups(TlsFacts([WHOLE, self.DHE_SEEN, second]), "TLSv1.2").accepted
        assert [item.bits for item in found if item.code is None] == [1024, 3072]

    def test_anonymous_suites_count(self) -> None:
        signed = refused("dhe.TLSv1.2", old(tuple(code for code in ALL_SUITES if uses_dhe(code) and code != ANON_DH)))
        assert self.unknown(signed) == ["DH"]

    def test_without_such_suites_there_is_no_group(self) -> None:
        closed_list = refused("suites.TLSv1.2.1", old(rest(ECDHE_RSA)))
        found = listings.groups(TlsFacts([WHOLE, closed_list]), "TLSv1.2")
        assert not {item.code for item in found.unknown} & {None, *FFDHE_GROUPS}


def test_curves_are_unknown_only_where_a_suite_may_use_them() -> None:
    rsa = chosen("versions.TLSv1.2", LONG, RC4)
    assert listings.groups(TlsFacts([rsa]), "TLSv1.2").unknown
    closed_list = refused("suites.TLSv1.2.1", old(rest(RC4)))
    assert listings.groups(TlsFacts([rsa, closed_list]), "TLSv1.2").unknown == ()


def test_schemes_are_by_type_of_key() -> None:
    none = listings.schemes(TlsFacts([WHOLE]), "TLSv1.2")
    assert (none.accepted, none.unknown) == ((), ())


@pytest.mark.parametrize(
    ("code", "version", "secret"),
    [(ECDHE_RSA, "TLSv1.2", True), (RC4, "TLSv1.2", False), (ANON_DH, "TLSv1.2", False), (0x1301, "TLSv1.3", True)],
)
def test_forward_secrecy(code: int, version: str, secret: bool) -> None:
    assert listings.is_forward_secret(Item(version, code, listings.name_of_suite(code))) is secret


def test_lists_add_up() -> None:
    one = listings.Listing((Item("TLSv1.2", 1, "a"),), (), None)
    two = listings.Listing((), (Item("TLSv1.3", 2, "b"),), unclear("q", None))
    assert (one + two).open_code == "SERVICE_TIMEOUT"
    assert [*names((one + two).accepted), *names((one + two).unknown)] == ["TLSv1.2 a", "TLSv1.3 b"]


def test_an_answer_without_a_choice_has_no_suite() -> None:
    with pytest.raises(ValueError, match="no choice"):
        listings.item_of_suite(refused("q", old()))
