"""The JSON Schema of profiles agrees with the loader on what ships and on what is wrong."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tr03108.catalogue import load_catalogue
from tr03108.model import SERVICE_KINDS, UsageError
from tr03108.profile import load_profile
from tr03108.rooms import room

jsonschema = pytest.importorskip("jsonschema")

HEAD = 'id = "mine"\ntitle = "T"\nextends = "tr-03108-2.0"\n'


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json.loads((room("reports") / "schemas" / "profile.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_what_ships_is_valid(validator: Any) -> None:
    files = [*room("profiles").glob("*.toml"), room("profiles") / "examples" / "own-rules.toml"]
    assert len(files) >= 3
    for file in files:
        validator.validate(tomllib.loads(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "sorce = 1",
        HEAD + '[plan]\nmode = "fast"',
        HEAD + "[plan]\ndeadline = 0",
        HEAD + '[plan]\nservices = ["smpt"]',
        HEAD + "[plan]\nspeed = 1",
        HEAD + "[plan]\ntls = 1",
        HEAD + '[plan]\nrevocation = "yes"',
        HEAD + "[parameters]\nsignature_margin_days = 366",
        HEAD + "[parameters]\nstrict_groups = 1",
        HEAD + '[cases]\ninclude = "TR-03108-D-01"',
        HEAD + '[cases]\ninclude = ["TR-03108-D-01", "TR-03108-D-01"]',
        HEAD + '[cases.level]\nTR-03108-D-01 = { level = "MUST" }',
        HEAD + '[cases.level]\nTR-03108-D-01 = { level = "SHALL", why = "w" }',
        HEAD + 'gate = "all"',
        HEAD + "unused_domain = 1",
        HEAD + "former_ids = 1",
        HEAD + '[[requirement]]\nid = "R"\nlevel = "MUST"\ntitle = { en = "E", de = "D" }\nsource = "S"\nmanual = 1',
        HEAD
        + '[[requirement]]\nid = "R"\nlevel = "MUST"\ntitle = { en = "E", de = "D" }\nsource = "S"\n'
        + 'cases = ["TR-03108-D-01"]\nservices = ["smpt"]',
        HEAD
        + '[[requirement]]\nid = "R"\nlevel = "MUST"\ntitle = { en = "E" }\nsource = "S"\ncases = ["TR-03108-D-01"]',
        HEAD.replace('"T"', '" "'),
        HEAD.replace('"mine"', '"m/ne"'),
        'id = "mine"\ntitle = "T"\nsource = "S"',
    ],
)
def test_both_refuse_the_same(validator: Any, tmp_path: Path, text: str) -> None:
    assert not validator.is_valid(tomllib.loads(text))
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError):
        load_profile(file, load_catalogue())


@pytest.mark.parametrize("kind", SERVICE_KINDS)
def test_both_know_every_service(validator: Any, tmp_path: Path, kind: str) -> None:
    text = HEAD + f'[plan]\nservices = ["{kind}"]'
    validator.validate(tomllib.loads(text))
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    assert load_profile(file, load_catalogue()).plan.services == (kind,)
