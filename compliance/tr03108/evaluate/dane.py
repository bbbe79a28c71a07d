"""Matching a server's chain against TLSA records (RFC 6698, RFC 7671): for SMTP (RFC 7672 section 3), and for services
whose clients verify by PKIX as well (RFC 7673)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from . import pkix
from .names import dns_names, first_match
from .spki import is_public_key_info, public_key_info

_HASHES = {1: hashlib.sha256, 2: hashlib.sha512}
_PKIX_TA, _PKIX_EE, _DANE_TA, _DANE_EE = range(4)
_DATES = ("CERTIFICATE_EXPIRED", "CERTIFICATE_NOT_YET_VALID")
MAXIMUM_PATHS = 8  # tried for one record; more than one certificate of a key in a chain is rare
# Of several records that came near: the code that says most.
_NEARNESS = ("TLSA_NAME_MISMATCH", "TLSA_CHAIN_EXPIRED", "TLSA_ISSUER_NOT_SENT", "TLSA_MISMATCH")
MAY_BE_NEXT = "well-formed: it may be for the next key"
_STRENGTH = {2: 2, 1: 1}  # digest agility: SHA-512 before SHA-256 (RFC 7671 section 9)


@dataclass(frozen=True, slots=True)
class TlsaRecord:
    """One TLSA record, well-formed or not: certificate usage, selector, matching type, association data."""

    usage: int
    selector: int
    mtype: int
    cert: bytes


@dataclass(frozen=True, slots=True)
class RecordMatch:
    """What became of one TLSA record; `why` says more.

    `state`: "matched" (`depth` 0 is the leaf; None an anchor that the record itself holds), "unmatched" (well-formed),
    "issuer-not-in-chain", "refused" (it names the anchor, but path, dates or name do not hold), "unusable" or
    "duplicate". `code` is the reason code of a near miss.
    """

    record: str
    state: str
    depth: int | None = None
    name: str | None = None
    why: str | None = None
    code: str | None = None

    @property
    def text(self) -> str:
        """One line for the evidence."""
        at = "" if self.depth is None else f" at depth {self.depth}"
        named = "" if self.name is None else f", name {self.name}"
        return f"{self.record}: {self.state}{at}{named}" + (f" ({self.why})" if self.why else "")

    @property
    def parameters(self) -> str:
        """`3 1 1`: usage, selector and matching type."""
        return " ".join(self.record.split()[:3])

    def evidence(self) -> dict[str, object]:
        """The same for programs."""
        return {"record": self.record, "state": self.state, "depth": self.depth, "name": self.name, "why": self.why}


@dataclass(frozen=True, slots=True)
class Match:
    """The verdict on a chain: `code` "OK" or a reason code, and what became of each record."""

    code: str
    records: tuple[RecordMatch, ...]
    detail: str = ""

    @property
    def matched(self) -> str | None:
        """Usage, selector and matching type of the first record that matched."""
        return next((record.parameters for record in self.records if record.state == "matched"), None)


def unusable(record: TlsaRecord, *, smtp: bool = True) -> str | None:
    """Why a record cannot be used; None where it can (RFC 7671 section 4; for SMTP RFC 7672 section 3.1.3)."""
    if smtp and record.usage in (_PKIX_TA, _PKIX_EE):
        return "usages 0 and 1 (PKIX-TA, PKIX-EE) do not apply to SMTP"
    if record.usage not in (_PKIX_TA, _PKIX_EE, _DANE_TA, _DANE_EE):
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


def match(
    records: Sequence[TlsaRecord],
    chain: Sequence[bytes],
    references: tuple[str, ...],
    time: datetime,
    known: Sequence[bytes] = (),
    path: pkix.Path | None = None,
) -> Match:
    """Matches the chain as sent against the records of one host.

    `references` are the names a DANE-TA certificate may carry (RFC 7672 section 3.2.2); `time` judges DANE-TA paths.
    Names and dates of a DANE-EE certificate are not looked at (RFC 7672 section 3.1.1). `known` are CA certificates
    known from elsewhere: they make no match, but tell an issuer that was not sent from one that is another's. `path` is
    that of a client that verifies by PKIX: without it usages 0 and 1 cannot be used.
    """
    results: list[RecordMatch] = []
    seen: set[TlsaRecord] = set()
    troubles = {record: unusable(record, smtp=path is None) for record in records}
    strongest = _strongest(record for record, trouble in troubles.items() if trouble is None)
    for record in records:
        trouble = troubles[record]
        if record in seen:
            results.append(RecordMatch(_text(record), "duplicate", why="the same record is there already"))
        elif trouble is not None:
            results.append(RecordMatch(_text(record), "unusable", why=trouble))
        elif record.mtype and _STRENGTH[record.mtype] < strongest[record.usage, record.selector]:
            why = "a stronger digest is there (RFC 7671 section 9)"
            results.append(RecordMatch(_text(record), "unusable", why=why))
        elif path is not None and record.usage in (_PKIX_TA, _PKIX_EE):
            results.append(_match_constraint(record, path, references))
        elif record.usage != _DANE_EE:
            results.append(_match_anchor(record, chain, references, time, known))
        elif chain and matches(record, chain[0]):
            results.append(RecordMatch(_text(record), "matched", 0, why="the server's own certificate"))
        else:
            results.append(RecordMatch(_text(record), "unmatched", why=MAY_BE_NEXT))
        seen.add(record)
    return _verdict(tuple(results))


def _verdict(results: tuple[RecordMatch, ...]) -> Match:
    if any(result.state == "matched" for result in results):
        return Match("OK", results)
    judged = [result for result in results if result.state != "duplicate"]
    if all(result.state == "unusable" for result in judged):
        return Match("TLSA_UNUSABLE", results, "; ".join(dict.fromkeys(r.why or "" for r in judged)))
    near = [(_NEARNESS.index(result.code), result.why or "") for result in judged if result.code is not None]
    if near:
        nearest, detail = min(near, key=lambda miss: miss[0])
        return Match(_NEARNESS[nearest], results, detail)
    return Match("TLSA_MISMATCH", results)


def _match_constraint(record: TlsaRecord, path: pkix.Path, references: tuple[str, ...]) -> RecordMatch:
    """PKIX-TA and PKIX-EE: they narrow what PKIX allows, so path, dates and name count (RFC 6698 section 2.1.1)."""
    text = _text(record)
    if path.code != "OK":
        code = "TLSA_CHAIN_EXPIRED" if path.code in _DATES else "TLSA_MISMATCH"
        return RecordMatch(text, "refused", why=f"PKIX: {path.detail or path.code}", code=code)
    leaf = pkix.load(path.certificates[0])
    name = first_match(leaf, references) if leaf is not None else None
    if name is None:
        why = f"certificate names none of {', '.join(references)}"
        return RecordMatch(text, "refused", why=why, code="TLSA_NAME_MISMATCH")
    of_server = record.usage == _PKIX_EE
    for depth, der in enumerate(path.certificates):
        if (depth == 0) is of_server and matches(record, der):
            return RecordMatch(text, "matched", depth, name, "the server's own certificate" if of_server else "CA")
    return RecordMatch(text, "unmatched", why=MAY_BE_NEXT)


def _match_anchor(
    record: TlsaRecord, chain: Sequence[bytes], references: tuple[str, ...], time: datetime, known: Sequence[bytes]
) -> RecordMatch:
    """DANE-TA: the anchor is in the chain as sent or in the record; then path, dates and name count.

    Several certificates can hold one key (selector 1), so each that matches is tried: one good path suffices.
    """
    text = _text(record)
    anchors: list[tuple[int | None, bytes]] = [(d, der) for d, der in enumerate(chain) if d and matches(record, der)]
    if not anchors and (record.selector, record.mtype) == (0, 0):  # the whole certificate is in the record
        anchors = [(None, bytes(record.cert))]
    if not anchors:
        return _not_sent(record, chain, time, known)
    tried = [_judge_anchor(text, depth, anchor, chain, references, time) for depth, anchor in anchors[:MAXIMUM_PATHS]]
    best = next((result for result in tried if result.state == "matched"), None)
    return best or next((result for result in tried if result.state == "refused"), tried[0])


def _judge_anchor(
    text: str, depth: int | None, anchor: bytes, chain: Sequence[bytes], references: tuple[str, ...], time: datetime
) -> RecordMatch:
    path = pkix.verify(chain, [anchor], time, partial=True)
    if path.code in _DATES:
        return RecordMatch(text, "refused", depth, why=path.detail, code="TLSA_CHAIN_EXPIRED")
    if path.code != "OK" and depth is None:
        return RecordMatch(text, "unmatched", why=f"the chain does not lead to the record's anchor: {path.detail}")
    if path.code != "OK":
        return RecordMatch(text, "refused", depth, why=path.detail, code="TLSA_MISMATCH")
    if anchor not in path.certificates[1:]:
        return RecordMatch(text, "unmatched", why="the server's own certificate is no trust anchor; usage 3 is for it")
    leaf = pkix.load(chain[0])
    name = first_match(leaf, references) if leaf is not None else None
    if name is None:
        why = f"certificate names none of {', '.join(references)}"
        return RecordMatch(text, "refused", depth, why=why, code="TLSA_NAME_MISMATCH")
    return RecordMatch(text, "matched", depth, name, "trust anchor")


def _not_sent(record: TlsaRecord, chain: Sequence[bytes], time: datetime, known: Sequence[bytes]) -> RecordMatch:
    """No certificate as sent is the anchor: perhaps because the server leaves it out (RFC 7672 section 3.1.2)."""
    issuers = (der for der in known if der not in chain and matches(record, der))
    for issuer in list(issuers)[:MAXIMUM_PATHS]:
        path = pkix.verify(chain, [issuer], time, partial=True)
        if path.code in ("OK", *_DATES):
            subject = path.subjects[-1][:200] if path.subjects else "a known CA"
            why = f"{subject} is not in the chain"
            return RecordMatch(_text(record), "issuer-not-in-chain", why=why, code="TLSA_ISSUER_NOT_SENT")
    return RecordMatch(_text(record), "issuer-not-in-chain", why="no certificate of the chain as sent is this anchor")


def _strongest(usable: Iterable[TlsaRecord]) -> Mapping[tuple[int, int], int]:
    """Digest agility: of records alike in usage and selector only the strongest digest counts; full data always."""
    found: dict[tuple[int, int], int] = {}
    for record in usable:
        alike = (record.usage, record.selector)
        found[alike] = max(found.get(alike, 0), _STRENGTH.get(record.mtype, 0))
    return found


def matches(record: TlsaRecord, der: bytes) -> bool:
    """Whether the record is of this certificate or its key, whatever its usage."""
    data = der if record.selector == 0 else public_key_info(der)
    if data is None:
        return False
    digest = _HASHES.get(record.mtype)
    return bool(record.cert == (data if digest is None else digest(data).digest()))


def _parses(record: TlsaRecord) -> bool:
    if record.selector == 0:
        return pkix.load(record.cert) is not None
    return is_public_key_info(record.cert)


def _text(record: TlsaRecord) -> str:
    data = record.cert.hex()
    return f"{record.usage} {record.selector} {record.mtype} {data if len(data) <= 128 else data[:128] + '...'}"


def leaf_facts(der: bytes) -> dict[str, object]:
    """What the report shows of a certificate."""
    certificate = pkix.load(der)
    facts: dict[str, object] = {"sha256": hashlib.sha256(der).hexdigest()}
    if certificate is None:
        return facts | {"error": "cannot be read"}
    key = public_key_info(der)
    return facts | {
        "subject": certificate.subject.rfc4514_string()[:300],
        "issuer": certificate.issuer.rfc4514_string()[:300],
        "not_before": certificate.not_valid_before_utc.isoformat().replace("+00:00", "Z"),
        "not_after": certificate.not_valid_after_utc.isoformat().replace("+00:00", "Z"),
        "names": list(dns_names(certificate)[:50]),
        "spki_sha256": hashlib.sha256(key).hexdigest() if key else None,
    }
