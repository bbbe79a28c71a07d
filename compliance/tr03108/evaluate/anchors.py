"""Trust anchors of the root as records: DS or DNSKEY in zone-file form (RFC 7958 publishes DS)."""

from __future__ import annotations

from collections.abc import Iterable

import dns.exception
import dns.name
import dns.zonefile
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS

KeyName = DS | DNSKEY  # a record that names a key: from the parent, or a trust anchor


def parse_anchors(text: str) -> tuple[KeyName, ...]:
    """The root's DS and DNSKEY records in `text`; other records are skipped. Raises ValueError where it is none."""
    try:
        rrsets = dns.zonefile.read_rrsets(text, rdclass=None, default_ttl=0, relativize=False, origin=dns.name.root)
    except dns.exception.DNSException as error:
        raise ValueError(f"not DS or DNSKEY records in zone-file form: {error}") from None
    return tuple(rdata for rrset in rrsets if rrset.name == dns.name.root for rdata in _naming(rrset))


def _naming(rdatas: Iterable[object]) -> list[KeyName]:
    return [rdata for rdata in rdatas if isinstance(rdata, DS | DNSKEY)]
