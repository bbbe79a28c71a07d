"""What to ask: neutral questions and limits, never what is good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class HelloSets:
    """What TLS hellos offer: code points in sets, by version name ("TLSv1.2"). The prober does not know what is good.

    Of each version the last set is the ordinary one; those before it are asked from first to last until one of their
    members is accepted, and a server's own order is tried by offering all sets in this order and in the opposite one.
    `alone` are groups that are each asked for alone; `together` suites, and `signed` schemes, that are asked for
    without any other.
    """

    suites: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)
    groups: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)
    schemes: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)
    alone: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    together: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    signed: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServicePlace:
    """Where a service of mail clients is said to be. `kind` is a name of SERVICE_KINDS, `host` in the form of dossiers
    (lower case A-labels, no trailing dot)."""

    kind: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """Neutral questions and limits: what to ask, never what is good. Times in seconds.

    `mode` is "full" or "verdict"; `families` the address families in scope (4, 6); `connect` the redirections as
    given; `second_look` the time that must pass before a fact against the target is looked at again;
    `both_certificates` asks a server that showed an RSA certificate for an ECDSA one, and the other way round;
    `all_servers`: every authoritative server of the domain's and the mail hosts' zones is asked too. `tls`: single TLS
    hellos are sent; `mode` says how many: "verdict" only until the sets of `hellos` are told apart, "full" until all
    that the server accepts is listed. `back_off` is the first pause after a server put us off; it doubles.
    `revocation`: certificates' OCSP responders and CRLs are asked.

    `clear_text`: servers are asked, without TLS, whether they take a login, or a command behind STARTTLS.

    `report_mailbox`: the mail servers of the domains that TLS reports go to are asked whether they take mail for the
    mailbox (RCPT, never DATA).
    `policies`: what is asked about the domain as a whole: "mta-sts", "tlsrpt", "spf" and "dmarc".

    `services` are names of SERVICE_KINDS. Those of mail clients are looked for in DNS (SRV) and in the configuration
    that clients fetch; `named` are those that the user named. `webmail` are the addresses (https URLs) that the user
    named; None: the user said nothing, empty: that there is none.
    """

    mode: str = "full"
    services: tuple[str, ...] = ("smtp",)
    policies: tuple[str, ...] = ("mta-sts", "tlsrpt")
    plaintext_mail: bool = True
    families: tuple[int, ...] = (4, 6)
    allow_private: bool = False
    connect: tuple[str, ...] = ()
    resolvers: tuple[str, ...] = ()
    timeout: float = 15.0
    greeting_timeout: float = 60.0
    deadline: float = 900.0
    max_connections: int = 4
    budget: int = 400
    second_look: float = 30.0
    both_certificates: bool = True
    all_servers: bool = False
    tls: bool = False
    hellos: HelloSets = HelloSets()
    back_off: float = 2.0
    revocation: bool = False
    clear_text: bool = False
    named: tuple[ServicePlace, ...] = ()
    webmail: tuple[str, ...] | None = None
    report_mailbox: bool = False
