"""A refusal says nothing about suites that stand beside one over which the server may have stumbled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tr03108.evaluate.tls.answers import Answer
from tr03108.evaluate.tls.facts import TlsFacts
from tr03108.evaluate.tls.stumbling import KINDS, kind_of
from tr03108.wire.tls.code_points import ALL_SUITES, TLS13_SUITES
from unit.evaluate.tls_answers import ANON_DH, CBC, DHE, DHE2, ECDHE_RSA, RC4, chosen, old, refused, unclear

ANON = 0xC018  # TLS_ECDH_anon_WITH_AES_128_CBC_SHA
PSK = 0x00A8
SOME = chosen("versions.TLSv1.2", old(ALL_SUITES), ECDHE_RSA, group=23)
USES_DHE = chosen("suites.TLSv1.2.1", old(ALL_SUITES), DHE2, prime=3072)


def alone(version: str) -> list[Answer]:
    """Each kind of suites, refused by closing."""
    kinds = {kind: tuple(code for code in ALL_SUITES if kind_of(code) == kind) for kind in KINDS}
    return [refused(f"suites.{version}.{kind}", old(codes, version), None) for kind, codes in kinds.items()]


def test_kinds() -> None:
    assert [kind_of(code) for code in (ECDHE_RSA, CBC, RC4, TLS13_SUITES[0], 0x5600)] == ["usual"] * 5
    assert [kind_of(code) for code in (DHE, ANON, ANON_DH, PSK)] == ["dhe", "anon", "anondh", "other"]
    assert {kind_of(code) for code in ALL_SUITES} == set(KINDS)


@pytest.mark.parametrize("alert", [None, 0, 47])
def test_a_close_refuses_only_what_nothing_else_explains(alert: int | None) -> None:
    mixed = refused("suites.TLSv1.2.2", old((RC4, DHE)), alert)
    assert TlsFacts([SOME, mixed]).suites("TLSv1.2").refused == {DHE}, "RSA works: it can only be for DHE"
    assert TlsFacts([SOME, USES_DHE, mixed]).suites("TLSv1.2").refused == {RC4, DHE}
    several = replace(mixed, offered=old((RC4, DHE, ANON_DH)))
    assert TlsFacts([SOME, several]).suites("TLSv1.2").refused == set()
    only = replace(mixed, offered=old((RC4, CBC)))
    assert TlsFacts([SOME, only]).suites("TLSv1.2").refused == {RC4, CBC}


def test_a_suite_of_a_rare_kind_that_works_vouches_for_no_other() -> None:
    rare = chosen("suites.TLSv1.2.1", old(ALL_SUITES), PSK)
    mixed = refused("suites.TLSv1.2.2", old((RC4, 0x00A9)), None)
    assert RC4 not in TlsFacts([SOME, rare, mixed]).suites("TLSv1.2").refused


@pytest.mark.parametrize("alert", [40, 70, 71])
def test_an_alert_counts_for_all_until_the_server_is_seen_to_stumble(alert: int) -> None:
    mixed = refused("suites.TLSv1.2.2", old((RC4, DHE)), alert)
    assert TlsFacts([SOME, mixed]).suites("TLSv1.2").refused == {RC4, DHE}
    stumbled = refused("order.worst.TLSv1.2", old((RC4, DHE, ECDHE_RSA)), alert)
    assert TlsFacts([SOME, stumbled, mixed]).suites("TLSv1.2").refused == {DHE}


def test_groups_and_schemes_beside_such_a_suite_stay_unknown() -> None:
    group = refused("alone.TLSv1.2.24", old((ECDHE_RSA, DHE), groups=(24,)), None)
    scheme = refused("schemes.TLSv1.2.RSA.1", old((ECDHE_RSA, DHE), schemes=(0x0201,)), None)
    facts = TlsFacts([SOME, group, scheme])
    assert facts.groups("TLSv1.2").unknown((24,)) == (24,)
    assert facts.schemes("TLSv1.2", "RSA").unknown((0x0201,)) == (0x0201,)
    facts = TlsFacts([SOME, USES_DHE, group, scheme])
    assert not facts.groups("TLSv1.2").unknown((24,))
    assert not facts.schemes("TLSv1.2", "RSA").unknown((0x0201,))


def test_a_version_is_refused_when_each_kind_of_suites_is() -> None:
    whole = refused("versions.TLSv1", old(ALL_SUITES, "TLSv1"), None)
    usual = refused("versions.TLSv1.usual", old((ECDHE_RSA, DHE), "TLSv1"), None)
    kinds = alone("TLSv1")
    assert TlsFacts([SOME, whole]).version("TLSv1") == "unseen"
    assert TlsFacts([SOME, whole, usual]).version("TLSv1") == "unseen"
    assert TlsFacts([SOME, whole, *kinds]).version("TLSv1") == "refused"
    for kind in kinds:
        assert TlsFacts([SOME, whole, *(each for each in kinds if each is not kind)]).version("TLSv1") == "unseen"
    assert TlsFacts([SOME, *kinds]).version("TLSv1") == "unseen", "who knows what else there is"
    assert TlsFacts([SOME, replace(whole, alert=70)]).version("TLSv1") == "refused"


def test_internal_errors_refuse_a_version_only_without_such_suites_too() -> None:
    failed = [
        replace(unclear(f"versions.TLSv1{end}", old((RC4, ECDHE_RSA), "TLSv1"), "TLS_ALERT"), alert=80)
        for end in ("", ".unsigned", ".apart")
    ]
    proven = replace(SOME, proven=True)
    assert TlsFacts([proven, *failed]).version("TLSv1") == "refused"
    assert TlsFacts([proven, *failed[:2]]).version("TLSv1") == "unseen"
    assert TlsFacts([SOME, *failed]).version("TLSv1") == "unseen"
