"""A wrong profile ends in one line with file, line where it can be had, and the nearest known name."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tr03108.catalogue import Catalogue, load_catalogue
from tr03108.model import UsageError
from tr03108.profile import load_profile
from tr03108.toml.lines import TomlLines

HEAD = 'id = "mine"\ntitle = "T"\nextends = "tr-03108-2.0"\n'


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def _complaint(name_or_path: str | Path, catalogue: Catalogue) -> str:
    with pytest.raises(UsageError) as caught:
        load_profile(name_or_path, catalogue)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (HEAD + 'sorce = "x"', 4, 'unknown key "sorce" in the file; did you mean "source"?'),
        (HEAD + "[plan]\n# here\nsevices = []", 6, 'unknown key "sevices" in [plan]; did you mean "services"?'),
        (HEAD + "[plan]\ntimeout = 5", 5, 'unknown key "timeout" in [plan]'),
        (HEAD + "[parameters]\ntlsa_ttl = 5", 5, 'unknown key "tlsa_ttl" in [parameters]; did you mean "tlsa_ttl_s"?'),
        (HEAD + '[cases]\ninclde = ["x"]', 5, 'unknown key "inclde" in [cases]; did you mean "include"?'),
        (
            HEAD + '[cases]\ninclude = [\n  "TR-03108-D-01",\n  "TR-03108-D-1",\n]',
            7,
            'unknown case "TR-03108-D-1"; did',
        ),
        (HEAD + '[cases]\nexclude = ["TR-99999-*"]', 5, 'nothing matches "TR-99999-*"'),
        (
            HEAD + '[requirements]\ninclude = ["TR-03108-5-M"]',
            5,
            'unknown requirement "TR-03108-5-M"; did you mean "TR-',
        ),
        (HEAD + '[checks]\ninclude = ["tls.negotiatd"]', 5, '"tls.negotiatd"; did you mean "tls.negotiated"?'),
        (HEAD + '[cases]\ninclude = "TR-03108-D-01"', 5, '"include" in [cases] must be an array of strings'),
        (HEAD + "[cases]\ninclude = [1]", 5, '"include" in [cases] must be an array of strings'),
        (HEAD + '[cases]\ninclude = ["TR-03108-D-01",\n"TR-03108-D-01"]', 5, '"TR-03108-D-01" stands twice'),
        (
            HEAD + '[requirements]\ninclude = ["TR-03108-05-M"]\n[cases]\ninclude = ["TR-03108-G-01"]',
            7,
            '"TR-03108-G-01" is in the profile without any requirement that it serves',
        ),
        (
            HEAD + '[requirements]\ninclude = ["TR-03108-05-M"]\n[checks]\ninclude = ["tls.negotiated"]',
            7,
            '"tls.negotiated" is in the profile without any requirement that it serves',
        ),
        (
            HEAD + '[cases.level]\nTR-03108-D-1 = { level = "MUST", why = "w" }',
            5,
            'unknown case "TR-03108-D-1"; did you',
        ),
        (
            HEAD + '[cases.level]\nTR-03108-D-01 = { level = "SHALL", why = "w" }',
            5,
            '"level" is "SHALL", must be one of',
        ),
        (
            HEAD + '[cases.level]\nTR-03108-D-01 = { level = "MUST" }',
            5,
            '"why" is missing in [cases.level.TR-03108-D-01]',
        ),
        (HEAD + '[cases.level]\nTR-03108-D-01 = "MUST"', 5, '"TR-03108-D-01" in [cases.level] must be a table'),
        (
            HEAD + '[cases]\nexclude = ["TR-03108-D-01"]\n[cases.level.TR-03108-D-01]\nlevel = "MUST"\nwhy = "w"',
            6,
            '"TR-03108-D-01" has a level but is not in the profile',
        ),
        (HEAD + '[plan]\nmode = "fast"', 5, '"mode" is "fast", must be one of "full", "verdict"'),
        (HEAD + "[plan]\ndeadline = 0", 5, '"deadline" is 0, must be above 0'),
        (HEAD + "[plan]\ndeadline = nan", 5, '"deadline" is nan, must be above 0'),
        (HEAD + "[plan]\ndeadline = inf", 5, '"deadline" is inf, must be above 0'),
        (HEAD + "[plan]\ndeadline = true", 5, '"deadline" in [plan] must be a number'),
        (HEAD + '[plan]\nservices = ["smpt"]', 5, 'unknown name "smpt" in "services" of [plan]; did you mean "smtp"?'),
        (HEAD + '[plan]\npolicies = ["dane"]', 5, 'unknown name "dane" in "policies" of [plan]; known: "mta-sts"'),
        (HEAD + '[plan]\nplaintext_mail = "no"', 5, '"plaintext_mail" in [plan] must be true or false'),
        (
            HEAD + "[parameters]\nsignature_margin_days = -1",
            5,
            '"signature_margin_days" is -1, must be between 0 and 365',
        ),
        (
            HEAD + "[parameters]\nsignature_margin_days = 1.5",
            5,
            '"signature_margin_days" in [parameters] must be a whole',
        ),
        (HEAD + "[parameters]\nsignature_margin_days = true", 5, "must be a whole number"),
        (HEAD + 'gate = "all"', 4, '"gate" is "all", must be one of "must", "should", "none"'),
        (
            HEAD + 'tls_policy = ["tr-03116-4_2032"]',
            4,
            'unknown TLS policy "tr-03116-4_2032"; did you mean "tr-03116-4_2023"',
        ),
        (
            HEAD.replace("tr-03108-2.0", "tr-3108-2.0"),
            3,
            'unknown profile "tr-3108-2.0" in "extends"; did you mean "tr-03108',
        ),
        (HEAD.replace("tr-03108-2.0", "none.toml"), 3, '"extends" names "none.toml", but there is no file'),
        (HEAD.replace("tr-03108-2.0", "\\u0000.toml"), 3, "unknown profile"),
        (HEAD.replace("tr-03108-2.0", "x" * 5000 + ".toml"), 3, "but there is no file"),
        (HEAD.replace("tr-03108-2.0", "mine.toml"), 3, '"extends" runs in a circle'),
        (HEAD.replace('id = "mine"\n', ""), None, '"id" is missing in the file'),
        (HEAD.replace('"mine"', '"my profile"'), 1, 'the id "my profile" must be letters'),
        (HEAD.replace('"T"', '{ en = "T" }'), 2, '"title" has no "de"'),
        ('id = "mine"\ntitle = "T"\ntls_policy = []', None, '"source" is missing in the file'),
        ('id = "mine"\ntitle = "T"\nsource = "S"', None, '"tls_policy" is missing in the file'),
        (HEAD + '[requirements]\nexclude = ["*"]', None, "the profile has no requirements"),
        (HEAD + "plan = 3", 4, '"plan" in the file must be a table'),
        (HEAD + "[requirement]", 4, '"requirement" in the file must be an array of tables'),
        (HEAD + "[plan\n", 4, "not valid TOML"),
        (HEAD + 'gate = "must', 4, "not valid TOML"),
        (HEAD + '"a\\nb" = 1', 4, 'unknown key "a\\nb" in the file'),
    ],
)
def test_complaints(catalogue: Catalogue, tmp_path: Path, text: str, line: int | None, message: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    complaint = _complaint(file, catalogue)
    assert complaint.startswith(f"{file}:{line}: " if line else f"{file}: ")
    assert message in complaint


REQUIREMENT = '[[requirement]]\nid = "R-{n}"\nlevel = "MUST"\ntitle = {{ en = "E", de = "D" }}\nsource = "S"\n{more}\n'


@pytest.mark.parametrize(
    ("more", "line", "message"),
    [
        ('cases = ["TR-03108-D-1"]', 9, 'unknown case "TR-03108-D-1"; did you mean'),
        ('checks = ["tls.negotiate"]', 9, 'unknown check "tls.negotiate"; did you mean "tls.negotiated"?'),
        ("", 5, '"R-1" has neither cases nor checks; with "manual = true" it is for a person to judge'),
        ("manual = false", 5, '"R-1" has neither cases nor checks'),
        ('manual = "yes"', 9, '"manual" in [requirement] must be true or false'),
        ('services = ["imap"]', 5, '"R-1" has neither cases nor checks'),
        (
            'cases = ["TR-03108-E-12"]\nservices = ["smpt"]',
            10,
            'unknown name "smpt" in "services" of [requirement]; did',
        ),
        ('cases = ["TR-03108-E-12"]\nservices = ["imap", "imap"]', 10, '"imap" stands twice in "services"'),
        ('case = ["x"]', 9, 'unknown key "case" in [requirement]; did you mean "cases"?'),
        ('cases = ["TR-03108-D-01"]\n[requirements]\ninclude = ["R-1"]', 11, "uses only those: remove"),
        ('cases = ["TR-03108-D-01"]\n[cases]\nexclude = ["*"]', 11, "uses only those: remove"),
    ],
)
def test_complaints_about_own_requirements(
    catalogue: Catalogue, tmp_path: Path, more: str, line: int, message: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(HEAD + REQUIREMENT.format(n=1, more=more), encoding="utf-8")
    complaint = _complaint(file, catalogue)
    assert complaint.startswith(f"{file}:{line}: ")
    assert message in complaint


def test_an_own_requirement_twice(catalogue: Catalogue, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(HEAD + 2 * REQUIREMENT.format(n=1, more='cases = ["TR-03108-D-01"]'), encoding="utf-8")
    assert _complaint(file, catalogue) == f'{file}:11: the id "R-1" is used twice'


def test_a_circle_of_two(catalogue: Catalogue, tmp_path: Path) -> None:
    for mine, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{mine}.toml").write_text(
            f'id = "{mine}"\ntitle = "T"\nextends = "{other}.toml"\n', encoding="utf-8"
        )
    complaint = _complaint(tmp_path / "a.toml", catalogue)
    assert complaint.startswith(f"{tmp_path / 'b.toml'}:3: ")
    assert "circle" in complaint


def test_an_error_in_an_extended_file_names_that_file(catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text(HEAD + "[plan]\nmod = 1", encoding="utf-8")
    file = tmp_path / "mine.toml"
    file.write_text(HEAD.replace("tr-03108-2.0", "base.toml"), encoding="utf-8")
    assert _complaint(file, catalogue).startswith(f"{tmp_path / 'base.toml'}:5: ")


def test_unknown_names(catalogue: Catalogue) -> None:
    assert _complaint("inbound-dnae", catalogue) == 'unknown profile "inbound-dnae"; did you mean "inbound-dane"?'
    assert "known: ci-gate, inbound-dane, " in _complaint("zzz", catalogue)
    assert _complaint("", catalogue).startswith('unknown profile ""; known: ')
    assert _complaint("x" * 5000, catalogue).startswith("unknown profile ")
    assert "cannot be read" in _complaint("x" * 5000 + ".toml", catalogue)
    assert "cannot be read" in _complaint("\0.toml", catalogue)


def test_unreadable_files(catalogue: Catalogue, tmp_path: Path) -> None:
    missing = tmp_path / "no.toml"
    assert _complaint(missing, catalogue) == f"{missing}: cannot be read: No such file or directory"
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    assert _complaint(folder, catalogue) == f"{folder}: cannot be read: Is a directory"
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b'id = "x"\ntitle = "\xff\xfe"')
    assert _complaint(binary, catalogue) == f"{binary}:2: not valid TOML: not UTF-8"
    huge = tmp_path / "huge.toml"
    huge.write_text("#" * (1 << 20) + "\n", encoding="utf-8")
    assert "larger than" in _complaint(huge, catalogue)
    deep = tmp_path / "deep.toml"
    deep.write_text("a = " + "[" * 100_000, encoding="utf-8")
    assert "not valid TOML" in _complaint(deep, catalogue)


TRICKY = '''
top = "a # not a comment"   # a comment with "quotes" and [brackets]
text = """
[plan]
mode = "inside a string"
"""
"quoted.key" = 'x'
array = [ "one", # "three"
  "two", [ "[plan]" ],
  "three" ]
[plan]
mode = { a = "}", b = [ "]" ] }
sub.key = 1
[[row]]
name = "first"
[[row]]
name = "second"
[row.inner]
deep = true
[[row.list]]
x = 1
[[row.list]]
x = 2
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("text",), 3),
        (("quoted.key",), 7),
        (("plan",), 11),
        (("plan", "mode"), 12),
        (("plan", "mode", "b"), 12),
        (("plan", "sub", "key"), 13),
        (("row", 0, "name"), 15),
        (("row", 1, "name"), 17),
        (("row", 1, "inner", "deep"), 19),
        (("row", 1, "list", 1, "x"), 23),
        (("row", 1, "missing"), 16),
        (("missing",), None),
    ],
)
def test_lines_are_never_wrong(path: tuple[str | int, ...], line: int | None) -> None:
    tomllib.loads(TRICKY)
    assert TomlLines(TRICKY).line(path) == line


def test_the_line_of_a_value_in_an_array() -> None:
    lines = TomlLines(TRICKY)
    assert lines.line(("array",), "two") == 9
    assert lines.line(("array",), "three") == 10
    assert lines.line(("array",), "four") == 8


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ('[requirements]\ninclude = ["TR-03108-05-M", "TR-03108-10-M"]', True),
        ('[requirements]\ninclude = ["TR-03108-05-M", "TR-03108-13-M"]', False),  # only the provider can answer
        (
            '[requirements]\ninclude = ["TR-03108-05-M", "TR-03108-10-M"]\n'
            '[cases]\ninclude = ["TR-03108-D-*", "TR-03108-G-01"]',
            False,
        ),
        ('[requirements]\nexclude = ["TR-03108-05-M"]\n', False),
        (
            '[requirements]\ninclude = ["TR-03108-05-M", "TR-03108-10-M"]\n'
            '[requirements.level]\nTR-03108-10-M = { level = "INFO", why = "x" }',
            False,
        ),
    ],
)
def test_a_must_that_can_be_seen_does_not_become_manual_for_want_of_cases(
    more: str, complaint: bool, catalogue: Catalogue, tmp_path: Path
) -> None:
    """inbound-dane has no case of 10-M, so that naming the requirement alone would leave it to a person."""
    file = tmp_path / "mine.toml"
    file.write_text(HEAD.replace("tr-03108-2.0", "inbound-dane") + more)
    if complaint:
        assert '"TR-03108-10-M" is in the profile with none of its cases' in _complaint(file, catalogue)
    else:
        load_profile(file, catalogue)
