"""From MX records to the hosts that take a domain's mail (RFC 5321 section 5.1, RFC 7505, RFC 7672 section 2.2)."""

from __future__ import annotations

from dataclasses import dataclass

from dns.rdtypes.ANY.MX import MX

from .lookup import Lookup, Status, present


@dataclass(frozen=True, slots=True)
class Routing:
    """Where a domain's mail goes.

    `kind`: "mx", "implicit" (no MX: the domain's own addresses), "null" (RFC 7505: takes no mail), "not-found" (the
    domain does not exist), "unseen" (the MX question stayed open, or a denial that cannot be believed).
    `hosts` in order of preference.
    """

    kind: str
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostAddresses:
    """What stands before the TLSA question (RFC 7672 section 2.2): the ways to a mail host, as DNSSEC sees them.

    `insecure`: why senders do not ask for TLSA records at the host's name at all; None where they do.
    `mx_insecure`: the MX records that led here are provably not secured.
    """

    insecure: str | None = None
    mx_insecure: bool = False


def mail_routing(mx: Lookup, domain: str) -> Routing:
    """The routing that an MX lookup of `domain` means. Bogus MX records still name hosts: D-01 is what fails then."""
    if mx.kind is None or mx.unseen:
        return Routing("unseen")
    if mx.kind == "answer":
        records = sorted(
            ((record.preference, present(record.exchange)) for record in mx.records if isinstance(record, MX)),
        )
        hosts = tuple(dict.fromkeys(host for _, host in records if host != "."))
        return Routing("mx", hosts) if hosts else Routing("null")
    if mx.status is Status.BOGUS or mx.kind == "loop":
        return Routing("unseen")
    return Routing("not-found") if mx.kind == "nxdomain" else Routing("implicit", (domain,))


def tlsa_names(host: str, a: Lookup, aaaa: Lookup) -> tuple[str, ...]:
    """The TLSA base domains of an MX host, in order: expanded name first (RFC 7672 2.2.2).

    The name an alias leads to counts only where the whole way is secure, its addresses included.
    """
    for lookup in (a, aaaa):
        if lookup.aliases and lookup.exists and lookup.secure:
            return (lookup.owner, host)
    return (host,)


def insecure_cause(a: Lookup | None, aaaa: Lookup | None) -> str | None:
    """Why senders do not ask for TLSA at the host's name: none of its addresses is secured (RFC 7672 section 2.2.2).

    An alias that is itself secure is asked about all the same, below the name that it has.
    """
    found = [lookup for lookup in (a, aaaa) if lookup is not None and lookup.exists]
    if not found or any(lookup.status is not Status.INSECURE for lookup in found):
        return None
    if any(lookup.aliases and lookup.aliases[0].status is Status.SECURE for lookup in found):
        return None
    return found[0].cause or "DNSSEC_INSECURE"
