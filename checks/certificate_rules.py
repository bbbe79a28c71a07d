"""The rules on certificates of TR-03116-4 section 6.1, at every service address over all chains that it serves.

Name, path and dates are E-05. A root is in the auditor's store, not with the server: its own signature protects nothing
and it is asked for no address of revocation; its key, its key usage and its validity count.
"""

from __future__ import annotations

from tr03108 import (
    CertificateFacts,
    Result,
    Rules,
    Service,
    Trouble,
    Troubles,
    absent,
    certificate_cases,
    check,
    judge_certificates,
    met,
    no_certificate,
    unmet,
    unseen,
)

_LEAF_NEEDS = {"digitalSignature"}
_CA_NEEDS = {"keyCertSign", "cRLSign"}
_SERVER_PURPOSES = {"serverAuth", "clientAuth"}  # mail servers are clients too, with the same certificate


@check(id="certificate.key-size", each="service_address")
def check_key_size(service: Service, rules: Rules) -> Result:
    """Keys are long enough and on a named, listed curve."""
    if any(chain.explicit_curve for chain in service.chains(rules.roots, rules.as_of)):
        return unmet("CURVE_EXPLICIT", chain=service.certificates)
    return judge_certificates(service, rules, _key_size, "every")


def _key_size(certificate: CertificateFacts, rules: Rules) -> Troubles:
    if certificate.explicit_curve:
        yield Trouble("CURVE_EXPLICIT", certificate)
    issues = certificate.role != "end-entity"
    rating = rules.certificates.key(certificate.key_type, certificate.bits, certificate.curve, issues=issues)
    told = {"thing": rating.name, "until": rating.until_year, "rule": rating.source}
    if rating.status == "too-small":
        yield Trouble("KEY_TOO_SHORT", certificate, told=told)
    elif rating.status == "unlisted":
        yield Trouble("KEY_NOT_LISTED", certificate, rules.parameters.strict_groups, told)
    elif rating.status == "expired":
        yield Trouble("RECOMMENDATION_EXPIRED", certificate, False, told)


@check(id="certificate.signature", each="service_address")
def check_signature(service: Service, rules: Rules) -> Result:
    """Every certificate but a root is signed by a listed algorithm with a sufficient hash."""
    return judge_certificates(service, rules, _signature, "below-root")


def _signature(certificate: CertificateFacts, rules: Rules) -> Troubles:
    rating = rules.certificates.signature(
        certificate.signature, certificate.hash_bits, certificate.hash, certificate.mask_hash
    )
    told = {"thing": certificate.signed_by, "until": rating.until_year, "rule": rating.source}
    if rating.status in ("too-small", "forbidden"):
        yield Trouble("CERT_SIGNATURE_WEAK", certificate, told=told)
    elif rating.status == "expired":
        yield Trouble("RECOMMENDATION_EXPIRED", certificate, False, told)
    elif rating.status == "unlisted":
        yield Trouble("CERT_SIGNATURE_NOT_LISTED", certificate, False, told)


@check(id="certificate.validity", each="service_address")
def check_validity(service: Service, rules: Rules) -> Result:
    """The server's certificate and intermediates are valid for no longer than allowed."""
    return judge_certificates(service, rules, _validity, "below-root")


@check(id="certificate.root-validity", each="service_address")
def check_root_validity(service: Service, rules: Rules) -> Result:
    """The root is valid for no longer than recommended."""
    return judge_certificates(service, rules, _validity, "roots")


def _validity(certificate: CertificateFacts, rules: Rules) -> Troubles:
    limit = rules.certificates.validity(certificate.role)
    if limit is not None and certificate.valid_longer_than(limit.years):
        told = {"years": certificate.years, "limit": limit.years, "rule": limit.source}
        yield Trouble("VALIDITY_TOO_LONG", certificate, told=told)


@check(id="certificate.key-usage", each="service_address")
def check_key_usage(service: Service, rules: Rules) -> Result:
    """KeyUsage is there, critical and as narrow as possible."""
    return judge_certificates(service, rules, _key_usage, "every")


def _key_usage(certificate: CertificateFacts, rules: Rules) -> Troubles:
    if certificate.key_usage is None:
        yield Trouble("KEY_USAGE_MISSING", certificate)
        return
    usage, leaf = set(certificate.key_usage), certificate.role == "end-entity"
    told: dict[str, object] = {"usage": ", ".join(certificate.key_usage)}
    needed = _LEAF_NEEDS if leaf else _CA_NEEDS
    if not needed <= usage or (leaf and usage & _CA_NEEDS):
        yield Trouble("KEY_USAGE_WRONG", certificate, told=told)
    if not certificate.key_usage_critical:
        yield Trouble("KEY_USAGE_NOT_CRITICAL", certificate, told=told)
    # A CA may sign OCSP answers itself, which digitalSignature is for (RFC 5280 section 4.2.1.3).
    if usage - _LEAF_NEEDS - _CA_NEEDS:
        yield Trouble("KEY_USAGE_WIDE", certificate, False, told)


