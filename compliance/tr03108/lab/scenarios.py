"""Scenarios of the lab as data: what scenarios.toml may say, its defaults, and its reader.

A scenario without any key but its name is a flawless domain; each key that it has is a deviation. See the head of
scenarios.toml for every key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

from tr03108.lab.authorities import Authority, ServerFault
from tr03108.lab.client_scenarios import ClientKeys, ClientScenario
from tr03108.lab.faults import Fault
from tr03108.lab.pki import Variant
from tr03108.lab.policy_scenarios import PolicyKeys, PolicyScenario
from tr03108.lab.smtp_server import MAILBOX_REPLIES, PLAINTEXT_REPLIES, SmtpFault
from tr03108.lab.tables import build, exhausted, one_of, optional
from tr03108.lab.tls import TlsSettings
from tr03108.lab.tls_hello_config import HelloConfig, named

TOP = "example"  # RFC 2606: a top-level domain for documentation
RESOLVERS = ("lab", "strip-dnssec", "dead")
ANCHORS = ("lab", "other")
# Documentation addresses (RFC 5737, RFC 3849), handed out in the order of the file.
# The last two are for benchmarks (RFC 2544): nobody routes them either.
IPV4_BLOCKS = tuple(
    IPv4Address(block) for block in ("192.0.2.0", "198.51.100.0", "203.0.113.0", "198.18.0.0", "198.18.1.0")
)
IPV6_BLOCK = IPv6Address("2001:db8::")
REPORTS = "192.0.2.25"  # the mail server that takes TLS reports for most domains
# That one, the lab's name server in the root zone, and its OCSP responder.
TAKEN = frozenset({REPORTS, "192.0.2.53", "192.0.2.80", "2001:db8::53"})
_REPORTS = ({"name": "mx.reports", "addresses": [REPORTS], "tlsa": [], "plaintext": "accepted", "mailbox": "accepted"},)


@dataclass(frozen=True, slots=True)
class Expected:
    """A finding that must be there. Empty fields match everything; `case` is a BSI id with or without `TR-03108-`;
    `subject` is compared with the start of the subject's text."""

    code: str
    check: str = ""
    case: str = ""
    subject: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What answers at a service address: certificate, TLS (by OpenSSL, or by script where `hellos` is there), and how
    the SMTP server talks."""

    certificate: Variant = Variant.GOOD
    tls: TlsSettings = field(default_factory=TlsSettings)
    hellos: HelloConfig | None = None
    fault: SmtpFault | None = None
    plaintext: str = "refused"
    first: int = 1
    banner: tuple[str, ...] = ()
    mailbox: str = ""


@dataclass(frozen=True, slots=True)
class HostScenario:
    """One MX host. `other` holds addresses where something else answers than at the rest, with a chain of its own."""

    name: str
    preference: int
    addresses: tuple[str, ...]
    behaviour: Behaviour
    other: Mapping[str, Behaviour]
    tlsa: tuple[str, ...]
    tlsa_at: str
    alias: str | None
    redirect: bool
    tlsa_ttl: int

    def at(self, address: str) -> Behaviour:
        return self.other.get(address, self.behaviour)


@dataclass(frozen=True, slots=True)
class ZoneScenario:
    """One zone; `ends_days` is the rest of its signatures' lives."""

    origin: str
    algorithm: str = "ECDSAP256SHA256"
    denial: str = "nsec"
    faults: tuple[Fault, ...] = ()
    records: tuple[str, ...] = ()
    ends_days: int = 14
    nsec3_iterations: int = 0
    nsec3_salt: str = ""
    ds_digest: str = "SHA256"
    second_algorithm: str = ""


_ZONE_KEYS = tuple(item.name for item in fields(ZoneScenario) if item.name != "origin")


