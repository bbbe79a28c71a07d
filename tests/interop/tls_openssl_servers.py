"""Real servers with OpenSSL: Postfix, nginx, `openssl s_server` and OpenSMTPD."""

from __future__ import annotations

from pathlib import Path

from interop import mail_servers, web_servers
from interop.certificates import Certificate
from interop.jails import Jail
from interop.programs import Daemon, run
from interop.tls_expected import VERSION_NAMES, OpenSslSettings
from interop.tls_keys import HOST, dh_parameters, key_pair
from interop.tls_settings import nginx_settings, opensmtpd_settings, postfix_settings, s_server_settings

SHIM = Path(__file__).parents[1] / "preload" / "opensmtpd_openssl3.c"


def openssl_configuration(settings: OpenSslSettings, *, groups: bool) -> str:
    """An openssl.cnf for what a server itself cannot be told."""
    lines = ["openssl_conf = init", "[init]", "ssl_conf = ssl", "[ssl]", "system_default = tls", "[tls]"]
    lines += [f"MinProtocol = {VERSION_NAMES[settings.versions[0]]}"]
    lines += [f"MaxProtocol = {VERSION_NAMES[settings.versions[-1]]}"]
    if groups:
        lines.append(f"Groups = {':'.join(settings.groups)}")
    if settings.tls13 is not None:
        lines.append(f"Ciphersuites = {settings.tls13}")
    if settings.signatures is not None:
        lines.append(f"SignatureAlgorithms = {settings.signatures}")
    return "\n".join(lines) + "\n"


def postfix(configuration: str, port: int, folder: Path) -> Daemon:
    """Postfix by its own options; only the TLS 1.3 suites, for which 3.7 has none, are in an openssl.cnf."""
    settings = postfix_settings(configuration)
    pairs = [key_pair(folder, kind) for kind in settings.certificates]
    chain = folder / "chains.pem"
    chain.write_text("".join(pair.key.read_text() + pair.certificate.read_text() for pair in pairs))
    options: dict[str, str] = {}
    if configuration != "default":
        options = {
            "smtpd_tls_protocols": f">={VERSION_NAMES[settings.versions[0]]}, <={VERSION_NAMES[settings.versions[-1]]}",
            "tls_medium_cipherlist": settings.ciphers,
            "tls_eecdh_auto_curves": " ".join(settings.groups),
            "tls_preempt_cipherlist": "yes" if settings.ordered else "no",
        }
    if isinstance(settings.dh, int):
        options["smtpd_tls_dh1024_param_file"] = str(dh_parameters(folder, settings.dh))
    if settings.tls13 is not None:
        options |= postfix_environment(settings, folder)
    listener = mail_servers.Listener(HOST, port, "may", Certificate(chain, ""))
    return mail_servers.postfix([listener], folder / "postfix", options)


def postfix_environment(settings: OpenSslSettings, folder: Path) -> dict[str, str]:
    """Postfix's option that makes it read an openssl.cnf, for what it has no option of its own."""
    own = folder / "openssl.cnf"
    own.write_text(openssl_configuration(settings, groups=False))
    usual = run("postconf", "-d", "-h", "import_environment").strip()
    return {"import_environment": f"{usual} OPENSSL_CONF={own}"}


def nginx(configuration: str, port: int, folder: Path) -> Daemon:
    """nginx as an HTTPS server that has nothing to say."""
    settings = nginx_settings(configuration)
    lines = [f"listen 127.0.0.1:{port} ssl;", f"server_name {HOST};", "return 204;"]
    for kind in settings.certificates:
        pair = key_pair(folder, kind)
        lines += [f"ssl_certificate {pair.certificate};", f"ssl_certificate_key {pair.key};"]
    if configuration != "default":
        lines += web_servers.tls_lines(settings)
    if isinstance(settings.dh, int):
        lines.append(f"ssl_dhparam {dh_parameters(folder, settings.dh)};")
    return web_servers.nginx([lines], [("127.0.0.1", port)], folder)


def s_server(configuration: str, port: int, folder: Path) -> Daemon:
    """OpenSSL's test server: direct TLS, one connection after the other."""
    settings = s_server_settings(configuration)
    options: list[str | Path] = ["-accept", f"127.0.0.1:{port}", "-www", "-quiet"]
    for kind, (certificate, key) in zip(settings.certificates, (("-cert", "-key"), ("-dcert", "-dkey")), strict=False):
        pair = key_pair(folder, kind)
        options += [certificate, pair.certificate, key, pair.key]
    if configuration != "default":
        lacking = [version for version in VERSION_NAMES if version not in settings.versions]
        options += [f"-no_{VERSION_NAMES[version].replace('v', '').replace('.', '_').lower()}" for version in lacking]
        options += ["-cipher", settings.cipher_string, "-groups", ":".join(settings.groups)]
    if isinstance(settings.dh, int):
        options += ["-dhparam", dh_parameters(folder, settings.dh)]
    if settings.ordered:
        options.append("-serverpref")
    if settings.tls13 is not None:
        options += ["-ciphersuites", settings.tls13]
    return Daemon("openssl", "s_server", *options, ports=[("127.0.0.1", port)], log=folder / "s_server.log")


def add_shim(jail: Jail) -> None:
    """The library that lets OpenSMTPD sign with /etc/server.key."""
    run("gcc", "-Wall", "-Werror", "-shared", "-fPIC", "-o", jail.root / "shim.so", SHIM)
    jail.write("etc/ld.so.preload", "/shim.so\n")


def opensmtpd(configuration: str, port: int, folder: Path) -> Daemon:
    """OpenSMTPD, with the library that lets it sign, or "packaged": without it, when it completes no handshake."""
    users = {"opensmtpd": "/var/lib/opensmtpd/empty", "opensmtpq": "/"}
    jail = Jail(folder / "opensmtpd", "opensmtpd", "/usr/sbin/smtpd", users)
    packaged = configuration == "packaged"
    settings = opensmtpd_settings("default" if packaged else configuration)
    pair = key_pair(folder, settings.certificates[0])
    jail.write("etc/server.key", pair.key.read_text(), mode=0o600)
    jail.write("etc/server.pem", pair.certificate.read_text())
    jail.write("etc/mailname", f"{HOST}\n")
    lines = ['pki server cert "/etc/server.pem"', 'pki server key "/etc/server.key"']
    if configuration not in ("default", "packaged"):
        lines.append(f'smtp ciphers "{settings.cipher_string}"')
        jail.write("usr/lib/ssl/openssl.cnf", openssl_configuration(settings, groups=True))
    lines += [f"listen on 127.0.0.1 port {port} tls pki server hostname {HOST}", "match from any for any reject"]
    jail.write("etc/smtpd.conf", "\n".join(lines) + "\n")
    if not packaged:
        add_shim(jail)
    return jail.daemon("-d", "-f", "/etc/smtpd.conf", port=("127.0.0.1", port), log=folder / "opensmtpd.log")
