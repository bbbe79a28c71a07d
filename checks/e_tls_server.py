"""TR-03108-P module E: what a server accepts in TLS, E-01-T to E-04-T and E-07 to E-11.

There is no declaration of the operator, so E-01-T, E-02-T, E-08, E-09-T, E-10 and E-11 are judged by the TLS policy.
Sources: TR-03116-4 chapter 2; TR-02102-2 chapter 3; TR-03108 v2.0 section 4.3; RFC 5246, 8446, 7366, 7627, 6066.
"""

from __future__ import annotations

from tr03108 import Result, Rules, Service, check, tls_cases


@check("TR-03108-E-01-T", id="tls.versions-and-suites", each="service_address")
def check_versions_and_suites(service: Service, rules: Rules) -> Result:
    """The versions and suites asked for at least are there; a handshake with a listed suite proves the server's key."""
    return tls_cases.versions_and_suites(service, rules)


@check("TR-03108-E-02-T", id="tls.forward-secrecy-and-groups", each="service_address")
def check_forward_secrecy_and_groups(service: Service, rules: Rules) -> Result:
    """Suites with forward secrecy are there, with the groups asked for at least."""
    return tls_cases.forward_secrecy_and_groups(service, rules)


@check("TR-03108-E-03-T", id="tls.encrypt-then-mac", each="service_address")
def check_encrypt_then_mac(service: Service, rules: Rules) -> Result:
    """Encrypt-then-MAC is granted with every CBC suite (RFC 7366)."""
    return tls_cases.encrypt_then_mac(service, rules)


@check("TR-03108-E-04-T", id="tls.no-truncated-hmac", each="service_address")
def check_no_truncated_hmac(service: Service, rules: Rules) -> Result:
    """The server does not agree to truncated HMAC (RFC 6066 section 7)."""
    return tls_cases.no_truncated_hmac(service, rules)


@check("TR-03108-E-07", id="tls.extended-master-secret", each="service_address")
def check_extended_master_secret(service: Service, rules: Rules) -> Result:
    """The server supports the extended master secret (RFC 7627)."""
    return tls_cases.extended_master_secret(service, rules)


@check("TR-03108-E-08", id="tls.suites", each="service_address")
def check_suites(service: Service, rules: Rules) -> Result:
    """No cipher suite is accepted beyond those of the policy."""
    return tls_cases.suites(service, rules)


@check("TR-03108-E-09-T", id="tls.signatures", each="service_address")
def check_signatures(service: Service, rules: Rules) -> Result:
    """Handshakes are signed as the policy says, in every scheme that the server agrees to."""
    return tls_cases.signatures(service, rules)


@check("TR-03108-E-10", id="tls.groups", each="service_address")
def check_groups(service: Service, rules: Rules) -> Result:
    """No group is accepted beyond those of the policy, and no finite-field group that is too small."""
    return tls_cases.groups(service, rules)


@check("TR-03108-E-11", id="tls.versions", each="service_address")
def check_versions(service: Service, rules: Rules) -> Result:
    """No protocol version is accepted beyond those of the policy."""
    return tls_cases.versions(service, rules)
