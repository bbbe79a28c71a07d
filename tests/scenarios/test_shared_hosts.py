"""Many domains in one run whose mail goes to the same hosts: what these are asked, and what a report makes of it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

import tr03108
from tr03108.anchors import trust_anchors
from tr03108.audit import CONCURRENT_DOMAINS
from tr03108.lab.client_server import ClientServer
from tr03108.lab.responder import Responder
from tr03108.lab.scenarios import Scenario, load_scenarios
from tr03108.lab.service import Service
from tr03108.lab.smtp_server import SmtpServer
from tr03108.lab.world import World
from tr03108.model import Dossier, Reason
from tr03108.probe import Network, Probe, RootStore
from tr03108.probe.resolver import Resolver

from .conftest import PLAN, plan_of

PROVIDER = "provider.example"
HOSTS = 5
DOMAINS = 50
HEAD = 'title = { en = "", de = "" }\nverdict = "compliant"\n'


def scenarios(folder: Path, domains: int, provider: str, customer: str) -> tuple[Scenario, ...]:
    """A provider and its customers, whose MX records name its hosts; keys of scenarios.toml for both."""
    names = [f"mx{number}.{PROVIDER}" for number in range(1, HOSTS + 1)]
    routes = json.dumps([f"{10 * number} {name}." for number, name in enumerate(names, 1)])
    text = f'[[scenario]]\nid = "provider"\n{HEAD}mta_sts = false\n{provider}\n'
    for number in range(1, domains + 1):
        text += f'[[scenario]]\nid = "c{number}"\n{HEAD}hosts = []\nmx = {routes}\n{customer}\n'
    file = folder / "scenarios.toml"
    file.write_text(text)
    return load_scenarios(file)


def good_hosts(**first: str) -> str:
    """The provider's hosts; the first may be given keys of its own."""
    own = ", ".join(f"{key} = {value}" for key, value in first.items())
    return f"hosts = [{{ {own} }}{', {}' * (HOSTS - 1)}]"


