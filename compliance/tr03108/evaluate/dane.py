"""Matching a server's chain against TLSA records for SMTP (RFC 6698, RFC 7671, RFC 7672 section 3)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dns.rdtypes.ANY.TLSA import TLSA

from . import pkix
from .names import dns_names, first_match

_HASHES = {1: hashlib.sha256, 2: hashlib.sha512}
_DANE_TA, _DANE_EE = 2, 3
_STRENGTH = {2: 2, 1: 1}  # digest agility: SHA-512 before SHA-256 (RFC 7671 section 9)


@dataclass(frozen=True, slots=True)
class RecordMatch:
    """What became of one TLSA record: `state` is "matched", "unmatched", "unusable" or "refused" (`why` says more)."""

    record: str
    state: str
    depth: int | None = None
    name: str | None = None
    why: str | None = None

    @property
    def text(self) -> str:
        """One line for the evidence."""
        at = "" if self.depth is None else f" at depth {self.depth}"
        named = "" if self.name is None else f", name {self.name}"
        return f"{self.record}: {self.state}{at}{named}" + (f" ({self.why})" if self.why else "")


@dataclass(frozen=True, slots=True)
class Match:
    """The verdict on a chain: `code` "OK" or a reason code, and what became of each record."""

    code: str
    records: tuple[RecordMatch, ...]
    detail: str = ""


def unusable(record: TLSA) -> str | None:
    """Why a record cannot be used for SMTP; None where it can (RFC 7672 section 3.1.3, RFC 7671 section 4)."""
    if record.usage in (0, 1):
        return "usages 0 and 1 (PKIX-TA, PKIX-EE) do not apply to SMTP"
    if record.usage not in (_DANE_TA, _DANE_EE):
        return f"certificate usage {record.usage} is not known"
    if record.selector not in (0, 1):
        return f"selector {record.selector} is not known"
    if record.mtype not in (0, 1, 2):
        return f"matching type {record.mtype} is not known"
    digest = _HASHES.get(record.mtype)
    if digest is not None and len(record.cert) != digest().digest_size:
        return f"{len(record.cert)} bytes of data, matching type {record.mtype} needs {digest().digest_size}"
    if record.mtype == 0 and not _parses(record):
        return "the data is not a certificate or key"
    return None


def match(records: Sequence[TLSA], chain: Sequence[bytes], references: tuple[str, ...], time: datetime) -> Match:
    """Matches the chain as sent against the records of one host.

    `references` are the names a DANE-TA certificate may carry (RFC 7672 section 3.2.2); `time` judges DANE-TA paths.
    Names and dates of a DANE-EE certificate are not looked at (RFC 7672 section 3.1.1).
    """
    results = []
    for record in records:
        trouble = unusable(record)
        if trouble is not None:
            results.append(RecordMatch(_text(record), "unusable", why=trouble))
        elif not _strongest(record, records):
            results.append(
                RecordMatch(_text(record), "unusable", why="a stronger digest is there (RFC 7671 section 9)")
            )
        elif record.usage == _DANE_EE:
            hit = bool(chain) and _matches(record, chain[0])
            results.append(RecordMatch(_text(record), "matched" if hit else "unmatched", 0 if hit else None))
        else:
            results.append(_match_anchor(record, chain, references, time))
    return _verdict(tuple(results))


def _verdict(results: tuple[RecordMatch, ...]) -> Match:
    if any(result.state == "matched" for result in results):
        return Match("OK", results)
    if all(result.state == "unusable" for result in results):
        return Match("TLSA_UNUSABLE", results, "; ".join(dict.fromkeys(r.why or "" for r in results)))
    for result in results:
        if result.state == "refused":
            code, _, detail = (result.why or "").partition(": ")
            return Match(code, results, detail)
    return Match("TLSA_MISMATCH", results)


def _match_anchor(record: TLSA, chain: Sequence[bytes], references: tuple[str, ...], time: datetime) -> RecordMatch:
    """DANE-TA: the anchor is in the chain as sent or in the record; then path, dates and name count."""
    text = _text(record)
    depth = next((d for d, der in enumerate(chain) if d > 0 and _matches(record, der)), None)
    anchor = chain[depth] if depth is not None else _certificate_in(record)
    if anchor is None:
        return RecordMatch(text, "unmatched", why="no certificate of the chain as sent is this trust anchor")
    path = pkix.verify(chain, [anchor], time, partial=True)
    if path.code != "OK":
        dates = ("CERTIFICATE_EXPIRED", "CERTIFICATE_NOT_YET_VALID")
        if depth is None and path.code not in dates:
            return RecordMatch(text, "unmatched", why=f"the chain does not lead to the record's anchor: {path.detail}")
        code = "TLSA_CHAIN_EXPIRED" if path.code in dates else "TLSA_MISMATCH"
        return RecordMatch(text, "refused", depth, why=f"{code}: {path.detail}")
    leaf = pkix.load(chain[0])
    name = first_match(leaf, references) if leaf is not None else None
    if name is None:
        return RecordMatch(
            text, "refused", depth, why=f"TLSA_NAME_MISMATCH: certificate names none of {', '.join(references)}"
        )
    return RecordMatch(text, "matched", depth, name)


def _strongest(record: TLSA, records: Sequence[TLSA]) -> bool:
    """Digest agility: of records alike in usage and selector only the strongest digest counts; full data always."""
    if record.mtype == 0:
        return True
    alike = [r for r in records if (r.usage, r.selector) == (record.usage, record.selector) and unusable(r) is None]
    return all(_STRENGTH.get(r.mtype, 0) <= _STRENGTH[record.mtype] for r in alike)


def _matches(record: TLSA, der: bytes) -> bool:
    data = der if record.selector == 0 else _public_key(der)
    if data is None:
        return False
    digest = _HASHES.get(record.mtype)
    return bool(record.cert == (data if digest is None else digest(data).digest()))


def _public_key(der: bytes) -> bytes | None:
    """The SubjectPublicKeyInfo of a certificate, DER."""
    certificate = pkix.load(der)
    if certificate is None:
        return None
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _certificate_in(record: TLSA) -> bytes | None:
    """The whole trust-anchor certificate of a `2 0 0` record."""
    return bytes(record.cert) if (record.selector, record.mtype) == (0, 0) else None


def _parses(record: TLSA) -> bool:
    if record.selector == 0:
        return pkix.load(record.cert) is not None
    return record.cert[:1] == b"\x30"  # SubjectPublicKeyInfo is a SEQUENCE


def _text(record: TLSA) -> str:
    data = record.cert.hex()
    return f"{record.usage} {record.selector} {record.mtype} {data if len(data) <= 128 else data[:128] + '...'}"


def leaf_facts(der: bytes) -> dict[str, object]:
    """What the report shows of a certificate."""
    certificate = pkix.load(der)
    facts: dict[str, object] = {"sha256": hashlib.sha256(der).hexdigest()}
    if certificate is None:
        return facts | {"error": "cannot be read"}
    key = _public_key(der)
    return facts | {
        "subject": certificate.subject.rfc4514_string()[:300],
        "issuer": certificate.issuer.rfc4514_string()[:300],
        "not_before": certificate.not_valid_before_utc.isoformat().replace("+00:00", "Z"),
        "not_after": certificate.not_valid_after_utc.isoformat().replace("+00:00", "Z"),
        "names": list(dns_names(certificate)[:50]),
        "spki_sha256": hashlib.sha256(key).hexdigest() if key else None,
    }
