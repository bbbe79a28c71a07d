"""Real clients at the scripted TLS server, and the embedded servers of other makes at hellos of ours."""

from __future__ import annotations

import asyncio
import contextlib
import select
import shutil
import smtplib
import socket
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest
from OpenSSL import SSL

from embedded_servers import PyOpenSsl, PythonSsl, Server, Tlslite, pyopenssl, python_asyncio, python_ssl, scripted
from embedded_servers import tlslite as tlslite_server
from tr03108.lab.scenarios import load_scenarios
from tr03108.lab.smtp_server import SmtpBehaviour, SmtpServer
from tr03108.lab.tls import MODP_1024
from tr03108.lab.tls_hello_config import HelloConfig, HelloFault, Refusal, group, presets, suite
from tr03108.lab.tls_hello_keys import dh_prime, ffdhe_prime
from tr03108.lab.tls_hellos import Hellos, hellos
from tr03108.lab.world import World
from tr03108.model import HelloExchange, ProbePlan
from tr03108.probe.hello import Question, ask_hello, direct_tls
from tr03108.probe.net import Network
from tr03108.probe.smtp import smtp_starttls
from tr03108.wire.tls.client_hello import ClientHello
from unit.lab.scripted import (
    CBC,
    CHAINS,
    DHE,
    ECDHE_ECDSA,
    ECDHE_RSA,
    HOST,
    PKI,
    Answered,
    chains,
    codes,
    groups,
    new_hello,
    old_hello,
    speaking,
)

T = TypeVar("T")


def at(server: Server, work: Callable[[int], T]) -> T:
    """What blocking `work` returns at the server's port."""

    async def run() -> T:
        async with server as port, asyncio.timeout(15):
            return await asyncio.to_thread(work, port)

    return asyncio.run(run())


def serving(config: HelloConfig) -> Server:
    return scripted(config, *chains(config))


def trusting() -> ssl.SSLContext:
    result = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    result.load_verify_locations(cadata=PKI.ca_pem)
    result.set_ciphers("ALL:@SECLEVEL=0")
    return result


def python_client(port: int, maximum: ssl.TLSVersion, ciphers: str = "") -> tuple[str | None, str, bytes]:
    """Version, suite and the echo of a verified handshake."""
    context = trusting()
    context.maximum_version = maximum
    if ciphers:
        context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    with (
        socket.create_connection(("127.0.0.1", port), 5) as connection,
        context.wrap_socket(connection, server_hostname=HOST) as channel,
    ):
        channel.sendall(b"hello")
        echoed = channel.recv(100)
        chosen = channel.cipher()
        assert chosen is not None
        return channel.version(), chosen[0], echoed


@pytest.mark.parametrize("name", ["bsi", "postfix-default", "tls13-only", "hybrid"])
def test_python_completes_tls13(name: str) -> None:
    version, _, echoed = at(serving(presets()[name]), lambda port: python_client(port, ssl.TLSVersion.TLSv1_3))
    assert (version, echoed) == ("TLSv1.3", b"hello")


@pytest.mark.parametrize("ciphers", [
    "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256", "AES128-GCM-SHA256",
    "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-CCM", "ECDHE-ECDSA-AES256-CCM8",
])  # fmt: skip
def test_python_completes_tls12(ciphers: str) -> None:
    suites = (
        ECDHE_RSA, ECDHE_ECDSA, DHE, "TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8",
    )  # fmt: skip
    for extended in (True, False):
        server = replace(speaking("TLSv1.2", suites=suites), extended_master_secret=extended)
        done = at(serving(server), lambda port: python_client(port, ssl.TLSVersion.TLSv1_2, ciphers))
        assert done == ("TLSv1.2", ciphers, b"hello")


