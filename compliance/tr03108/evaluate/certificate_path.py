"""The certificates behind a served chain, each with its part: server, intermediate or root.

Where no path can be verified the rules on certificates still apply to what was sent; then the certificates that really
issued one another count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from .pkix import load, verify

LONGEST = 10  # certificates of one path
_LOOKED_AT = 20  # certificates of a chain as sent
_NOT_VERIFIED = (UnsupportedAlgorithm, ValueError, TypeError)

END_ENTITY, SUB_CA, ROOT = "end-entity", "sub-ca", "root"


@dataclass(frozen=True, slots=True)
class ServedPath:
    """Certificates (DER), leaf first. `anchored`: the last one is a root of the auditor."""

    certificates: tuple[bytes, ...]
    anchored: bool

    def role(self, position: int) -> str:
        """END_ENTITY, SUB_CA or ROOT. The server's own certificate is never a root, signed by itself or not."""
        if position == 0:
            return END_ENTITY
        if position < len(self.certificates) - 1:
            return SUB_CA
        last = load(self.certificates[position])
        own = last is not None and last.subject == last.issuer
        return ROOT if self.anchored or own else SUB_CA

    def issuer(self, position: int) -> bytes | None:
        """The certificate that issued the one at `position`; itself where it is self-signed, None where unknown."""
        if position + 1 < len(self.certificates):
            return self.certificates[position + 1]
        certificate = load(self.certificates[position])
        own = certificate is not None and issued(certificate, certificate)
        return self.certificates[position] if own else None


def served_path(chain: Sequence[bytes], roots: Sequence[bytes], time: datetime) -> ServedPath:
    """The verified path at `time` where there is one, else what is linked by signatures."""
    path = verify(chain, roots, time)
    if path.code == "OK":
        return ServedPath(path.certificates, True)
    return linked(chain, roots)


def linked(chain: Sequence[bytes], roots: Sequence[bytes]) -> ServedPath:
    """From the leaf upwards each certificate's issuer, among the roots first, whatever its dates and extensions."""
    known = set(roots)
    leaf = load(chain[0]) if chain else None
    if leaf is None:
        return ServedPath(tuple(chain[:1]), False)
    others = [other for other in map(load, (*roots, *chain[1:_LOOKED_AT])) if other is not None]
    path = [leaf]
    while len(path) < LONGEST and path[-1].subject != path[-1].issuer:
        last = path[-1]
        issuer = next((c for c in others if c.subject == last.issuer and c not in path and issued(last, c)), None)
        if issuer is None:
            break
        path.append(issuer)
    found = tuple(certificate.public_bytes(Encoding.DER) for certificate in path)
    return ServedPath(found, len(found) > 1 and found[-1] in known)


def issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """The issuer's name and key made this certificate; whether it may, and how weak the hash is, is not asked."""
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return False
    except _NOT_VERIFIED:
        return _weakly_issued(certificate, issuer)
    return True


def _weakly_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """The same for hashes that the library declines in certificates, such as SHA-1."""
    key, data = issuer.public_key(), certificate.tbs_certificate_bytes
    try:
        digest = certificate.signature_hash_algorithm
        if digest is None:
            return False
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(certificate.signature, data, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(certificate.signature, data, ec.ECDSA(digest))
        else:
            return False
    except (InvalidSignature, *_NOT_VERIFIED):
        return False
    return True
