"""Reason codes as result types of RFC 8460."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tr03108.model import Finding, Outcome
from tr03108.report import Texts
from tr03108.report.result_types import BY_CODE, RESULT_TYPES, result_type
from tr03108.rooms import room


def test_every_type_is_one_of_the_rfc_and_every_code_one_of_ours() -> None:
    assert set(BY_CODE.values()) == set(RESULT_TYPES)
    assert [code for code in BY_CODE if not Texts.load("en").knows(code)] == []


def test_the_schema_has_the_same_types() -> None:
    schema = json.loads((room("reports") / "schemas" / "audit.schema.json").read_text("utf-8"))
    assert schema["$defs"]["finding"]["properties"]["result_type"]["enum"] == [*RESULT_TYPES, None]


@pytest.mark.parametrize(
    ("code", "because", "expected"),
    [
        ("STARTTLS_MISSING", None, "starttls-not-supported"),
        ("TLSA_MISMATCH", None, "tlsa-invalid"),
        ("TLSA_MISSING", None, "dane-required"),
        ("CERTIFICATE_EXPIRED", None, "certificate-expired"),
        ("NO_TLS", "STARTTLS_MISSING", "starttls-not-supported"),
        ("NO_TLS", "PORT_REFUSED", None),
        ("NO_TLS", None, None),
        ("TLSA_MISMATCH_KEY_TYPE", "TLSA_NAME_MISMATCH", "certificate-host-mismatch"),
        ("TLSA_MISMATCH_KEY_TYPE", None, "tlsa-invalid"),
        ("TLSRPT_MISSING", None, None),
        ("OF_TOMORROW", None, None),
    ],
)
def test_result_type(finding: Callable[..., Finding], code: str, because: str | None, expected: str | None) -> None:
    evidence = {} if because is None else {"because": because}
    assert result_type(finding(code, Outcome.UNMET, evidence=evidence)) == expected


@pytest.mark.parametrize("outcome", [Outcome.MET, Outcome.MARGINAL, Outcome.ABSENT, Outcome.UNSEEN, Outcome.ASKED])
def test_what_was_not_found_to_be_wrong_has_no_type(finding: Callable[..., Finding], outcome: Outcome) -> None:
    assert result_type(finding("TLSA_MISMATCH", outcome)) is None
