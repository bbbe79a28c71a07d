"""Asking authoritative servers themselves: no recursion wanted, DO and CD set, UDP first, and one SOA over TCP."""

from __future__ import annotations

import dns.exception
import dns.flags

from ..model import DnsMessage, Failure, Reason
from ..wire.dns_message import Malformed, read_message
from ..wire.dns_query import Query
from .net import DNS_PORT, Network, NotSeen, PortRefused
from .redirects import Endpoint
from .resolver import answers, query_for

TRIES = 2  # of one question at one server; datagrams get lost


async def ask_udp(network: Network, host: str, address: str, name: str, rdtype: str) -> DnsMessage | Failure:
    """The answer of one server as it came, over TCP where it was truncated; a refused port is a fact."""
    try:
        query = query_for(name, rdtype, recursion=False)
        async with network.name_server(host, address) as server:
            return await _datagrams(network, server, address, name, rdtype, query)
    except NotSeen as unseen:
        return Failure(unseen.reason, unseen.detail, connected_to=unseen.connected_to)
    except (dns.exception.DNSException, ValueError) as error:
        return Failure(Reason.ABORTED, f"{name} {rdtype} cannot be asked: {error}"[:300])


async def ask_tcp(network: Network, host: str, address: str, name: str, rdtype: str) -> DnsMessage | Failure:
    """The answer of one server over TCP; a refused port is a fact."""
    try:
        query = query_for(name, rdtype, recursion=False)
        async with network.name_server(host, address) as server:
            return await _connection(network, server, address, name, rdtype, query)
    except NotSeen as unseen:
        return Failure(unseen.reason, unseen.detail, connected_to=unseen.connected_to)
    except (dns.exception.DNSException, ValueError) as error:
        return Failure(Reason.ABORTED, f"{name} {rdtype} cannot be asked: {error}"[:300])


async def _datagrams(
    network: Network, server: Endpoint, address: str, name: str, rdtype: str, query: Query
) -> DnsMessage:
    step = network.plan.timeout / TRIES
    for turn in range(TRIES):
        try:
            data = await network.query_udp(server, query.wire, lambda data: answers(data, query), step)
            break
        except PortRefused:
            return DnsMessage(name, rdtype, b"", server.text, "refused")
        except NotSeen as unseen:
            if unseen.reason is not Reason.TIMEOUT or turn + 1 == TRIES:
                raise
    if not _truncated(data):
        return DnsMessage(name, rdtype, data, server.text, "udp")
    return await _connection(network, server, address, name, rdtype, query)


async def _connection(
    network: Network, server: Endpoint, address: str, name: str, rdtype: str, query: Query
) -> DnsMessage:
    network.spend(address, DNS_PORT)
    try:
        data = await network.query_tcp(server, query.wire, network.plan.timeout)
    except PortRefused:
        return DnsMessage(name, rdtype, b"", server.text, "refused")
    if not answers(data, query):
        raise NotSeen(Reason.ABORTED, f"{server.text} answered something else over TCP", server.text)
    return DnsMessage(name, rdtype, data, server.text, "tcp")


def _truncated(data: bytes) -> bool:
    try:
        return bool(read_message(data).flags & dns.flags.TC)
    except Malformed:
        return bool(data[2] & 0x02)
