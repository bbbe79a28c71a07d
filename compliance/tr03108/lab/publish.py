"""What the scenarios publish in DNS: from scenarios and certificate chains to zones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tr03108.lab.client_scenarios import ClientHost
from tr03108.lab.pki import RESPONDER, Chain
from tr03108.lab.scenarios import HostScenario, Scenario, ZoneScenario
from tr03108.lab.tlsa import tlsa_record
from tr03108.lab.web_scenarios import WebHost
from tr03108.lab.zone import ZoneSpec

RESPONDER_ADDRESS = "192.0.2.80"
RESPONDER_ZONE = ZoneSpec(RESPONDER.partition(".")[2], (f"{RESPONDER}. A {RESPONDER_ADDRESS}",))
TXT_CHUNK = 255  # RFC 1035 section 3.3: octets in one character-string


@dataclass(frozen=True, slots=True)
class Chains:
    """Certificate chains by host name, for TLSA records: those of mail hosts, client hosts and web hosts."""

    mx: Mapping[str, Chain]
    clients: Mapping[str, Chain]
    web: Mapping[str, Chain]


def zones(scenarios: Sequence[Scenario], chains: Chains) -> tuple[ZoneSpec, ...]:
    """The zones below the top-level domain."""
    specs: list[ZoneSpec] = []
    for scenario in scenarios:
        by_zone: dict[str, list[str]] = {zone.origin: list(zone.records) for zone in scenario.zones}
        for line in _records(scenario, chains):
            origin = _zone_of(line.split(None, 1)[0], scenario.zones)
            if origin is not None:
                by_zone[origin].append(line)
        specs.extend(_spec(zone, by_zone[zone.origin]) for zone in scenario.zones)
    return tuple(specs)


def _spec(zone: ZoneScenario, records: Sequence[str]) -> ZoneSpec:
    return ZoneSpec(
        zone.origin,
        tuple(records),
        algorithm=zone.algorithm,
        denial=zone.denial,
        faults=zone.faults,
        ends=timedelta(days=zone.ends_days),
        nsec3_iterations=zone.nsec3_iterations,
        nsec3_salt=zone.nsec3_salt,
        ds_digest=zone.ds_digest,
        second_algorithm=zone.second_algorithm,
    )


def _zone_of(owner: str, candidates: Sequence[ZoneScenario]) -> str | None:
    """The zone that holds `owner` (absolute): the longest origin that it ends in."""
    name = owner.removesuffix(".")
    holders = [zone.origin for zone in candidates if name == zone.origin or name.endswith(f".{zone.origin}")]
    return max(holders, key=len, default=None)


def _records(scenario: Scenario, chains: Chains) -> Iterator[str]:
    domain = scenario.domain
    for route in scenario.mx:
        yield f"{domain}. MX {route}"
    for server in scenario.servers:
        yield f"{domain}. NS {server.name}."
        yield f"{server.name}. {'AAAA' if ':' in server.address else 'A'} {server.address}"
    for host in scenario.hosts:
        yield from _host_records(host, chains.mx[host.name])
    policy = scenario.mta_sts
    for text in policy.records:
        yield f"_mta-sts.{domain}. TXT {_txt(text)}"
    owner = policy.alias or f"mta-sts.{domain}"
    if policy.alias is not None:
        yield f"mta-sts.{domain}. CNAME {policy.alias}."
    for address in policy.addresses:
        yield f"{owner}. {'AAAA' if ':' in address else 'A'} {address}"
    for text in scenario.tlsrpt:
        yield f"_smtp._tls.{domain}. TXT {_txt(text)}"
    for host in scenario.reports:
        yield f"reports.{domain}. MX {host.preference} {host.name}."
        yield from _host_records(host, chains.mx[host.name])
    for text in scenario.spf:
        yield f"{domain}. TXT {_txt(text)}"
    for text in scenario.dmarc:
        yield f"_dmarc.{domain}. TXT {_txt(text)}"
    yield from scenario.clients.srv
    published = {host.name for host in scenario.hosts}
    others: tuple[ClientHost | WebHost, ...] = (*scenario.clients.hosts, *scenario.clients.web)
    for other in others:
        if other.name not in published:
            yield from _address_records(other)
        published.add(other.name)
    for client in scenario.clients.hosts:
        yield from _client_tlsa_records(client, chains.clients[client.name])
    for web in scenario.clients.web:
        for text in web.tlsa:
            yield f"_443._tcp.{web.name}. TLSA {tlsa_record(chains.web[web.name], text)}"


def _host_records(host: HostScenario, chain: Chain) -> Iterator[str]:
    yield from _address_records(host)
    for text in host.tlsa:
        yield f"_25._tcp.{host.tlsa_at}. {host.tlsa_ttl} TLSA {tlsa_record(chain, text)}"


def _client_tlsa_records(host: ClientHost, chain: Chain) -> Iterator[str]:
    for kind, texts in host.tlsa.items():
        for text in texts:
            yield f"_{host.ports[kind]}._tcp.{host.name}. TLSA {tlsa_record(chain, text)}"


def _address_records(host: HostScenario | ClientHost | WebHost) -> Iterator[str]:
    owner = host.name
    if host.alias is not None:
        yield f"{host.name}. CNAME {host.alias}."
        owner = host.alias
    for address in host.addresses:
        yield f"{owner}. {'AAAA' if ':' in address else 'A'} {address}"


def _txt(text: str) -> str:
    chunks = [text[start : start + TXT_CHUNK] for start in range(0, len(text), TXT_CHUNK)] or [""]
    return " ".join('"' + chunk.replace("\\", "\\\\").replace('"', '\\"') + '"' for chunk in chunks)
