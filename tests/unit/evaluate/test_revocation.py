"""What revocation answers prove, and to whom: signatures, times, scope, staples, the order of sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tr03108.evaluate.certificate_path import served_path
from tr03108.evaluate.revocation import Revocations, Staple
from tr03108.evaluate.revocation_answer import Answer, judge_crl, judge_ocsp
from tr03108.evaluate.revocation_sources import Place, ocsp_request, place_of, questions
from tr03108.lab.pki import Pki, Variant, slug
from tr03108.lab.responder import Responder
from tr03108.model import Failure, Fetch, Observation, Reason

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOST = "mx1.flawless.example"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CRL_URL = "http://pki.lab-authority.example/lab-issuing-ca/good.crl"


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


@dataclass(frozen=True)
class Lab:
    """The lab's authority and what its responder says about a certificate."""

    pki: Pki
    responder: Responder

    def leaf(self, variant: Variant = Variant.GOOD) -> x509.Certificate:
        return self.pki.chain(HOST, variant).leaf

    @property
    def issuer(self) -> x509.Certificate:
        return self.pki.trusted.intermediate

    def ocsp(self, leaf: x509.Certificate, status: str) -> bytes:
        by = self.responder.issuers()[slug(self.issuer.subject)]
        return self.responder.ocsp(by, status, ocsp_request(leaf, self.issuer))

    def told(self, status: str, at: datetime = NOW) -> Answer:
        leaf = self.leaf()
        return judge_ocsp(self.ocsp(leaf, status), der(leaf), der(self.issuer), at)


@pytest.fixture(scope="module")
def lab() -> Lab:
    pki = Pki(NOW)
    return Lab(pki, Responder(pki))


class TestOcsp:
    def test_states(self, lab: Lab) -> None:
        assert lab.told("good").state == lab.told("delegated").state == "good"
        revoked = lab.told("revoked")
        assert (revoked.state, revoked.reason, revoked.since) == ("revoked", "keyCompromise", NOW - 2 * DAY)
        codes = {status: lab.told(status).code for status in ("wrong-signer", "expired", "unknown")}
        assert codes == {
            "wrong-signer": "OCSP_SIGNATURE",
            "expired": "OCSP_OUT_OF_DATE",
            "unknown": "OCSP_UNKNOWN",
        }

    @pytest.mark.parametrize(
        ("at", "code"),
        [
            (NOW - HOUR, "OK"),
            (NOW - 2 * HOUR, "OCSP_OUT_OF_DATE"),  # of the future
            (NOW + 7 * DAY - HOUR + timedelta(minutes=4), "OK"),  # clocks differ
            (NOW + 7 * DAY, "OCSP_OUT_OF_DATE"),
        ],
    )
    def test_the_time_at_which_it_was_seen(self, lab: Lab, at: datetime, code: str) -> None:
        assert lab.told("good", at).code == code

    def test_a_revocation_holds_when_the_answer_is_old(self, lab: Lab) -> None:
        assert lab.told("revoked", NOW + 30 * DAY).state == "revoked"
        assert lab.told("revoked", NOW - DAY).code == "OCSP_OUT_OF_DATE"

    def test_an_answer_about_another_certificate(self, lab: Lab) -> None:
        data = lab.ocsp(lab.leaf(), "good")
        assert judge_ocsp(data, der(lab.leaf()), der(lab.issuer), NOW).code == "OCSP_OTHER_CERTIFICATE"

    def test_an_answer_about_the_same_number_of_another_issuer(self, lab: Lab) -> None:
        """The CertID names the issuer's key, so an answer of one authority is none of its namesake."""
        leaf = lab.leaf()
        by = lab.responder.issuers()[slug(lab.issuer.subject)]
        data = lab.responder.ocsp(by, "good", ocsp_request(leaf, lab.pki.untrusted.intermediate))
        assert judge_ocsp(data, der(leaf), der(lab.issuer), NOW).code == "OCSP_OTHER_CERTIFICATE"

    @pytest.mark.parametrize("wrong", ["purpose", "expired", "issuer"])
    def test_responders_that_are_not_charged(self, lab: Lab, wrong: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        signer = lab.pki.untrusted.intermediate_key if wrong == "issuer" else lab.pki.trusted.intermediate_key
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if wrong == "purpose" else ExtendedKeyUsageOID.OCSP_SIGNING
        end = NOW - HOUR if wrong == "expired" else NOW + DAY
        delegate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Responder")]))
            .issuer_name(lab.issuer.subject)
            .public_key(key.public_key())
            .serial_number(7)
            .not_valid_before(NOW - DAY)
            .not_valid_after(end)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .sign(signer, hashes.SHA256())  # type: ignore[arg-type]
        )
        leaf = lab.leaf()
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response(leaf, lab.issuer, hashes.SHA256(), ocsp.OCSPCertStatus.GOOD, NOW, None, None, None)
            .certificates([delegate])
            .responder_id(ocsp.OCSPResponderEncoding.NAME, delegate)
        )
        data = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
        assert judge_ocsp(data, der(leaf), der(lab.issuer), NOW).code == "OCSP_SIGNATURE"

    @pytest.mark.parametrize(("after", "code"), [(6 * DAY, "OK"), (8 * DAY, "OCSP_OUT_OF_DATE")])
    def test_without_next_update_a_week_counts(self, lab: Lab, after: timedelta, code: str) -> None:
        leaf, key = lab.leaf(), lab.pki.trusted.intermediate_key
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response(leaf, lab.issuer, hashes.SHA256(), ocsp.OCSPCertStatus.GOOD, NOW, None, None, None)
            .responder_id(ocsp.OCSPResponderEncoding.HASH, lab.issuer)
        )
        data = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
        assert judge_ocsp(data, der(leaf), der(lab.issuer), NOW + after).code == code


