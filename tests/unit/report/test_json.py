"""audit.json and the two schemas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from tr03108 import dossier
from tr03108.catalogue import Catalogue
from tr03108.model import (
    Audit,
    DnsMessage,
    Dossier,
    Failure,
    Handshake,
    HttpExchange,
    Line,
    Observation,
    ProbePlan,
    Reason,
    SmtpSession,
    Vantage,
)
from tr03108.report import Texts, audit_json
from tr03108.rooms import room

STARTED = datetime(2026, 11, 22, 9, 30, 12, 345678, tzinfo=UTC)


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((room("reports") / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture(scope="module", params=["en", "de"])
def document(request: pytest.FixtureRequest, audit: Audit, catalogue: Catalogue) -> Any:
    return json.loads(audit_json(audit, catalogue, Texts.load(request.param)))


def test_it_keeps_to_its_schema(document: Any) -> None:
    validator("audit").validate(document)


@pytest.mark.parametrize("key", ["schema", "tool", "as_of", "profile", "options", "vantage", "targets"])
def test_the_schema_misses_what_is_missing(document: Any, key: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validator("audit").validate({name: value for name, value in document.items() if name != key})


def test_cases_name_the_ids_that_they_had(document: Any) -> None:
    formerly = {case["id"]: case["formerly"] for case in document["targets"][0]["cases"]}
    assert formerly["TR-03108-E-12"] == ["EMAIL_TSP_D_12"]
    assert formerly["TR-03108-E-13"] == []


def test_the_shape_of_a_finding(document: Any) -> None:
    finding = next(item for item in document["targets"][0]["findings"] if item["code"] == "TLSA_MISMATCH")
    assert finding["case"] == "TR-03108-D-02"
    assert finding["check"] == "inbound-dane.tlsa-matches"
    assert finding["requirement"] == "TR-03108-05-M"
    assert finding["level"] == "MUST"
    assert finding["subject"] == {
        "kind": "service", "name": "mx1.example.org", "address": "192.0.2.1", "port": 25, "service": "smtp",
    }  # fmt: skip
    assert (finding["outcome"], finding["verdict"], finding["gated"], finding["waived"]) == (
        "UNMET",
        "fail",
        True,
        None,
    )
    assert finding["sources"] == ["TR-03108-P v2.0 Table 50", "RFC 7672 section 3.1"]
    assert finding["evidence"]["tlsa"][0]["matching_type"] == 1
    assert finding["message"] and finding["remedy"]


def test_every_case_of_the_profile_is_there(document: Any, catalogue: Catalogue) -> None:
    for target in document["targets"]:
        assert [case["id"] for case in target["cases"]] == list(catalogue.cases)


def test_times_and_the_head(document: Any) -> None:
    assert document["schema"] == "tr03108.audit/1"
    assert document["started"] == "2026-11-22T09:30:12.345678Z"
    assert document["tool"] == {"name": "tr03108", "version": "0.1.0"}
    assert document["vantage"] == {"resolvers": ["127.0.0.1:5353"], "ipv4": True, "ipv6": False}
    assert document["profile"]["policy_editions"] == ["TR-03116-4 (2023)", "TR-02102-2 (2025-01)"]
    assert document["options"]["connect"] == ["192.0.2.1:25=127.0.0.1:2525"]


def test_a_waiver_is_written(document: Any) -> None:
    waived = [item["waived"] for item in document["targets"][0]["findings"] if item["waived"]]
    assert waived == [
        {
            "finding": "certificate.pkix",
            "subject": "*",
            "reason": "DANE: 2026-02-01/7",
            "until": "2027-02-01",
        }
    ]


def test_bytes_are_hex(single: Audit, catalogue: Catalogue) -> None:
    first = replace(single.targets[0].findings[0], evidence={"raw": b"\x00\xff", "at": STARTED, "set": {1}})
    audit = replace(single, targets=(replace(single.targets[0], findings=(first,)),))
    found = json.loads(audit_json(audit, catalogue, Texts.load("en")))["targets"][0]["findings"][0]["evidence"]
    assert found == {"raw": "00ff", "at": "2026-11-22T09:30:12.345678Z", "set": [1]}


def make_dossier(observations: Mapping[str, Observation[Any]]) -> Dossier:
    return Dossier(
        domain="example.org",
        started=STARTED,
        finished=STARTED + timedelta(seconds=5),
        complete=True,
        tool_version="0.1.0",
        plan=ProbePlan(),
        vantage=Vantage(("127.0.0.1:53",), True, None),
        trust_anchors=(". IN DS 20326 8 2 " + "AB" * 32,),
        roots=(b"\x30\x03\x02\x01\x01",),
        observations=observations,
    )


def test_a_dossier_of_every_kind_keeps_to_its_schema() -> None:
    shake = Handshake(
        server_name="mx",
        offered={"versions": "TLSv1.3"},
        sent=b"\x16",
        received=b"\x16",
        ended="completed",
        version="TLSv1.3",
        suite="TLS_AES_128_GCM_SHA256",
        group="x25519",
        chain=(b"\x30",),
        alert=None,
        error=None,
        seconds=0.1,
    )
    lines = (Line("S", b"220 mx \xff", 0.01), Line("C", b"EHLO x", 0.02))
    values: dict[str, Any] = {
        "dns/example.org/MX": DnsMessage("example.org", "MX", b"\x00\x01", "127.0.0.1:53", "udp"),
        "smtp/mx/192.0.2.1/25/1": SmtpSession("127.0.0.1:2525", True, lines, "quit", "done", shake),
        "https/mta-sts.example.org/192.0.2.2/1": HttpExchange(
            "https://mta-sts.example.org/",
            "192.0.2.2:443",
            False,
            None,
            "answered",
            200,
            (("Server", "x"),),
            b"v",
            False,
        ),
    }
    seen = {key: Observation(key, STARTED, value, None) for key, value in values.items()}
    seen["smtp/mx/192.0.2.3/25/1"] = Observation(
        "smtp/mx/192.0.2.3/25/1", STARTED, None, Failure(Reason.TIMEOUT, "no answer", lines)
    )
    document = json.loads(dossier.encode(make_dossier(seen)))
    validator("dossier").validate(document)
    for observation in document["observations"].values():
        broken = {**document, "observations": {"x": {**observation, "time": "yesterday"}}}
        assert not validator("dossier").is_valid(broken)
    assert not validator("dossier").is_valid({**document, "roots": ["00"]})
