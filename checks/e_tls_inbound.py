"""TR-03108-P module E: certificates and STARTTLS, E-05 and E-12, and own checks of port 25.

Sources: RFC 3207, 5280, 9525; TR-03116-4; TR-02102-2.
"""

from __future__ import annotations

from tr03108 import (
    Result,
    Rules,
    Service,
    SmtpService,
    absent,
    certificate_cases,
    check,
    marginal,
    met,
    not_offered,
    unmet,
    unseen,
    without_handshake,
)


@check("TR-03108-E-05", id="certificate.pkix", each="service_address")
def check_certificate(service: Service, rules: Rules) -> Result:
    """Each certificate names the host, its path leads to a trusted root on the as-of date, and none is revoked."""
    return certificate_cases.certificate(service, rules)


@check("TR-03108-E-12", id="starttls.offered", each="starttls_address")
def check_starttls_offered(service: Service, rules: Rules) -> Result:
    """STARTTLS is announced, accepted and ends in a completed handshake.

    A closed port for mail clients is a recommendation that is not followed (02-R); port 25 has to be open (03-M).
    """
    starttls = service.starttls
    if starttls.unseen:
        code = service.blind_code or starttls.code
        return unseen(code, because=starttls.code, detail=starttls.detail, starttls=starttls)
    if not starttls.works:
        closed = starttls.code == "PORT_REFUSED" and service.kind.name != "smtp"
        answer = not_offered if closed else unmet
        return answer(starttls.code, detail=starttls.detail, starttls=starttls)
    if starttls.inconsistent:
        return marginal("STARTTLS_INCONSISTENT", detail="", starttls=starttls)
    chosen = service.negotiated
    if chosen is None:
        return met(starttls=starttls)
    return met(version=chosen.version, suite=chosen.suite_name, group=chosen.group_name, starttls=starttls)


@check(id="starttls.plaintext-refused", each="mail_address")
def check_plaintext_refused(service: SmtpService, rules: Rules) -> Result:
    """Without TLS the server refuses MAIL (RFC 3207 section 4: reply 530), whether it offers TLS or not.

    Without an answer to MAIL, a closed port has nothing to refuse; any other server was not asked.
    """
    plaintext = service.plaintext_mail
    if plaintext is None:
        if service.starttls.unseen:
            return without_handshake(service)
        closed = service.starttls.code == "PORT_REFUSED"
        return absent("NO_TLS", because="PORT_REFUSED") if closed else unseen("NOT_PROBED")
    evidence = {"reply": plaintext.reply, "detail": plaintext.detail, "dialogue": list(plaintext.dialogue)}
    if plaintext.code == "OK":
        return met(**evidence)
    if plaintext.code == "PLAINTEXT_ACCEPTED":
        return unmet("PLAINTEXT_ACCEPTED", **evidence)
    return unseen(plaintext.code, because=plaintext.code, **evidence)


@check(id="tls.negotiated", each="mail_address")
def check_negotiated(service: SmtpService, rules: Rules) -> Result:
    """Version, suite and group that the server chose from a wide offer are those of the TLS policy."""
    if not service.starttls.works:
        return without_handshake(service)
    chosen = service.negotiated
    if chosen is None:
        return unseen("STARTTLS_UNSEEN", because="TLS_UNREADABLE", detail="the server's choice cannot be read")
    year = rules.as_of.year
    evidence = {
        "version": chosen.version,
        "suite": chosen.suite_name,
        "group": chosen.group_name,
        "year": year,
        "editions": ", ".join(rules.tls.editions),
    }
    version = rules.tls.version(chosen.version)
    if version.status != "listed":
        return unmet("TLS_VERSION_FORBIDDEN", rule=version.source, **evidence)
    suite = rules.tls.suite(chosen.suite, chosen.version, year, name=chosen.suite_name)
    if suite.status == "forbidden" or (suite.status == "unlisted" and suite.source is None):
        return unmet("SUITE_FORBIDDEN", rule=suite.source, reason=suite.reason, **evidence)
    doubts = []
    if suite.status == "unlisted":
        doubts.append(("SUITE_NOT_LISTED", suite))
    elif suite.status == "expired":
        doubts.append(("RECOMMENDATION_EXPIRED", suite))
    if chosen.ephemeral:
        if chosen.group is None and chosen.dh_bits is None:
            return unseen("GROUP_UNSEEN", **evidence)
        group = rules.tls.group(chosen.group, chosen.version, year, bits=chosen.dh_bits, name=chosen.group_name)
        if group.status in ("forbidden", "too-small"):
            return unmet("GROUP_TOO_SMALL", rule=group.source, **evidence)
        if group.status == "unlisted":
            known = group.source is not None  # at least 120 bits; any other unlisted group is not tolerated
            if rules.parameters.strict_groups or not known:
                return unmet("GROUP_NOT_LISTED", rule=group.source, **evidence)
            doubts.append(("GROUP_NOT_LISTED", group))
        elif group.status == "expired":
            doubts.append(("RECOMMENDATION_EXPIRED", group))
    if doubts:
        code, rating = doubts[0]
        return marginal(code, rule=rating.source, until=rating.until_year, thing=rating.name, **evidence)
    return met(until=suite.until_year, **evidence)
