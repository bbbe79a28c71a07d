"""A cursor over the vectors of RFC 5246 section 4 that never raises: what is not there is None."""

from __future__ import annotations

from collections.abc import Iterator

Extensions = tuple[tuple[int, bytes], ...]


class Reader:
    """A cursor over bytes that answers None past the end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    @property
    def rest(self) -> int:
        """Octets not yet taken."""
        return len(self.data) - self.at

    def number(self, size: int) -> int | None:
        part = self.take(size)
        return None if part is None else int.from_bytes(part, "big")

    def take(self, size: int) -> bytes | None:
        if self.at + size > len(self.data):
            return None
        self.at += size
        return self.data[self.at - size : self.at]

    def vector(self, length_size: int) -> bytes | None:
        size = self.number(length_size)
        return None if size is None else self.take(size)


def numbers(data: bytes | None, size: int = 2) -> tuple[int, ...]:
    """The numbers of `size` octets in a vector's body; an incomplete last one is left out."""
    whole = data or b""
    return tuple(int.from_bytes(whole[at : at + size], "big") for at in range(0, len(whole) - size + 1, size))


def extensions(block: bytes | None) -> Extensions:
    """Type and body of each complete extension in the body of an extensions vector."""
    return tuple(_each(Reader(block or b"")))


def extension(found: Extensions, kind: int) -> bytes | None:
    """The body of the first extension of `kind`; None where there is none."""
    return next((body for number, body in found if number == kind), None)


def _each(reader: Reader) -> Iterator[tuple[int, bytes]]:
    while True:
        kind, body = reader.number(2), reader.vector(2)
        if kind is None or body is None:
            return
        yield kind, body
