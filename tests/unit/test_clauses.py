"""Every clause and every extra check is there, and is covered or says who else could answer."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from tr03108.catalogue import LANGUAGES, Catalogue, load_catalogue
from tr03108.clauses import OUTSIDE, Clauses, load_clauses
from tr03108.cli.explain import Explainer
from tr03108.evaluate.tls import features
from tr03108.judge import load_checks, tls_features
from tr03108.model import UsageError
from tr03108.rooms import room

# Section 4.1 to 4.3 of TR-03108 v2.0, read by hand: how many clauses each requirement has, remarks behind the "+".
CLAUSES = {
    "01-M": "abcdefghij",
    "02-R": "ab",
    "03-M": "abcd",
    "04-M": "abcde",
    "05-M": "abc+123",
    "06-M": "abcdef",
    "07-R": "a",
    "08-R": "abc",
    "09-M": "abcde+12",
    "10-M": "abcd",
    "11-R": "ab",
    "12-R": "a",
    "13-M": "abcdef",
    "14-M": "abc",
    "15-M": "abc",
    "16-M": "ab",
}
EXCEPTIONS = ["EX-431.a", "EX-432.a", "EX-432.b"]
# What nobody but the sending side, the operator or a person can say.
NOT_FROM_OUTSIDE = {f"X-{n:02}" for n in (3, 5, 8, 9, 10, 13, 14, 17, 19, 20, 21, 22, 25, 26, 27, 28)}
CHECKS = frozenset(check.id for check in load_checks())


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def clauses(catalogue: Catalogue) -> Clauses:
    return load_clauses(catalogue)


def numbered() -> list[str]:
    found = []
    for requirement, letters in CLAUSES.items():
        plain, _, remarks = letters.partition("+")
        found += [f"{requirement}.{letter}" for letter in plain] + [f"{requirement}.r{digit}" for digit in remarks]
    return found


def test_all_are_there_in_the_order_of_the_document(clauses: Clauses) -> None:
    assert len(numbered()) == 65
    assert list(clauses.clauses) == numbered() + EXCEPTIONS
    assert list(clauses.extras) == [f"X-{number:02}" for number in range(1, 29)]


def test_clauses_belong_to_their_requirement(clauses: Clauses) -> None:
    for clause in clauses.clauses.values():
        of_exception = clause.id in EXCEPTIONS
        assert clause.requirement == (None if of_exception else f"TR-03108-{clause.id[:4]}")
        assert clause.section.startswith("4.3." if of_exception else ("4.1.", "4.2."))


def test_the_clauses_of_cases_are_known(catalogue: Catalogue, clauses: Clauses) -> None:
    assert {clause for case in catalogue.cases.values() for clause in case.clauses} <= set(clauses.clauses)
    covered = Counter(bool(clause.cases) for clause in clauses.clauses.values())
    assert covered[True] == 47


def test_cases_and_checks_exist(catalogue: Catalogue, clauses: Clauses) -> None:
    rows = (*clauses.clauses.values(), *clauses.extras.values())
    assert {case for row in rows for case in row.cases} <= set(catalogue.cases)
    assert sorted({check for row in rows for check in row.checks} - CHECKS) == []
    assert sorted(set(clauses.beyond) - CHECKS) == []


def test_what_can_be_seen_from_outside_is_covered(clauses: Clauses) -> None:
    for row in (*clauses.clauses.values(), *clauses.extras.values()):
        if row.answer == OUTSIDE:
            assert row.cases or set(row.checks) & CHECKS, f"nothing covers {row.id}"
    assert {extra.id for extra in clauses.extras.values() if extra.answer != OUTSIDE} == NOT_FROM_OUTSIDE


def test_clauses_say_the_same_as_the_cases(catalogue: Catalogue, clauses: Clauses) -> None:
    """A case that needs the sending side or a declaration does not cover a clause that is seen from outside."""
    answers = {"remote": OUTSIDE, "cooperative": "sending-side", "declared": "declaration"}
    for clause in clauses.clauses.values():
        for case in clause.cases:
            assert answers[catalogue.cases[case].testable] == clause.answer, (clause.id, case)


def test_every_check_of_our_own_is_asked_for_or_beyond_the_guideline(catalogue: Catalogue, clauses: Clauses) -> None:
    asked = {check for row in (*clauses.clauses.values(), *clauses.extras.values()) for check in row.checks}
    own = set(load_catalogue(room("checks") / "catalogue.toml").checks)
    assert sorted(own - asked - set(clauses.beyond)) == [], "name them in checks/clauses.toml"
    assert asked & set(clauses.beyond) == set()


def test_nobody_judges_how_long_sessions_live(
    catalogue: Catalogue, clauses: Clauses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EX-431, X-28: how long tickets live is told as information, however long that is."""
    assert clauses.clauses["EX-431.a"].answer == clauses.extras["X-28"].answer == "nobody"
    assert clauses.clauses["EX-431.a"].checks == clauses.extras["X-28"].checks == ()
    assert not {"TLS_B1_FR_05", "TLS_B1_FR_13", "TLS_ICS_11"} & set(catalogue.cases)  # the profile DURATION
    assert catalogue.checks["tls.session-tickets"].level == "INFO"
    monkeypatch.setattr(tls_features, "without_tls", lambda service: None)
    for lifetime in (1, 48 * 3600 + 1, 2**32 - 1):
        monkeypatch.setattr(
            features, "tickets", lambda facts, longest=lifetime: features.Tickets(True, True, longest, 0)
        )
        result = tls_features.session_tickets(SimpleNamespace(tls=None), None)  # type: ignore[arg-type]
        assert (result.outcome, result.evidence["lifetime"]) == ("MET", lifetime)
    shared = Path(tls_features.__file__).parent.glob("*.py")
    reading = {file.name for file in (*shared, *room("checks").glob("*.py")) if "lifetime" in file.read_text("utf-8")}
    assert reading == {"tls_features.py", "b1_tls_server.py"}, "who else looks at it? these two only tell it"


