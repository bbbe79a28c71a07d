"""The words: complete, the same in both languages, and safe to fill."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tr03108 import report
from tr03108.evaluate.starttls import FAILURE_CODES
from tr03108.model import Audit, Finding, Level, Outcome, Reason, Subject, TargetVerdict, UsageError, Verdict
from tr03108.report import Texts
from tr03108.report.fill import fill, generalise, places
from tr03108.rooms import room

EN, DE = Texts.load("en"), Texts.load("de")
_CODES = """
OK
RESOLVER_WITHOUT_DNSSEC RESOLVER_UNREACHABLE TRUST_ANCHOR_MISMATCH DOMAIN_NOT_FOUND NULL_MX NO_MAIL_HOST MX_UNSEEN
MX_WITHOUT_ADDRESS ADDRESSES_UNSEEN NOT_COVERED NOT_PROBED MANUAL_SENDING_SIDE MANUAL_DECLARATION MANUAL_REQUIREMENT
DNSSEC_INSECURE DNSSEC_EXPIRED DNSSEC_NOT_YET_VALID DNSSEC_SIGNATURE_INVALID DNSSEC_SIGNATURE_MISSING DNSSEC_KEY_MISSING
DNSSEC_DS_MISMATCH DNSSEC_DENIAL_MISSING DNSSEC_DENIAL_INVALID DNSSEC_SIGNER_WRONG DNSSEC_ALGORITHM_UNSUPPORTED
SERVERS_DIFFER SERVER_LAME SERVER_UNSIGNED SERVER_BOGUS SERVER_TCP_REFUSED SERVER_EDNS SERVER_SILENT SERIALS_DIFFER
DNSSEC_SHA1 DNSSEC_KEY_SHORT DNSSEC_ALGORITHM_INCOMPLETE NSEC3_PARAMETERS
DNSSEC_LIMIT SIGNATURE_EXPIRES_SOON DNS_SERVFAIL DNS_REFUSED DNS_TIMEOUT DNS_MALFORMED ALIAS_LOOP
TLSA_MISSING TLSA_INSECURE TLSA_BOGUS TLSA_UNSEEN TLSA_UNUSABLE TLSA_MISMATCH TLSA_NAME_MISMATCH TLSA_CHAIN_EXPIRED
TLSA_ISSUER_NOT_SENT TLSA_MISMATCH_KEY_TYPE ADDRESS_INSECURE TLSA_NOT_IN_USE NO_TLS STARTTLS_UNSEEN
TLSA_TTL_LONG ROLLOVER_SINGLE ROLLOVER_SAME_KEY ROLLOVER_ANCHOR_FOREIGN TLSA_ONE_KIND TLSA_ANCHOR_UNMATCHED
STARTTLS_MISSING PORT_REFUSED STARTTLS_REFUSED STARTTLS_SILENT STARTTLS_GARBAGE STARTTLS_CLOSED HANDSHAKE_ALERT
STARTTLS_INCONSISTENT SERVICE_TIMEOUT SERVICE_UNREACHABLE SERVICE_DEFERRED SERVICE_REJECTED SERVICE_ABORTED
BUDGET_EXHAUSTED VANTAGE_NO_IPV6 VANTAGE_NO_IPV4 VANTAGE_PORT_25 ADDRESS_NOT_GLOBAL
PLAINTEXT_ACCEPTED PLAINTEXT_UNCLEAR
TLS_VERSION_FORBIDDEN SUITE_FORBIDDEN SUITE_NOT_LISTED GROUP_NOT_LISTED GROUP_TOO_SMALL RECOMMENDATION_EXPIRED
GROUP_UNSEEN
TLS_UNSEEN PRIORITY_UNSEEN TOLERATED_LOW_PRIORITY TLS12_NOT_SPOKEN TLS13_NOT_SPOKEN TLS_VERSION_MISSING KEY_NOT_PROVEN
SUITE_REQUIRED_MISSING NO_FORWARD_SECRECY GROUP_REQUIRED_MISSING ENCRYPT_THEN_MAC_MISSING NO_CBC_SUITE
TRUNCATED_HMAC_ACCEPTED EXTENDED_MASTER_SECRET_MISSING SIGNATURE_REQUIRED_MISSING SIGNATURE_FORBIDDEN
SIGNATURE_NOT_LISTED GROUP_FORBIDDEN FORWARD_SECRECY_NOT_PREFERRED LISTED_NOT_PREFERRED TLS13_MISSING
TLS13_MINIMUM_MISSING EARLY_DATA_ACCEPTED EPHEMERAL_KEY_REUSED COMPRESSION_ACCEPTED HEARTBEAT_ACCEPTED
SECURE_RENEGOTIATION_MISSING CLIENT_RENEGOTIATION_ACCEPTED NO_OCSP_RESPONDER STAPLE_MISSING STAPLE_INVALID
SENDER_REFUSED SERVER_NAME_REQUIRED
SERVER_NAME_REFUSED SERVER_NAME_MATTERS HELLO_INTOLERANT FFDHE_IGNORED NO_DHE_SUITE FALLBACK_SCSV_IGNORED
POST_QUANTUM_MISSING
CERTIFICATE_SELF_SIGNED CERTIFICATE_UNTRUSTED CERTIFICATE_CHAIN_INCOMPLETE CERTIFICATE_EXPIRED
CERTIFICATE_NOT_YET_VALID CERTIFICATE_NAME_MISMATCH CERTIFICATE_INVALID CERTIFICATE_REVOKED
CHAIN_UNREADABLE ISSUERS_UNSEEN NO_CA_CERTIFICATE NO_ROOT_SEEN
CURVE_EXPLICIT KEY_TOO_SHORT KEY_NOT_LISTED CERT_SIGNATURE_WEAK CERT_SIGNATURE_NOT_LISTED VALIDITY_TOO_LONG
KEY_USAGE_MISSING KEY_USAGE_NOT_CRITICAL KEY_USAGE_WRONG KEY_USAGE_WIDE
EXTENDED_KEY_USAGE_MISSING EXTENDED_KEY_USAGE_WRONG EXTENDED_KEY_USAGE_WIDE
CONSTRAINTS_MISSING CONSTRAINTS_NOT_CRITICAL PATH_LENGTH_MISSING PATH_LENGTH_LARGE ISSUER_KEY_SHORTER WILDCARD_NAME
REVOCATION_ADDRESS_MISSING NO_REVOCATION_ADDRESS REVOCATION_UNSEEN ISSUER_NOT_DECLARED
REFUSED_WITHOUT_ALERT REFUSED_WITH_OTHER_ALERT NO_CURVES NO_SUITE_CHOICE RESUMPTION_NOT_OFFERED
TLSRPT_MISSING TLSRPT_MULTIPLE TLSRPT_SYNTAX TLSRPT_INSECURE TLSRPT_BOGUS TLSRPT_UNSEEN TLSRPT_HTTPS TLSRPT_NO_MAILTO
REPORT_MAILBOX_CLOSED REPORT_MAILBOX_PARTLY REPORT_MAILBOX_UNSEEN REPORT_MAILBOX_ENFORCED REPORT_MAILBOX_NOT_ASKED
REPORT_MAILBOX_WANTS_TLS
NOT_OFFERED
NULL_MX_MISSING NULL_MX_OTHER NULL_MX_NOT_ALONE NULL_MX_PREFERENCE NULL_MX_BOGUS SPF_MISSING SPF_MULTIPLE
SPF_INVALID SPF_AUTHORISES SPF_ALL_MISSING SPF_ALL_WEAK SPF_EXCEPTIONS SPF_BOGUS SPF_UNSEEN DMARC_MISSING
DMARC_MULTIPLE DMARC_INVALID DMARC_NOT_REJECT DMARC_PERCENT DMARC_BOGUS DMARC_UNSEEN DMARC_RUA_MISSING
DMARC_RUA_UNAUTHORISED DMARC_RUA_UNDELIVERABLE DMARC_RUA_UNUSABLE DMARC_RUA_UNSEEN
MTA_STS_MISSING MTA_STS_MULTIPLE MTA_STS_SYNTAX MTA_STS_INSECURE MTA_STS_BOGUS MTA_STS_UNSEEN POLICY_UNSEEN
POLICY_HOST_MISSING POLICY_UNREACHABLE POLICY_STATUS POLICY_REDIRECT POLICY_CERTIFICATE POLICY_CONTENT_TYPE
POLICY_TOO_LARGE POLICY_SYNTAX POLICY_MX_NOT_COVERED MODE_TESTING MODE_NONE MX_NOT_ENFORCEABLE
POLICY_HOST_BOGUS POLICY_ADDRESS_REFUSED POLICY_TLS POLICY_TLS_VERSION POLICY_HTTP POLICY_SLOW POLICY_ENCODED
POLICY_DIFFERS POLICY_VARIES POLICY_WILDCARD NO_POLICY_CERTIFICATE MAX_AGE_SHORT NO_MAX_AGE
IMPLICIT_TLS_MISSING SERVICE_NOT_OFFERED SERVICE_NOT_FOUND SERVICES_UNSEEN HOST_WITHOUT_ADDRESS
TARGET_WITHOUT_ADDRESS TARGET_WITHOUT_PORT TARGET_OTHER_PROTOCOL
TARGET_REFUSED TARGET_NOT_IMPLICIT TARGET_CERTIFICATE TARGET_UNSEEN TLS_GARBAGE TLS_CLOSED
SRV_MISSING SRV_NOT_OFFERED SRV_INSECURE SRV_BOGUS SRV_UNSEEN SRV_TARGET_INSECURE SRV_TARGET_FOREIGN
AUTODISCOVER_JSON_MISSING AUTODISCOVER_MISSING AUTOCONFIG_MISSING CONFIGURATION_UNSEEN CONFIGURATION_CERTIFICATE
CONFIGURATION_HTTP_ONLY CONFIGURATION_INVALID CONFIGURATION_REDIRECT CONFIGURATION_STATUS CREDENTIALS_NEEDED
SETTING_MISSING SETTING_PLAINTEXT SETTING_STARTTLS SETTING_INVALID SETTING_PORT SETTINGS_FOREIGN
CONFIGURATION_ELSEWHERE MANUAL_PREMISES MANUAL_DOCUMENTATION IMPLICIT_NOT_FIRST NOTHING_TO_RANK
LOGIN_IN_CLEAR LOGIN_ANNOUNCED LOGIN_UNSEEN COMMAND_INJECTION INJECTION_UNSEEN
WEBMAIL_NOT_NAMED NO_WEBMAIL WEBMAIL_PLAINTEXT WEBMAIL_REDIRECT_ELSEWHERE WEBMAIL_UNSEEN HSTS_MISSING
"""
CODES = _CODES.split()
CHECKS = (
    *("inbound-dane.mx-secure", "inbound-dane.host-secure", "inbound-dane.tlsa-matches", "starttls.offered"),
    *("certificate.pkix", "starttls.plaintext-refused", "tls.negotiated", "tlsrpt.record", "tlsrpt.no-https"),
    *("tlsrpt.mailbox-unenforced", "tlsrpt.mailbox-without-tls"),
    *("tlsrpt.mailto", "mta-sts.record", "mta-sts.policy", "mta-sts.enforced", "mta-sts.no-wildcard"),
    "mta-sts.max-age",
    *("unused-domain.null-mx", "unused-domain.spf-nobody", "unused-domain.spf-fail"),
    *("unused-domain.dmarc-reject", "unused-domain.dmarc-reports"),
    *("tls.versions-and-suites", "tls.forward-secrecy-and-groups", "tls.encrypt-then-mac", "tls.no-truncated-hmac"),
    *("tls.extended-master-secret", "tls.suites", "tls.signatures", "tls.groups", "tls.versions"),
    *("tls.forward-secrecy-preferred", "tls.listed-preferred", "tls.tls13", "tls.early-data", "tls.ephemeral-keys"),
    *("tls.compression", "tls.heartbeat", "tls.secure-renegotiation", "tls.client-renegotiation", "tls.ocsp-stapling"),
    *("tls.session-tickets", "tls.server-name", "tls.tolerance", "tls.ffdhe", "tls.fallback-scsv", "tls.post-quantum"),
    *("inbound-dane.both-certificates", "tlsa.ttl", "tlsa.rollover", "tlsa.two-kinds", "tls.every-sender"),
    *("inbound-dane.all-servers", "dnssec.algorithms", "dnssec.nsec3-parameters"),
    *("certificate.key-size", "certificate.signature", "certificate.validity", "certificate.root-validity"),
    *("certificate.key-usage", "certificate.extended-key-usage", "certificate.basic-constraints"),
    *("certificate.key-order", "certificate.no-wildcard", "certificate.revocation-information"),
    *("certificate.revocation-checked", "certificate.trusted-ca"),
    *("b1.versions-and-suites", "b1.other-suites", "b1.signatures", "b1.other-curves", "b1.other-versions"),
    *("b1.dhe-length", "b1.groups", "b1.weak-signatures", "b1.suite-preference", "b1.encrypt-then-mac"),
    *("b1.truncated-hmac", "b1.certificate", "b1.certified-ca", "b1.ocsp-stapling", "b1.heartbeat-extension"),
    *("b1.renegotiation", "b1.extended-master-secret", "b1.compression", "b1.early-data"),
    *("autodiscover.offered", "autodiscover.submission", "autodiscover.imap", "autodiscover.pop3", "autodiscover.json"),
    *("autoconfig.offered", "autoconfig.submission", "autoconfig.imap", "autoconfig.pop3"),
    *("srv.submissions", "srv.imaps", "srv.pop3s", "client-services.offered", "client-services.implicit-first"),
    *("client-services.tlsa", "login.no-clear-text", "starttls.no-injection", "webmail.https-only", "webmail.hsts"),
)


def leaves(table: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def test_both_languages_have_the_same_keys_and_the_same_places() -> None:
    english, german = dict(leaves(EN.tables)), dict(leaves(DE.tables))
    assert english.keys() == german.keys()
    assert {key: places(text) for key, text in english.items()} == {key: places(text) for key, text in german.items()}


@pytest.mark.parametrize("texts", [EN, DE], ids=["en", "de"])
def test_every_code_has_a_sentence_and_a_remedy(texts: Texts) -> None:
    assert set(texts.codes()) == set(CODES)
    for code in CODES:
        words = texts.tables["code"][code]
        assert words["message"].endswith((".", "!")), code
        assert (words["remedy"] == "") == (code == "OK"), code


@pytest.mark.parametrize("texts", [EN, DE], ids=["en", "de"])
def test_every_sentence_closes_what_it_opens(texts: Texts) -> None:
    for key, text in leaves(texts.tables):
        assert text.count("`") % 2 == 0, key
        assert text.count("[") == text.count("]"), key
        left = re.sub(r"\[[^\[\]]*\]", "", text)
        assert "[" not in left, key
        assert re.fullmatch(r"[^{}]*", re.sub(r"\{[a-z_]+\}", "", text)), key


@pytest.mark.parametrize("check", CHECKS)
def test_a_plain_pass_says_what_was_proven(check: str) -> None:
    for texts in (EN, DE):
        assert texts.tables["check"][check]["OK"]["message"] != texts.tables["code"]["OK"]["message"]


@pytest.mark.parametrize("code", [code for code in CODES if code.startswith("CERTIFICATE_")])
def test_words_on_pkix_say_that_dane_senders_still_deliver(code: str) -> None:
    for texts in (EN, DE):
        words = texts.tables["code"][code]
        assert "DANE" in words["message"] and "MTA-STS" in words["message"] and "D-02" in words["message"]
        assert "DANE" in words["remedy"]


@pytest.mark.parametrize("code", [code for code in CODES if code.startswith("CERTIFICATE_")])
def test_words_on_pkix_fit_every_port(code: str) -> None:
    assert "At port 25 senders" in EN.tables["code"][code]["message"]
    assert "An Port 25 stellen Absender" in DE.tables["code"][code]["message"]


@pytest.mark.parametrize("code", ["STARTTLS_MISSING", "PORT_REFUSED", "HANDSHAKE_ALERT", "STARTTLS_UNSEEN", "NO_TLS"])
def test_words_on_how_tls_begins_fit_every_service(code: str) -> None:
    for texts, ours in ((EN, "mail server|mail host|sender|MX|E-12"), (DE, "Mailserver|Absender|MX|E-12")):
        words = texts.tables["code"][code]
        assert re.search(ours, words["message"] + words["remedy"]) is None


def test_a_service_that_was_not_found_is_not_proven_absent() -> None:
    assert "Not found, not proven absent." in EN.general("SERVICE_NOT_FOUND").message
    assert "Nicht gefunden heißt nicht: nachweislich nicht vorhanden." in DE.general("SERVICE_NOT_FOUND").message


@pytest.mark.parametrize("code", ["SETTING_MISSING", "SETTING_PLAINTEXT", "SETTING_STARTTLS"])
def test_each_kind_of_configuration_is_shown_its_own_lines(code: str) -> None:
    for texts in (EN, DE):
        for family in ("submission", "imap", "pop3"):
            assert "<socketType>SSL</socketType>" in texts.general(code, f"autoconfig.{family}").remedy
            assert "<SSL>on</SSL>" in texts.general(code, f"autodiscover.{family}").remedy


@pytest.mark.parametrize(
    ("check", "record"),
    [
        ("srv.submissions", "_submissions._tcp.<DOMAIN>. SRV 0 1 465 mail.<DOMAIN>."),
        ("srv.imaps", "_imaps._tcp.<DOMAIN>. SRV 0 1 993 mail.<DOMAIN>."),
        ("srv.pop3s", "_pop3s._tcp.<DOMAIN>. SRV 0 1 995 mail.<DOMAIN>."),
    ],
)
def test_a_missing_srv_record_is_shown(check: str, record: str) -> None:
    for texts in (EN, DE):
        assert f"`{record}`" in texts.general("SRV_MISSING", check).remedy


@pytest.mark.parametrize("code", ["SUITE_NOT_LISTED", "GROUP_NOT_LISTED", "SIGNATURE_NOT_LISTED"])
def test_what_is_not_listed_need_not_be_insecure(code: str) -> None:
    check = {"SUITE": "tls.suites", "GROUP": "tls.groups", "SIGNATURE": "tls.signatures"}[code.partition("_")[0]]
    assert "not recommended, which does not mean that it is insecure" in EN.general(code, check).message
    assert "nicht empfohlen, was nicht heißt, dass es unsicher ist" in DE.general(code, check).message


@pytest.mark.parametrize(
    ("check", "codes"),
    [
        ("tls.versions-and-suites", "OK TLS_VERSION_MISSING KEY_NOT_PROVEN SUITE_REQUIRED_MISSING"),
        ("tls.forward-secrecy-and-groups", "OK NO_FORWARD_SECRECY GROUP_REQUIRED_MISSING"),
        ("tls.suites", "OK SUITE_FORBIDDEN SUITE_NOT_LISTED RECOMMENDATION_EXPIRED TOLERATED_LOW_PRIORITY"),
        ("tls.signatures", "OK SIGNATURE_REQUIRED_MISSING SIGNATURE_FORBIDDEN SIGNATURE_NOT_LISTED"),
        ("tls.signatures", "RECOMMENDATION_EXPIRED"),
        ("tls.groups", "OK GROUP_FORBIDDEN GROUP_TOO_SMALL GROUP_NOT_LISTED RECOMMENDATION_EXPIRED"),
        ("tls.versions", "OK TLS_VERSION_FORBIDDEN TOLERATED_LOW_PRIORITY"),
    ],
)
def test_what_is_judged_without_a_declaration_says_so(check: str, codes: str) -> None:
    for code in codes.split():
        assert "declaration of the operator (ICS)" in EN.general(code, check).message
        assert "Erklärung des Betreibers (ICS)" in DE.general(code, check).message


def test_every_reason_of_the_policy_is_a_phrase() -> None:
    found = set()
    for file in (room("profiles") / "tls").glob("*.toml"):
        table = tomllib.loads(file.read_text("utf-8"))
        for rows in ("suite_rules", "other_groups", "other_signatures"):
            found |= {row["reason"] for row in table.get(rows, ())}
        found |= {row["contradiction"] for row in table.get("tolerances", ()) if "contradiction" in row}
    assert found and found <= EN.tables["phrase"].keys()


def test_every_reason_and_every_dnssec_cause_is_a_phrase() -> None:
    causes = {reason.value for reason in Reason} | {code for code in CODES if code.startswith(("DNSSEC_", "DNS_"))}
    assert causes <= EN.tables["phrase"].keys()


def test_every_reason_of_client_services_is_a_phrase() -> None:
    login = {"FORGOTTEN", "STARTTLS_REFUSED", "BROKEN_OFF"}
    web = {"PORT_REFUSED", "REDIRECT_TO_HTTPS", "REDIRECT_IN_CLEAR", "PAGE_IN_CLEAR", "PAGE_REFUSED", "PAGE_STATUS"}
    tls = {"TLS_GARBAGE", "TLS_CLOSED", "HANDSHAKE_ALERT", *FAILURE_CODES.values()}
    assert login | web | tls | {"CREDENTIALS_NEEDED"} <= EN.tables["phrase"].keys()


def test_an_unknown_language_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="unknown language 'fr': choose en or de"):
        Texts.load("fr")


class TestFill:
    def test_a_missing_value_is_a_dash(self) -> None:
        assert fill("at {host}: {detail}.", {"host": "mx"}) == "at mx: -."

    def test_an_optional_part_goes_with_its_value(self) -> None:
        template = "seen[ at {host}][ ({a} {b})]."
        assert fill(template, {"host": "mx", "a": "1"}) == "seen at mx."
        assert fill(template, {"a": "1", "b": "2"}) == "seen (1 2)."

    def test_values_are_never_templates(self) -> None:
        assert fill("{a} [{b}]", {"a": "{b}[{a}]", "b": "{a.__class__}"}) == "{b}[{a}] {a.__class__}"

    def test_brackets_without_a_place_stand(self) -> None:
        assert fill("[x] {a}", {"a": "1"}) == "[x] 1"

    def test_generalise(self) -> None:
        template = "{host} fails[: {detail}] at {port}."
        assert generalise(template, {}) == "<HOST> fails at <PORT>."
        assert generalise(template, DE.tables["place"]) == "<RECHNER> fails at <PORT>."

    def test_a_rule_is_german_throughout(self) -> None:
        assert DE.general("STARTTLS_MISSING").message.startswith("<RECHNER> an <ADRESSE>, Port <PORT>, ")


class TestFinding:
    def test_the_subject_fills_its_places(self, finding: Callable[..., Finding]) -> None:
        subject = Subject("service", "mx1.example.org", "2001:db8::1", 25, "smtp")
        message = EN.message(finding("STARTTLS_MISSING", subject=subject, check="starttls.offered"))
        assert message.startswith("mx1.example.org at [2001:db8::1], port 25, does not offer STARTTLS")

    def test_a_cause_is_translated(self, finding: Callable[..., Finding]) -> None:
        found = finding("TLSA_BOGUS", evidence={"cause": "DNSSEC_EXPIRED"})
        assert ": an expired signature; " in EN.message(found)
        assert ": eine abgelaufene Signatur; " in DE.message(found)

    @pytest.mark.parametrize("because", ["TIMEOUT: 15 s", {"reason": "TIMEOUT", "detail": "15 s"}])
    def test_a_failure_is_translated_with_its_detail(self, finding: Callable[..., Finding], because: object) -> None:
        found = finding("TLSA_UNSEEN", Outcome.UNSEEN, evidence={"because": because})
        assert EN.message(found).endswith(": no answer in time (15 s).")
        assert DE.message(found).endswith(": keine Antwort innerhalb der Frist.")

    def test_an_unknown_cause_stands_as_it_is(self, finding: Callable[..., Finding]) -> None:
        assert ": moon phase;" in EN.message(finding("TLSA_BOGUS", evidence={"cause": "moon phase"}))

    def test_words_of_the_check_win(self, finding: Callable[..., Finding]) -> None:
        message = EN.message(finding("NO_TLS", Outcome.ABSENT, check="certificate.pkix"))
        assert message.startswith("There is no certificate to examine")

    def test_manual_words_go_by_module(self, finding: Callable[..., Finding]) -> None:
        sending = finding("MANUAL_SENDING_SIDE", Outcome.ASKED, check="case.TR-03108-H-07", case="TR-03108-H-07")
        assert "TLS reports" in EN.message(sending)

    def test_a_list_is_cut(self, finding: Callable[..., Finding]) -> None:
        names = [f"mx{n}.example.org" for n in range(20)]
        message = EN.message(finding("POLICY_MX_NOT_COVERED", evidence={"names": names}))
        assert "mx7.example.org and 12 more" in message

    def test_an_unknown_code_still_gives_a_sentence(self, finding: Callable[..., Finding]) -> None:
        assert EN.message(finding("NEW_CODE")) == "mx1.example.org/192.0.2.1:25: NEW_CODE"

    def test_no_hostile_name_gets_into_a_command(self, finding: Callable[..., Finding]) -> None:
        subject = Subject("service", "mx;touch${IFS}x.example.org", "192.0.2.1", 25, "smtp")
        remedy = EN.remedy(finding("STARTTLS_CLOSED", subject=subject, check="starttls.offered"))
        assert "touch" not in remedy and "-connect HOST:25" in remedy

    def test_no_hostile_target_gets_into_a_command(self, finding: Callable[..., Finding]) -> None:
        evidence = {"host": "mail;touch${IFS}x.example.org", "port": 993, "address": "192.0.2.1"}
        subject = Subject("domain", "example.org")
        found = finding("TARGET_NOT_IMPLICIT", subject=subject, check="srv.imaps", evidence=evidence)
        assert "touch" not in EN.remedy(found) and "-connect HOST:993" in EN.remedy(found)

    def test_a_target_is_shown_instead_of_the_domain(self, finding: Callable[..., Finding]) -> None:
        evidence = {"host": "mail.example.net", "port": 993, "address": "192.0.2.1", "because": "TLS_CLOSED"}
        evidence |= {"name": "_imaps._tcp.example.org"}
        subject = Subject("domain", "example.org")
        message = EN.message(finding("TARGET_NOT_IMPLICIT", subject=subject, check="srv.imaps", evidence=evidence))
        assert message.startswith("Mail programs are led to mail.example.net, port 993, but at 192.0.2.1")
        assert message.endswith(": a TLS handshake broken off without a reason (SRV record _imaps._tcp.example.org).")


class TestSentence:
    def test_it_names_the_profile_and_what_failed(self, single: Audit) -> None:
        sentence = EN.sentence(single.targets[0], "inbound-dane")
        assert sentence.startswith("example.org is not compliant with inbound-dane; not met: TR-03108-03-M")
        assert "Recommended, but not met: TR-03108-07-R." in sentence

    def test_compliant(self, single: Audit) -> None:
        requirements = tuple(
            replace(result, verdict=Verdict.PASS)
            for result in single.targets[0].requirements
            if result.level is Level.MUST
        )
        target = replace(single.targets[0], verdict=TargetVerdict.COMPLIANT, requirements=requirements)
        assert EN.sentence(target, "inbound-dane") == "example.org is compliant with inbound-dane."
        assert DE.sentence(target, "inbound-dane") == "example.org ist konform mit inbound-dane."

    def test_an_unfinished_look_is_said(self, audit: Audit) -> None:
        sentence = EN.sentence(audit.targets[2], "inbound-dane")
        assert sentence.startswith("It could not be shown that unseen.example is compliant with inbound-dane")
        assert "No mail host was examined." in sentence and "interrupted" in sentence

    def test_hosts_that_nobody_asks_for_are_not_missed(self, audit: Audit) -> None:
        target = audit.targets[2]
        target = replace(target, plan=replace(target.plan, services=()))
        assert "No mail host was examined." not in EN.sentence(target, "unused-domain")
        assert "Mailserver sind nicht Gegenstand dieses Profils." in DE.sentence(target, "unused-domain")


def test_citations_are_translated() -> None:
    assert DE.source("TR-03108-P v2.0 section 2.2 and Table 50") == "TR-03108-P v2.0 Abschnitt 2.2 und Tabelle 50"
    assert DE.source("TR-03108-P v2.0 (1 June 2023), in part") == "TR-03108-P v2.0 (1. Juni 2023), in Teilen"
    assert EN.source("TR-03108-P v2.0 (1 June 2023), in part") == "TR-03108-P v2.0 (1 June 2023), in part"
    assert DE.source("RFC 5321 Table 2 Juneau 2023") == "RFC 5321 Tabelle 2 Juneau 2023"


def test_every_label_is_used() -> None:
    shown = Path(report.__file__).parent
    sources = [
        *shown.glob("*.py"),
        *shown.parent.joinpath("cli").glob("*.py"),
        *(room("reports") / "templates").iterdir(),
    ]
    text = "".join(file.read_text(encoding="utf-8") for file in sources)
    assert [key for key in EN.tables["ui"] if not re.search(rf"""['"]{key}['"]""", text)] == []
