"""What SMTP replies say in words where their codes leave it open; servers repeat much that is not theirs."""

from __future__ import annotations

import re

from ..wire.smtp import Reply

_STARTTLS_FIRST = 530  # RFC 3207 section 4; RFC 4954 has the same code for a client that has to log in
_LOGIN = re.compile(rb"\bauth", re.IGNORECASE)
_TLS = re.compile(rb"\b(?:START)?TLS\b(?![- ]report)|\bencrypt", re.IGNORECASE)
_NEEDED = re.compile(rb"\b(?:require|must\b|need|mandatory\b|first\b|only\b|without\b)", re.IGNORECASE)
# What a reply repeats: addresses, host names, URLs. "tlsrpt@example.org" says nothing of TLS.
_BRACKETED = re.compile(rb"<[^<>]*>")
_REPEATED = re.compile(rb"@|://|[A-Za-z0-9]\.[A-Za-z0-9]")


def wants_tls(reply: Reply) -> bool:
    """Whether a command was refused for lack of TLS, for good or, as some servers do, for now."""
    words = own_words(reply)
    named = bool(_TLS.search(words))
    if reply.code == _STARTTLS_FIRST:
        return named or not _LOGIN.search(words)
    return (reply.permanent or reply.transient) and named and bool(_NEEDED.search(words))


def own_words(reply: Reply) -> bytes:
    """What a reply says, without its codes and what it repeats."""
    words = _BRACKETED.sub(b" ", b" ".join(line[4:] for line in reply.lines)).split()
    return b" ".join(word for word in words if not _REPEATED.search(word))
