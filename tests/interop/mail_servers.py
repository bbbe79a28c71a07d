"""Postfix with a listener for each mail host, configured and spooled below one folder."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import pytest

from interop.certificates import Certificate
from interop.programs import Daemon, find, run

# Parts of Postfix that smtpd talks to; without the rest no mail could go anywhere.
SERVICES = """
postlog   unix-dgram n - n - 1 postlogd
cleanup   unix n - n - 0 cleanup
rewrite   unix - - n - - trivial-rewrite
tlsmgr    unix - - n 1000? 1 tlsmgr
anvil     unix - - n - 1 anvil
proxymap  unix - - n - - proxymap
"""
LIFETIME = 900  # seconds after which master ends by itself, should we ever fail to stop it


@dataclass(frozen=True)
class Listener:
    """One mail host: `level` is Postfix's smtpd_tls_security_level ("none", "may" or "encrypt").

    `groups` are its tls_eecdh_auto_curves; None leaves its own choice, which prefers X25519. `options` are more
    settings of its own, without spaces.
    """

    host: str
    port: int
    level: str
    certificate: Certificate | None
    groups: str | None = None
    address: str = "127.0.0.1"
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def lines(self) -> list[str]:
        options = {"myhostname": self.host, "smtpd_tls_security_level": self.level}
        if self.certificate is not None:
            options["smtpd_tls_chain_files"] = str(self.certificate.chain_file)
        if self.groups is not None:
            options["tls_eecdh_auto_curves"] = self.groups
        options |= self.options
        return [
            f"{self.address}:{self.port} inet n - n - - smtpd",
            *(f"  -o {name}={value}" for name, value in options.items()),
        ]


def postfix(listeners: Sequence[Listener], folder: Path, options: Mapping[str, str] = MappingProxyType({})) -> Daemon:
    """Postfix for these listeners. It refuses every recipient; master must be started by root.

    `options` are more settings for all of them.
    """
    find("postfix")
    if os.geteuid() != 0:
        pytest.skip("Postfix's master must be started by root")
    configuration, queue, data = (folder / name for name in ("etc", "spool", "lib"))
    for path in (folder, configuration, queue, data):
        path.mkdir()
        path.chmod(0o755)
    settings = {
        "compatibility_level": "3.6",
        "queue_directory": queue,
        "data_directory": data,
        "command_directory": Path(find("postfix")).parent,
        "daemon_directory": Path(find("master")).parent,
        "mail_owner": "postfix",
        "setgid_group": "postdrop",
        "maillog_file": folder / "mail.log",
        "maillog_file_prefixes": folder,
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "mynetworks": "",
        "mydestination": "",
        "local_recipient_maps": "",
        "alias_maps": "",
        "alias_database": "",
        "smtpd_peername_lookup": "no",
        "smtpd_relay_restrictions": "reject",
        "smtpd_recipient_restrictions": "reject",
        "default_transport": "error:this server delivers nothing",
        **options,
    }
    (configuration / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
    lines = [line for listener in listeners for line in listener.lines]
    (configuration / "master.cf").write_text("\n".join([*lines, SERVICES]))
    run("chown", "postfix", data)
    run("postfix", "-c", configuration, "check")
    ports = [(listener.address, listener.port) for listener in listeners]
    return Daemon("master", "-c", configuration, "-d", "-e", str(LIFETIME), ports=ports, log=folder / "master.log")
