"""The denial records of an answer whose signatures hold, ready to be asked what they prove."""

from __future__ import annotations

import binascii
from base64 import b32hexdecode
from dataclasses import dataclass

import dns.name
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.NSEC import NSEC
from dns.rdtypes.ANY.NSEC3 import NSEC3

from .answer import Answer
from .denial import MAXIMUM_NSEC3_RECORDS, Nsec, Nsec3, Nsec3Proofs, NsecProofs, Proofs
from .keys import KeySet
from .lookup import Signature
from .signatures import Unverified, Work, signed_labels, verify

_SHA1, _SHA1_OCTETS = 1, 20
_KNOWN_FLAGS = 1  # opt-out; a record with any other flag is ignored (RFC 5155 section 8.2)


@dataclass(frozen=True, slots=True)
class FoundProofs:
    """The usable proofs of an answer (NSEC, NSEC3 or none), their signatures, and what was wrong with the others."""

    proofs: tuple[Proofs, ...]
    signatures: tuple[Signature, ...]
    failures: tuple[Unverified, ...]
    present: bool

    def trouble(self, missing: str) -> Unverified:
        """Why there is no proof: a bad signature, records that prove something else, or no records at all."""
        if self.failures:
            limits = (failure for failure in self.failures if failure.code == "DNSSEC_LIMIT")
            first = next(limits, self.failures[0])
            code = "DNSSEC_DENIAL_INVALID" if first.code == "DNSSEC_SIGNATURE_INVALID" else first.code
            return Unverified(code, f"{missing}: {first.detail}")
        if self.present:
            return Unverified("DNSSEC_DENIAL_INVALID", f"{missing}: the NSEC records prove something else")
        return Unverified("DNSSEC_DENIAL_MISSING", f"{missing}: no NSEC or NSEC3 records in the answer")


def proofs_of(
    answer: Answer, zone: dns.name.Name, keys: KeySet | tuple[DNSKEY, ...], work: Work | None = None
) -> FoundProofs:
    """Verifies the NSEC and NSEC3 RRsets of `answer` as data of `zone`; beyond a limit it does not look at any more."""
    nsec: list[Nsec] = []
    nsec3: list[Nsec3] = []
    good: list[Signature] = []
    failures: list[Unverified] = []
    denials = answer.denials()
    if len(denials) > MAXIMUM_NSEC3_RECORDS:
        detail = f"{len(denials)} NSEC or NSEC3 records in one answer, more than {MAXIMUM_NSEC3_RECORDS}"
        failures.append(Unverified("DNSSEC_LIMIT", detail))
    for signed in denials[:MAXIMUM_NSEC3_RECORDS]:
        result = verify(signed, zone, keys, answer.time, work)
        if isinstance(result, Unverified):
            failures.append(result)
            continue
        if result.rrsig.labels != signed_labels(signed.rrset.name):
            continue  # expanded from a wildcard: proves nothing (RFC 4592 section 4.9)
        good.append(result.signature)
        for rdata in signed.rrset:
            if isinstance(rdata, NSEC):
                nsec.append(Nsec(signed.rrset.name, rdata))
            elif isinstance(rdata, NSEC3) and rdata.algorithm == _SHA1 and rdata.flags <= _KNOWN_FLAGS:
                hashed = _hashed_label(signed.rrset.name, zone)
                if hashed is not None and len(hashed) == len(rdata.next) == _SHA1_OCTETS:
                    nsec3.append(Nsec3(hashed, rdata))
    proofs: list[Proofs] = []
    if nsec:
        proofs.append(NsecProofs(nsec, zone))
    if nsec3:
        first = nsec3[0].rdata
        same = [r for r in nsec3 if (r.rdata.iterations, r.rdata.salt) == (first.iterations, first.salt)]
        proofs.append(Nsec3Proofs(same, zone))
    return FoundProofs(tuple(proofs), tuple(good), tuple(failures), bool(denials))


def _hashed_label(owner: dns.name.Name, zone: dns.name.Name) -> bytes | None:
    """The hash in an NSEC3 owner name, which is one label below the zone."""
    if owner.parent() != zone:
        return None
    try:
        return b32hexdecode(owner.labels[0].upper())
    except (binascii.Error, ValueError):
        return None