def openssl_client(port: int, version: int, ciphers: str, groups: str = "") -> tuple[str, str | None]:
    """What pyOpenSSL's client says: "completed" or the last reason of its error; and the group used."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
    context.set_cipher_list(f"{ciphers}:@SECLEVEL=0".encode())
    if groups:
        vars(SSL)["_lib"].SSL_CTX_set1_curves_list(context._context, groups.encode())
    with socket.create_connection(("127.0.0.1", port)) as plain:
        client = SSL.Connection(context, plain)
        client.set_tlsext_host_name(HOST.encode())
        client.set_connect_state()
        try:
            client.do_handshake()
        except SSL.SysCallError as error:
            return str(error), None
        except SSL.Error as error:
            return str(error.args[0][-1][2]), None
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
        return "completed", client.get_group_name()


@pytest.mark.parametrize("name", [
    "X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024", "x25519", "x448", "ffdhe2048", "ffdhe3072",
    "brainpoolP256r1tls13", "brainpoolP512r1tls13", "secp521r1",
])  # fmt: skip
def test_openssl_completes_every_group_of_tls13(name: str) -> None:
    server = replace(speaking("TLSv1.3"), groups={"TLSv1.3": groups(name)})
    # The other group comes first, so that a HelloRetryRequest is followed.
    outcome, used = at(serving(server), lambda port: openssl_client(port, SSL.TLS1_3_VERSION, "ALL", f"P-384:{name}"))
    assert outcome == "completed"
    assert used is not None
    assert used.lower() == name.lower() or (name, used) == ("secp521r1", "P-521")


@pytest.mark.parametrize("version", [SSL.TLS1_VERSION, SSL.TLS1_1_VERSION, SSL.TLS1_2_VERSION])
@pytest.mark.parametrize(("ciphers", "name"), [
    ("ECDHE-RSA-AES128-SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    ("ECDHE-ECDSA-AES128-SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
    ("DHE-RSA-AES128-SHA", "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"),
    ("AECDH-AES128-SHA", "TLS_ECDH_anon_WITH_AES_128_CBC_SHA"),
    ("AES128-SHA", "TLS_RSA_WITH_AES_128_CBC_SHA"),
])  # fmt: skip
def test_openssl_accepts_the_flight_of_suites_that_end_there(version: int, ciphers: str, name: str) -> None:
    """Alert 80 is our answer to a client that has verified the whole flight and sent its own."""
    server = speaking("TLSv1", "TLSv1.1", "TLSv1.2", suites=(name,))
    outcome, _ = at(serving(server), lambda port: openssl_client(port, version, ciphers))
    assert "internal error" in outcome
    if name.startswith(("TLS_ECDHE", "TLS_DHE")):
        spoilt = replace(server, fault=HelloFault.WRONG_SIGNATURE)
        outcome, _ = at(serving(spoilt), lambda port: openssl_client(port, version, ciphers))
        assert "bad signature" in outcome


@pytest.mark.parametrize(("fault", "reason"), [
    (HelloFault.WRONG_SIGNATURE, "bad signature"), (HelloFault.WRONG_FINISHED, "digest check failed"),
])  # fmt: skip
def test_openssl_sees_the_faults_of_tls13(fault: HelloFault, reason: str) -> None:
    server = replace(speaking("TLSv1.3"), fault=fault)
    outcome, _ = at(serving(server), lambda port: openssl_client(port, SSL.TLS1_3_VERSION, "ALL"))
    assert outcome == reason


@pytest.mark.parametrize("how", ["warn", "alert", "ignore"])
def test_renegotiation_is_never_accepted(how: Refusal) -> None:
    server = replace(speaking("TLSv1.2", suites=(ECDHE_RSA,)), renegotiation=how)

    def work(port: int) -> str:
        with socket.create_connection(("127.0.0.1", port)) as plain:
            client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), plain)
            client.set_connect_state()
            client.do_handshake()
            assert client.renegotiate()
            plain.setblocking(False)
            try:
                while True:
                    with contextlib.suppress(SSL.WantReadError):
                        client.do_handshake()
                        return "renegotiated"
                    if not select.select([plain], [], [], 0.5)[0]:
                        return "nothing"
            except SSL.Error as error:
                return str(error.args[0][-1][2])

    expected = "nothing" if how == "ignore" else "no renegotiation"
    assert expected in at(serving(server), work)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl command")
def test_s_client_prints_the_flight() -> None:
    def work(port: int) -> str:
        command = ["openssl", "s_client", "-msg", "-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384", "-connect"]
        done = subprocess.run([*command, f"127.0.0.1:{port}"], input=b"", capture_output=True, timeout=10, check=False)
        return done.stdout.decode("ascii", "replace")

    told = at(serving(speaking("TLSv1.2")), work)
    for expected in ("ServerHello", "Certificate", "ServerKeyExchange", "ServerHelloDone", "Finished"):
        assert expected in told


def test_primes_are_those_of_the_rfcs() -> None:
    assert dh_prime(1024).to_bytes(128, "big") in MODP_1024
    for prime in (dh_prime(512), dh_prime(2048), dh_prime(3072), ffdhe_prime(2048), ffdhe_prime(3072)):
        # Fermat's test suffices against a slip in a formula; both numbers must pass.
        assert pow(3, prime - 1, prime) == 1
        assert pow(3, (prime - 1) // 2 - 1, (prime - 1) // 2) == 1


@pytest.mark.parametrize("preset", ["bsi", "tls12-only-aead"])
def test_behind_starttls(preset: str) -> None:
    async def run() -> SmtpServer:
        answers: Hellos = hellos(presets()[preset], PKI, HOST)
        async with SmtpServer(SmtpBehaviour(HOST), answers, patience=5) as server:

            def work() -> None:
                with smtplib.SMTP("127.0.0.1", server.port, timeout=5, local_hostname="client.example") as client:
                    client.ehlo()
                    vars(client)["_host"] = HOST  # the name for SNI: smtplib takes it from the connect call only
                    assert client.starttls(context=trusting())[0] == 220
                    assert client.ehlo()[0] == 250
                    assert client.mail("")[0] == 250

            await asyncio.to_thread(work)
            return server

    (record,) = asyncio.run(run()).records
    assert (record.tls, record.server_name, record.left) == (True, HOST, "quit")


SCENARIO = """
[[scenario]]
id = "scripted"
title = { en = "by script", de = "nach Skript" }
verdict = "compliant"
hosts = [{ hellos = "tls13-only" }, { hellos = { preset = "bsi", refusal = "close" } }]
"""


def test_a_scenario_names_a_configuration(tmp_path: Path) -> None:
    path = tmp_path / "scenarios.toml"
    path.write_text(SCENARIO, "utf-8")
    (scenario,) = load_scenarios(path)
    first, second = (host.behaviour.hellos for host in scenario.hosts)
    assert first == presets()["tls13-only"]
    assert second == replace(presets()["bsi"], refusal="close")

    async def run() -> HelloExchange:
        async with World((scenario,), now=datetime.now(UTC)) as world:
            plan = ProbePlan(connect=world.connect)
            async with Network(plan) as network:
                host = scenario.hosts[0]
                question = Question("", new_hello(), complete=True)
                answer = await ask_hello(network, smtp_starttls, host.name, host.addresses[0], 25, question)
                assert isinstance(answer, HelloExchange)
                return answer

    exchange = asyncio.run(run())
    assert (exchange.ended, exchange.completed) == ("answered", True)


HELLO = old_hello(ECDHE_RSA, ECDHE_ECDSA, CBC, "TLS_RSA_WITH_RC4_128_SHA", "TLS_RSA_WITH_3DES_EDE_CBC_SHA")


@pytest.mark.parametrize(("make", "chosen"), [
    (lambda: python_ssl(PythonSsl(ciphers="ECDHE+AESGCM"), CHAINS["RSA"], CHAINS["P-256"]), ECDHE_RSA),
    (lambda: python_asyncio(PythonSsl(ciphers="ECDHE-RSA-AES128-SHA256"), CHAINS["RSA"]), CBC),
    (lambda: pyopenssl(PyOpenSsl(ciphers="ECDHE-ECDSA-AES128-GCM-SHA256"), CHAINS["P-256"]), ECDHE_ECDSA),
    (lambda: tlslite_server(Tlslite(ciphers=("rc4",)), CHAINS["RSA"]), "TLS_RSA_WITH_RC4_128_SHA"),
    (lambda: tlslite_server(Tlslite(ciphers=("3des",)), CHAINS["RSA"]), "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
])  # fmt: skip
def test_embedded_servers_choose_as_configured(make: Callable[[], Server], chosen: str) -> None:
    (answer,) = asked(make(), HELLO)
    assert answer.hello.suite == suite(chosen)


def test_tlslite_speaks_sslv3() -> None:
    hello = old_hello("TLS_RSA_WITH_RC4_128_MD5", "TLS_RSA_WITH_3DES_EDE_CBC_SHA", version="SSLv3")
    hello = replace(hello, groups=None, server_name=None)
    old, new = asked(tlslite_server(Tlslite(), CHAINS["RSA"]), hello, new_hello())
    assert old.hello.version_name == "SSLv3"
    assert new.ended == "alert"


def test_pyopenssl_takes_lists_of_groups() -> None:
    server = pyopenssl(PyOpenSsl(groups="brainpoolP256r1:brainpoolP384r1tls13"), CHAINS["P-256"])
    old = replace(HELLO, groups=groups("secp256r1", "brainpoolP256r1"))
    first, second = asked(server, old, new_hello("brainpoolP384r1tls13", "secp256r1"))
    assert first.key_exchange.group == group("brainpoolP256r1")
    assert second.hello.group == group("brainpoolP384r1tls13")


def test_refusals_differ_by_make() -> None:
    """Below asyncio, OpenSSL's alert is lost (a trap for who counts alerts only)."""
    none = replace(HELLO, suites=codes("TLS_RSA_WITH_NULL_MD5"))
    settings = PythonSsl(ciphers="ECDHE+AESGCM")
    for make, ended in ((python_ssl, "alert"), (python_asyncio, "closed")):
        (answer,) = asked(make(settings, CHAINS["RSA"]), none)
        assert answer.ended == ended


def asked(server: Server, *offers: ClientHello) -> list[Answered]:
    async def run() -> list[Answered]:
        found = []
        async with server as port, Network(ProbePlan(connect=(f"192.0.2.1:443=127.0.0.1:{port}",))) as network:
            for hello in offers:
                exchange = await ask_hello(network, direct_tls, HOST, "192.0.2.1", 443, Question("", hello))
                assert isinstance(exchange, HelloExchange)
                found.append(Answered(exchange))
        return found

    return asyncio.run(run())
