"""A dossier is input from outside: whatever stands in it, it is refused in one line or judged."""

from __future__ import annotations

import json
import ssl
import string
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tr03108.catalogue import Catalogue
from tr03108.dossier import decode, encode
from tr03108.judge import judge_target, load_checks
from tr03108.model import Dossier, UsageError, pem
from tr03108.profile import Profile

PROFILED = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
JUNK: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 10**30, 1e308, "", "x", ".", "..", "\ud800", "\0", "two\nlines", "a" * 300),
    *([], {}, [[]], {"a": 1}, "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-01-01T00:00:00", "00"),
)
NAMES = ("..", "a..b", "x/y.example", "a" * 64, ".".join(["a" * 60] * 5), "\\300", "\\", "*", "", "é", " ", "::1%eth0")
Path = tuple[str | int, ...]


def paths(value: Any, at: Path = ()) -> list[Path]:
    """Where every value of a JSON document stands."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, child in children for path in paths(child, (*at, key)))]


def value_at(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document


def garbled(text: str, random: Random) -> str:
    """The text with something replaced, cut out or put in."""
    at = random.randrange(len(text) + 1)
    some = "".join(random.choices(string.hexdigits + "/.+- \n", k=random.randrange(4)))
    return text[:at] + some + text[at + random.randrange(5) :]


def garbled_wire(wire: str, random: Random) -> str:
    """Bytes in hex with some of them changed."""
    data = bytearray.fromhex(wire)
    for _ in range(random.choice((1, 1, 2, 5))):
        if data:
            data[random.randrange(len(data))] = random.choice((0, 0xFF, 0xC0, random.randrange(256)))
    return data.hex()


def garbled_certificate(text: str, random: Random) -> str:
    """A certificate in PEM with bytes changed: libraries read its parts late."""
    der = ssl.PEM_cert_to_DER_cert(text)
    return pem(bytes.fromhex(garbled_wire(der.hex(), random)))


def change(document: Any, random: Random) -> None:
    """Changes one thing anywhere."""
    path = random.choice(paths(document)[1:])
    parent, last = value_at(document, path[:-1]), path[-1]
    old = parent[last]
    kind = random.randrange(6)
    if kind == 0:
        parent[last] = random.choice(JUNK)
    elif kind == 1:
        del parent[last]
    elif kind == 2 and isinstance(parent, dict):
        parent[garbled(str(last), random)] = parent.pop(last)
    elif kind == 3:
        parent[last] = json.loads(json.dumps(value_at(document, random.choice(paths(document)))))
    elif isinstance(old, str):
        bytes_here = last in ("wire", "received", "sent", "data", "body")
        parent[last] = (garbled_wire if bytes_here else garbled)(old, random)


def change_observation(document: Any, random: Random) -> None:
    """Changes what an observation is called, or takes another's place, or some bytes that came from the network."""
    observations = document["observations"]
    if not observations:
        return
    key, other = random.choice(list(observations)), random.choice(list(observations))
    parts = key.split("/")
    at = random.randrange(len(parts))
    kind = random.randrange(5)
    if kind == 0:
        parts[at] = random.choice(NAMES)
        observations["/".join(parts)] = observations.pop(key)
    elif kind == 1:
        observations["/".join(parts[:at] + parts[at + 1 :])] = observations[key]
    elif kind == 2:
        observations[key], observations[other] = observations[other], observations[key]
    elif kind == 3:
        name, replacement = document["domain"], random.choice(NAMES)
        document["domain"] = replacement
        document["observations"] = {key.replace(name, replacement): item for key, item in observations.items()}
    else:
        value = observations[key].get("value", {})
        for field in ("wire", "body"):
            if field in value:
                value[field] = garbled_wire(value[field], random)
        handshake = value.get("handshake")
        if handshake:
            handshake["received"] = garbled_wire(handshake["received"], random)
            random.shuffle(handshake["chain"])
            handshake["chain"] = [garbled_certificate(item, random) for item in handshake["chain"]]


class Court:
    """Refuses a text in one line, or judges it; what comes out can be written."""

    def __init__(self, profile: Profile, catalogue: Catalogue) -> None:
        self._profile, self._catalogue, self._checks = profile, catalogue, load_checks()

    def __call__(self, text: str) -> bool:
        try:
            dossier = decode(text)
        except UsageError as error:
            assert str(error).isprintable(), "more than one line"
            return False
        assert decode(encode(dossier)) == dossier
        audit = judge_target(dossier, "", self._profile, self._catalogue, self._checks, dossier.started, "should", ())
        for finding in audit.findings:
            json.dumps(finding.evidence, allow_nan=False, ensure_ascii=False).encode()
            finding.subject.text.encode()
        return True


@pytest.fixture(scope="session")
def court(full: Profile, catalogue: Catalogue) -> Court:
    return Court(full, catalogue)


@PROFILED
@given(random=st.randoms(use_true_random=False))
def test_changed_anywhere(court: Court, dossiers: Mapping[str, Dossier], random: Random) -> None:
    document = json.loads(encode(dossiers[random.choice(sorted(dossiers))]))
    for _ in range(random.choice((1, 1, 1, 3))):
        change(document, random)
    court(json.dumps(document))


@PROFILED
@given(random=st.randoms(use_true_random=False))
def test_changed_observations(court: Court, dossiers: Mapping[str, Dossier], random: Random) -> None:
    document = json.loads(encode(dossiers[random.choice(sorted(dossiers))]))
    for _ in range(random.choice((1, 1, 1, 3))):
        change_observation(document, random)
    court(json.dumps(document))


@PROFILED
@given(random=st.randoms(use_true_random=False))
def test_certificates_nobody_can_read(court: Court, dossiers: Mapping[str, Dossier], random: Random) -> None:
    """Servers send them, so they are not refused: every one is judged."""
    document = json.loads(encode(dossiers[random.choice(("flawless", "dane-ta", "two-hosts-one-bad"))]))
    for item in document["observations"].values():
        handshake = item.get("value", {}).get("handshake")
        if handshake:
            handshake["chain"] = [garbled_certificate(text, random) for text in handshake["chain"]]
    document["roots"] = [garbled_certificate(text, random) for text in document["roots"]]
    assert court(json.dumps(document))


def test_unchanged_dossiers_are_judged(court: Court, dossiers: Mapping[str, Dossier]) -> None:
    assert all(court(encode(dossier)) for dossier in dossiers.values())


@pytest.mark.parametrize("time", ["started", "finished"])
@pytest.mark.parametrize("value", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_times_at_the_end_of_the_calendar(court: Court, dossiers: Mapping[str, Dossier], time: str, value: str) -> None:
    """Margins are added to times: there has to be room."""
    document = json.loads(encode(dossiers["flawless"])) | {time: value}
    assert not court(json.dumps(document))


def test_mail_host_with_a_slash_in_its_name(court: Court, dossiers: Mapping[str, Dossier]) -> None:
    """Such a name is possible in DNS and must not be taken for parts of a key."""
    document = json.loads(encode(dossiers["flawless"]))
    silent = {"reason": "TIMEOUT", "detail": "", "lines": [], "state": "connect"}
    for key, item in list(document["observations"].items()):
        if key.startswith("smtp/"):
            item.pop("value")
            item.pop("kind")
            item["failure"] = silent
            document["observations"][key.replace("smtp/mx1.", "smtp/a/b.")] = item
    assert court(json.dumps(document))
