"""What Autoconfig and Autodiscover have in common: the settings that a mail client is told to use."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FAMILIES = ("submission", "imap", "pop3")  # as ServiceKind.family has them


class Security(StrEnum):
    """How a setting has the connection protected."""

    IMPLICIT = "implicit"  # TLS from the first octet on
    STARTTLS = "starttls"
    PLAIN = "plain"  # no TLS, or TLS only where the client feels like it
    UNKNOWN = "unknown"  # the document does not say, or says what nobody knows


@dataclass(frozen=True, slots=True)
class Setting:
    """One server that a document names. `host` in the form of dossiers, "" where it is no host name; `port` None where
    it is missing or no port. `text` shows the setting in the document's own words, for evidence."""

    family: str
    host: str
    port: int | None
    security: Security
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was read. `settings` in its order, which is the order of preference.

    `url` or `address`: it sends the client there instead (Autodiscover). `foreign`: it has settings, but for other
    protocols alone (Exchange).
    """

    settings: tuple[Setting, ...]
    url: str = ""
    address: str = ""
    foreign: bool = False


class NotADocument(Exception):
    """The octets are no such document; the message says why, in English and without octets of theirs."""


class ReportsError(NotADocument):
    """The server answers as it should, that it has nothing for the mail address that was asked about."""
