"""Reason codes that loopback cannot bring about: dossiers of lab domains, edited to what such a network leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import dns.message
import dns.rdatatype
import pytest

from tr03108.catalogue import load_catalogue
from tr03108.evaluate.tls.listings import Item
from tr03108.judge import judge_target, load_checks, tls_cases
from tr03108.model import Dossier, Failure, Finding, Observation, Reason, SmtpSession
from tr03108.profile import load_profile

from .conftest import Seen

Edit = Callable[[Observation[Any]], Observation[Any] | None]
ECDHE_ECDSA_AES256_GCM = b"\xc0\x2c"
ECDH_ECDSA_AES256_GCM = b"\xc0\x2e"  # recommended until the end of 2026, TR-02102-2 (2025-01) table 3


def findings_of(dossier: Dossier, check: str, as_of: datetime | None = None) -> tuple[Finding, ...]:
    catalogue = load_catalogue()
    profile = load_profile("inbound-dane" if check == "tls.negotiated" else "tr-03108-2.0", catalogue)
    audit = judge_target(dossier, "", profile, catalogue, load_checks(), as_of or dossier.started, "must", ())
    return tuple(finding for finding in audit.findings if finding.check == check and not left_out(finding))


def left_out(finding: Finding) -> bool:
    """Whether it stands for services of mail clients that the lab's plan leaves out."""
    return finding.code == "NOT_PROBED" and "services" in finding.evidence


def edited(dossier: Dossier, edit: Edit, *prefixes: str) -> Dossier:
    """The dossier with each observation whose key begins with a prefix put through `edit`; None takes it out."""
    observations: dict[str, Observation[Any]] = {}
    touched = False
    for key, observation in dossier.observations.items():
        if key.startswith(prefixes):
            touched = True
            changed = edit(observation)
            if changed is not None:
                observations[key] = changed
        else:
            observations[key] = observation
    assert touched, f"nothing in the dossier begins with {prefixes}"
    return replace(dossier, observations=observations)


def blind(reason: Reason) -> Edit:
    """No connection came about."""
    return lambda observation: Observation(
        observation.key, observation.time, None, Failure(reason, "edited", state="connect")
    )


def codes(findings: Iterable[Finding]) -> set[str]:
    return {finding.code for finding in findings}


def test_service_unreachable(seen: Seen) -> None:
    edit = blind(Reason.UNREACHABLE)
    dossier = edited(seen.dossiers["two-hosts-one-bad"], edit, "smtp/mx2.", "smtp-plain/mx2.")
    assert codes(findings_of(dossier, "starttls.offered")) == {"OK", "SERVICE_UNREACHABLE"}


@pytest.mark.parametrize(
    ("code", "prefix"),
    [("VANTAGE_NO_IPV6", "mx1.flawless.example/2001:db8:"), ("VANTAGE_NO_IPV4", "mx1.flawless.example/192.0.2.")],
)
def test_family_without_route(seen: Seen, code: str, prefix: str) -> None:
    dossier = edited(seen.dossiers["flawless"], blind(Reason.VANTAGE), f"smtp/{prefix}", f"smtp-plain/{prefix}")
    assert codes(findings_of(dossier, "starttls.offered")) == {"OK", code}


def test_no_mail_host_answers(seen: Seen) -> None:
    dossier = edited(seen.dossiers["flawless"], blind(Reason.TIMEOUT), "smtp/", "smtp-plain/")
    mail = [finding for finding in findings_of(dossier, "starttls.offered") if finding.subject.port == 25]
    # Clients' services answer over IPv4, so there it is the port; over IPv6 nothing answers at all.
    assert codes(mail) == {"VANTAGE_PORT_25", "VANTAGE_NO_IPV6"}


@pytest.mark.parametrize(
    ("look", "check", "code"),
    [
        ("client-plain", "login.no-clear-text", "LOGIN_UNSEEN"),
        ("client-injection", "starttls.no-injection", "INJECTION_UNSEEN"),
    ],
)
@pytest.mark.parametrize(
    ("reason", "because"), [(Reason.TIMEOUT, "SERVICE_TIMEOUT"), (Reason.DEFERRED, "SERVICE_DEFERRED")]
)
def test_a_second_connection_does_not_come_about(
    seen: Seen, look: str, check: str, code: str, reason: Reason, because: str
) -> None:
    """Who was there before may have no time for the questions that nobody asks twice."""
    dossier = edited(seen.dossiers["flawless"], blind(reason), f"{look}/imap/", f"{look}/smtp/")
    findings = findings_of(dossier, check)
    blinded = [finding for finding in findings if finding.subject.port in (25, 143)]
    assert {(f.code, f.outcome, f.evidence["because"]) for f in blinded} == {(code, "UNSEEN", because)}
    assert codes(finding for finding in findings if finding.subject.port in (110, 587, 4190)) == {"OK"}


