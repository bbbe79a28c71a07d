"""Which calls of which checks a session has, under which names."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime

from tr03108 import __version__
from tr03108.anchors import IANA_ANCHORS
from tr03108.evaluate.views import Views
from tr03108.front.settings import Settings
from tr03108.judge import Call, Check, calls
from tr03108.model import Dossier, Vantage
from tr03108.plugin.ids import ANY, item_names, subject_id
from tr03108.profile import Profile

_NOTHING_SEEN = datetime(1970, 1, 1, tzinfo=UTC)


class Listing:
    """The calls over some dossiers; over none it lists each check once, with the subject `*`."""

    def __init__(self, dossiers: Sequence[Dossier], settings: Settings) -> None:
        self._seen = bool(dossiers)
        self._views = [Views(dossier) for dossier in tuple(dossiers) or (_blank(settings),)]
        self._settings = settings

    def by_file(self) -> dict[str, list[tuple[str, Call]]]:
        """Names and calls of the shipped checks and of the profile's cases without one, by file below checks/."""
        found: dict[str, list[tuple[str, str, Call]]] = {}
        for views in self._views:
            for call in self._calls(views, self._settings.profile, self._settings.checks):
                found.setdefault(call.file, []).append(self._named(views.dossier, call))
        return {file: _numbered(items) for file, items in sorted(found.items())}

    def of(self, check: Check) -> list[tuple[str, Call]]:
        """Names and calls of a check in a user's own file.

        One without a case that the profile does not name runs all the same, as a MUST: its author gave its path.
        """
        profile = self._settings.profile
        if check.case is None and check.id not in profile.checks:
            profile = dataclasses.replace(profile, checks=(*profile.checks, check.id))
        found = [
            self._named(views.dossier, call)
            for views in self._views
            for call in self._calls(views, profile, (check,))
            if call.check_id == check.id
        ]
        return _numbered(found)

    def _calls(self, views: Views, profile: Profile, checks: tuple[Check, ...]) -> list[Call]:
        settings = self._settings
        as_of = settings.as_of or views.dossier.started
        return calls(views.dossier, profile, settings.catalogue, checks, as_of, settings.gate, settings.waivers, views)

    def _named(self, dossier: Dossier, call: Call) -> tuple[str, str, Call]:
        prefix = dossier.domain if len(self._views) > 1 else None
        subject = subject_id(call.subject.text, prefix) if self._seen else ANY
        return call.case or call.check_id, subject, call


def _numbered(items: Sequence[tuple[str, str, Call]]) -> list[tuple[str, Call]]:
    names = item_names((identity, subject) for identity, subject, _ in items)
    return [(name, call) for name, (_, _, call) in zip(names, items, strict=True)]


def _blank(settings: Settings) -> Dossier:
    """A dossier of nothing seen: every check is called once for it."""
    return Dossier(
        domain="example.org",
        started=_NOTHING_SEEN,
        finished=_NOTHING_SEEN,
        complete=False,
        tool_version=__version__,
        plan=settings.plan,
        vantage=Vantage((), None, None),
        trust_anchors=settings.anchors or IANA_ANCHORS,
        roots=(),
        observations={},
    )
