"""What BSI's editions say of keys, signatures and validity of certificates (TR-03116-4 section 6.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .tls_policy import TlsPolicy
from .tls_rows import CertificateCurve, CertificateValidity, KeyLength, Rating, Status

# PKCS#1 v1.5 has no row in Table 32 of TR-03116-4; TR-02102-2 lists it under the codes of TLS, by the bits of its hash.
_PKCS1_CODES = {256: 0x0401, 384: 0x0501, 512: 0x0601}
_PKCS1 = "RSASSA-PKCS1-v1_5"
# The names of key types in TR-02102-2 Table 13 and in TR-03116-4 Table 32, and of the signatures in the latter.
_SERVER_KEYS = {"RSA": "RSA", "ECDSA": "ECDSA", "DSA": "DSS"}
_ISSUER_KEYS = {"RSA": "RSASSA-PSS", "ECDSA": "ECDSA", "DSA": "DSA"}
_SIGNATURES = ("RSASSA-PSS", "ECDSA", "DSA")


@dataclass(frozen=True, slots=True)
class CertificatePolicy:
    """The part of a TLS policy that is about certificates, judged in the year `year`."""

    tls: TlsPolicy
    year: int

    def key(self, kind: str, bits: int, curve: str | None, *, issues: bool) -> Rating:
        """A public key by its type ("RSA", "ECDSA", "DSA", ...); `issues`: it signs certificates.

        "too-small", "expired", "unlisted" or "listed". A server's own key is measured by TR-02102-2 Table 13, one that
        signs certificates by TR-03116-4 Table 32, and curves by Table 33.
        """
        name = f"{kind} {curve or f'{bits} bit'}"
        table = self.tls.certificate_keys if issues else self.tls.key_lengths
        algorithm = (_ISSUER_KEYS if issues else _SERVER_KEYS).get(kind)
        size = self._size(table, algorithm, bits, name)
        if size.status != "listed" or curve is None:
            return size
        row = next((row for row in self.tls.certificate_curves if row.name == curve), None)
        if row is None:
            return Rating("unlisted", name, source=_source(self.tls.certificate_curves))
        status: Status = "expired" if row.until.over(self.year) else "listed"
        return Rating(status, name, row.until.year, row.until.plus, row.source)

    def signature(self, algorithm: str, hash_bits: int, hash_name: str | None, mask_hash: str | None) -> Rating:
        """The signature of a certificate. "too-small": a hash below the least one, as SHA-1 is."""
        name = f"{algorithm} with {hash_name}" if hash_name is not None else algorithm
        if algorithm == _PKCS1:
            least = self._least("RSASSA-PSS")
            if least is not None and hash_bits < _bits(least.hash):
                return Rating("too-small", name, source=least.source, reason="HASH")
            rating = self.tls.signature(_PKCS1_CODES.get(hash_bits, 0), "TLSv1.3", self.year, "certificate", name)
            return Rating(rating.status, name, rating.until_year, rating.until_plus, rating.source, rating.reason)
        least = self._least(algorithm) if algorithm in _SIGNATURES else None
        measure = least or self._least("ECDSA")  # what is not listed is measured by what is
        if measure is not None and hash_name is not None and hash_bits < _bits(measure.hash):
            return Rating("too-small", name, source=measure.source, reason="HASH")
        if least is None or (mask_hash is not None and mask_hash != hash_name):
            return Rating("unlisted", name, source=_source(self.tls.certificate_keys))
        return Rating("listed", name, least.until.year, least.until.plus, least.source)

    def validity(self, role: str) -> CertificateValidity | None:
        """The longest validity of an "end-entity", "sub-ca" or "root" certificate, the strictest of the editions."""
        rows = [row for row in self.tls.certificate_validity if row.applies_to == role]
        return min(rows, key=lambda row: row.years, default=None)

    def _size(self, table: Iterable[KeyLength], algorithm: str | None, bits: int, name: str) -> Rating:
        rows = [row for row in table if row.algorithm == algorithm]
        if not rows:
            return Rating("unlisted", name, source=_source(self.tls.certificate_keys))
        least = min((row for row in rows if not row.until.over(self.year)), key=lambda row: row.bits, default=None)
        if least is None:
            row = max(rows, key=lambda row: row.until.year)
            return Rating("expired", name, row.until.year, row.until.plus, row.source)
        if bits < least.bits:
            return Rating("too-small", name, source=least.source, reason="BELOW_KEY_LENGTH")
        return Rating("listed", name, least.until.year, least.until.plus, least.source)

    def _least(self, algorithm: str) -> KeyLength | None:
        rows = [row for row in self.tls.certificate_keys if row.algorithm == algorithm]
        return min((r for r in rows if not r.until.over(self.year)), key=lambda row: _bits(row.hash), default=None)


def _bits(name: str | None) -> int:
    """The bits of a hash: 256 of "SHA-256"."""
    return int(name.rpartition("-")[2]) if name is not None else 0


def _source(rows: Iterable[KeyLength | CertificateCurve]) -> str | None:
    """The table where it would be listed."""
    return next((row.source for row in rows), None)
