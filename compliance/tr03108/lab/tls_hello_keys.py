"""The keys of the scripted TLS server: ephemeral ones for every group, primes for Diffie-Hellman, and signatures."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tr03108.lab.pki import PrivateKey
from tr03108.wire.tls.key_share import SHAREABLE, KeyShare, key_share

# Named curves of TLS 1.2 and below that have keys of their own; 26 to 28 are brainpool's code points there.
OLD_CURVES: Mapping[int, Callable[[], ec.EllipticCurve]] = {
    19: ec.SECP192R1,
    21: ec.SECP224R1,
    22: ec.SECP256K1,
    26: ec.BrainpoolP256R1,
    27: ec.BrainpoolP384R1,
    28: ec.BrainpoolP512R1,
}
# Octets of a coordinate on the curves that nothing here can compute with (RFC 8422, SEC 2).
_FIELDS: Mapping[int, int] = {
    **dict.fromkeys((1, 2, 3), 21),
    **dict.fromkeys((4, 5), 25),
    **dict.fromkeys((6, 7, 8), 30),
    **dict.fromkeys((9, 10), 36),
    **dict.fromkeys((11, 12), 52),
    **dict.fromkeys((13, 14), 72),
    **dict.fromkeys((15, 16, 17), 20),
    18: 24,
    20: 28,
}
FFDHE: Mapping[int, int] = {256: 2048, 257: 3072, 258: 4096, 259: 6144, 260: 8192}
# Hybrids: the classical group and the octets of its share, whether it comes first, and the ML-KEM encapsulation key.
_Encapsulation = type[mlkem.MLKEM768PublicKey] | type[mlkem.MLKEM1024PublicKey]
_HYBRIDS: Mapping[int, tuple[int, int, bool, _Encapsulation]] = {
    4587: (23, 65, True, mlkem.MLKEM768PublicKey),
    4588: (29, 32, False, mlkem.MLKEM768PublicKey),
    4589: (24, 97, True, mlkem.MLKEM1024PublicKey),
}
# The last constant in the formulae of RFC 7919 appendix A (with e), and of RFC 2409 and RFC 3526 (with pi).
_FFDHE_OFFSETS = {2048: 560316, 3072: 2625351, 4096: 5736041, 6144: 15705020, 8192: 10965728}
_MODP_OFFSETS = {768: 149686, 1024: 129093, 1536: 741804, 2048: 124476, 3072: 1690314, 4096: 240904}
# A safe prime of 512 bits and the product of two primes of 256 bits, for EXPORT suites.
_PRIME_512 = int(
    "CE8B70A5121C6CB3A1BA85DA42C1AB0B774FEFFA36564F9C8A7F185AFAE24409"
    "A876F4D0EA849BC437F96F040380968734602F39929775B0F64665A5371297A3",
    16,
)
EXPORT_MODULUS = int("F5E1617C79A4DCB3EF9EDAC8D1D6C175AFEF3B05FC1920CA3EC7BEA01571AAD9", 16) * int(
    "D79943B8E9F6F83E9868A423DECE447FFAEA475EA3787CABDC3758D013680187", 16
)
_MD5, _SHA1 = 1, 2  # hash numbers of TLS 1.2 (RFC 5246 section 7.4.1.4.1)
_HASHES: Mapping[int, Callable[[], hashes.HashAlgorithm]] = {
    1: hashes.MD5,
    2: hashes.SHA1,
    3: hashes.SHA224,
    4: hashes.SHA256,
    5: hashes.SHA384,
    6: hashes.SHA512,
}
# RSASSA-PSS of RFC 8446 and ECDSA of RFC 8734 have a number for the pair.
_PSS: Mapping[int, Callable[[], hashes.HashAlgorithm]] = {
    0x0804: hashes.SHA256,
    0x0805: hashes.SHA384,
    0x0806: hashes.SHA512,
    0x0809: hashes.SHA256,
    0x080A: hashes.SHA384,
    0x080B: hashes.SHA512,
}
_BRAINPOOL_ECDSA: Mapping[int, Callable[[], hashes.HashAlgorithm]] = {
    0x081A: hashes.SHA256,
    0x081B: hashes.SHA384,
    0x081C: hashes.SHA512,
}


@dataclass(frozen=True, slots=True)
class FiniteField:
    """An ephemeral key of finite-field Diffie-Hellman with generator 2."""

    prime: int
    secret: int

    @property
    def length(self) -> int:
        return (self.prime.bit_length() + 7) // 8

    @property
    def public(self) -> bytes:
        return pow(2, self.secret, self.prime).to_bytes(self.length, "big")

    def shared(self, peer: bytes) -> bytes:
        return pow(int.from_bytes(peer, "big"), self.secret, self.prime).to_bytes(self.length, "big")


class OldCurve:
    """An ephemeral key on a named curve that TLS 1.3 does not have."""

    def __init__(self, group: int) -> None:
        self._curve = OLD_CURVES[group]()
        self._key = ec.generate_private_key(self._curve)

    @property
    def public(self) -> bytes:
        return self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def shared(self, peer: bytes) -> bytes:
        return self._key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(self._curve, peer))


@dataclass(frozen=True, slots=True)
class Pretended:
    """A public value of the right length that has no secret: enough to be seen, not to be used."""

    public: bytes

    def shared(self, peer: bytes) -> bytes:
        raise ValueError("nothing can compute with this group")


def finite_field(prime: int) -> FiniteField:
    """A fresh key; 256 bits of secret serve a lab."""
    return FiniteField(prime, int.from_bytes(os.urandom(32), "big") | 1 << 255)


def ephemeral(group: int) -> KeyShare:
    """A fresh key of a group; one that is only pretended where nothing can compute with it."""
    if group in SHAREABLE:
        return key_share(group)
    if group in OLD_CURVES:
        return OldCurve(group)
    if group in FFDHE:
        return finite_field(ffdhe_prime(FFDHE[group]))
    field = _FIELDS.get(group, 32)
    return Pretended(b"\x04" + os.urandom(2 * field))


def answer_share(group: int, peer: bytes, own: Callable[[int], KeyShare]) -> tuple[bytes, bytes]:
    """Public value and shared secret of a TLS 1.3 server. Raises ValueError where the client's share is none."""
    if group not in _HYBRIDS:
        key = own(group)
        return key.public, key.shared(peer)
    classical, size, first, encapsulation = _HYBRIDS[group]
    at = size if first else len(peer) - size
    parts = (peer[:at], peer[at:]) if first else (peer[at:], peer[:at])
    key = own(classical)
    secret, ciphertext = encapsulation.from_public_bytes(parts[1]).encapsulate()
    mine, shared = key.public, key.shared(parts[0])
    return (mine + ciphertext, shared + secret) if first else (ciphertext + mine, secret + shared)


