"""The limits of the network: per address, per service address, and which addresses are contacted at all."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tr03108.model import ProbePlan, Reason, UsageError
from tr03108.probe import Network, system_resolvers
from tr03108.probe import net as net_module
from tr03108.probe.net import NotSeen

ADDRESS = "192.0.2.1"


def on_server(client: Callable[[Network, int], Awaitable[None]], greeting: bytes = b"", **plan: object) -> None:
    """Runs `client` with a network whose ports 25 and 465 of 192.0.2.1 lead to a server that greets and waits."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(greeting)
        await reader.read()

    async def run() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            connect = tuple(f"{ADDRESS}:{one}=127.0.0.1:{port}" for one in (25, 465))
            async with Network(ProbePlan(connect=connect, timeout=0.3, **plan)) as network:  # type: ignore[arg-type]
                await client(network, port)
            for writer in writers:
                writer.transport.abort()
            await asyncio.sleep(0.001)

    asyncio.run(run())


def test_connections_at_the_same_time_per_address_over_all_ports() -> None:
    most = open_now = 0

    async def client(network: Network, port: int) -> None:
        async def one(service: int) -> None:
            nonlocal most, open_now
            async with network.connect("mx", ADDRESS, service):
                open_now += 1
                most = max(most, open_now)
                await asyncio.sleep(0.005)
                open_now -= 1

        await asyncio.gather(*(one(service) for service in (25, 465) * 4))

    on_server(client, max_connections=3)
    assert most == 3


def test_the_budget_is_per_service_address() -> None:
    async def client(network: Network, port: int) -> None:
        for _ in range(2):
            async with network.connect("mx", ADDRESS, 25):
                pass
        with pytest.raises(NotSeen) as caught:
            async with network.connect("mx2", ADDRESS, 25):
                pytest.fail("connected")
        assert caught.value.reason is Reason.BUDGET
        async with network.connect("mx", ADDRESS, 465) as stream:
            assert stream.connected_to == f"127.0.0.1:{port}"
            assert stream.redirected

    on_server(client, budget=2)


def test_addresses_that_are_not_global_are_not_contacted() -> None:
    async def client(network: Network, port: int) -> None:
        with pytest.raises(NotSeen) as caught:
            async with network.connect("mx", "127.0.0.1", port):
                pytest.fail("connected")
        assert caught.value.reason is Reason.NOT_GLOBAL

    on_server(client)


def test_authoritative_servers_follow_the_same_rules() -> None:
    """Private addresses are left alone, redirections by address and by name hold, few are asked at a time."""
    most, now = 0, 0

    async def client(network: Network) -> None:
        with pytest.raises(NotSeen) as caught:
            async with network.name_server("ns1.example.org", "192.168.0.1"):
                pytest.fail("asked")
        assert caught.value.reason is Reason.NOT_GLOBAL

        async def one(name: str, address: str, to: str) -> None:
            nonlocal most, now
            async with network.name_server(name, address) as server:
                now += 1
                most = max(most, now)
                await asyncio.sleep(0)
                assert server.text == to
                now -= 1

        await asyncio.gather(*(one("ns1.example.org", "192.0.2.1", "127.0.0.1:5301") for _ in range(6)))
        await one("ns2.example.org", "192.168.0.2", "127.0.0.1:5302")

    async def run() -> None:
        connect = ("192.0.2.1:53=127.0.0.1:5301", "ns2.example.org:53=127.0.0.1:5302")
        async with Network(ProbePlan(connect=connect, max_connections=2)) as network:
            await client(network)

    asyncio.run(run())
    assert most == 2


def test_they_are_when_the_user_allows_it() -> None:
    async def client(network: Network, port: int) -> None:
        async with network.connect("mx", "127.0.0.1", port) as stream:
            assert not stream.redirected
            assert stream.local_address == "127.0.0.1"

    on_server(client, allow_private=True)