@check(id="certificate.extended-key-usage", each="service_address")
def check_extended_key_usage(service: Service, rules: Rules) -> Result:
    """The server's certificate says that it is for TLS servers, and for little else."""
    return judge_certificates(service, rules, _extended_key_usage, "server")


def _extended_key_usage(certificate: CertificateFacts, rules: Rules) -> Troubles:
    if certificate.purposes is None:
        yield Trouble("EXTENDED_KEY_USAGE_MISSING", certificate)
        return
    told: dict[str, object] = {"purposes": ", ".join(certificate.purposes)}
    if "serverAuth" not in certificate.purposes:
        yield Trouble("EXTENDED_KEY_USAGE_WRONG", certificate, told=told)
    elif set(certificate.purposes) - _SERVER_PURPOSES:
        yield Trouble("EXTENDED_KEY_USAGE_WIDE", certificate, False, told)


@check(id="certificate.basic-constraints", each="service_address")
def check_basic_constraints(service: Service, rules: Rules) -> Result:
    """CA certificates have a critical BasicConstraints with a small path length."""
    return judge_certificates(service, rules, _basic_constraints, "authorities")


def _basic_constraints(certificate: CertificateFacts, rules: Rules) -> Troubles:
    if certificate.constraints_critical is None or not certificate.is_ca:
        yield Trouble("CONSTRAINTS_MISSING", certificate)
        return
    if not certificate.constraints_critical:
        yield Trouble("CONSTRAINTS_NOT_CRITICAL", certificate)
    told: dict[str, object] = {"length": certificate.path_length, "needed": certificate.needed_path_length}
    if certificate.path_length is None:  # what else a root has to carry is not seen here
        yield Trouble("PATH_LENGTH_MISSING", certificate, certificate.role != "root", told)
    elif certificate.path_length > certificate.needed_path_length:
        yield Trouble("PATH_LENGTH_LARGE", certificate, False, told)


@check(id="certificate.key-order", each="service_address")
def check_key_order(service: Service, rules: Rules) -> Result:
    """No certificate is issued with a key shorter than its own; keys of different types are not compared."""
    return judge_certificates(service, rules, _key_order, "issued")


def _key_order(certificate: CertificateFacts, rules: Rules) -> Troubles:
    if certificate.issuer_bits is not None and certificate.issuer_bits < certificate.bits:
        told: dict[str, object] = {"thing": certificate.key, "issuer_bits": certificate.issuer_bits}
        yield Trouble("ISSUER_KEY_SHORTER", certificate, told=told)


@check(id="certificate.no-wildcard", each="service_address")
def check_no_wildcard(service: Service, rules: Rules) -> Result:
    """No certificate has a wildcard in its names."""
    return judge_certificates(service, rules, _no_wildcard, "every")


def _no_wildcard(certificate: CertificateFacts, rules: Rules) -> Troubles:
    if certificate.wildcards:
        yield Trouble("WILDCARD_NAME", certificate, told={"names": ", ".join(certificate.wildcards)})


@check(id="certificate.revocation-information", each="service_address")
def check_revocation_information(service: Service, rules: Rules) -> Result:
    """Every certificate but a root says where its revocation can be asked for."""
    return judge_certificates(service, rules, _revocation_information, "below-root")


def _revocation_information(certificate: CertificateFacts, rules: Rules) -> Troubles:
    if not certificate.ocsp and not certificate.crls:
        yield Trouble("REVOCATION_ADDRESS_MISSING", certificate)


@check(id="certificate.revocation-checked", each="service_address")
def check_revocation_checked(service: Service, rules: Rules) -> Result:
    """What responders and CRLs say of the certificates was seen, and none is revoked."""
    nothing = no_certificate(service)
    if nothing is not None:
        return nothing
    found = service.revocation(rules.roots, rules.as_of)
    evidence: dict[str, object] = {"revocations": found}
    for one in found:
        if one.state == "revoked":
            told = {"certificate": one.subject, "since": f"{one.since:%Y-%m-%d}" if one.since else None}
            return unmet("CERTIFICATE_REVOKED", see="TR-03108-E-05", cause=one.reason, **told, **evidence)
    for one in found:
        if one.state == "unseen":
            code = "NOT_PROBED" if one.code == "NOT_PROBED" else "REVOCATION_UNSEEN"
            return unseen(code, certificate=one.subject, because=one.code, detail=one.detail, **evidence)
    good = [one for one in found if one.state == "good"]
    if not good:
        return absent("NO_REVOCATION_ADDRESS", see="certificate.revocation-information", **evidence)
    return met(ways=", ".join(dict.fromkeys(one.how for one in good)), **evidence)


@check("TR-03108-E-06", id="certificate.trusted-ca", each="service_address")
def check_trusted_ca(service: Service, rules: Rules) -> Result:
    """The certificates come from an authority that the operator declared to meet TR-03116-4."""
    return certificate_cases.declared_authority(service, rules)
