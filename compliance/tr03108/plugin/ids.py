"""Names of items: `TR-03108-D-02[mx1.example.org/192.0.2.1:25]`.

pytest-html inserts node ids unescaped, shells and JUnit readers have their own ideas: hence the small alphabet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

LONGEST_SUBJECT = 120
_OTHER = re.compile(rb"[^A-Za-z0-9._:/-]")
ANY = "*"  # the subject where nothing has been probed; the only one outside the alphabet


def subject_id(text: str, domain: str | None = None) -> str:
    """A subject's text in the alphabet [A-Za-z0-9._:/-], other bytes as _XX, prefixed by `domain` where given."""
    full = text if domain is None else f"{domain}/{text}"
    safe = _OTHER.sub(lambda match: b"_%02X" % match[0][0], full.encode("utf-8", "surrogatepass"))
    return safe.decode("ascii")[:LONGEST_SUBJECT]


def item_names(ids_and_subjects: Iterable[tuple[str, str]]) -> Iterator[str]:
    """`ID[subject]` for each; what would stand there twice gets a number: `ID[subject-2]`."""
    taken: set[str] = set()
    for identity, subject in ids_and_subjects:
        name, number = f"{identity}[{subject}]", 1
        while name in taken:
            number += 1
            suffix = f"-{number}"
            name = f"{identity}[{subject[: LONGEST_SUBJECT - len(suffix)]}{suffix}]"
        taken.add(name)
        yield name
