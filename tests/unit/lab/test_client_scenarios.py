"""Scenarios with services of mail clients: what their keys mean, and what a probe sees of the lab that they make."""

from __future__ import annotations

import asyncio
from pathlib import Path

import dns.asyncquery
import dns.message
import pytest
from cryptography import x509

from tr03108.lab.client_server import ClientFault
from tr03108.lab.pki import Variant
from tr03108.lab.scenarios import Scenario
from tr03108.lab.world import World
from tr03108.model import SERVICE_KINDS, ClientSession, Failure, Reason
from tr03108.probe.client import client_session
from tr03108.probe.net import Network
from unit.lab.one_scenario import ask_dns, in_world, read

HOST = "mail.one.example"
SIX = ("submission", "submissions", "imap", "imaps", "pop3", "pop3s")


def session(
    scenario: Scenario, kind: str, host: str = HOST, address: str = "", seconds: float = 2
) -> ClientSession | Failure:
    found = next(each for each in scenario.clients.hosts if each.name == host)

    async def work(_: World, network: Network) -> ClientSession | Failure:
        port = found.ports.get(kind, SERVICE_KINDS[kind].port)
        return await client_session(SERVICE_KINDS[kind], network, host, address or found.addresses[0], port)

    return in_world(scenario, work, seconds)


def seen(scenario: Scenario, kind: str, address: str = "") -> ClientSession:
    result = session(scenario, kind, address=address)
    assert isinstance(result, ClientSession), result
    return result


def published(scenario: Scenario, name: str, rdtype: str) -> list[str]:
    return in_world(scenario, lambda world, _: ask_dns(world, name, rdtype))


def names_of(session: ClientSession) -> list[str]:
    assert session.handshake is not None
    leaf = x509.load_der_x509_certificate(session.handshake.chain[0])
    return leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)


# Reading


def test_without_the_keys_there_is_nothing_for_mail_clients(tmp_path: Path) -> None:
    one = read(tmp_path, "")
    assert (one.clients.hosts, one.clients.srv) == ((), ())

    async def work(world: World, _: Network) -> list[str]:
        return [line.partition("=")[0] for line in world.connect]

    ports = {source.rpartition(":")[2] for source in in_world(one, work)}
    assert ports <= {"25", "53", "80", "443"}


def test_defaults(tmp_path: Path) -> None:
    one = read(tmp_path, "clients = [{}]")
    (host,) = one.clients.hosts
    assert (host.name, host.names, host.alias, host.redirect) == (HOST, (HOST,), None, True)
    assert tuple(host.ports) == SIX
    assert host.ports["imaps"] == 993
    assert host.answer.certificate is Variant.GOOD
    assert set(host.addresses).isdisjoint(one.hosts[0].addresses)
    assert one.clients.srv == (
        f"_submission._tcp.one.example. SRV 10 1 587 {HOST}.",
        f"_submissions._tcp.one.example. SRV 0 1 465 {HOST}.",
        f"_imap._tcp.one.example. SRV 10 1 143 {HOST}.",
        f"_imaps._tcp.one.example. SRV 0 1 993 {HOST}.",
        f"_pop3._tcp.one.example. SRV 10 1 110 {HOST}.",
        f"_pop3s._tcp.one.example. SRV 0 1 995 {HOST}.",
    )


def test_hosts(tmp_path: Path) -> None:
    one = read(
        tmp_path,
        'clients = [{ name = "mx1", services = ["imaps"], ports = { imaps = 10993 } },'
        ' { name = "@", addresses = ["v4", "v6"], services = ["sieve"], names = ["@", "sieve"],'
        ' faults = { sieve = "no-starttls" }, other = { v6 = { faults = {}, certificate = "expired" } } },'
        ' { name = "pop.elsewhere.example.", alias = "real", redirect = false, services = ["pop3s"] }]\n',
    )
    first, second, third = one.clients.hosts
    assert first.addresses == one.hosts[0].addresses
    assert (second.name, second.names) == ("one.example", ("one.example", "sieve.one.example"))
    assert second.at(second.addresses[0]).faults == {"sieve": ClientFault.NO_STARTTLS}
    assert second.at(second.addresses[1]).certificate is Variant.EXPIRED
    assert (third.name, third.alias, third.redirect) == ("pop.elsewhere.example", "real.one.example", False)
    assert one.clients.srv == (
        "_imaps._tcp.one.example. SRV 0 1 10993 mx1.one.example.",
        "_sieve._tcp.one.example. SRV 10 1 4190 one.example.",
        "_pop3s._tcp.one.example. SRV 0 1 995 pop.elsewhere.example.",
    )


