"""Revocation answers with any octet changed or cut: nothing is raised, and nothing is proven by what nobody signed."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tr03108.evaluate.revocation_answer import judge_crl, judge_ocsp
from tr03108.evaluate.revocation_sources import ocsp_request
from tr03108.lab.pki import Pki, Variant, slug
from tr03108.lab.responder import Responder

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def answers(variant: Variant) -> tuple[bytes, bytes, bytes, bytes]:
    """OCSP answer, CRL, certificate and issuer."""
    pki = Pki(NOW)
    chain, responder = pki.chain("mx1.example.org", variant), Responder(pki)
    issuer = pki.trusted.intermediate
    by = responder.issuers()[slug(issuer.subject)]
    status = "delegated" if variant is Variant.OCSP_DELEGATED else "good"
    said = responder.ocsp(by, status, ocsp_request(chain.leaf, issuer))
    leaf, above = (certificate.public_bytes(Encoding.DER) for certificate in (chain.leaf, issuer))
    return said, responder.crl(by, "good"), leaf, above


@pytest.mark.parametrize("variant", [Variant.GOOD, Variant.OCSP_DELEGATED, Variant.CRL_REVOKED])
def test_changed_answers_prove_nothing(variant: Variant) -> None:
    said, revoked, leaf, issuer = answers(variant)
    draw = random.Random(20261122)
    proven = 0
    for data, judge in ((said, judge_ocsp), (revoked, judge_crl)):
        assert judge(data, leaf, issuer, NOW).state != "unseen"
        for position in range(len(data)):
            changed = bytearray(data)
            changed[position] ^= draw.randrange(1, 256)
            answer = judge(bytes(changed), leaf, issuer, NOW)
            # A change outside of what is signed (tags of the envelope, key id of a delegate) may leave the proof whole.
            proven += answer.state != "unseen"
            assert answer.state in ("unseen", judge(data, leaf, issuer, NOW).state)
        for length in range(0, len(data), 7):
            assert judge(data[:length], leaf, issuer, NOW).state == "unseen"
    assert proven <= len(said) // 3


def test_junk_is_unreadable() -> None:
    said, _, leaf, issuer = answers(Variant.GOOD)
    draw = random.Random(7)
    for length in (0, 1, 2, 100, 10_000):
        junk = draw.randbytes(length)
        assert judge_ocsp(junk, leaf, issuer, NOW).code == "OCSP_UNREADABLE"
        assert judge_crl(junk, leaf, issuer, NOW).code == "CRL_UNREADABLE"
    assert judge_crl(said, leaf, issuer, NOW).code == "CRL_UNREADABLE"
    assert judge_ocsp(said, b"junk", issuer, NOW).state == "unseen"
    assert judge_ocsp(said, leaf, b"", NOW).state == "unseen"
