"""TR-03108-P module E: how mail clients are led to implicit TLS, E-13 to E-23, and what belongs to it.

Sources: TR-03108 v2.0 section 4.1.1 (01-M.c to 01-M.f); RFC 2782, 6186, 8314; Mozilla Autoconfig; MS-OXDSCLI.
"""

from __future__ import annotations

from tr03108 import (
    SERVICE_KINDS,
    Clients,
    Configuration,
    Result,
    Rules,
    absent,
    asked,
    check,
    client_targets,
    met,
    places_of_configuration,
    ranked_behind,
    unmet,
    unseen,
)


@check("TR-03108-E-13", id="autodiscover.offered", each="clients")
def check_autodiscover(clients: Clients, rules: Rules) -> Result:
    """Autodiscover answers over HTTPS with a certificate that clients take; or Autoconfig does in its place."""
    return _offered(clients.autodiscover, clients.autoconfig, rules, "AUTODISCOVER_MISSING")


@check("TR-03108-E-14", id="autodiscover.submission", each="clients")
def check_autodiscover_submission(clients: Clients, rules: Rules) -> Result:
    """Autodiscover's first SMTP server wants implicit TLS, and gives it."""
    return client_targets.setting(clients.autodiscover, "submission", clients, rules)


@check("TR-03108-E-15", id="autodiscover.imap", each="clients")
def check_autodiscover_imap(clients: Clients, rules: Rules) -> Result:
    """Autodiscover's first IMAP server wants implicit TLS, and gives it."""
    return client_targets.setting(clients.autodiscover, "imap", clients, rules)


@check("TR-03108-E-16", id="autodiscover.pop3", each="clients")
def check_autodiscover_pop3(clients: Clients, rules: Rules) -> Result:
    """Autodiscover's first POP3 server wants implicit TLS, and gives it."""
    return client_targets.setting(clients.autodiscover, "pop3", clients, rules)


@check("TR-03108-E-17", id="autoconfig.offered", each="clients")
def check_autoconfig(clients: Clients, rules: Rules) -> Result:
    """Autoconfig answers over HTTPS with a certificate that clients take; or Autodiscover does in its place."""
    return _offered(clients.autoconfig, clients.autodiscover, rules, "AUTOCONFIG_MISSING")


@check("TR-03108-E-18", id="autoconfig.submission", each="clients")
def check_autoconfig_submission(clients: Clients, rules: Rules) -> Result:
    """Autoconfig's first SMTP server wants implicit TLS, and gives it."""
    return client_targets.setting(clients.autoconfig, "submission", clients, rules)


@check("TR-03108-E-19", id="autoconfig.imap", each="clients")
def check_autoconfig_imap(clients: Clients, rules: Rules) -> Result:
    """Autoconfig's first IMAP server wants implicit TLS, and gives it."""
    return client_targets.setting(clients.autoconfig, "imap", clients, rules)


@check("TR-03108-E-20", id="autoconfig.pop3", each="clients")
def check_autoconfig_pop3(clients: Clients, rules: Rules) -> Result:
    """Autoconfig's first POP3 server wants implicit TLS, and gives it."""
    return client_targets.setting(clients.autoconfig, "pop3", clients, rules)


@check("TR-03108-E-21", id="srv.submissions", each="clients")
def check_srv_submissions(clients: Clients, rules: Rules) -> Result:
    """SRV records lead to submission with implicit TLS."""
    return client_targets.srv_record(SERVICE_KINDS["submissions"], clients, rules)


@check("TR-03108-E-22", id="srv.imaps", each="clients")
def check_srv_imaps(clients: Clients, rules: Rules) -> Result:
    """SRV records lead to IMAP with implicit TLS, where there is IMAP."""
    return client_targets.srv_record(SERVICE_KINDS["imaps"], clients, rules)