def test_a_dialogue_that_breaks_off_before_the_login_shows_nothing(seen: Seen) -> None:
    def shortened(observation: Observation[Any]) -> Observation[Any]:
        """What was said until the login was asked for."""
        session = observation.value
        said = [number for number, line in enumerate(session.lines) if line.sender == "C"]
        return replace(observation, value=replace(session, lines=session.lines[: said[1]], ended="closed"))

    dossier = edited(seen.dossiers["flawless"], shortened, "client-plain/imap/")
    findings = [f for f in findings_of(dossier, "login.no-clear-text") if f.subject.port == 143]
    assert {(f.code, f.outcome, f.evidence["because"]) for f in findings} == {
        ("LOGIN_UNSEEN", "UNSEEN", "SERVICE_ABORTED")
    }


@pytest.mark.parametrize("refusal", [b"a2 NO No such mechanism", b"a2 NO [PRIVACYREQUIRED] Use TLS"])
def test_without_capabilities_nobody_knows_of_the_login_of_imap(seen: Seen, refusal: bytes) -> None:
    """AUTHENTICATE may be refused where LOGIN is not; only LOGINDISABLED says that it is."""
    code = "LOGIN_UNSEEN"

    def without_capabilities(observation: Observation[Any]) -> Observation[Any]:
        said = observation.value.lines
        lines = tuple(
            replace(
                line, data=b"* OK ready" if number == 0 else refusal if line.data.startswith(b"a2 NO") else line.data
            )
            for number, line in enumerate(said)
        )
        return replace(observation, value=replace(observation.value, lines=lines))

    scenario = seen.dossiers["clients-capabilities-unknown"]
    dossier = edited(scenario, without_capabilities, "client-plain/imap/")
    findings = [f for f in findings_of(dossier, "login.no-clear-text") if f.subject.port == 143]
    assert codes(findings) == {code}


def test_a_case_without_a_check_is_not_covered(seen: Seen) -> None:
    """Every case that can be seen from outside has its check now: only a build without them says so."""
    catalogue = load_catalogue()
    profile = load_profile("tr-03108-2.0", catalogue)
    dossier = seen.dossiers["flawless"]
    audit = judge_target(dossier, "", profile, catalogue, (), dossier.started, "must", ())
    seen_from_outside = [finding for finding in audit.findings if finding.code == "NOT_COVERED"]
    assert "TR-03108-E-12" in {finding.case for finding in seen_from_outside}
    assert {finding.outcome.value for finding in seen_from_outside} == {"UNSEEN"}
    whole = judge_target(dossier, "", profile, catalogue, load_checks(), dossier.started, "must", ())
    assert [finding.case for finding in whole.findings if finding.code == "NOT_COVERED"] == []


def test_not_probed(seen: Seen) -> None:
    dossier = edited(seen.dossiers["flawless"], lambda _: None, "smtp-plain/", "dns/_smtp._tls.")
    dossier = replace(dossier, plan=replace(dossier.plan, plaintext_mail=False, policies=("mta-sts",)))
    assert codes(findings_of(dossier, "tlsrpt.record")) == {"NOT_PROBED"}
    assert codes(findings_of(dossier, "starttls.plaintext-refused")) == {"NOT_PROBED"}


@pytest.mark.parametrize(
    ("scenario", "code", "outcome"),
    [("no-starttls", "NOT_PROBED", "UNSEEN"), ("port-refused", "NO_TLS", "ABSENT")],
)
def test_mail_without_tls_was_not_asked_for(seen: Seen, scenario: str, code: str, outcome: str) -> None:
    """A server without STARTTLS may refuse mail all the same: who did not ask does not know."""
    dossier = seen.dossiers[scenario]
    dossier = edited(dossier, lambda _: None, "smtp-plain/") if code == "NOT_PROBED" else dossier
    (finding,) = findings_of(dossier, "starttls.plaintext-refused")
    assert (finding.code, finding.outcome) == (code, outcome)


