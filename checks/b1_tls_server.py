"""TR-03116-TS module B1: the TLS server cases that can be put to a mail server from outside.

BSI's test tool is told by a declaration (ICS) what to expect. Here nobody declares anything: what the TLS policy lists
counts as declared. The negative cases want a fatal alert that fits; tls_refusals says what becomes of other ends.
Sources: TR-03116-TS v1.1 module B1 and its Annex section 2.6; TR-03116-4 chapter 2; RFC 5246, 6066, 6520, 7366, 7627,
8446.
"""

from __future__ import annotations

from tr03108 import (
    Result,
    Rules,
    Service,
    absent,
    certificate_cases,
    check,
    features,
    listings,
    met,
    tls_cases,
    tls_features,
    tls_refusals,
    unseen,
    without_version,
)

_NOT_ALLOWED_TO_SEND = b"\x02"  # peer_not_allowed_to_send, RFC 6520 section 2


@check("TLS_B1_GP_01_T", id="b1.versions-and-suites", each="mail_address")
def check_versions_and_suites(service: Service, rules: Rules) -> Result:
    """A handshake with a listed version and suite succeeds, and no minimum is missing."""
    return tls_cases.versions_and_suites(service, rules)


@check("TLS_B1_GP_02", id="b1.other-suites", each="mail_address")
def check_other_suites(service: Service, rules: Rules) -> Result:
    """A hello with no other suites than unlisted ones ends in an alert; in every version, not in the newest alone."""
    return tls_refusals.with_alert(
        tls_cases.suites(service, rules),
        service,
        lambda answer: answer.topic == "suites" and not answer.question.endswith(".together"),
        tls_refusals.NOTHING_IN_COMMON,
    )


@check("TLS_B1_GP_03_T", id="b1.signatures", each="mail_address")
def check_signatures(service: Service, rules: Rules) -> Result:
    """The handshake is signed in the schemes asked for; who signed the certificate is the certificate rules' matter."""
    return tls_cases.required_signatures(service, rules)


@check("TLS_B1_GP_04", id="b1.other-curves", each="mail_address")
def check_other_curves(service: Service, rules: Rules) -> Result:
    """A hello with no other curves than unlisted ones, x25519 and x448 among them, ends in an alert."""
    return tls_refusals.with_alert(
        tls_cases.curves(service, rules),
        service,
        lambda answer: answer.topic == "groups",
        tls_refusals.NOTHING_IN_COMMON,
    )


@check("TLS_B1_GP_05_T", id="b1.other-versions", each="mail_address")
def check_other_versions(service: Service, rules: Rules) -> Result:
    """A hello of an old version, with the suites of its time, ends in an alert; one of SSLv2 has none to end in."""
    return tls_refusals.with_alert(
        tls_cases.versions(service, rules),
        service,
        lambda answer: answer.question.removeprefix("versions.") in listings.OLD and answer.offered is not None,
        tls_refusals.VERSION_UNKNOWN,
    )


@check("TLS_B1_GP_06", id="b1.dhe-length", each="mail_address")
def check_dhe_length(service: Service, rules: Rules) -> Result:
    """The primes of DHE are long enough."""
    return tls_cases.finite_fields(service, rules)


@check("TLS_B1_GP_07_T", id="b1.groups", each="mail_address")
def check_groups(service: Service, rules: Rules) -> Result:
    """Suites with forward secrecy work with the groups asked for."""
    return tls_cases.forward_secrecy_and_groups(service, rules)


@check("TLS_B1_GP_08", id="b1.weak-signatures", each="mail_address")
def check_weak_signatures(service: Service, rules: Rules) -> Result:
    """A hello with no other signature schemes than weak ones, for the keys the server has, ends in an alert."""
    return tls_refusals.with_alert(
        tls_cases.other_signatures(service, rules),
        service,
        lambda answer: answer.question.startswith("schemes.TLSv1.2"),
        tls_refusals.NOTHING_IN_COMMON,
    )


@check("TLS_B1_GP_09", id="b1.suite-preference", each="mail_address")
def check_suite_preference(service: Service, rules: Rules) -> Result:
    """A listed suite from the end of the client's list is chosen before another from its beginning."""
    return tls_cases.listed_suite_preferred(service, rules)


@check("TLS_B1_FR_01_T", id="b1.encrypt-then-mac", each="mail_address")
def check_encrypt_then_mac(service: Service, rules: Rules) -> Result:
    """Encrypt-then-MAC is granted with every CBC suite."""
    return tls_cases.encrypt_then_mac(service, rules)


