"""Where services are: who names them, what an SRV record denies, and where nobody names any."""

from __future__ import annotations

from typing import Any

import pytest

from tr03108.evaluate.configuration import Configuration, Location
from tr03108.evaluate.places import Guess, Srv, guess, guesses, kinds_of, named_places, srv_of
from tr03108.model import CLIENT_KINDS, SERVICE_KINDS, ClientSession, Failure, Line, ProbePlan, Reason, ServicePlace
from tr03108.wire.client_configuration import Document, Security, Setting
from unit.evaluate.web_pages import TIMEOUT, V4, V4_OTHER, V6, Dns, handshake, seen

DOMAIN = "one.example"
IMAP, IMAPS, POP3S = (SERVICE_KINDS[name] for name in ("imap", "imaps", "pop3s"))
ALL = ProbePlan(services=tuple(SERVICE_KINDS))
NAME = f"_imaps._tcp.{DOMAIN}"


def srv(*records: str, status: str = "secure") -> Srv:
    return srv_of(IMAPS, DOMAIN, Dns().put(NAME, "SRV", *records, status=status))


def config(*settings: Setting) -> Configuration:
    location: Any = Location(None, "document", document=Document(settings))  # type: ignore[arg-type]
    return Configuration("autoconfig", (location,))


def setting(host: str = "imap.one.example", port: int | None = 993, security: str = "implicit") -> Setting:
    return Setting("imap", host, port, Security(security), "")


def test_targets_best_first_and_once_each() -> None:
    found = srv("10 5 993 b.example.", "0 1 993 a.example.", "0 9 143 A.example.", "0 1 993 a.example.")
    assert [(t.priority, t.port, t.host) for t in found.named] == [
        *((0, 143, "a.example"), (0, 993, "a.example"), (10, 993, "b.example")),
    ]


@pytest.mark.parametrize(
    ("records", "status", "denied", "unseen"),
    [
        (("0 0 0 .",), "secure", True, False),
        (("0 0 0 .",), "insecure", True, False),
        (("0 0 0 .",), "bogus", False, False),  # nobody can believe it; that it is bogus is another finding
        (("0 0 0 .", "0 0 993 a.example."), "secure", False, False),
        ((), "secure", False, False),
        ((), "bogus", False, True),
        (("0 0 993 a.example.",), "bogus", False, False),
    ],
)
def test_what_srv_records_prove(records: tuple[str, ...], status: str, denied: bool, unseen: bool) -> None:
    found = srv(*records, status=status)
    assert (found.denied, found.unseen) == (denied, unseen)


def test_srv_that_nobody_saw() -> None:
    assert srv_of(IMAPS, DOMAIN, Dns().hide(NAME, "SRV")).unseen


def test_who_names_a_place() -> None:
    plan = ProbePlan(services=("imaps",), named=(ServicePlace("imaps", "imap.one.example", 993),))
    found = named_places(plan, [srv("0 0 993 imap.one.example.", "1 0 994 else.example.")], [config(setting())])
    assert [(place.host, place.port, place.sources) for place in found] == [
        *(("imap.one.example", 993, ("user", "srv", "autoconfig")), ("else.example", 994, ("srv",))),
    ]


@pytest.mark.parametrize(
    ("named", "kind"),
    [
        (setting(security="implicit"), "imaps"),
        (setting(security="starttls"), "imap"),
        (setting(security="plain"), "imap"),
        (setting(security="unknown"), "imap"),
        (setting(host=""), None),
        (setting(port=None), None),
    ],
)
def test_places_of_settings(named: Setting, kind: str | None) -> None:
    assert [place.kind.name for place in named_places(ALL, [], [config(named)])] == ([kind] if kind else [])


def test_only_kinds_that_the_plan_asks_for() -> None:
    assert kinds_of(ProbePlan()) == ()
    assert kinds_of(ALL) == CLIENT_KINDS
    assert named_places(ProbePlan(services=("pop3s",)), [srv("0 0 993 a.example.")], []) == ()


