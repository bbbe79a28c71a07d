"""The order of questions, against signed zones and scripted mail servers on the loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tr03108.anchors import trust_anchors
from tr03108.dossier import decode, encode
from tr03108.lab.nameserver import NameServer
from tr03108.lab.tree import Tree
from tr03108.lab.zone import ZoneSpec
from tr03108.model import Dossier, Failure, ProbePlan, Reason, SmtpSession
from tr03108.probe import Network, Probe, RootStore, probe_domain
from tr03108.probe import mta_sts as policy_module
from tr03108.probe import plan as plan_module
from tr03108.probe import questions as questions_module

NO_ROOTS = RootStore("none", {})
ONE_HOST = ("@ MX 10 mx", "mx A 192.0.2.1")
PLAIN_SERVER = (b"220 mx\r\n", b"250 mx\r\n", b"250 ok\r\n", b"250 ok\r\n", b"221 bye\r\n")


@dataclass
class World:
    """A resolver over `zones`, and a mail server that answers every line with the next of `replies`."""

    folder: Path
    zones: dict[str, tuple[str, ...]]
    replies: tuple[bytes, ...] = PLAIN_SERVER
    connections: int = 0
    said: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def network(self, **changes: object) -> AsyncIterator[Network]:
        self.connected = asyncio.Event()
        tree = Tree([ZoneSpec(f"{origin}.", records) for origin, records in self.zones.items()], datetime.now(UTC))
        file = self.folder / "anchor"
        file.write_text(tree.trust_anchor)
        self.anchors = trust_anchors(file)
        self.writers: list[asyncio.StreamWriter] = []
        async with NameServer(tree) as names, await asyncio.start_server(self._serve, "127.0.0.1", 0) as mail:
            port = mail.sockets[0].getsockname()[1]
            settings: dict[str, object] = {
                "connect": (f":25=127.0.0.1:{port}",),
                "resolvers": (f"127.0.0.1:{names.port}",),
                "second_look": 0.01,
                "timeout": 0.3,
                "greeting_timeout": 0.3,
            }
            async with Network(ProbePlan(**(settings | changes))) as network:  # type: ignore[arg-type]
                yield network
            for writer in self.writers:
                writer.transport.abort()
            await asyncio.sleep(0.001)

    def probe(self, network: Network, domain: str = "a.example") -> Probe:
        return Probe(domain, network.plan, network, self.anchors, NO_ROOTS, self.said.append)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.connected.set()
        self.writers.append(writer)
        try:
            for reply in self.replies:
                writer.write(reply)
                await reader.readuntil(b"\r\n")
        except (ConnectionError, asyncio.IncompleteReadError):
            pass

    def dossier(self, domain: str = "a.example", /, **changes: object) -> Dossier:
        async def run() -> Dossier:
            async with self.network(**changes) as network:
                return await probe_domain(domain, network.plan, network, self.anchors, NO_ROOTS, self.said.append)

        return asyncio.run(run())


@pytest.fixture
def world(tmp_path: Path) -> Callable[..., World]:
    def make(*records: str, **other: tuple[str, ...]) -> World:
        zones = {"a.example": records} | {name.replace("_", "."): lines for name, lines in other.items()}
        return World(tmp_path, zones)

    return make


def failures(dossier: Dossier) -> dict[str, Reason]:
    return {key: seen.failure.reason for key, seen in dossier.observations.items() if seen.failure is not None}


def keys(dossier: Dossier, prefix: str) -> set[str]:
    return {key for key in dossier.observations if key.startswith(prefix)}


def test_all_questions_about_one_host(world: Callable[..., World]) -> None:
    dossier = world(*ONE_HOST, "mx AAAA 2001:db8::1").dossier()
    assert {
        "dns/./DNSKEY",
        "dns/example/DS",
        "dns/example/DNSKEY",
        "dns/a.example/DS",
        "dns/a.example/DNSKEY",
        "dns/a.example/MX",
        "dns/mx.a.example/A",
        "dns/mx.a.example/AAAA",
        "dns/_25._tcp.mx.a.example/TLSA",
        "dns/_smtp._tls.a.example/TXT",
        "dns/_mta-sts.a.example/TXT",
    } <= keys(dossier, "dns/")
    for address in ("192.0.2.1", "2001:db8::1"):
        assert keys(dossier, f"smtp/mx.a.example/{address}/") == {f"smtp/mx.a.example/{address}/25/{n}" for n in (1, 2)}
        assert keys(dossier, f"smtp-plain/mx.a.example/{address}/") == {f"smtp-plain/mx.a.example/{address}/25/1"}
    assert not failures(dossier)
    assert dossier.complete
    assert dossier.vantage.ipv4
    assert decode(encode(dossier)) == dossier


def test_the_second_look_waits(world: Callable[..., World]) -> None:
    seen = world(*ONE_HOST).dossier(second_look=0.1).observations
    first, second = (seen[f"smtp/mx.a.example/192.0.2.1/25/{n}"].time for n in (1, 2))
    assert (second - first).total_seconds() >= 0.1


@pytest.mark.parametrize(
    ("plan", "absent"),
    [
        ({"policies": ()}, ("dns/_smtp", "dns/_mta")),
        ({"plaintext_mail": False}, ("smtp-plain/",)),
        ({"services": ()}, ("smtp",)),
    ],
)
def test_what_the_plan_leaves_out(
    world: Callable[..., World], plan: dict[str, object], absent: tuple[str, ...]
) -> None:
    dossier = world(*ONE_HOST).dossier("a.example", **plan)
    assert not {key for prefix in absent for key in keys(dossier, prefix)}
    assert "dns/_25._tcp.mx.a.example/TLSA" in dossier.observations


def test_a_family_out_of_scope_is_asked_for_but_not_contacted(world: Callable[..., World]) -> None:
    dossier = world(*ONE_HOST, "mx AAAA 2001:db8::1").dossier(families=(6,))
    assert "dns/mx.a.example/A" in dossier.observations
    assert keys(dossier, "smtp/mx.a.example/192") == set()
    assert keys(dossier, "smtp/mx.a.example/2001")


def test_implicit_mx(world: Callable[..., World]) -> None:
    dossier = world("@ A 192.0.2.1").dossier()
    assert "dns/_25._tcp.a.example/TLSA" in dossier.observations
    assert "smtp/a.example/192.0.2.1/25/1" in dossier.observations


def test_null_mx_and_missing_domain_ask_for_no_host(world: Callable[..., World]) -> None:
    null = world("@ MX 0 .").dossier()
    assert not keys(null, "smtp")
    assert "dns/_smtp._tls.a.example/TXT" in null.observations
    missing = world(*ONE_HOST).dossier("none.example")
    assert not keys(missing, "smtp")
    assert "dns/_smtp._tls.none.example/TXT" not in missing.observations


def test_without_the_roots_signatures_nothing_else_is_asked(world: Callable[..., World]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        dossier = world(*ONE_HOST).dossier(resolvers=(f"127.0.0.1:{port}",), timeout=0.03)
    assert failures(dossier) == {"dns/./DNSKEY": Reason.TIMEOUT}
    assert set(dossier.observations) == {"dns/./DNSKEY"}


def test_addresses_that_are_not_global(world: Callable[..., World]) -> None:
    dossier = world(*ONE_HOST).dossier(connect=())
    assert failures(dossier) == {"smtp/mx.a.example/192.0.2.1/25/1": Reason.NOT_GLOBAL}
    assert dossier.vantage.ipv4 is None


def test_no_host_above_the_cap_is_silently_absent(world: Callable[..., World]) -> None:
    dossier = world(*(f"@ MX 10 mx{n}" for n in range(plan_module.HOSTS + 2))).dossier()
    cut = failures(dossier)
    assert len(cut) == 4
    assert set(cut.values()) == {Reason.BUDGET}
    assert len({key for key in keys(dossier, "dns/mx") if key.endswith("/A")}) == plan_module.HOSTS + 2


def test_no_address_above_the_cap_is_silently_absent(world: Callable[..., World]) -> None:
    made = world("@ MX 10 mx", *(f"mx A 192.0.2.{n}" for n in range(1, plan_module.ADDRESSES + 3)))
    dossier = made.dossier(plaintext_mail=False)
    assert len(failures(dossier)) == 2
    assert len({key for key in keys(dossier, "smtp/") if key.endswith("/1")}) == plan_module.ADDRESSES + 2
    assert made.connections == 2 * plan_module.ADDRESSES


def test_questions_are_bounded(world: Callable[..., World], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions_module, "MOST_QUESTIONS", 8)
    dossier = world(*ONE_HOST).dossier()
    assert Reason.BUDGET in failures(dossier).values()
    assert sum(seen.value is not None for seen in dossier.observations.values()) == 8


def test_a_policy_is_fetched_where_a_record_says_so(world: Callable[..., World]) -> None:
    records = (*ONE_HOST, '_mta-sts TXT "v=STSv1; id=1"', "mta-sts A 192.0.2.2", "mta-sts A 192.0.2.3")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        refused = f":443=127.0.0.1:{taken.getsockname()[1]}"
        dossier = world(*records).dossier(connect=(refused,), plaintext_mail=False)
    found = [dossier.observations[key].value for key in sorted(keys(dossier, "https/"))]
    assert [exchange.ended for exchange in found if exchange is not None] == ["refused"] * 4
    # every address, and each a second time, as a refusal may pass
    assert keys(dossier, "https/") == {f"https/mta-sts.a.example/192.0.2.{n}/{look}" for n in (2, 3) for look in (1, 2)}


def test_no_address_of_a_policy_host_above_the_cap_is_silently_absent(world: Callable[..., World]) -> None:
    addresses = (f"mta-sts A 192.0.2.{n}" for n in range(1, policy_module.ADDRESSES + 3))
    dossier = world(*ONE_HOST, '_mta-sts TXT "v=STSv1; id=1"', *addresses).dossier(plaintext_mail=False)
    assert len({key for key in keys(dossier, "https/") if key.endswith("/1")}) == policy_module.ADDRESSES + 2
    beyond = [key for key, reason in failures(dossier).items() if reason is Reason.BUDGET]
    assert len(beyond) == 2


def test_no_record_no_policy(world: Callable[..., World]) -> None:
    dossier = world(*ONE_HOST, '_mta-sts TXT "something else"', "mta-sts A 192.0.2.2").dossier()
    assert not keys(dossier, "https/")
    assert "dns/mta-sts.a.example/A" not in dossier.observations


def test_names_that_grow_too_long_are_not_asked_for(world: Callable[..., World]) -> None:
    label = "x" * 59
    domain = ".".join([label] * 4 + ["aaa.example"])
    assert len(domain) == 251
    dossier = World(world().folder, {"aaa.example": (f"{'.'.join([label] * 4)} MX 10 {domain}.",)}).dossier(domain)
    assert f"dns/{domain}/AAAA" in dossier.observations
    assert not keys(dossier, "dns/_")


def test_a_service_shared_by_two_domains_is_asked_once(world: Callable[..., World]) -> None:
    made = world("@ MX 10 mx.b.example.", b_example=("@ MX 10 mx", "mx A 192.0.2.1"))

    async def run() -> list[Dossier]:
        async with made.network(plaintext_mail=False) as network:
            probes = [made.probe(network, domain) for domain in ("a.example", "b.example")]
            await asyncio.gather(*(probe.run() for probe in probes))
            return [probe.dossier(complete=True) for probe in probes]

    first, second = (dossier.observations for dossier in asyncio.run(run()))
    shared = {key for key in first if key.startswith("smtp/")}
    assert shared == {f"smtp/mx.b.example/192.0.2.1/25/{n}" for n in (1, 2)}
    assert all(first[key] is second[key] for key in shared)
    assert made.connections == 2


def stopped(made: World, stop: Callable[[Probe], Awaitable[None]], **changes: object) -> Dossier:
    async def run() -> Dossier:
        async with made.network(**changes) as network:
            probe = made.probe(network)
            await stop(probe)
            return probe.dossier(complete=False)

    return asyncio.run(run())


def test_a_cancelled_probe_leaves_what_it_saw(world: Callable[..., World]) -> None:
    made = world(*ONE_HOST)
    made.replies = (b"220 mx\r\n",)  # and never an answer to EHLO

    async def stop(probe: Probe) -> None:
        task = asyncio.create_task(probe.run())
        waiting = asyncio.create_task(made.connected.wait())
        await asyncio.wait((waiting, task), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert {task.get_name() for task in asyncio.all_tasks() if "smtp/" in task.get_name()} == set()

    dossier = stopped(made, stop, timeout=30)
    assert not dossier.complete
    assert dossier.observations["dns/a.example/MX"].value is not None
    cut = failures(dossier)  # the TLSA question beside it may or may not have been answered by then
    assert cut["smtp/mx.a.example/192.0.2.1/25/1"] is Reason.BUDGET
    assert set(cut.values()) == {Reason.BUDGET}
    assert decode(encode(dossier)) == dossier


def test_the_deadline_ends_a_probe_and_says_so(world: Callable[..., World]) -> None:
    made = world(*ONE_HOST)
    made.replies = ()
    dossier = made.dossier(deadline=0.2, greeting_timeout=30)
    failure = dossier.observations["smtp/mx.a.example/192.0.2.1/25/1"].failure
    assert failure == Failure(Reason.BUDGET, "deadline of 0.2 s")
    assert dossier.complete
    assert any("deadline" in line for line in made.said)


def test_a_dossier_before_anything_was_asked(world: Callable[..., World]) -> None:
    async def stop(probe: Probe) -> None:
        return None

    dossier = stopped(world(*ONE_HOST), stop)
    assert (dossier.observations, dossier.roots, dossier.complete) == ({}, (), False)


def test_sessions_are_values_of_the_dossier(world: Callable[..., World]) -> None:
    session = world(*ONE_HOST).dossier().observations["smtp/mx.a.example/192.0.2.1/25/1"].value
    assert isinstance(session, SmtpSession)
    assert (session.state, session.ended, session.redirected) == ("ehlo", "done", True)


def test_progress_lines_are_short_and_printable(world: Callable[..., World]) -> None:
    made = world("@ MX 10 m\\007x", "m\\007x A 192.0.2.1")
    made.dossier()
    assert made.said
    assert all(line.isprintable() and len(line) < 400 for line in made.said)
