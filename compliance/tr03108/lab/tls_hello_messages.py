"""The messages of a TLS server, written (RFC 5246 section 7.4, RFC 8446 section 4, and SSLv2's one)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from cryptography.hazmat.primitives.serialization import Encoding

from tr03108.lab.pki import Chain
from tr03108.lab.tls_hello_choice import RENEGOTIATION_SCSV, Choice
from tr03108.lab.tls_hello_config import HelloConfig, HelloFault
from tr03108.lab.tls_hello_keys import EXPORT_MODULUS, sign, sign_before_tls12
from tr03108.wire.tls.client_hello import UNCOMPRESSED_POINTS, ClientHello
from tr03108.wire.tls.key_share import KeyShare
from tr03108.wire.tls.names import Extension
from tr03108.wire.tls.reader import Extensions, extension
from tr03108.wire.tls.server_messages import RETRY_RANDOM, TLS12, TLS13, MessageType
from tr03108.wire.tls.suites import SUITES

EXPLICIT_CURVES = 0xFF01
_OCSP = b"\x01"
_CURVE_EXPLICIT, _CURVE_NAMED = b"\x01", b"\x03"
_HUGE = 4 << 20  # octets of a chain that no client should want
_TICKET_LIFETIME = 7200
_CERTIFICATE_TYPES = b"\x01\x40"  # rsa_sign, ecdsa_sign
# RFC 8446 section 4.1.3: the end of the random of a server that could have done better.
_DOWNGRADED = {TLS12: b"DOWNGRD\x01"}


def vector(data: bytes, length_size: int) -> bytes:
    """`data` behind its length."""
    return len(data).to_bytes(length_size, "big") + data


def message(kind: int, body: bytes) -> bytes:
    """A handshake message."""
    return bytes((kind,)) + vector(body, 3)


def server_random(config: HelloConfig, version: int) -> bytes:
    """32 octets; a server of TLS 1.3 that speaks an earlier version says so in them."""
    if "TLSv1.3" in config.suites and version < TLS13:
        return os.urandom(24) + _DOWNGRADED.get(version, b"DOWNGRD\x00")
    return os.urandom(32)


def server_hello(
    config: HelloConfig, choice: Choice, hello: ClientHello, random: bytes, session: bytes, share: bytes
) -> bytes:
    """A ServerHello, or the HelloRetryRequest; `share` is the public value of TLS 1.3."""
    suite = choice.suite
    if config.fault is HelloFault.UNOFFERED_SUITE:
        suite = next(code for code in SUITES if code not in hello.suites and code != RENEGOTIATION_SCSV)
    if choice.version >= TLS13:
        found, compression = _modern_extensions(config, choice, share), 0
    else:
        found = tuple(_extensions(config, choice, hello))
        compression = config.compression if config.compression in hello.compressions else 0
    body = min(choice.version, TLS12).to_bytes(2, "big") + (RETRY_RANDOM if choice.retry else random)
    body += vector(session, 1) + suite.to_bytes(2, "big") + bytes((compression,))
    if found:
        body += vector(_block(found), 2)
    if config.fault is HelloFault.WRONG_LENGTHS:
        body = body[:34] + b"\xff" + body[35:]  # a session id of 255 octets
    return message(MessageType.SERVER_HELLO, body)


def _modern_extensions(config: HelloConfig, choice: Choice, share: bytes) -> Extensions:
    group = (choice.group or 0).to_bytes(2, "big")
    found = [(Extension.SUPPORTED_VERSIONS, TLS13.to_bytes(2, "big"))]
    found.append((Extension.KEY_SHARE, group if choice.retry else group + vector(share, 2)))
    if choice.retry and config.cookie:
        found.append((Extension.COOKIE, vector(config.cookie, 2)))
    return tuple(found)


def _extensions(config: HelloConfig, choice: Choice, hello: ClientHello) -> Iterator[tuple[int, bytes]]:
    offered = {kind for kind, _ in hello.extras}
    if config.secure_renegotiation and (Extension.RENEGOTIATION_INFO in offered or RENEGOTIATION_SCSV in hello.suites):
        yield Extension.RENEGOTIATION_INFO, b"\x00"
    if choice.exchange.startswith("ECDH") and hello.groups is not None:
        yield Extension.EC_POINT_FORMATS, UNCOMPRESSED_POINTS
    echoes = {
        Extension.EXTENDED_MASTER_SECRET: (config.extended_master_secret, b""),
        Extension.ENCRYPT_THEN_MAC: (config.encrypt_then_mac and "_CBC_" in SUITES.get(choice.suite, ""), b""),
        Extension.TRUNCATED_HMAC: (config.truncated_hmac, b""),
        Extension.HEARTBEAT: (config.heartbeat, b"\x01"),
        Extension.STATUS_REQUEST: (bool(config.staple) and choice.chain is not None, b""),
        Extension.SESSION_TICKET: (config.tickets > 0, b""),
    }
    yield from ((kind, body) for kind, (wanted, body) in echoes.items() if wanted and kind in offered)


def encrypted_extensions(config: HelloConfig, hello: ClientHello) -> bytes:
    """EncryptedExtensions, on request with the whole list of groups."""
    found: list[tuple[int, bytes]] = []
    if config.announce_groups:
        found.append((Extension.SUPPORTED_GROUPS, vector(numbers(config.groups["TLSv1.3"]), 2)))
    if config.heartbeat and extension(hello.extras, Extension.HEARTBEAT) is not None:
        found.append((Extension.HEARTBEAT, b"\x01"))
    return message(MessageType.ENCRYPTED_EXTENSIONS, vector(_block(found), 2))


def certificate(config: HelloConfig, chain: Chain, version: int, stapled: bytes = b"") -> bytes:
    """A Certificate message. In TLS 1.3 the leaf carries `stapled`, the OCSP response."""
    ders = [each.public_bytes(Encoding.DER) for each in chain.sent]
    match config.fault:
        case HelloFault.NO_CERTIFICATES:
            ders = []
        case HelloFault.BROKEN_CERTIFICATE:
            ders[0] = b"\x30\x82\x7f\xff" + os.urandom(200)
        case HelloFault.HUGE_CERTIFICATE:
            ders += ders[-1:] * (_HUGE // len(ders[-1]))
    entries = [vector(der, 3) for der in ders]
    if version < TLS13:
        return message(MessageType.CERTIFICATE, vector(b"".join(entries), 3))
    leaf = vector(_block(((Extension.STATUS_REQUEST, _OCSP + vector(stapled, 3)),)), 2) if stapled else bytes(2)
    entries = [entry + (bytes(2) if number else leaf) for number, entry in enumerate(entries)]
    return message(MessageType.CERTIFICATE, vector(b"", 1) + vector(b"".join(entries), 3))


def certificate_status(staple: bytes) -> bytes:
    """CertificateStatus of TLS 1.2 and below."""
    return message(MessageType.CERTIFICATE_STATUS, _OCSP + vector(staple, 3))


def key_exchange(config: HelloConfig, choice: Choice, key: KeyShare | None, randoms: bytes) -> bytes | None:
    """ServerKeyExchange; None where the suite has none. `randoms` are the client's and the server's."""
    parameters = _parameters(choice, key)
    if parameters is None:
        return None
    body = parameters
    if choice.signs and choice.chain is not None:
        signed = randoms + parameters
        if choice.scheme is not None:
            signature = sign(choice.chain.key, choice.scheme, signed)
            body += choice.scheme.to_bytes(2, "big")
        else:
            signature = sign_before_tls12(choice.chain.key, signed)
        body += vector(spoilt(config, signature), 2)
    elif "PSK" in choice.exchange:
        body = vector(b"", 2) + body  # no identity hint (RFC 4279)
    return message(MessageType.SERVER_KEY_EXCHANGE, body)


def _parameters(choice: Choice, key: KeyShare | None) -> bytes | None:
    if choice.group == EXPLICIT_CURVES:  # prime, a, b, base, order, cofactor, public value: seen, not used
        return _CURVE_EXPLICIT + b"\x01" + b"".join(vector(os.urandom(33), 1) for _ in range(7))
    if choice.group is not None and key is not None:
        return _CURVE_NAMED + choice.group.to_bytes(2, "big") + vector(key.public, 1)
    if choice.prime and key is not None:
        prime = choice.prime.to_bytes((choice.prime.bit_length() + 7) // 8, "big")
        return vector(prime, 2) + vector(b"\x02", 2) + vector(key.public, 2)
    if choice.exchange.startswith("RSA_EXPORT"):
        return vector(EXPORT_MODULUS.to_bytes(64, "big"), 2) + vector(b"\x01\x00\x01", 2)
    return None


def certificate_request(schemes: Iterable[int], version: int) -> bytes:
    """CertificateRequest for certificates of any authority."""
    codes = vector(numbers(schemes), 2)
    if version >= TLS13:
        body = vector(b"", 1) + vector(_block(((Extension.SIGNATURE_ALGORITHMS, codes),)), 2)
    else:
        body = vector(_CERTIFICATE_TYPES, 1) + (codes if version == TLS12 else b"") + vector(b"", 2)
    return message(MessageType.CERTIFICATE_REQUEST, body)


def certificate_verify(config: HelloConfig, choice: Choice, transcript_hash: bytes) -> bytes:
    """The server's CertificateVerify of TLS 1.3 (RFC 8446 section 4.4.3)."""
    assert choice.chain is not None
    assert choice.scheme is not None
    content = b" " * 64 + b"TLS 1.3, server CertificateVerify\x00" + transcript_hash
    signature = spoilt(config, sign(choice.chain.key, choice.scheme, content))
    return message(MessageType.CERTIFICATE_VERIFY, choice.scheme.to_bytes(2, "big") + vector(signature, 2))


