"""Whether a server ever chooses one thing over another that the client offers as well (TR-03108 v2.0 section 4.3.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...wire.tls.code_points import ALL_SUITES, TLS13_SUITES
from .answers import Answer
from .facts import TlsFacts
from .listings import Item

_WIDE = ("versions", "order", "ordinary")  # hellos that leave nothing out

Better = Callable[[str, int], bool]  # version and suite: whether this one should be chosen first


def suite_has_low_priority(facts: TlsFacts, item: Item, better: Better) -> bool | None:
    """Whether a better suite is chosen wherever the client offers one; None where that was not seen.

    Seen is: of each better suite a hello that named this one first, and the better one was chosen; or a server that
    goes by its own order, in which all better suites come first.
    """
    known = facts.suites(item.version).codes
    superior = {code for code in known if better(item.version, code)}
    if not superior:
        every = TLS13_SUITES if item.version == "TLSv1.3" else ALL_SUITES
        unknown = facts.suites(item.version).unknown(code for code in every if better(item.version, code))
        return None if unknown else True  # there is nothing to prefer; that is the matter of another check
    proven: set[int] = set()
    for answer in facts.in_version(item.version):
        offered = answer.offered.suites if answer.offered is not None else ()
        if item.code not in offered or not superior.intersection(offered):
            continue
        if answer.suite == item.code and answer.topic in ("suites", *_WIDE):  # others may lack what a better one needs
            return False
        if answer.suite in superior and offered.index(item.code) < offered.index(answer.suite):
            proven.add(answer.suite)
    if proven == superior:
        return True
    if facts.server_order(item.version) and item.code in known:
        place = known.index(item.code)
        return all(known.index(code) < place for code in superior)
    return None


def version_has_low_priority(facts: TlsFacts, item: Item, better: Sequence[str]) -> bool | None:
    """Whether a better version is chosen wherever the client offers one; None where that was not seen."""
    spoken = [version for version in better if facts.version(version) == "accepted"]
    if not spoken:
        return True
    if item.name == "SSLv2":
        return True  # its hello is another: who says hello in TLS never comes to it
    proven = False
    for answer in facts.chosen:
        versions = _versions(answer)
        if item.name in versions and any(version in versions for version in spoken) and answer.topic in _WIDE:
            if answer.version == item.name:
                return False
            proven = proven or answer.version in spoken
    return True if proven else None


def _versions(answer: Answer) -> tuple[str, ...]:
    """The names of all versions that a server may choose by a hello; the version field alone allows every older one."""
    names = {0x0300: "SSLv3", 0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}
    if answer.offered is None:
        return ()
    if answer.offered.versions is not None:
        return tuple(names[number] for number in answer.offered.versions if number in names)
    return tuple(name for number, name in names.items() if number <= answer.offered.version)
