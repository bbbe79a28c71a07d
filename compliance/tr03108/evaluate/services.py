"""One service address, as checks see it: what every connection to it showed, not whether it is good."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ..model import MAIL_SERVICE, ClientSession, Observation, Renegotiation, ServiceKind, SmtpSession, Subject, pem
from .certificate_rules import ChainFacts, chain_facts
from .dane import Match, leaf_facts, match
from .names import dns_names, first_match
from .negotiated import Negotiated, negotiated
from .pkix import Path, load, verify
from .plaintext import PlaintextMail, plaintext_mail
from .revocation import Revocation, Revocations, Staple
from .routing import HostAddresses
from .second_certificate import SecondCertificate
from .spki import key_type
from .starttls import Starttls, printable
from .tls.facts import TlsFacts
from .tlsa import Tlsa
from .vantage import Reach

_OURS = ("ADDRESS_NOT_GLOBAL", "VANTAGE_NO_IPV4", "VANTAGE_NO_IPV6", "VANTAGE_PORT_25", "BUDGET_EXHAUSTED")
_GREETING = 100  # characters of a greeting that are shown
_STAPLES = 3  # OCSP responses of one certificate that are looked at; a server sends the same one for hours


@dataclass(frozen=True, slots=True)
class ServedChain:
    """One chain as sent: its path to a root, and whether its certificate names the host."""

    chain: tuple[bytes, ...]
    path: Path
    presents_host: bool

    @property
    def code(self) -> str:
        """ "OK", or why a client that verifies would not take it."""
        if self.path.code != "OK":
            return self.path.code
        return "OK" if self.presents_host else "CERTIFICATE_NAME_MISMATCH"

    def shown(self) -> dict[str, object]:
        """Evidence for the report."""
        return {"names": ", ".join(_names(self.chain)), "chain": _shown(self.chain)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One port at one address of one host, from every connection made to it.

    `starttls` says how TLS begins there, also where it begins with the first octet. `tls` is what the server accepts
    beyond the ordinary handshake. `login` and `injection` are connections without TLS: one that asks to log in, one
    that sends a command behind STARTTLS; None where the plan did not ask.
    """

    kind: ServiceKind
    host: str
    domain: str
    address: str
    port: int
    reach: Reach
    starttls: Starttls
    tlsa: Tlsa
    time: datetime
    second: SecondCertificate
    tls: TlsFacts = field(repr=False, compare=False)
    revocations: Revocations = field(repr=False, compare=False)
    renegotiation: Observation[Renegotiation] | None = None
    login: Observation[ClientSession] | None = field(default=None, repr=False)
    injection: Observation[ClientSession] | None = field(default=None, repr=False)
    _judged: dict[tuple[object, ...], Match] = field(default_factory=dict, repr=False, compare=False)

    @property
    def subject(self) -> Subject:
        return Subject("service", self.host, self.address, self.port, self.kind.name)

    @property
    def references(self) -> tuple[str, ...]:
        """The names a DANE-TA certificate may carry: TLSA base domain and next-hop domain (RFC 7672 section 3.2.2)."""
        return tuple(dict.fromkeys((self.tlsa.base or self.host, self.domain)))

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The chain as sent, where a handshake was completed."""
        return self.starttls.handshake.chain if self.starttls.handshake is not None else ()

    def matched(self, time: datetime, roots: tuple[bytes, ...] = ()) -> Match:
        """The chain against the host's TLSA records; `time` judges DANE-TA paths, `roots` only explain a mismatch."""
        return self._match(self.chain, time, roots)

    def second_matched(self, time: datetime, roots: tuple[bytes, ...] = ()) -> Match | None:
        """The same for the chain of the other type of key; None where there is none to judge."""
        return self._match(self.second.chain, time, roots) if self.second.seen else None

    def _match(self, chain: tuple[bytes, ...], time: datetime, roots: tuple[bytes, ...]) -> Match:
        """Matches once what many may ask: each address that differs wants to know it of all others."""
        question = (chain, time, roots)
        if question not in self._judged:
            path = None if self.kind is MAIL_SERVICE else verify(chain, roots, time)
            self._judged[question] = match(self.tlsa.records, chain, self.references, time, roots, path)
        return self._judged[question]

    def works_with_dane(self, time: datetime) -> bool:
        """Whether every chain served here matches a TLSA record."""
        second = self.second_matched(time)
        return bool(self.chain) and self.matched(time).code == "OK" and (second is None or second.code == "OK")

    @property
    def key_type(self) -> str | None:
        """ "RSA" or "ECDSA": the type of key in the first certificate."""
        return key_type(self.chain[0]) if self.chain else None

    @property
    def second_certificates(self) -> list[dict[str, object]]:
        """What the report shows of the second chain."""
        return _shown(self.second.chain)

    @property
    def served(self) -> tuple[tuple[bytes, ...], ...]:
        """Every chain seen here, that of the ordinary handshake first: one for each type of key."""
        found = dict.fromkeys((self.chain, self.second.chain, *self.tls.chains.values()))
        return tuple(chain for chain in found if chain)

    def chains(self, roots: tuple[bytes, ...], time: datetime) -> tuple[ChainFacts, ...]:
        """The facts of every chain served here."""
        return tuple(chain_facts(chain, roots, time) for chain in self.served)

    def staples(self, chain: tuple[bytes, ...]) -> tuple[Staple, ...]:
        """The OCSP responses that came with a chain."""
        found = (Staple(a.staple, a.time) for a in self.tls.chosen if a.staple and a.chain[:1] == chain[:1])
        return tuple(dict.fromkeys(found))[:_STAPLES]

    def stapled(self, roots: tuple[bytes, ...], time: datetime) -> tuple[Revocation, ...]:
        """What the staples alone say of the certificate with which they came; "unseen" where one proves nothing."""
        return tuple(
            self.revocations.stapled(facts.served, staple)
            for facts in self.chains(roots, time)
            for staple in self.staples(facts.served.certificates)
        )

    def revocation(self, roots: tuple[bytes, ...], time: datetime) -> tuple[Revocation, ...]:
        """What is known of the revocation of every certificate of these chains but the roots."""
        found: dict[Revocation, None] = {}
        for facts in self.chains(roots, time):
            found |= dict.fromkeys(self.revocations.of_path(facts.served, self.staples(facts.served.certificates)))
        return tuple(found)

    def pkix(self, roots: tuple[bytes, ...], time: datetime) -> tuple[ServedChain, ...]:
        """Every chain served here against PKIX roots and the name of the host (RFC 9525)."""
        return tuple(
            ServedChain(chain, verify(chain, roots, time), _presents(chain, self.host)) for chain in self.served
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The DNS names of the first certificate, at most ten."""
        return _names(self.chain) if self.chain else ()

    @property
    def certificates(self) -> list[dict[str, object]]:
        """What the report shows of the chain as sent."""
        return _shown(self.chain)

    @property
    def negotiated(self) -> Negotiated | None:
        """Version, suite and group of the handshake, read from the server's own bytes."""
        handshake = self.starttls.handshake
        return None if handshake is None else negotiated(handshake)

    @property
    def blind_code(self) -> str | None:
        """The code of our blindness here, the vantage's before the connection's; None where STARTTLS was seen."""
        if not self.starttls.unseen:
            return None
        return self.reach.code or self.starttls.code

    @property
    def tls_unseen_code(self) -> str:
        """The code by which checks of the TLS connection say that they saw none; a reason of ours shows as itself."""
        return self.blind_code if self.blind_code in _OURS else "STARTTLS_UNSEEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpService(Service):
    """Port 25 at one address of one MX host.

    `addresses` says what DNSSEC makes of the host's addresses and of the MX records that lead to it.
    """

    plaintext: Observation[SmtpSession] | None
    addresses: HostAddresses
    peers: tuple[SmtpService, ...] = field(default=(), repr=False)  # the host's other addresses

    def matching_peers(self, time: datetime) -> tuple[str, ...]:
        """The host's other addresses at which every chain that was served matches."""
        return tuple(peer.address for peer in self.peers if peer.works_with_dane(time))

    @property
    def plaintext_mail(self) -> PlaintextMail | None:
        """What the server made of MAIL without TLS; None where it was not asked."""
        return None if self.plaintext is None else plaintext_mail(self.plaintext)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientService(Service):
    """One port at one address of a host that mail clients talk to. `sources` name it: "srv", "autoconfig",
    "autodiscover", "user", or "well-known"."""

    sources: tuple[str, ...]

    @property
    def other_protocol(self) -> str:
        """The greeting inside TLS where it is none of this protocol, say IMAP's at a place for SMTP; else ""."""
        session = self.starttls.attempts[-1].session if self.starttls.works else None
        if not isinstance(session, ClientSession) or (session.state, session.ended) != ("greeting", "garbage"):
            return ""
        heard = [line.data for line in session.inside if line.sender == "S"]
        return printable(heard[0])[:_GREETING] if heard else ""


def _presents(chain: tuple[bytes, ...], host: str) -> bool:
    leaf = load(chain[0])
    return leaf is not None and first_match(leaf, (host,)) is not None


def _names(chain: tuple[bytes, ...]) -> tuple[str, ...]:
    leaf = load(chain[0])
    return dns_names(leaf)[:10] if leaf is not None else ()


def _shown(chain: tuple[bytes, ...]) -> list[dict[str, object]]:
    return [leaf_facts(der) | {"pem": pem(der)} for der in chain[:10]]
