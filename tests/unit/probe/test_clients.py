"""What is asked about a domain's mail clients, what never is, and where asking ends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tr03108.anchors import trust_anchors
from tr03108.dossier import decode, encode
from tr03108.evaluate.places import MOST_PLACES
from tr03108.evaluate.views import Views
from tr03108.evaluate.web import MOST_ADDRESSES, MOST_REDIRECTS
from tr03108.judge.subjects import subjects
from tr03108.lab.nameserver import NameServer
from tr03108.lab.tree import Tree
from tr03108.lab.zone import ZoneSpec
from tr03108.model import CLIENT_KINDS, Dossier, Failure, Observation, ProbePlan, Reason, ServicePlace
from tr03108.probe import Network, RootStore, probe_domain
from tr03108.probe.clients import ADDRESSES

NO_ROOTS = RootStore("none", {})
KINDS = tuple(kind.name for kind in CLIENT_KINDS if kind.srv)


@dataclass
class World:
    """Signed zones and one web server in the clear at port 80; nobody listens at any other port.

    `pages` by path, with status and Location, "" for none; all others are 404. `requests` are what it heard.
    """

    folder: Path
    records: tuple[str, ...] = ()
    pages: dict[str, tuple[int, str]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def dossier(self, domain: str = "a.example", **changes: Any) -> Dossier:
        return asyncio.run(self._probe(domain, changes))

    async def _probe(self, domain: str, changes: Mapping[str, Any]) -> Dossier:
        tree = Tree([ZoneSpec(f"{domain}.", ("@ MX 0 .", *self.records))], datetime.now(UTC))
        (self.folder / "anchor").write_text(tree.trust_anchor)
        anchors = trust_anchors(self.folder / "anchor")
        async with (
            NameServer(tree) as names,
            await asyncio.start_server(self._serve, "127.0.0.1", 0) as web,
            await asyncio.start_server(self._serve, "127.0.0.1", 0) as closed,
        ):
            to = f"127.0.0.1:{closed.sockets[0].getsockname()[1]}"
            closed.close()
            web_port = web.sockets[0].getsockname()[1]
            ports = {kind.port for kind in CLIENT_KINDS} | {25, 8443}
            given: dict[str, Any] = {
                "services": KINDS,
                "policies": (),
                "connect": (f":80=127.0.0.1:{web_port}", *(f":{port}={to}" for port in sorted(ports))),
                "resolvers": (f"127.0.0.1:{names.port}",),
                "second_look": 0.01,
                "timeout": 0.5,
                "greeting_timeout": 0.5,
                "budget": 2000,
            }
            async with Network(ProbePlan(**(given | changes))) as network:
                dossier = await probe_domain(domain, network.plan, network, anchors, NO_ROOTS, lambda _: None)
        assert decode(encode(dossier)) == dossier
        return dossier

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
        self.requests.append(head)
        status, place = self.pages.get(head.split(" ")[1].partition("?")[0], (404, ""))
        location = f"Location: {place}\r\n" if place else ""
        writer.write(f"HTTP/1.1 {status} x\r\n{location}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def keys(dossier: Dossier, *starts: str) -> list[str]:
    return sorted(key for key in dossier.observations if key.startswith(starts))


def asked_at(dossier: Dossier, kind: str) -> set[str]:
    """The hosts that were asked for a kind of service."""
    return {key.split("/")[2] for key in keys(dossier, f"client/{kind}/")}


def test_nothing_is_asked_that_the_plan_does_not_want(world: World) -> None:
    world.records = ("@ A 192.0.2.1", "_imaps._tcp SRV 0 0 993 @")
    dossier = world.dossier(services=("smtp",))
    assert keys(dossier, "client", "web/", "dns/_", "dns/imap.", "dns/auto") == []
    assert world.requests == []


def test_well_known_names_only_where_nothing_names_a_kind(world: World) -> None:
    world.records = (
        *("@ A 192.0.2.1", "imap A 192.0.2.1", "mail A 192.0.2.1", "smtp A 192.0.2.1", "pop A 192.0.2.1"),
        *("elsewhere A 192.0.2.2", "_imaps._tcp SRV 0 0 993 elsewhere", "_pop3s._tcp SRV 0 0 0 ."),
    )
    dossier = world.dossier(named=(ServicePlace("submissions", "elsewhere.a.example", 465),))
    assert asked_at(dossier, "imaps") == {"elsewhere.a.example"}
    assert asked_at(dossier, "pop3s") == set(), "SRV says that it is not there"
    assert asked_at(dossier, "submissions") == {"elsewhere.a.example"}
    assert asked_at(dossier, "imap") == {"imap.a.example", "mail.a.example", "a.example"}
    assert asked_at(dossier, "submission") == {"smtp.a.example", "mail.a.example", "a.example"}


def test_a_service_that_was_only_guessed_is_asked_once(world: World) -> None:
    """A refusal says that it is not there: no second look, no hellos."""
    world.records = ("mail A 192.0.2.1",)
    dossier = world.dossier(tls=True, clear_text=True, named=(ServicePlace("imaps", "mail.a.example", 993),))
    assert keys(dossier, "client/imap/") == ["client/imap/mail.a.example/192.0.2.1/143/1"]
    assert keys(dossier, "client/imaps/")[-1].endswith("/993/2"), "what is named is looked at twice"
    assert keys(dossier, "hello/", "client-plain/", "client-injection/") == []


def test_every_place_of_a_configuration_is_asked(world: World) -> None:
    world.records = ("@ A 192.0.2.1", "autoconfig A 192.0.2.1", "autodiscover A 192.0.2.1")
    dossier = world.dossier()
    assert {key.rpartition("/")[2] for key in keys(dossier, "web/")} == {
        *(f"autoconfig.{number}.1" for number in (1, 2, 3, 4)),
        *("autodiscover.1.1", "autodiscover.2.1", "autodiscover-plain.1.1", "autodiscover-json.1"),
    }
    assert keys(dossier, "dns/_autodiscover") == ["dns/_autodiscover._tcp.a.example/SRV"]


def test_nothing_is_posted_in_the_clear(world: World) -> None:
    world.records = ("@ A 192.0.2.1", "autoconfig A 192.0.2.1", "autodiscover A 192.0.2.1")
    world.pages = {"/autodiscover/autodiscover.xml": (302, "http://a.example/more")}
    world.dossier()
    assert world.requests
    for head in world.requests:
        assert head.startswith("GET ")
        assert not any(word in head.lower() for word in ("authorization", "cookie", "content-length"))
    assert any(head.startswith("GET /more ") for head in world.requests)


def test_redirects_end(world: World) -> None:
    world.records = ("autodiscover A 192.0.2.1",)
    path = "/autodiscover/autodiscover.xml"
    world.pages = {path: (302, "/1"), **{f"/{number}": (302, f"/{number + 1}") for number in range(1, 99)}}
    dossier = world.dossier()
    hops = [key for key in keys(dossier, "web/") if "autodiscover-plain" in key]
    assert len(hops) == MOST_REDIRECTS + 1


def test_redirects_go_to_no_address_that_is_not_global(world: World) -> None:
    world.records = ("autodiscover A 192.0.2.1", "inside A 10.0.0.1")
    world.pages = {"/autodiscover/autodiscover.xml": (302, "http://inside.a.example:8080/admin")}
    dossier = world.dossier()
    (found,) = (o for key, o in dossier.observations.items() if key.startswith("web/inside.a.example/"))
    assert found.failure is not None
    assert found.failure.reason is Reason.NOT_GLOBAL


def test_addresses_of_a_web_host_end(world: World) -> None:
    world.records = tuple(f"autoconfig A 192.0.2.{number}" for number in range(1, MOST_ADDRESSES + 4))
    found = [key for key in keys(world.dossier(), "web/") if key.endswith("/443/autoconfig.1.1")]
    assert len(found) == MOST_ADDRESSES


def given_up(dossier: Dossier, key: str) -> bool:
    found: Observation[Any] = dossier.observations[key]
    return isinstance(found.failure, Failure) and found.failure.reason is Reason.BUDGET


def test_addresses_of_a_service_end(world: World) -> None:
    every = [f"192.0.2.{number}" for number in range(1, ADDRESSES + 3)]
    world.records = ("_imaps._tcp SRV 0 0 993 mail", *(f"mail A {address}" for address in every))
    dossier = world.dossier(services=("imaps",))
    first = {key.split("/")[3]: key for key in keys(dossier, "client/imaps/") if key.endswith("/1")}
    assert set(first) == set(every), "what is left out is said"
    assert sum(given_up(dossier, key) for key in first.values()) == 2


def test_places_end_and_what_was_left_out_is_unseen(world: World) -> None:
    many = range(MOST_PLACES + 3)
    world.records = tuple(f"_imaps._tcp SRV {n} 0 993 mail{n}" for n in many) + tuple(
        f"mail{n} A 192.0.2.{n + 1}" for n in many
    )
    dossier = world.dossier(services=("imaps",))
    assert len(asked_at(dossier, "imaps")) == MOST_PLACES
    assert all(given_up(dossier, f"dns/mail{n}.a.example/A") for n in many[MOST_PLACES:])
    views = Views(dossier)
    offer = views.clients.offers["imaps"]
    assert (len(offer.hosts), [place.host for place in offer.left_out]) == (
        *(MOST_PLACES, [f"mail{n}.a.example" for n in many[MOST_PLACES:]]),
    )
    found = [result for _, _, result in subjects("client_address", views, of_case=True) if result is not None]
    assert [(result.outcome.value, result.code) for result in found] == [("UNSEEN", "BUDGET_EXHAUSTED")]


def test_webmail_is_asked_with_and_without_tls(world: World) -> None:
    world.records = ("webmail A 192.0.2.1",)
    dossier = world.dossier(services=("https",), webmail=("https://webmail.a.example:8443/mail",))
    web = [key for key in keys(dossier, "web/") if "webmail" in key.rpartition("/")[2]]
    assert web == [
        "web/webmail.a.example/192.0.2.1/80/webmail-plain.1",
        "web/webmail.a.example/192.0.2.1/8443/webmail.1",
    ]
    assert any(head.startswith("GET /mail ") for head in world.requests)
    assert keys(dossier, "client/https/")


@pytest.mark.parametrize("length", [230, 240, 246, 252])
def test_domains_so_long_that_no_prefix_fits(world: World, length: int) -> None:
    """What cannot be a name is not asked for, and neither the probe nor the judge stumbles over it."""
    domain = ("a" * 49 + ".") * 5
    domain = f"{domain[: length - 8].rstrip('.')}.example"
    world.records = ("@ A 192.0.2.1",)
    dossier = world.dossier(domain)
    views = Views(dossier)
    assert set(views.clients.offers) == set(KINDS)
    assert list(subjects("clients", views, of_case=True))


def test_a_named_host_so_long_that_no_prefix_fits(world: World) -> None:
    host = f"{('b' * 49 + '.') * 4}{'c' * 40}.a.example"
    world.records = (f"{host}. A 192.0.2.1", f"_imaps._tcp SRV 0 0 993 {host}.")
    dossier = world.dossier(services=("imaps",), named=(ServicePlace("imaps", host, 993),))
    (service,) = Views(dossier).clients.offers["imaps"].services
    assert service.starttls.code == "PORT_REFUSED"
    assert service.tlsa.unseen or service.tlsa.code == "TLSA_MISSING"
