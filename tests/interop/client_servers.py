"""Dovecot, and Postfix's submission: the services of mail clients at the standard ports of loopback addresses.

Dovecot takes a client for safe whose address is its own, and lets it log in without TLS. So it listens at an address
other than 127.0.0.1, from which the system lets connections to all of 127.0.0.0/8 come.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import pytest

from interop.certificates import Certificate
from interop.mail_servers import Listener, postfix
from interop.programs import Daemon, find, loopback_addresses
from interop.tls_expected import ECDSA, TLS10, TLS11, VERSION_NAMES, OpenSslSettings
from interop.tls_keys import dh_parameters
from interop.tls_openssl_servers import openssl_configuration, postfix_environment
from interop.tls_settings import CONFORMING, LEGACY, POSTFIX_BSI

PORTS: Mapping[str, int] = {
    "submission": 587,
    "submissions": 465,
    "imap": 143,
    "imaps": 993,
    "pop3": 110,
    "pop3s": 995,
    "sieve": 4190,
}
WEB_PORTS = (80, 443)
DIRECT = ("submissions", "imaps", "pop3s")
LOGINS = {
    "submission": "submission",
    "submissions": "submission",
    "imap": "imap",
    "imaps": "imap",
    "pop3": "pop3",
    "pop3s": "pop3",
    "sieve": "managesieve",
}

SUBMISSION = replace(POSTFIX_BSI, certificates=(ECDSA,), signatures=CONFORMING.signatures)
OLD = replace(LEGACY, versions=(TLS10, TLS11), certificates=(ECDSA,))  # nothing that is still recommended


@dataclass(frozen=True)
class Dovecot:
    """What one Dovecot is told. `ssl` is "no", "yes" or "required"; `disable_plaintext_auth` what it says without TLS.

    `kinds` are those of PORTS that it listens for.
    """

    host: str
    certificate: Certificate | None
    ssl: str = "required"
    disable_plaintext_auth: bool = True
    tls: OpenSslSettings = CONFORMING
    kinds: Collection[str] = tuple(PORTS)


def client_addresses(count: int) -> list[str]:
    """Addresses whose ports of mail clients' services are ours to take."""
    return loopback_addresses(count, (*PORTS.values(), *WEB_PORTS))


def dovecot(settings: Dovecot, address: str, folder: Path) -> Daemon:
    """Dovecot at the standard ports of `address`. Nobody knows its password; it must be started by root.

    Others may ask its socket `auth` in `folder` for authentication, as Postfix does.
    """
    find("dovecot")
    if os.geteuid() != 0:
        pytest.skip("Dovecot must be started by root")
    for path in (folder, folder / "run", folder / "state"):
        path.mkdir()
        path.chmod(0o755)
    lines = [
        "protocols = imap pop3 submission sieve",
        f"listen = {address}",
        f"base_dir = {folder / 'run'}",
        f"state_dir = {folder / 'state'}",
        "log_path = /dev/stderr",
        f"hostname = {settings.host}",
        "submission_relay_host = 127.0.0.1",
        f"ssl = {settings.ssl}",
        f"disable_plaintext_auth = {'yes' if settings.disable_plaintext_auth else 'no'}",
        "auth_mechanisms = plain login",
        f"passdb {{\n driver = static\n args = password={secrets.token_hex(16)}\n}}",
        "userdb {\n driver = static\n args = uid=nobody gid=nogroup home=/nonexistent\n}",
        f"service auth {{\n unix_listener {folder / 'auth'} {{\n  mode = 0666\n }}\n}}",
        *_login_services(settings.kinds),
    ]
    if settings.certificate is not None:
        lines += _tls_lines(settings.certificate, settings.tls, folder)
    file = folder / "dovecot.conf"
    file.write_text("\n".join([*lines, ""]))
    ports = [(address, PORTS[kind]) for kind in settings.kinds]
    return Daemon("dovecot", "-F", "-c", file, ports=ports, log=folder / "dovecot.log")


def _login_services(kinds: Collection[str]) -> list[str]:
    """One process of each kind that serves connection after connection: a survey makes many."""
    lines = []
    for name in dict.fromkeys(LOGINS.values()):
        lines += [f"service {name}-login {{", " service_count = 0", " process_min_avail = 1"]
        for kind in (kind for kind, login in LOGINS.items() if login == name):
            port = PORTS[kind] if kind in kinds else 0  # none
            lines += [f" inet_listener {kind} {{", f"  port = {port}", f"  ssl = {'yes' if kind in DIRECT else 'no'}"]
            lines.append(" }")
        lines.append("}")
    return lines


def _tls_lines(certificate: Certificate, tls: OpenSslSettings, folder: Path) -> list[str]:
    """What Dovecot has no setting for, the newest version, is in an openssl.cnf.

    Without a file of DH parameters Dovecot breaks a handshake for which it chose DHE: it chooses it all the same.
    """
    own = folder / "openssl.cnf"
    own.write_text(openssl_configuration(tls, groups=False))
    lines = [
        f"import_environment = TZ OPENSSL_CONF={own}",
        f"ssl_cert = <{certificate.chain_file}",
        f"ssl_key = <{certificate.chain_file}",
        f"ssl_min_protocol = {VERSION_NAMES[tls.versions[0]]}",
        f"ssl_cipher_list = {tls.cipher_string}",
        f"ssl_curve_list = {':'.join(tls.groups)}",
        f"ssl_prefer_server_ciphers = {'yes' if tls.ordered else 'no'}",
    ]
    if isinstance(tls.dh, int):
        lines.append(f"ssl_dh = <{dh_parameters(folder, tls.dh)}")
    if tls.tls13 is not None:
        lines.append(f"ssl_cipher_suites = {tls.tls13}")
    return lines


def postfix_submission(
    host: str, address: str, certificate: Certificate, auth: Path, tls_auth_only: bool = True
) -> list[Listener]:
    """Postfix's listeners at 587 and 465, which ask a Dovecot's socket for authentication.

    Without `tls_auth_only`, 587 neither insists on TLS nor keeps logins out of the clear.
    """
    protocols = f">={VERSION_NAMES[SUBMISSION.versions[0]]}"
    options = {
        "smtpd_sasl_auth_enable": "yes",
        "smtpd_sasl_type": "dovecot",
        "smtpd_sasl_path": str(auth),
        "smtpd_tls_protocols": protocols,
        "smtpd_tls_mandatory_protocols": protocols,
        "tls_medium_cipherlist": SUBMISSION.ciphers,
        "tls_preempt_cipherlist": "yes" if SUBMISSION.ordered else "no",
    }
    groups = ",".join(SUBMISSION.groups)
    upgraded = options | {"smtpd_tls_auth_only": "yes" if tls_auth_only else "no"}
    direct = options | {"smtpd_tls_wrappermode": "yes"}
    level = "encrypt" if tls_auth_only else "may"
    return [
        Listener(host, PORTS["submission"], level, certificate, groups, address, upgraded),
        Listener(host, PORTS["submissions"], "encrypt", certificate, groups, address, direct),
    ]


def postfix_with(
    listeners: Sequence[Listener], folder: Path, options: Mapping[str, str] = MappingProxyType({})
) -> Daemon:
    """Postfix with listeners of `postfix_submission`. Its TLS 1.3 suites are in a file beside `folder`."""
    return postfix(listeners, folder, {**postfix_environment(SUBMISSION, folder.parent), **options})
