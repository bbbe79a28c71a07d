"""Documents for mail clients that mean harm: they are refused with a reason of ours, or read within bounds."""

from __future__ import annotations

import codecs
import contextlib
import re
import tracemalloc
from collections.abc import Callable
from encodings.aliases import aliases
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tr03108.wire import autoconfig, autodiscover, markup, web_address
from tr03108.wire.client_configuration import FAMILIES, Document, NotADocument
from tr03108.wire.host_name import host_name
from unit.wire import test_autoconfig, test_autodiscover

BODY = 65536  # octets: what the caller keeps of a body
READERS: dict[str, Callable[[bytes], Document]] = {
    "autoconfig": lambda body: autoconfig.parse(body, "example.org"),
    "autodiscover": autodiscover.parse,
}
VALID = {
    "autoconfig": test_autoconfig.document(test_autoconfig.IMAPS, test_autoconfig.outgoing("a.example", "465", "SSL")),
    "autodiscover": test_autodiscover.account(test_autodiscover.IMAP, test_autodiscover.protocol("SMTP")),
}
REASON = re.compile(r"[A-Za-z0-9 ,./-]{10,100}\Z")
both = pytest.mark.parametrize("form", READERS)


def outcome(form: str, body: bytes) -> Document | str:
    """The document, held to its bounds, or the reason why it is none."""
    try:
        document = READERS[form](body)
    except NotADocument as refused:
        assert REASON.match(str(refused))
        return str(refused)
    assert len(document.settings) <= 40
    assert document.settings or document.url or document.address or document.foreign
    for setting in document.settings:
        assert setting.family in FAMILIES
        assert setting.host == host_name(setting.host)
        assert setting.port is None or 1 <= setting.port <= 65535
        assert len(setting.text) <= 200
        assert re.fullmatch(r"[\x20-\x7e]+", setting.text)
    return document


def with_document_type(form: str, declaration: str, reference: str = "") -> bytes:
    """The valid document with a document type, and a reference in place of the port."""
    head, _, rest = VALID[form].decode().partition("\n")
    return f"{head}\n<!DOCTYPE x {declaration}>{rest}".replace("993", reference or "993").encode()


LAUGHS = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))


@both
@pytest.mark.parametrize(
    ("declaration", "reference"),
    [
        (f'[<!ENTITY a0 "ha">{LAUGHS}]', "&a9;"),
        (f'[<!ENTITY a "{"x" * 30000}">]', "&a;" * 10000),
        ('[<!ENTITY a SYSTEM "file:///etc/passwd">]', "&a;"),
        ('[<!ENTITY a PUBLIC "x" "http://127.0.0.1/x">]', "&a;"),
        ('[<!ENTITY % a SYSTEM "http://127.0.0.1/x"> %a;]', ""),
        ("[<!ENTITY % a \"<!ENTITY b '993'>\"> %a;]", "&b;"),
        ('SYSTEM "http://127.0.0.1/x.dtd"', ""),
        ('PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://127.0.0.1/x.dtd"', "&nbsp;"),
        ('[<!ENTITY a "993">]', "&a;"),
        ('[<!ENTITY a "&a;">]', "&a;"),
        ('[<!ENTITY a SYSTEM "x" NDATA gif><!NOTATION gif SYSTEM "x">]', ""),
        ('[<!ATTLIST incomingServer type CDATA "imap">]', ""),
        ("[]", ""),
        ("", ""),
    ],
)
def test_document_types_are_refused(form: str, declaration: str, reference: str) -> None:
    assert outcome(form, with_document_type(form, declaration, reference)) == "it has a document type declaration"


