"""XML from strangers, read into a small tree: no document types, no entities, few elements, and not deep.

Which encoding holds is settled before the parser starts, and only those that mail clients share are read: what else a
declaration can name (UTF-7, EBCDIC, codecs of Python) never gets to a decoder.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, XMLParser

from .client_configuration import NotADocument

MAXIMUM_DEPTH = 40
MAXIMUM_ELEMENTS = 5000
_SHOWN = 200  # characters of a text for evidence

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_STARTS = ((b"<\x00", "utf-16-le"), (b"\x00<", "utf-16-be"))
_DECLARED = re.compile(
    rb"<\?xml[ \t\r\n][^<>?]{0,200}?[ \t\r\n]encoding[ \t\r\n]*=[ \t\r\n]*[\"']([^\"'<>]{0,60})[\"']"
)
_ENCODINGS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",  # not registered, but every client takes it
    "us-ascii": "ascii",
    "iso-8859-1": "latin-1",
    "iso-8859-15": "iso-8859-15",
    "windows-1252": "cp1252",
}
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


@dataclass(slots=True)
class Element:
    """`name` without, `namespace` with what its prefix stands for, "" where it has none. `text` is what stands directly
    in it, without white space around."""

    name: str
    namespace: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, name: str) -> Iterator[Element]:
        """The children of that name, in order, whatever their namespace."""
        return (child for child in self.children if child.name == name)

    def first(self, name: str) -> Element | None:
        return next(self.all(name), None)

    def value(self, name: str) -> str:
        """The text of the first child of that name, "" where there is none."""
        child = self.first(name)
        return "" if child is None else child.text


def read(body: bytes) -> Element:
    """The root of a document. Raises NotADocument."""
    try:
        parser = XMLParser(target=_Tree(), encoding="utf-8", forbid_dtd=True)
        parser.feed(_decoded(body).encode())
        root = parser.close()
    except DefusedXmlException:
        raise NotADocument("it has a document type declaration") from None
    except ParseError:
        raise NotADocument("it is not well-formed XML") from None
    assert isinstance(root, Element)  # the parser accepts no document without one
    return root


def shown(text: str) -> str:
    """A text for evidence: at most 200 printable ASCII characters, others as question marks."""
    return _UNPRINTABLE.sub("?", text[:_SHOWN])


def _decoded(body: bytes) -> str:
    encoding = None
    for mark, named in _MARKS:
        if body.startswith(mark):
            body, encoding = body[len(mark) :], named
            break
    else:
        encoding = next((named for start, named in _STARTS if body.startswith(start)), None)
    if encoding is None:
        declared = _DECLARED.match(body)
        encoding = _ENCODINGS.get(declared[1].decode("latin-1").lower()) if declared else "utf-8"
    if encoding is None:
        raise NotADocument("it declares an encoding that is not its own or that mail clients do not share")
    try:
        return body.decode(encoding)
    except UnicodeDecodeError:
        raise NotADocument("its octets do not fit its encoding") from None


class _Tree:
    """What the parser calls for each piece. Limits are held here, so that a document ends where it goes too far."""

    def __init__(self) -> None:
        self._root: Element | None = None
        self._open: list[tuple[Element, list[str]]] = []
        self._count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= MAXIMUM_DEPTH or self._count > MAXIMUM_ELEMENTS:
            raise NotADocument(f"it has more than {MAXIMUM_ELEMENTS} elements or {MAXIMUM_DEPTH} levels")
        namespace, _, name = tag[1:].rpartition("}") if tag.startswith("{") else ("", "", tag)
        element = Element(name, namespace, attributes)
        if self._open:
            self._open[-1][0].children.append(element)
        else:
            self._root = element
        self._open.append((element, []))

    def data(self, text: str) -> None:
        if self._open:
            self._open[-1][1].append(text)

    def end(self, _: str) -> None:
        element, texts = self._open.pop()
        element.text = "".join(texts).strip()

    def close(self) -> Element | None:
        return self._root