def test_srv_lines(tmp_path: Path) -> None:
    one = read(tmp_path, 'clients = [{}]\nsrv = ["_imaps._tcp 5 1 993 mail", "_pop3s._tcp 0 0 0 .",'
                         ' "_imap._tcp.elsewhere.example. 0 1 143 mail.elsewhere.example."]')  # fmt: skip
    assert one.clients.srv == (
        f"_imaps._tcp.one.example. SRV 5 1 993 {HOST}.",
        "_pop3s._tcp.one.example. SRV 0 0 0 .",
        "_imap._tcp.elsewhere.example. SRV 0 1 143 mail.elsewhere.example.",
    )
    assert read(tmp_path, "clients = [{}]\nsrv = []").clients.srv == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("clients = [{ nmae = 1 }]", "nmae"),
        ('clients = [{ services = ["imapz"] }]', "imapz"),
        ('clients = [{ services = ["smtp"] }]', "smtp"),
        ('clients = [{ faults = { imaps = "refussed" } }]', "refussed"),
        ('clients = [{ faults = { sieve = "refused" } }]', "sieve"),
        ("clients = [{ ports = { sieve = 1 } }]", "sieve"),
        ("clients = [{ ports = { imaps = 143 } }]", "two services"),
        ('clients = [{ certificate = "god" }]', "god"),
        ("clients = [{ other = { v4 = { fault = 1 } } }]", "fault"),
        ('srv = ["_imaps._tcp 0 993 mail"]', "_imaps._tcp 0 993 mail"),
    ],
)
def test_unknown_words_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"scenario one.*{complaint}"):
        read(tmp_path, text)


# The world


@pytest.mark.parametrize("kind", [*SIX, "sieve"])
def test_flawless_services(tmp_path: Path, kind: str) -> None:
    one = seen(read(tmp_path, f'clients = [{{ services = ["{kind}"] }}]'), kind)
    assert (one.state, one.ended, one.redirected) == ("quit", "done", True)
    assert names_of(one) == [HOST]


@pytest.mark.parametrize("kind", SIX)
def test_flawless_services_by_script(tmp_path: Path, kind: str) -> None:
    one = seen(read(tmp_path, 'clients = [{ hellos = "flawless" }]'), kind)
    assert (one.state, one.ended) == ("quit", "done")


def test_each_address_has_its_own(tmp_path: Path) -> None:
    scenario = read(
        tmp_path,
        'clients = [{ addresses = ["v4", "v6"], names = ["mail", "@"],'
        ' other = { v6 = { certificate = "self-signed", tls = { maximum = "TLSv1.2" } } } }]',
    )
    (host,) = scenario.clients.hosts
    first, second = (seen(scenario, "imaps", address) for address in host.addresses)
    assert first.handshake is not None
    assert second.handshake is not None
    assert (len(first.handshake.chain), len(second.handshake.chain)) == (2, 1)
    assert first.handshake.version != second.handshake.version == "TLSv1.2"
    assert names_of(first) == names_of(second) == [HOST, "one.example"]


@pytest.mark.parametrize(
    ("fault", "ended", "handshake"),
    [
        ("refused", "refused", None),
        ("alert", "closed", "alert"),
        ("close", "closed", "closed"),
        ("cleartext", "garbage", "garbage"),
    ],
)
@pytest.mark.parametrize("kind", ["submissions", "imaps", "pop3s"])
def test_tls_from_the_start_fails(tmp_path: Path, kind: str, fault: str, ended: str, handshake: str | None) -> None:
    one = seen(read(tmp_path, f'clients = [{{ faults = {{ {kind} = "{fault}" }} }}]'), kind)
    assert one.ended == ended
    assert (one.handshake and one.handshake.ended) == handshake


@pytest.mark.parametrize("kind", ["submissions", "imaps", "pop3s"])
def test_a_silent_port(tmp_path: Path, kind: str) -> None:
    result = session(read(tmp_path, f'clients = [{{ faults = {{ {kind} = "silent" }} }}]'), kind, seconds=0.3)
    assert isinstance(result, ClientSession)
    assert (result.state, result.ended) == ("handshake", "silent")


