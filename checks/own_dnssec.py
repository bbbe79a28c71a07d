"""Our own checks around DNSSEC, for which there is no test case: every authoritative server, how zones are signed."""

from __future__ import annotations

from tr03108 import MailDomain, Result, Rules, Status, ZoneSigning, absent, check, marginal, met, unmet, unseen

_RSA_BITS = 2048  # RFC 6781 section 3.4.2 with BSI TR-02102-1 section 2.3: below, nobody should sign any more


@check(id="inbound-dane.all-servers", each="domain")
def check_all_servers(domain: MailDomain, rules: Rules) -> Result:
    """Every authoritative server of the domain's and its mail hosts' zones gives the same, signed answers."""
    seen = domain.all_servers
    if seen is None:
        return unseen("NOT_PROBED", detail="decided through the resolver alone")
    evidence = {"place": seen.place, "detail": seen.detail, "servers": seen.servers}
    if seen.code == "OK":
        return met(servers=seen.servers)
    if seen.unmet:
        return unmet(seen.code, **evidence)
    if seen.unseen:
        return unseen(seen.code, cause=seen.code, **evidence)
    return marginal(seen.code, **evidence)


@check(id="dnssec.algorithms", each="domain")
def check_algorithms(domain: MailDomain, rules: Rules) -> Result:
    """The zones sign without SHA-1 and short RSA keys, and every record set with every algorithm of their keys."""
    zones = domain.signing
    for zone in zones:
        if zone.sha1 is not None:
            return unmet("DNSSEC_SHA1", place=zone.name, detail=zone.sha1, zones=zones)
    for zone in zones:
        short = [key.text for key in zone.keys if key.bits is not None and key.bits < _RSA_BITS]
        if short:
            return unmet("DNSSEC_KEY_SHORT", place=zone.name, detail="; ".join(short), zones=zones)
    for zone in zones:
        if zone.incomplete:
            detail = "; ".join(zone.incomplete[:5])
            return unmet("DNSSEC_ALGORITHM_INCOMPLETE", place=zone.name, detail=detail, zones=zones)
    return _without_sight(zones) or met(zones=zones)


@check(id="dnssec.nsec3-parameters", each="domain")
def check_nsec3_parameters(domain: MailDomain, rules: Rules) -> Result:
    """Zones signed with NSEC3 use no additional iterations and no salt (RFC 9276 section 3.1)."""
    zones = domain.signing
    told = [
        (max(iterations for iterations, _ in zone.nsec3), next((salt for _, salt in zone.nsec3 if salt), ""), zone)
        for zone in zones
        if zone.nsec3
    ]
    for iterations, salt, zone in sorted(told, key=lambda each: -each[0]):
        told_of = {"place": zone.name, "iterations": iterations, "salt": salt or None, "zones": zones}
        if iterations > 0:
            return unmet("NSEC3_PARAMETERS", **told_of)
        if salt:
            return marginal("NSEC3_PARAMETERS", **told_of)
    trouble = _without_sight(zones)
    if trouble is not None:
        return trouble
    unknown = [zone.name for zone in zones if zone.status is Status.SECURE and not zone.nsec3 and not zone.nsec]
    if unknown:
        return unseen("NOT_PROBED", detail=f"no denial of {', '.join(unknown)} was seen", zones=zones)
    return met(zones=zones)


def _without_sight(zones: tuple[ZoneSigning, ...]) -> Result | None:
    """A zone that could not be seen leaves the question open; where no zone is secure there is nothing to judge."""
    for zone in zones:
        if zone.status is Status.INDETERMINATE:
            code = zone.cause or "DNS_TIMEOUT"
            return unseen(code, place=zone.name, detail=zone.detail, cause=code, zones=zones)
    if not zones:
        return unseen("MX_UNSEEN", detail="no zone was seen")
    if not any(zone.status is Status.SECURE for zone in zones):
        code = zones[0].cause or "DNSSEC_INSECURE"
        return absent(code, place=zones[0].name, detail=zones[0].detail, cause=code, zones=zones)
    return None
