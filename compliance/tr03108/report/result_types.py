"""Our reason codes in the vocabulary of TLS reports (RFC 8460 section 4.3), for whoever compares an audit with them.

Not every reason has a type: a sender reports what broke a delivery, an audit also what would not.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tr03108.model import Finding, Outcome

RESULT_TYPES = (
    *("starttls-not-supported", "certificate-host-mismatch", "certificate-expired", "certificate-not-trusted"),
    *("validation-failure", "tlsa-invalid", "dnssec-invalid", "dane-required"),
    *("sts-policy-fetch-error", "sts-policy-invalid", "sts-webpki-invalid"),
)

BY_CODE: Mapping[str, str] = MappingProxyType(
    {
        # Section 4.3.1: negotiation
        "STARTTLS_MISSING": "starttls-not-supported",
        "STARTTLS_REFUSED": "starttls-not-supported",
        "STARTTLS_SILENT": "validation-failure",
        "STARTTLS_GARBAGE": "validation-failure",
        "STARTTLS_CLOSED": "validation-failure",
        "HANDSHAKE_ALERT": "validation-failure",
        "CERTIFICATE_NAME_MISMATCH": "certificate-host-mismatch",
        "CERTIFICATE_EXPIRED": "certificate-expired",
        "CERTIFICATE_NOT_YET_VALID": "certificate-not-trusted",
        "CERTIFICATE_SELF_SIGNED": "certificate-not-trusted",
        "CERTIFICATE_UNTRUSTED": "certificate-not-trusted",
        "CERTIFICATE_CHAIN_INCOMPLETE": "certificate-not-trusted",
        "CERTIFICATE_INVALID": "certificate-not-trusted",
        "CERTIFICATE_REVOKED": "certificate-not-trusted",
        # Section 4.3.2.1: DANE
        "TLSA_MISMATCH": "tlsa-invalid",
        "TLSA_MISMATCH_KEY_TYPE": "tlsa-invalid",
        "TLSA_UNUSABLE": "tlsa-invalid",
        "TLSA_NAME_MISMATCH": "certificate-host-mismatch",
        "TLSA_CHAIN_EXPIRED": "certificate-expired",
        "TLSA_ISSUER_NOT_SENT": "certificate-not-trusted",
        "TLSA_BOGUS": "dnssec-invalid",
        "TLSA_MISSING": "dane-required",
        "TLSA_INSECURE": "dane-required",
        "ADDRESS_INSECURE": "dane-required",
        "DNSSEC_INSECURE": "dane-required",
        "DNSSEC_ALGORITHM_UNSUPPORTED": "dane-required",
        "DNSSEC_EXPIRED": "dnssec-invalid",
        "DNSSEC_NOT_YET_VALID": "dnssec-invalid",
        "DNSSEC_SIGNATURE_INVALID": "dnssec-invalid",
        "DNSSEC_SIGNATURE_MISSING": "dnssec-invalid",
        "DNSSEC_KEY_MISSING": "dnssec-invalid",
        "DNSSEC_DS_MISMATCH": "dnssec-invalid",
        "DNSSEC_DENIAL_MISSING": "dnssec-invalid",
        "DNSSEC_DENIAL_INVALID": "dnssec-invalid",
        "DNSSEC_SIGNER_WRONG": "dnssec-invalid",
        # Section 4.3.2.2: MTA-STS
        "POLICY_HOST_MISSING": "sts-policy-fetch-error",
        "POLICY_UNREACHABLE": "sts-policy-fetch-error",
        "POLICY_HOST_BOGUS": "sts-policy-fetch-error",
        "POLICY_TLS": "sts-policy-fetch-error",
        "POLICY_TLS_VERSION": "sts-policy-fetch-error",
        "POLICY_HTTP": "sts-policy-fetch-error",
        "POLICY_SLOW": "sts-policy-fetch-error",
        "POLICY_STATUS": "sts-policy-fetch-error",
        "POLICY_REDIRECT": "sts-policy-fetch-error",
        "POLICY_TOO_LARGE": "sts-policy-fetch-error",
        "POLICY_CONTENT_TYPE": "sts-policy-invalid",
        "POLICY_ENCODED": "sts-policy-invalid",
        "POLICY_SYNTAX": "sts-policy-invalid",
        "POLICY_CERTIFICATE": "sts-webpki-invalid",
        "POLICY_MX_NOT_COVERED": "validation-failure",
    }
)
_BY_CAUSE = ("NO_TLS", "TLSA_MISMATCH_KEY_TYPE")  # what their evidence gives as the reason says more


def result_type(finding: Finding) -> str | None:
    """The result type a sender would report for what was found; None where it would report nothing."""
    if finding.outcome not in (Outcome.UNMET, Outcome.NOT_OFFERED):
        return None
    because = finding.evidence.get("because")
    if finding.code in _BY_CAUSE and isinstance(because, str) and because in BY_CODE:
        return BY_CODE[because]
    return BY_CODE.get(finding.code)
