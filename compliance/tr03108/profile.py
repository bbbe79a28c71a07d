"""Profiles: which requirements, cases and checks an audit judges by, at which level, and what it asks.

How a profile comes about, from the file that extends nothing to the one that was asked for:

1. `include` replaces the inherited set, `exclude` takes away from it; both take ids and patterns with `*`. A file that
   extends nothing and includes nothing has all of the catalogue. Names of a set come in catalogue order.
2. A requirement that is not in the profile takes the cases and checks with it that serve no other one. To name such a
   case in the same file is an error.
3. `[[requirement]]` replaces the catalogue's requirements, and whatever was inherited of them, by the profile's own.
4. `level` is merged id by id, the file nearer to the profile wins; parameters and plan are merged key by key.

The level of a finding: that of its check id in the profile, else of its case id in the profile, else the catalogue's.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tr03108.catalogue import Catalogue, Requirement
from tr03108.model import Level, UsageError
from tr03108.norms.profile_draft import Draft, apply, beginning, nearest_or_all
from tr03108.norms.profile_file import OwnRequirement, Parameters, PlanQuestions, ProfileFile, read_profile_file
from tr03108.norms.tls_policy import TlsPolicy
from tr03108.norms.tls_policy_file import read_policy
from tr03108.rooms import room
from tr03108.toml.table import quoted

__all__ = [
    "Parameters",
    "PlanQuestions",
    "Profile",
    "ProfileRequirement",
    "load_profile",
    "profile_names",
    "with_requirements",
]


@dataclass(frozen=True, slots=True)
class ProfileRequirement:
    """A requirement as the profile has it.

    `partial`: the profile leaves out cases of it that are MUST, or does not judge them as MUST; met then means met in
    part. `cases` and `checks` are those of the profile, in catalogue order; `checks` has the checks without a case.
    `services`: whose findings belong to it (names of SERVICE_KINDS); none named: those of all. `manual`: one finding of
    its own says that a person has to judge it, whatever its cases and checks say.
    """

    id: str
    level: Level
    title: Mapping[str, str]
    partial: bool
    cases: tuple[str, ...]
    checks: tuple[str, ...]
    source: str = ""
    services: tuple[str, ...] = ()
    manual: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """What an audit judges by.

    `levels` has the levels that differ from the catalogue, by case id or check id (a check's wins over its case's), and
    `reasons` says why. `unused_domain`: for domains that send and receive no mail. `former_ids`: reports name the ids
    that cases had in the edition before.
    """

    id: str
    title: str
    source: str
    requirements: tuple[ProfileRequirement, ...]
    cases: tuple[str, ...]
    checks: tuple[str, ...]
    levels: Mapping[str, Level]
    parameters: Parameters
    plan: PlanQuestions
    gate: str
    tls: TlsPolicy
    unused_domain: bool = False
    titles: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    former_ids: bool = False


def profile_names() -> list[str]:
    """The shipped profiles by name."""
    return sorted(file.stem for file in room("profiles").glob("*.toml"))


def load_profile(name_or_path: str | Path, catalogue: Catalogue, check_ids: Collection[str] = ()) -> Profile:
    """A shipped profile by name, or any profile file by path.

    `check_ids` are ids of checks beyond the catalogue's rows (those of checks with a case), for which the profile may
    set a level too. Raises UsageError, one line, where the name is not known or a file of the chain is wrong.
    """
    chain = _chain(_find(str(name_or_path)))
    draft = beginning(catalogue)
    for read in reversed(chain):
        draft = apply(draft, read, catalogue, check_ids)
    return _finish(draft, chain[0], catalogue, check_ids)


def with_requirements(catalogue: Catalogue, profile: Profile) -> Catalogue:
    """The catalogue with the profile's own requirements in it, so that reports can name them and waivers waive them."""
    own = {
        row.id: Requirement(row.id, row.level, row.title, "", profile.source, (row.source,), services=row.services)
        for row in profile.requirements
        if row.id not in catalogue.requirements
    }
    return replace(catalogue, requirements={**catalogue.requirements, **own})