@dataclass(frozen=True, slots=True)
class Scenario:
    """One domain of the lab, what is wrong with it, and what an audit must and must not find."""

    id: str
    domain: str
    title: Mapping[str, str]
    verdict: str
    must: tuple[Expected, ...]
    must_not: tuple[str, ...]
    demo: bool
    zones: tuple[ZoneScenario, ...]  # the domain's own comes first; none: the domain does not exist
    hosts: tuple[HostScenario, ...]
    mx: tuple[str, ...]  # record data
    mta_sts: PolicyScenario
    tlsrpt: tuple[str, ...]
    reports: tuple[HostScenario, ...]  # the MX hosts of reports.<domain>
    spf: tuple[str, ...]
    dmarc: tuple[str, ...]
    profile: str
    as_of: str
    plan: Mapping[str, Any]
    resolver: str
    anchor: str
    servers: tuple[Authority, ...] = ()  # none: the lab's common name server
    clients: ClientScenario = field(default_factory=ClientScenario)  # empty: nothing for mail clients


def load_scenarios(path: Path | None = None) -> tuple[Scenario, ...]:
    """The scenarios of `path`, by default those that ship with the lab.

    Raises ValueError, with the scenario's id, for what it does not understand.
    """
    text = (path or Path(__file__).with_name("scenarios.toml")).read_text("utf-8")
    tables = tomllib.loads(text).get("scenario", [])
    addresses = _Addresses()
    return tuple(_Reader(table, addresses).scenario() for table in tables)


@dataclass(frozen=True, slots=True)
class _Usual:
    """What a domain publishes of which the scenario says nothing."""

    hosts: tuple[Mapping[str, Any], ...]
    mx: tuple[str, ...]
    mta_sts: Mapping[str, Any] | bool
    tlsrpt: tuple[str, ...]
    spf: tuple[str, ...]
    dmarc: tuple[str, ...]
    profile: str


_USED = _Usual(({},), (), {}, ("v=TLSRPTv1; rua=mailto:tlsrpt@reports.{domain}",), (), (), "tr-03108-2.0")
_UNUSED = _Usual(
    hosts=(),
    mx=("0 .",),
    mta_sts=False,
    tlsrpt=(),
    spf=("v=spf1 -all",),
    dmarc=("v=DMARC1; p=reject; rua=mailto:dmarc@reports.{domain}",),
    profile="unused-domain",
)


class _Addresses:
    """Hands out documentation addresses, no address twice."""

    def __init__(self) -> None:
        self._v4 = (str(block + host) for block in IPV4_BLOCKS for host in range(1, 255))
        self._v6 = (str(IPV6_BLOCK + host) for host in range(1, 65536))

    def take(self, wish: str) -> str:
        """`v4` and `v6` ask for a fresh address of that family; anything else is an address already."""
        if wish in ("v4", "v6"):
            return next(address for address in (self._v4 if wish == "v4" else self._v6) if address not in TAKEN)
        return wish


