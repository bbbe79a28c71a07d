"""A POP3 server (RFC 1939, 2449, 2595) before login, with STLS or TLS from the start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tr03108.lab.client_server import ClientFault, ClientServer, Conversation

_AFTER_LOGIN = {"STAT", "LIST", "RETR", "DELE", "TOP", "UIDL", "NOOP", "RSET"}


class Pop3Conversation(Conversation):
    starttls_replies: ClassVar[Mapping[str, str]] = {
        "go": "+OK Begin TLS negotiation",
        "no": "-ERR Command not permitted",
        "later": "-ERR [SYS/TEMP] TLS is not available now",
    }

    def greeting(self) -> tuple[str, ...]:
        return (f"+OK {self.behaviour.host} ready",)

    def bye(self, for_good: bool) -> str:
        return "-ERR [SYS/PERM] No service for you" if for_good else "-ERR [SYS/TEMP] Too many connections"

    def endless(self) -> str:
        return "+OK please hold the line, "

    async def obey(self, line: str) -> bool:
        verb, _, argument = line.partition(" ")
        match verb.upper():
            case "CAPA":
                return await self._capa()
            case "QUIT":
                self.record.left = "quit"
                await self.reply("+OK Bye")
                return False
            case "STLS" if self.clear:
                return await self.starttls()
            case "AUTH":
                await self.refuse_or_challenge(argument, "+ ", "-ERR Nobody can log in", "-ERR Cancelled")
            case "USER":
                await self._user(argument)
            case "PASS" | "APOP":
                self.record.violations.append(line)
                await self.reply("-ERR [AUTH] Nobody can log in")
            case word if word in _AFTER_LOGIN:
                self.record.violations.append(line)
                await self.reply("-ERR Log in first")
            case _:
                await self.reply("-ERR Unknown command")
        return True

    async def _user(self, name: str) -> None:
        if name != "nobody" or not self.clear:
            self.record.violations.append(f"USER {name}")
        accepted = not self.clear or self.fault is ClientFault.USER_ACCEPTED
        await self.reply("+OK Send the password" if accepted else "-ERR Use STLS first")

    async def _capa(self) -> bool:
        match self.fault:
            case ClientFault.CAPABILITIES_UNKNOWN:
                await self.reply("-ERR Unknown command")
                return True
            case ClientFault.CAPABILITIES_CLOSE:
                return False
        names = ["TOP", "UIDL", "RESP-CODES", "PIPELINING"]
        if self.offers_starttls:
            names.append("STLS")
        if self.login_announced:
            names.append("USER")
        if self.announced:
            names.append(f"SASL {' '.join(self.announced)}")
        await self.reply("+OK Capabilities follow", *names, ".")
        return True


class Pop3Server(ClientServer):
    """One POP3 service address."""

    conversation = Pop3Conversation
