"""The views of a dossier: which observations belong to which host, address and policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tr03108.catalogue import load_catalogue
from tr03108.evaluate.dnssec import Validator
from tr03108.evaluate.mta_sts import StsFetch
from tr03108.evaluate.views import Views
from tr03108.judge import judge_target, load_checks
from tr03108.judge.rules import Rules
from tr03108.lab.zone import ZoneSpec
from tr03108.model import (
    Dossier,
    Failure,
    Finding,
    Handshake,
    Line,
    Observation,
    Outcome,
    ProbePlan,
    Reason,
    SmtpSession,
    Vantage,
)
from tr03108.profile import load_profile
from tr03108.wire.mta_sts import StsPolicy
from unit.evaluate.chains import Maker, der, record
from unit.evaluate.conftest import NOW

MakeOffline = Callable[[Sequence[ZoneSpec]], Any]
DOMAIN = "example.test"
ALERT, THROUGH = "alert", "completed"


def session(ended: str, chain: tuple[bytes, ...] = ()) -> SmtpSession:
    talk = (b"S220 mx", b"CEHLO x", b"S250-mx", b"S250 STARTTLS", b"CSTARTTLS", b"S220 go")
    lines = tuple(Line(chr(text[0]), text[1:], 0.0) for text in talk)
    handshake = Handshake("mx", {}, b"", b"", ended, None, None, None, chain, None, None, 0.1)
    return SmtpSession("192.0.2.1:25", False, lines, "handshake", ended, handshake)


def dossier(
    offline: MakeOffline, records: tuple[str, ...], names: tuple[str, ...], seen: Mapping[str, object], **plan: Any
) -> Dossier:
    """A dossier with the answers to MX, the addresses and TLSA of `names`, MTA-STS, and what else was `seen`."""
    source = offline((ZoneSpec(DOMAIN, records),))
    answers: dict[str, Observation[Any]] = {}

    def ask(name: str, rdtype: str) -> Observation[Any]:
        return answers.setdefault(f"dns/{name}/{rdtype}", source(name, rdtype))

    validator = Validator(ask, tuple(source.tree.trust_anchor.strip().splitlines()))
    wanted = [(DOMAIN, "MX"), (f"_mta-sts.{DOMAIN}", "TXT"), (f"_smtp._tls.{DOMAIN}", "TXT")]
    wanted += [(n, t) for n in (*names, f"mta-sts.{DOMAIN}") for t in ("A", "AAAA")]
    wanted += [(f"_25._tcp.{n}", "TLSA") for n in names]
    for question in wanted:
        validator.lookup(*question)
    for number, (key, value) in enumerate(seen.items()):
        time = source.now + timedelta(minutes=number)
        failed = isinstance(value, Failure)
        answers[key] = Observation(key, time, None if failed else value, value if failed else None)  # type: ignore[arg-type]
    anchors = tuple(source.tree.trust_anchor.strip().splitlines())
    return Dossier(
        DOMAIN, source.now, source.now, True, "0", ProbePlan(**plan), Vantage((), None, None), anchors, (), answers
    )


def finding(dossier: Dossier, check: str) -> Finding:
    catalogue = load_catalogue()
    profile = load_profile("tr-03108-2.0", catalogue)
    audit = judge_target(dossier, "", profile, catalogue, load_checks(), dossier.started, "must", ())
    found, *others = (finding for finding in audit.findings if finding.check == check)
    assert all(other.code == "NOT_PROBED" for other in others)  # services of mail clients, which the plan left out
    return found


def test_a_host_name_with_a_slash(offline: MakeOffline) -> None:
    """DNS allows it (RFC 2181 section 11); nothing may mistake a part of it for an address."""
    host = f"a/b.{DOMAIN}"
    seen = {f"smtp/{host}/192.0.2.1/25/{n}": Failure(Reason.TIMEOUT, "", state="connect") for n in (1, 2)}
    made = dossier(offline, ("@ MX 10 a/b", "a/b A 192.0.2.1"), (host,), dict(seen))
    (service,) = Views(made).services
    assert (service.host, service.blind_code) == (host, "VANTAGE_PORT_25")
    assert finding(made, "starttls.offered").code == "VANTAGE_PORT_25"


def test_two_names_of_one_address(offline: MakeOffline) -> None:
    """A fact counts only if no connection to that address and port got through TLS (contract)."""
    records = ("@ MX 10 mx1", "@ MX 20 mx2", "mx1 A 192.0.2.1", "mx2 A 192.0.2.1")
    names = (f"mx1.{DOMAIN}", f"mx2.{DOMAIN}")
    keys = [f"smtp/{names[0]}/192.0.2.1/25/{n}" for n in (1, 2)]
    alone = dossier(offline, records, names, dict.fromkeys(keys, session(ALERT)))
    assert [s.starttls.code for s in Views(alone).services] == ["HANDSHAKE_ALERT", "NOT_PROBED"]
    seen = dict.fromkeys(keys, session(ALERT)) | {f"smtp/{names[1]}/192.0.2.1/25/1": session(THROUGH)}
    both = dossier(offline, records, names, seen)
    assert [s.starttls.code for s in Views(both).services] == ["STARTTLS_INCONSISTENT", "OK"]
    assert [s.starttls.unseen for s in Views(both).services] == [True, False]


def test_another_address_of_the_host_does_not_count(offline: MakeOffline) -> None:
    host = f"mx.{DOMAIN}"
    records = ("@ MX 10 mx", "mx A 192.0.2.1", "mx A 192.0.2.2")
    seen = {f"smtp/{host}/192.0.2.1/25/{n}": session(ALERT) for n in (1, 2)}
    seen |= {f"smtp/{host}/192.0.2.2/25/1": session(THROUGH)}
    found = {s.address: s.starttls.code for s in Views(dossier(offline, records, (host,), dict(seen))).services}
    assert found == {"192.0.2.1": "HANDSHAKE_ALERT", "192.0.2.2": "OK"}


def test_names_of_a_dane_ta_certificate_are_base_and_next_hop(offline: MakeOffline) -> None:
    """Not the name in the MX record where TLSA is found at the name it is an alias of (RFC 7672 section 3.2.2)."""
    host, target = f"mx.{DOMAIN}", f"real.{DOMAIN}"
    records = ("@ MX 10 mx", "mx CNAME real", "real A 192.0.2.1", f"_25._tcp.real TLSA 3 1 1 {'ab' * 32}")
    seen = {f"smtp/{host}/192.0.2.1/25/1": session(THROUGH)}
    (service,) = Views(dossier(offline, records, (host, target), dict(seen))).services
    assert service.tlsa.code == "OK"
    assert service.references == (target, DOMAIN)


def tlsa(maker: Maker, name: str = "mx") -> str:
    one = record(maker.shape("leaf and intermediate").chain[0], 3, 1, 1)
    return f"_25._tcp.{name} TLSA 3 1 1 {one.cert.hex()}"


def test_a_mismatch_says_where_else_it_matches(offline: MakeOffline) -> None:
    host, good, bad = f"mx.{DOMAIN}", Maker(NOW), Maker(NOW)
    chains = {f"192.0.2.{n}": maker.shape("leaf and intermediate").ders for n, maker in enumerate((good, bad, good), 1)}
    records = ("@ MX 10 mx", *(f"mx A {address}" for address in chains), tlsa(good))
    seen = {f"smtp/{host}/{address}/25/1": session(THROUGH, chain) for address, chain in chains.items()}
    made = dossier(offline, records, (host,), dict(seen))
    found = {s.address: s.matching_peers(NOW) for s in Views(made).services}
    assert set(found["192.0.2.2"]) == {"192.0.2.1", "192.0.2.3"}
    assert found["192.0.2.1"] == ("192.0.2.3",)


def test_the_second_chain_is_judged_too(offline: MakeOffline) -> None:
    """Whatever type of key it has: what was served counts."""
    host, good, other = f"mx.{DOMAIN}", Maker(NOW), Maker(NOW)
    records = ("@ MX 10 mx", "mx A 192.0.2.1", tlsa(good))
    for first, second, bad in ((good, other, "second"), (other, good, "first"), (good, good, None)):
        seen = {
            f"smtp/{host}/192.0.2.1/25/1": session(THROUGH, first.shape("leaf and intermediate").ders),
            f"smtp-other/{host}/192.0.2.1/25/1": session(THROUGH, second.shape("leaf and intermediate").ders),
        }
        made = dossier(offline, records, (host,), dict(seen))
        (service,) = Views(made).services
        assert service.second.seen
        assert service.works_with_dane(NOW) is (bad is None)
        found = finding(made, "inbound-dane.tlsa-matches")
        assert found.code == ("OK" if bad is None else "TLSA_MISMATCH_KEY_TYPE")


def test_an_insecure_mx_is_named_beside_a_match(offline: MakeOffline) -> None:
    host, maker = f"mx.{DOMAIN}", Maker(NOW)
    records = ("@ MX 10 mx", "mx A 192.0.2.1", tlsa(maker))
    seen = {f"smtp/{host}/192.0.2.1/25/1": session(THROUGH, maker.shape("leaf and intermediate").ders)}
    made = dossier(offline, records, (host,), dict(seen))
    (service,) = Views(made).services
    assert (service.addresses.insecure, service.addresses.mx_insecure) == (None, False)
    assert finding(made, "inbound-dane.tlsa-matches").evidence["reason"] is None


POLICY = ("@ MX 10 mx", "mx A 192.0.2.1", '_mta-sts TXT "v=STSv1; id=1;"', "mta-sts A 192.0.2.8", "mta-sts A 192.0.2.9")


@pytest.mark.parametrize(("families", "outcome"), [((4, 6), Outcome.UNSEEN), ((4,), Outcome.MET)])
def test_mta_sts_is_not_enforced_while_addresses_are_hidden(
    offline: MakeOffline, families: tuple[int, ...], outcome: Outcome
) -> None:
    """I-03 says nothing good of a host of whose addresses one family in scope could not be seen."""
    host = f"mx.{DOMAIN}"
    maker = Maker(NOW)
    through = session(THROUGH, maker.shape("leaf and intermediate").ders)
    made = dossier(offline, POLICY, (host,), {f"smtp/{host}/192.0.2.1/25/1": through}, families=families)
    hidden: Observation[Any] = Observation(f"dns/{host}/AAAA", NOW, None, Failure(Reason.TIMEOUT, "no answer"))
    made = replace(made, observations={**made.observations, f"dns/{host}/AAAA": hidden})
    profile = load_profile("tr-03108-2.0", load_catalogue())
    rules = Rules(profile.parameters, profile.tls, NOW, NOW, (der(maker.root),))
    (check,) = (check for check in load_checks() if check.id == "mta-sts.enforced")
    enforceable = check.function.__globals__["_enforceable"]
    policy = StsPolicy("enforce", 604800, (host,), ())
    domain = Views(made).domain
    assert enforceable(domain, rules, StsFetch("OK", False, "", policy, "")).outcome is outcome
    # Nor of a policy that another address of its host may serve otherwise.
    assert enforceable(domain, rules, StsFetch("POLICY_UNSEEN", True, "", policy, "")).outcome is Outcome.UNSEEN


def test_what_is_told_of_many_mail_hosts_is_bounded(offline: MakeOffline) -> None:
    made = dossier(offline, tuple(f"@ MX 10 mx{number:03}" for number in range(300)), (), {})
    (check,) = (check for check in load_checks() if check.id == "mta-sts.enforced")
    fetch = StsFetch("OK", False, "", StsPolicy("enforce", 604800, ("mail.example.test",), ()), "")
    profile = load_profile("tr-03108-2.0", load_catalogue())
    rules = Rules(profile.parameters, profile.tls, NOW, NOW, ())
    told = check.function.__globals__["_enforceable"](Views(made).domain, rules, fetch).evidence["names"]
    assert told.count("; ") == 20
    assert told.endswith("; 280 more")
