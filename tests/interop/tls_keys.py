"""Keys, self-signed certificates and DH parameters for TLS servers, made by the openssl command."""

from __future__ import annotations

import base64
import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path

from interop.programs import run
from interop.tls_expected import ECDSA, RSA

HOST = "mx.interop.example"
ALGORITHMS = {
    RSA: ("rsa:3072",),
    ECDSA: ("ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
}
OAKLEY_GROUP_2 = (  # RFC 2409 section 6.2
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
    "020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF"
)


@dataclass(frozen=True)
class KeyPair:
    """PEM files: a private key, readable by all as the servers drop their rights, and its certificate."""

    kind: str
    key: Path
    certificate: Path


def key_pair(folder: Path, kind: str) -> KeyPair:
    """A key of this kind and a certificate for HOST."""
    key, certificate = folder / f"{kind}.key", folder / f"{kind}.pem"
    for file, text in zip((key, certificate), _made(kind), strict=True):
        file.write_text(text)
    key.chmod(0o644)
    return KeyPair(kind, key, certificate)


@functools.cache
def _made(kind: str) -> tuple[str, str]:
    """The two PEM texts, once for all servers: an RSA key takes its time."""
    subject = ("-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-days", "20")
    with tempfile.TemporaryDirectory() as scratch:
        key, certificate = Path(scratch, "key"), Path(scratch, "certificate")
        files = ("-keyout", key, "-out", certificate)
        run("openssl", "req", "-x509", "-newkey", *ALGORITHMS[kind], "-nodes", *files, *subject)
        return key.read_text(), certificate.read_text()


def dh_parameters(folder: Path, bits: int) -> Path:
    """A file with DH parameters of this size: a prime of RFC 7919, or that of 1024 bits from RFC 2409."""
    file = folder / f"dh{bits}.pem"
    if bits == 1024:
        source, binary = folder / "dh1024.cnf", folder / "dh1024.der"
        source.write_text(f"asn1=SEQUENCE:dh\n[dh]\np=INTEGER:0x{OAKLEY_GROUP_2}\ng=INTEGER:2\n")
        run("openssl", "asn1parse", "-genconf", source, "-noout", "-out", binary)
        encoded = base64.encodebytes(binary.read_bytes()).decode()
        file.write_text(f"-----BEGIN DH PARAMETERS-----\n{encoded}-----END DH PARAMETERS-----\n")
    else:
        run("openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", f"group:ffdhe{bits}", "-out", file)
    return file
