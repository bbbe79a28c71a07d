"""The lab's MTA-STS policy server, seen by the standard library's HTTPS client."""

from __future__ import annotations

import asyncio
import http.client
import ssl
from datetime import UTC, datetime

import pytest

from tr03108.lab.pki import Pki, Variant
from tr03108.lab.policy_server import PATH, PolicyBehaviour, PolicyFault, PolicyServer
from tr03108.lab.tls import TlsSettings, by_server_name, context

HOST = "mta-sts.flawless.example"
POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mx1.flawless.example\r\nmax_age: 604800\r\n"
PKI = Pki(datetime.now(UTC))


class _Https(http.client.HTTPSConnection):
    """Connects to the lab's port, but names the policy host."""

    def __init__(self, port: int, verify: ssl.SSLContext) -> None:
        super().__init__(HOST, 443, timeout=2, context=verify)
        self._lab = port
        self._verify = verify

    def connect(self) -> None:
        raw = self._create_connection(("127.0.0.1", self._lab), 1)  # type: ignore[attr-defined]
        try:
            self.sock = self._verify.wrap_socket(raw, server_hostname=HOST)
        except OSError:
            raw.close()
            raise


def fetch(
    behaviour: PolicyBehaviour, variant: Variant = Variant.GOOD, path: str = PATH
) -> tuple[int, str | None, bytes]:
    async def run() -> tuple[int, str | None, bytes]:
        async with PolicyServer(
            {HOST: behaviour}, context(PKI.chain(HOST, variant), TlsSettings()), patience=5
        ) as server:
            answer = await asyncio.to_thread(get, server.port, path)
            assert server.requests[0].server_name == HOST
            assert [(each.method, each.target, each.host) for each in server.requests] == [("GET", path, HOST)]
            return answer

    return asyncio.run(run())


def get(port: int, path: str) -> tuple[int, str | None, bytes]:
    verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    verify.load_verify_locations(cadata=PKI.ca_pem)
    client = _Https(port, verify)
    try:
        client.request("GET", path)
        response = client.getresponse()
        return response.status, response.getheader("Content-Type"), response.read()
    finally:
        client.close()


def test_policy_is_served() -> None:
    assert fetch(PolicyBehaviour(POLICY)) == (200, "text/plain", POLICY.encode())


def test_other_paths_are_not_found() -> None:
    assert fetch(PolicyBehaviour(POLICY), path="/")[0] == 404


@pytest.mark.parametrize(
    ("fault", "status"), [(PolicyFault.STATUS_404, 404), (PolicyFault.STATUS_500, 500), (PolicyFault.REDIRECT, 301)]
)
def test_status_faults(fault: PolicyFault, status: int) -> None:
    assert fetch(PolicyBehaviour(POLICY, fault=fault))[0] == status


def test_content_type() -> None:
    assert fetch(PolicyBehaviour(POLICY, content_type="text/html"))[1] == "text/html"


def test_oversized_body_is_longer_than_rfc_8461_advises() -> None:
    assert len(fetch(PolicyBehaviour(POLICY, fault=PolicyFault.OVERSIZED))[2]) > 64 * 1024


def test_slow_body_arrives_octet_by_octet() -> None:
    assert fetch(PolicyBehaviour("abcd", fault=PolicyFault.SLOW))[2] == b"abcd"


def test_close_without_answer() -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        fetch(PolicyBehaviour(POLICY, fault=PolicyFault.CLOSE))


def test_truncated_body() -> None:
    with pytest.raises(http.client.IncompleteRead):
        fetch(PolicyBehaviour(POLICY, fault=PolicyFault.TRUNCATED))


def test_no_tls() -> None:
    with pytest.raises(ssl.SSLError):
        fetch(PolicyBehaviour(POLICY, fault=PolicyFault.NO_TLS))


def test_reset_on_connect() -> None:
    with pytest.raises(ConnectionError):
        fetch(PolicyBehaviour(POLICY, fault=PolicyFault.RESET_ON_CONNECT))


def test_silent_server_times_out() -> None:
    with pytest.raises(TimeoutError):
        fetch(PolicyBehaviour(POLICY, fault=PolicyFault.SILENT))


def test_self_signed_certificate_is_not_trusted() -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        fetch(PolicyBehaviour(POLICY), Variant.SELF_SIGNED)


def test_hosts_share_a_port_by_server_name() -> None:
    other = "mta-sts.other.example"

    async def run() -> None:
        default = context(PKI.chain(other), TlsSettings())
        shared = by_server_name(default, {HOST: context(PKI.chain(HOST), TlsSettings())})
        hosts = {other: PolicyBehaviour("other"), HOST: PolicyBehaviour(POLICY)}
        async with PolicyServer(hosts, shared) as server:
            answer = await asyncio.to_thread(get, server.port, PATH)
            assert answer[2] == POLICY.encode()

    asyncio.run(run())
