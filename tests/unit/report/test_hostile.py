"""Text from outside is escaped and cut in every output."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from tr03108.catalogue import Catalogue
from tr03108.model import Audit, Finding, Subject, Waiver
from tr03108.report import Texts, audit_json, html, junit, sarif, terminal
from tr03108.report.escape import BLOCK_LIMIT, block, json_text, line, plain

EN = Texts.load("en")
HOSTILE = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "attribute": "\" onmouseover='alert(1)' x=\"",
    "ansi": "\x1b[31mred\x1b[0m\x1b]0;title\x07\x9b1m",
    "cdata": "]]>--><!--&amp;<![CDATA[",
    "bidi": "abc\u202egro.elpmaxe\u202c\u2066x\u2069\u200f\u061c",
    "lines": "one\r\ntwo\u2028three\x85four\x00five",
    "template": "{{ 7 * 7 }}{% include '/etc/passwd' %}{host}[{detail}]`x`",
    "surrogate": "\ud800\udfff\ufffe\uffff\U000e0041",
    "long": "A" * 1_000_000,
}
OUTPUTS: dict[str, Callable[[Audit, Catalogue, Texts], str]] = {
    "html": html, "json": audit_json, "junit": junit, "sarif": sarif,
    "terminal": lambda audit, catalogue, texts: terminal(audit, catalogue, texts, False, True),
}  # fmt: skip


def poisoned(single: Audit, text: str, make: Callable[..., Finding]) -> Audit:
    subject = Subject("service", text, text, 25, "smtp")
    evidence = {
        "cause": text, "detail": text, "names": [text, text], "records": text,
        text[:200]: {"deep": [{text[:200]: text}]},
        "dialogue": [text] * 3, "lines": f"one\n{text}",
    }  # fmt: skip
    waiver = Waiver("TR-03108-D-02", text, text, text)
    findings = (
        make("TLSA_BOGUS", subject=subject, evidence=evidence),
        make("TLSA_UNUSABLE", subject=subject, evidence=evidence, waived=waiver),
        make("CERTIFICATE_NAME_MISMATCH", subject=subject, evidence=evidence, check="certificate.pkix"),
    )
    target = single.targets[0]
    target = replace(
        target, findings=findings, expired_waivers=(waiver,), expiring=({"name": text},), notes=(text,),
        vantage=replace(target.vantage, resolvers=(text,)),
    )  # fmt: skip
    return replace(single, targets=(target,), options={"connect": [text]})


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("output", OUTPUTS)
def test_no_output_lets_it_through(
    output: str, kind: str, single: Audit, catalogue: Catalogue, finding: Callable[..., Finding]
) -> None:
    written = OUTPUTS[output](poisoned(single, HOSTILE[kind], finding), catalogue, EN)
    written.encode("utf-8")  # no surrogate is left
    hidden = {char for char in written if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Cn")}
    assert hidden <= {"\n"}
    assert len(written) < 900_000
    if output == "html":
        lower = written.lower()
        assert "<script" not in lower and "<img" not in lower and "<!--" not in lower and "<![cdata" not in lower
        assert "onmouseover='" not in lower and 'onmouseover="' not in lower
        assert kind != "template" or "{{ 7 * 7 }}" in written
    if output == "junit":
        ET.fromstring(written)
    if output in ("json", "sarif"):
        json.loads(written)
    if output == "terminal":
        assert max(map(len, written.splitlines())) < 4_000


def test_hidden_characters_are_shown_not_lost() -> None:
    assert line("a\x1b[31m\u202eb\r\n\U000e0041") == "a\\x1b[31m\\u202eb\\x0d\\x0a\\U000e0041"
    assert block("a\r\nb\tc\x00") == "a\nb\tc\\x00"


def test_a_cut_says_how_much_is_lost() -> None:
    assert line("x" * 310, 300) == "x" * 300 + "… (+10)"


def test_evidence_is_cut_in_every_direction() -> None:
    deep: object = "end"
    for _ in range(100):
        deep = [deep]
    assert json.dumps(plain(deep)).count("[") <= 12
    assert len(plain(list(range(10_000)))) == 501
    assert len(plain({str(n): n for n in range(10_000)})) == 501
    assert len(plain(b"x" * 1_000_000)) < BLOCK_LIMIT + 20
    assert plain(float("nan")) == "nan"


def test_json_text_keeps_the_bytes_of_what_it_escapes() -> None:
    value = {"x": "ä\x1b\u202e\U000e0041\ud800\n"}
    assert json.loads(json_text(value)) == value
    assert "ä" in json_text(value)