def test_webmail_is_a_place() -> None:
    plan = ProbePlan(services=("https",), webmail=("https://a.example:8443/x", "https://a.example:8443/y"))
    assert [(place.kind.name, place.host, place.port) for place in named_places(plan, [], [])] == [
        ("https", "a.example", 8443)
    ]


@pytest.mark.parametrize("kind", [kind for kind in CLIENT_KINDS if kind.srv], ids=lambda kind: kind.name)
def test_well_known_names_end_at_the_domain(kind: Any) -> None:
    names = guesses(kind, DOMAIN)
    assert names
    assert all(name.endswith(f".{DOMAIN}") or name == DOMAIN for name in names)


def said(*lines: str, protocol: str = "imaps", **changes: Any) -> ClientSession:
    told = tuple(Line("S", line.encode(), 0.0) for line in lines)
    state = {"state": "greeting", "ended": "closed", "handshake": None} | changes
    return ClientSession(protocol, "", False, told, (), **state)


REFUSED = said(state="connect", ended="refused")
THERE = said(handshake=handshake())


def guessed(dns: Dns, kind: Any = IMAPS, **at: object) -> Guess:
    """`at`: what was seen at mail.one.example (as v4, v4_other, v6)."""
    addresses = {"v4": V4, "v4_other": V4_OTHER, "v6": V6}
    keys = {f"client/{kind.name}/mail.{DOMAIN}/{addresses[n]}/{kind.port}/1": value for n, value in at.items()}
    return guess(kind, DOMAIN, (4, 6), dns, seen(keys).get)


MAIL = f"mail.{DOMAIN}"


def test_names_are_asked_one_after_the_other() -> None:
    dns = Dns().host(MAIL, V4, V6)
    assert guessed(dns).wanted == (MAIL, V4)
    assert guessed(dns, v4=REFUSED).wanted == (MAIL, V6)
    assert guessed(dns, v4=THERE) == Guess(MAIL)
    assert guessed(dns, v4=REFUSED, v6=THERE) == Guess(MAIL)


@pytest.mark.parametrize(
    "no",
    [
        *(REFUSED, TIMEOUT, Failure(Reason.UNREACHABLE, "no route", (), "connect")),
        Failure(Reason.NOT_GLOBAL, "not contacted", (), "connect"),
    ],
)
def test_no_address_refusal_and_silence_count_as_no(no: object) -> None:
    assert guessed(Dns()) == Guess(None)
    assert guessed(Dns().host(MAIL, V4), v4=no) == Guess(None)


@pytest.mark.parametrize("reason", [Reason.BUDGET, Reason.NOT_PROBED])
def test_our_own_silence_does_not(reason: Reason) -> None:
    found = guessed(Dns().host(MAIL, V4), v4=Failure(reason, "ours"))
    assert (found.host, found.wanted, MAIL in found.unseen) == (None, None, True)
    assert guessed(Dns().host(MAIL, V4, V6), v4=Failure(reason, "ours"), v6=THERE).host == MAIL


@pytest.mark.parametrize("rdtype", ["A", "AAAA"])
def test_addresses_that_nobody_saw(rdtype: str) -> None:
    assert guessed(Dns().hide(MAIL, rdtype)).unseen
    assert guessed(Dns().hide(f"imap.{DOMAIN}", rdtype).host(MAIL, V4), v4=THERE) == Guess(MAIL)


@pytest.mark.parametrize(
    ("kind", "value", "there"),
    [
        (IMAPS, said(handshake=handshake("alert")), True),
        (IMAPS, said(handshake=handshake("closed", received=b"")), False),
        (IMAPS, said("* OK in the clear", handshake=handshake("garbage")), True),
        (IMAP, said("* OK", protocol="imap"), True),
        (IMAP, said(protocol="imap"), False),
        (IMAP, Failure(Reason.DEFERRED, "", (Line("S", b"* BYE", 0.0),), "greeting"), True),
        (IMAP, Failure(Reason.TIMEOUT, "", (), "greeting"), False),
    ],
)
def test_somebody_is_there_who_says_something(kind: Any, value: object, there: bool) -> None:
    assert (guessed(Dns().host(MAIL, V4), kind, v4=value).host == MAIL) is there
