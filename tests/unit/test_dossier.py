"""The dossier's file: what is written is read back, and what is not a dossier is refused in one line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tr03108 import dossier as codec
from tr03108.model import (
    SERVICE_KINDS,
    ClientSession,
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
    UsageError,
    Vantage,
    pem,
)

TIME = datetime(2026, 6, 1, 12, 30, 15, 123456, tzinfo=UTC)
ANCHOR = ". 172800 IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"
SMTP = "smtp/mx1.example.org/192.0.2.1/25/1"
DNS = "dns/example.org/MX"
HTTPS = "https/mta-sts.example.org/2001:db8::1/1"
PLAIN = "smtp-plain/mx1.example.org/192.0.2.1/25/1"
CLIENT = "client/imap/mail.example.org/192.0.2.1/143/1"

HANDSHAKE = Handshake(
    server_name="mx1.example.org",
    offered={"versions": "TLSv1.2, TLSv1.3"},
    sent=b"\x16\x03\x01",
    received=b"",
    ended="completed",
    version="TLSv1.3",
    suite="TLS_AES_128_GCM_SHA256",
    group=None,
    chain=(b"\x30\x03\x02\x01\x01", b"\x30\x00"),
    alert=None,
    error=None,
    seconds=0.25,
)
VALUES: dict[str, Any] = {
    DNS: DnsMessage("example.org", "MX", b"\x00\xff", "192.0.2.53:53", "udp"),
    SMTP: SmtpSession("127.0.0.1:2525", True, (Line("S", b"220 \xe9\r", 0.5),), "quit", "done", HANDSHAKE),
    CLIENT: ClientSession(
        "imap",
        "127.0.0.1:1143",
        True,
        (Line("S", b"* OK", 0.5),),
        (Line("C", b"a3 LOGOUT", 0.6),),
        "quit",
        "done",
        None,
    ),
    HTTPS: HttpExchange("https://x/", "[::1]:443", False, None, "answered", 200, (("Content-Type", "ü"),), b"x", False),
}
FAILURES = {PLAIN: Failure(Reason.DEFERRED, "421 später", (Line("C", b"EHLO", 1.0),), "greeting")}


def observations() -> dict[str, Observation[Any]]:
    return {key: Observation(key, TIME, value, None) for key, value in VALUES.items()} | {
        key: Observation(key, TIME, None, failure) for key, failure in FAILURES.items()
    }


@pytest.fixture
def dossier() -> Dossier:
    return Dossier(
        domain="example.org",
        started=TIME,
        finished=TIME + timedelta(seconds=3),
        complete=False,
        tool_version="0.1.0",
        plan=ProbePlan(families=(6,), connect=(":25=127.0.0.1:2525",), resolvers=("192.0.2.53:53",), timeout=1.5),
        vantage=Vantage(("192.0.2.53:53",), True, None),
        trust_anchors=(ANCHOR,),
        roots=(b"\x30\x00",),
        observations=observations(),
    )


@pytest.fixture
def body(dossier: Dossier) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(codec.encode(dossier))
    return document


def test_round_trip(dossier: Dossier) -> None:
    text = codec.encode(dossier)
    assert codec.decode(text) == dossier
    assert codec.encode(codec.decode(text)) == text


def test_text_does_not_depend_on_the_order_of_observations(dossier: Dossier) -> None:
    turned = replace(dossier, observations=dict(reversed(list(dossier.observations.items()))))
    assert codec.encode(turned) == codec.encode(dossier)


def test_form(body: dict[str, Any]) -> None:
    """Bytes are hex, certificates PEM, times RFC 3339; the schema is named."""
    assert body["schema"] == "tr03108.dossier/1"
    assert body["tool"] == {"name": "tr03108", "version": "0.1.0"}
    assert body["started"] == "2026-06-01T12:30:15.123456Z"
    assert body["roots"] == [pem(b"\x30\x00")]
    seen = body["observations"]
    assert seen[DNS]["value"]["wire"] == "00ff"
    assert seen[SMTP]["value"]["handshake"]["chain"] == [pem(der) for der in HANDSHAKE.chain]
    assert seen[PLAIN]["failure"]["reason"] == "DEFERRED"
    assert "value" not in seen[PLAIN]


def test_digest_is_that_of_the_file(dossier: Dossier) -> None:
    text = codec.encode(dossier)
    assert codec.digest(text) == hashlib.sha256(text.encode("utf-8")).hexdigest()


def test_times_of_other_zones_are_read(body: dict[str, Any]) -> None:
    body["started"] = TIME.astimezone(timezone(timedelta(hours=2))).isoformat()
    read = codec.decode(json.dumps(body))
    assert read.started == TIME
    assert read.started.utcoffset() == timedelta(0)


def test_unknown_keys_are_allowed(body: dict[str, Any], dossier: Dossier) -> None:
    body["later"] = body["plan"]["later"] = body["observations"][SMTP]["later"] = 1
    assert codec.decode(json.dumps(body)) == dossier


@pytest.mark.parametrize(
    "key",
    [
        "dns/./DNSKEY",
        "dns/_25._tcp.mx1.example.org/TLSA",
        "dns/a/b.example.org/A",  # RFC 2317 has such names
        "dns/with\\032space.\\255\\\\\\..example/NSEC3",
        f"dns/{'a' * 63}.example/A",
        "smtp/a/b.example.org/2001:db8::1/25/12",
        "dns-at/192.0.2.1/a/b.example.org/MX",
        "dns-at/2001:db8::1/./DNSKEY",
        "dns-at-tcp/192.0.2.1/example.org/SOA",
        *(f"client/{name}/a/b.example.org/2001:db8::1/993/2" for name in SERVICE_KINDS),
        "web/autoconfig.example.org/192.0.2.1/443/autoconfig.1",
        *(f"client-{look}/imap/m.example/192.0.2.1/143/1" for look in ("plain", "injection", "other", "curve")),
    ],
)
def test_keys_of_observations(body: dict[str, Any], key: str) -> None:
    body["observations"] = {key: body["observations"][PLAIN]}
    assert list(codec.decode(json.dumps(body)).observations) == [key]


def refused(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        codec.decode(text)
    message = str(caught.value)
    assert message.isprintable(), "more than one line"
    assert len(message) < 300
    return message


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "1", '"x"', "{}", "[" * 100_000, '{"a":' * 100_000, "\0", "\ud800", "1" * 5000, "NaN"],
)
def test_not_a_dossier(text: str) -> None:
    assert "not a dossier" in refused(text)


@pytest.mark.parametrize(
    "schema", ["tr03108.dossier/2", "tr03108.audit/1", "x\ny" * 100, None, 1, [], {}, ["tr03108.dossier/1"]]
)
def test_another_schema(body: dict[str, Any], schema: Any) -> None:
    assert "schema" in refused(json.dumps(body | {"schema": schema}))
    nested = '{"schema": ' + "[" * 900 + "]" * 900 + "}"
    refused(nested)


def test_every_missing_key_is_noticed(body: dict[str, Any]) -> None:
    for key in ("schema", "tool", "domain", "started", "finished", "complete", "plan", "vantage"):
        refused(json.dumps({name: item for name, item in body.items() if name != key}))
    for key in ("trust_anchors", "roots", "observations"):
        assert "malformed dossier" in refused(json.dumps({name: item for name, item in body.items() if name != key}))


Edit = Callable[[dict[str, Any]], Any]

EDITS: dict[str, Edit] = {
    "tool": lambda b: b.update(tool="tr03108"),
    "version": lambda b: b["tool"].update(version=["0.1.0"]),
    "domain of another type": lambda b: b.update(domain=1),
    "empty domain": lambda b: b.update(domain=""),
    "domain with an empty label": lambda b: b.update(domain="a..b"),
    "domain on two lines": lambda b: b.update(domain="a\nb"),
    "domain with half a character": lambda b: b.update(domain="a\ud800"),
    "label too long": lambda b: b.update(domain="a" * 64),
    "name too long": lambda b: b.update(domain=".".join(["a" * 60] * 5)),
    "no time": lambda b: b.update(started="yesterday"),
    "time without zone": lambda b: b.update(started="2026-06-01T12:00:00"),
    "time before all times": lambda b: b.update(started="0001-01-01T00:00:00+23:59"),
    "time after all times": lambda b: b.update(finished="9999-12-31T23:59:59Z"),
    "complete is a number": lambda b: b.update(complete=1),
    "number is a boolean": lambda b: b["plan"].update(budget=True),
    "number is a text": lambda b: b["plan"].update(budget="400"),
    "number is a fraction": lambda b: b["plan"].update(budget=1.5),
    "not a number": lambda b: b["plan"].update(timeout=float("nan")),
    "endless": lambda b: b["plan"].update(timeout=float("inf")),
    "larger than any float": lambda b: b["plan"].update(timeout=10**400),
    "list is a text": lambda b: b["plan"].update(connect="x"),
    "no family": lambda b: b["plan"].update(families=[]),
    "unknown family": lambda b: b["plan"].update(families=[4, 5]),
    "family twice": lambda b: b["plan"].update(families=[4, 4]),
    "no anchor": lambda b: b.update(trust_anchors=[]),
    "anchor of another zone": lambda b: b.update(trust_anchors=["org" + ANCHOR]),
    "anchor is no record": lambda b: b.update(trust_anchors=["x\ny"]),
    "anchor is a directive": lambda b: b.update(trust_anchors=["$INCLUDE /etc/hostname", ANCHOR]),
    "anchor generates": lambda b: b.update(trust_anchors=["$GENERATE 1-1000000000 $ A 192.0.2.1", ANCHOR]),
    "root is no PEM": lambda b: b.update(roots=["ünlesbar"]),
    "root is hex": lambda b: b.update(roots=[3000]),
    "observations are a list": lambda b: b.update(observations=[]),
    "observation is a text": lambda b: b["observations"].update({SMTP: "x"}),
    "no time of an observation": lambda b: b["observations"][SMTP].pop("time"),
    "value and failure": lambda b: b["observations"][SMTP].update(failure=b["observations"][PLAIN]["failure"]),
    "neither value nor failure": lambda b: b["observations"][SMTP].pop("value"),
    "value is null": lambda b: b["observations"][SMTP].update(value=None),
    "failure is null": lambda b: b["observations"][PLAIN].update(failure=None),
    "no kind": lambda b: b["observations"][SMTP].pop("kind"),
    "unknown kind": lambda b: b["observations"][SMTP].update(kind="ftp"),
    "kind is a list": lambda b: b["observations"][SMTP].update(kind=["smtp"]),
    "unknown reason": lambda b: b["observations"][PLAIN]["failure"].update(reason="WEATHER"),
    "reason is a list": lambda b: b["observations"][PLAIN]["failure"].update(reason=["TIMEOUT"]),
    "bytes are not hex": lambda b: b["observations"][DNS]["value"].update(wire="0g"),
    "half a byte": lambda b: b["observations"][DNS]["value"].update(wire="000"),
    "header of three parts": lambda b: b["observations"][HTTPS]["value"].update(headers=[["a", "b", "c"]]),
    "status is a boolean": lambda b: b["observations"][HTTPS]["value"].update(status=True),
    "offer is a list": lambda b: b["observations"][SMTP]["value"]["handshake"].update(offered=[]),
    "offer is no text": lambda b: b["observations"][SMTP]["value"]["handshake"].update(offered={"a": 1}),
    "chain is no PEM": lambda b: b["observations"][SMTP]["value"]["handshake"].update(chain=["-----BEGIN"]),
    "answer to another name": lambda b: b["observations"][DNS]["value"].update(name="example.net"),
    "answer to another type": lambda b: b["observations"][DNS]["value"].update(rdtype="A"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_malformed(body: dict[str, Any], edit: Edit) -> None:
    edit(body)
    assert "malformed dossier" in refused(json.dumps(body))


def test_malformed_at_any_depth(body: dict[str, Any]) -> None:
    text = json.dumps(body).replace('"DEFERRED"', "[" * 940 + "]" * 940)
    refused(text)


@pytest.mark.parametrize(
    "key",
    [
        *("", "smtp", "dns/", "dns/MX", "dns/example.org/", "dns//MX", "dns/a..b/MX", "dns/example.org/mx"),
        *("dns/example.org./MX", "dns/\\300/MX", "dns/a b/MX", "dns/two\nlines/MX", "dns/é/MX", "dns/example.org/M\nX"),
        *("smtp/x", "smtp/192.0.2.1/25/1", "smtp/mx/192.0.2.1/25", "smtp/mx/192.0.2.1/25/1/", "smtp//192.0.2.1/25/1"),
        *("smtp/mx/192.0.2/25/1", "smtp/mx/mx/25/1", "smtp/mx/192.0.2.1/x/1", "smtp/mx/192.0.2.1/25/-1"),
        *("smtp/mx/fe80::1%eth0/25/1", "smtp/mx/2001:DB8::1/25/1", "smtp/mx/192.0.2.1/25/0", "smtp/mx/192.0.2.1/25/01"),
        *(
            "dns-at",
            "dns-at/x",
            "dns-at/192.0.2.1/MX",
            "dns-at/ns1.example.org/example.org/MX",
            "dns-at//example.org/MX",
        ),
        *("dns-at-tcp/2001:DB8::1/example.org/SOA", "dns-at/fe80::1%eth0/example.org/MX", "dns-at/192.0.2.1/a..b/MX"),
        *("client", "client/imap", "client/ftp/m/192.0.2.1/21/1", "client/IMAP/m/192.0.2.1/143/1"),
        *("client/m/192.0.2.1/143/1", "client/imap/192.0.2.1/143/1", "client/imap/m/192.0.2.1/143"),
        *("client/imap/m/192.0.2.1/143/0", "client/imap//192.0.2.1/143/1", "client-x/imap/m/192.0.2.1/143/1"),
        *("https/x", "https/mx/192.0.2.1", "https/mx//1", "ftp/mx/192.0.2.1/21/1", "DNS/example.org/MX"),
    ],
)
def test_malformed_keys_of_observations(body: dict[str, Any], key: str) -> None:
    body["observations"] = {key: body["observations"][PLAIN]}
    assert "malformed dossier" in refused(json.dumps(body))


@pytest.mark.parametrize(
    ("key", "other"),
    [(DNS, SMTP), (SMTP, DNS), (SMTP, HTTPS), (HTTPS, SMTP), (PLAIN, DNS), (CLIENT, SMTP), (SMTP, CLIENT)],
)
def test_values_of_another_kind(body: dict[str, Any], key: str, other: str) -> None:
    body["observations"][key] = body["observations"][other]
    assert "malformed dossier" in refused(json.dumps(body))


def test_sessions_are_with_the_service_of_their_key(body: dict[str, Any]) -> None:
    seen = body["observations"]
    seen[CLIENT.replace("/imap/", "/imaps/")] = seen.pop(CLIENT)
    assert "another service" in refused(json.dumps(body))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    refused(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("tool", "domain", "started", "complete", "plan", "vantage", "trust_anchors", "roots", "observations")


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_json_in_any_field(data: st.DataObject) -> None:
    """It is refused in one line, or read as something that can be written again."""
    document = json.loads(TEXT)
    document[data.draw(st.sampled_from(FIELDS))] = data.draw(JSON)
    try:
        read = codec.decode(json.dumps(document))
    except UsageError as error:
        assert str(error).isprintable()
    else:
        assert codec.decode(codec.encode(read)) == read


TEXT = codec.encode(
    Dossier(
        domain="example.org",
        started=TIME,
        finished=TIME,
        complete=True,
        tool_version="0.1.0",
        plan=ProbePlan(),
        vantage=Vantage((), None, None),
        trust_anchors=(ANCHOR,),
        roots=(),
        observations=observations(),
    )
)


def test_the_look_at_the_second_certificate_has_a_key_of_its_own(dossier: Dossier) -> None:
    key = SMTP.replace("smtp/", "smtp-other/", 1)
    more = replace(dossier, observations={**dossier.observations, key: Observation(key, TIME, VALUES[SMTP], None)})
    assert codec.decode(codec.encode(more)) == more


def test_a_dossier_from_before_a_question_of_the_plan_still_decodes(body: dict[str, Any], dossier: Dossier) -> None:
    del body["plan"]["both_certificates"]
    assert codec.decode(json.dumps(body)) == dossier


@pytest.mark.parametrize(
    "url",
    [
        *("", "webmail.example.org", "http://webmail.example.org/", "https://", "https://192.0.2.1/", "https://a b/"),
        *("https://[::1]/", "https://a@webmail.example.org/", "https://webmail.example.org:0/", "javascript:alert(1)"),
    ],
)
def test_webmail_that_is_no_https_url(body: dict[str, Any], url: str) -> None:
    """It would be passed over in silence, as if there were none."""
    body["plan"]["webmail"] = ["https://webmail.example.org/", url]
    assert "webmail: not an https URL" in refused(json.dumps(body))


@pytest.mark.parametrize("webmail", [None, [], ["https://webmail.example.org:8443/path?query"]])
def test_webmail_as_the_user_named_it(body: dict[str, Any], webmail: list[str] | None) -> None:
    body["plan"]["webmail"] = webmail
    assert codec.decode(json.dumps(body)).plan.webmail == (None if webmail is None else tuple(webmail))
