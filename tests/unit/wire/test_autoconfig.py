"""Mozilla Autoconfig, against draft-ietf-mailmaint-autoconfig and what Thunderbird reads."""

from __future__ import annotations

import pytest

from tr03108.wire.autoconfig import MAXIMUM_SETTINGS, parse, plain_urls, urls
from tr03108.wire.client_configuration import Document, NotADocument, Security, Setting

DOMAIN = "example.org"


def server(kind: str, host: str, port: str, way: str, element: str = "incomingServer") -> str:
    return (
        f'<{element} type="{kind}"><hostname>{host}</hostname><port>{port}</port><socketType>{way}</socketType>'
        f"<username>%EMAILADDRESS%</username><authentication>password-cleartext</authentication></{element}>"
    )


def outgoing(host: str, port: str, way: str) -> str:
    return server("smtp", host, port, way, "outgoingServer")


def document(*servers: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<clientConfig version="1.1"><emailProvider id="{DOMAIN}">'
        f"<domain>{DOMAIN}</domain><displayName>Ex&amp;mple</displayName>{''.join(servers)}</emailProvider></clientConfig>"
    ).encode()


IMAPS = server("imap", "imap.example.org", "993", "SSL")


def only(*servers: str) -> Setting:
    settings = parse(document(*servers), DOMAIN).settings
    assert len(settings) == 1
    return settings[0]


def test_the_places_of_a_domain() -> None:
    query = "/mail/config-v1.1.xml?emailaddress=postmaster%40example.org"
    known = "/.well-known/autoconfig/mail/config-v1.1.xml"
    assert urls(DOMAIN) == (f"https://autoconfig.example.org{query}", f"https://example.org{known}")
    assert plain_urls(DOMAIN) == (f"http://autoconfig.example.org{query}", f"http://example.org{known}")


def test_servers_are_read_in_the_order_of_the_document() -> None:
    found = parse(
        document(
            server("pop3", "pop.example.org", "995", "SSL"),
            outgoing("smtp.example.org", "465", "SSL"),
            server("imap", "Imap.Example.org", "143", "STARTTLS"),
            outgoing("smtp.example.org", "25", "plain"),
        ),
        DOMAIN,
    )
    assert [(one.family, one.host, one.port, one.security) for one in found.settings] == [
        ("pop3", "pop.example.org", 995, Security.IMPLICIT),
        ("submission", "smtp.example.org", 465, Security.IMPLICIT),
        ("imap", "imap.example.org", 143, Security.STARTTLS),
        ("submission", "smtp.example.org", 25, Security.PLAIN),
    ]
    assert (found.url, found.address, found.foreign) == ("", "", False)


def test_a_setting_is_shown_in_the_words_of_the_document() -> None:
    assert only(server("imap", "Imap.Example.org", "0993", "SSL")).text == (
        "incomingServer imap: hostname Imap.Example.org, port 0993, socketType SSL"
    )
    assert only(server("imap", "m\u00fcller.example\x85", "x" * 500, "SSL")).text == (
        "incomingServer imap: hostname m?ller.example, port " + "x" * 149
    )


@pytest.mark.parametrize(
    ("way", "security"),
    [
        ("SSL", Security.IMPLICIT),
        ("\n  SSL\t", Security.IMPLICIT),
        ("<![CDATA[SSL]]>", Security.IMPLICIT),
        ("S<!-- -->SL", Security.IMPLICIT),
        ("STARTTLS", Security.STARTTLS),
        ("plain", Security.PLAIN),
        ("ssl", Security.UNKNOWN),
        ("starttls", Security.UNKNOWN),
        ("TLS", Security.UNKNOWN),
        ("", Security.UNKNOWN),
        ("<x>SSL</x>", Security.UNKNOWN),
        ("TLS</socketType><socketType>STARTTLS</socketType><socketType>SSL", Security.STARTTLS),
        ("plain</socketType><socketType>SSL", Security.PLAIN),
        ("SSL</socketType><socketType>plain", Security.IMPLICIT),
    ],
)
def test_how_a_connection_is_protected(way: str, security: Security) -> None:
    assert only(server("imap", "imap.example.org", "993", way)).security is security


def test_what_a_server_leaves_out_is_not_made_up() -> None:
    assert only('<incomingServer type="imap"/>') == Setting(
        "imap", "", None, Security.UNKNOWN, "incomingServer imap: hostname , port , socketType missing"
    )


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("mail.%EMAILDOMAIN%", "mail.example.org"),
        ("%EMAILLOCALPART%.example.net", "postmaster.example.net"),
        ("%EMAILADDRESS%", ""),
        ("mail.%emaildomain%", ""),
        (" mail.example.net\n", "mail.example.net"),
        ("mail.example.net</hostname><hostname>other.example.net", "mail.example.net"),
        ("192.0.2.1", ""),
        ("mail_1.example.net", ""),
        ("m\u00fcller.example", "xn--mller-kva.example"),
    ],
)
def test_host_names_and_their_placeholders(text: str, host: str) -> None:
    assert only(server("imap", text, "993", "SSL")).host == host


def test_an_address_for_a_placeholder_is_shown() -> None:
    assert "hostname postmaster@example.org," in only(server("imap", "%EMAILADDRESS%", "993", "SSL")).text


@pytest.mark.parametrize(("text", "port"), [(" 993 ", 993), ("0", None), ("65536", None), ("imaps", None), ("", None)])
def test_ports(text: str, port: int | None) -> None:
    assert only(server("imap", "imap.example.org", text, "SSL")).port == port