@lru_cache(maxsize=8)
def ffdhe_prime(bits: int) -> int:
    """The prime of a group of RFC 7919."""
    scale = bits - 130
    return (1 << bits) - (1 << (bits - 64)) + ((_euler(scale) + _FFDHE_OFFSETS[bits]) << 64) - 1


@lru_cache(maxsize=8)
def dh_prime(bits: int) -> int:
    """The prime of a server of its own choice, from RFC 2409 or 3526, or of 512 bits. ValueError for other lengths."""
    if bits == 512:
        return _PRIME_512
    if bits not in _MODP_OFFSETS:
        raise ValueError(f"no prime of {bits} bits here, only of 512, {', '.join(map(str, _MODP_OFFSETS))}")
    return (1 << bits) - (1 << (bits - 64)) - 1 + ((_pi(bits - 130) + _MODP_OFFSETS[bits]) << 64)


def sign(key: PrivateKey, scheme: int, data: bytes) -> bytes:
    """A signature under a scheme of TLS 1.2 or 1.3. Raises ValueError where the key is of another type."""
    if isinstance(key, rsa.RSAPrivateKey):
        if scheme in _PSS:
            algorithm = _PSS[scheme]()
            return key.sign(data, padding.PSS(padding.MGF1(algorithm), algorithm.digest_size), algorithm)
        if scheme & 0xFF == 1:
            return key.sign(data, padding.PKCS1v15(), _HASHES[scheme >> 8]())
    elif scheme in _BRAINPOOL_ECDSA or scheme & 0xFF == 3:
        digest = _BRAINPOOL_ECDSA.get(scheme) or _HASHES[scheme >> 8]
        return key.sign(data, ec.ECDSA(digest()))
    raise ValueError(f"this key does not sign under 0x{scheme:04X}")


def sign_before_tls12(key: PrivateKey, data: bytes) -> bytes:
    """The signature without a scheme: ECDSA with SHA-1 (RFC 8422), RSA over MD5 and SHA-1 (RFC 4346 section 7.4.3)."""
    if not isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, ec.ECDSA(_HASHES[_SHA1]()))
    digest = b"".join(_digest(_HASHES[number](), data) for number in (_MD5, _SHA1))
    numbers = key.private_numbers()
    modulus = numbers.public_numbers.n
    length = (modulus.bit_length() + 7) // 8
    block = b"\x00\x01" + b"\xff" * (length - len(digest) - 3) + b"\x00" + digest
    return pow(int.from_bytes(block, "big"), numbers.d, modulus).to_bytes(length, "big")


def _digest(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()


def _euler(scale: int) -> int:
    """floor(e * 2^scale), by its series."""
    guard = 64
    total, term, step = 0, 1 << (scale + guard), 0
    while term:
        total += term
        step += 1
        term //= step
    return total >> guard


def _pi(scale: int) -> int:
    """floor(pi * 2^scale), by Machin's formula."""
    guard = 64
    one = 1 << (scale + guard)
    return (16 * _arc_tangent(5, one) - 4 * _arc_tangent(239, one)) >> guard


def _arc_tangent(inverse: int, one: int) -> int:
    total, power, step = 0, one // inverse, 0
    while power:
        part = power // (2 * step + 1)
        total += -part if step % 2 else part
        power //= inverse * inverse
        step += 1
    return total
