"""A ManageSieve server (RFC 5804) before login, with STARTTLS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tr03108.lab.client_server import BOMB, ClientFault, ClientServer, Conversation

_AFTER_LOGIN = {"HAVESPACE", "PUTSCRIPT", "LISTSCRIPTS", "SETACTIVE", "GETSCRIPT", "DELETESCRIPT", "CHECKSCRIPT"}


class SieveConversation(Conversation):
    starttls_replies: ClassVar[Mapping[str, str]] = {
        "go": 'OK "Begin TLS negotiation now"',
        "no": 'NO "TLS is not available"',
        "later": 'NO (TRYLATER) "TLS is not available now"',
    }

    def greeting(self) -> tuple[str, ...]:
        if self.fault is ClientFault.CAPABILITIES_UNKNOWN:
            return ('OK "Ready"',)
        if self.fault is ClientFault.LITERAL_BOMB:
            return (f'"IMPLEMENTATION" {{{BOMB}}}', "and so on")
        lines = ['"IMPLEMENTATION" "lab"', f'"SASL" "{" ".join(self.announced)}"', '"SIEVE" "fileinto"']
        if self.offers_starttls:
            lines.append('"STARTTLS"')
        return (*lines, '"VERSION" "1.0"', f'OK "{self.behaviour.host} ready"')

    def bye(self, for_good: bool) -> str:
        return 'BYE (REFERRAL "sieve://elsewhere.example") "Ask there"' if for_good else 'BYE "Too many connections"'

    def endless(self) -> str:
        return '"X-HOLD" "the line"\r\n'

    def after_tls(self) -> tuple[str, ...]:
        return self.greeting()

    async def obey(self, line: str) -> bool:
        verb, _, argument = line.partition(" ")
        match verb.upper():
            case "CAPABILITY":
                await self.reply(*self.greeting())
            case "NOOP":
                await self.reply(f'OK (TAG {argument}) "Done"' if argument else 'OK "Done"')
            case "LOGOUT":
                self.record.left = "quit"
                await self.reply('OK "Logout completed"')
                return False
            case "STARTTLS" if self.clear:
                return await self.starttls()
            case "AUTHENTICATE":
                await self.refuse_or_challenge(argument, '""', 'NO (ENCRYPT-NEEDED) "Use TLS"', 'NO "Cancelled"')
            case word if word in _AFTER_LOGIN:
                self.record.violations.append(line)
                await self.reply('NO "Log in first"')
            case _:
                await self.reply('NO "Unknown command"')
        return True


class SieveServer(ClientServer):
    """One ManageSieve service address."""

    conversation = SieveConversation
