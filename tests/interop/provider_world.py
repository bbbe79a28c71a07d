"""One provider without a flaw, at servers that others wrote: NSD, Unbound, Postfix, Dovecot and nginx."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from interop.certificates import Certificate
from interop.client_documents import Account, autoconfig, autodiscover
from interop.client_servers import (
    DIRECT,
    PORTS,
    SUBMISSION,
    WEB_PORTS,
    Dovecot,
    dovecot,
    postfix_submission,
    postfix_with,
)
from interop.client_world import FORM, HSTS, MAILBOXES, MOZILLA, POX, SUBMISSIONS
from interop.mail_servers import Listener
from interop.name_servers import name_server_addresses, nsd, unbound
from interop.programs import loopback_addresses
from interop.provider_certificates import RevocableAuthority
from interop.web_servers import Site, nginx, web_sites
from interop.zones import Zone, write_tree

DOMAIN = "provider.example"
REPORTS, REPORT_MAILBOX = (
    "reports.example",
    "tlsrpt",
)  # of another operator: reports arrive where a policy of the provider's own does not count
MX, MAIL, SMTP = (f"mx1.{DOMAIN}", f"mx2.{DOMAIN}"), f"mail.{DOMAIN}", f"smtp.{DOMAIN}"
WEB = tuple(f"{label}.{DOMAIN}" for label in ("autoconfig", "autodiscover", "webmail", "mta-sts"))
CRLS, REPORTS_MX = f"crl.{DOMAIN}", f"mx.{REPORTS}"
HOSTS = (*MX, MAIL, SMTP, *WEB, CRLS, REPORTS_MX)
STS_PATH = "/.well-known/mta-sts.txt"
SMTP_PORT = 25
OTHER_KEY = "00" * 32
HOST_PORTS: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys((*MX, REPORTS_MX), (SMTP_PORT,)),
    MAIL: tuple(PORTS[kind] for kind in MAILBOXES),
    SMTP: tuple(PORTS[kind] for kind in SUBMISSIONS),
    **dict.fromkeys(WEB, WEB_PORTS),
    CRLS: WEB_PORTS[:1],
}


@dataclass(frozen=True)
class Faults:
    """What is wrong with the provider; nothing by default."""

    other_key: str = ""  # the host whose TLSA records name a key that it has not
    revoked: str = ""  # the host whose certificate the CRL names
    clear_login: bool = False  # the mailboxes take a login without TLS
    report_uri: str = f"mailto:{REPORT_MAILBOX}@{REPORTS}"
    report_mailbox: str = REPORT_MAILBOX  # the one that the report domain has
    report_tls: str = "may"  # Postfix's smtpd_tls_security_level there
    sts_mode: str = "enforce"


NONE = Faults()
TAKES_RECIPIENTS = {
    "smtpd_relay_restrictions": "reject_unauth_destination",
    "smtpd_recipient_restrictions": "permit",
}


@dataclass(frozen=True)
class Provider:
    """The addresses of each host as DNS names them (`public`) and as its server has them (`addresses`)."""

    resolver: str
    name_servers: tuple[str, ...]  # of the root, the top level and the domains
    trust_anchor: Path
    ca_file: Path
    public: Mapping[str, str]
    addresses: Mapping[str, str]

    @property
    def connect(self) -> list[str]:
        """Redirections from the one to the other. Ports of mail programs where nobody listens lead there as well."""
        lines = []
        for host, taken in HOST_PORTS.items():
            ports = {*taken, *(PORTS.values() if host in (MAIL, SMTP) else ())}
            lines += [f"{self.public[host]}:{port}={self.addresses[host]}:{port}" for port in sorted(ports)]
        return list(dict.fromkeys(lines))

    @property
    def webmail(self) -> str:
        return f"https://webmail.{DOMAIN}/"


def _records(
    public: Mapping[str, str], certificates: Mapping[str, Certificate], issuer: str, faults: Faults
) -> list[str]:
    """The zone of the provider; `issuer` is the digest of the key that signed its certificates."""
    lines = [f"@ IN MX {10 * number} {host}." for number, host in enumerate(MX, 1)]
    lines += [f"{host}. IN A {address}" for host, address in public.items() if host.endswith(f".{DOMAIN}")]
    for kinds, host in ((MAILBOXES, MAIL), (SUBMISSIONS, SMTP)):
        lines += [f"_{kind}._tcp IN SRV {0 if kind in DIRECT else 10} 1 {PORTS[kind]} {host}." for kind in kinds]
    for host, certificate in certificates.items():
        digests = {3: certificate.spki_sha256, 2: issuer} if host != faults.other_key else {3: OTHER_KEY}
        for port in HOST_PORTS[host]:
            if port != WEB_PORTS[0] and host.endswith(f".{DOMAIN}"):
                owner = f"_{port}._tcp.{host}."
                lines += [f"{owner} IN TLSA {usage} 1 1 {digest}" for usage, digest in digests.items()]
    lines.append('_mta-sts IN TXT "v=STSv1; id=20260101T000000;"')
    lines.append(f'_smtp._tls IN TXT "v=TLSRPTv1; rua={faults.report_uri}"')
    return lines


def _sites(certificates: Mapping[str, Certificate], faults: Faults) -> list[Site]:
    policy = ["version: STSv1", f"mode: {faults.sts_mode}", *(f"mx: {host}" for host in MX), "max_age: 604800", ""]
    accounts = [Account("imap", MAIL, 993), Account("pop3", MAIL, 995), Account("smtp", SMTP, 465)]
    files = {
        WEB[0]: {MOZILLA: autoconfig(DOMAIN, accounts)},
        WEB[1]: {POX: autodiscover(accounts)},
        WEB[2]: {"/index.html": FORM},
        WEB[3]: {STS_PATH: "\n".join(policy)},
    }
    return [Site(host, certificates[host], texts, hsts=HSTS) for host, texts in files.items()]


def _listeners(
    addresses: Mapping[str, str], certificates: Mapping[str, Certificate], auth: Path, faults: Faults
) -> list[Listener]:
    """Postfix at port 25, as strict in TLS as for submission but open to mail without, and the submission services.

    The report domain's takes its recipients, those of the provider none.
    """
    submission = postfix_submission(SMTP, addresses[SMTP], certificates[SMTP], auth)
    strict = {
        name: value
        for name, value in submission[0].options.items()
        if not name.startswith("smtpd_sasl") and name != "smtpd_tls_auth_only"
    }
    groups = ",".join(SUBMISSION.groups)

    def at_port_25(host: str, level: str, options: Mapping[str, str]) -> Listener:
        return Listener(host, SMTP_PORT, level, certificates[host], groups, addresses[host], options)

    return [
        *(at_port_25(host, "may", strict) for host in MX),
        at_port_25(REPORTS_MX, faults.report_tls, strict | TAKES_RECIPIENTS),
        *submission,
    ]


@contextmanager
def running_provider(folder: Path, faults: Faults = NONE, glue: Sequence[str] = ()) -> Iterator[Provider]:
    """All servers, started in order and stopped in the reverse one, whatever happens between.

    `glue` are the three addresses that delegations name for the name servers, where these are not their own.
    """
    public = {host: f"192.0.2.{number}" for number, host in enumerate(HOSTS, 1)}
    taken = loopback_addresses(len(HOSTS) - len(WEB) + 1, (SMTP_PORT, *PORTS.values(), *WEB_PORTS))
    web = taken.pop()
    others = [host for host in HOSTS if host not in WEB]
    addresses = {**dict(zip(others, taken, strict=True)), **dict.fromkeys(WEB, web)}
    public |= dict.fromkeys(WEB, public[WEB[0]])
    authority = RevocableAuthority(folder / "pki", f"http://{CRLS}")
    certificates = {host: authority.issue(host) for host in HOSTS if host != CRLS}
    if faults.revoked:
        authority.revoke(faults.revoked)

    name_servers = name_server_addresses(3)
    at_root, at_top, at_domain = glue or name_servers
    zones = write_tree(
        Zone(".", at_root, []),
        Zone("example", at_top, [f"ns.root-servers IN A {at_root}"]),
        [
            Zone(DOMAIN, at_domain, _records(public, certificates, authority.digest, faults)),
            Zone(REPORTS, at_domain, [f"@ IN MX 10 {REPORTS_MX}.", f"mx IN A {public[REPORTS_MX]}"]),
        ],
        folder / "zones",
    )
    trust_anchor = folder / "root.ds"
    trust_anchor.write_text("".join(f"{line}\n" for line in zones[0].ds))
    crls = [f"listen {addresses[CRLS]}:80;", f"root {authority.crl_folder};", "types { application/pkix-crl crl; }"]

    with ExitStack() as stack:
        stack.enter_context(nsd(name_servers[0], zones[:1], folder / "nsd-root"))
        stack.enter_context(nsd(name_servers[1], zones[1:2], folder / "nsd-top"))
        stack.enter_context(nsd(name_servers[2], zones[2:], folder / "nsd-domain"))
        resolver, port = unbound(zones[0], trust_anchor, folder / "unbound")
        stack.enter_context(resolver)
        boxes = Dovecot(
            MAIL,
            certificates[MAIL],
            ssl="yes" if faults.clear_login else "required",
            disable_plaintext_auth=not faults.clear_login,
            kinds=MAILBOXES,
        )
        stack.enter_context(dovecot(boxes, addresses[MAIL], folder / "dovecot"))
        listeners = _listeners(addresses, certificates, folder / "dovecot" / "auth", faults)
        recipients = {
            "virtual_mailbox_domains": REPORTS,
            "virtual_mailbox_maps": f"inline:{{{faults.report_mailbox}@{REPORTS}=x}}",
        }
        stack.enter_context(postfix_with(listeners, folder / "postfix", recipients))
        stack.enter_context(web_sites(_sites(certificates, faults), web, folder / "nginx"))
        (folder / "nginx-crls").mkdir(mode=0o755)
        stack.enter_context(nginx([crls], [(addresses[CRLS], WEB_PORTS[0])], folder / "nginx-crls"))
        where = (f"127.0.0.1:{port}", tuple(name_servers))
        yield Provider(*where, trust_anchor, authority.root_file, public, addresses)
