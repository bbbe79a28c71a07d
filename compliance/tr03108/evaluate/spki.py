"""The SubjectPublicKeyInfo of a certificate as its very octets, which is what TLSA selector 1 is about (RFC 6698).

A library that parses a key and writes it anew may change them: a key for RSASSA-PSS becomes one for RSA, a compressed
point an uncompressed one. So only the lengths of DER are read here (RFC 5280 section 4.1), and no key at all.
"""

from __future__ import annotations

_SEQUENCE, _BIT_STRING, _VERSION = 0x30, 0x03, 0xA0
_OBJECT_IDENTIFIER = 0x06
_EC_KEY = bytes.fromhex("2a8648ce3d0201")
# By the algorithm of the key (RFC 3279, 4055, 5480, 8410): the certificate that a TLS 1.2 suite asks for. Suites with
# ECDSA ask for Edwards curves too (RFC 8422 section 5.10).
_KEY_TYPES = {
    bytes.fromhex("2a864886f70d010101"): "RSA",
    bytes.fromhex("2a864886f70d01010a"): "RSA",  # RSASSA-PSS
    _EC_KEY: "ECDSA",
    bytes.fromhex("2b6570"): "ECDSA",  # Ed25519
    bytes.fromhex("2b6571"): "ECDSA",  # Ed448
}
OTHER_KEY_TYPE = {"RSA": "ECDSA", "ECDSA": "RSA"}
_BEFORE_KEY = 5  # serialNumber, signature, issuer, validity, subject


def public_key_info(certificate: bytes) -> bytes | None:
    """The octets of subjectPublicKeyInfo; None where `certificate` is not built like one."""
    outer = _element(certificate, 0, len(certificate))
    if outer is None or outer[0] != _SEQUENCE or outer[2] != len(certificate):
        return None
    tbs = _element(certificate, outer[1], outer[2])
    if tbs is None or tbs[0] != _SEQUENCE:
        return None
    _, start, end = tbs
    first = _element(certificate, start, end)
    if first is not None and first[0] == _VERSION:
        start = first[2]
    for _ in range(_BEFORE_KEY):
        skipped = _element(certificate, start, end)
        if skipped is None:
            return None
        start = skipped[2]
    key = _element(certificate, start, end)
    if key is None:
        return None
    found = certificate[start : key[2]]
    return found if is_public_key_info(found) else None


def key_type(certificate: bytes) -> str | None:
    """ "RSA" or "ECDSA"; None for any other key, and where `certificate` is not built like one."""
    info = public_key_info(certificate)
    outer = _element(info, 0, len(info)) if info is not None else None
    algorithm = _element(info, outer[1], outer[2]) if info is not None and outer is not None else None
    name = _element(info, algorithm[1], algorithm[2]) if info is not None and algorithm is not None else None
    if info is None or name is None or name[0] != _OBJECT_IDENTIFIER:
        return None
    return _KEY_TYPES.get(info[name[1] : name[2]])


def is_public_key_info(data: bytes) -> bool:
    """Whether `data` is built like a SubjectPublicKeyInfo: an algorithm and a bit string, and nothing else."""
    outer = _element(data, 0, len(data))
    if outer is None or outer[0] != _SEQUENCE or outer[2] != len(data):
        return False
    algorithm = _element(data, outer[1], outer[2])
    if algorithm is None or algorithm[0] != _SEQUENCE:
        return False
    key = _element(data, algorithm[2], outer[2])
    return key is not None and key[0] == _BIT_STRING and key[2] == outer[2]


def key_bits(certificate: bytes) -> bytes | None:
    """The octets of the key alone, as OCSP hashes them (RFC 6960 section 4.1.1): no algorithm, no unused-bits octet."""
    info = public_key_info(certificate)
    parts = _parts(info) if info is not None else None
    return info[parts[1][1] + 1 : parts[1][2]] if info is not None and parts is not None else None


def has_explicit_curve(certificate: bytes) -> bool:
    """An elliptic curve given by its numbers in place of its name (RFC 5480 section 2.1.1 forbids that)."""
    info = public_key_info(certificate)
    parts = _parts(info) if info is not None else None
    if info is None or parts is None:
        return False
    algorithm = parts[0]
    name = _element(info, algorithm[1], algorithm[2])
    if name is None or info[name[1] : name[2]] != _EC_KEY:
        return False
    parameters = _element(info, name[2], algorithm[2])
    return parameters is None or parameters[0] != _OBJECT_IDENTIFIER


def _parts(info: bytes) -> tuple[tuple[int, int, int], tuple[int, int, int]] | None:
    """Algorithm and bit string of a SubjectPublicKeyInfo."""
    outer = _element(info, 0, len(info))
    algorithm = _element(info, outer[1], outer[2]) if outer is not None else None
    key = _element(info, algorithm[2], outer[2]) if outer is not None and algorithm is not None else None
    return (algorithm, key) if algorithm is not None and key is not None else None


def _element(data: bytes, start: int, end: int) -> tuple[int, int, int] | None:
    """Tag, beginning of the contents and end of the DER element at `start`; None where it does not fit before `end`."""
    if start + 2 > end:
        return None
    length, contents = data[start + 1], start + 2
    if length & 0x80:
        octets = length & 0x7F
        if not 1 <= octets <= 4 or contents + octets > end:
            return None
        length = int.from_bytes(data[contents : contents + octets], "big")
        contents += octets
    return None if contents + length > end else (data[start], contents, contents + length)
