"""The scenario file's reader: defaults make a flawless domain, unknown words are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tr03108.lab.pki import Variant
from tr03108.lab.scenarios import TAKEN, Scenario, load_scenarios
from tr03108.lab.smtp_server import SmtpFault
from tr03108.model import TargetVerdict

HEAD = '[[scenario]]\nid = "one"\ntitle = { en = "a", de = "b" }\nverdict = "compliant"\n'


def read(folder: Path, text: str) -> tuple[Scenario, ...]:
    file = folder / "scenarios.toml"
    file.write_text(HEAD + text, "utf-8")
    return load_scenarios(file)


def test_defaults(tmp_path: Path) -> None:
    (one,) = read(tmp_path, "")
    (host,) = one.hosts
    assert one.domain == "one.example"
    assert one.mx == ("10 mx1.one.example.",)
    assert (host.name, host.addresses, host.tlsa) == ("mx1.one.example", ("192.0.2.1",), ("3 1 1",))
    assert host.tlsa_at == host.name
    assert host.behaviour.certificate is Variant.GOOD
    assert host.behaviour.fault is None
    assert "mode: enforce\r\nmx: mx1.one.example\r\n" in one.mta_sts.place.behaviour.text
    assert one.tlsrpt == ("v=TLSRPTv1; rua=mailto:tlsrpt@reports.one.example",)


def test_hosts(tmp_path: Path) -> None:
    (one,) = read(
        tmp_path,
        'hosts = [{ addresses = ["v4", "v6"], alias = "real", fault = "no-starttls", other = { v6 = {} } },'
        ' { name = "@" }, { name = "mx.elsewhere.example." }]\n',
    )
    first, second, third = one.hosts
    assert first.addresses == ("192.0.2.1", "2001:db8::1")
    assert first.tlsa_at == first.alias == "real.one.example"
    assert first.at("192.0.2.1").fault is SmtpFault.NO_STARTTLS
    assert first.at("2001:db8::1").fault is None
    assert (second.name, third.name) == ("one.example", "mx.elsewhere.example")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("tpyo = 1", "tpyo"),
        ('hosts = [{ certificate = "god" }]', "god"),
        ('hosts = [{ fault = "no-startls" }]', "no-startls"),
        ("hosts = [{ faullt = 1 }]", "faullt"),
        ('hosts = [{ plaintext = "maybe" }]', "maybe"),
        ("hosts = [{ tls = { curve = 1 } }]", "curve"),
        ('faults = [{ kind = "exspired" }]', "exspired"),
        ("mta_sts = { mood = 1 }", "mood"),
        ('resolver = "mine"', "mine"),
        ('must = [{ kode = "OK" }]', "kode"),
    ],
)
def test_unknown_words_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"scenario one.*{complaint}"):
        read(tmp_path, text)


def test_shipped_scenarios_are_consistent() -> None:
    scenarios = load_scenarios()
    ids = [scenario.id for scenario in scenarios]
    assert len(set(ids)) == len(ids)
    addresses = [address for scenario in scenarios for host in scenario.hosts for address in host.addresses]
    addresses += [address for scenario in scenarios for address in scenario.mta_sts.addresses]
    assert len(set(addresses)) == len(addresses)
    assert not TAKEN & set(addresses)
    for scenario in scenarios:
        assert scenario.verdict in set(TargetVerdict), scenario.id
        assert scenario.must, scenario.id
        assert scenario.title["en"] != scenario.title["de"], scenario.id
