"""Dossiers with nonsense about mail clients: refused in one line, or judged; nothing else is ever raised."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostile.test_clients_probe import probed
from tr03108.catalogue import load_catalogue
from tr03108.dossier import encode
from tr03108.profile import load_profile
from unit.judge.test_hostile_dossiers import JUNK, NAMES, Court, change, change_observation, garbled

PROFILED = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
SERVICES = ("submission", "submissions", "imap", "imaps", "pop3", "pop3s", "sieve", "https")
TEXT = """
clients = [{ services = ["submission", "submissions", "imap", "imaps", "pop3", "pop3s", "sieve"] }]
autodiscover = { redirect_url = "https://autodiscover.{domain}/nowhere.xml" }
webmail = {}
"""
URLS = (
    *("", "/", "//", "https://", "https:///x", "http://[::1", "https://[v1.x]/", "https://a:0/", "https://a:99999/"),
    *(
        "https://a..b/",
        "ftp://a/",
        "javascript:x",
        "https://%00/",
        "\0",
        "https://é.example/",
        "https://a/" + "x" * 5000,
    ),
    *("https://mail.one.example:993/", "//autoconfig.one.example", "?", "#", "https://user:secret@one.example/"),
)
STATUSES = (None, 0, -1, 99, 100, 101, 200, 204, 301, 302, 307, 401, 404, 426, 500, 999, 10**30, True, "200", 2.5)
HEADERS = (
    "Location",
    "location",
    "Content-Encoding",
    "Strict-Transport-Security",
    "Content-Type",
    "",
    "\0",
    "é",
    "x" * 999,
)
VALUES = (
    *URLS,
    "gzip",
    "max-age",
    "max-age=x",
    "max-age=-1",
    "max-age=" + "9" * 5000,
    ";;;",
    '"',
    "text/html; charset=x",
)
BODIES = (
    *(
        b"",
        b"\0",
        b"<",
        b"<?xml",
        b"\xff\xfe<\0a\0",
        b"<clientConfig/>",
        b"<Autodiscover/>",
        b"[" * 5000,
        b"{}",
        b"null",
    ),
    *(b'<?xml version="1.0" encoding="nonsense"?><a/>', b"<a>" * 5000, b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
    *(b'{"Protocol":1}', b'{"Url":[]}', b"1e999", b'<input type="password">' * 99, b"<form action='http://[' "),
)
LINES = (
    *(
        b"",
        b"\0",
        b"\r",
        b"*",
        b"* ",
        b"+",
        b"+OK",
        b"-ERR",
        b"250",
        b"250-",
        b"250 ",
        b"999 x",
        b"a1",
        b"a1 OK",
        b"a1 NO",
    ),
    *(
        b"* OK [CAPABILITY",
        b"* CAPABILITY",
        b"* PREAUTH",
        b"* BYE",
        b"* OK {4294967295}",
        b'"STARTTLS"',
        b'"SASL" "',
        b"OK",
    ),
    *(
        b"{9999999999999999999999}",
        b"(" * 4000,
        b"\xff" * 400,
        b"STLS",
        b"USER",
        b"SASL PLAIN",
        b"334 ",
        b"+ ",
        b"* CAPABILITY {",
    ),
)
ENDS = ("done", "refused", "closed", "reset", "silent", "garbage", "overflow", "answered", "completed", "alert", "")
STATES = ("connect", "greeting", "capabilities", "starttls", "handshake", "capabilities-tls", "login", "quit", "")
HOSTS = (*NAMES, "mail.one.example", "one.example", "MAIL.one.example", "mail.one.example.", "127.0.0.1", "a" * 253)
KINDS = (*SERVICES, "smtp", "", "IMAPS", "web", None, 1)
PORTS = (0, 1, 25, 80, 443, 993, 65535, 65536, -1, 10**30, "993", None, True, 1.5)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A dossier of the lab with every service of clients, both configurations, and webmail."""
    page = "https://webmail.one.example/"
    plan: dict[str, Any] = {"services": SERVICES, "clear_text": True, "webmail": (page,)}
    return encode(probed(tmp_path_factory.mktemp("dossier"), TEXT, **plan))


@pytest.fixture(scope="module")
def court() -> Court:
    catalogue = load_catalogue()
    return Court(load_profile("tr-03108-2.0", catalogue), catalogue)


def some(document: Any, random: Random, prefix: str) -> dict[str, Any]:
    """The value of an observation whose key begins so."""
    values = [v for k, v in document["observations"].items() if k.startswith(prefix) and v.get("value")]
    chosen: dict[str, Any] = random.choice(values)["value"]
    return chosen


