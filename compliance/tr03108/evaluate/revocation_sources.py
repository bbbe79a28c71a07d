"""Where a certificate says that its revocation can be asked for: OCSP responders and CRLs (RFC 5280 section 4.2)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

URLS = 3  # of one certificate that are asked
_OCSP_URLS = 2  # of these
_SHOWN = 10  # addresses that are kept at all
_LONGEST = 2000  # characters of an address that is asked
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_TARGET = re.compile(r"/[!-~]*")


@dataclass(frozen=True, slots=True)
class Place:
    """An http address, taken apart. `host` is a name, or an address without brackets."""

    host: str
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class Question:
    """One HTTP request about one certificate: POST to an OCSP responder, or GET of a CRL. `place` None: not asked."""

    method: str
    url: str
    request: bytes
    place: Place | None

    @property
    def key(self) -> str:
        """The key of its observation."""
        digest = hashlib.sha256(b"\n".join((self.method.encode(), self.url.encode(), self.request)))
        return f"fetch/{digest.hexdigest()}"


def questions(certificate: x509.Certificate, issuer: x509.Certificate) -> tuple[Question, ...]:
    """What can be asked about a certificate, best first; at most URLS."""
    responders = ocsp_urls(certificate)[:_OCSP_URLS]
    request = ocsp_request(certificate, issuer) if responders else b""
    found = [Question("POST", url, request, place_of(url)) for url in responders]
    found += [Question("GET", url, b"", place_of(url)) for url in crl_urls(certificate, whole=True)]
    return tuple(found[:URLS])


def ocsp_request(certificate: x509.Certificate, issuer: x509.Certificate) -> bytes:
    """Without nonce and with SHA-1 in the CertID, which every responder understands (RFC 5019 section 2.1)."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1())  # noqa: S303
    return builder.build().public_bytes(Encoding.DER)


def ocsp_urls(certificate: x509.Certificate) -> tuple[str, ...]:
    """The OCSP responders of authorityInfoAccess."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return ()
    names = [one.access_location for one in access if one.access_method == AuthorityInformationAccessOID.OCSP]
    return _urls(names)


def crl_urls(certificate: x509.Certificate, *, whole: bool = False) -> tuple[str, ...]:
    """The CRLs of cRLDistributionPoints; `whole`: only those of the issuer itself that are for all reasons."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return ()
    fit = [point for point in points if not whole or (point.reasons is None and point.crl_issuer is None)]
    return _urls([name for point in fit for name in point.full_name or ()])


def place_of(url: str) -> Place | None:
    """The parts of an http address; None for https, ldap and whatever is malformed."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), 80 if parts.port is None else parts.port
    except ValueError:
        return None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if len(url) > _LONGEST or parts.scheme != "http" or "@" in parts.netloc or not 0 < port < 65536:
        return None
    if _TARGET.fullmatch(target) is None:
        return None
    return Place(host, port, target) if _HOST.fullmatch(host) or ":" in host else None


def _urls(names: list[x509.GeneralName]) -> tuple[str, ...]:
    uris = (name.value for name in names if isinstance(name, x509.UniformResourceIdentifier))
    return tuple(dict.fromkeys(uris))[:_SHOWN]
