"""Certificates and TLSA digests made by the openssl command, not by the code under test."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from interop.programs import run


@dataclass(frozen=True)
class Certificate:
    """A PEM file with key and chain, in the order Postfix's smtpd_tls_chain_files wants, and the leaf's key digest."""

    chain_file: Path
    spki_sha256: str


class Authority:
    """A private certification authority in a folder; its root is `root_file`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self.root_file = folder / "root.pem"
        self._key = folder / "root.key"
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        subject = ("-subj", "/CN=Interop Root", "-days", "30")
        usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        run("openssl", "req", "-x509", *curve, "-keyout", self._key, "-out", self.root_file, *subject, *usage)

    def issue(self, host: str) -> Certificate:
        """A server certificate for one host name, valid for 20 days."""
        key, request, leaf = (self._folder / f"{host}.{kind}" for kind in ("key", "csr", "pem"))
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        run("openssl", "req", "-new", *curve, "-keyout", key, "-out", request, "-subj", f"/CN={host}")
        extensions = self._folder / f"{host}.ext"
        extensions.write_text(
            f"subjectAltName=DNS:{host}\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n"
            "keyUsage=critical,digitalSignature\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
        )
        signer = ("-CA", self.root_file, "-CAkey", self._key, "-CAcreateserial", "-days", "20", "-extfile", extensions)
        run("openssl", "x509", "-req", "-in", request, "-out", leaf, *signer)
        run("openssl", "pkey", "-in", key, "-pubout", "-outform", "DER", "-out", self._folder / f"{host}.spki")
        chain = self._folder / f"{host}.chain.pem"
        chain.write_text(key.read_text() + leaf.read_text() + self.root_file.read_text())
        digest = hashlib.sha256((self._folder / f"{host}.spki").read_bytes()).hexdigest()
        return Certificate(chain, digest)
