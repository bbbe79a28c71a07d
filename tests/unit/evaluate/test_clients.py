"""What checks see of a domain's mail clients: the services and who names them, and how clients are led there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tr03108.evaluate.clients import Offer, places_of_configuration, ranked_behind, within
from tr03108.evaluate.lookup import Alias, Status
from tr03108.evaluate.places import MOST_PLACES
from tr03108.model import CLIENT_KINDS, SERVICE_KINDS, ServicePlace
from unit.evaluate.chains import Maker, der
from unit.evaluate.client_domain import (
    CONFIG,
    DISCOVER,
    DOMAIN,
    ELSEWHERE,
    FOREIGN_NAME,
    KINDS,
    MAIL,
    NAMES,
    ROOTS,
    ClientDomain,
    autoconfig,
    autodiscover,
    page,
    session,
)
from unit.evaluate.conftest import NOW
from unit.evaluate.web_pages import TIMEOUT, V4, V4_OTHER, V6, exchange, lookup, refused

IMAP, IMAPS = SERVICE_KINDS["imap"], SERVICE_KINDS["imaps"]
WEB = f"webmail.{DOMAIN}"


def offer(world: ClientDomain, kind: str = "imaps") -> Offer:
    return world.clients.offers[kind]


class TestOffers:
    """Whether a kind of service is there."""

    def test_one_of_each_kind_that_the_plan_asks_for(self) -> None:
        every = tuple(kind.name for kind in CLIENT_KINDS)
        assert tuple(ClientDomain(services=("smtp", *every)).clients.offers) == every
        assert tuple(ClientDomain(services=("imaps",)).clients.offers) == ("imaps",)
        assert ClientDomain(services=("smtp",)).clients.offers == {}

    def test_named_by_srv_records(self) -> None:
        found = offer(ClientDomain().srv("imaps", f"0 1 10993 {MAIL}.").host().service("imaps", port=10993))
        assert (found.state, found.detail) == ("found", "")
        (service,) = found.services
        assert (service.host, service.address, service.port, service.sources) == (MAIL, V4, 10993, ("srv",))
        assert service.starttls.works
        assert found.subject.text == f"{DOMAIN}:993"

    def test_named_is_found_whatever_is_there(self) -> None:
        """Whoever is named has to be there; that nobody answers is another finding."""
        for world in (ClientDomain(), ClientDomain().host()):
            world.srv("imaps", f"0 1 993 {MAIL}.")
            assert offer(world).state == "found"

    def test_everybody_who_names_a_place_is_known(self) -> None:
        world = ClientDomain(named=(ServicePlace("imaps", MAIL, 993),)).srv("imaps", f"0 1 993 {MAIL}.").host()
        world.autoconfig(page(autoconfig(f"imap SSL {MAIL} 993"))).service("imaps")
        world.autodiscover(page(autodiscover(f"IMAP on {MAIL} 993")))
        (service,) = offer(world).services
        assert service.sources == ("user", "srv", "autoconfig", "autodiscover")

    @pytest.mark.parametrize(
        ("records", "status", "state"),
        [
            (("0 0 0 .",), "secure", "denied"),
            (("0 0 0 .",), "insecure", "denied"),
            (("0 0 0 .",), "bogus", "unseen"),
            ((), "secure", "not-found"),
            ((), "bogus", "unseen"),
            ((f"0 1 993 {MAIL}.",), "bogus", "found"),
        ],
    )
    def test_what_srv_records_say(self, records: tuple[str, ...], status: str, state: str) -> None:
        found = offer(ClientDomain().srv("imaps", *records, status=status))
        assert found.state == state
        assert bool(found.detail) is (status == "bogus" or state == "denied")

    def test_a_denial_is_outweighed_by_whoever_names_a_place(self) -> None:
        world = ClientDomain(named=(ServicePlace("imaps", MAIL, 993),)).srv("imaps", "0 0 0 .")
        assert offer(world).state == "found"

    def test_a_denied_kind_is_not_looked_for(self) -> None:
        world = ClientDomain().srv("imaps", "0 0 0 .").host().service("imaps")
        assert (offer(world).state, offer(world).hosts) == ("denied", ())

    def test_at_a_well_known_name(self) -> None:
        found = offer(ClientDomain().host(f"imap.{DOMAIN}").service("imaps", f"imap.{DOMAIN}"))
        assert (found.state, found.detail) == ("found", "")
        assert [service.sources for service in found.services] == [("well-known",)]

    @pytest.mark.parametrize("shown", [session("imaps", "refused"), TIMEOUT])
    def test_nobody_at_well_known_names(self, shown: object) -> None:
        world = ClientDomain().host().service("imaps", shows=shown)
        assert (offer(world).state, offer(world).services) == ("not-found", ())

    @pytest.mark.parametrize("kind", KINDS)
    def test_configuration_that_nobody_saw_may_name_any(self, kind: str) -> None:
        for world in (ClientDomain().autoconfig(TIMEOUT), ClientDomain().autodiscover(TIMEOUT)):
            found = offer(world, kind)
            assert (found.state, "TIMEOUT" in found.detail) == ("unseen", True)

    def test_what_stayed_open_is_told_of_what_was_found(self) -> None:
        """It may be elsewhere, too."""
        named = ClientDomain(named=(ServicePlace("imaps", MAIL, 993),)).hide_srv("imaps")
        guessed = ClientDomain().host().service("imaps").hide_srv("imaps")
        for world in (named, guessed):
            assert offer(world).state == "found"
            assert "_imaps._tcp" in offer(world).detail

    @pytest.mark.parametrize("port", [0, 70000])
    def test_settings_without_a_place_name_none(self, port: int) -> None:
        world = ClientDomain().autoconfig(page(autoconfig(f"imap SSL {MAIL} {port}")))
        assert offer(world).state == "not-found"

    def test_documents_that_no_client_trusts_name_places_all_the_same(self) -> None:
        """To know whose servers are meant."""
        world = ClientDomain().autoconfig(page(autoconfig(f"imap SSL {MAIL} 993"), chain=FOREIGN_NAME))
        assert offer(world).state == "found"

    def test_webmail_is_found_only_where_it_is_named(self) -> None:
        assert offer(ClientDomain(services=("https",)), "https").state == "not-found"
        world = ClientDomain(services=("https",), webmail=(f"https://{WEB}/",)).host(WEB)
        found = offer(world, "https")
        assert (found.state, [host.name for host in found.hosts]) == ("found", [WEB])
        assert [service.sources for service in found.services] == [("user",)]


@pytest.mark.parametrize("count", [MOST_PLACES, MOST_PLACES + 3])
def test_places_beyond_those_that_are_looked_at(count: int) -> None:
    named = tuple(ServicePlace("imaps", MAIL, 2000 + number) for number in range(count))
    found = offer(ClientDomain(named=named))
    assert [host.place.port for host in found.hosts] == list(range(2000, 2000 + MOST_PLACES))
    assert [place.port for place in found.left_out] == list(range(2000 + MOST_PLACES, 2000 + count))


def test_the_other_way_to_the_same_protocol() -> None:
    world = ClientDomain().srv("imap", f"0 1 143 {MAIL}.")
    ways = {name: one.other_way.kind.name for name, one in world.clients.offers.items() if one.other_way is not None}
    assert ways == {
        **{"submission": "submissions", "imap": "imaps", "pop3": "pop3s"},
        **{"submissions": "submission", "imaps": "imap", "pop3s": "pop3"},
    }
    other = offer(world).other_way
    assert other is not None
    assert other.state == "found"
    assert offer(ClientDomain(services=("imaps",))).other_way is None


@pytest.mark.parametrize(
    ("name", "elsewhere"),
    [(MAIL, False), (DOMAIN, False), (ELSEWHERE, True), (f"not{DOMAIN}", True), (f"{DOMAIN}.example", True)],
)
def test_hosts_that_do_not_bear_the_domains_name(name: str, elsewhere: bool) -> None:
    found = offer(ClientDomain().srv("imaps", f"0 1 993 {name}."))
    assert found.elsewhere == ((name,) if elsewhere else ())
    assert within(name, DOMAIN) is not elsewhere


@pytest.mark.parametrize(
    ("implicit", "upgrade", "state"),
    [
        ("found", "not-found", "found"),
        ("not-found", "found", "found"),
        ("not-found", "unseen", "unseen"),
        ("unseen", "found", "found"),
        ("denied", "not-found", "not-found"),
        ("denied", "denied", "not-found"),
    ],
)
def test_whether_a_protocol_is_offered_at_all(implicit: str, upgrade: str, state: str) -> None:
    world = ClientDomain()
    for kind, own in (("imaps", implicit), ("imap", upgrade)):
        match own:
            case "found":
                world.srv(kind, f"0 1 993 other.{DOMAIN}.")
            case "denied":
                world.srv(kind, "0 0 0 .")
            case "unseen":
                world.hide_srv(kind)
    assert (offer(world).state, offer(world, "imap").state) == (implicit, upgrade)
    assert world.clients.offered("imap") == state


def test_a_protocol_that_the_plan_did_not_ask_for() -> None:
    assert ClientDomain(services=("pop3",)).clients.offered("imap") == "unseen"


def test_a_place_is_one_of_its_kind_host_and_port() -> None:
    found = ClientDomain().srv("imaps", f"0 1 993 {MAIL}.").clients
    place = found.at(IMAPS, MAIL, 993)
    assert place is not None
    assert place.subject.text == f"{MAIL}:993"
    assert [found.at(IMAP, MAIL, 993), found.at(IMAPS, ELSEWHERE, 993), found.at(IMAPS, MAIL, 994)] == [None] * 3


class TestServices:
    """What belongs to one service address."""

    def test_every_address_has_its_own_sessions(self) -> None:
        world = ClientDomain().srv("imaps", f"0 1 993 {MAIL}.").host(MAIL, V4, V4_OTHER, V6)
        world.service("imaps").service("imaps", address=V4_OTHER, shows=session("imaps", "refused"))
        found = {service.address: service.starttls.code for service in offer(world).services}
        assert found == {V4: "OK", V4_OTHER: "PORT_REFUSED", V6: "NOT_PROBED"}

    def test_under_another_name_the_address_got_through(self) -> None:
        """Of an address that gives TLS under one name, what another name shows is no fact."""
        other = f"other.{DOMAIN}"
        world = ClientDomain().srv("imaps", f"0 1 993 {MAIL}.", f"1 1 993 {other}.").host().host(other)
        world.service("imaps").service("imaps", other, shows=session("imaps", "alert"))
        found = {service.host: service.starttls for service in offer(world).services}
        assert (found[MAIL].works, found[other].code, found[other].unseen) == (True, "STARTTLS_INCONSISTENT", True)

    def test_tlsa_of_the_port(self) -> None:
        world = ClientDomain().srv("imaps", f"0 1 993 {MAIL}.").host().service("imaps")
        world.dns.put(f"_993._tcp.{MAIL}", "TLSA", f"3 1 1 {'00' * 32}")
        assert [service.tlsa.code for service in offer(world).services] == ["OK"]
        assert [record.usage for record in offer(world).services[0].tlsa.records] == [3]

    def test_the_time_is_that_of_the_last_look(self) -> None:
        world = ClientDomain().srv("imaps", f"0 1 993 {MAIL}.").host(MAIL, V4, V6).service("imaps")
        looked, unasked = offer(world).services
        assert looked.time > NOW
        assert unasked.time == NOW


class TestWebmail:
    """Each page at each address of its host."""

    PAGES = (f"https://{WEB}/login", f"https://{MAIL}:8443/")

    def test_what_was_seen_of_which_page(self) -> None:
        world = ClientDomain(services=("https",), webmail=self.PAGES).host(WEB, V4, V6).host(MAIL, V4_OTHER)
        world.page(WEB, "webmail.1", page(b"a", 200), 443, V6).page(WEB, "webmail-plain.1", refused(), 80, V4)
        world.page(MAIL, "webmail.2", page(b"b", 200), 8443, V4_OTHER)
        found = {
            (one.page.host, one.address): (
                one.secured.value.body if one.secured is not None and one.secured.value is not None else None,
                one.plain is not None,
            )
            for one in world.clients.webmail
        }
        assert found == {(WEB, V4): (None, True), (WEB, V6): (b"a", False), (MAIL, V4_OTHER): (b"b", False)}
        assert [one.subject.text for one in world.clients.webmail][-1] == f"{MAIL}/{V4_OTHER}:8443"

    def test_none(self) -> None:
        for plan, named in (({"webmail": None}, False), ({"webmail": ()}, True)):
            found = ClientDomain(services=("https",), **plan).clients
            assert (found.webmail, found.webmail_named) == ((), named)
        unasked = ClientDomain(services=("imaps",), webmail=self.PAGES).host(WEB).clients
        assert (unasked.webmail, unasked.webmail_named) == ((), True)

    def test_out_of_scope(self) -> None:
        world = ClientDomain(services=("https",), webmail=self.PAGES, families=(4,)).host(WEB, V4, V6)
        assert [one.address for one in world.clients.webmail] == [V4]


class TestPremises:
    """The hosts that a configuration comes from (01-M.f)."""

    def test_none_where_nothing_answers(self) -> None:
        for answer in (page(status=404), TIMEOUT, page(b"<html>")):
            assert places_of_configuration(ClientDomain().autoconfig(answer).clients) == ()

    def test_a_host_of_the_domain(self) -> None:
        world = ClientDomain().autoconfig(page(autoconfig(f"imap SSL {MAIL} 993")))
        (found,) = places_of_configuration(world.clients)
        assert (found.name, found.addresses, found.elsewhere) == (CONFIG, (V4,), False)
        assert found.certificate == NAMES

    def test_a_login_comes_from_somewhere_too(self) -> None:
        (found,) = places_of_configuration(ClientDomain().autodiscover(page(status=401)).clients)
        assert (found.name, found.elsewhere) == (DISCOVER, False)

    def test_every_host_on_the_way_once(self) -> None:
        away = "config.provider.example"
        sent = exchange(status=302, tls=page().handshake, Location=f"https://{away}/")
        world = ClientDomain().autoconfig(sent).host(away, V4_OTHER)
        world.page(away, "autoconfig.1.2", page(autoconfig(f"imap SSL {MAIL} 993")), address=V4_OTHER)
        found = places_of_configuration(world.clients)
        assert [(host.name, host.elsewhere) for host in found] == [(CONFIG, False), (away, True)]

    def test_an_alias_of_a_provider(self) -> None:
        """The name is the domain's own; who answers is not."""

        world = ClientDomain().autoconfig(page(autoconfig(f"imap SSL {MAIL} 993")))
        alias = Alias(CONFIG, ELSEWHERE, Status.SECURE)
        world.dns.answers[CONFIG, "A"] = replace(lookup(CONFIG, "A", V4), aliases=(alias,))
        (found,) = places_of_configuration(world.clients)
        assert (found.aliases, found.elsewhere) == ((ELSEWHERE,), True)
        assert found.evidence()["alias of"] == ELSEWHERE


