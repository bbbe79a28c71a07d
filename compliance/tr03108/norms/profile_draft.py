"""How the files of a profile add up: what each makes of what it extends. The rules are told in tr03108.profile."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from tr03108.catalogue import Catalogue
from tr03108.norms.profile_file import KINDS, LevelChange, OwnRequirement, Parameters, PlanQuestions, ProfileFile
from tr03108.norms.tls_policy_file import policy_file, policy_names
from tr03108.toml.table import did_you_mean, quoted


@dataclass(frozen=True, slots=True)
class Draft:
    """A profile while its files are read, beginning with the one that extends nothing."""

    requirements: Mapping[str, OwnRequirement]  # all that could be chosen, in order
    chosen: Mapping[str, Collection[str]]  # by kind
    levels: Mapping[str, Mapping[str, LevelChange]]  # by kind
    source: str | None
    parameters: Parameters
    plan: PlanQuestions
    gate: str
    tls_policy: tuple[Path, ...] | None
    unused_domain: bool
    former_ids: bool

    def known(self, kind: str) -> list[str]:
        """All ids of a kind that could be chosen, in order."""
        if kind == "requirements":
            return list(self.requirements)
        serving = (getattr(requirement, kind) for requirement in self.requirements.values())
        return list(dict.fromkeys(identity for ids in serving for identity in ids))


def beginning(catalogue: Catalogue) -> Draft:
    """All of the catalogue: what a file that extends nothing starts from."""
    requirements = {
        row.id: OwnRequirement(
            id=row.id,
            level=row.level,
            title=row.title,
            source=f"{row.document} section {row.section}",
            cases=tuple(case.id for case in catalogue.cases.values() if row.id in case.requirements),
            checks=tuple(check.id for check in catalogue.checks.values() if row.id in check.requirements),
            services=row.services,
        )
        for row in catalogue.requirements.values()
    }
    return Draft(
        requirements=requirements,
        chosen={"requirements": requirements, "cases": catalogue.cases, "checks": catalogue.checks},
        levels={kind: {} for kind in KINDS},
        source=None,
        parameters=Parameters(),
        plan=PlanQuestions(),
        gate="must",
        tls_policy=None,
        unused_domain=False,
        former_ids=False,
    )


def apply(draft: Draft, read: ProfileFile, catalogue: Catalogue, check_ids: Collection[str]) -> Draft:
    """What the file makes of what it extends."""
    if read.own_requirements:
        draft = _own(draft, read, catalogue, check_ids)
    chosen = {kind: _choose(draft, read, kind) for kind in KINDS}
    for kind in ("cases", "checks"):
        served = {
            identity
            for requirement in draft.requirements.values()
            if requirement.id in chosen["requirements"]
            for identity in getattr(requirement, kind)
        }
        for identity in read.choices[kind].include or ():
            if "*" not in identity and identity not in served:
                raise read.table.table(kind).error(
                    f"{quoted(identity)} is in the profile without any requirement that it serves", "include", identity
                )
        chosen[kind] = chosen[kind] & served
    draft = replace(draft, chosen=chosen)
    return replace(
        draft,
        levels={kind: {**draft.levels[kind], **_levels(draft, read, kind, check_ids)} for kind in KINDS},
        source=read.source or draft.source,
        parameters=read.parameters(draft.parameters),
        plan=read.plan(draft.plan),
        gate=read.gate or draft.gate,
        tls_policy=draft.tls_policy if read.tls_policy is None else _policy_files(read),
        unused_domain=draft.unused_domain if read.unused_domain is None else read.unused_domain,
        former_ids=draft.former_ids if read.former_ids is None else read.former_ids,
    )


def _own(draft: Draft, read: ProfileFile, catalogue: Catalogue, check_ids: Collection[str]) -> Draft:
    """The requirements that the file defines, in place of all others."""
    known: Mapping[str, Collection[str]] = {"cases": catalogue.cases, "checks": {*catalogue.checks, *check_ids}}
    found: dict[str, OwnRequirement] = {}
    for row, table in zip(read.own_requirements, read.table.tables("requirement"), strict=True):
        if row.id in found:
            raise table.error(f"the id {quoted(row.id)} is used twice", "id")
        for kind in ("cases", "checks"):
            for identity in getattr(row, kind):
                if identity not in known[kind]:
                    near = did_you_mean(identity, known[kind])
                    raise table.error(f"unknown {kind[:-1]} {quoted(identity)}{near}", kind, identity)
        if not row.cases and not row.checks and not row.manual:
            hint = '; with "manual = true" it is for a person to judge'
            raise table.error(f"{quoted(row.id)} has neither cases nor checks{hint}", "id")
        found[row.id] = row
    draft = replace(draft, requirements=found)
    return replace(draft, chosen={kind: draft.known(kind) for kind in KINDS})


def _choose(draft: Draft, read: ProfileFile, kind: str) -> set[str]:
    choice = read.choices[kind]
    known = draft.known(kind)
    chosen = set(draft.chosen[kind])
    if choice.include is not None:
        chosen = _matching(read, kind, "include", choice.include, known)
    return chosen - _matching(read, kind, "exclude", choice.exclude, known)


def _matching(read: ProfileFile, kind: str, key: str, names: Iterable[str], known: Collection[str]) -> set[str]:
    found: set[str] = set()
    for name in names:
        matches = {identity for identity in known if fnmatchcase(identity, name)} if "*" in name else {name} & {*known}
        if not matches:
            what = f"nothing matches {quoted(name)}" if "*" in name else f"unknown {kind[:-1]} {quoted(name)}"
            raise read.table.table(kind).error(f"{what}{did_you_mean(name, known)}", key, name)
        found |= matches
    return found


def _levels(draft: Draft, read: ProfileFile, kind: str, check_ids: Collection[str]) -> Mapping[str, LevelChange]:
    """The levels of the file, each for something that is in the profile."""
    levels = read.choices[kind].level
    known = {*draft.known(kind), *(check_ids if kind == "checks" else ())}
    for identity in levels:
        table = read.table.table(kind).table("level")
        if identity not in known:
            raise table.error(f"unknown {kind[:-1]} {quoted(identity)}{did_you_mean(identity, known)}", identity)
        if identity not in draft.chosen[kind] and identity not in check_ids:
            raise table.error(f"{quoted(identity)} has a level but is not in the profile", identity)
    return levels


def _policy_files(read: ProfileFile) -> tuple[Path, ...]:
    """The editions that the file names: shipped ones by name, others by a path from the file."""
    files: list[Path] = []
    for name in read.tls_policy or ():
        if name not in policy_names() and not name.endswith(".toml"):
            hint = nearest_or_all(name, policy_names())
            raise read.table.error(f"unknown TLS policy {quoted(name)}{hint}", "tls_policy", name)
        files.append(policy_file(name) if name in policy_names() else read.table.file.parent / name)
    return tuple(files)


def nearest_or_all(name: str, known: Collection[str]) -> str:
    """How a complaint about an unknown name of a shipped file ends."""
    return did_you_mean(name, known) or f"; known: {', '.join(known)}"
