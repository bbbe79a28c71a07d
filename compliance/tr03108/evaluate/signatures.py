"""Checking the signatures of one RRset, and naming what is wrong with them (RFC 4035 section 5.3, RFC 6840).

dnspython's `validate` swallows the reason, so the loop over RRSIGs is ours; the cryptography is dnspython's. The
number of verifications is capped for an RRset, because a hostile zone can offer many keys of one tag and many
signatures (KeyTrap, CVE-2023-50387).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import dns.exception
import dns.name
import dns.rdatatype
from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.RRSIG import RRSIG

from ..wire.canonical import signed_data
from ..wire.dns_message import RRset
from .answer import Signed
from .keys import Key, KeySet
from .lookup import Signature, present, utc

MAXIMUM_VERIFICATIONS = 16  # cryptographic checks for one RRset
MAXIMUM_WORK = 200  # cryptographic checks for one lookup in all: every zone and alias on its way; a sound one needs ten
SUPPORTED_ALGORITHMS = frozenset({5, 7, 8, 10, 13, 14, 15, 16})  # what dnspython and `cryptography` verify
# What a verification can end in: keys and signatures are bytes of the zone's choice, and need not make sense.
_NOT_VERIFIED = (
    dns.exception.DNSException,
    ValueError,
    IndexError,
    OverflowError,
    struct.error,
    UnsupportedAlgorithm,
    InternalError,
    InvalidSignature,
)


@dataclass(slots=True)
class Work:
    """Counts the cryptographic checks of one lookup, so that many RRsets cannot do what one must not."""

    done: int = 0
    limit: int = MAXIMUM_WORK

    @property
    def exhausted(self) -> bool:
        return self.done >= self.limit


@dataclass(frozen=True, slots=True)
class Verified:
    """The signature that holds."""

    rrsig: RRSIG
    signature: Signature
    key: DNSKEY


@dataclass(frozen=True, slots=True)
class Unverified:
    """Why no signature holds: the reason code of the signature that came nearest, and words for the evidence."""

    code: str
    detail: str


# Which failure to name when several signatures fail: the one nearest to a valid signature says most.
_NEARNESS = (
    "DNSSEC_LIMIT",
    "DNSSEC_EXPIRED",
    "DNSSEC_NOT_YET_VALID",
    "DNSSEC_SIGNATURE_INVALID",
    "DNSSEC_KEY_MISSING",
    "DNSSEC_SIGNER_WRONG",
    "DNSSEC_SIGNATURE_MISSING",
)


def verify(
    signed: Signed,
    zone: dns.name.Name,
    keys: KeySet | Iterable[DNSKEY],
    time: datetime,
    work: Work | None = None,
) -> Verified | Unverified:
    """Checks `signed` as data of `zone` with its keys at `time`; counts in `work` what it cost.

    A KeySet keeps what was learned of its keys.
    """
    known = keys if isinstance(keys, KeySet) else KeySet(keys)
    work = work or Work()
    failures = [Unverified("DNSSEC_SIGNATURE_MISSING", f"no RRSIG over {_text(signed.rrset)}")]
    budget = MAXIMUM_VERIFICATIONS
    for rdata in signed.signatures:
        trouble = _unfit(signed.rrset, rdata, zone)
        if trouble is not None:
            failures.append(trouble)
            continue
        candidates = known.named(rdata.algorithm, rdata.key_tag)
        if not candidates:
            detail = f"RRSIG over {_text(signed.rrset)} names key tag {rdata.key_tag}, algorithm {rdata.algorithm}"
            failures.append(Unverified("DNSSEC_KEY_MISSING", f"{detail}: no such key in {present(zone)}"))
        for key in candidates:
            if budget == 0 or work.exhausted:
                return Unverified("DNSSEC_LIMIT", _exhausted(signed.rrset, work))
            budget -= 1
            work.done += 1
            result = _check(signed.rrset, rdata, key, time)
            if isinstance(result, Verified):
                return result
            failures.append(result)
    return min(failures, key=lambda failure: _NEARNESS.index(failure.code))


def _exhausted(rrset: RRset, work: Work) -> str:
    if work.exhausted:
        return f"{_text(rrset)}: more than {work.limit} verifications needed in all"
    return f"{_text(rrset)}: more than {MAXIMUM_VERIFICATIONS} verifications needed"


def verify_exact(
    signed: Signed,
    zone: dns.name.Name,
    keys: KeySet | Iterable[DNSKEY],
    time: datetime,
    work: Work | None = None,
) -> Verified | Unverified:
    """As `verify`, but for records that no wildcard may stand for: DS and DNSKEY (RFC 4592 sections 4.6 and 4.7)."""
    result = verify(signed, zone, keys, time, work)
    if isinstance(result, Verified) and result.rrsig.labels != signed_labels(signed.rrset.name):
        return Unverified("DNSSEC_SIGNATURE_INVALID", f"{_text(signed.rrset)} was made from a wildcard")
    return result


def _text(rrset: RRset) -> str:
    return f"{present(rrset.name)} {dns.rdatatype.to_text(rrset.rdtype)}"


def _unfit(rrset: RRset, rrsig: RRSIG, zone: dns.name.Name) -> Unverified | None:
    """The rules of RFC 4035 section 5.3.1 that need no key."""
    if rrsig.signer != zone or not rrset.name.is_subdomain(zone):
        detail = f"RRSIG over {_text(rrset)} names signer {present(rrsig.signer)}, the zone is {present(zone)}"
        return Unverified("DNSSEC_SIGNER_WRONG", detail)
    if rrsig.labels > signed_labels(rrset.name):
        return Unverified("DNSSEC_SIGNATURE_INVALID", f"RRSIG over {_text(rrset)} counts too many labels")
    return None


def signed_labels(name: dns.name.Name) -> int:
    """The labels of an owner name as RRSIG counts them: without root and a leading asterisk (RFC 4034 3.1.3)."""
    return len(name) - 1 - (1 if name.is_wild() else 0)


def _check(rrset: RRset, rrsig: RRSIG, key: Key, time: datetime) -> Verified | Unverified:
    """Cryptography first, time second: "expired" is said only of a signature that is otherwise right."""
    try:
        key.verify(rrsig.signature, signed_data(rrset, rrsig))
    except _NOT_VERIFIED as error:
        return Unverified("DNSSEC_SIGNATURE_INVALID", f"{_place(rrset, rrsig)}: does not verify ({str(error)[:120]})")
    signature = Signature(
        owner=present(rrset.name),
        covered=dns.rdatatype.to_text(rrset.rdtype),
        signer=present(rrsig.signer),
        key_tag=rrsig.key_tag,
        algorithm=int(rrsig.algorithm),
        inception=utc(rrsig.inception),
        expiration=utc(rrsig.expiration),
    )
    now = int(time.timestamp())
    if _later(now, rrsig.expiration):
        ended = f"{signature.expiration:%Y-%m-%dT%H:%M:%SZ}"
        return Unverified("DNSSEC_EXPIRED", f"{_place(rrset, rrsig)}: ended {ended}")
    if _later(rrsig.inception, now):
        begins = f"{signature.inception:%Y-%m-%dT%H:%M:%SZ}"
        return Unverified("DNSSEC_NOT_YET_VALID", f"{_place(rrset, rrsig)}: begins {begins}")
    return Verified(rrsig, signature, key.dnskey)


def _place(rrset: RRset, rrsig: RRSIG) -> str:
    return f"RRSIG over {_text(rrset)}, key tag {rrsig.key_tag}"


def _later(first: int, second: int) -> bool:
    """`first` is later than `second` in serial number arithmetic (RFC 4034 section 3.1.5, RFC 1982)."""
    return 0 < ((first - second) & 0xFFFFFFFF) < 0x80000000