def test_servers_that_were_not_asked_are_not_probed_and_the_resolver_decided(seen: Seen) -> None:
    dossier = edited(seen.dossiers["flawless"], lambda _: None, "dns-at/", "dns-at-tcp/")
    assert codes(findings_of(dossier, "inbound-dane.all-servers")) == {"NOT_PROBED"}  # by a probe that was cut off
    dossier = replace(dossier, plan=replace(dossier.plan, all_servers=False))
    (finding,) = findings_of(dossier, "inbound-dane.all-servers")
    assert (finding.code, finding.outcome) == ("NOT_PROBED", "UNSEEN")
    (decided,) = findings_of(dossier, "inbound-dane.mx-secure")
    assert decided.outcome == "MET"
    assert "resolver" in decided.evidence["decided"]


def test_an_unsupported_algorithm_is_named(seen: Seen) -> None:
    (finding,) = findings_of(seen.dossiers["algorithm-unknown"], "inbound-dane.mx-secure")
    assert finding.code == "DNSSEC_ALGORITHM_UNSUPPORTED"
    assert finding.evidence["algorithms"] == "algorithm 200"


def received(change: Callable[[bytes], bytes]) -> Edit:
    """The session with other bytes from the server."""

    def edit(observation: Observation[Any]) -> Observation[Any]:
        session = observation.value
        if not isinstance(session, SmtpSession) or session.handshake is None:
            return observation
        handshake = replace(session.handshake, received=change(session.handshake.received))
        return replace(observation, value=replace(session, handshake=handshake))

    return edit


def test_group_unseen(seen: Seen) -> None:
    def hello_only(data: bytes) -> bytes:
        """The first handshake message, ServerHello, as the only one of its record."""
        size = 4 + int.from_bytes(data[6:9], "big")
        return data[:3] + size.to_bytes(2, "big") + data[5 : 5 + size]

    dossier = edited(seen.dossiers["tls12"], received(hello_only), "smtp/")
    assert codes(findings_of(dossier, "tls.negotiated")) == {"GROUP_UNSEEN"}


def test_recommendation_expired(seen: Seen) -> None:
    def other_suite(data: bytes) -> bytes:
        assert ECDHE_ECDSA_AES256_GCM in data
        return data.replace(ECDHE_ECDSA_AES256_GCM, ECDH_ECDSA_AES256_GCM, 1)

    dossier = edited(seen.dossiers["tls12"], received(other_suite), "smtp/")
    assert "RECOMMENDATION_EXPIRED" not in codes(
        findings_of(dossier, "tls.negotiated", datetime(2026, 12, 31, tzinfo=UTC))
    )
    assert codes(findings_of(dossier, "tls.negotiated", datetime(2027, 1, 1, tzinfo=UTC))) == {"RECOMMENDATION_EXPIRED"}


def test_dnssec_limit(seen: Seen) -> None:
    def many_signatures(observation: Observation[Any]) -> Observation[Any]:
        """Many signatures by the right key, all wrong (CVE-2023-50387)."""
        message = dns.message.from_wire(observation.value.wire)
        (rrsigs,) = (rrset for rrset in message.answer if rrset.rdtype == dns.rdatatype.RRSIG)
        good = rrsigs[0]
        rrsigs.clear()
        for number in range(60):
            wrong = bytes((number, good.signature[1] ^ 1)) + good.signature[2:]
            rrsigs.add(good.replace(signature=wrong))
        return replace(observation, value=replace(observation.value, wire=message.to_wire()))

    dossier = edited(seen.dossiers["flawless"], many_signatures, "dns/flawless.example/MX")
    (finding,) = findings_of(dossier, "inbound-dane.mx-secure")
    assert (finding.code, finding.outcome) == ("DNSSEC_LIMIT", "UNSEEN")


def test_the_second_certificate_unseen(seen: Seen) -> None:
    """What was not seen of the second certificate changes nothing about the first."""
    dossier = edited(seen.dossiers["rsa-certificate-mismatch"], blind(Reason.DEFERRED), "smtp-other/")
    (finding,) = findings_of(dossier, "inbound-dane.both-certificates")
    assert (finding.code, finding.outcome, finding.evidence["because"]) == (
        "STARTTLS_UNSEEN",
        "UNSEEN",
        "SERVICE_DEFERRED",
    )
    assert codes(findings_of(dossier, "inbound-dane.tlsa-matches")) == {"OK"}


