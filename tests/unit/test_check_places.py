"""The places of a check: catalogue row, a shipped profile, words in both languages (CONTRIBUTING.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tr03108 import judge
from tr03108.catalogue import load_catalogue
from tr03108.judge import Check, load_checks
from tr03108.profile import load_profile
from tr03108.report import Texts
from tr03108.rooms import room

CHECKS = load_checks()
SHARED = sorted(Path(judge.__file__).parent.glob("[a-z]*_*.py"))  # what checks of several documents have in common
OUTCOMES = {"met", "marginal", "unmet", "not_offered", "absent", "unseen", "asked"}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_check_has_a_row_and_a_profile(check: Check) -> None:
    catalogue = load_catalogue()
    ids = [each.id for each in CHECKS]
    shipped = {file.stem: load_profile(file.stem, catalogue, ids) for file in room("profiles").glob("*.toml")}
    if check.case is not None:
        assert check.case in catalogue.cases, f"no [[case]] {check.case} in checks/catalogue.toml"
    else:
        assert check.id in catalogue.checks, f"no [[check]] {check.id} in checks/catalogue.toml"
        found = [name for name, profile in shipped.items() if check.id in profile.checks]
        assert found, f"{check.id} is under [checks] include of no profile"


@pytest.mark.parametrize("check", [c for c in CHECKS if c.each == "mail_address"], ids=lambda check: check.id)
@pytest.mark.parametrize("lang", ["en", "de"])
def test_a_check_of_addresses_has_a_column(check: Check, lang: str) -> None:
    assert check.id in Texts.load(lang).tables["column"], f"no head for {check.id} in [column] of {lang}.toml"


@pytest.mark.parametrize("file", [*sorted(room("checks").glob("*.py")), *SHARED], ids=lambda file: file.name)
@pytest.mark.parametrize("lang", ["en", "de"])
def test_every_code_in_a_check_file_has_words(file: Path, lang: str) -> None:
    calls = [node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in OUTCOMES and call.args]
    codes = {arg.value for call in named if isinstance(arg := call.args[0], ast.Constant)}
    texts = Texts.load(lang)
    assert [code for code in sorted(codes) if not texts.knows(str(code))] == [], f"no words in {lang}.toml"