class TestRanking:
    """Whether STARTTLS comes before implicit TLS (RFC 8314 section 5.1)."""

    def srv(self, implicit: tuple[str, ...], upgrade: tuple[str, ...]) -> ClientDomain:
        return ClientDomain().srv("imaps", *implicit).srv("imap", *upgrade)

    @pytest.mark.parametrize(
        ("implicit", "upgrade", "behind"),
        [
            ((0,), (10,), False),
            ((0,), (0,), False),
            ((10,), (0,), True),
            ((20, 5), (10,), False),
            ((10,), (20, 0), True),
        ],
    )
    def test_priorities(self, implicit: tuple[int, ...], upgrade: tuple[int, ...], behind: bool) -> None:
        lines = [[f"{priority} 1 1 mail{priority}.{DOMAIN}." for priority in own] for own in (implicit, upgrade)]
        found, compared = ranked_behind(self.srv(tuple(lines[0]), tuple(lines[1])).clients)
        assert len(compared) == 1
        assert found == (compared if behind else ())
        assert f"_imaps._tcp.{DOMAIN} SRV priority {min(implicit)}" in compared[0]

    @pytest.mark.parametrize(
        ("implicit", "upgrade"),
        [((), (f"0 1 143 {MAIL}.",)), ((f"9 1 993 {MAIL}.",), ()), ((f"9 1 993 {MAIL}.",), ("0 0 0 .",))],
    )
    def test_one_way_alone_is_not_compared(self, implicit: tuple[str, ...], upgrade: tuple[str, ...]) -> None:
        assert ranked_behind(self.srv(implicit, upgrade).clients) == ((), ())

    def test_another_protocol_is_not_compared(self) -> None:
        world = ClientDomain().srv("imaps", f"9 1 993 {MAIL}.").srv("pop3", f"0 1 110 {MAIL}.")
        assert ranked_behind(world.clients) == ((), ())

    @pytest.mark.parametrize(
        ("servers", "compared", "behind"),
        [
            (("imap SSL a.example 993", "imap STARTTLS a.example 143"), 1, 0),
            (("imap STARTTLS a.example 143", "imap SSL a.example 993"), 1, 1),
            (("imap plain a.example 143", "imap SSL a.example 993"), 1, 1),
            (("imap STARTTLS a.example 143",), 0, 0),
            (("imap STARTTLS a.example 143", "pop3 SSL a.example 995"), 1, 0),
        ],
    )
    def test_settings(self, servers: tuple[str, ...], compared: int, behind: int) -> None:
        found = ranked_behind(ClientDomain().autoconfig(page(autoconfig(*servers))).clients)
        assert (len(found[1]), len(found[0])) == (compared, behind)
        assert all(text.startswith("autoconfig: ") for text in found[1])


class TestJson:
    """Autodiscover with JSON counts only over HTTPS with a certificate that a client takes."""

    def world(self, answer: object) -> ClientDomain:
        world = ClientDomain().host(DISCOVER)
        return world.page(DISCOVER, "autodiscover-json.1", answer)

    BODY = b'{"Protocol":"AutodiscoverV1","Url":"https://autodiscover.one.example/autodiscover/autodiscover.xml"}'

    def test_spoken(self) -> None:
        assert self.world(page(self.BODY)).clients.speaks_json(ROOTS, NOW)

    @pytest.mark.parametrize(
        "answer",
        [
            page(b"<html>"),
            page(BODY, 404),
            page(BODY, chain=FOREIGN_NAME),
            page(BODY, chain=(der(Maker(NOW).leaf(names=(DISCOVER,))),)),
            TIMEOUT,
            refused(),
        ],
    )
    def test_not_spoken(self, answer: object) -> None:
        assert not self.world(answer).clients.speaks_json(ROOTS, NOW)