@pytest.mark.parametrize(
    ("scenario", "bad", "good"),
    [("rsa-certificate-mismatch", "RSA", "ECDSA"), ("ecdsa-certificate-mismatch", "ECDSA", "RSA")],
)
def test_the_type_of_key_is_named(seen: Seen, scenario: str, bad: str, good: str) -> None:
    (finding,) = findings_of(seen.dossiers[scenario], "inbound-dane.tlsa-matches")
    assert (finding.evidence["key_type"], finding.evidence["other_key_type"]) == (bad, good)
    states = {finding.evidence[key][0]["state"] for key in ("matches", "second_matches")}
    assert states == {"matched", "unmatched"}


def test_one_question_more_for_each_service(seen: Seen) -> None:
    dossier = seen.dossiers["rsa-certificate-mismatch"]  # without single hellos, which ask for it too
    keys = [key for key in dossier.observations if key.startswith("smtp-other/")]
    assert len(keys) == 1 and keys[0].startswith("smtp-other/mx1.rsa-certificate-mismatch.example/")
    assert not any(key.startswith("smtp-other/") for key in seen.dossiers["flawless"].observations)
    assert not any(key.startswith("smtp-other/") for key in seen.dossiers["second-certificate-not-asked"].observations)
    offered = dossier.observations[keys[0]].value.handshake.offered
    assert offered["versions"] == "TLSv1.2"


def test_an_insecure_mx_is_named_beside_the_match(seen: Seen) -> None:
    (finding,) = findings_of(seen.dossiers["mx-insecure-host-secure"], "inbound-dane.tlsa-matches")
    assert (finding.code, finding.evidence["reason"], finding.evidence["matched"]) == ("OK", "MX_INSECURE", "3 1 1")


P256 = bytes.fromhex("06082a8648ce3d030107")  # the curve's name
NUMBERS = bytes.fromhex("30080201010201010500")  # a sequence of numbers in its place


def other_leaf(change: Callable[[bytes], bytes]) -> Edit:
    """The session with another certificate of the server."""

    def edit(observation: Observation[Any]) -> Observation[Any]:
        session = observation.value
        chain = (change(session.handshake.chain[0]), *session.handshake.chain[1:])
        return replace(observation, value=replace(session, handshake=replace(session.handshake, chain=chain)))

    return edit


def test_chain_unreadable(seen: Seen) -> None:
    dossier = edited(seen.dossiers["flawless"], other_leaf(lambda der: der[:100]), "smtp/", "client/")
    for check in ("certificate.key-usage", "certificate.validity", "certificate.key-size"):
        assert codes(findings_of(dossier, check)) == {"CHAIN_UNREADABLE"}
    assert codes(findings_of(dossier, "certificate.revocation-checked")) == {"REVOCATION_UNSEEN"}


def test_explicit_curve(seen: Seen) -> None:
    dossier = edited(seen.dossiers["tls12"], other_leaf(lambda der: der.replace(P256, NUMBERS)), "smtp/")
    (finding,) = findings_of(dossier, "certificate.key-size")
    assert (finding.code, finding.outcome) == ("CURVE_EXPLICIT", "UNMET")


@pytest.mark.parametrize(
    ("named", "outcome", "code"),
    [
        (("Nobody", "lab issuing ca"), "MET", "OK"),
        (("Lab Root CA",), "MET", "OK"),
        (("mx1.flawless.example", "Issuing CA"), "UNMET", "ISSUER_NOT_DECLARED"),
    ],
)
def test_declared_authorities(seen: Seen, named: tuple[str, ...], outcome: str, code: str) -> None:
    catalogue = load_catalogue()
    profile = load_profile("tr-03108-2.0", catalogue)
    profile = replace(profile, parameters=replace(profile.parameters, trusted_cas=named))
    dossier = seen.dossiers["flawless"]
    audit = judge_target(dossier, "", profile, catalogue, load_checks(), dossier.started, "must", ())
    found = [finding for finding in audit.findings if finding.case == "TR-03108-E-06"]
    assert {(finding.outcome, finding.code) for finding in found} == {(outcome, code)}
    assert {finding.requirement for finding in found} == {"TR-03108-12-R"}
    assert {finding.level for finding in found} == {"SHOULD"}


