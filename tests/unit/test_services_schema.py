"""The JSON Schema of services files agrees with the reader on the example, on what is right and on what is wrong."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tr03108.catalogue import load_catalogue
from tr03108.front.services_file import NAMED_KINDS, NamedServices, named_services
from tr03108.model import SERVICE_KINDS, UsageError
from tr03108.profile import load_profile
from tr03108.rooms import room

jsonschema = pytest.importorskip("jsonschema")

GOOD = '[[service]]\nservice = "imaps"\nhost = "mail.example.org"\n'


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json.loads((room("reports") / "schemas" / "services.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def read(folder: Path, text: str) -> NamedServices:
    services = ", ".join(f'"{kind}"' for kind in SERVICE_KINDS)
    profile = folder / "profile.toml"
    profile.write_text(
        f'id = "all"\ntitle = "T"\nextends = "tr-03108-2.0"\nplan.services = [{services}]', encoding="utf-8"
    )
    file = folder / "services.toml"
    file.write_text(text, encoding="utf-8")
    return named_services((), file, load_profile(profile, load_catalogue()))


def test_the_example_is_valid(validator: Any, tmp_path: Path) -> None:
    text = (room("profiles") / "examples" / "services.toml").read_text(encoding="utf-8")
    validator.validate(tomllib.loads(text))
    assert read(tmp_path, text).places


@pytest.mark.parametrize("kind", NAMED_KINDS)
def test_both_know_every_kind_and_what_it_speaks(validator: Any, tmp_path: Path, kind: str) -> None:
    for protocol in ("smtp", "imap", "pop3", "sieve"):
        text = GOOD.replace("imaps", kind) + f'protocol = "{protocol}"'
        speaks = SERVICE_KINDS[kind].language == protocol
        assert validator.is_valid(tomllib.loads(text)) is speaks
        if speaks:
            assert read(tmp_path, text).places[0].kind == kind
        else:
            with pytest.raises(UsageError):
                read(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "webmail = []",
        "service = []",
        'webmail = ["HTTPS://Webmail.example.org"]',
        'webmail = ["https://a.example.:8443?x#y", "https://1.2.xn--mnchen-3ya.example/~a/%20b"]',
        f"webmail = {[f'https://{n}.example/' for n in range(16)]}",
        f"webmail = ['{'https://webmail.example.org/'.ljust(500, 'a')}']",
        GOOD * 64,
        GOOD + "port = 65535",
        GOOD.replace("mail.example.org", " münchen.example. "),
        GOOD.replace("mail.example.org", "例え。example"),
        GOOD.replace("mail.example.org", "1.2.3.example"),
    ],
)
def test_both_take_the_same(validator: Any, tmp_path: Path, text: str) -> None:
    validator.validate(tomllib.loads(text))
    read(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "web-mail = []",
        GOOD + 'domain = "example.org"',
        'service = "imaps"',
        '[service]\nservice = "imaps"\nhost = "mail.example.org"',
        "service = [1]",
        '[[service]]\nhost = "mail.example.org"',
        '[[service]]\nservice = "imaps"',
        GOOD.replace('"imaps"', "993"),
        GOOD.replace("imaps", "imasp"),
        GOOD.replace("imaps", "smtp"),
        GOOD.replace("imaps", "https"),
        GOOD.replace('"mail.example.org"', "1"),
        GOOD.replace("mail.example.org", " "),
        GOOD.replace("mail.example.org", "mail.example.org:993"),
        GOOD.replace("mail.example.org", "192.0.2.1"),
        GOOD.replace("mail.example.org", "[2001:db8::1]"),
        GOOD.replace("mail.example.org", "user@mail.example.org"),
        GOOD.replace("mail.example.org", "mail.example.org/"),
        GOOD.replace("mail.example.org", "mail example.org"),
        GOOD.replace("mail.example.org", "a" * 501),
        GOOD + "port = 0",
        GOOD + "port = 65536",
        GOOD + "port = 993.5",
        GOOD + "port = true",
        GOOD + 'port = "993"',
        GOOD + 'protocol = "imaps"',
        GOOD + 'protocol = "smtp"',
        GOOD * 65,
        'webmail = "https://webmail.example.org/"',
        "webmail = false",
        "webmail = [1]",
        'webmail = [""]',
        'webmail = ["http://webmail.example.org/"]',
        'webmail = ["https://"]',
        'webmail = ["https://me@webmail.example.org/"]',
        'webmail = ["https://192.0.2.1/"]',
        'webmail = ["https://[2001:db8::1]/"]',
        'webmail = ["https://webmail.example.org:100000/"]',
        'webmail = ["https://webmail.example.org/ "]',
        'webmail = ["https://webmail.example.org/ü"]',
        'webmail = ["https://a.example/", "https://a.example/"]',
        f"webmail = {[f'https://{n}.example/' for n in range(17)]}",
        f"webmail = ['{'https://webmail.example.org/'.ljust(501, 'a')}']",
    ],
)
def test_both_refuse_the_same(validator: Any, tmp_path: Path, text: str) -> None:
    assert not validator.is_valid(tomllib.loads(text))
    with pytest.raises(UsageError):
        read(tmp_path, text)
