"""TLSA record data for the lab's chains, right and wrong (RFC 6698 section 2.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tr03108.lab.pki import Chain


def tlsa_data(certificate: x509.Certificate, usage: int, selector: int, matching: int) -> str:
    """TLSA record data in zone-file form (RFC 6698 section 2.2), such as "3 1 1 <hex>".

    A selector or matching type that RFC 6698 does not define takes the nearest defined form of the data.
    """
    if selector == 0:
        data = certificate.public_bytes(serialization.Encoding.DER)
    else:
        data = certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    digests = {0: lambda: data, 2: lambda: hashlib.sha512(data).digest()}
    return f"{usage} {selector} {matching} {digests.get(matching, lambda: hashlib.sha256(data).digest())().hex()}"


def tlsa_record(chain: Chain, text: str) -> str:
    """TLSA record data for what a scenario writes: `USAGE SELECTOR MATCHING [OF] [FAULT]`.

    OF is leaf (default for usages 1 and 3), intermediate (default for 0 and 2), root, or second: the leaf of the other
    type of key. FAULT is `mismatch`
    (well-formed data of some other certificate) or `truncated` (half of the data).
    """
    fields = text.split()
    usage, selector, matching = (int(field) for field in fields[:3])
    words: Sequence[str] = fields[3:]
    certificates = {"leaf": chain.leaf}
    if chain.issuers:
        certificates["intermediate"], certificates["root"] = chain.issuers
    if chain.second is not None:
        certificates["second"] = chain.second.leaf
    unknown = set(words) - set(certificates) - {"mismatch", "truncated"}
    if unknown:
        raise ValueError(f"TLSA {text!r}: {sorted(unknown)} not known here")
    default = "intermediate" if usage in (0, 2) and chain.issuers else "leaf"
    of = next((word for word in words if word in certificates), default)
    data = tlsa_data(certificates[of], usage, selector, matching)
    head, _, octets = data.rpartition(" ")
    if "mismatch" in words:
        octets = f"{int(octets[:2], 16) ^ 0xFF:02x}{octets[2:]}"
    if "truncated" in words:
        octets = octets[: len(octets) // 4 * 2]
    return f"{head} {octets}"
