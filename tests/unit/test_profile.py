"""What the shipped profiles hold, and how a profile comes about from the files of its chain."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tr03108.catalogue import Catalogue, load_catalogue
from tr03108.model import SERVICE_KINDS, Level, Outcome
from tr03108.profile import (
    Parameters,
    PlanQuestions,
    Profile,
    load_profile,
    profile_names,
    with_requirements,
)
from tr03108.rooms import room

ASKED_ONLY = {"configuration.on-premises"}  # what only the provider can answer


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


class Folder:
    """Writes profile files and loads them."""

    def __init__(self, path: Path, catalogue: Catalogue) -> None:
        self._path = path
        self._catalogue = catalogue

    def load(self, text: str, name: str = "mine.toml", check_ids: tuple[str, ...] = ()) -> Profile:
        return load_profile(self.write(text, name), self._catalogue, check_ids)

    def write(self, text: str, name: str) -> Path:
        file = self._path / name
        file.write_text(f'id = "{file.stem}"\ntitle = "T"\n{text}', encoding="utf-8")
        return file


@pytest.fixture
def folder(tmp_path: Path, catalogue: Catalogue) -> Folder:
    return Folder(tmp_path, catalogue)


def test_shipped_profiles() -> None:
    names = profile_names()
    assert {"tr-03108-2.0", "inbound-dane", "tr-03108-1.0.2", "ci-gate", "smtp-enforced"} <= set(names)
    assert "own-rules" not in names


def test_each_shipped_profile_bears_its_own_name(catalogue: Catalogue) -> None:
    for name in profile_names():
        profile = load_profile(name, catalogue)
        assert profile.id == name
        assert profile.titles["en"] == profile.title != profile.titles["de"]


def test_the_default_profile_has_everything(catalogue: Catalogue) -> None:
    profile = load_profile("tr-03108-2.0", catalogue)
    assert [row.id for row in profile.requirements] == list(catalogue.requirements)
    assert profile.cases == tuple(case.id for case in catalogue.cases.values() if case.requirements)
    assert {catalogue.cases[case].document for case in profile.cases} == {"TR-03108-P v2.0"}
    assert {"starttls.plaintext-refused", "tls.listed-preferred"} <= set(profile.checks)
    assert "tls.negotiated" not in profile.checks  # superseded by E-01-T to E-11
    assert profile.levels == {}
    assert profile.gate == "must"
    assert profile.parameters == Parameters()
    assert set(profile.plan.services) == set(SERVICE_KINDS)
    assert profile.plan == PlanQuestions(
        services=profile.plan.services, all_servers=True, tls=True, revocation=True, clear_text=True
    )
    assert profile.tls.editions == ("TR-02102-2 (2025-01)", "TR-03116-4 (2023)", "TR-03108 (2.0)")
    assert not any(row.partial for row in profile.requirements)
    assert profile.unused_domain is False


def test_inbound_dane_asks_five_questions(catalogue: Catalogue) -> None:
    profile = load_profile("inbound-dane", catalogue)
    assert [(row.id, row.partial) for row in profile.requirements] == [
        ("TR-03108-03-M", True),
        ("TR-03108-05-M", False),
    ]
    assert profile.cases == ("TR-03108-D-01", "TR-03108-D-02", "TR-03108-E-05", "TR-03108-E-12")
    dane = ("inbound-dane.both-certificates", "tlsa.ttl", "tlsa.rollover")
    assert profile.checks == ("starttls.plaintext-refused", "tls.negotiated", *dane)
    assert profile.levels == {"TR-03108-E-05": Level.INFO, "starttls.plaintext-refused": Level.SHOULD}
    assert set(profile.reasons) == set(profile.levels)
    assert (profile.plan.mode, profile.plan.policies, profile.plan.plaintext_mail) == ("verdict", (), True)
    assert profile.plan.deadline == 900
    assert profile.source != load_profile("tr-03108-2.0", catalogue).source
    transport = profile.requirements[0]
    assert transport.cases == ("TR-03108-E-05", "TR-03108-E-12")
    assert transport.checks == ("starttls.plaintext-refused", "tls.negotiated")
    assert profile.requirements[1].checks == dane


def test_ci_gate_holds_what_binds_and_can_be_seen(catalogue: Catalogue) -> None:
    """Each case and check is a MUST and testable from outside, and no such case of its requirements is missing."""
    profile = load_profile("ci-gate", catalogue)
    assert {row.level for row in profile.requirements} == {Level.MUST}
    assert profile.levels == {}
    for identity in profile.cases:
        assert (catalogue.cases[identity].level, catalogue.cases[identity].testable) == (Level.MUST, "remote")
    assert {catalogue.checks[identity].level for identity in profile.checks} == {Level.MUST}
    assert not any(catalogue.checks[identity].remark for identity in profile.checks)
    chosen = {row.id for row in profile.requirements}
    assert set(profile.cases) == {
        case.id
        for case in catalogue.cases.values()
        if case.testable == "remote" and case.level is Level.MUST and chosen & set(case.requirements)
    }
    musts = {row.id for row in catalogue.requirements.values() if row.level is Level.MUST}
    visible = {
        name
        for case in catalogue.cases.values()
        if case.testable == "remote" and case.level is Level.MUST
        for name in case.requirements
    }
    assert chosen == musts & visible
    assert ASKED_ONLY.isdisjoint(profile.checks)
    assert (profile.plan.mode, profile.plan.deadline, profile.plan.all_servers) == ("verdict", 120, False)
    assert profile.gate == "must"
    assert set(profile.plan.services) == set(SERVICE_KINDS)


def test_smtp_enforced_is_port_25_without_tolerance(catalogue: Catalogue) -> None:
    profile = load_profile("smtp-enforced", catalogue)
    assert [row.id for row in profile.requirements] == ["TR-03108-03-M"]
    assert profile.levels == {"starttls.plaintext-refused": Level.MUST}
    assert profile.plan.services == ("smtp",) and profile.plan.plaintext_mail
    assert profile.tls.editions == ("TR-02102-2 (2025-01)", "TR-03116-4 (2023)")
    assert "RFC 3207 section 4" in profile.source


def test_version_1_0_2_has_its_requirements_and_29_cases(catalogue: Catalogue) -> None:
    profile = load_profile("tr-03108-1.0.2", catalogue)
    assert [row.id for row in profile.requirements] == [
        *(f"EMLREQ_{n}" for n in range(1, 7)),
        *(f"ADDREQ_{n}" for n in range(1, 4)),
        "SEC-3.1",
    ]
    assert [row.id for row in profile.requirements if row.level is not Level.MUST] == ["EMLREQ_6"]
    assert [row.id for row in profile.requirements if row.manual] == ["EMLREQ_1", "ADDREQ_3"]
    assert not any(row.partial for row in profile.requirements)
    former = [old for case in profile.cases for old in catalogue.cases[case].formerly]
    assert len(former) == len(set(former)) == 29
    assert set(former) == {old for case in catalogue.cases.values() for old in case.formerly}
    assert {case for case in profile.cases if not catalogue.cases[case].formerly} == {
        f"TR-03108-SC-0{n}" for n in range(1, 5)
    }
    users, providers = profile.requirements[:2]
    assert {*users.services, *providers.services} == set(SERVICE_KINDS)
    assert providers.services == ("smtp",)
    assert profile.plan.policies == ()
    assert profile.former_ids and not load_profile("tr-03108-2.0", catalogue).former_ids
    for service in ("mta", "upgrade"):
        tolerated = profile.tls.tolerance("version", "forbidden", service)
        assert (tolerated.source, tolerated.note) == ("TR-03108-1 v1.0.2 section 3.4.1", None)
    assert profile.tls.tolerance("version", "forbidden", "implicit").outcome is Outcome.UNMET


def test_the_catalogue_learns_the_profiles_requirements(catalogue: Catalogue) -> None:
    """So reports have titles for them; those that it knows already stay as they are."""
    profile = load_profile("tr-03108-1.0.2", catalogue)
    named = with_requirements(catalogue, profile)
    assert named.requirements["EMLREQ_2"].title["de"] == profile.requirements[1].title["de"]
    assert named.requirements["EMLREQ_2"].sources == ("TR-03108-1 v1.0.2 section 3.2, EMLREQ_2",)
    assert {name: row for name, row in named.requirements.items() if name in catalogue.requirements} == dict(
        catalogue.requirements
    )
    assert with_requirements(catalogue, load_profile("inbound-dane", catalogue)) == catalogue


def test_the_example_loads_and_shows_every_key(catalogue: Catalogue) -> None:
    file = room("profiles") / "examples" / "own-rules.toml"
    profile = load_profile(file, catalogue)
    assert [row.id for row in profile.requirements] == ["TR-03108-03-M", "TR-03108-05-M", "TR-03108-07-R"]
    assert profile.requirements[2].level is Level.MUST
    assert "TR-03108-E-01-T" not in profile.cases
    assert profile.parameters.trusted_cas == ("Example Trust Services",)
    assert profile.plan.deadline == 600


def test_the_example_names_every_key() -> None:
    """Each key of the grammar stands in it, commented or not."""
    text = (room("profiles") / "examples" / "own-rules.toml").read_text(encoding="utf-8")
    schema = json.loads((room("reports") / "schemas" / "profile.schema.json").read_text(encoding="utf-8"))
    tables = (schema, *(schema["properties"][name] for name in ("parameters", "plan")), schema["$defs"]["requirement"])
    for key in (key for table in tables for key in table["properties"]):
        assert re.search(rf"^(# )?(\[\[?)?{key}\b", text, re.MULTILINE), key


def test_the_commented_part_of_the_example_works(catalogue: Catalogue, tmp_path: Path) -> None:
    text = (room("profiles") / "examples" / "own-rules.toml").read_text(encoding="utf-8")
    own = text[text.index("# [[requirement]]") :].replace("\n# ", "\n").removeprefix("# ")
    file = tmp_path / "own.toml"
    file.write_text(f'id = "own"\ntitle = "T"\nextends = "tr-03108-2.0"\n{own}', encoding="utf-8")
    assert [(row.id, row.services, row.manual) for row in load_profile(file, catalogue).requirements] == [
        ("EX-12.3", ("smtp",), False),
        ("EX-12.4", ("submissions", "imaps"), False),
        ("EX-12.5", (), True),
    ]


def test_a_profile_that_extends_nothing_has_all_of_the_catalogue(folder: Folder, catalogue: Catalogue) -> None:
    profile = folder.load('source = "S"\ntls_policy = []')
    assert profile.cases == tuple(case.id for case in catalogue.cases.values() if case.requirements)
    assert profile.tls.editions == ()
    assert profile.tls.version("TLSv1.2").status == "unlisted"


def test_include_replaces_and_exclude_takes_away(folder: Folder) -> None:
    profile = folder.load(
        'extends = "inbound-dane"\n[cases]\ninclude = ["TR-03108-D-*", "TR-03108-E-05", "TR-03108-E-11"]\n'
        'exclude = ["TR-03108-D-02"]'
    )
    assert profile.cases == ("TR-03108-D-01", "TR-03108-E-05", "TR-03108-E-11")
    assert [row.partial for row in profile.requirements] == [True, True]


def test_a_requirement_takes_its_cases_and_checks_with_it(folder: Folder) -> None:
    profile = folder.load('extends = "tr-03108-2.0"\n[requirements]\ninclude = ["TR-03108-05-M"]')
    assert profile.cases == ("TR-03108-D-01", "TR-03108-D-02")
    assert set(profile.checks) == {
        *("inbound-dane.both-certificates", "tlsa.ttl", "tlsa.rollover", "tlsa.two-kinds", "tls.every-sender"),
        *("inbound-dane.all-servers", "dnssec.algorithms", "dnssec.nsec3-parameters"),
    }


def test_a_case_stays_with_the_other_requirements_it_serves(folder: Folder) -> None:
    profile = folder.load('extends = "tr-03108-2.0"\n[requirements]\nexclude = ["TR-03108-01-M", "TR-03108-02-R"]')
    assert "TR-03108-E-12" in profile.cases
    assert "TR-03108-E-13" not in profile.cases


def test_partial_means_that_must_cases_are_left_out(folder: Folder) -> None:
    def partial(text: str) -> dict[str, bool]:
        profile = folder.load(f'extends = "tr-03108-2.0"\n{text}')
        return {row.id.removeprefix("TR-03108-"): row.partial for row in profile.requirements}

    assert [name for name, is_partial in partial('[cases]\nexclude = ["TR-03108-G-02"]').items() if is_partial] == [
        "10-M"
    ]
    assert not any(partial('[cases]\nexclude = ["TR-03108-E-07", "TR-03108-E-06"]').values())
    lowered = partial('[cases.level]\nTR-03108-D-02 = { level = "SHOULD", why = "for now" }')
    assert lowered["05-M"] and not lowered["03-M"]
    assert partial('[cases]\nexclude = ["TR-03108-I-03"]')["07-R"]


def test_levels_merge_and_the_nearer_file_wins(folder: Folder) -> None:
    profile = folder.load(
        'extends = "inbound-dane"\n[cases.level]\nTR-03108-E-05 = { level = "SHOULD", why = "soon" }\n'
        'TR-03108-D-01 = { level = "MAY", why = "one day" }'
    )
    assert profile.levels == {
        "TR-03108-E-05": Level.SHOULD,
        "TR-03108-D-01": Level.MAY,
        "starttls.plaintext-refused": Level.SHOULD,
    }
    assert profile.reasons["TR-03108-E-05"] == "soon"


def test_an_inherited_level_goes_with_its_case(folder: Folder) -> None:
    profile = folder.load('extends = "inbound-dane"\n[cases]\nexclude = ["TR-03108-E-05"]')
    assert "TR-03108-E-05" not in profile.levels


def test_the_level_of_a_requirement(folder: Folder) -> None:
    profile = folder.load(
        'extends = "tr-03108-2.0"\n[requirements.level]\nTR-03108-07-R = { level = "MUST", why = "partners" }'
    )
    assert {row.id: row.level for row in profile.requirements}["TR-03108-07-R"] is Level.MUST


def test_a_level_for_a_check_that_has_a_case(folder: Folder) -> None:
    profile = folder.load(
        'extends = "inbound-dane"\n[checks.level]\n"inbound-dane.mx-secure" = { level = "SHOULD", why = "w" }',
        check_ids=("inbound-dane.mx-secure",),
    )
    assert profile.levels["inbound-dane.mx-secure"] is Level.SHOULD
    assert "inbound-dane.mx-secure" not in profile.checks


def test_parameters_and_plan_merge_key_by_key(folder: Folder) -> None:
    folder.write(
        'extends = "inbound-dane"\ngate = "should"\n[parameters]\ntlsa_ttl_s = 60\n[plan]\ndeadline = 12.5', "base.toml"
    )
    profile = folder.load('extends = "base.toml"\nunused_domain = true\n[parameters]\nstrict_groups = true')
    assert profile.parameters == Parameters(tlsa_ttl_s=60, strict_groups=True)
    assert (profile.plan.mode, profile.plan.deadline) == ("verdict", 12.5)
    assert profile.gate == "should"
    assert profile.unused_domain is True


OWN = """
extends = "tr-03108-2.0"
[[requirement]]
id = "OWN-1"
level = "SHOULD"
title = { en = "Signed", de = "Signiert" }
source = "Rule 1"
cases = ["TR-03108-D-01", "TR-03108-E-12"]
checks = ["tls.negotiated"]
[[requirement]]
id = "OWN-2"
level = "MUST"
title = { en = "Two", de = "Zwei" }
source = "Rule 2"
cases = ["TR-03108-D-02"]
"""


def test_own_requirements_replace_all_others(folder: Folder) -> None:
    profile = folder.load(OWN)
    assert [(row.id, row.level, row.cases, row.checks, row.partial, row.source) for row in profile.requirements] == [
        ("OWN-1", Level.SHOULD, ("TR-03108-D-01", "TR-03108-E-12"), ("tls.negotiated",), False, "Rule 1"),
        ("OWN-2", Level.MUST, ("TR-03108-D-02",), (), False, "Rule 2"),
    ]
    assert profile.cases == ("TR-03108-D-01", "TR-03108-D-02", "TR-03108-E-12")
    assert profile.checks == ("tls.negotiated",)


def test_own_requirements_are_inherited_and_chosen_like_others(folder: Folder) -> None:
    folder.write(OWN, "own.toml")
    profile = folder.load('extends = "own.toml"\n[requirements]\ninclude = ["OWN-1"]\n[cases]\nexclude = ["*-E-*"]')
    assert [(row.id, row.partial) for row in profile.requirements] == [("OWN-1", True)]
    assert profile.cases == ("TR-03108-D-01",)


def test_services_and_manual_of_own_requirements(folder: Folder) -> None:
    profile = folder.load(
        OWN + 'services = ["smtp"]\n[[requirement]]\nid = "OWN-3"\nlevel = "MAY"\n'
        'title = { en = "E", de = "D" }\nsource = "S"\nmanual = true'
    )
    assert [(row.services, row.manual) for row in profile.requirements] == [((), False), (("smtp",), False), ((), True)]
    assert profile.requirements[2].cases == profile.requirements[2].checks == ()


def test_requirements_of_the_catalogue_bring_their_services(catalogue: Catalogue) -> None:
    profile = load_profile("inbound-dane", catalogue)
    assert [row.services for row in profile.requirements] == [("smtp",), ()]


def test_former_ids_are_inherited(folder: Folder) -> None:
    folder.write('extends = "tr-03108-1.0.2"', "base.toml")
    assert folder.load('extends = "base.toml"').former_ids
    assert not folder.load('extends = "base.toml"\nformer_ids = false').former_ids


def test_an_own_tls_policy(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "house.toml").write_text(
        'edition = "House"\ntitle = "T"\ndate = 2026-01-01\n'
        '[[versions]]\nsource = "rule 7"\nstatus = "forbidden"\nnames = ["TLSv1.2"]\n',
        encoding="utf-8",
    )
    profile = folder.load('extends = "tr-03108-2.0"\ntls_policy = ["tr-02102-2_2025-01", "house.toml"]')
    assert profile.tls.editions == ("TR-02102-2 (2025-01)", "House")
    assert profile.tls.version("TLSv1.2").source == "rule 7"


def test_a_title_for_each_language(folder: Folder, tmp_path: Path, catalogue: Catalogue) -> None:
    assert folder.load('extends = "inbound-dane"').titles == {"en": "T", "de": "T"}
    file = tmp_path / "two.toml"
    file.write_text('id = "two"\ntitle = { en = "E", de = "D" }\nextends = "inbound-dane"', encoding="utf-8")
    assert (load_profile(file, catalogue).title, load_profile(file, catalogue).titles["de"]) == ("E", "D")
