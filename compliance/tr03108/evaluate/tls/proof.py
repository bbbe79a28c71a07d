"""Whether the server has the key of its certificate: the signature over ServerKeyExchange or in CertificateVerify."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import PublicKeyAlgorithmOID

from ...wire.tls.server_messages import TLS12, TLS13, KeyExchange
from .. import pkix

_PKCS1, _DSA, _ECDSA = 1, 2, 3  # the second octet of RFC 5246's pairs of hash and signature
_Hashes = Mapping[int, Callable[[], hashes.HashAlgorithm]]
_HASHES: _Hashes = MappingProxyType(
    {1: hashes.MD5, 2: hashes.SHA1, 3: hashes.SHA224, 4: hashes.SHA256, 5: hashes.SHA384, 6: hashes.SHA512}
)
# RFC 8446 section 4.2.3: rsae for ordinary RSA keys, pss for those that say in the certificate that they do PSS only.
_PSS_RSAE: _Hashes = MappingProxyType({0x0804: hashes.SHA256, 0x0805: hashes.SHA384, 0x0806: hashes.SHA512})
_PSS_PSS: _Hashes = MappingProxyType({0x0809: hashes.SHA256, 0x080A: hashes.SHA384, 0x080B: hashes.SHA512})
# RFC 8734, and what TLS 1.3 made of three pairs: in TLS 1.2 they go with every curve.
_BRAINPOOL_HASHES: _Hashes = MappingProxyType({0x081A: hashes.SHA256, 0x081B: hashes.SHA384, 0x081C: hashes.SHA512})
_BRAINPOOL_CURVES = MappingProxyType({0x081A: "brainpoolP256r1", 0x081B: "brainpoolP384r1", 0x081C: "brainpoolP512r1"})
_CURVES_TLS13 = MappingProxyType({0x0403: "secp256r1", 0x0503: "secp384r1", 0x0603: "secp521r1"})
# Keys that fix everything about their signatures.
_PURE: dict[int, type] = {0x0807: ed25519.Ed25519PublicKey, 0x0808: ed448.Ed448PublicKey}
try:
    from cryptography.hazmat.primitives.asymmetric import mldsa
except ImportError:  # a `cryptography` without ML-DSA: such signatures are left unchecked
    pass
else:
    _PURE |= {0x0904: mldsa.MLDSA44PublicKey, 0x0905: mldsa.MLDSA65PublicKey, 0x0906: mldsa.MLDSA87PublicKey}
# RFC 8446 section 4.4.3.
_CONTEXT = b"\x20" * 64 + b"TLS 1.3, server CertificateVerify" + b"\x00"


def key_exchange_signed(client_random: bytes, server_random: bytes, exchange: KeyExchange) -> bytes:
    """What the signature in a ServerKeyExchange covers (RFC 5246 section 7.4.3)."""
    return client_random + server_random + exchange.parameters


def certificate_verify_signed(transcript_hash: bytes) -> bytes:
    """What the signature in a server's CertificateVerify covers; the hash ends with its Certificate."""
    return _CONTEXT + transcript_hash


def signed_by(certificate: bytes, version: int, scheme: int | None, signed: bytes, signature: bytes) -> bool | None:
    """Whether the key of a certificate (DER) made `signature` over `signed`, by the rules of a version (on the wire).

    False: the signature is wrong, or of a scheme that this key cannot have. None: we cannot check it, because the
    certificate cannot be read or the scheme is not known here. Whether the scheme is allowed is not asked.
    """
    loaded = pkix.load(certificate)
    if loaded is None:
        return None
    key, pss_only = loaded.public_key(), loaded.public_key_algorithm_oid == PublicKeyAlgorithmOID.RSASSA_PSS
    try:
        if version < TLS12:
            return _before_tls12(key, pss_only, signed, signature)
        return None if scheme is None else _by_scheme(key, pss_only, version, scheme, signed, signature)
    except InvalidSignature:
        return False
    except (ValueError, UnsupportedAlgorithm, InternalError):
        return None


def _before_tls12(key: object, pss_only: bool, signed: bytes, signature: bytes) -> bool:
    """SSLv3 to TLS 1.1 (RFC 4346 section 7.4.3): RSA signs MD5 and SHA-1 side by side, without naming a hash."""
    if isinstance(key, rsa.RSAPublicKey) and not pss_only:
        digests = key.recover_data_from_signature(signature, padding.PKCS1v15(), None)
        return digests == _digest(hashes.MD5(), signed) + _digest(hashes.SHA1(), signed)  # noqa: S303
    if isinstance(key, dsa.DSAPublicKey):
        key.verify(signature, signed, hashes.SHA1())  # noqa: S303
        return True
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, signed, ec.ECDSA(hashes.SHA1()))  # noqa: S303
        return True
    return False


def _by_scheme(key: object, pss_only: bool, version: int, scheme: int, signed: bytes, signature: bytes) -> bool | None:
    """Raises InvalidSignature where the key fits and the signature is wrong."""
    if scheme in _PURE:
        if not isinstance(key, _PURE[scheme]):
            return False
        key.verify(signature, signed)  # type: ignore[attr-defined]
        return True
    if scheme in _PSS_RSAE or scheme in _PSS_PSS:
        digest = (_PSS_RSAE if scheme in _PSS_RSAE else _PSS_PSS)[scheme]()
        if not isinstance(key, rsa.RSAPublicKey) or pss_only != (scheme in _PSS_PSS):
            return False
        key.verify(signature, signed, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        return True
    if scheme in _BRAINPOOL_CURVES:
        return _ecdsa(key, _BRAINPOOL_CURVES[scheme], _BRAINPOOL_HASHES[scheme](), signed, signature)
    hash_of, kind = _HASHES.get(scheme >> 8), scheme & 0xFF
    if hash_of is None or kind not in (_PKCS1, _DSA, _ECDSA):
        return None
    if kind == _ECDSA:
        bound = _CURVES_TLS13.get(scheme) if version >= TLS13 else None
        return _ecdsa(key, bound, hash_of(), signed, signature)
    if kind == _PKCS1 and isinstance(key, rsa.RSAPublicKey) and not pss_only:
        key.verify(signature, signed, padding.PKCS1v15(), hash_of())
        return True
    if kind == _DSA and isinstance(key, dsa.DSAPublicKey):
        key.verify(signature, signed, hash_of())
        return True
    return False


def _ecdsa(key: object, curve: str | None, algorithm: hashes.HashAlgorithm, signed: bytes, signature: bytes) -> bool:
    """`curve` is the one that the scheme asks for; None where it asks for none."""
    if not isinstance(key, ec.EllipticCurvePublicKey) or curve not in (None, key.curve.name):
        return False
    key.verify(signature, signed, ec.ECDSA(algorithm))
    return True


def _digest(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()
