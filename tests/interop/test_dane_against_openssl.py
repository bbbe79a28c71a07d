"""OpenSSL's own DANE verification is the judge of ours: `openssl s_client -dane_tlsa_rrdata`, on loopback.

Every chain shape meets every record of usage 2 and 3 that names one of its certificates. Usages 0 and 1 are left out:
OpenSSL checks them, SMTP does not use them (RFC 7672 section 3.1.3).
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tr03108.evaluate.dane import TlsaRecord, match
from unit.evaluate.chains import HOST, SHAPES, Maker, Shape, record

OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")

Asked = tuple[str, int, int, int]  # whose certificate, usage, selector, matching type

# What OpenSSL takes under usage 2 and we do not, by shape.
_WE_REFUSE = {
    "name only as common name": "RFC 9525 section 2: a common name is no name of a service",
    "part of a label as wildcard": "RFC 7672 section 3.2.3: a wildcard is a whole label; Postfix asks OpenSSL for that",
    "expired intermediate": "RFC 5280 section 6.1 leaves the dates of a trust anchor open: OpenSSL looks at those of a "
    "self-signed one only, we at all of the chain",
}


def explained(name: str, shape: Shape, asked: Asked, theirs: bool) -> bool:
    """Whether a difference from OpenSSL is meant. We never take what OpenSSL refuses."""
    part, usage, selector, mtype = asked
    if not theirs or usage != 2:
        return False
    # A bare public key (2 1 0) can stand for a certificate that was not sent. Few senders know to do that, so a server
    # has to send the certificate all the same (RFC 7671 section 5.2.3). Nor is the server's own key a trust anchor.
    above = [certificate for certificate in shape.chain[1:] if certificate != shape.chain[0]]
    bare = (selector, mtype) == (1, 0) and shape.parts[part] not in above
    return bare or name in _WE_REFUSE


@pytest.fixture(scope="module")
def maker() -> Maker:
    return Maker(datetime.now(UTC))


@pytest.mark.parametrize("name", SHAPES)
def test_verdicts_are_those_of_openssl(maker: Maker, tmp_path: Path, name: str) -> None:
    shape = maker.shape(name)
    questions = [(part, *fields) for part in shape.parts for fields in product((2, 3), (0, 1), (0, 1))]
    ours, theirs = {}, {}
    with _server(shape, tmp_path) as port:
        for asked in questions:
            tlsa = record(shape.parts[asked[0]], *asked[1:])
            ours[asked] = match([tlsa], shape.ders, (HOST,), datetime.now(UTC)).code == "OK"
            theirs[asked] = _accepts(port, tlsa)
    different = {q: theirs[q] for q in questions if ours[q] != theirs[q]}
    assert {q: verdict for q, verdict in different.items() if not explained(name, shape, q, verdict)} == {}
    assert bool(different) or name not in _WE_REFUSE, "explains a difference that is not there"
    assert any(theirs[q] for q in questions), "OpenSSL accepts nothing: the comparison says nothing"


@pytest.mark.parametrize(
    ("records", "accepted"),
    [
        (("leaf 3 1 2", "leaf 3 1 1"), True),
        (("root 3 1 2", "leaf 3 1 1"), False),  # only the strongest digest of a usage and selector counts
        (("root 3 0 2", "leaf 3 1 1"), True),  # another selector
        (("root 3 1 0", "leaf 3 1 1"), True),  # full data stands beside digests
        (("leaf 3 1 1", "leaf 3 1 1"), True),
        (("root 3 1 1", "leaf 3 1 1"), True),
    ],
)
def test_several_records(maker: Maker, tmp_path: Path, records: tuple[str, ...], accepted: bool) -> None:
    """Digest agility (RFC 7671 section 9) and duplicates."""
    shape = maker.shape("leaf and intermediate")
    parts = {**shape.parts, "leaf": shape.chain[0]}
    tlsas = [record(parts[part], *map(int, fields)) for part, *fields in (text.split() for text in records)]
    with _server(shape, tmp_path) as port:
        theirs = _accepts(port, *tlsas)
    ours = match(tlsas, shape.ders, (HOST,), datetime.now(UTC)).code == "OK"
    assert (ours, theirs) == (accepted, accepted)


def _accepts(port: int, *records: TlsaRecord) -> bool:
    command = [str(OPENSSL), "s_client", "-connect", f"127.0.0.1:{port}", "-dane_tlsa_domain", HOST]
    for tlsa in records:
        command += ["-dane_tlsa_rrdata", f"{tlsa.usage} {tlsa.selector} {tlsa.mtype} {tlsa.cert.hex()}"]
    command += ["-dane_ee_no_namechecks"]  # RFC 7672 section 3.1.1
    done = subprocess.run(command, input=b"Q\n", capture_output=True, timeout=20, check=False)
    output = done.stdout.decode("utf-8", "replace")
    assert "Verify return code" in output, done.stderr.decode("utf-8", "replace")
    return "Verify return code: 0 (ok)" in output and "DANE TLSA" in output


@contextlib.contextmanager
def _server(shape: Shape, folder: Path) -> Iterator[int]:
    key, leaf, rest = folder / "key.pem", folder / "leaf.pem", folder / "rest.pem"
    key.write_bytes(shape.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    leaf.write_bytes(shape.chain[0].public_bytes(Encoding.PEM))
    rest.write_bytes(b"".join(certificate.public_bytes(Encoding.PEM) for certificate in shape.chain[1:]))
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = int(chosen.getsockname()[1])
    command = [str(OPENSSL), "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(leaf), "-key", str(key), "-quiet"]
    command += ["-cert_chain", str(rest)] if shape.chain[1:] else []
    command += ["-no_cache"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _ready(port)
            yield port
        finally:
            process.terminate()


def _ready(port: int) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return
