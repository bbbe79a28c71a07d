"""nginx below one folder: webmail, the files that configure mail clients, or nothing but TLS."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from interop.certificates import Certificate
from interop.programs import Daemon
from interop.tls_expected import VERSION_NAMES, OpenSslSettings
from interop.tls_settings import CONFORMING

HTTP, HTTPS = 80, 443
REDIRECT, SERVE = "redirect", "serve"


@dataclass(frozen=True)
class Site:
    """One host name: `files` are texts by path (beginning with "/"), given to GET and POST alike.

    `clear` is what HTTP without TLS gets: REDIRECT to https, or SERVE: the same as there. `hsts` is the value of its
    Strict-Transport-Security, "" for none.
    """

    host: str
    certificate: Certificate
    files: Mapping[str, str] = field(default_factory=dict)
    clear: str = REDIRECT
    hsts: str = ""
    tls: OpenSslSettings = CONFORMING


def tls_lines(settings: OpenSslSettings) -> list[str]:
    """What nginx is told of TLS; certificates and DH parameters are files of their own."""
    lines = [
        f"ssl_protocols {' '.join(VERSION_NAMES[version] for version in settings.versions)};",
        f"ssl_ciphers {settings.cipher_string};",
        f"ssl_ecdh_curve {':'.join(settings.groups)};",
        f"ssl_prefer_server_ciphers {'on' if settings.ordered else 'off'};",
    ]
    if settings.tls13 is not None:
        lines.append(f"ssl_conf_command Ciphersuites {settings.tls13};")
    if settings.signatures is not None:
        lines.append(f"ssl_conf_command SignatureAlgorithms {settings.signatures};")
    return lines


def nginx(servers: Sequence[Sequence[str]], ports: Sequence[tuple[str, int]], folder: Path) -> Daemon:
    """nginx with these server blocks, each a list of directives."""
    paths = [f"{name}_temp_path {folder};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    user = "user nobody nogroup;\n" if os.geteuid() == 0 else ""
    blocks = "".join("server {\n" + "\n".join(lines) + "\n}\n" for lines in servers)
    file = folder / "nginx.conf"
    file.write_text(
        f"{user}daemon off;\nworker_processes 1;\npid {folder / 'nginx.pid'};\nerror_log stderr;\n"
        "events { worker_connections 64; }\n"
        f"http {{ access_log off; {' '.join(paths)}\n{blocks}}}\n"
    )
    arguments = ("-p", folder, "-e", "stderr", "-c", file)
    return Daemon("nginx", *arguments, ports=ports, log=folder / "nginx.log")


def web_sites(sites: Sequence[Site], address: str, folder: Path) -> Daemon:
    """nginx with these sites at the standard ports of one address."""
    folder.mkdir()
    folder.chmod(0o755)
    servers = [lines for site in sites for lines in _servers(site, address, folder / site.host)]
    return nginx(servers, [(address, HTTP), (address, HTTPS)], folder)


def _servers(site: Site, address: str, root: Path) -> list[list[str]]:
    for path, text in site.files.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    named = [f"server_name {site.host};"]
    content = [
        f"root {root};",
        "types { text/xml xml; text/html html; }",
        "error_page 405 =200 $uri;",  # nginx has no file for POST, which Autodiscover asks with
    ]
    chain = site.certificate.chain_file
    secured = [f"listen {address}:{HTTPS} ssl;", f"ssl_certificate {chain};", f"ssl_certificate_key {chain};"]
    secured += tls_lines(site.tls)
    if site.hsts:
        secured.append(f'add_header Strict-Transport-Security "{site.hsts}" always;')
    in_clear = ["return 301 https://$host$request_uri;"] if site.clear == REDIRECT else content
    return [[*named, *secured, *content], [*named, f"listen {address}:{HTTP};", *in_clear]]
