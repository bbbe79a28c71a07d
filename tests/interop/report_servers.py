"""Postfix, Exim and OpenSMTPD as mail servers of report domains: one listener for each way to treat a recipient.

A listener's name is the first label of the domain that it serves. There it knows two mailboxes, MAILBOX and postmaster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from interop import mail_servers
from interop.certificates import Certificate
from interop.jails import Jail
from interop.programs import Daemon
from interop.tls_expected import ECDSA, RSA
from interop.tls_keys import HOST, key_pair
from interop.tls_openssl_servers import add_shim

MAILBOX = "tlsrpt"
PLAIN = "plain"  # the listener that has nothing against anybody
ADDRESS = "127.0.0.1"


@dataclass(frozen=True)
class ReportServer:
    """A running server: the port of each listener, its log, and the folders where it keeps messages."""

    ports: Mapping[str, int]
    log: Path
    queues: Sequence[Path]

    @property
    def messages(self) -> list[Path]:
        """The files that were left of messages."""
        return [path for queue in self.queues for path in queue.rglob("*") if path.is_file()]


@dataclass(frozen=True)
class Family:
    """What is said to each listener by its name; `launch` gets their ports and the domains that they serve."""

    listeners: Mapping[str, tuple[str, ...]]
    launch: Callable[[Mapping[str, int], Mapping[str, str], Path], tuple[Daemon, ReportServer]]


# ------------------------------------------------------------------------------------------------------------ Postfix

POSTFIX = {
    PLAIN: (),
    "tls": ("smtpd_tls_security_level=encrypt",),
    "session": ("smtpd_recipient_restrictions=reject_plaintext_session",),
    "session-for-good": (
        "smtpd_recipient_restrictions=reject_plaintext_session",
        "plaintext_reject_code=550",
    ),
    "deferred": ("smtpd_recipient_restrictions=$greylisting",),
    "cannot-say": ("smtpd_recipient_restrictions=defer",),
    "null-sender": ("smtpd_sender_restrictions=$no_null_sender",),
    "null-sender-at-once": ("smtpd_sender_restrictions=$no_null_sender", "smtpd_delay_reject=no"),
    "client": ("smtpd_client_restrictions=reject",),
    "client-at-once": ("smtpd_client_restrictions=reject", "smtpd_delay_reject=no"),
    "name": ("smtpd_helo_restrictions=reject",),
    "listed": ("smtpd_recipient_restrictions=$blocklist",),
    "without-postmaster": ("virtual_mailbox_maps=inline:{nobody@mailbox.example=x}",),
    "relay-deferred": ("smtpd_relay_restrictions=defer_unauth_destination",),
}


def postfix(ports: Mapping[str, int], domains: Mapping[str, str], folder: Path) -> tuple[Daemon, ReportServer]:
    pair = key_pair(folder, ECDSA)
    chain = folder / "chain.pem"
    chain.write_text(pair.key.read_text() + pair.certificate.read_text())
    mailboxes = folder / "mailboxes"
    mailboxes.write_text("".join(f"{local}@{domain} x\n" for domain in domains.values() for local in _LOCAL_PARTS))
    own = {name: dict(option.split("=", 1) for option in POSTFIX[name]) for name in ports}
    listeners = [
        mail_servers.Listener(
            HOST, port, own[name].pop("smtpd_tls_security_level", "may"), Certificate(chain, ""), options=own[name]
        )
        for name, port in ports.items()
    ]
    options = {
        "virtual_mailbox_domains": ", ".join(domains.values()),
        "virtual_mailbox_maps": f"texthash:{mailboxes}",
        "smtpd_error_sleep_time": "0",
        "smtpd_relay_restrictions": "reject_unauth_destination",
        "smtpd_recipient_restrictions": "permit",
        "greylisting": "check_recipient_access static:{450 4.2.0 Greylisted, try again later}",
        "blocklist": "check_recipient_access inline:{postmaster@=OK}, check_client_access static:{554 5.7.1 "
        "Service unavailable; Client host [127.0.0.1] blocked using list.example}",
        "no_null_sender": "check_sender_access inline:{{<>=reject}}",
    }
    running = folder / "postfix"
    daemon = mail_servers.postfix(listeners, running, options)
    queues = [running / "spool" / name for name in ("maildrop", "incoming", "active", "deferred", "hold", "corrupt")]
    return daemon, ReportServer(ports, running / "mail.log", queues)


# --------------------------------------------------------------------------------------------------------------- Exim

SERVED = "accept domains = +local_domains\n         verify = recipient"
POSTMASTER = "accept domains = +local_domains\n         local_parts = postmaster"
NOT_RELAYED = "require message = relay not permitted\n          domains = +local_domains"
# The statements of each listener for RCPT; PLAIN's are those of Exim's own example configuration.
EXIM = {
    PLAIN: (POSTMASTER, NOT_RELAYED, "require verify = recipient", "accept"),
    "strict": (NOT_RELAYED, "require verify = recipient", "accept"),
    "tls": ("deny !encrypted = *\n       message = 530 5.7.0 Must issue a STARTTLS command first", SERVED),
    "encryption": ("deny message = Encryption required\n       !encrypted = *", SERVED),
    "wordless": ("require encrypted = *", SERVED),
    "deferred": ("defer message = 451 4.7.1 Greylisted, please try again later",),
    "greylisted": ("defer",),
    "dropped": ("drop",),
    "null-sender": ("deny message = 550 5.7.1 No null senders here\n       senders = :", SERVED),
    "listed": (
        POSTMASTER,
        "deny message = rejected because $sender_host_address is in a black list at list.example",
    ),
    "client": ("deny message = 550 5.7.1 $sender_host_address is blacklisted, see http://www.example/$local_part",),
}


def exim(ports: Mapping[str, int], domains: Mapping[str, str], folder: Path) -> tuple[Daemon, ReportServer]:
    jail = Jail(folder / "exim", "exim", "/usr/sbin/exim4", {"Debian-exim": "/var/spool/exim4"})
    jail.add_owned("var/spool/exim4", "var/log/exim4")
    pair = key_pair(folder, RSA)
    jail.write("etc/server.key", pair.key.read_text())
    jail.write("etc/server.pem", pair.certificate.read_text())
    lines = [
        "spool_directory = /var/spool/exim4",
        "log_file_path = /var/log/exim4/%slog",
        "pid_file_path = /var/spool/exim4/exim.pid",
        "log_selector = +smtp_syntax_error +smtp_no_mail +pid",
        f"daemon_smtp_ports = {next(iter(ports.values()))}",
        f"local_interfaces = <; {' ; '.join(f'{ADDRESS}.{port}' for port in ports.values())}",
        f"primary_hostname = {HOST}",
        "rfc1413_query_timeout = 0s",
        "host_lookup =",
        "keep_environment =",
        "smtp_accept_max = 0",
        "queue_only",  # nothing is delivered
        "tls_advertise_hosts = *",
        "tls_certificate = /etc/server.pem",
        "tls_privatekey = /etc/server.key",
        f"domainlist local_domains = {' : '.join(domains.values())}",
        "acl_smtp_rcpt = rcpt_$received_port",
        "begin acl",
    ]
    for name, port in ports.items():
        lines += [f"rcpt_{port}:", *(f"  {statement}" for statement in EXIM[name])]
    lines += ["begin routers", "mailboxes:", "  driver = accept", f"  local_parts = {' : '.join(_LOCAL_PARTS)}"]
    lines += ["  transport = nowhere", "begin transports", "nowhere:", "  driver = appendfile", "  file = /dev/null"]
    jail.write("etc/exim.conf", "\n".join(lines) + "\n")
    first, *more = ((ADDRESS, port) for port in ports.values())
    daemon = jail.daemon("-C", "/etc/exim.conf", "-bdf", port=first, more=more, log=folder / "exim.log")
    queues = [jail.root / "var/spool/exim4/input"]
    return daemon, ReportServer(ports, jail.root / "var/log/exim4/mainlog", queues)


# ---------------------------------------------------------------------------------------------------------- OpenSMTPD

EVERYBODY = "src { 127.0.0.0/8 }"
OPENSMTPD = {
    PLAIN: (),
    "tls": (),  # see opensmtpd()
    "deferred": (f'phase rcpt-to match {EVERYBODY} reject "451 4.7.1 Greylisted"',),
    "null-sender": ('phase mail-from match mail-from regex { "^$" } reject "550 5.7.1 No null senders here"',),
    "client": (f'phase rcpt-to match {EVERYBODY} reject "550 5.7.1 Your address is blocked"',),
    "listed": ('phase rcpt-to match !rcpt-to regex { "^<?postmaster@" } reject "550 Your address is listed"',),
    "client-at-once": (f'phase connect match {EVERYBODY} reject "554 5.7.1 Your address is blocked"',),
}


def opensmtpd(ports: Mapping[str, int], domains: Mapping[str, str], folder: Path) -> tuple[Daemon, ReportServer]:
    users = {"opensmtpd": "/var/lib/opensmtpd/empty", "opensmtpq": "/", "vmail": "/var/mail"}
    jail = Jail(folder / "opensmtpd", "opensmtpd", "/usr/sbin/smtpd", users)
    pair = key_pair(folder, RSA)
    jail.write("etc/server.key", pair.key.read_text(), mode=0o600)
    jail.write("etc/server.pem", pair.certificate.read_text())
    jail.write("etc/mailname", f"{HOST}\n")
    add_shim(jail)
    mailboxes = ", ".join(f'"{local}@{domain}" = vmail' for domain in domains.values() for local in _LOCAL_PARTS)
    lines = ['pki server cert "/etc/server.pem"', 'pki server key "/etc/server.key"']
    lines += [f"table mailboxes {{ {mailboxes} }}"]
    lines += [f"filter {name} {what}" for name in ports for what in OPENSMTPD[name]]
    for name, port in ports.items():
        tls = "tls-require" if name == "tls" else "tls"
        filtered = f"filter {name}" if OPENSMTPD[name] else ""
        lines.append(f"listen on {ADDRESS} port {port} {tls} pki server hostname {HOST} {filtered}")
    lines.append('action deliver maildir "/var/mail" virtual <mailboxes>')
    lines += [f'match from any for domain "{domain}" action deliver' for domain in domains.values()]
    jail.write("etc/smtpd.conf", "\n".join(lines) + "\n")
    first, *more = ((ADDRESS, port) for port in ports.values())
    log = folder / "opensmtpd.log"
    daemon = jail.daemon("-d", "-f", "/etc/smtpd.conf", port=first, more=more, log=log)
    queues = [jail.root / "var/spool/smtpd" / name for name in ("queue", "incoming", "offline")]
    return daemon, ReportServer(ports, log, queues)


_LOCAL_PARTS = (MAILBOX, "postmaster")
FAMILIES: Mapping[str, Family] = {
    "postfix": Family(POSTFIX, postfix),
    "exim": Family(EXIM, exim),
    "opensmtpd": Family(OPENSMTPD, opensmtpd),
}
