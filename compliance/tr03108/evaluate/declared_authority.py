"""Whether a chain comes from an authority that somebody named, by a path that proves it.

Whoever makes certificates can write any name into them. So a name counts only in a path that was verified to a trusted
root, which vouches for it; a fingerprint only in one verified to the very certificate, trusted root or not.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime

from .certificate_rules import ChainFacts, chain_facts, names_an_authority
from .pkix import Path, verify
from .spki import public_key_info

_DATES = ("CERTIFICATE_EXPIRED", "CERTIFICATE_NOT_YET_VALID")
_LOOKED_AT = 20  # certificates of a chain as sent
_FINGERPRINT = re.compile(r"(?:sha-?256[:=])?((?:[0-9a-f]{2}[: ]?){31}[0-9a-f]{2})\Z")


def declared_by(
    chain: tuple[bytes, ...], roots: tuple[bytes, ...], time: datetime, wanted: Sequence[str]
) -> str | None:
    """The first of `wanted` that stands in a verified path of the chain as sent; None where none does.

    A member of `wanted` is a name (see `names_an_authority`) or a SHA-256 fingerprint in hex, of the certificate of an
    authority or of its public key (SubjectPublicKeyInfo). Dates are another check's: a path that held once is one.
    """
    moment = _moment(chain, roots, time)
    if moment is not None:
        named = names_an_authority(chain_facts(chain, roots, moment), wanted)
        if named is not None:
            return named
    for text in wanted:
        digest = fingerprint(text)
        if digest is not None and _leads_to(chain, roots, time, digest):
            return text
    return None


def fingerprint(text: str) -> str | None:
    """The 64 hex digits of a SHA-256 fingerprint, with or without colons and "sha256:"; None where it is none."""
    match = _FINGERPRINT.match(text.strip().casefold())
    return None if match is None else match[1].replace(":", "").replace(" ", "")


def _leads_to(chain: tuple[bytes, ...], roots: tuple[bytes, ...], time: datetime, digest: str) -> bool:
    known = (der for der in dict.fromkeys((*chain[1:_LOOKED_AT], *roots)) if der != chain[0])
    for anchor in [der for der in known if digest in _digests(der)]:
        path = _held(chain, (anchor,), time, partial=True)
        if anchor in path.certificates[1:]:
            return True
    return False


def _digests(der: bytes) -> tuple[str, ...]:
    key = public_key_info(der)
    return tuple(hashlib.sha256(data).hexdigest() for data in (der, key) if data is not None)


def _moment(chain: tuple[bytes, ...], roots: tuple[bytes, ...], time: datetime) -> datetime | None:
    """When the chain leads to a trusted root: at `time`, or when all its certificates were valid; None: never."""
    if verify(chain, roots, time).code == "OK":
        return time
    earlier = _all_valid(chain_facts(chain, roots, time))
    return earlier if earlier is not None and _held(chain, roots, time).code == "OK" else None


def _held(chain: tuple[bytes, ...], anchors: tuple[bytes, ...], time: datetime, *, partial: bool = False) -> Path:
    """The path at `time`, or when all certificates were valid where only their dates are the trouble."""
    path = verify(chain, anchors, time, partial=partial)
    earlier = _all_valid(chain_facts(chain, anchors, time)) if path.code in _DATES else None
    return path if earlier is None else verify(chain, anchors, earlier, partial=partial)


def _all_valid(facts: ChainFacts) -> datetime | None:
    """The first moment at which every certificate of the path was valid; whether there is one shows the path itself."""
    return max((certificate.not_before for certificate in facts.certificates), default=None)
