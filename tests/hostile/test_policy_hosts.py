"""Policy hosts and records of MTA-STS that mean harm, through the whole probe: bounded, nothing raised."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tr03108.anchors import trust_anchors
from tr03108.catalogue import load_catalogue
from tr03108.dossier import decode, encode
from tr03108.judge import judge_target, load_checks
from tr03108.lab.world import World
from tr03108.model import Dossier, Finding, ProbePlan
from tr03108.probe import Network, Probe, RootStore
from tr03108.profile import load_profile
from unit.lab.one_scenario import read

SECONDS = 1.0
EVIDENCE = 20000  # characters that all findings of MTA-STS together may hold
POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mx1.one.example\r\nmax_age: 604800\r\n"
OK, TEXT = "HTTP/1.1 200 OK\r\n", "Content-Type: text/plain\r\n"


def probed(folder: Path, text: str) -> Dossier:
    """A dossier of the lab's only domain. Far more time than all timeouts together ends the test."""
    scenario = read(folder, text)

    async def run() -> Dossier:
        async with World((scenario,), patience=5) as world:
            (folder / "anchor").write_text(world.trust_anchor_of(scenario), "ascii")
            (folder / "ca.pem").write_text(world.ca_pem, "ascii")
            plan = ProbePlan(
                services=("smtp",),
                policies=("mta-sts",),
                connect=world.connect,
                resolvers=(world.resolver_of(scenario),),
                timeout=SECONDS,
                greeting_timeout=SECONDS,
                second_look=0.01,
            )
            async with Network(plan) as network:
                roots = RootStore.load(folder / "ca.pem")
                probe = Probe(scenario.domain, plan, network, trust_anchors(folder / "anchor"), roots, lambda _: None)
                async with asyncio.timeout(100):
                    await probe.run()
                return probe.dossier(complete=True)

    dossier = asyncio.run(run())
    assert decode(encode(dossier)) == dossier
    return dossier


def judged(dossier: Dossier) -> dict[str, Finding]:
    """The findings of MTA-STS by check; what they hold is bounded."""
    catalogue = load_catalogue()
    profile = load_profile("tr-03108-2.0", catalogue)
    audit = judge_target(dossier, "", profile, catalogue, load_checks(), dossier.started, "must", ())
    found = {finding.check: finding for finding in audit.findings if finding.check.startswith("mta-sts.")}
    assert len(found) == 5
    assert len(json.dumps([dict(finding.evidence) for finding in found.values()], default=str)) < EVIDENCE
    return found


def policy_code(folder: Path, **table: Any) -> str:
    """What I-02 says of a policy host that is written as in scenarios.toml."""
    entries = ", ".join(f"{key} = {json.dumps(value)}" for key, value in table.items())
    return judged(probed(folder, f"mta_sts = {{ {entries} }}"))["mta-sts.policy"].code


def answer(head: str, body: str = POLICY) -> str:
    return f"{OK}{TEXT}{head}\r\n{body}"


LENGTH = f"Content-Length: {len(POLICY)}\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
CHUNKS = f"{len(POLICY):x}\r\n{POLICY}\r\n0\r\n\r\n"
RAW = {
    "right": (answer(LENGTH), "OK"),
    "without length": (answer(""), "OK"),
    "HTTP 1.0": (answer(LENGTH).replace("1.1", "1.0"), "OK"),
    "chunks": (answer(CHUNKED, CHUNKS), "OK"),
    "interim answers": (
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer(LENGTH),
        "OK",
    ),
    "the same length twice": (answer(LENGTH * 2), "OK"),
    "two lengths": (answer(LENGTH + "Content-Length: 5\r\n"), "POLICY_HTTP"),
    "negative length": (answer("Content-Length: -1\r\n"), "POLICY_HTTP"),
    "length in words": (answer("Content-Length: many\r\n"), "POLICY_HTTP"),
    "length too large": (answer("Content-Length: 99999999999999999999\r\n"), "POLICY_HTTP"),
    "length too small": (answer("Content-Length: 20\r\n"), "POLICY_SYNTAX"),
    "no body": (answer("Content-Length: 0\r\n", ""), "POLICY_SYNTAX"),
    "chunk that is none": (answer(CHUNKED, f"xyz\r\n{POLICY}"), "POLICY_HTTP"),
    "chunk of half the world": (answer(CHUNKED, f"ffffffffffffffff\r\n{POLICY}"), "POLICY_HTTP"),
    "chunks without end": (answer(CHUNKED, CHUNKS[:-5]), "POLICY_HTTP"),
    "encoded transfer": (answer("Transfer-Encoding: gzip, chunked\r\n", CHUNKS), "POLICY_HTTP"),
    "only the header": (f"{OK}{TEXT}", "POLICY_HTTP"),
    "no HTTP": ("220 mx1 ESMTP\r\n", "POLICY_HTTP"),
    "status of two digits": (answer(LENGTH).replace("200", "20"), "POLICY_HTTP"),
    "switching protocols": ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + POLICY, "POLICY_HTTP"),
    "octets that are no text": (answer(LENGTH).replace("text/plain", "text/\xff\x1b[31m"), "POLICY_CONTENT_TYPE"),
    "not modified": (f"HTTP/1.1 304 Not Modified\r\n{TEXT}\r\n", "POLICY_REDIRECT"),
}


