"""Reads one profile file into what it says, before `extends` and the catalogue give it meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from tr03108.catalogue import LANGUAGES, LEVELS, read_id, read_level, read_names, read_words
from tr03108.model import SERVICE_KINDS, Level
from tr03108.toml.table import TomlTable, quoted, read_toml

GATES = ("must", "should", "none")
MODES = ("full", "verdict")
SERVICES = tuple(SERVICE_KINDS)  # "https" stands for webmail
POLICIES = ("mta-sts", "tlsrpt", "spf", "dmarc")
KINDS = ("requirements", "cases", "checks")


@dataclass(frozen=True, slots=True)
class Parameters:
    """Numbers and lists that checks judge by.

    `signature_margin_days`: a DNSSEC signature that ends within it is met only just. `tlsa_ttl_s`: the longest TTL of
    TLSA records in seconds (TR-03108 v2.0 section 4.1.5, remarks). `strict_groups`: groups that no edition lists are
    unmet (TR-03116-4 section 2.2.2 to the letter). `trusted_cas`: names of the authorities that E-06 accepts.
    """

    signature_margin_days: int = 3
    tlsa_ttl_s: int = 600
    strict_groups: bool = False
    trusted_cas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanQuestions:
    """What the profile wants asked; how fast to ask is not a profile's matter. `deadline` in seconds for one domain."""

    mode: str = "full"
    services: tuple[str, ...] = ("smtp",)
    policies: tuple[str, ...] = ("mta-sts", "tlsrpt")
    plaintext_mail: bool = True
    deadline: float = 900.0
    both_certificates: bool = True
    all_servers: bool = False
    tls: bool = False
    revocation: bool = False
    clear_text: bool = False


@dataclass(frozen=True, slots=True)
class LevelChange:
    """Another level for a row, and the reason that reports give."""

    level: Level
    why: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of [requirements], [cases] and [checks] as the file has it; None where it does not say."""

    include: tuple[str, ...] | None
    exclude: tuple[str, ...]
    level: Mapping[str, LevelChange]


@dataclass(frozen=True, slots=True)
class OwnRequirement:
    """A requirement that the profile defines.

    `services`: whose findings belong to it; none named: those of all. `manual`: a person has to judge it, or what its
    cases and checks leave open of it.
    """

    id: str
    level: Level
    title: Mapping[str, str]
    source: str
    cases: tuple[str, ...]
    checks: tuple[str, ...]
    services: tuple[str, ...] = ()
    manual: bool = False


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """One file. `table` is for complaints about it; None means that the file does not say and `extends` decides."""

    table: TomlTable
    id: str
    titles: Mapping[str, str]
    source: str | None
    extends: str | None
    choices: Mapping[str, Choice]  # by KINDS
    own_requirements: tuple[OwnRequirement, ...]
    tls_policy: tuple[str, ...] | None
    gate: str | None
    unused_domain: bool | None
    former_ids: bool | None

    def parameters(self, inherited: Parameters) -> Parameters:
        """The inherited parameters with those of the file in their place."""
        table = self.table.table("parameters")
        table.only(*(field.name for field in fields(Parameters)))
        return replace(
            inherited,
            signature_margin_days=table.integer(
                "signature_margin_days", inherited.signature_margin_days, minimum=0, maximum=365
            ),
            tlsa_ttl_s=table.integer("tlsa_ttl_s", inherited.tlsa_ttl_s, minimum=1, maximum=0x7FFFFFFF),
            strict_groups=table.flag("strict_groups", inherited.strict_groups),
            trusted_cas=table.texts("trusted_cas", inherited.trusted_cas),
        )

    def plan(self, inherited: PlanQuestions) -> PlanQuestions:
        """The inherited questions with those of the file in their place."""
        table = self.table.table("plan")
        table.only(*(field.name for field in fields(PlanQuestions)))
        return replace(
            inherited,
            mode=table.text("mode", inherited.mode, choices=MODES),
            services=read_names(table, "services", inherited.services, SERVICES),
            policies=read_names(table, "policies", inherited.policies, POLICIES),
            plaintext_mail=table.flag("plaintext_mail", inherited.plaintext_mail),
            deadline=table.number("deadline", inherited.deadline, above=0, maximum=86400),
            both_certificates=table.flag("both_certificates", inherited.both_certificates),
            all_servers=table.flag("all_servers", inherited.all_servers),
            tls=table.flag("tls", inherited.tls),
            revocation=table.flag("revocation", inherited.revocation),
            clear_text=table.flag("clear_text", inherited.clear_text),
        )


def read_profile_file(file: Path) -> ProfileFile:
    """One file. Raises UsageError, one line with file and line, for unknown keys and wrong types or values."""
    root = read_toml(file)
    root.only(
        *("id", "title", "source", "extends", *KINDS, "tls_policy", "parameters", "plan", "gate", "requirement"),
        *("unused_domain", "former_ids"),
    )
    read = ProfileFile(
        table=root,
        id=read_id(root),
        titles=_titles(root),
        source=root.text("source") if "source" in root else None,
        extends=root.text("extends") if "extends" in root else None,
        choices={kind: _choice(root.table(kind)) for kind in KINDS},
        own_requirements=tuple(_own_requirement(row) for row in root.tables("requirement")),
        tls_policy=root.texts("tls_policy") if "tls_policy" in root else None,
        gate=root.text("gate", choices=GATES) if "gate" in root else None,
        unused_domain=root.flag("unused_domain") if "unused_domain" in root else None,
        former_ids=root.flag("former_ids") if "former_ids" in root else None,
    )
    for kind in KINDS if read.own_requirements else ():
        for key in ("include", "exclude"):
            if key in root.table(kind):
                raise root.table(kind).error(
                    f"a profile that defines requirements uses only those: remove {quoted(key)} from [{kind}]", key
                )
    return read


def _titles(root: TomlTable) -> dict[str, str]:
    """`title` as one string for all languages, or by language."""
    if isinstance(root.value("title"), dict):
        return read_words(root, "title")
    return dict.fromkeys(LANGUAGES, root.text("title"))


def _choice(table: TomlTable) -> Choice:
    table.only("include", "exclude", "level")
    levels = table.table("level")
    return Choice(
        include=table.texts("include") if "include" in table else None,
        exclude=table.texts("exclude", ()),
        level={key: _level_change(levels.table(key)) for key in levels},
    )


def _level_change(table: TomlTable) -> LevelChange:
    table.only("level", "why")
    return LevelChange(Level(table.text("level", choices=LEVELS)), table.text("why"))


def _own_requirement(row: TomlTable) -> OwnRequirement:
    row.only("id", "level", "title", "source", "cases", "checks", "services", "manual")
    return OwnRequirement(
        id=read_id(row),
        level=read_level(row),
        title=read_words(row, "title"),
        source=row.text("source"),
        cases=row.texts("cases", ()),
        checks=row.texts("checks", ()),
        services=read_names(row, "services", (), SERVICES),
        manual=row.flag("manual", False),
    )
