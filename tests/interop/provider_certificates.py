"""A certification authority as TR-03116-4 section 6.1 wants it: root, intermediate and CRLs, by the openssl command."""

from __future__ import annotations

import hashlib
from pathlib import Path

from interop.certificates import Certificate
from interop.programs import run

_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
_ROOT, _INTERMEDIATE = "root", "intermediate"
_CA_USAGE = "keyUsage=critical,keyCertSign,cRLSign"
_CONFIGURATION = """[ca]
default_ca = own
[own]
database = {folder}/{name}.index
crlnumber = {folder}/{name}.number
default_md = sha256
unique_subject = no
"""


class RevocableAuthority:
    """Root and intermediate in a folder; their CRLs, empty at first, are in `crl_folder`, which `url` leads to.

    `digest` is the SHA-256 of the intermediate's key, for TLSA 2 1 1.
    """

    def __init__(self, folder: Path, url: str) -> None:
        folder.mkdir()
        self._folder, self._url = folder, url
        self.crl_folder = folder / "crls"
        self.crl_folder.mkdir()
        self.crl_folder.chmod(0o755)
        self.root_file = self._file(_ROOT, "pem")
        root = ("-subj", "/CN=Interop Provider Root", "-days", "1825", "-addext", _CA_USAGE)
        root += ("-addext", "basicConstraints=critical,CA:TRUE,pathlen:1")
        configuration = folder / "request.cnf"  # without the system's, which adds extensions of its own
        configuration.write_text("[req]\ndistinguished_name=name\n[name]\n")
        self._requests = ("-config", configuration)
        files = ("-keyout", self._file(_ROOT, "key"), "-out", self.root_file)
        run("openssl", "req", "-x509", *self._requests, *_CURVE, *files, *root)
        constraints = f"basicConstraints=critical,CA:TRUE,pathlen:0\n{_CA_USAGE}\n"
        self._issue(_INTERMEDIATE, "/CN=Interop Provider CA", _ROOT, 1460, constraints)
        self.digest = self._key_digest(_INTERMEDIATE)
        for name in (_ROOT, _INTERMEDIATE):
            self._file(name, "index").touch()
            self._file(name, "number").write_text("01\n")
            self._file(name, "cnf").write_text(_CONFIGURATION.format(folder=folder, name=name))
            self._publish(name)

    def issue(self, host: str) -> Certificate:
        """A server certificate for one host name, valid for 90 days."""
        usage = "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
        extensions = f"subjectAltName=DNS:{host}\nbasicConstraints=critical,CA:FALSE\n{usage}"
        self._issue(host, f"/CN={host}", _INTERMEDIATE, 90, extensions)
        chain = self._file(host, "chain.pem")
        parts = (self._file(host, "key"), self._file(host, "pem"), self._file(_INTERMEDIATE, "pem"))
        chain.write_text("".join(part.read_text() for part in parts))
        return Certificate(chain, self._key_digest(host))

    def revoke(self, host: str) -> None:
        """From now on the CRL names this host's certificate."""
        self._ca(_INTERMEDIATE, "-revoke", self._file(host, "pem"), "-crl_reason", "keyCompromise")
        self._publish(_INTERMEDIATE)

    def _issue(self, name: str, subject: str, issuer: str, days: int, extensions: str) -> None:
        key, request, text = (self._file(name, kind) for kind in ("key", "csr", "ext"))
        run("openssl", "req", "-new", *self._requests, *_CURVE, "-keyout", key, "-out", request, "-subj", subject)
        text.write_text(
            f"{extensions}authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
            f"crlDistributionPoints=URI:{self._url}/{issuer}.crl\n"
        )
        signer = ("-CA", self._file(issuer, "pem"), "-CAkey", self._file(issuer, "key"), "-CAcreateserial")
        files = ("-in", request, "-out", self._file(name, "pem"), "-extfile", text)
        run("openssl", "x509", "-req", *files, *signer, "-sha256", "-days", str(days))

    def _ca(self, name: str, *arguments: str | Path) -> None:
        signer = ("-cert", self._file(name, "pem"), "-keyfile", self._file(name, "key"))
        run("openssl", "ca", "-config", self._file(name, "cnf"), *signer, *arguments)

    def _publish(self, name: str) -> None:
        """A CRL, in the encoding that RFC 5280 section 4.2.1.13 wants of HTTP."""
        text = self._file(name, "crl.pem")
        self._ca(name, "-gencrl", "-crldays", "7", "-out", text)
        run("openssl", "crl", "-in", text, "-outform", "DER", "-out", self.crl_folder / f"{name}.crl")

    def _key_digest(self, name: str) -> str:
        file = self._file(name, "spki")
        run("openssl", "pkey", "-in", self._file(name, "key"), "-pubout", "-outform", "DER", "-out", file)
        return hashlib.sha256(file.read_bytes()).hexdigest()

    def _file(self, name: str, kind: str) -> Path:
        return self._folder / f"{name}.{kind}"
