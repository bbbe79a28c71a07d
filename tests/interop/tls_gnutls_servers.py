"""Real servers with GnuTLS: Debian's Exim and `gnutls-serv`."""

from __future__ import annotations

from pathlib import Path

from interop.jails import Jail
from interop.programs import Daemon
from interop.tls_expected import ECDSA, RSA
from interop.tls_keys import HOST, key_pair
from interop.tls_settings import GNUTLS_PRIORITIES


def exim(configuration: str, port: int, folder: Path) -> Daemon:
    """Exim with STARTTLS for everybody and no recipient."""
    jail = Jail(folder / "exim", "exim", "/usr/sbin/exim4", {"Debian-exim": "/var/spool/exim4"})
    jail.add_owned("var/spool/exim4", "var/log/exim4")
    pairs = [key_pair(folder, kind) for kind in (RSA, ECDSA)]
    for pair in pairs:
        jail.write(f"etc/{pair.kind}.key", pair.key.read_text())
        jail.write(f"etc/{pair.kind}.pem", pair.certificate.read_text())
    lines = [
        "spool_directory = /var/spool/exim4",
        "log_file_path = /var/log/exim4/%slog",
        "pid_file_path = /var/spool/exim4/exim.pid",
        f"daemon_smtp_ports = {port}",
        "local_interfaces = 127.0.0.1",
        f"primary_hostname = {HOST}",
        "rfc1413_query_timeout = 0s",
        "smtp_accept_max = 1000",
        "keep_environment =",
        "tls_advertise_hosts = *",
        f"tls_certificate = {' : '.join(f'/etc/{pair.kind}.pem' for pair in pairs)}",
        f"tls_privatekey = {' : '.join(f'/etc/{pair.kind}.key' for pair in pairs)}",
    ]
    if configuration != "default":
        lines.append(f"tls_require_ciphers = {GNUTLS_PRIORITIES[configuration]}")
    jail.write("etc/exim.conf", "\n".join([*lines, "begin acl", "reject:", "  deny"]) + "\n")
    return jail.daemon("-C", "/etc/exim.conf", "-bdf", port=("127.0.0.1", port), log=folder / "exim.log")


def gnutls_serv(configuration: str, port: int, folder: Path) -> Daemon:
    """GnuTLS's test server: direct TLS. It cannot be told an address and listens on all of them."""
    options: list[str | Path] = ["--port", str(port), "--http", "--quiet", "--disable-client-cert"]
    for kind in (RSA, ECDSA):
        pair = key_pair(folder, kind)
        options += ["--x509certfile", pair.certificate, "--x509keyfile", pair.key]
    if configuration != "default":
        options += ["--priority", GNUTLS_PRIORITIES[configuration]]
    return Daemon("gnutls-serv", *options, ports=[("127.0.0.1", port)], log=folder / "gnutls-serv.log")