@check("TLS_B1_FR_02_T", id="b1.truncated-hmac", each="mail_address")
def check_truncated_hmac(service: Service, rules: Rules) -> Result:
    """Truncated HMAC is not granted."""
    return tls_cases.no_truncated_hmac(service, rules)


@check("TLS_B1_FR_03", id="b1.certificate", each="mail_address")
def check_certificate(service: Service, rules: Rules) -> Result:
    """The certificate names the MX host, leads to a trusted root, is in date, and nothing is proven to be revoked."""
    return certificate_cases.certificate(service, rules)


@check("TLS_B1_FR_04", id="b1.certified-ca", each="mail_address")
def check_certified_ca(service: Service, rules: Rules) -> Result:
    """An authority that was declared stands anywhere in the path, not only as the second certificate."""
    return certificate_cases.declared_authority(service, rules)


@check("TLS_B1_FR_06", id="b1.ocsp-stapling", each="mail_address")
def check_ocsp_stapling(service: Service, rules: Rules) -> Result:
    """An OCSP response is stapled where the certificate names a responder."""
    return tls_features.ocsp_stapling(service, rules)


@check("TLS_B1_FR_07", id="b1.heartbeat-extension", each="mail_address")
def check_heartbeat_extension(service: Service, rules: Rules) -> Result:
    """The heartbeat extension is not answered, or only to say that none may be sent."""
    taken = features.heartbeat(service.tls)
    if taken is not None and taken.echoed(features.HEARTBEAT) == _NOT_ALLOWED_TO_SEND:
        return met(version=taken.version, mode="peer_not_allowed_to_send")
    return tls_features.heartbeat(service, rules)


@check("TLS_B1_FR_08", id="b1.heartbeat-request", each="mail_address")
def check_heartbeat_request(service: Service, rules: Rules) -> Result:
    """A heartbeat request is ignored. None is sent: nothing but a server's fault could answer one never agreed upon."""
    if (blind := tls_features.heartbeat(service, rules)).outcome not in ("MET", "UNMET"):
        return blind
    return unseen("NOT_PROBED", because="NOT_PROBED", detail="no heartbeat request was sent")


@check("TLS_B1_FR_09", id="b1.renegotiation", each="mail_address")
def check_renegotiation(service: Service, rules: Rules) -> Result:
    """The server does not let clients renegotiate."""
    return tls_features.client_renegotiation(service, rules)


@check("TLS_B1_FR_11", id="b1.extended-master-secret", each="mail_address")
def check_extended_master_secret(service: Service, rules: Rules) -> Result:
    """The extended master secret is granted."""
    return tls_cases.extended_master_secret(service, rules)


@check("TLS_B1_FR_12", id="b1.compression", each="mail_address")
def check_compression(service: Service, rules: Rules) -> Result:
    """Of DEFLATE and no compression the latter is chosen."""
    return tls_features.compression(service, rules)


@check("TLS_B1_FR_15", id="b1.session-id", each="mail_address")
def check_session_id(service: Service, rules: Rules) -> Result:
    """A session is resumed by its ID. Who gives none cannot; with those who do it is not tried."""
    if (blind := without_version(service, "TLSv1.2", "TLS12_NOT_SPOKEN")) is not None:
        return blind
    given = features.gives_session_ids(service.tls)
    if given is False:
        return absent("RESUMPTION_NOT_OFFERED")
    detail = "no session was resumed" if given else "every hello asked for a ticket instead"
    return unseen("NOT_PROBED", because="NOT_PROBED", detail=detail)


@check("TLS_B1_FR_16", id="b1.session-ticket", each="mail_address")
def check_session_ticket(service: Service, rules: Rules) -> Result:
    """A session is resumed by a ticket. Who gives none cannot; with those who do it is not tried."""
    found = tls_features.session_tickets(service, rules)
    if found.outcome != "MET":
        return found
    tickets = features.tickets(service.tls)
    if not tickets.tls12 and not tickets.tls13:
        return absent("RESUMPTION_NOT_OFFERED")
    return unseen("NOT_PROBED", because="NOT_PROBED", detail="no session was resumed", lifetime=tickets.lifetime)


@check("TLS_B1_FR_17", id="b1.early-data", each="mail_address")
def check_early_data(service: Service, rules: Rules) -> Result:
    """No ticket of TLS 1.3 allows early data; without that leave no client may send any (RFC 8446 section 4.2.10)."""
    return tls_features.early_data(service, rules)