def ticket(config: HelloConfig, number: int, version: int) -> bytes:
    """A NewSessionTicket that nobody will ever take back."""
    body = _TICKET_LIFETIME.to_bytes(4, "big")
    if version >= TLS13:
        early = config.early_data
        found = [] if early is None else [(int(Extension.EARLY_DATA), early.to_bytes(4, "big"))]
        body += os.urandom(4) + vector(number.to_bytes(1, "big"), 1) + vector(os.urandom(64), 2)
        body += vector(_block(found), 2)
    else:
        body += vector(os.urandom(64), 2)
    return message(MessageType.NEW_SESSION_TICKET, body)


def sslv2_server_hello(suites: Iterable[int], der: bytes) -> bytes:
    """SERVER-HELLO of SSLv2 with its record header: no session id hit, an X.509 certificate, version 2."""
    specs = b"".join(code.to_bytes(3, "big") for code in suites)
    connection = os.urandom(16)
    body = bytes((4, 0, 1, 0, 2)) + b"".join(len(part).to_bytes(2, "big") for part in (der, specs, connection))
    body += der + specs + connection
    return (0x8000 | len(body)).to_bytes(2, "big") + body


def spoilt(config: HelloConfig, signature: bytes) -> bytes:
    """The signature, or one that does not verify."""
    if config.fault is not HelloFault.WRONG_SIGNATURE:
        return signature
    return signature[:-1] + bytes((signature[-1] ^ 1,))


def numbers(values: Iterable[int]) -> bytes:
    """Numbers of two octets."""
    return b"".join(value.to_bytes(2, "big") for value in values)


def _block(found: Iterable[tuple[int, bytes]]) -> bytes:
    return b"".join(kind.to_bytes(2, "big") + vector(body, 2) for kind, body in found)