def _find(name: str) -> Path:
    """The file of a shipped name; else a path."""
    names = profile_names()
    if name in names:
        return room("profiles") / f"{name}.toml"
    if name.endswith(".toml") or os.sep in name or _is_file(Path(name)):
        return Path(name)
    raise UsageError(f"unknown profile {quoted(name)}{nearest_or_all(name, names)}")


def _chain(file: Path) -> list[ProfileFile]:
    """The file and what it extends, the nearest first."""
    chain = [read_profile_file(file)]
    seen = [file.resolve()]
    while (name := chain[-1].extends) is not None:
        table = chain[-1].table
        if name in profile_names():
            file = room("profiles") / f"{name}.toml"
        elif name.endswith(".toml") and "\0" not in name:
            file = table.file.parent / name
        else:
            raise table.error(
                f'unknown profile {quoted(name)} in "extends"{nearest_or_all(name, profile_names())}', "extends"
            )
        if file.resolve() in seen:
            raise table.error(f'"extends" runs in a circle: {quoted(name)} extends this profile', "extends")
        seen.append(file.resolve())
        if not _is_file(file):
            raise table.error(f'"extends" names {quoted(name)}, but there is no file {file}', "extends")
        chain.append(read_profile_file(file))
    return chain


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _finish(draft: Draft, read: ProfileFile, catalogue: Catalogue, check_ids: Collection[str]) -> Profile:
    if draft.source is None:
        raise read.table.error('"source" is missing in the file')
    if draft.tls_policy is None:
        raise read.table.error('"tls_policy" is missing in the file')
    if not draft.chosen["requirements"]:
        raise read.table.error("the profile has no requirements")
    _not_emptied(draft, read, catalogue)
    cases = tuple(identity for identity in catalogue.cases if identity in draft.chosen["cases"])
    checks = tuple(identity for identity in draft.known("checks") if identity in draft.chosen["checks"])
    in_profile = {*cases, *checks, *check_ids}
    changes = {
        identity: change
        for kind in ("cases", "checks")
        for identity, change in draft.levels[kind].items()
        if identity in in_profile
    }
    levels = {identity: change.level for identity, change in changes.items()}
    return Profile(
        id=read.id,
        title=read.titles["en"],
        source=draft.source,
        requirements=tuple(
            _requirement(row, draft, levels, catalogue)
            for row in draft.requirements.values()
            if row.id in draft.chosen["requirements"]
        ),
        cases=cases,
        checks=checks,
        levels=levels,
        parameters=draft.parameters,
        plan=draft.plan,
        gate=draft.gate,
        tls=TlsPolicy.together(read_policy(file) for file in draft.tls_policy),
        unused_domain=draft.unused_domain,
        titles=read.titles,
        reasons={identity: change.why for identity, change in changes.items()},
        former_ids=draft.former_ids,
    )


def _not_emptied(draft: Draft, read: ProfileFile, catalogue: Catalogue) -> None:
    """What is mandatory and visible from outside must not look, without its cases, as if a person had to judge it."""
    for row in draft.requirements.values():
        change = draft.levels["requirements"].get(row.id)
        must = (change.level if change else row.level) is Level.MUST and row.id in draft.chosen["requirements"]
        left = any(identity in draft.chosen[kind] for kind in ("cases", "checks") for identity in getattr(row, kind))
        visible = any(catalogue.cases[identity].testable == "remote" for identity in row.cases)
        if must and visible and not left and not row.manual:
            raise read.table.error(
                f"{quoted(row.id)} is in the profile with none of its cases: include some in [cases], or exclude it"
            )


def _requirement(
    row: OwnRequirement, draft: Draft, levels: Mapping[str, Level], catalogue: Catalogue
) -> ProfileRequirement:
    change = draft.levels["requirements"].get(row.id)
    musts = [identity for identity in row.cases if catalogue.cases[identity].level is Level.MUST]
    return ProfileRequirement(
        id=row.id,
        level=change.level if change else row.level,
        title=row.title,
        partial=any(
            identity not in draft.chosen["cases"] or levels.get(identity, Level.MUST) is not Level.MUST
            for identity in musts
        ),
        cases=tuple(identity for identity in row.cases if identity in draft.chosen["cases"]),
        checks=tuple(identity for identity in row.checks if identity in draft.chosen["checks"]),
        source=row.source,
        services=row.services,
        manual=row.manual,
    )
