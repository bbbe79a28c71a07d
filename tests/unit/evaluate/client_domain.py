"""A domain with mail clients, made by hand: DNS from a table, pages and sessions as they would have been observed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tr03108.evaluate.clients import Clients, clients
from tr03108.evaluate.mail_domain import MailDomain
from tr03108.evaluate.observed import Observed
from tr03108.evaluate.routing import Routing
from tr03108.evaluate.views import Views
from tr03108.model import (
    SERVICE_KINDS,
    ClientSession,
    Dossier,
    HttpExchange,
    Observation,
    ProbePlan,
    Vantage,
)
from unit.evaluate.chains import Maker, der
from unit.evaluate.conftest import NOW
from unit.evaluate.web_pages import V4, Dns, exchange, handshake, observed, refused

DOMAIN = "one.example"
MAIL, ELSEWHERE = f"mail.{DOMAIN}", "mail.provider.example"
CONFIG, DISCOVER = f"autoconfig.{DOMAIN}", f"autodiscover.{DOMAIN}"
MAKER = Maker(NOW)
ROOTS = (der(MAKER.root),)
ISSUER = der(MAKER.intermediate)
NAMES = (MAIL, ELSEWHERE, f"other.{DOMAIN}", f"imap.{DOMAIN}", CONFIG, DISCOVER, "config.provider.example")
GOOD = (der(MAKER.leaf(MAKER.intermediate, names=NAMES)), ISSUER)
FOREIGN_NAME = (der(MAKER.leaf(MAKER.intermediate, names=("else.example",))), ISSUER)
KINDS = tuple(name for name, kind in SERVICE_KINDS.items() if kind.srv)


def autoconfig(*servers: str) -> bytes:
    """A document with servers as "imap SSL host port"."""
    texts = []
    for server in servers:
        kind, security, host, port = server.split()
        element = "outgoingServer" if kind == "smtp" else "incomingServer"
        inside = f"<hostname>{host}</hostname><port>{port}</port><socketType>{security}</socketType>"
        texts.append(f'<{element} type="{kind}">{inside}</{element}>')
    return f'<clientConfig version="1.1"><emailProvider id="x">{"".join(texts)}</emailProvider></clientConfig>'.encode()


def autodiscover(*protocols: str) -> bytes:
    """A document with protocols as "IMAP on host port"."""
    schemas = "http://schemas.microsoft.com/exchange/autodiscover"
    texts = []
    for protocol in protocols:
        kind, ssl, host, port = protocol.split()
        inside = f"<Type>{kind}</Type><Server>{host}</Server><Port>{port}</Port><SSL>{ssl}</SSL>"
        texts.append(f"<Protocol>{inside}</Protocol>")
    account = f"<Account><Action>settings</Action>{''.join(texts)}</Account>"
    response = f'<Response xmlns="{schemas}/outlook/responseschema/2006a">{account}</Response>'
    return f'<Autodiscover xmlns="{schemas}/responseschema/2006">{response}</Autodiscover>'.encode()


def page(body: bytes = b"", status: int = 200, chain: tuple[bytes, ...] = GOOD) -> HttpExchange:
    return exchange(status=status, body=body, tls=handshake(chain=chain))


def session(kind: str, ended: str = "completed", chain: tuple[bytes, ...] = GOOD) -> ClientSession:
    """`ended` is that of the handshake; "refused": no connection came about."""
    if ended == "refused":
        return ClientSession(kind, "", False, (), (), "connect", "refused", None)
    tls = handshake(ended, chain if ended == "completed" else ())
    return ClientSession(kind, "", False, (), (), "quit", "done", tls)


class ClientDomain:
    """Nothing is there unless it is put: every name is denied, securely, and nobody was asked anything."""

    def __init__(self, **plan: Any) -> None:
        self.plan = ProbePlan(**({"services": KINDS, "policies": ()} | plan))
        self.dns = Dns()
        self.seen: dict[str, Observation[Any]] = {}

    def srv(self, kind: str, *records: str, status: str = "secure") -> ClientDomain:
        self.dns.put(f"{SERVICE_KINDS[kind].srv}.{DOMAIN}", "SRV", *records, status=status)
        return self

    def hide_srv(self, kind: str) -> ClientDomain:
        self.dns.hide(f"{SERVICE_KINDS[kind].srv}.{DOMAIN}", "SRV")
        return self

    def host(self, name: str = MAIL, *addresses: str) -> ClientDomain:
        self.dns.host(name, *(addresses or (V4,)))
        return self

    def service(
        self, kind: str, name: str = MAIL, address: str = V4, port: int = 0, shows: object = None
    ) -> ClientDomain:
        """Two looks at a service; it works unless `shows` says what was seen."""
        key = f"client/{kind}/{name}/{address}/{port or SERVICE_KINDS[kind].port}"
        for number in (1, 2):
            time = NOW + timedelta(minutes=number)
            self.seen[f"{key}/{number}"] = observed(f"{key}/{number}", shows or session(kind), time)
        return self

    def page(self, host: str, question: str, answer: object, port: int = 443, address: str = V4) -> ClientDomain:
        key = f"web/{host}/{address}/{port}/{question}"
        self.seen[key] = observed(key, answer)
        return self

    def autoconfig(self, answer: object) -> ClientDomain:
        self.host(CONFIG).page(CONFIG, "autoconfig.1.1", answer)
        return self.page(CONFIG, "autoconfig.3.1", refused(f"http://{CONFIG}/"), 80)

    def autodiscover(self, answer: object) -> ClientDomain:
        self.host(DISCOVER).page(DISCOVER, "autodiscover.2.1", answer)
        return self.page(DISCOVER, "autodiscover-plain.1.1", refused(f"http://{DISCOVER}/"), 80)

    @property
    def dossier(self) -> Dossier:
        return Dossier(DOMAIN, NOW, NOW, True, "0", self.plan, Vantage((), None, None), (), ROOTS, dict(self.seen))

    @property
    def clients(self) -> Clients:
        dossier = self.dossier
        return clients(dossier, Observed(dossier), self.dns)

    @property
    def views(self) -> Views:
        """The views of the same; the domain takes no mail (RFC 7505)."""
        made = Views(self.dossier)
        mx = self.dns(DOMAIN, "MX")
        mail = MailDomain(DOMAIN, mx, Routing("null"), None, None, None, ())
        made.__dict__.update(resolver_trouble=None, domain=mail, clients=self.clients)
        return made
