"""What sslyze finds at one port, as JSON on standard output. Run by the peers' Python, never imported by this product.

sslyze_scan.py ADDRESS PORT [--at-once N] [--direct] [--lists]

All scan commands but the one for HTTP headers; with --lists only those for
versions, suites and curves.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

import sslyze  # type: ignore[import-not-found]  # lives in the peers' environment only

VERSIONS = {
    "SSLv2": "ssl_2_0_cipher_suites",
    "SSLv3": "ssl_3_0_cipher_suites",
    "TLSv1": "tls_1_0_cipher_suites",
    "TLSv1.1": "tls_1_1_cipher_suites",
    "TLSv1.2": "tls_1_2_cipher_suites",
    "TLSv1.3": "tls_1_3_cipher_suites",
}
CURVES = "elliptic_curves"
LISTS = {*VERSIONS.values(), CURVES}
NOT_FOR_MAIL = {"http_headers"}


def scan(address: str, port: int, at_once: int, direct: bool, commands: set[str]) -> Any:
    """sslyze's own result; ends the program where it did not come about."""
    location = sslyze.ServerNetworkLocation(hostname="localhost", port=port, ip_address=address)
    starttls = None if direct else sslyze.ProtocolWithOpportunisticTlsEnum.SMTP
    network = sslyze.ServerNetworkConfiguration("localhost", tls_opportunistic_encryption=starttls)
    request = sslyze.ServerScanRequest(location, network, {sslyze.ScanCommand(name) for name in commands})
    scanner = sslyze.Scanner(per_server_concurrent_connections_limit=at_once, concurrent_server_scans_limit=1)
    scanner.queue_scans([request])
    (result,) = scanner.get_results()
    if result.scan_result is None:
        sys.exit(f"sslyze could not scan: {result.connectivity_status}")
    return result.scan_result


def main(address: str, port: int, at_once: int, direct: bool, lists: bool) -> None:
    every = {command.value for command in sslyze.ScanCommand}
    commands = LISTS if lists else every - NOT_FOR_MAIL
    started = time.perf_counter()
    result = scan(address, port, at_once, direct, commands)
    seconds = time.perf_counter() - started
    attempts = {name: getattr(result, name) for name in commands}
    failures = sorted(f"{name}: {each.error_reason}" for name, each in attempts.items() if each.result is None)
    suites = {
        version: sorted(accepted.cipher_suite.name for accepted in attempts[name].result.accepted_cipher_suites)
        for version, name in VERSIONS.items()
        if attempts[name].result is not None and attempts[name].result.accepted_cipher_suites
    }
    curves = attempts[CURVES].result
    groups = sorted(curve.name for curve in (curves.supported_curves or ())) if curves else []
    print(json.dumps({"suites": suites, "groups": groups, "seconds": seconds, "failures": failures}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--at-once", type=int, default=4, help="connections at the same time")
    parser.add_argument("--direct", action="store_true", help="TLS from the first octet on, no STARTTLS")
    parser.add_argument("--lists", action="store_true", help="versions, suites and curves only")
    options = parser.parse_args()
    main(options.address, options.port, options.at_once, options.direct, options.lists)
