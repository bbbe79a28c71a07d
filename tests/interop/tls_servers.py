"""Real TLS servers by name and configuration, and what each must accept.

with running("postfix", "bsi") as server:
    ...  # ask server.address, server.port
expected("postfix", "bsi")
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from interop.programs import Daemon, free_port, server_folder
from interop.tls_expected import Expected
from interop.tls_gnutls_servers import exim, gnutls_serv
from interop.tls_openssl_servers import nginx, opensmtpd, postfix, s_server
from interop.tls_settings import CONFIGURATIONS, EXPECTED

STARTTLS_SMTP = "starttls-smtp"
DIRECT = "direct"
PACKAGED = ("opensmtpd", "packaged")  # without the shim; SCENARIOS has it not, as nothing is expected of it


@dataclass(frozen=True)
class Family:
    launch: Callable[[str, int, Path], Daemon]  # configuration, port, an empty folder
    kind: str
    max_connections: int


FAMILIES: Mapping[str, Family] = {
    "postfix": Family(postfix, STARTTLS_SMTP, 4),
    "exim": Family(exim, STARTTLS_SMTP, 4),
    "opensmtpd": Family(opensmtpd, STARTTLS_SMTP, 4),
    "nginx": Family(nginx, DIRECT, 4),
    "s_server": Family(s_server, DIRECT, 1),
    "gnutls-serv": Family(gnutls_serv, DIRECT, 4),
}
SCENARIOS = tuple((server, configuration) for server in FAMILIES for configuration in CONFIGURATIONS)


@dataclass(frozen=True)
class Server:
    """Where it listens; `kind` is STARTTLS_SMTP or DIRECT; `max_connections` at a time it serves."""

    address: str
    port: int
    kind: str
    max_connections: int
    log: Path


@contextmanager
def running(server: str, configuration: str) -> Iterator[Server]:
    """The server, until the end of the block."""
    family, port = FAMILIES[server], free_port()
    with server_folder() as folder, family.launch(configuration, port, folder) as daemon:
        yield Server("127.0.0.1", port, family.kind, family.max_connections, daemon.log)


def expected(server: str, configuration: str) -> Expected:
    """Versions, suites, groups, DH primes, order and kinds of keys, as configured."""
    return EXPECTED[server](configuration)