def change_page(document: Any, random: Random) -> None:
    value = some(document, random, "web/")
    match random.randrange(6):
        case 0:
            value["url"] = random.choice(URLS)
        case 1:
            value["status"] = random.choice(STATUSES)
        case 2:
            value["headers"] = [[random.choice(HEADERS), random.choice(VALUES)] for _ in range(random.randrange(4))]
            value["status"] = random.choice((200, 301, 302, 401))
        case 3:
            value["body"] = random.choice(BODIES).hex()
            value["status"] = 200
        case 4:
            value["ended"] = random.choice(ENDS)
        case 5 if value.get("handshake"):
            value["handshake"] |= {"ended": random.choice(ENDS), "received": random.choice(("", "00", "16"))}


def change_session(document: Any, random: Random) -> None:
    value = some(document, random, "client")
    match random.randrange(5):
        case 0:
            value[random.choice(("lines", "inside"))] = [
                {
                    "sender": random.choice("SCSCx"),
                    "data": random.choice(LINES).hex(),
                    "at": random.choice((0, 0.5, -1)),
                }
                for _ in range(random.randrange(8))
            ]
        case 1:
            value["state"] = random.choice(STATES)
        case 2:
            value["ended"] = random.choice(ENDS)
        case 3:
            value["protocol"] = random.choice(KINDS)
        case 4:
            value["handshake"] = random.choice((None, value["handshake"]))


def change_plan(document: Any, random: Random) -> None:
    plan = document["plan"]
    match random.randrange(4):
        case 0:
            place = {"kind": random.choice(KINDS), "host": random.choice(HOSTS), "port": random.choice(PORTS)}
            plan["named"] = random.choice(([place], [place] * 99, place, [place["host"]], random.choice(JUNK)))
        case 1:
            plan["webmail"] = random.choice((None, [], [random.choice(URLS)], list(URLS), random.choice(JUNK)))
        case 2:
            plan["services"] = random.choice(
                ([], random.sample(SERVICES, 3), [random.choice(KINDS)], random.choice(JUNK))
            )
        case 3:
            good = {"kind": random.choice(SERVICES), "host": random.choice(("a.example", "one.example")), "port": 993}
            plan["named"] = [good]


def change_key(document: Any, random: Random) -> None:
    """Another host, address, port or question in the key of a page or a session."""
    observations = document["observations"]
    key = random.choice([key for key in observations if key.startswith(("web/", "client"))])
    parts = key.split("/")
    at = random.randrange(len(parts))
    parts[at] = random.choice((*NAMES, *map(str, PORTS), garbled(parts[at], random)))
    observations["/".join(parts)] = observations.pop(key)


CHANGES = (change_page, change_session, change_plan, change_key)


@pytest.mark.parametrize("changes", CHANGES)
@PROFILED
@given(random=st.randoms(use_true_random=False))
def test_nonsense(court: Court, text: str, changes: Any, random: Random) -> None:
    document = json.loads(text)
    for _ in range(random.choice((1, 1, 2, 5))):
        changes(document, random)
    court(json.dumps(document))


@PROFILED
@given(random=st.randoms(use_true_random=False))
def test_nonsense_anywhere(court: Court, text: str, random: Random) -> None:
    document = json.loads(text)
    for _ in range(random.choice((1, 2, 3))):
        random.choice((*CHANGES, change, change_observation))(document, random)
        if not isinstance(document.get("observations"), dict) or not isinstance(document.get("plan"), dict):
            break
    court(json.dumps(document))


def sent_on(url: str) -> bytes:
    """A document of Autodiscover that sends clients to a URL."""
    schemas = "http://schemas.microsoft.com/exchange/autodiscover"
    account = f"<Account><Action>redirectUrl</Action><RedirectUrl>{escape(url)}</RedirectUrl></Account>"
    response = f'<Response xmlns="{schemas}/outlook/responseschema/2006a">{account}</Response>'
    return f'<Autodiscover xmlns="{schemas}/responseschema/2006">{response}</Autodiscover>'.encode()


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("body", [False, True])
def test_where_pages_lead(court: Court, text: str, url: str, body: bool) -> None:
    """Redirects come from servers, so that such a dossier is no reason to refuse it: it is judged."""
    document = json.loads(text)
    for key, item in document["observations"].items():
        if key.startswith("web/") and item.get("value") and item["value"]["ended"] == "answered":
            item["value"] |= {"status": 302, "headers": [["Location", url]]}
            if body:
                item["value"] |= {"status": 200, "headers": [], "body": sent_on(url).hex()}
    assert court(json.dumps(document))


def test_unchanged(court: Court, text: str) -> None:
    assert court(text)
    assert not court(Path(__file__).read_text("utf-8"))
