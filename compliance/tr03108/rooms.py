"""Where the rooms beside the package are: inside an installed wheel, or at the top of a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_NAMES = frozenset({"checks", "profiles", "reports"})


def room(name: str) -> Path:
    """The folder of a room ("checks", "profiles" or "reports").

    A wheel carries the rooms as `tr03108/_rooms/<name>`; in a checkout, which an editable install points to, they lie
    two levels above the package. Raises LookupError where neither is there: the installation is damaged.
    """
    if name not in _NAMES:
        raise LookupError(f"there is no room {name!r}, only {', '.join(sorted(_NAMES))}")
    for folder in (_PACKAGE / "_rooms" / name, _PACKAGE.parents[1] / name):
        if folder.is_dir():
            return folder
    raise LookupError(f"the room {name!r} is missing from this installation of tr03108: install it again")
