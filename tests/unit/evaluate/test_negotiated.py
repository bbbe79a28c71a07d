"""What a handshake settled on comes from the server's bytes, never from what was noted beside them."""

from __future__ import annotations

from tr03108.evaluate.negotiated import negotiated
from tr03108.model import Handshake


def server_hello(version: bytes, suite: bytes, extensions: bytes = b"") -> bytes:
    body = version + b"\x11" * 32 + b"\0" + suite + b"\0" + len(extensions).to_bytes(2, "big") + extensions
    message = b"\x02" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message


def handshake(received: bytes) -> Handshake:
    return Handshake("mx", {}, b"", received, "completed", "TLSv1.3", "LIES", "lies", (), None, None, 0.1)


def test_tls13() -> None:
    share = b"\x00\x33\x00\x24\x00\x1d\x00\x20" + b"\x07" * 32
    found = negotiated(handshake(server_hello(b"\x03\x03", b"\x13\x01", b"\x00\x2b\x00\x02\x03\x04" + share)))
    assert found is not None
    assert (found.version, found.suite, found.suite_name) == ("TLSv1.3", 0x1301, "TLS_AES_128_GCM_SHA256")
    assert (found.group, found.group_name, found.ephemeral) == (0x1D, "x25519", True)


def test_tls12_without_a_group() -> None:
    found = negotiated(handshake(server_hello(b"\x03\x03", b"\x00\x9c")))
    assert found is not None
    assert (found.version, found.group, found.ephemeral) == ("TLSv1.2", None, False)
    ecdhe = negotiated(handshake(server_hello(b"\x03\x03", b"\xc0\x2c")))
    assert ecdhe is not None
    assert (ecdhe.group, ecdhe.ephemeral) == (None, True)  # there is one, and it was not seen


def test_what_cannot_be_read_is_nothing() -> None:
    whole = server_hello(b"\x03\x03", b"\xc0\x2c")
    for received in (b"", b"\x15\x03\x03\x00\x02\x02\x28", b"220 hello\r\n", whole[:20]):
        assert negotiated(handshake(received)) is None
