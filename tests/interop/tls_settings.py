"""The TLS configurations of the real servers: `default`, as near to BSI TR-02102-2 as the server goes, and `legacy`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from interop.programs import run
from interop.tls_expected import (
    ALL_VERSIONS,
    ECDSA,
    RSA,
    TLS10,
    TLS11,
    TLS12,
    TLS13,
    Expected,
    OpenSslSettings,
    of_gnutls,
)

CONFIGURATIONS = ("default", "bsi", "legacy")

# OpenSSL's manual, SSL_CTX_set1_groups(3): what a server of 3.0 supports where nobody says anything.
OPENSSL_DEFAULT_GROUPS = (
    *("X25519", "P-256", "X448", "P-521", "P-384"),
    *("ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192"),
)
BRAINPOOL = ("brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1")

BSI = OpenSslSettings(
    versions=(TLS12, TLS13),
    ciphers=(
        "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:"
        "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-CCM:ECDHE-ECDSA-AES128-CCM:ECDHE-ECDSA-AES256-SHA384:"
        "ECDHE-RSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:DHE-RSA-AES256-GCM-SHA384:"
        "DHE-RSA-AES128-GCM-SHA256"
    ),
    level=2,
    # P-256 after its like: with an ECDSA key on it, TLS 1.2 clients must offer it beside what they ask for (RFC 8422)
    groups=(*BRAINPOOL, "P-384", "P-521", "P-256", "ffdhe3072", "ffdhe4096"),
    dh=3072,
    ordered=True,
    tls13="TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256",
)
CONFORMING = replace(BSI, certificates=(ECDSA,), signatures="ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512")
# Postfix 3.7 uses security level 0, since opportunistic TLS is better than none, and names curves only.
POSTFIX_BSI = replace(BSI, level=0, groups=(*BRAINPOOL, "secp384r1", "secp521r1", "prime256v1"))
LEGACY = OpenSslSettings(
    versions=(TLS10, TLS11, TLS12),
    ciphers="ALL:COMPLEMENTOFALL",  # with NULL and anonymous suites
    level=0,
    groups=("P-256", "P-384", "secp256k1"),
    dh=1024,
)


def postfix_settings(configuration: str) -> OpenSslSettings:
    """The defaults are as it tells them itself."""
    return {
        "default": OpenSslSettings(
            versions=ALL_VERSIONS,
            ciphers=run("postconf", "-d", "-h", "tls_medium_cipherlist").strip(),
            level=0,
            groups=tuple(run("postconf", "-d", "-h", "tls_eecdh_auto_curves").split()),
            dh="auto",  # without smtpd_tls_dh1024_param_file; seen, as its manual speaks of a prime of 2048 bits
        ),
        "bsi": POSTFIX_BSI,
        "legacy": replace(LEGACY, groups=("prime256v1", "secp384r1", "secp256k1")),
    }[configuration]


def nginx_settings(configuration: str) -> OpenSslSettings:
    """The defaults are from nginx's manual, ngx_http_ssl_module, for 1.22: no TLS 1.3, no DHE without a file."""
    default = OpenSslSettings(
        versions=(TLS10, TLS11, TLS12), ciphers="HIGH:!aNULL:!MD5", level=2, groups=OPENSSL_DEFAULT_GROUPS
    )
    return {"default": default, "bsi": BSI, "legacy": LEGACY}[configuration]


def s_server_settings(configuration: str) -> OpenSslSettings:
    """Its defaults are OpenSSL's; without -dhparam it takes a prime as strong as the key."""
    default = OpenSslSettings(
        versions=ALL_VERSIONS, ciphers="DEFAULT", level=2, groups=OPENSSL_DEFAULT_GROUPS, dh="auto"
    )
    return {"default": default, "bsi": BSI, "legacy": LEGACY}[configuration]


def opensmtpd_settings(configuration: str) -> OpenSslSettings:
    """OpenSMTPD 6.8 has one key for a name, no DHE, always an order of its own, and an option for cipher strings only.

    The default string is SSL_CIPHERS of its ssl.h. Versions, groups and TLS 1.3 suites come from an openssl.cnf.
    """
    default = OpenSslSettings(
        versions=ALL_VERSIONS,
        ciphers="HIGH:!aNULL:!MD5",
        level=2,
        groups=OPENSSL_DEFAULT_GROUPS,
        certificates=(RSA,),
        ordered=True,
    )
    return {
        "default": default,
        "bsi": replace(BSI, certificates=(ECDSA,), dh=None),
        "legacy": replace(LEGACY, certificates=(RSA,), dh=None, ordered=True),
    }[configuration]


# GnuTLS's priority strings; it has no brainpool curves. NORMAL is the default of both servers.
GNUTLS_PRIORITIES: Mapping[str, str] = {
    "default": "NORMAL",
    "bsi": (
        "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+AES-256-GCM:+AES-128-GCM:+AES-256-CCM:+AES-128-CCM:+AES-256-CBC:+AES-128-CBC:"
        "+AEAD:+SHA384:+SHA256:+ECDHE-ECDSA:+ECDHE-RSA:+DHE-RSA:+SIGN-ALL:-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:"
        "+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-SECP521R1:+GROUP-FFDHE3072:+GROUP-FFDHE4096:+CTYPE-SRV-X509:"
        "%SERVER_PRECEDENCE"
    ),
    "legacy": (
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.1:+VERS-TLS1.0:+3DES-CBC:+ARCFOUR-128:+CAMELLIA-256-CBC:"
        "+CAMELLIA-128-CBC:+MD5:+SHA256:+SHA384:+ANON-ECDH:+ANON-DH:+GROUP-SECP192R1:+GROUP-SECP224R1:%COMPAT"
    ),
}


def exim_expected(configuration: str) -> Expected:
    priority = GNUTLS_PRIORITIES[configuration]
    return of_gnutls(priority, certificates=(RSA, ECDSA), anonymous=False)


def gnutls_serv_expected(configuration: str) -> Expected:
    priority = GNUTLS_PRIORITIES[configuration]
    return of_gnutls(priority, certificates=(RSA, ECDSA), anonymous=True)


EXPECTED: Mapping[str, Callable[[str], Expected]] = {
    "postfix": lambda configuration: postfix_settings(configuration).expected(),
    "exim": exim_expected,
    "opensmtpd": lambda configuration: opensmtpd_settings(configuration).expected(),
    "nginx": lambda configuration: nginx_settings(configuration).expected(),
    "s_server": lambda configuration: s_server_settings(configuration).expected(),
    "gnutls-serv": gnutls_serv_expected,
}
