"""Bodies that the lab's web servers send to do harm, each made of a right one."""

from __future__ import annotations

import zlib
from functools import cache

BAIT = "/external-entity"  # the path that an external entity names; nobody may fetch it
OVERSIZED = 2 * 1024 * 1024  # octets, more than any document
INFLATED = 2**30  # octets that come out of the bomb
_STEP = 2**24  # octets that are deflated at a time
_LEVELS = 9  # of entities, each ten times the one before: 10^9 times the text of the innermost
_GZIP_HEAD = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 255))  # RFC 1952 section 2.3: deflate, no name, no time


def xml_bomb(document: bytes) -> bytes:
    """The document with an entity that becomes a billion others."""
    entities = ['<!ENTITY e0 "lol">']
    for level in range(1, _LEVELS + 1):
        entities.append(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">')
    return _with_entities(document, "".join(entities), f"&e{_LEVELS};")


def external_entity(document: bytes, host: str) -> bytes:
    """The document with an entity that is to be fetched from the web, and one from the reader's own files."""
    entities = f'<!ENTITY web SYSTEM "https://{host}{BAIT}"><!ENTITY file SYSTEM "file:///etc/hostname">'
    return _with_entities(document, entities, "&web;&file;")


def malformed(document: bytes) -> bytes:
    """Half of the document."""
    return document[: len(document) // 2]


def oversized(document: bytes) -> bytes:
    """The document with more white space behind it than anybody should read."""
    return document + b" " * OVERSIZED


def endless_header() -> bytes:
    return b"X-Padding: " + b"x" * 1000 + b"\r\n"


@cache
def gzip_bomb() -> bytes:
    """A gzip file of about 1 MiB which holds zeros, a thousand times as many."""
    zeros, checksum = bytes(_STEP), 0
    deflate = zlib.compressobj(9, wbits=-15)
    block = deflate.compress(zeros) + deflate.flush(zlib.Z_FULL_FLUSH)  # from here on, nothing refers to it
    times = INFLATED // _STEP
    for _ in range(times):
        checksum = zlib.crc32(zeros, checksum)
    trailer = checksum.to_bytes(4, "little") + (INFLATED % 2**32).to_bytes(4, "little")
    return _GZIP_HEAD + block * times + deflate.flush(zlib.Z_FINISH) + trailer


def _with_entities(document: bytes, entities: str, reference: str) -> bytes:
    """The entities declared, and referred to right before the end of the root element."""
    declaration, end, rest = document.partition(b"?>")
    content, _, root_end = (rest if end else document).rpartition(b"</")
    root = root_end.partition(b">")[0].decode("ascii", "replace")
    subset = f"<!DOCTYPE {root or 'document'} [{entities}]>".encode("ascii")
    return (declaration + end if end else b"") + subset + content + reference.encode("ascii") + b"</" + root_end
