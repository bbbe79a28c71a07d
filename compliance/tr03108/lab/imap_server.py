"""An IMAP server (RFC 9051) before login, with STARTTLS or TLS from the start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tr03108.lab.client_server import BOMB, ClientFault, ClientServer, Conversation

_AFTER_LOGIN = {"SELECT", "EXAMINE", "CREATE", "DELETE", "RENAME", "LIST", "LSUB", "STATUS", "APPEND", "FETCH", "STORE"}


class ImapConversation(Conversation):
    starttls_replies: ClassVar[Mapping[str, str]] = {
        "go": "OK Begin TLS negotiation now",
        "no": "BAD TLS is not available",
        "later": "NO [UNAVAILABLE] TLS is not available now",
    }

    def greeting(self) -> tuple[str, ...]:
        if self.fault is ClientFault.PREAUTH:
            return (f"* PREAUTH {self.behaviour.host} logged in as lab",)
        return (f"* OK [CAPABILITY {self._capabilities()}] {self.behaviour.host} ready",)

    def bye(self, for_good: bool) -> str:
        return "* BYE [NOPERM] No service for you" if for_good else "* BYE Too many connections"

    def endless(self) -> str:
        return "* OK please hold the line, "

    async def obey(self, line: str) -> bool:
        tag, _, rest = line.partition(" ")
        verb, _, argument = rest.partition(" ")
        match verb.upper():
            case "CAPABILITY":
                return await self._capability(tag)
            case "NOOP":
                await self.reply(f"{tag} OK NOOP completed")
            case "LOGOUT":
                self.record.left = "quit"
                await self.reply(f"* BYE {self.behaviour.host} logging out", f"{tag} OK LOGOUT completed")
                return False
            case "STARTTLS" if self.clear:
                return await self.starttls(f"{tag} ")
            case "AUTHENTICATE":
                refusal = f"{tag} NO [PRIVACYREQUIRED] Use TLS" if self.clear else f"{tag} NO Nobody can log in"
                await self.refuse_or_challenge(argument, "+ ", refusal, f"{tag} BAD Authentication cancelled")
            case "LOGIN":
                self.record.violations.append(line)
                await self.reply(f"{tag} NO Nobody can log in")
            case word if word in _AFTER_LOGIN:
                self.record.violations.append(line)
                await self.reply(f"{tag} BAD Log in first")
            case _:
                await self.reply(f"{tag} BAD Unknown command")
        return True

    async def _capability(self, tag: str) -> bool:
        match self.fault:
            case ClientFault.CAPABILITIES_UNKNOWN:
                await self.reply(f"{tag} BAD Unknown command")
                return True
            case ClientFault.CAPABILITIES_CLOSE:
                return False
            case ClientFault.LITERAL_BOMB:
                await self.reply(f"* CAPABILITY IMAP4rev1 {{{BOMB}}}", "and so on")
                return await self.readline() is not None
        await self.reply(f"* CAPABILITY {self._capabilities()}", f"{tag} OK CAPABILITY completed")
        return True

    def _capabilities(self) -> str:
        names = ["IMAP4rev1", "ID", "ENABLE"]
        if self.offers_starttls:
            names.append("STARTTLS")
        if not self.login_announced:
            names.append("LOGINDISABLED")
        return " ".join([*names, *(f"AUTH={name}" for name in self.announced)])


class ImapServer(ClientServer):
    """One IMAP service address."""

    conversation = ImapConversation