@both
def test_an_external_entity_is_not_opened(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    secret.write_text("993")
    opened: list[object] = []
    monkeypatch.setattr("builtins.open", lambda *arguments, **_: opened.append(arguments))
    body = with_document_type(form, f'[<!ENTITY a SYSTEM "{secret.as_uri()}">]', "&a;")
    assert outcome(form, body) == "it has a document type declaration"
    assert not opened


@both
@pytest.mark.parametrize("start", ["<x", "<x xmlns='urn:x'", "<x><y/></x"], ids=["bare", "namespace", "closed"])
def test_deep_and_wide_documents_are_refused(form: str, start: str) -> None:
    body = f"<r>{f'{start}>' * (BODY // (len(start) + 1))}"[:BODY].encode()
    said = outcome(form, body)
    assert isinstance(said, str)
    assert said == f"it has more than {markup.MAXIMUM_ELEMENTS} elements or {markup.MAXIMUM_DEPTH} levels"


def nested(levels: int) -> bytes:
    return b"<x>" * levels + b"</x>" * levels


def test_the_limits_are_where_they_are_said_to_be() -> None:
    assert markup.read(nested(markup.MAXIMUM_DEPTH)).name == "x"
    assert len(markup.read(b"<r>" + b"<x/>" * (markup.MAXIMUM_ELEMENTS - 1) + b"</r>").children) == 4999
    for body in (nested(markup.MAXIMUM_DEPTH + 1), b"<r>" + b"<x/>" * markup.MAXIMUM_ELEMENTS + b"</r>"):
        with pytest.raises(NotADocument, match="more than 5000 elements or 40 levels"):
            markup.read(body)


def filled(before: str, piece: str, after: str) -> bytes:
    """As many different pieces as a body holds; "#" in a piece is its number."""
    pieces, length = [], len(before) + len(after)
    while length + len(piece) + 5 < BODY:
        pieces.append(piece.replace("#", str(len(pieces))))
        length += len(pieces[-1])
    return f"{before}{''.join(pieces)}{after}".encode()


@both
@pytest.mark.parametrize(
    "body",
    [
        filled("<r a='", "x", "'/>"),
        filled("<r", " a#=''", "/>"),
        filled("<r", " xmlns:a#='urn:#'", "/>"),
        filled("<r ", "x", "='y'/>"),
        filled("<", "x", "/>"),
        filled("<r>", "&#65;", "</r>"),
        filled("<r>", "&lt;", "</r>"),
        filled("<r>", "x<!---->", "</r>"),
        filled("<r>", "<?x y?>", "</r>"),
        filled("<r><![CDATA[", "]]", "]]></r>"),
        filled("<!--", "-x", "--><r/>"),
        filled("<?xml version='1.0' ", " ", "encoding='utf-8'?><r/>"),
        filled("<?xml version='1.0' encoding='", "x", "'?><r/>"),
        filled("<?xml", " encoding=", "?><r/>"),
        filled("<r>", "\n", ""),
        filled("", "<", ""),
        filled("", "&", ""),
        b"\x00" * BODY,
        b"\xff" * BODY,
    ],
    ids=range(19),
)
def test_what_fills_a_body_costs_little(form: str, body: bytes) -> None:
    assert len(body) <= BODY
    tracemalloc.start()
    try:
        assert isinstance(outcome(form, body), str)
        assert tracemalloc.get_traced_memory()[1] < 16 * 1024 * 1024
    finally:
        tracemalloc.stop()


@both
def test_placeholders_that_fill_a_body_are_replaced_within_bounds(form: str) -> None:
    body = filled("", "%EMAILADDRESS%", "").decode()[:60000]
    said = outcome(form, VALID[form].replace(b"993", body.encode()).replace(b"a.example", body[:4000].encode()))
    assert isinstance(said, Document)


ENCODINGS = sorted({*aliases.values(), "utf-7", "undefined", "idna", "unicode_escape", "raw_unicode_escape", "x" * 40})


@both
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_declared_encoding_gets_to_a_decoder_of_ours(form: str, encoding: str) -> None:
    """Each that Python knows, declared by octets in ASCII, in UTF-16 and in itself; warnings are errors here."""
    text = VALID[form].decode()
    text = re.sub(r'encoding="[^"]*"', f'encoding="{encoding}"', text).replace("993", "\\x39\\q+AFw-")
    bodies = [text.encode(), text.encode("utf-16"), codecs.BOM_UTF8 + text.encode(), text.encode("utf-32")]
    with contextlib.suppress(LookupError, UnicodeError, TypeError):  # a codec for other things than text
        bodies.append(text.encode(encoding))
    for body in bodies:
        outcome(form, body)
    assert "declares an encoding" in str(outcome(form, text.encode()))


@both
@pytest.mark.parametrize("encoding", ["utf-7", "cp037", "utf-16", "utf-32", "shift_jis", "hz"])
def test_weird_encodings_in_truth(form: str, encoding: str) -> None:
    """A document type hides in none of them."""
    text = with_document_type(form, '[<!ENTITY a "x">]').decode()
    body = re.sub(r'encoding="[^"]*"', f'encoding="{encoding}"', text).encode(encoding)
    assert isinstance(outcome(form, body), str)


# Pieces of both formats, so that what is put together comes near to a document.
WORDS = st.sampled_from(
    [
        *("SSL", "STARTTLS", "plain", "on", "off", "TLS", "None", "Auto", "settings", "redirectUrl", "redirectAddr"),
        *("IMAP", "POP3", "SMTP", "EXCH", "imap", "smtp", "mail.example.org", "%EMAILDOMAIN%", "192.0.2.1", "993", "0"),
        *("https://a.example/", "http://a.example/", "a@b.example", "600", "m\u00fcller.example", "&lt;", ""),
    ]
)
NAMES = st.sampled_from(
    [
        *("clientConfig", "emailProvider", "incomingServer", "outgoingServer", "hostname", "port", "socketType"),
        *("Autodiscover", "Response", "Account", "Action", "Protocol", "Type", "Server", "Port", "SSL", "Encryption"),
        *("Error", "ErrorCode", "RedirectUrl", "RedirectAddr", "x"),
    ]
)
ATTRIBUTES = st.sampled_from(
    [
        *("", "", " type='imap'", " type='smtp'", " type='exchange'", " xmlns:x='urn:x'"),
        *(f" xmlns='{test_autodiscover.ENVELOPE}'", f" xmlns='{test_autodiscover.OUTLOOK}'"),
    ]
)


def wrapped(parts: tuple[str, str, list[str]]) -> str:
    name, attributes, inner = parts
    return f"<{name}{attributes}>{''.join(inner)}</{name}>"


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=8).map(escape)
VALUES = st.one_of(WORDS, WORDS, TEXTS, st.tuples(WORDS, TEXTS).map("".join))
SERVERS = st.builds(test_autoconfig.server, st.sampled_from(["imap", "pop3", "exchange"]), VALUES, VALUES, VALUES)
MORE = st.builds("<{0}>{1}</{0}>".format, st.sampled_from(["SSL", "Encryption", "Server"]), VALUES)
PROTOCOLS = st.builds(test_autodiscover.protocol, st.sampled_from(["IMAP", "SMTP", "EXCH"]), VALUES, VALUES, MORE)
TREES = st.recursive(
    st.one_of(VALUES, SERVERS, PROTOCOLS),
    lambda inner: st.tuples(NAMES, ATTRIBUTES, st.lists(inner, max_size=5)).map(wrapped),
    max_leaves=20,
)