def test_the_page_for_auditors_lists_the_clauses_without_a_case(clauses: Clauses) -> None:
    text = (Path(__file__).parents[2] / "docs" / "auditors.md").read_text("utf-8")
    listed = [line.strip("| ").split(" | ") for line in text.splitlines() if re.match(r"\| (?:\d\d-|EX-4)", line)]
    words = {"outside": "outside", "sending-side": "sending side", "declaration": "declaration", "nobody": "nobody may"}
    wanted = []
    for clause in clauses.clauses.values():
        if not clause.cases:
            covering = [f"`{check}`" for check in clause.checks] + [x.id for x in clauses.sharpened_by(clause.id)]
            told = (clause.keyword, clause.text["en"], words[clause.answer], ", ".join(covering) or "-")
            wanted.append([clause.id, *told])
    assert listed == wanted


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_can_be_explained(clauses: Clauses, lang: str) -> None:
    explainer = Explainer(lang)
    for clause in clauses.clauses.values():
        found = list(explainer.lines(clause.id.lower()))
        assert clause.text[lang][:40] in " ".join(found)
        assert [case for case in clause.cases if not any(case in line for line in found)] == []
    for extra in clauses.extras.values():
        found = list(explainer.lines(extra.id))
        assert extra.title[lang] in found
        assert all(any(clause in line for line in found) for clause in extra.clauses)
        assert clauses.answers[extra.answer][lang].split()[0] in " ".join(found)


def test_a_requirement_lists_its_clauses_with_what_covers_them() -> None:
    found = "\n".join(Explainer("en").lines("05-M"))
    assert "05-M.a (MUST)  The zone of the receiving domain is signed" in found
    assert "      tlsa.ttl, X-01" in found
    assert "Only mail that the provider sends" in found
    assert next(iter(Explainer("en").lines("TR-03108-05-m.R2"))) == "05-M.r2 (remark)"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('answer = "outside"', 'answer = "oracle"', '"oracle"'),
        ('keyword = "MUST"', 'keyword = "OUGHT"', '"OUGHT"'),
        ('id = "01-M.b"', 'id = "01-M.a"', "used twice"),
        ('clauses = ["05-M.r2"]', 'clauses = ["05-M.r9"]', "05-M.r9"),
        ('requirement = "TR-03108-01-M"', 'requirement = "TR-03108-99-M"', "TR-03108-99-M"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(
    catalogue: Catalogue, tmp_path: Path, old: str, new: str, words: str
) -> None:
    file = tmp_path / "clauses.toml"
    file.write_text((room("checks") / "clauses.toml").read_text("utf-8").replace(old, new, 1), "utf-8")
    with pytest.raises(UsageError, match=r"clauses\.toml:\d+: ") as error:
        load_clauses(catalogue, file)
    assert words in str(error.value)
