"""Many service addresses in few words: those of one host with the same ports together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tr03108.model import Subject, bracketed

from .escape import line
from .texts import Texts

_SHOWN = 4  # addresses of one host, and ports


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Some addresses of one host, and the ports that all of them have; no address where the host itself is meant."""

    name: str
    addresses: tuple[str, ...]
    ports: tuple[int, ...]


def whereabouts(subjects: Iterable[Subject]) -> tuple[Whereabouts, ...]:
    """`subjects` by host, in the order in which their hosts come up; ports from the lowest up."""
    ports: dict[tuple[str, str | None], set[int]] = {}
    for subject in subjects:
        own = ports.setdefault((subject.name, subject.address), set())
        if subject.port is not None:
            own.add(subject.port)
    same: dict[tuple[str, bool, tuple[int, ...]], list[str]] = {}
    for (name, address), own in ports.items():
        same.setdefault((name, address is None, tuple(sorted(own))), []).append(address or "")
    return tuple(
        Whereabouts(name, () if whole else tuple(addresses), own) for (name, whole, own), addresses in same.items()
    )


def in_words(subjects: Iterable[Subject], texts: Texts) -> tuple[str, ...]:
    """One text for each host and set of ports, harmless to show; a single service address is as in the findings."""
    return tuple(_words(each, texts) for each in whereabouts(subjects))


def _words(each: Whereabouts, texts: Texts) -> str:
    if len(each.addresses) <= 1 and len(each.ports) <= 1:
        address = each.addresses[0] if each.addresses else None
        return line(Subject("service", each.name, address, each.ports[0] if each.ports else None).text)
    words = line(each.name)
    if each.addresses:
        words += f" ({texts.names([line(bracketed(address)) for address in each.addresses], _SHOWN)})"
    if each.ports:
        label = texts.ui("at_port" if len(each.ports) == 1 else "at_ports")
        words += f", {label} {texts.names([str(port) for port in each.ports], 2 * _SHOWN)}"
    return words