@pytest.mark.parametrize(("kind", "upgraded"), [("submissions", "submission"), ("imaps", "imap"), ("pop3s", "pop3")])
def test_cleartext_is_the_upgraded_sister(tmp_path: Path, kind: str, upgraded: str) -> None:
    scenario = read(tmp_path, f'clients = [{{ faults = {{ {kind} = "cleartext" }} }}]')
    (host,) = scenario.clients.hosts

    async def work(_: World, network: Network) -> ClientSession | Failure:
        return await client_session(SERVICE_KINDS[upgraded], network, HOST, host.addresses[0], host.ports[kind])

    result = in_world(scenario, work)
    assert isinstance(result, ClientSession)
    assert (result.state, result.ended) == ("quit", "done")


def test_a_fault_of_one_service_only(tmp_path: Path) -> None:
    scenario = read(tmp_path, 'clients = [{ faults = { imap = "no-starttls", pop3 = "greeting-bye-first" } }]')
    assert seen(scenario, "imap").handshake is None
    assert seen(scenario, "imaps").handshake is not None
    failure = session(scenario, "pop3")
    assert isinstance(failure, Failure)
    assert failure.reason is Reason.DEFERRED


def test_faults_that_a_service_cannot_have(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="imap cannot have the fault cleartext"):
        session(read(tmp_path, 'clients = [{ faults = { imap = "cleartext" } }]'), "imap")


def test_what_is_not_served_is_refused(tmp_path: Path) -> None:
    scenario = read(tmp_path, 'clients = [{ services = ["imaps"], ports = { imaps = 10993 } }]')
    (host,) = scenario.clients.hosts

    async def work(_: World, network: Network) -> list[str]:
        found = []
        for address, name, port in [
            (host.addresses[0], "imaps", 993),
            (host.addresses[0], "sieve", 4190),
            (scenario.hosts[0].addresses[0], "pop3", 110),
            (host.addresses[0], "imaps", 10993),
        ]:
            result = await client_session(SERVICE_KINDS[name], network, HOST, address, port)
            assert isinstance(result, ClientSession)
            found.append(result.ended)
        return found

    assert in_world(scenario, work) == ["refused", "refused", "refused", "done"]


def test_what_is_published(tmp_path: Path) -> None:
    scenario = read(
        tmp_path,
        'clients = [{ addresses = ["v4", "v6"], tlsa = { imaps = ["3 1 1", "3 1 1 mismatch"] } },'
        ' { name = "pop", alias = "real", services = ["pop3s"] }, { name = "mx1", services = ["sieve"] }]',
    )
    (v4, v6), (pop,) = (host.addresses for host in scenario.clients.hosts[:2])
    assert published(scenario, HOST, "A") == [v4]
    assert published(scenario, HOST, "AAAA") == [v6]
    assert published(scenario, "pop.one.example", "A") == [pop, "real.one.example."]
    assert published(scenario, "mx1.one.example", "A") == list(scenario.hosts[0].addresses)
    assert published(scenario, "_imaps._tcp.one.example", "SRV") == [f"0 1 993 {HOST}."]
    assert len(published(scenario, f"_993._tcp.{HOST}", "TLSA")) == 2
    assert published(scenario, f"_465._tcp.{HOST}", "TLSA") == []


@pytest.mark.parametrize(("fault", "code"), [("servfail", 2), ("nxdomain", 3), ("unsigned", 0)])
def test_faults_of_srv_records(tmp_path: Path, fault: str, code: int) -> None:
    scenario = read(
        tmp_path, f'clients = [{{}}]\nfaults = [{{ kind = "{fault}", name = "_imaps._tcp", rdtype = "SRV" }}]'
    )

    async def work(world: World, _: Network) -> tuple[int, int]:
        address, _, port = world.resolver.rpartition(":")
        query = dns.message.make_query("_imaps._tcp.one.example", "SRV", want_dnssec=True)
        answer = await dns.asyncquery.udp(query, address, port=int(port), timeout=2)
        return answer.rcode(), len(answer.answer)

    assert in_world(scenario, work) == (code, 0 if code else 1)


def test_violations_are_told(tmp_path: Path) -> None:
    scenario = read(tmp_path, "clients = [{}]")
    (host,) = scenario.clients.hosts

    async def run() -> None:
        async with World((scenario,)) as world:
            server = world.client_server(HOST, host.addresses[0], "pop3")
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"PASS secret\r\nQUIT\r\n")
            await reader.read()
            writer.close()
            assert world.violations == (f"{HOST}/{host.addresses[0]} pop3: PASS secret",)

    asyncio.run(run())