@pytest.mark.parametrize("name", RAW)
def test_answers_that_are_hardly_http(tmp_path: Path, name: str) -> None:
    raw, code = RAW[name]
    assert policy_code(tmp_path, raw=raw) == code


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("slow", "POLICY_SLOW"),
        ("endless", "POLICY_TOO_LARGE"),
        ("headers-endless", "POLICY_HTTP"),
        ("gzip-bomb", "POLICY_TOO_LARGE"),
        ("silent", "POLICY_UNSEEN"),
        ("close", "POLICY_HTTP"),
        ("truncated", "POLICY_HTTP"),
    ],
)
def test_servers_that_do_not_end(tmp_path: Path, fault: str, code: str) -> None:
    assert policy_code(tmp_path, fault=fault) == code


def lines(number: int, form: str) -> str:
    return POLICY + "".join(f"{form.format(each)}\r\n" for each in range(number))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (lines(6400, "mx:{}"), "OK"),
        (lines(10000, "mx: m{}.one.example"), "POLICY_TOO_LARGE"),
        (lines(2500, "mx: m{}.one.example"), "OK"),
        (lines(20000, "\x00"), "POLICY_SYNTAX"),
        (f"{POLICY}x: y{' ' * 60000}z\r\n", "OK"),
        (f"{POLICY}mx: {'a.' * 30000}_\r\n", "POLICY_SYNTAX"),
        (f"{POLICY}mx: {'a-' * 30000}\r\n", "POLICY_SYNTAX"),
        ("\r\n" * 32000, "POLICY_SYNTAX"),
        (POLICY.ljust(65536 - 2, "\n"), "POLICY_SYNTAX"),
        (f"{POLICY}x: ".ljust(65536 - 2, "y"), "OK"),
    ],
    ids=[
        *(
            "short-mx",
            "ten-thousand-mx",
            "mx",
            "nul",
            "spaces",
            "labels",
            "hyphens",
            "empty-lines",
            "empty-lines-at-the-end",
            "nearly-64-KiB",
        ),
    ],
)
def test_policies_of_many_lines(tmp_path: Path, text: str, code: str) -> None:
    assert policy_code(tmp_path, text=text) == code


@pytest.mark.parametrize(
    ("records", "code"),
    [
        (["v=STSv1; id=1; x=" + "y" * 60000], "OK"),
        (["v=STSv1; id=1;" + "x;" * 30000], "MTA_STS_SYNTAX"),
        (["v=STSv1; id=" + "1" * 60000], "MTA_STS_SYNTAX"),
        (["v=STSv1;" + " " * 59000 + "id=1"], "OK"),
        (["v=STSv1; id=1", "y" * 60000], "OK"),
        (["v=STSv1; id=1", *(f"V=STSv1; id={number}" for number in range(100))], "OK"),
        ([f"v=STSv1; id={number}" for number in range(100)], "MTA_STS_MULTIPLE"),
        ([f"v=STSv1; id={number}" for number in range(1000)], "MTA_STS_UNSEEN"),
        (["V=STSv1" + "z" * 60000], "MTA_STS_MISSING"),
    ],
    ids=["value", "fields", "id", "spaces", "foreign", "many-foreign", "many", "too-many", "near-miss"],
)
def test_records_of_60_kb(tmp_path: Path, records: list[str], code: str) -> None:
    found = judged(probed(tmp_path, f"mta_sts = {{ records = {json.dumps(records)} }}"))
    assert found["mta-sts.record"].code == code


def test_a_policy_host_with_a_hundred_addresses(tmp_path: Path) -> None:
    """Eight are asked; that the others were not leaves the case open."""
    more = json.dumps([f"mta-sts A 10.0.0.{number}" for number in range(1, 100)])
    dossier = probed(tmp_path, f"records = {more}")
    assert sum(key.startswith("https/") and o.failure is None for key, o in dossier.observations.items()) <= 8
    assert judged(dossier)["mta-sts.policy"].outcome == "UNSEEN"
