"""Sentences with places to fill. Values are hostile, so this is no template language: names only, one pass.

`{name}` becomes the value, "-" when there is none. `[a part with a {name}]` is left out when a value in it is missing.
What a value contains is never looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MISSING = "-"
_PLACE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_PART = re.compile(r"\[([^\[\]{}]*\{[a-z_][a-z0-9_]*\}[^\[\]]*)\]|\{([a-z_][a-z0-9_]*)\}")


def places(template: str) -> frozenset[str]:
    """The names of the places in `template`."""
    return frozenset(_PLACE.findall(template))


def fill(template: str, values: Mapping[str, str]) -> str:
    """`template` with its places filled from `values`."""

    def put(match: re.Match[str]) -> str:
        part, name = match.groups()
        if part is None:
            return values.get(name, MISSING)
        if not places(part) <= values.keys():
            return ""
        return _PLACE.sub(lambda place: values[place[1]], part)

    return _PART.sub(put, template)


def generalise(template: str, words: Mapping[str, str]) -> str:
    """`template` as a general rule: optional parts left out, places as <WORD>, by default their names."""

    def show(match: re.Match[str]) -> str:
        return "" if match[1] is not None else f"<{words.get(match[2], match[2].upper())}>"

    return _PART.sub(show, template)
