"""Microsoft Autodiscover, against MS-OXDSCLI, and the answers of its version with JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring

from tr03108.wire import autodiscover
from tr03108.wire.autodiscover import CONTENT_TYPE, MAXIMUM_SETTINGS, parse, parse_json
from tr03108.wire.client_configuration import Document, NotADocument, Security, Setting

SCHEMAS = "http://schemas.microsoft.com/exchange/autodiscover/"
ENVELOPE = f"{SCHEMAS}responseschema/2006"
OUTLOOK = f"{SCHEMAS}outlook/responseschema/2006a"


def response(inner: str, schema: str = OUTLOOK) -> bytes:
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<Autodiscover xmlns="{ENVELOPE}">'
        f'<Response xmlns="{schema}">{inner}</Response></Autodiscover>'
    ).encode()


def account(*parts: str, action: str = "<Action>settings</Action>") -> bytes:
    user = "<User><DisplayName>Postmaster</DisplayName></User>"
    return response(f"{user}<Account><AccountType>email</AccountType>{action}{''.join(parts)}</Account>")


def protocol(kind: str, server: str = "mail.example.org", port: str = "993", more: str = "") -> str:
    inner = f"<Type>{kind}</Type><Server>{server}</Server><Port>{port}</Port>{more}<LoginName>x</LoginName>"
    return f"<Protocol>{inner}</Protocol>"


IMAP = protocol("IMAP", more="<SSL>on</SSL>")


def only(*parts: str) -> Setting:
    settings = parse(account(*parts)).settings
    assert len(settings) == 1
    return settings[0]


def test_the_places_of_a_domain() -> None:
    path = "autodiscover/autodiscover.xml"
    assert autodiscover.urls("example.org") == (
        f"https://example.org/{path}",
        f"https://autodiscover.example.org/{path}",
    )
    assert autodiscover.redirect_url("example.org") == f"http://autodiscover.example.org/{path}"
    assert autodiscover.srv_url("ex.example.net", 443) == f"https://ex.example.net/{path}"
    assert autodiscover.srv_url("ex.example.net", 8443) == f"https://ex.example.net:8443/{path}"
    assert autodiscover.json_url("example.org") == (
        "https://autodiscover.example.org/autodiscover/autodiscover.json/v1.0/postmaster@example.org"
        "?Protocol=AutodiscoverV1"
    )


@pytest.mark.parametrize("address", ["postmaster@example.org", "a&b<c>@example.org"])
def test_the_request_asks_for_the_settings_of_an_address(address: str) -> None:
    root = fromstring(autodiscover.request(address), forbid_dtd=True)
    schema = f"{SCHEMAS}outlook/requestschema/2006"
    assert root.tag == f"{{{schema}}}Autodiscover"
    (inner,) = root
    assert inner.tag == f"{{{schema}}}Request"
    assert [(child.tag, child.text) for child in inner] == [
        (f"{{{schema}}}EMailAddress", address),
        (f"{{{schema}}}AcceptableResponseSchema", OUTLOOK),
    ]
    assert CONTENT_TYPE == "text/xml; charset=utf-8"


def test_protocols_are_read_in_the_order_of_the_document() -> None:
    found = parse(
        account(
            protocol("POP3", "pop.example.org", "995"),
            protocol("SMTP", "Smtp.Example.org.", "465"),
            protocol("imap", "imap.example.org", "143", "<Encryption>TLS</Encryption>"),
            protocol("SMTP", "192.0.2.1", "0", "<SSL>off</SSL>"),
        )
    )
    assert [(one.family, one.host, one.port, one.security) for one in found.settings] == [
        ("pop3", "pop.example.org", 995, Security.IMPLICIT),
        ("submission", "smtp.example.org", 465, Security.IMPLICIT),
        ("imap", "imap.example.org", 143, Security.STARTTLS),
        ("submission", "", None, Security.PLAIN),
    ]
    assert (found.url, found.address, found.foreign) == ("", "", False)


@pytest.mark.parametrize(
    ("more", "security"),
    [
        ("", Security.IMPLICIT),
        ("<SSL/>", Security.IMPLICIT),
        ("<SSL>on</SSL>", Security.IMPLICIT),
        ("<SSL> On\n</SSL>", Security.IMPLICIT),
        ("<SSL>off</SSL>", Security.PLAIN),
        ("<SSL>OFF</SSL>", Security.PLAIN),
        ("<SSL>true</SSL>", Security.UNKNOWN),
        ("<Encryption>SSL</Encryption>", Security.IMPLICIT),
        ("<Encryption>ssl</Encryption>", Security.IMPLICIT),
        ("<Encryption>TLS</Encryption>", Security.STARTTLS),
        ("<Encryption>None</Encryption>", Security.PLAIN),
        ("<Encryption>Auto</Encryption>", Security.PLAIN),
        ("<Encryption>STARTTLS</Encryption>", Security.UNKNOWN),
        ("<Encryption/><SSL>off</SSL>", Security.PLAIN),
        ("<Encryption>SSL</Encryption><SSL>off</SSL>", Security.IMPLICIT),
        ("<SSL>on</SSL><Encryption>TLS</Encryption>", Security.STARTTLS),
        ("<SSL>on</SSL><Encryption>None</Encryption>", Security.PLAIN),
        ("<SSL>on</SSL><Encryption>Auto</Encryption>", Security.PLAIN),
        ("<SSL>on</SSL><Encryption>x</Encryption>", Security.UNKNOWN),
    ],
)
def test_how_a_connection_is_protected(more: str, security: Security) -> None:
    assert only(protocol("IMAP", more=more)).security is security


def test_the_port_does_not_change_how_a_connection_is_protected() -> None:
    assert only(protocol("SMTP", port="587", more="<SSL>on</SSL>")).security is Security.IMPLICIT


def test_a_setting_is_shown_in_the_words_of_the_document() -> None:
    more = "<SSL>On</SSL><SPA>off</SPA><Encryption>TLS</Encryption>"
    assert only(protocol("Imap", "Mail.Example.org", "x", more)).text == (
        "Imap: Server Mail.Example.org, Port x, SSL On, Encryption TLS"
    )
    assert only("<Protocol><Type>POP3</Type></Protocol>").text == "POP3: Server , Port "
    assert len(only(protocol("IMAP", "m\u00fcller" * 100)).text) == 200


@pytest.mark.parametrize(
    "other",
    [
        *(protocol(kind) for kind in ("EXCH", "EXPR", "EXHTTP", "WEB", "MobileSync", "DAV", "")),
        "<Protocol Type='mapiHttp' Version='1'><MailStore/></Protocol>",
        f"<Protocol><Type>WEB</Type><Internal>{IMAP}</Internal></Protocol>",
        protocol("\u017fMTP"),  # a long s is no s
    ],
)
def test_other_protocols_are_passed_over(other: str) -> None:
    assert parse(account(other)) == Document((), foreign=True)
    mixed = parse(account(other, IMAP))
    assert [one.family for one in mixed.settings] == ["imap"]
    assert not mixed.foreign


def test_more_settings_than_anybody_offers() -> None:
    """What is not read would count as seen: all are read, or the document is none."""
    many = [protocol("IMAP", f"imap{number}.example.org") for number in range(MAXIMUM_SETTINGS + 1)]
    settings = parse(account(protocol("EXCH"), *many[1:])).settings
    assert [one.host for one in settings] == [f"imap{number}.example.org" for number in range(1, 41)]
    with pytest.raises(NotADocument, match="more than 40 settings"):
        parse(account(protocol("EXCH"), *many))


@pytest.mark.parametrize("action", ["<Action>settings</Action>", "<Action> Settings </Action>", "", "<Action/>"])
def test_actions_that_mean_settings(action: str) -> None:
    assert [one.family for one in parse(account(IMAP, action=action)).settings] == ["imap"]


def test_the_first_action_decides() -> None:
    redirect = "<RedirectUrl>https://b.example/</RedirectUrl>"
    both = "<Action>settings</Action>", "<Action>redirectUrl</Action>"
    assert parse(account(IMAP, redirect, action="".join(both))).url == ""
    assert parse(account(IMAP, redirect, action="".join(reversed(both)))) == Document((), url="https://b.example/")


@pytest.mark.parametrize("action", ["redirectUrl", "RedirectURL", " redirecturl\n"])
def test_redirects_to_a_url(action: str) -> None:
    url = " https://Ex.Example.net:443/autodiscover/autodiscover.xml?a&amp;b#c\n"
    found = parse(account(f"<RedirectUrl>{url}</RedirectUrl>", action=f"<Action>{action}</Action>"))
    assert found == Document((), url="https://ex.example.net/autodiscover/autodiscover.xml?a&b")


@pytest.mark.parametrize(
    "url", ["", "http://b.example/", "ftp://b.example/", "https://u@b.example/", "https://192.0.2.1/"]
)
def test_redirects_to_no_https_url(url: str) -> None:
    with pytest.raises(NotADocument, match="no https URL"):
        parse(account(f"<RedirectUrl>{url}</RedirectUrl>", action="<Action>redirectUrl</Action>"))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" a.b+c@Example.ORG ", "a.b+c@example.org"),
        ("postmaster@m\u00fcller.example", "postmaster@xn--mller-kva.example"),
    ],
)
@pytest.mark.parametrize("action", ["redirectAddr", "RedirectAddr"])
def test_redirects_to_an_address(text: str, address: str, action: str) -> None:
    found = parse(account(f"<RedirectAddr>{text}</RedirectAddr>", action=f"<Action>{action}</Action>"))
    assert found == Document((), address=address)


@pytest.mark.parametrize(
    "text", ["", "example.org", "@example.org", "a@", "a@b@example.org", "a b@example.org", "\u00fc@example.org",
             "a@192.0.2.1", "a@exa mple.org", "a" * 65 + "@example.org", "a@" + "b" * 300]
)  # fmt: skip
def test_redirects_to_no_address(text: str) -> None:
    with pytest.raises(NotADocument, match="no mail address"):
        parse(account(f"<RedirectAddr>{text}</RedirectAddr>", action="<Action>redirectAddr</Action>"))


@pytest.mark.parametrize("schema", [ENVELOPE, OUTLOOK, ""])
@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("<ErrorCode>600</ErrorCode>", "reports an error, code 600"),
        ("<ErrorCode>600 Invalid</ErrorCode>", "reports an error"),
        ("<ErrorCode>" + "6" * 11 + "</ErrorCode>", "reports an error"),
        ("", "reports an error"),
    ],
)
def test_an_error_of_the_server_is_no_document(code: str, shown: str, schema: str) -> None:
    error = f'<Error Time="09:00:00" Id="1">{code}<Message>Secret</Message><DebugData/></Error>'
    with pytest.raises(NotADocument) as refused:
        parse(response(error, schema))
    assert str(refused.value) == f"the server {shown}"


def test_an_answer_for_activesync_is_foreign() -> None:
    inner = "<Culture>en:us</Culture><Action><Settings><Server><Type>MobileSync</Type></Server></Settings></Action>"
    assert parse(response(inner, f"{SCHEMAS}mobilesync/responseschema/2006")) == Document((), foreign=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<Autodiscover xmlns=", '<Autodiscover xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns='),
        ("<Account>", '<Account xmlns="urn:x">'),
        ("</Autodiscover>", "<Response/></Autodiscover>"),
        ("</Account>", "</Account><Account><Action>redirectUrl</Action></Account>"),
        ('<?xml version="1.0" encoding="utf-8"?>\n', ""),
    ],
)
def test_documents_that_clients_read(before: str, after: str) -> None:
    text = account(IMAP).decode()
    assert before in text
    assert parse(text.replace(before, after, 1).encode()) == parse(account(IMAP))


def test_prefixes_stand_for_their_schema() -> None:
    text = account(IMAP).decode().replace("<Autodiscover xmlns=", "<a:Autodiscover xmlns:a=")
    assert parse(text.replace("</Autodiscover>", "</a:Autodiscover>").encode()) == parse(account(IMAP))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "well-formed"),
        (b'{"Protocol":"AutodiscoverV1"}', "well-formed"),
        (b"<!DOCTYPE html><html></html>", "document type"),
        (b"<html/>", "root element"),
        (b"<Autodiscover/>", "root element"),
        (account(IMAP).replace(b'/responseschema/2006"', b'/responseschema/2007"', 1), "root element"),
        (account(IMAP).replace(ENVELOPE.encode() + b'"', OUTLOOK.encode() + b'"', 1), "root element"),
        (f'<Autodiscover xmlns="{ENVELOPE}"/>'.encode(), "no Response"),
        (account(IMAP).replace(b"2006a", b"2006b"), "Response is not of"),
        (response("<Account/>", ENVELOPE), "Response is not of"),
        (response("<User/>"), "no Account"),
        (account(IMAP, action="<Action>mailbox</Action>"), "neither settings nor a redirect"),
        (account(), "names no server"),
        (account(IMAP.replace("Protocol", "Service")), "names no server"),
    ],
)
def test_what_is_no_document(body: bytes, why: str) -> None:
    with pytest.raises(NotADocument, match=why):
        parse(body)


def test_an_answer_with_json_names_the_place_of_the_other() -> None:
    url = "https://ex.example.net/autodiscover/autodiscover.xml"
    assert parse_json(json.dumps({"Protocol": "AutodiscoverV1", "Url": url}).encode()) == url


@pytest.mark.parametrize(
    "answer",
    [
        {"ErrorCode": "UserNotFound", "ErrorMessage": "x"},
        {"Protocol": "AutodiscoverV1"},
        {"Protocol": "AutodiscoverV1", "Url": None},
        {"Protocol": "AutodiscoverV1", "Url": ["https://a.example/"]},
        {"Protocol": "AutodiscoverV1", "Url": "http://a.example/"},
        {"Protocol": "AutodiscoverV1", "Url": "\ud800"},
        {"Protocol": "AutodiscoverV1", "Url": "https://a.example/\ud800"},
        {"Protocol": 1, "Url": "https://a.example/"},
        {"Url": "https://a.example/"},
        ["Protocol", "Url"],
        "https://a.example/",
        None,
    ],
)
def test_other_json_is_no_answer(answer: Any) -> None:
    assert parse_json(json.dumps(answer).encode()) is None


@pytest.mark.parametrize(
    "body", [b"", b"<x/>", b"\xff", b"\xff\xfe\x00", b"[" * 65536, b'{"a":' * 10000, b"1" * 65536, b"{}{}"]
)
def test_what_is_no_json_is_no_answer(body: bytes) -> None:
    assert parse_json(body) is None
