"""Asks the lab's scripted TLS server with one hello of ours, and reads its answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from embedded_servers import scripted
from tr03108.lab.pki import Chain, Pki
from tr03108.lab.tls_hello_config import HelloConfig, by_key_type, group, scheme, suite
from tr03108.model import HelloExchange, ProbePlan
from tr03108.probe.hello import Question, ask_hello, direct_tls
from tr03108.probe.net import Network
from tr03108.wire.tls.client_hello import ClientHello
from tr03108.wire.tls.names import VERSIONS
from tr03108.wire.tls.reader import Extensions
from tr03108.wire.tls.server_messages import (
    KeyExchange,
    MessageType,
    ServerHello,
    parse_key_exchange,
    parse_server_hello,
)

HOST = "mx1.lab.example"
PKI = Pki(datetime.now(UTC))
CHAINS = {key: PKI.chain(HOST, key=key) for key in ("P-256", "RSA")}
NUMBERS = {name: code for code, name in VERSIONS.items()}
RSA_SCHEMES = ("rsa_pss_rsae_sha256", "rsa_pkcs1_sha256", "rsa_pkcs1_sha1")
ECDSA_SCHEMES = ("ecdsa_secp256r1_sha256", "ecdsa_sha1")
MODERN_SUITES = ("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256")
ECDHE_RSA, ECDHE_ECDSA = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
CBC, DHE = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"


def codes(*names: str) -> tuple[int, ...]:
    return tuple(suite(name) for name in names)


def groups(*names: str) -> tuple[int, ...]:
    return tuple(group(name) for name in names)


def schemes(*names: str) -> tuple[int, ...]:
    return tuple(scheme(name) for name in names)


def speaking(*versions: str, suites: tuple[str, ...] = (ECDHE_RSA, ECDHE_ECDSA, CBC, DHE)) -> HelloConfig:
    """A server of these versions with an RSA and an ECDSA certificate."""
    signing = by_key_type(schemes(*RSA_SCHEMES, *ECDSA_SCHEMES))
    return HelloConfig(
        suites={each: codes(*(MODERN_SUITES if each == "TLSv1.3" else suites)) for each in versions},
        groups={each: groups("secp256r1", "secp384r1", "x25519", "ffdhe2048") for each in versions},
        schemes=dict.fromkeys(versions, signing),
        keys=("RSA", "P-256"),
    )


def old_hello(*suites: str, version: str = "TLSv1.2", extras: Extensions = ()) -> ClientHello:
    offered = codes(*(suites or (ECDHE_RSA, ECDHE_ECDSA, CBC, DHE)))
    return ClientHello(
        NUMBERS[version],
        offered,
        bytes(32),
        server_name=HOST,
        groups=groups("secp384r1", "secp256r1"),
        schemes=schemes(*RSA_SCHEMES, *ECDSA_SCHEMES) if version == "TLSv1.2" else None,
        extras=extras,
    )


def new_hello(*names: str, extras: Extensions = ()) -> ClientHello:
    """A hello of TLS 1.3 with an empty key_share, for the groups of these names."""
    return ClientHello(
        NUMBERS["TLSv1.2"],
        codes(*MODERN_SUITES),
        bytes(32),
        server_name=HOST,
        versions=(NUMBERS["TLSv1.3"],),
        groups=groups(*(names or ("secp384r1", "secp256r1"))),
        schemes=schemes(*RSA_SCHEMES, *ECDSA_SCHEMES),
        key_shares=(),
        extras=extras,
    )


@dataclass(frozen=True)
class Answered:
    """An exchange, with what its messages say."""

    exchange: HelloExchange

    @property
    def ended(self) -> str:
        return self.exchange.ended

    @property
    def alert(self) -> int | None:
        return None if self.exchange.alert is None else self.exchange.alert[1]

    @property
    def kinds(self) -> list[int]:
        return [message[0] for message in self.exchange.received]

    def bodies(self, kind: int) -> list[bytes]:
        return [message[4:] for message in self.exchange.received if message[0] == kind]

    @property
    def hello(self) -> ServerHello:
        """The last ServerHello, or HelloRetryRequest."""
        found = parse_server_hello(self.bodies(MessageType.SERVER_HELLO)[-1])
        assert found is not None
        return found

    @property
    def key_exchange(self) -> KeyExchange:
        (body,) = self.bodies(MessageType.SERVER_KEY_EXCHANGE)
        found = parse_key_exchange(body, self.hello.suite, self.hello.version)
        assert found is not None
        return found


def ask(config: HelloConfig, *hellos: ClientHello | None, seconds: float = 5, **question: object) -> list[Answered]:
    """The answers of one server to hellos one after another; None is SSLv2's."""

    async def run() -> list[Answered]:
        found = []
        async with scripted(config, *chains(config)) as port:
            plan = ProbePlan(connect=(f"192.0.2.1:443=127.0.0.1:{port}",), timeout=seconds)
            async with Network(plan) as network:
                for hello in hellos:
                    asked = replace(Question("", hello), **question)  # type: ignore[arg-type]
                    exchange = await ask_hello(network, direct_tls, HOST, "192.0.2.1", 443, asked)
                    assert isinstance(exchange, HelloExchange)
                    found.append(Answered(exchange))
        assert len(asyncio.all_tasks()) == 1, "a connection outlived its server"
        return found

    return asyncio.run(run())


def chains(config: HelloConfig) -> list[Chain]:
    return [CHAINS[key] for key in config.keys]
