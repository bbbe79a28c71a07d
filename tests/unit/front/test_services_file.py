"""Client services that the user names: by --service, in a file of --services, and what is wrong there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tr03108.front.options import AUDIT, PROBE, PYTEST
from tr03108.front.services_file import MOST_SERVICES, MOST_WEBMAIL, NAMED_KINDS
from tr03108.front.settings import read_settings
from tr03108.model import SERVICE_KINDS, ProbePlan, ServicePlace, UsageError
from tr03108.rooms import room

LONGEST = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])
MAIL = "mail.example.org"


@pytest.fixture
def profile(tmp_path: Path) -> str:
    """A profile that looks at every service."""
    file = tmp_path / "all-services.toml"
    services = ", ".join(f'"{kind}"' for kind in SERVICE_KINDS)
    file.write_text(
        f'id = "all-services"\ntitle = "T"\nextends = "tr-03108-2.0"\n[plan]\nservices = [{services}]\n',
        encoding="utf-8",
    )
    return str(file)


@pytest.fixture
def services(tmp_path: Path) -> Path:
    return tmp_path / "services.toml"


def plan(profile: str, *options: str, **given: Any) -> ProbePlan:
    return read_settings({"profile": profile, "service": list(options) or None, **given}, AUDIT).plan


def refused(profile: str, *options: str, **given: Any) -> str:
    with pytest.raises(UsageError) as caught:
        plan(profile, *options, **given)
    line = str(caught.value)
    assert line.isprintable()
    assert len(line) < 400
    return line


# ------------------------------------------------------------------------------------------------------------- options


def test_nobody_says_anything() -> None:
    for front in (AUDIT, PROBE, PYTEST):
        nothing = read_settings({}, front).plan
        assert (nothing.named, nothing.webmail) == ((), None)


@pytest.mark.parametrize("kind", NAMED_KINDS)
def test_each_kind_has_its_registered_port(profile: str, kind: str) -> None:
    ports = {"submission": 587, "submissions": 465, "imap": 143, "imaps": 993, "pop3": 110, "pop3s": 995, "sieve": 4190}
    assert plan(profile, f"{kind}={MAIL}").named == (ServicePlace(kind, MAIL, ports[kind]),)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"imaps={MAIL}:993", ServicePlace("imaps", MAIL, 993)),
        (f"imaps={MAIL}:10993", ServicePlace("imaps", MAIL, 10993)),
        ("imaps=Mail.Example.ORG.:1", ServicePlace("imaps", MAIL, 1)),
        (f" imaps = {MAIL}:65535 ", ServicePlace("imaps", MAIL, 65535)),
        ("sieve=münchen.example", ServicePlace("sieve", "xn--mnchen-3ya.example", 4190)),
        (f"imap={LONGEST}", ServicePlace("imap", LONGEST, 143)),
    ],
)
def test_a_place(profile: str, text: str, place: ServicePlace) -> None:
    assert plan(profile, text).named == (place,)


def test_each_place_once_in_the_order_given(profile: str) -> None:
    found = plan(profile, f"pop3s={MAIL}", f"imaps={MAIL}", f"imaps={MAIL}.:993", f"imaps={MAIL}:994")
    assert [(place.kind, place.port) for place in found.named] == [("pop3s", 995), ("imaps", 993), ("imaps", 994)]
    assert found.webmail is None


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://webmail.example.org/path", "https://webmail.example.org/path"),
        ("HTTPS://WebMail.Example.org", "https://webmail.example.org/"),
        ("https://webmail.example.org.:443/a?b=C", "https://webmail.example.org/a?b=C"),
        ("https://webmail.example.org:8443", "https://webmail.example.org:8443/"),
        ("https://webmail.example.org?task=login", "https://webmail.example.org/?task=login"),
        ("https://webmail.example.org/#!/inbox", "https://webmail.example.org/"),
        ("https://webmail.example.org/a@b:c", "https://webmail.example.org/a@b:c"),
        ("https://xn--mnchen-3ya.example/", "https://xn--mnchen-3ya.example/"),
    ],
)
def test_an_address_of_webmail(profile: str, text: str, url: str) -> None:
    found = plan(profile, f"webmail={text}", f"webmail={url}")
    assert found.webmail == (url,)
    assert found.named == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "write KIND=HOST"),
        ("imaps", "write KIND=HOST"),
        ("imap5=mail.example.org", 'unknown service "imap5"; did you mean "imap"?'),
        ("submision=mail.example.org", 'did you mean "submission"?'),
        ("IMAPS=mail.example.org", 'did you mean "imaps"?'),
        ("web-mail=https://a.example/", 'did you mean "webmail"?'),
        ("xmpp=mail.example.org", "known: submission, submissions, imap"),
        ("=mail.example.org", 'unknown service ""'),
        ("x" * 100_000 + "=mail.example.org", "unknown service"),
        ("smtp=mx1.example.org", "MX records"),
        ("https=mail.example.org", "write webmail=https://HOST/"),
        ("imaps=", "host name is missing"),
        ("imaps=:993", "host name is missing"),
        ("imaps=mail.example.org:", "must be 1 to 65535"),
        ("imaps=mail.example.org:0", "must be 1 to 65535"),
        ("imaps=mail.example.org:65536", "must be 1 to 65535"),
        ("imaps=mail.example.org:-1", "must be 1 to 65535"),
        ("imaps=mail.example.org:imaps", "must be 1 to 65535"),
        ("imaps=mail.example.org:٩٩٣", "must be 1 to 65535"),
        ("imaps=mail.example.org:" + "9" * 10_000, "must be 1 to 65535"),
        ("imaps=192.0.2.1", "not an address"),
        ("imaps=192.0.2.1:993", "not an address"),
        ("imaps=2001:db8::1", "not an address"),
        ("imaps=[2001:db8::1]:993", "not an address"),
        ("imaps=a:1:2", "not an address"),
        ("imaps=1.2.3.4.5", "last label"),
        ("imaps=a..b", "label is empty"),
        ("imaps=mail_1.example.org", "letters, digits"),
        ("imaps=ma il.example.org", "letters, digits"),
        ("imaps=user@mail.example.org", "give the host name alone"),
        ("imaps=mail.example.org/x", "give the host name alone"),
        ("imaps=https://mail.example.org", "give the host name alone"),
        ("imaps=" + "ü" * 100_000, "longer than 500"),
        ("imaps=mail\n.example\x1b.org", "letters, digits"),
        ("imaps=\u202email.example", "malformed"),
        ("imaps=\ud800.example", "malformed"),
        ("webmail=", "not an https URL"),
        ("webmail=webmail.example.org", "not an https URL"),
        ("webmail=http://webmail.example.org/", "not an https URL"),
        ("webmail=//webmail.example.org/", "not an https URL"),
        ("webmail=https:webmail.example.org", "not an https URL"),
        ("webmail=https:///path", "host name is missing"),
        ("webmail=https://:443/", "host name is missing"),
        ("webmail=https://me@webmail.example.org/", "user name or password"),
        ("webmail=https://me:secret@webmail.example.org/", "user name or password"),
        ("webmail=https://192.0.2.1/", "not an address"),
        ("webmail=https://[2001:db8::1]/", "not an address"),
        ("webmail=https://webmail.example.org:0/", "must be 1 to 65535"),
        ("webmail=https://webmail.example.org:65536/", "must be 1 to 65535"),
        ("webmail=https://webmail.example.org\\@evil.example/", "user name or password"),
        ("webmail=https://webmail.example.org\\x/", "letters, digits"),
        ("webmail=https://münchen.example/", "printable ASCII"),
        ("webmail=https://webmail.example.org/a b", "printable ASCII"),
        ("webmail=https://webmail.example.org/a\r\nHost:b", "printable ASCII"),
        ("webmail=https://webmail.example.org/" + "a" * 500, "longer than 500"),
    ],
)
def test_wrong_values(profile: str, text: str, why: str) -> None:
    line = refused(profile, text)
    assert line.startswith("--service '")
    assert why in line


def test_the_longest_url(profile: str) -> None:
    url = "https://webmail.example.org/".ljust(500, "a")
    assert plan(profile, f"webmail={url}").webmail == (url,)


def test_one_port_has_one_service(profile: str) -> None:
    assert "imaps is named at this host and port, too" in refused(profile, f"imaps={MAIL}", f"pop3s={MAIL}:993")


def test_no_more_than_a_plan_holds(profile: str) -> None:
    many = [f"imaps={MAIL}:{port}" for port in range(1, MOST_SERVICES + 1)]
    assert len(plan(profile, *many, *many).named) == MOST_SERVICES
    assert "more than 64 services" in refused(profile, *many, f"imaps={MAIL}:99")
    pages = [f"webmail=https://{MAIL}/{page}" for page in range(MOST_WEBMAIL)]
    assert len(plan(profile, *pages).webmail or ()) == MOST_WEBMAIL
    assert "more than 16 webmail addresses" in refused(profile, *pages, f"webmail=https://{MAIL}/more")


@pytest.mark.parametrize(("text", "kind"), [(f"imaps={MAIL}", "imaps"), (f"webmail=https://{MAIL}/", "webmail")])
def test_a_service_that_the_profile_does_not_look_at(text: str, kind: str) -> None:
    line = refused("inbound-dane", text)
    assert line.startswith(f"--service '{text}': profile inbound-dane does not look at {kind}; ")


def test_only_the_kinds_of_the_profile(tmp_path: Path) -> None:
    file = tmp_path / "imaps.toml"
    file.write_text(
        'id = "only-imaps"\ntitle = "T"\nextends = "tr-03108-2.0"\n[plan]\nservices = ["imaps"]\n', encoding="utf-8"
    )
    assert len(plan(str(file), f"imaps={MAIL}").named) == 1
    assert "only-imaps does not look at imap;" in refused(str(file), f"imap={MAIL}")
    assert "only-imaps does not look at webmail;" in refused(str(file), f"webmail=https://{MAIL}/")


@pytest.mark.parametrize("key", ["domains", "target"])
def test_one_domain_only(profile: str, services: Path, key: str) -> None:
    services.write_text("webmail = []", encoding="utf-8")
    two, one = ["a.example", "b.example"], ["a.example", "A.EXAMPLE."]
    assert "--service takes one domain, not 2" in refused(profile, f"imaps={MAIL}", **{key: two})
    assert "--services takes one domain, not 2" in refused(profile, services=str(services), **{key: two})
    assert plan(profile, f"imaps={MAIL}", **{key: one}).named == (ServicePlace("imaps", MAIL, 993),)
    assert plan(profile, **{key: two}).named == ()


# ---------------------------------------------------------------------------------------------------------------- file


def test_a_file(profile: str, services: Path) -> None:
    services.write_text(
        'webmail = ["https://Webmail.example.org"]\n'
        '[[service]]\nservice = "imaps"\nhost = "Mail.example.org."\nport = 10993\nprotocol = "imap"\n'
        '[[service]]\nservice = "submission"\nhost = "münchen.example"\nprotocol = "smtp"\n'
        '[[service]]\nservice = "sieve"\nhost = "mail.example.org"\nprotocol = "sieve"\n',
        encoding="utf-8",
    )
    found = plan(profile, services=str(services))
    assert found.webmail == ("https://webmail.example.org/",)
    assert found.named == (
        ServicePlace("imaps", MAIL, 10993),
        ServicePlace("submission", "xn--mnchen-3ya.example", 587),
        ServicePlace("sieve", MAIL, 4190),
    )


def test_the_example(profile: str) -> None:
    found = plan(profile, services=str(room("profiles") / "examples" / "services.toml"))
    assert [place.kind for place in found.named] == ["submissions", "imaps", "sieve"]
    assert found.webmail == ("https://webmail.example.org/",)


def test_file_and_options_add_up(profile: str, services: Path) -> None:
    services.write_text(
        f'webmail = ["https://a.example/"]\nservice = [{{service = "imaps", host = "{MAIL}"}}]', encoding="utf-8"
    )
    options = [f"pop3s={MAIL}", f"imaps={MAIL}:993", "webmail=https://b.example/"]
    settings = read_settings({"profile": profile, "services": str(services), "service": options}, AUDIT)
    assert [place.kind for place in settings.plan.named] == ["imaps", "pop3s"]
    assert settings.plan.webmail == ("https://a.example/", "https://b.example/")
    assert settings.options["service"] == options
    assert settings.options["services"] == str(services)


@pytest.mark.parametrize(("text", "webmail"), [("", None), ("service = []", None), ("webmail = []", ())])
def test_no_webmail_is_not_nothing_said(
    profile: str, services: Path, text: str, webmail: tuple[str, ...] | None
) -> None:
    services.write_text(text, encoding="utf-8")
    assert plan(profile, services=str(services)).webmail == webmail


def test_webmail_that_is_said_not_to_be(profile: str, services: Path) -> None:
    services.write_text("webmail = []", encoding="utf-8")
    assert "services.toml says that there is no webmail" in refused(
        profile, "webmail=https://a.example/", services=str(services)
    )


GOOD = '[[service]]\nservice = "imaps"\nhost = "mail.example.org"\n'


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("[[service]", 1, "not valid TOML"),
        ("# one\n" + GOOD + "domain = 'example.org'", 5, 'unknown key "domain"'),
        ("web-mail = []", 1, 'unknown key "web-mail" in the file; did you mean "webmail"?'),
        (GOOD + "prot = 993", 4, 'unknown key "prot" in [service]; did you mean "port"?'),
        ("[service]\nservice = 'imaps'", 1, "an array of tables"),
        ("[[service]]\nhost = 'a.example'", 1, '"service" is missing'),
        ("[[service]]\nservice = 'imaps'", 1, '"host" is missing'),
        (GOOD + "[[service]]\nhost = 'a.example'\nservice = 'impas'", 6, 'unknown service "impas"; did you mean "imap'),
        (GOOD.replace("imaps", "smtp"), 2, "MX records"),
        (GOOD.replace("imaps", "https"), 2, 'write webmail = ["https://HOST/"]'),
        (GOOD.replace("imaps", "webmail"), 2, 'write webmail = ["https://HOST/"]'),
        (GOOD.replace("mail.", "mail..") + "port = 993", 3, "label is empty"),
        (GOOD.replace("mail.example.org", " "), 3, '"host" in [service] is empty'),
        (GOOD.replace("mail.example.org", "mail.example.org:993"), 3, 'the port stands in "port"'),
        (GOOD.replace("mail.example.org", "2001:db8::1"), 3, "not an address"),
        (GOOD.replace("mail.example.org", "192.0.2.1"), 3, "not an address"),
        (GOOD.replace("mail.example.org", "https://a.example"), 3, "give the host name alone"),
        (GOOD + "port = 0", 4, '"port" is 0, must be between 1 and 65535'),
        (GOOD + "port = '993'", 4, "a whole number"),
        (GOOD + "port = true", 4, "a whole number"),
        (GOOD + "protocol = 'imaps'", 4, '"protocol" is "imaps", but imaps speaks "imap"'),
        (GOOD + "protocol = 1", 4, "a string"),
        ("webmail = 'https://a.example/'", 1, "an array of strings"),
        ("webmail = [1]", 1, "an array of strings"),
        ("webmail = [\n'https://a.example/',\n'http://b.example/']", 3, 'webmail "http://b.example/": not an https'),
        ("webmail = ['https://a.example/', 'https://a.example/']", 1, "stands twice"),
        ("webmail = ['https://a.example/\\u000a']".replace("'", '"'), 1, "printable ASCII"),
        (GOOD * (MOST_SERVICES + 1), 3 * MOST_SERVICES + 1, "more than 64 services"),
        (f"webmail = {[f'https://{n}.example/' for n in range(17)]}", 1, "more than 16 webmail addresses"),
        (GOOD + GOOD.replace("imaps", "pop3s") + "port = 993", 5, "imaps is named at this host and port, too"),
    ],
)
def test_mistakes_in_a_file(profile: str, services: Path, text: str, line: int, why: str) -> None:
    services.write_text(text, encoding="utf-8")
    message = refused(profile, services=str(services))
    assert message.startswith(f"{services}:{line}: ")
    assert why in message


def test_a_file_that_names_what_the_profile_does_not_look_at(services: Path) -> None:
    services.write_text(GOOD, encoding="utf-8")
    line = refused("inbound-dane", services=str(services))
    assert line.startswith(f"{services}:2: profile inbound-dane does not look at imaps; ")
    services.write_text("webmail = [\n'https://a.example/']", encoding="utf-8")
    assert f"{services}:2: webmail" in refused("inbound-dane", services=str(services))
    services.write_text("webmail = []", encoding="utf-8")  # there is none: nothing to look at
    assert plan("inbound-dane", services=str(services)).webmail == ()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "no such file"),
        (b"\xff\xfe", "not UTF-8"),
        (b"# one\n" + b"#" * (1 << 20), "larger than 1048576 bytes"),
        (b"webmail = " + b"[" * 100_000, "not valid TOML"),
    ],
)
def test_no_file_of_ours(profile: str, services: Path, content: bytes | None, why: str) -> None:
    if content is not None:
        services.write_bytes(content)
    assert why in refused(profile, services=str(services))


def test_a_folder_is_no_file(profile: str, tmp_path: Path) -> None:
    assert "no such file" in refused(profile, services=str(tmp_path))
