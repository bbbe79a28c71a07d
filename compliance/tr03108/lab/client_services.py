"""The lab's servers for mail clients by the kind of service."""

from __future__ import annotations

from collections.abc import Mapping

from OpenSSL import SSL

from tr03108.lab.client_server import ClientBehaviour, ClientFault, ClientServer
from tr03108.lab.imap_server import ImapServer
from tr03108.lab.pop3_server import Pop3Server
from tr03108.lab.service import PATIENCE, RefusedPort
from tr03108.lab.sieve_server import SieveServer
from tr03108.lab.submission_server import SubmissionServer
from tr03108.lab.tls_hellos import Hellos
from tr03108.model import ServiceKind

_SERVERS: Mapping[str, type[ClientServer]] = {
    "smtp": SubmissionServer,
    "imap": ImapServer,
    "pop3": Pop3Server,
    "sieve": SieveServer,
}
# Faults that belong to TLS from the start.
_IMPLICIT = (ClientFault.SILENT, ClientFault.CLEARTEXT, ClientFault.ALERT, ClientFault.CLOSE)
# Faults that not every protocol can have.
_ONLY: Mapping[ClientFault, tuple[str, ...]] = {
    ClientFault.PREAUTH: ("imap",),
    ClientFault.LITERAL_BOMB: ("imap", "sieve"),
    ClientFault.LOGIN_ANNOUNCED: ("imap", "pop3"),
    ClientFault.USER_ACCEPTED: ("pop3",),
    ClientFault.CAPABILITIES_CLOSE: ("smtp", "imap", "pop3"),
}


def client_service(
    kind: ServiceKind, behaviour: ClientBehaviour, context: SSL.Context | Hellos | None, patience: float = PATIENCE
) -> ClientServer | RefusedPort:
    """The server for `behaviour`, or a port that refuses where that is its fault. ValueError for what cannot be."""
    fault = behaviour.fault
    if fault is ClientFault.REFUSED:
        return RefusedPort()
    if kind.language not in _SERVERS:
        raise ValueError(f"the lab has no server for {kind.name} here")
    if fault is not None and kind.language not in _ONLY.get(fault, (kind.language,)):
        raise ValueError(f"{kind.name} cannot have the fault {fault}")
    if fault in _IMPLICIT and not kind.implicit:
        raise ValueError(f"{kind.name} cannot have the fault {fault}")
    implicit = kind.implicit and fault is not ClientFault.CLEARTEXT
    return _SERVERS[kind.language](behaviour, context, implicit, patience)