@both
@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=300))
def test_octets_without_sense(form: str, body: bytes) -> None:
    assert isinstance(outcome(form, body), str)


@both
@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_documents_with_a_piece_changed(form: str, data: st.DataObject) -> None:
    body = VALID[form]
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 40)))
    piece = st.binary(max_size=12) | TREES.map(lambda tree: tree.encode("utf-8", "surrogatepass"))
    outcome(form, body[:start] + data.draw(piece) + body[end:])


@both
@settings(max_examples=400, deadline=None)
@given(inner=st.lists(TREES, max_size=6))
def test_documents_of_odd_pieces(form: str, inner: list[str]) -> None:
    text = "".join(inner)
    if form == "autoconfig":
        outcome(form, test_autoconfig.document(text))
    else:
        outcome(form, test_autodiscover.account(text))
        outcome(form, test_autodiscover.account(text, action=""))


@settings(max_examples=400, deadline=None)
@given(url=st.text(max_size=40) | st.from_regex(r"https?://[^/]{0,20}[/?#:@\\].{0,30}"))
def test_urls_are_read_or_refused(url: str) -> None:
    address = web_address.parse(url)
    if address is not None:
        assert web_address.parse(address.text) == address
        assert address.host == host_name(address.host) != ""
        assert re.fullmatch(r"/[\x21-\x7e]*", address.target)


@settings(max_examples=400, deadline=None)
@given(location=st.text(max_size=40) | st.from_regex(r"[./?#:a-z%]{0,30}", fullmatch=True))
def test_locations_are_followed_or_refused(location: str) -> None:
    base = web_address.WebAddress("https", "a.example", 443, "/b/c?d")
    to = web_address.redirected(base, 302, (("Location", location),))
    if to is not None:
        assert web_address.parse(to.text) == to
        assert "/../" not in to.target.partition("?")[0]


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=100) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_answers_with_json_are_read_or_refused(body: bytes) -> None:
    assert autodiscover.parse_json(body) is None
