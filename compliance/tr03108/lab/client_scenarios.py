"""Scenario keys for mail clients: the hosts of their services, and the SRV records that lead there.

Those for web pages are in web_scenarios.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tr03108.lab.client_server import ClientFault
from tr03108.lab.pki import Variant
from tr03108.lab.tables import build, exhausted, one_of, optional
from tr03108.lab.tls import TlsSettings
from tr03108.lab.tls_hello_config import HelloConfig, named
from tr03108.lab.web_scenarios import WebHost, WebKeys
from tr03108.lab.web_server import WebFault
from tr03108.model import CLIENT_KINDS, SERVICE_KINDS

KINDS = tuple(kind.name for kind in CLIENT_KINDS)
DEFAULT_SERVICES = ("submission", "submissions", "imap", "imaps", "pop3", "pop3s")
UPGRADED_PRIORITY = 10  # of SRV records; RFC 8314 section 5.1 wants clients led to TLS from the start (0) first


@dataclass(frozen=True, slots=True)
class ClientAnswer:
    """What answers at an address of a client host: certificate, TLS (by OpenSSL, or by script where `hellos` is
    there), and the fault of each service that has one; `web_fault` is that of https."""

    certificate: Variant = Variant.GOOD
    tls: TlsSettings = field(default_factory=TlsSettings)
    hellos: HelloConfig | None = None
    faults: Mapping[str, ClientFault] = field(default_factory=dict)
    web_fault: WebFault | None = None
    first: int = 1


@dataclass(frozen=True, slots=True)
class ClientHost:
    """One host with services of mail clients. `ports` holds the published port of each service by kind, `tlsa` texts of
    TLSA records by kind; `names` are those of its certificate. `other` holds addresses where something else answers."""

    name: str
    addresses: tuple[str, ...]
    ports: Mapping[str, int]
    answer: ClientAnswer
    other: Mapping[str, ClientAnswer]
    names: tuple[str, ...]
    tlsa: Mapping[str, tuple[str, ...]]
    alias: str | None
    redirect: bool

    def at(self, address: str) -> ClientAnswer:
        return self.other.get(address, self.answer)


@dataclass(frozen=True, slots=True)
class ClientScenario:
    """All that a domain has for mail clients. `srv` are zone-file lines; `webmail` is its address, "" where there is
    none."""

    hosts: tuple[ClientHost, ...] = ()
    srv: tuple[str, ...] = ()
    web: tuple[WebHost, ...] = ()
    webmail: str = ""


class ClientKeys:
    """Reads the keys of one scenario. `take` makes an address of a wish, `name` an absolute name; `known` are the
    addresses of hosts that are there already."""

    def __init__(
        self,
        domain: str,
        take: Callable[[str], str],
        name: Callable[[str], str],
        known: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._domain = domain
        self._take = take
        self._name = name
        self._known = dict(known)

    def read(self, table: dict[str, Any]) -> ClientScenario:
        """Takes its keys out of a scenario's table. Raises ValueError for what it does not understand."""
        hosts = tuple(self._host(dict(each)) for each in table.pop("clients", ()))
        lines = table.pop("srv", None)
        srv = _default_srv(self._domain, hosts) if lines is None else [self._srv(line) for line in lines]
        offered = [(kind, host.name, port) for host in hosts for kind, port in host.ports.items()]
        web = WebKeys(self._domain, self._addresses, self._name, offered).read(table, default=bool(hosts))
        return ClientScenario(hosts, (*srv, *web.srv), web.hosts, web.webmail)

    def _host(self, table: dict[str, Any]) -> ClientHost:
        take = table.pop
        name, alias, other = self._name(take("name", "mail")), take("alias", None), take("other", {})
        addresses = self._addresses(name, take("addresses", None))
        kinds = [one_of(kind, KINDS) for kind in take("services", DEFAULT_SERVICES)]
        ports = {
            **{kind: SERVICE_KINDS[kind].port for kind in kinds},
            **_of_services(kinds, "ports", take("ports", {})),
        }
        if len(set(ports.values())) < len(ports):
            raise ValueError(f"{name}: two services at one port")
        tlsa = _of_services(kinds, "tlsa", take("tlsa", {}))
        return ClientHost(
            name=name,
            addresses=tuple(addresses.values()),
            ports=ports,
            other={addresses[wish]: _answer(kinds, dict(each)) for wish, each in other.items()},
            names=tuple(self._name(each) for each in take("names", [f"{name}."])),
            tlsa={kind: tuple(texts) for kind, texts in tlsa.items()},
            alias=None if alias is None else self._name(alias),
            redirect=take("redirect", True),
            answer=_answer(kinds, table),
        )

    def _addresses(self, name: str, wishes: Sequence[str] | None) -> Mapping[str, str]:
        """Addresses by wish; a name that has some keeps them where nothing is wished."""
        if wishes is None and name in self._known:
            found = {"v6" if ":" in address else "v4": address for address in self._known[name]}
        else:
            found = {wish: self._take(wish) for wish in wishes or ("v4",)}
        self._known.setdefault(name, tuple(found.values()))
        return found

    def _srv(self, line: str) -> str:
        try:
            owner, priority, weight, port, target = line.split()
        except ValueError as error:
            raise ValueError(f"srv: {line!r} is not OWNER PRIORITY WEIGHT PORT TARGET") from error
        goal = "" if target == "." else self._name(target)
        return f"{self._name(owner)}. SRV {priority} {weight} {port} {goal}."


def _default_srv(domain: str, hosts: Sequence[ClientHost]) -> Sequence[str]:
    """Every service that has such records (RFC 6186, RFC 8314), TLS from the start first."""
    return [
        f"{kind.srv}.{domain}. SRV {0 if kind.implicit else UPGRADED_PRIORITY} 1 {port} {host.name}."
        for host in hosts
        for kind, port in ((SERVICE_KINDS[name], port) for name, port in host.ports.items())
        if kind.srv
    ]


def _answer(kinds: Sequence[str], table: dict[str, Any]) -> ClientAnswer:
    faults = dict(_of_services(kinds, "faults", table.pop("faults", {})))
    web_fault = optional(WebFault, faults.pop("https", None))
    hellos = table.pop("hellos", None)
    result = ClientAnswer(
        certificate=Variant(table.pop("certificate", Variant.GOOD)),
        tls=build(TlsSettings, table.pop("tls", {})),
        hellos=None if hellos is None else named(hellos),
        faults={kind: ClientFault(fault) for kind, fault in faults.items()},
        web_fault=web_fault,
        first=table.pop("first", 1),
    )
    exhausted("clients", table)
    return result


def _of_services(kinds: Sequence[str], what: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
    """A table by kind of service. Raises ValueError for kinds that the host does not have."""
    strange = sorted(set(table) - set(kinds))
    if strange:
        raise ValueError(f"{what}: {strange} are no services of this host")
    return table