@pytest.mark.parametrize(
    ("scenario", "code"), [("self-signed", "ISSUER_NOT_DECLARED"), ("certificate-chain", "ISSUERS_UNSEEN")]
)
def test_no_declared_authority_was_seen(seen: Seen, scenario: str, code: str) -> None:
    catalogue = load_catalogue()
    profile = load_profile("tr-03108-2.0", catalogue)
    profile = replace(profile, parameters=replace(profile.parameters, trusted_cas=(f"mx1.{scenario}.example",)))
    dossier = seen.dossiers[scenario]
    audit = judge_target(dossier, "", profile, catalogue, load_checks(), dossier.started, "must", ())
    assert {f.code for f in audit.findings if f.case == "TR-03108-E-06" and not left_out(f)} == {code}


def asked(dossier: Dossier, question: str) -> str:
    """The key of one hello to the first address."""
    return next(key for key in dossier.observations if key.startswith("hello/") and key.endswith(f"/{question}"))


def answered_as(dossier: Dossier, question: str, value: Any) -> Dossier:
    """The dossier with another answer to one hello."""
    return edited(dossier, lambda observation: replace(observation, value=value), asked(dossier, question))


def test_a_client_may_renegotiate(seen: Seen) -> None:
    def accepted(observation: Observation[Any]) -> Observation[Any]:
        return replace(observation, value=replace(observation.value, ended="accepted", alert=None))

    dossier = edited(seen.dossiers["flawless"], accepted, "renegotiation/")
    assert codes(findings_of(dossier, "tls.client-renegotiation")) == {"CLIENT_RENEGOTIATION_ACCEPTED"}
    silent = edited(seen.dossiers["flawless"], blind(Reason.TIMEOUT), "renegotiation/")
    assert codes(findings_of(silent, "tls.client-renegotiation")) == {"TLS_UNSEEN"}


def test_a_forced_fallback_is_not_noticed(seen: Seen) -> None:
    dossier = seen.dossiers["flawless"]
    value = dossier.observations[asked(dossier, "versions.TLSv1.2")].value
    dossier = answered_as(dossier, "fallback.TLSv1.2", value)
    assert codes(findings_of(dossier, "tls.fallback-scsv")) == {"OK", "FALLBACK_SCSV_IGNORED"}  # two addresses


def test_the_server_name_chooses_the_certificate(seen: Seen) -> None:
    other = seen.dossiers["hellos-untuned"]
    with_certificate = next(
        observation.value
        for key, observation in other.observations.items()
        if key.startswith("hello/") and any(m[:1] == b"\x0b" for m in getattr(observation.value, "received", ()))
    )
    dossier = answered_as(seen.dossiers["flawless"], "sni.none", with_certificate)
    assert codes(findings_of(dossier, "tls.server-name")) == {"OK", "SERVER_NAME_MATTERS"}


def test_priority_unseen(seen: Seen) -> None:
    """Without the hello that names the worst first nobody knows what the server prefers."""
    dossier = seen.dossiers["hellos-low-priority"]
    observations = {key: one for key, one in dossier.observations.items() if "/order." not in key}
    dossier = replace(dossier, observations=observations)
    for check in ("tls.suites", "tls.listed-preferred", "tls.forward-secrecy-preferred"):
        assert codes(findings_of(dossier, check)) == {"PRIORITY_UNSEEN"}, check


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (Item("TLSv1.3", 0x0807, "ed25519", key="ECDSA"), "SIGNATURE_NOT_LISTED"),
        (Item("TLSv1.2", 0x0201, "rsa_pkcs1_sha1", key="RSA"), "SIGNATURE_FORBIDDEN"),
        (Item("TLSv1.2", 0xFF01, "arbitrary_explicit_prime_curves"), "GROUP_FORBIDDEN"),
    ],
)
def test_what_no_lab_server_signs_or_agrees_with(item: Item, code: str) -> None:
    names = vars(tls_cases)
    thing = code.partition("_")[0].lower()
    profile = load_profile("tr-03108-2.0", load_catalogue())
    rating = (
        profile.tls.signature(item.code or 0, item.version, 2026)
        if thing == "signature"
        else profile.tls.group(item.code, item.version, 2026, name=item.name)
    )
    assert rating.shortfall is not None
    assert names[f"_{thing.upper()}_CODES"][rating.shortfall] == code
