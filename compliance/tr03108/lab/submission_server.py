"""A submission server (RFC 6409, 4954) before login, with STARTTLS or TLS from the start. It takes no mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tr03108.lab.client_server import ClientFault, ClientServer, Conversation

_NEVER = {"RCPT", "DATA", "BDAT", "VRFY", "EXPN", "ETRN", "TURN", "BURL"}


class SubmissionConversation(Conversation):
    starttls_replies: ClassVar[Mapping[str, str]] = {
        "go": "220 2.0.0 Ready to start TLS",
        "no": "502 5.5.1 Command not implemented",
        "later": "454 4.7.0 TLS not available due to temporary reason",
    }

    def greeting(self) -> tuple[str, ...]:
        return (f"220 {self.behaviour.host} ESMTP lab submission",)

    def bye(self, for_good: bool) -> str:
        return "554 5.7.1 No service for you" if for_good else "421 4.3.2 Too many connections"

    def endless(self) -> str:
        return "220-please hold the line\r\n"

    async def obey(self, line: str) -> bool:
        verb, _, argument = line.partition(" ")
        match verb.upper():
            case "EHLO":
                return await self._ehlo()
            case "STARTTLS" if self.clear:
                return await self.starttls()
            case "NOOP" | "RSET":
                await self.reply("250 2.0.0 Ok")
            case "QUIT":
                self.record.left = "quit"
                await self.reply("221 2.0.0 Bye")
                return False
            case "AUTH":
                refusal = "538 5.7.11 Encryption required" if self.clear else "535 5.7.8 Nobody can log in"
                await self.refuse_or_challenge(argument, "334 ", refusal, "501 5.7.0 Authentication cancelled")
            case "MAIL":
                await self.reply("530 5.7.0 Authentication required")
            case word if word in _NEVER:
                self.record.violations.append(line)
                await self.reply("530 5.7.0 Authentication required")
            case _:
                await self.reply("500 5.5.2 Command unrecognized")
        return True

    async def _ehlo(self) -> bool:
        match self.fault:
            case ClientFault.CAPABILITIES_UNKNOWN:
                await self.reply("502 5.5.1 Command not implemented")
                return True
            case ClientFault.CAPABILITIES_CLOSE:
                return False
        keywords = ["PIPELINING", "SIZE 10485760", "8BITMIME"]
        if self.offers_starttls:
            keywords.append("STARTTLS")
        if self.announced:
            keywords.append(f"AUTH {' '.join(self.announced)}")
        lines = [self.behaviour.host, *keywords]
        await self.reply(*(f"250-{text}" for text in lines[:-1]), f"250 {lines[-1]}")
        return True


class SubmissionServer(ClientServer):
    """One submission service address."""

    conversation = SubmissionConversation