@pytest.mark.parametrize(
    "other",
    [
        server("exchange", "ex.example.org", "443", "SSL"),
        server("jmap", "jmap.example.org", "443", "SSL"),
        server("IMAP", "imap.example.org", "993", "SSL"),
        server("smtp", "smtp.example.org", "465", "SSL"),  # an incoming server
        server("imap", "imap.example.org", "993", "SSL", "outgoingServer"),
        "<incomingServer><hostname>imap.example.org</hostname></incomingServer>",
    ],
)
def test_servers_of_other_protocols_are_passed_over(other: str) -> None:
    assert parse(document(other), DOMAIN) == Document((), foreign=True)
    mixed = parse(document(other, IMAPS), DOMAIN)
    assert [(one.family, one.host) for one in mixed.settings] == [("imap", "imap.example.org")]
    assert not mixed.foreign


def test_more_settings_than_anybody_offers() -> None:
    """What is not read would count as seen: all are read, or the document is none."""
    others = [server("exchange", "ex.example.org", "443", "SSL")] * 5
    many = [server("imap", f"imap{number}.example.org", "993", "SSL") for number in range(MAXIMUM_SETTINGS + 1)]
    settings = parse(document(*others, *many[1:]), DOMAIN).settings
    assert [one.host for one in settings] == [f"imap{number}.example.org" for number in range(1, 41)]
    with pytest.raises(NotADocument, match="more than 40 settings"):
        parse(document(*many), DOMAIN)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('version="1.1"', 'version="1.2"'),
        (' version="1.1"', ""),
        ('version="1.1"', 'version="1.1" xmlns="urn:x"'),
        ("<emailProvider", "<clientConfigUpdate/><emailProvider"),
        ("<incomingServer", "<x:new xmlns:x='urn:x'><incomingServer type='pop3'/></x:new><incomingServer"),
        ("</clientConfig>", "<emailProvider><incomingServer type='pop3'/></emailProvider></clientConfig>"),
        ("</clientConfig>", "<incomingServer type='pop3'/></clientConfig>"),
        ('<?xml version="1.0" encoding="UTF-8"?>\n', ""),
        ('<?xml version="1.0" encoding="UTF-8"?>', "<?xml version='1.0' standalone='yes'?><?x y?><!-- z -->"),
        ('encoding="UTF-8"', "encoding = 'iso-8859-1'"),
        ('encoding="UTF-8"', 'encoding="utf8"'),
        ("<?xml", "\ufeff<?xml"),
    ],
)
def test_documents_that_clients_read(before: str, after: str) -> None:
    text = document(IMAPS).decode()
    assert before in text
    assert parse(text.replace(before, after, 1).encode(), DOMAIN) == parse(document(IMAPS), DOMAIN)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_documents_in_utf_16(encoding: str) -> None:
    text = document(IMAPS).decode().replace("UTF-8", "UTF-16")
    assert parse(text.encode(encoding), DOMAIN) == parse(document(IMAPS), DOMAIN)


@pytest.mark.parametrize(
    ("name", "octets"),
    [("iso-8859-1", b"\xfc"), ("windows-1252", b"\xfc"), ("iso-8859-15", b"\xfc"), ("utf-8", b"\xc3\xbc")],
)
def test_the_declared_encoding_holds(name: str, octets: bytes) -> None:
    body = document(server("imap", "m*ller.example", "993", "SSL"))
    body = body.replace(b"UTF-8", name.encode()).replace(b"*", octets)
    assert parse(body, DOMAIN).settings[0].host == "xn--mller-kva.example"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "well-formed"),
        (b"OK", "well-formed"),
        (b"<!-- -->", "well-formed"),
        (document(IMAPS)[:-1], "well-formed"),
        (document(IMAPS) + b"<x/>", "well-formed"),
        (b" " + document(IMAPS), "well-formed"),
        (document(IMAPS).replace(b"&amp;", b"&nbsp;"), "well-formed"),
        (document(IMAPS).replace(b"<domain>", b"<x:domain>"), "well-formed"),
        (document(IMAPS).replace(b"993", b"&#0;"), "well-formed"),
        (document(IMAPS).replace(b"993", b"\xff"), "octets do not fit"),
        (document(IMAPS).replace(b"UTF-8", b"us-ascii").replace(b"993", b"\xc3\xbc"), "octets do not fit"),
        (document(IMAPS).replace(b"UTF-8", b"UTF-7"), "encoding"),
        (document(IMAPS).replace(b"UTF-8", b"UTF-16"), "encoding"),
        (document(IMAPS).replace(b"UTF-8", b""), "encoding"),
        (b"<!DOCTYPE html><html><body>Welcome</body></html>", "document type"),
        (document(IMAPS).replace(b"\n", b"\n<!DOCTYPE clientConfig>"), "document type"),
        (b"<html><body>Welcome</body></html>", "root element is not clientConfig"),
        (b"<ClientConfig/>", "root element is not clientConfig"),
        (b"<x><clientConfig/></x>", "root element is not clientConfig"),
        (b"<clientConfig version='1.1'/>", "no emailProvider"),
        (b"<clientConfig version='1.1'><incomingServer type='imap'/></clientConfig>", "no emailProvider"),
        (document(), "names no server"),
        (document(IMAPS.replace("incomingServer", "webMail")), "names no server"),
    ],
)
def test_what_is_no_document(body: bytes, why: str) -> None:
    with pytest.raises(NotADocument, match=why):
        parse(body, DOMAIN)