def test_what_came_before_a_reset_can_still_be_read() -> None:
    async def client(network: Network, port: int) -> None:
        async with network.connect("mx", ADDRESS, 25) as stream:
            await asyncio.sleep(0.02)
            stream._pipe.transport.abort()
            await asyncio.sleep(0)
            assert await stream.receive() == b"220 hello\r\n"
            assert await stream.receive() == b""
            with pytest.raises(ConnectionError):
                await stream.send(b"QUIT\r\n")

    on_server(client, greeting=b"220 hello\r\n")


def test_a_fast_sender_is_held_back() -> None:
    async def client(network: Network, port: int) -> None:
        async with network.connect("mx", ADDRESS, 25) as stream:
            await asyncio.sleep(0.05)
            assert len(stream._pipe._received) < 8 * net_module.BUFFER
            total = 0
            while total < 4 << 20:
                total += len(await stream.receive())
            assert total == 4 << 20

    on_server(client, greeting=bytes(4 << 20))


def test_a_cancelled_user_leaves_no_connection_and_no_slot() -> None:
    async def client(network: Network, port: int) -> None:
        async def one() -> None:
            async with network.connect("mx", ADDRESS, 25) as stream:
                await stream.receive()

        task = asyncio.create_task(one())
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait([task])
        async with network.connect("mx", ADDRESS, 25):
            pass

    on_server(client, max_connections=1)


@pytest.mark.parametrize(
    ("code", "route", "reason", "ipv6"),
    [
        (errno.ENETUNREACH, False, Reason.VANTAGE, False),
        (errno.EADDRNOTAVAIL, False, Reason.VANTAGE, False),
        (errno.EHOSTUNREACH, True, Reason.UNREACHABLE, None),
        (errno.ECONNRESET, True, Reason.ABORTED, None),
        (errno.ETIMEDOUT, True, Reason.TIMEOUT, None),
        (errno.EMFILE, True, Reason.VANTAGE, None),
    ],
)
def test_why_a_connection_did_not_come_about(
    monkeypatch: pytest.MonkeyPatch, code: int, route: bool, reason: Reason, ipv6: bool | None
) -> None:
    async def fail(*_: object) -> None:
        raise OSError(code, "no")

    async def run() -> None:
        monkeypatch.setattr(net_module, "_has_route", lambda address: route)
        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", fail)
        async with Network(ProbePlan(allow_private=True)) as network:
            with pytest.raises(NotSeen) as caught:
                async with network.connect("mx", "2001:db8::1", 25):
                    pytest.fail("connected")
            assert caught.value.reason is reason
            assert (network.vantage.ipv4, network.vantage.ipv6) == (None, ipv6)

    asyncio.run(run())


def test_a_redirected_connection_says_nothing_about_a_missing_route(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise OSError(errno.ENETUNREACH, "no")

    async def run() -> None:
        monkeypatch.setattr(net_module, "_has_route", lambda address: False)
        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", fail)
        async with Network(ProbePlan(connect=(":25=[::1]:1",))) as network:
            with pytest.raises(NotSeen):
                async with network.connect("mx", ADDRESS, 25):
                    pytest.fail("connected")
            assert network.vantage.ipv6 is None

    asyncio.run(run())


@pytest.mark.parametrize("plan", [ProbePlan(connect=("nonsense",)), ProbePlan(resolvers=("nonsense",))])
def test_a_malformed_plan_is_wrong_usage(plan: ProbePlan) -> None:
    with pytest.raises(UsageError):
        Network(plan)


def test_the_vantage_names_the_resolvers() -> None:
    assert Network(ProbePlan(resolvers=("127.0.0.1:5353", "::1"))).vantage.resolvers == ("127.0.0.1:5353", "[::1]:53")


def test_system_resolvers(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("# x\nsearch example.org\nnameserver 127.0.0.1\nnameserver junk\nnameserver  ::1 # y\nnameserver\n")
    assert system_resolvers(file) == ("127.0.0.1", "::1")
    file.write_text("")
    assert system_resolvers(file) == ("127.0.0.1",)
    assert system_resolvers(tmp_path / "none") == ("127.0.0.1",)
