"""Matching a certificate's names against reference identifiers (RFC 9525, RFC 7672 section 3.2.2)."""

from __future__ import annotations

from cryptography import x509


def dns_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The dNSName entries of subjectAltName; the common name is not a name of the service (RFC 9525 section 2)."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return ()
    return tuple(extension.value.get_values_for_type(x509.DNSName))


def matches(presented: str, reference: str) -> bool:
    """A presented identifier matches; "*" stands for exactly one whole leftmost label (RFC 9525 section 6.3).

    A dNSName has no trailing dot and is ASCII (RFC 5280 section 4.2.1.6): what differs there is no name that matches.
    """
    if not presented.isascii():
        return False
    given, wanted = presented.lower().split("."), reference.lower().removesuffix(".").split(".")
    if given == wanted:
        return "*" not in presented
    return (
        len(given) == len(wanted) >= 3 and given[0] == "*" and "*" not in "".join(given[1:]) and given[1:] == wanted[1:]
    )


def first_match(certificate: x509.Certificate, references: tuple[str, ...]) -> str | None:
    """The first reference identifier that the certificate presents."""
    presented = dns_names(certificate)
    return next((r for r in references if any(matches(p, r) for p in presented)), None)
