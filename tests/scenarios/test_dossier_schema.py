"""The dossiers that the probe writes are those that the shipped schema describes."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from tr03108 import dossier
from tr03108.rooms import room

from .conftest import Seen


@pytest.mark.parametrize("scenario", ["flawless", "hellos-untuned", "two-certificates", "hellos-unclear"])
def test_a_dossier_is_as_the_schema_says(seen: Seen, scenario: str) -> None:
    schema = json.loads((room("reports") / "schemas" / "dossier.schema.json").read_text("utf-8"))
    written = json.loads(dossier.encode(seen.dossiers[scenario]))
    kinds = {each.get("kind") for each in written["observations"].values()}
    assert {"smtp", "hello"} <= kinds
    errors = [f"{list(e.absolute_path)}: {e.message[:200]}" for e in Draft202012Validator(schema).iter_errors(written)]
    assert errors == []