@check("TR-03108-E-23", id="srv.pop3s", each="clients")
def check_srv_pop3s(clients: Clients, rules: Rules) -> Result:
    """SRV records lead to POP3 with implicit TLS, where there is POP3."""
    return client_targets.srv_record(SERVICE_KINDS["pop3s"], clients, rules)


def _offered(configuration: Configuration, other: Configuration, rules: Rules, missing: str) -> Result:
    """One of both ways suffices: the missing one fails only where the other one is of no use, too."""
    found = configuration.offered(rules.roots, rules.as_of)
    evidence: dict[str, object] = {
        "url": found.visit.hops[-1].page.text,
        "locations": [location.evidence() for location in configuration.locations],
    }
    if found.state == "document":
        return met(**evidence)
    if found.state == "credentials":
        return met(reason="CREDENTIALS_NEEDED", **evidence)
    if found.state in ("unseen", "wanted"):
        return unseen("CONFIGURATION_UNSEEN", detail=found.detail or found.visit.detail, **evidence)
    if found.state == "broken":
        because = found.detail if found.code == "CONFIGURATION_CERTIFICATE" else None
        exchange = found.visit.exchange
        status = exchange.status if exchange is not None else None
        detail = found.detail or found.visit.detail
        return unmet(found.code, because=because, detail=detail, status=status, **evidence)
    instead = other.offered(rules.roots, rules.as_of)
    if instead.state in ("document", "credentials"):
        return absent("NOT_OFFERED", **evidence)
    if instead.state in ("unseen", "wanted"):
        return unseen("CONFIGURATION_UNSEEN", detail=instead.detail or instead.visit.detail, **evidence)
    return unmet(missing, **evidence)


@check(id="autodiscover.json", each="clients")
def check_autodiscover_json(clients: Clients, rules: Rules) -> Result:
    """Autodiscover answers with JSON, too; information."""
    seen = clients.json
    if seen.end in ("unseen", "wanted"):
        return unseen("CONFIGURATION_UNSEEN", detail=seen.detail, url=seen.page.text)
    if not clients.speaks_json(rules.roots, rules.as_of):
        return unmet("AUTODISCOVER_JSON_MISSING", detail=seen.detail, url=seen.page.text)
    return met(url=seen.page.text)


@check(id="client-services.implicit-first", each="clients")
def check_implicit_first(clients: Clients, rules: Rules) -> Result:
    """No SRV record and no setting prefers STARTTLS to implicit TLS (RFC 8314 section 5.1)."""
    unknown = next((srv for srv in clients.srv.values() if srv.unseen), None)
    behind, compared = ranked_behind(clients)
    if behind:
        return unmet("IMPLICIT_NOT_FIRST", thing=behind[0], things="; ".join(behind), compared=list(compared))
    if unknown is not None:
        return unseen("SRV_UNSEEN", name=unknown.lookup.name, cause=unknown.lookup.cause)
    hidden = clients.autoconfig.lookup_failed or clients.autodiscover.lookup_failed
    if hidden:
        return unseen("CONFIGURATION_UNSEEN", detail=hidden)
    if not compared:
        return absent("NOTHING_TO_RANK")
    return met(compared=list(compared))


@check(id="configuration.on-premises", each="clients")
def check_on_premises(clients: Clients, rules: Rules) -> Result:
    """Autoconfig and Autodiscover are run by the provider itself, which only the provider can say."""
    hosts = places_of_configuration(clients)
    if not hosts:
        states = {c.offered(rules.roots, rules.as_of).state for c in (clients.autoconfig, clients.autodiscover)}
        return unseen("CONFIGURATION_UNSEEN") if states & {"unseen", "wanted"} else absent("NOT_OFFERED")
    elsewhere = [host.name for host in hosts if host.elsewhere]
    evidence: dict[str, object] = {"hosts": ", ".join(host.name for host in hosts), "seen": hosts}
    if elsewhere:
        return asked("CONFIGURATION_ELSEWHERE", elsewhere=", ".join(elsewhere), **evidence)
    return asked("MANUAL_PREMISES", **evidence)