def crl(
    lab: Lab,
    *extensions: tuple[x509.ExtensionType, bool],
    serial: int | None = None,
    reason: x509.ReasonFlags | None = None,
    end: datetime = NOW + DAY,
) -> bytes:
    """A CRL of the issuing authority."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(lab.issuer.subject)
    builder = builder.last_update(NOW - 10 * DAY).next_update(end)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    if serial is not None:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - DAY)
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    key = lab.pki.trusted.intermediate_key
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def scope(**how: Any) -> tuple[x509.IssuingDistributionPoint, bool]:
    names = how.pop("names", None)
    given: dict[str, Any] = {
        "full_name": [x509.UniformResourceIdentifier(name) for name in names] if names else None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**(given | how)), True


class TestCrl:
    def judged(self, lab: Lab, data: bytes, leaf: x509.Certificate | None = None, at: datetime = NOW) -> Answer:
        return judge_crl(data, der(leaf or lab.leaf()), der(lab.issuer), at)

    def test_states(self, lab: Lab) -> None:
        leaf = lab.leaf()
        assert self.judged(lab, crl(lab)).state == "good"
        assert self.judged(lab, crl(lab, serial=leaf.serial_number + 1), leaf).state == "good"
        assert self.judged(lab, crl(lab, serial=leaf.serial_number), leaf).state == "revoked"

    def test_dates(self, lab: Lab) -> None:
        leaf = lab.leaf()
        assert self.judged(lab, crl(lab, end=NOW - DAY)).code == "CRL_OUT_OF_DATE"
        assert self.judged(lab, crl(lab), at=NOW - 11 * DAY).code == "CRL_OUT_OF_DATE"
        old = crl(lab, serial=leaf.serial_number, end=NOW - DAY)
        assert self.judged(lab, old, leaf).state == "revoked"  # nobody takes a revocation back
        hold = crl(lab, serial=leaf.serial_number, end=NOW - DAY, reason=x509.ReasonFlags.certificate_hold)
        assert self.judged(lab, hold, leaf).code == "CRL_OUT_OF_DATE"  # but a hold

    def test_another_issuer(self, lab: Lab) -> None:
        by = lab.responder.issuers()
        data = lab.responder.crl(by[slug(lab.pki.untrusted.intermediate.subject)], "good")
        assert self.judged(lab, data).code == "CRL_SIGNATURE"
        data = lab.responder.crl(by[slug(lab.issuer.subject)], "wrong-signer")
        assert self.judged(lab, data).code == "CRL_SIGNATURE"

    @pytest.mark.parametrize(
        "how",
        [
            {"only_contains_ca_certs": True},
            {"only_contains_attribute_certs": True},
            {"indirect_crl": True},
            {"only_some_reasons": frozenset({x509.ReasonFlags.key_compromise})},
            {"names": ["http://elsewhere.example/part-7.crl"]},
        ],
    )
    def test_a_list_that_does_not_cover_it(self, lab: Lab, how: Mapping[str, Any]) -> None:
        assert self.judged(lab, crl(lab, scope(**how))).code == "CRL_SCOPE"

    @pytest.mark.parametrize(
        "how", [{"only_contains_user_certs": True}, {"names": [CRL_URL]}, {"names": ["ldap://x", CRL_URL]}]
    )
    def test_a_list_that_does(self, lab: Lab, how: Mapping[str, Any]) -> None:
        assert self.judged(lab, crl(lab, scope(**how))).state == "good"

    def test_delta_and_unknown_extensions(self, lab: Lab) -> None:
        assert self.judged(lab, crl(lab, (x509.DeltaCRLIndicator(1), True))).code == "CRL_SCOPE"
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
        assert self.judged(lab, crl(lab, (unknown, True))).code == "CRL_SCOPE"
        assert self.judged(lab, crl(lab, (unknown, False))).state == "good"


class TestSources:
    def test_what_is_asked(self, lab: Lab) -> None:
        found = questions(lab.leaf(), lab.issuer)
        assert [(one.method, one.url) for one in found] == [
            ("POST", "http://pki.lab-authority.example/lab-issuing-ca/good"),
            ("GET", CRL_URL),
        ]
        assert len({one.key for one in found}) == 2

    @pytest.mark.parametrize(
        ("url", "place"),
        [
            ("http://a.example", Place("a.example", 80, "/")),
            ("http://A.Example:8080/x?y=1#z", Place("a.example", 8080, "/x?y=1")),
            ("http://192.0.2.1/", Place("192.0.2.1", 80, "/")),
            ("http://[2001:db8::1]:81/", Place("2001:db8::1", 81, "/")),
            ("https://a.example/", None),
            ("ldap://a.example/", None),
            ("http://user@a.example/", None),
            ("http://a.example:0/", None),
            ("http://a.example:99999/", None),
            ("http:///x", None),
            ("http://a b/", None),
            ("http://a.example/x y", None),
            ("http://a.example/x\r\nHost: b", None),
            ("http://\u00e4.example/", None),
            ("http://[::1/", None),
            (f"http://{'a.' * 130}example/", None),
            (f"http://a.example/{'x' * 3000}", None),
            ("", None),
        ],
    )
    def test_places(self, url: str, place: Place | None) -> None:
        found = place_of(url)
        # urlsplit drops line ends; what is left must never hold one.
        assert found == place or (found is not None and "\n" in url and "\n" not in found.target)


def fetched(key: str, method: str, body: bytes, *, status: int = 200, ended: str = "answered") -> Observation[Fetch]:
    return Observation(
        key, NOW, Fetch("http://x/", method, "127.0.0.1:80", True, b"", status, body, False, ended), None
    )


class TestTogether:
    def seen(self, lab: Lab, leaf: x509.Certificate, **said: bytes | Failure) -> Revocations:
        """What the two sources of a certificate said."""
        observations: dict[str, Observation[Any]] = {}
        for question in questions(leaf, lab.issuer):
            answer = said.get("ocsp" if question.method == "POST" else "crl")
            if isinstance(answer, Failure):
                observations[question.key] = Observation(question.key, NOW, None, answer)
            elif answer is not None:
                observations[question.key] = fetched(question.key, question.method, answer)
        return Revocations(observations)

    def test_a_revocation_wins_over_a_good_answer(self, lab: Lab) -> None:
        leaf = lab.leaf()
        known = self.seen(lab, leaf, ocsp=lab.ocsp(leaf, "good"), crl=crl(lab, serial=leaf.serial_number))
        found = known.of(der(leaf), der(lab.issuer))
        assert (found.state, found.how) == ("revoked", "crl")

    def test_one_good_answer_is_enough(self, lab: Lab) -> None:
        leaf = lab.leaf()
        known = self.seen(lab, leaf, ocsp=Failure(Reason.TIMEOUT, "15 s"), crl=crl(lab))
        assert known.of(der(leaf), der(lab.issuer)).state == "good"

    def test_the_first_reason_is_told(self, lab: Lab) -> None:
        leaf = lab.leaf()
        known = self.seen(lab, leaf, ocsp=lab.ocsp(leaf, "unknown"), crl=b"junk")
        assert known.of(der(leaf), der(lab.issuer)).code == "OCSP_UNKNOWN"

    def test_not_asked(self, lab: Lab) -> None:
        leaf = lab.leaf()
        assert Revocations({}).of(der(leaf), der(lab.issuer)).code == "NOT_PROBED"
        assert Revocations({}).of(der(leaf), None).code == "ISSUER_UNSEEN"
        bare = lab.leaf(Variant.NO_ADDRESSES)
        assert Revocations({}).of(der(bare), der(lab.issuer)).state == "no-address"

    @pytest.mark.parametrize(
        ("status", "at", "state"),
        [("good", NOW, "good"), ("revoked", NOW, "revoked"), ("good", NOW + 30 * DAY, "unseen")],
    )
    def test_a_staple_counts_at_its_time(self, lab: Lab, status: str, at: datetime, state: str) -> None:
        leaf = lab.leaf()
        staples = (Staple(lab.ocsp(leaf, status), at),)
        found = Revocations({}).of(der(leaf), der(lab.issuer), staples)
        assert found.state == state
        assert found.how == "staple"

    def test_a_path(self, lab: Lab) -> None:
        chain = lab.pki.chain(HOST)
        path = served_path([der(c) for c in chain.sent], (der(lab.pki.trusted.root),), NOW)
        staple = Staple(lab.ocsp(chain.leaf, "good"), NOW)
        found = Revocations({}).of_path(path, (staple,))
        assert [(one.state, one.code) for one in found] == [("good", "OK"), ("unseen", "NOT_PROBED")]


def test_signatures_by_rsa(lab: Lab) -> None:
    """PKCS#1 v1.5 and PSS, whose parameters have to be found."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "RSA authority")])
    issuer = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + DAY)
        .sign(key, hashes.SHA256())
    )
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(name)
        .public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
        .serial_number(2)
        .not_valid_before(NOW)
        .not_valid_after(NOW + DAY)
        .sign(key, hashes.SHA256(), rsa_padding=padding.PSS(padding.MGF1(hashes.SHA256()), 32))
    )
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(leaf, issuer, hashes.SHA1(), ocsp.OCSPCertStatus.GOOD, NOW, NOW + DAY, None, None)
        .responder_id(ocsp.OCSPResponderEncoding.HASH, issuer)
    )
    data = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    assert judge_ocsp(data, der(leaf), der(issuer), NOW).state == "good"
    lists = x509.CertificateRevocationListBuilder().issuer_name(name).last_update(NOW).next_update(NOW + DAY)
    assert (
        judge_crl(lists.sign(key, hashes.SHA256()).public_bytes(Encoding.DER), der(leaf), der(issuer), NOW).code == "OK"
    )
