"""What the survey finds at the services of mail clients equals what Dovecot and Postfix were configured to accept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from interop.certificates import Authority, Certificate
from interop.client_servers import (
    OLD,
    PORTS,
    SUBMISSION,
    Dovecot,
    client_addresses,
    dovecot,
    postfix_submission,
    postfix_with,
)
from interop.programs import server_folder
from interop.tls_expected import RSA, TLS12, TLS13, OpenSslSettings
from interop.tls_keys import key_pair
from interop.tls_settings import CONFORMING, LEGACY, OPENSSL_DEFAULT_GROUPS
from interop.tls_surveys import compare, sets, survey
from tr03108.evaluate.tls.facts import TlsFacts
from tr03108.model import SERVICE_KINDS, ClientSession, ProbePlan, ServiceKind
from tr03108.probe.client import client_session, opener
from tr03108.probe.net import Network

HOST = "mail.interop.example"
WITHOUT_DH = OpenSslSettings((TLS12, TLS13), "ECDHE+AESGCM:DHE+AESGCM", 2, OPENSSL_DEFAULT_GROUPS[:5], (RSA,))
DOVECOTS = {
    "conforming": CONFORMING,
    "old": OLD,
    "legacy": replace(LEGACY, certificates=(RSA,)),
    "without-dh": WITHOUT_DH,
}
POSTFIX = "postfix"
SURVEYED = [
    *((name, kind) for name in ("conforming", "legacy") for kind in PORTS),
    *(("old", kind) for kind in ("imap", "imaps")),
    ("without-dh", "imaps"),  # it chooses DHE by the client's order and breaks off, as it has no prime
    (POSTFIX, "submission"),
    (POSTFIX, "submissions"),
]


@pytest.fixture(scope="module")
def addresses() -> Iterator[dict[str, str]]:
    """The servers' addresses, by their names here."""
    found = dict(zip((*DOVECOTS, POSTFIX), client_addresses(len(DOVECOTS) + 1), strict=True))
    with server_folder() as folder, ExitStack() as stack:
        certificate = Authority(folder / "pki").issue(HOST)
        pair, chain = key_pair(folder, RSA), folder / "rsa.chain.pem"
        chain.write_text(pair.key.read_text() + pair.certificate.read_text())
        for name, tls in DOVECOTS.items():
            shown = Certificate(chain, "") if tls.certificates == (RSA,) else certificate
            stack.enter_context(dovecot(Dovecot(HOST, shown, tls=tls), found[name], folder / name))
        listeners = postfix_submission(HOST, found[POSTFIX], certificate, folder / "conforming" / "auth")
        stack.enter_context(postfix_with(listeners, folder / POSTFIX))
        yield found


def surveyed(address: str, kind: ServiceKind) -> TlsFacts:
    async def run() -> TlsFacts:
        where = (HOST, address, kind.port)
        async with Network(ProbePlan(allow_private=True, hellos=sets(), resolvers=("127.0.0.1:53",))) as network:
            session = await client_session(kind, network, *where)
            assert isinstance(session, ClientSession), session
            return await survey(network, opener(kind), where, session.handshake, kind.farewell)

    return asyncio.run(run())


@pytest.mark.parametrize(("name", "kind"), SURVEYED)
def test_found_lists_equal_the_configured_ones(addresses: dict[str, str], name: str, kind: str) -> None:
    wanted = SUBMISSION if name == POSTFIX else DOVECOTS[name]
    compare(surveyed(addresses[name], SERVICE_KINDS[kind]), wanted.expected())
