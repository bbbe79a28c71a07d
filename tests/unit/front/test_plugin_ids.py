"""Names of pytest items."""

from __future__ import annotations

import re

import pytest

from tr03108.plugin.ids import LONGEST_SUBJECT, item_names, subject_id


@pytest.mark.parametrize(
    ("text", "domain", "name"),
    [
        ("mx1.example.org/192.0.2.1:25", None, "mx1.example.org/192.0.2.1:25"),
        ("mx1.example.net/192.0.2.1:25", "example.org", "example.org/mx1.example.net/192.0.2.1:25"),
        ("mx1.example.org/[2001:db8::1]:25", None, "mx1.example.org/_5B2001:db8::1_5D:25"),
        ("_dmarc.example.org", None, "_dmarc.example.org"),
        ("<script>é", None, "_3Cscript_3E_C3_A9"),
        ("*.example", None, "_2A.example"),
        ("\ud800", None, "_ED_A0_80"),
        ("a" * 500, "b", ("b/" + "a" * 500)[:LONGEST_SUBJECT]),
    ],
)
def test_subjects(text: str, domain: str | None, name: str) -> None:
    found = subject_id(text, domain)
    assert found == name
    assert re.fullmatch(r"[A-Za-z0-9._:/-]*", found)


def test_collisions_get_a_number() -> None:
    long = "a" * LONGEST_SUBJECT
    names = list(item_names([("X", "a"), ("X", "a"), ("Y", "a"), ("X", "a-2"), ("X", "a"), ("X", long), ("X", long)]))
    assert names[:5] == ["X[a]", "X[a-2]", "Y[a]", "X[a-2-2]", "X[a-3]"]
    assert names[6] == f"X[{long[:-2]}-2]"
    assert len(set(names)) == len(names)
