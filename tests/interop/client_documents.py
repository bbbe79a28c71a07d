"""What mail clients are told to use, in the words of Mozilla's Autoconfig and of Microsoft's Autodiscover (POX)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

IMPLICIT, STARTTLS, PLAIN = "implicit", "starttls", "plain"
_SOCKET_TYPES = {IMPLICIT: "SSL", STARTTLS: "STARTTLS", PLAIN: "plain"}
_ENCRYPTIONS = {IMPLICIT: "SSL", STARTTLS: "TLS", PLAIN: "None"}


@dataclass(frozen=True)
class Account:
    """One server to be named: `protocol` is "imap", "pop3" or "smtp", `security` one of the words above."""

    protocol: str
    host: str
    port: int
    security: str = IMPLICIT


def autoconfig(domain: str, accounts: Sequence[Account]) -> str:
    """A clientConfig of version 1.1."""
    servers = "".join(_server(account) for account in accounts)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<clientConfig version="1.1">\n'
        f'<emailProvider id="{domain}">\n<domain>{domain}</domain>\n<displayName>Mail of {domain}</displayName>\n'
        f"{servers}</emailProvider>\n</clientConfig>\n"
    )


def autodiscover(accounts: Sequence[Account]) -> str:
    """A response with settings; its namespaces are those of [MS-OXDSCLI] sections 2.2.4 and 3.1.5."""
    protocols = "".join(_protocol(account) for account in accounts)
    schema = "http://schemas.microsoft.com/exchange/autodiscover"
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<Autodiscover xmlns="{schema}/responseschema/2006">\n'
        f'<Response xmlns="{schema}/outlook/responseschema/2006a">\n'
        "<Account>\n<AccountType>email</AccountType>\n<Action>settings</Action>\n"
        f"{protocols}</Account>\n</Response>\n</Autodiscover>\n"
    )


def _server(account: Account) -> str:
    direction = "outgoing" if account.protocol == "smtp" else "incoming"
    return (
        f'<{direction}Server type="{account.protocol}">\n'
        f"<hostname>{account.host}</hostname>\n<port>{account.port}</port>\n"
        f"<socketType>{_SOCKET_TYPES[account.security]}</socketType>\n"
        "<username>%EMAILADDRESS%</username>\n<authentication>password-cleartext</authentication>\n"
        f"</{direction}Server>\n"
    )


def _protocol(account: Account) -> str:
    return (
        f"<Protocol>\n<Type>{account.protocol.upper()}</Type>\n"
        f"<Server>{account.host}</Server>\n<Port>{account.port}</Port>\n"
        f"<SSL>{'on' if account.security == IMPLICIT else 'off'}</SSL>\n"
        f"<Encryption>{_ENCRYPTIONS[account.security]}</Encryption>\n"
        "<SPA>off</SPA>\n<AuthRequired>on</AuthRequired>\n</Protocol>\n"
    )