@dataclass
class Counted:
    """What the lab was asked: connections by kind of server, and questions to the resolver."""

    accepted: Counter[type[Service]] = field(default_factory=Counter)
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    dossiers: tuple[Dossier, ...] = ()

    def connections(self, kind: type[Service]) -> int:
        return sum(number for each, number in self.accepted.items() if issubclass(each, kind))

    def count(self, patch: pytest.MonkeyPatch) -> None:
        accept, ask = Service._accept, Resolver.ask

        async def accepted(service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.accepted[type(service)] += 1
            await accept(service, reader, writer)

        def asked(resolver: Resolver, name: str, rdtype: str) -> object:
            self.asked[name, rdtype] += 1
            return ask(resolver, name, rdtype)

        patch.setattr(Service, "_accept", accepted)
        patch.setattr(Resolver, "ask", asked)


def probed(folder: Path, made: tuple[Scenario, ...], domains: int, **changes: object) -> Counted:
    """What one run over the first customers asks, as many at a time as an audit does."""

    async def run(counted: Counted) -> None:
        async with World(made) as world:
            (folder / "ca.pem").write_text(world.ca_pem, "ascii")
            (folder / "root").write_text(world.trust_anchor, "ascii")
            anchors, roots = trust_anchors(folder / "root"), RootStore.load(folder / "ca.pem")
            plan = replace(
                plan_of(made[0]),
                **{"connect": world.connect, "resolvers": (world.resolver,), "deadline": 300.0, "timeout": 20.0}
                | changes,
            )
            turn = asyncio.Semaphore(CONCURRENT_DOMAINS)
            async with Network(plan) as network:
                probes = [
                    Probe(f"c{n}.example", plan, network, anchors, roots, lambda _: None) for n in range(1, domains + 1)
                ]

                async def one(probe: Probe) -> Dossier:
                    async with turn:
                        await probe.run()
                    return probe.dossier(complete=True)

                counted.dossiers = tuple(await asyncio.gather(*map(one, probes)))

    with pytest.MonkeyPatch.context() as patch:
        counted = Counted()
        counted.count(patch)
        asyncio.run(run(counted))
        return counted


def test_fifty_domains_ask_shared_hosts_as_much_as_one(tmp_path: Path) -> None:
    made = scenarios(tmp_path, DOMAINS, good_hosts(), "mta_sts = false")
    one, many = probed(tmp_path, made, 1, tls=True), probed(tmp_path, made, DOMAINS, tls=True)
    assert one.connections(SmtpServer) >= 10 * HOSTS, "each host was surveyed"
    assert many.connections(SmtpServer) == one.connections(SmtpServer)
    assert many.connections(Responder) == one.connections(Responder) > 0
    assert set(many.asked.values()) == {1}, "no DNS question twice"
    theirs = [{place for place in counted.asked if place[0].endswith(PROVIDER)} for counted in (one, many)]
    assert theirs[0] == theirs[1] and f"_25._tcp.mx1.{PROVIDER}" in {name for name, _ in theirs[0]}
    shared = {key for key in many.dossiers[0].observations if key.startswith(("smtp", "hello/", "ocsp", "crl"))}
    assert len(shared) > 10 * HOSTS
    for dossier in many.dossiers[1:]:
        assert all(dossier.observations[key] is many.dossiers[0].observations[key] for key in shared)


def test_the_second_look_is_shared(tmp_path: Path) -> None:
    made = scenarios(tmp_path, 4, good_hosts(fault='"no-starttls"'), "mta_sts = false")
    counted = probed(tmp_path, made, 4, tls=False, clear_text=False, revocation=False)
    host = next(host for host in made[0].hosts if host.name.startswith("mx1."))
    looks = [f"smtp/{host.name}/{host.addresses[0]}/25/{number}" for number in (1, 2)]
    first, second = (counted.dossiers[0].observations[key].time for key in looks)
    assert (second - first).total_seconds() >= PLAN.second_look
    for dossier in counted.dossiers:
        assert [dossier.observations[key].time for key in looks] == [first, second]


def test_policy_hosts_have_names_of_their_own_and_are_asked_one_by_one(tmp_path: Path) -> None:
    """A CNAME leads them to one server, which may show each name another certificate and policy."""
    made = scenarios(tmp_path, 6, good_hosts(), "mta_sts = {}")
    counted = probed(tmp_path, made, 6, tls=False, clear_text=False, revocation=False)
    keys = [key for dossier in counted.dossiers for key in dossier.observations if key.startswith("https/")]
    assert len(keys) == len({key.split("/")[1] for key in keys}) == 6


def _blind(dossier: Dossier) -> int:
    """How many of its questions the budget ended."""
    failures = [observation.failure for observation in dossier.observations.values()]
    return sum(failure is not None and failure.reason is Reason.BUDGET for failure in failures)


def test_names_that_lead_to_one_address_share_its_budget_and_the_rest_is_unseen(tmp_path: Path) -> None:
    """A server may show each name another certificate and other settings, so each is asked, until no more may be."""
    alias = f'records = ["imap.{{domain}}. CNAME mail.{PROVIDER}."]\nmta_sts = false'
    made = scenarios(tmp_path, 8, f'{good_hosts()}\nclients = [{{ services = ["imaps"] }}]', alias)
    plan = {"services": ("imaps",), "policies": (), "revocation": False, "clear_text": False, "all_servers": False}

    def asked(budget: int) -> Counted:
        return probed(tmp_path, made, 8, tls=True, mode="verdict", budget=budget, **plan)

    little, enough = asked(40), asked(400)
    assert little.connections(ClientServer) == 40 < enough.connections(ClientServer) <= 400
    assert sum(map(_blind, little.dossiers)) > 0 == sum(map(_blind, enough.dossiers))
    told = {o.failure.detail for d in little.dossiers for o in d.observations.values() if o.failure is not None}
    assert "all 40 connections to this service address are used up" in told


def command(folder: Path, made: tuple[Scenario, ...], domains: list[str], *options: str) -> tuple[int, str]:
    """Exit status and standard output of `tr03108 audit`, run in `folder`."""

    async def run() -> tuple[int, str]:
        async with World(made) as world:
            (folder / "ca.pem").write_text(world.ca_pem, "ascii")
            (folder / "root").write_text(world.trust_anchor, "ascii")
            (folder / "connect").write_text("\n".join(world.connect))
            line = [*domains, "--resolver", world.resolver, "--trust-anchor", "root", "--ca-file", "ca.pem"]
            line += ["--connect", "@connect", "--second-look", "0.1", "--timeout", "20", "--output", "out", *options]
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tr03108", "audit", *line),
                stdout=asyncio.subprocess.PIPE,
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(Path(tr03108.__file__).parents[1])},
            )
            output, _ = await process.communicate()
            assert process.returncode is not None
            return process.returncode, output.decode()

    return asyncio.run(run())


def test_by_command(tmp_path: Path) -> None:
    """Three customers of one provider with a host that offers no STARTTLS, and one domain with a host of its own."""
    made = scenarios(tmp_path, 3, good_hosts(fault='"no-starttls"'), "mta_sts = false")
    domains = ["c1.example", "c2.example", "c3.example", PROVIDER]
    status, said = command(tmp_path, made, domains, "--profile", "inbound-dane")
    out = tmp_path / "out"
    assert status == 1
    written = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert written == {"audit.html", "audit.json", "junit.xml", *(f"{domain}/dossier.json" for domain in domains)}
    audit = json.loads((out / "audit.json").read_text())
    assert [host["name"] for host in audit["hosts"]] == [f"mx{number}.{PROVIDER}" for number in range(1, HOSTS + 1)]
    assert {tuple(host["domains"]) for host in audit["hosts"]} == {tuple(domains)}
    missing = [f for target in audit["targets"] for f in target["findings"] if f["code"] == "STARTTLS_MISSING"]
    assert len(missing) == len(domains), "each domain has its own verdict on the host"
    assert said.count("does not offer STARTTLS") == 1 and "in 4 domains" in said
    text = (out / "audit.html").read_text()
    assert 'id="shared-hosts"' in text
    about = {"kind": "service", "name": f"mx1.{PROVIDER}", "port": 25}.items()
    own = [finding for finding in audit["targets"][0]["findings"] if about <= finding["subject"].items()]
    assert own and text.count(f'<span class="mono subject">mx1.{PROVIDER}/192.0.2.1:25</span>') == len(own), "told once"