class _Reader:
    """Reads one scenario, applies the defaults, and refuses unknown keys."""

    def __init__(self, table: Mapping[str, Any], addresses: _Addresses) -> None:
        self._table = dict(table)
        self._addresses = addresses
        self._id = str(self._table.pop("id"))
        self._domain = str(self._table.pop("domain", f"{self._id}.{TOP}"))

    def scenario(self) -> Scenario:
        try:
            result = self._scenario()
            if self._table:
                raise ValueError(f"unknown keys {sorted(self._table)}")
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"scenario {self._id}: {error}") from error
        return result

    def _scenario(self) -> Scenario:
        take = self._table.pop
        usual = _UNUSED if take("unused", False) else _USED
        hosts = tuple(self._host(number, dict(table)) for number, table in enumerate(take("hosts", usual.hosts), 1))
        routes = list(usual.mx) or [f"{host.preference} {host.name}." for host in hosts]
        title = take("title")
        names = [host.name for host in hosts]
        policies = PolicyKeys(self._addresses.take, self._name, self._texts, names)
        policy = policies.read(take("mta_sts", usual.mta_sts))
        servers = tuple(self._server(number, dict(table)) for number, table in enumerate(take("servers", []), 1))
        keys = ClientKeys(self._domain, self._addresses.take, self._name, {host.name: host.addresses for host in hosts})
        clients = keys.read(self._table)
        return Scenario(
            id=self._id,
            domain=self._domain,
            title={"en": title["en"], "de": title["de"]},
            verdict=take("verdict"),
            must=tuple(Expected(**table) for table in take("must", [])),
            must_not=tuple(take("must_not", [])),
            demo=take("demo", False),
            zones=tuple(self._zones()),
            hosts=hosts,
            mx=self._texts(take("mx", routes)),
            mta_sts=policy,
            reports=tuple(self._host(number, dict(table)) for number, table in enumerate(take("reports", _REPORTS), 1)),
            tlsrpt=self._texts(take("tlsrpt", usual.tlsrpt)),
            spf=self._texts(take("spf", usual.spf)),
            dmarc=self._texts(take("dmarc", usual.dmarc)),
            profile=take("profile", usual.profile),
            as_of=take("as_of", ""),
            plan=_plan(take("plan", {}), clients),
            resolver=one_of(take("resolver", "lab"), RESOLVERS),
            anchor=one_of(take("anchor", "lab"), ANCHORS),
            servers=servers,
            clients=clients,
        )

    def _host(self, number: int, table: dict[str, Any]) -> HostScenario:
        take = table.pop
        wishes = take("addresses", ["v4"])
        addresses = {wish: self._addresses.take(wish) for wish in wishes}
        other = take("other", {})
        name = self._name(take("name", f"mx{number}"))
        alias = take("alias", None)
        alias = None if alias is None else self._name(alias)
        return HostScenario(
            name=name,
            preference=take("preference", 10 * number),
            addresses=tuple(addresses.values()),
            other={addresses[wish]: _behaviour(dict(table)) for wish, table in other.items()},
            tlsa=tuple(take("tlsa", ["3 1 1"])),
            tlsa_at=self._name(take("tlsa_at", f"{alias or name}.")),
            alias=alias,
            redirect=take("redirect", True),
            tlsa_ttl=take("tlsa_ttl", 600),
            behaviour=_behaviour(table),
        )

    def _server(self, number: int, table: dict[str, Any]) -> Authority:
        address = self._addresses.take(table.pop("address", "v4"))
        fault = optional(ServerFault, table.pop("fault", None))
        exhausted("servers", table)
        return Authority(self._name(f"ns{number}"), address, fault)

    def _zones(self) -> Iterator[ZoneScenario]:
        take = self._table.pop
        if not take("exists", True):
            return
        own: dict[str, Any] = {key: take(key) for key in _ZONE_KEYS if key in self._table}
        tables: list[dict[str, Any]] = [{"origin": self._domain, **own}, *take("zones", [])]
        for table in tables:
            faults = tuple(build(Fault, fault) for fault in table.pop("faults", ()))
            records = self._texts(table.pop("records", ()))
            yield build(ZoneScenario, {**table, "faults": faults, "records": records})

    def _name(self, name: str) -> str:
        """An absolute name without trailing dot; `@` is the domain."""
        if name == "@":
            return self._domain
        return name.removesuffix(".") if name.endswith(".") else f"{name}.{self._domain}"

    def _texts(self, texts: Iterable[str]) -> tuple[str, ...]:
        return tuple(text.replace("{domain}", self._domain) for text in texts)


def _plan(given: Mapping[str, Any], clients: ClientScenario) -> Mapping[str, Any]:
    """The changes of the plan; the user names the webmail that there is."""
    plan = {"webmail": (clients.webmail,), **given} if clients.webmail else dict(given)
    return {key: tuple(value) if isinstance(value, list) else value for key, value in plan.items()}


def _behaviour(table: dict[str, Any]) -> Behaviour:
    hellos = table.get("hellos")
    converted = {
        **table,
        "hellos": None if hellos is None else named(hellos),
        "certificate": Variant(table.get("certificate", Variant.GOOD)),
        "tls": build(TlsSettings, table.get("tls", {})),
        "fault": optional(SmtpFault, table.get("fault")),
        "plaintext": one_of(table.get("plaintext", "refused"), tuple(PLAINTEXT_REPLIES)),
        "banner": tuple(table.get("banner", ())),
        "mailbox": one_of(table.get("mailbox", ""), ("", *MAILBOX_REPLIES)),
    }
    return build(Behaviour, converted)
