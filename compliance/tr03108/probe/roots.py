"""PKIX roots of the auditor: read once, of which the dossier keeps those that the observed chains can lead to."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ..model import UsageError

_MAXIMUM_FILE = 8 * 1024 * 1024  # octets; the usual bundles have about 250 KiB


@dataclass(frozen=True, slots=True)
class RootStore:
    """Trusted root certificates (DER) by their subject (DER of the name). `source` says where they come from."""

    source: str
    by_subject: Mapping[bytes, tuple[bytes, ...]]

    @classmethod
    def load(cls, ca_file: Path | None) -> RootStore:
        """Reads a PEM file: `ca_file`, else the system's store, else certifi's. Raises UsageError."""
        path = ca_file or _system_file() or Path(certifi.where())
        try:
            if path.stat().st_size > _MAXIMUM_FILE:
                raise UsageError(f"{path}: too large for a file of PEM certificates")
            data = path.read_bytes()
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
        by_subject: dict[bytes, tuple[bytes, ...]] = {}
        try:
            with warnings.catch_warnings():
                # Old roots break rules that cryptography warns of (serial numbers); they are trusted all the same.
                warnings.simplefilter("ignore")
                for certificate in x509.load_pem_x509_certificates(data):
                    subject = certificate.subject.public_bytes()
                    der = certificate.public_bytes(Encoding.DER)
                    by_subject[subject] = (*by_subject.get(subject, ()), der)
        except ValueError as error:
            raise UsageError(f"{path}: no readable PEM certificates: {error}") from error
        return cls(str(path), by_subject)

    def relevant(self, chains: Iterable[tuple[bytes, ...]]) -> tuple[bytes, ...]:
        """Roots whose subject is an issuer in one of the chains (DER), or that are in one themselves; sorted."""
        found: set[bytes] = set()
        for der in {der for chain in chains for der in chain}:
            names = _names(der)
            if names is None:
                continue
            issuer, subject = names
            found.update(self.by_subject.get(issuer, ()))
            found.update(root for root in self.by_subject.get(subject, ()) if root == der)
        return tuple(sorted(found))


def _names(der: bytes) -> tuple[bytes, bytes] | None:
    """Issuer and subject (DER), or None where the certificate cannot be read: then no root leads to it either."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            certificate = x509.load_der_x509_certificate(der)
            return certificate.issuer.public_bytes(), certificate.subject.public_bytes()
    except ValueError:
        return None


def _system_file() -> Path | None:
    """The system's bundle, where OpenSSL looks for it, else where distributions keep it."""
    paths = ssl.get_default_verify_paths()
    known = (
        paths.cafile,
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem",
    )
    return next((Path(name) for name in known if name is not None and Path(name).is_file()), None)
