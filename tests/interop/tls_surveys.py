"""Full surveys of real servers, and how what they find has to equal what was configured."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from interop.tls_expected import TLS12, TLS13, Expected
from tr03108.catalogue import load_catalogue
from tr03108.evaluate.tls.answers import answer_of, answers
from tr03108.evaluate.tls.facts import TlsFacts
from tr03108.front.hello_sets import hello_sets
from tr03108.model import Failure, Handshake, HelloExchange, HelloSets, Observation
from tr03108.probe.asking import Asking
from tr03108.probe.hello import Opener
from tr03108.probe.net import Network
from tr03108.probe.survey_full import FullSurvey
from tr03108.profile import load_profile
from tr03108.wire.tls.names import VERSIONS, group_name, suite_name

FFDHE3072 = 257  # the file of DH parameters that the conforming configurations name holds this group
SSLV2 = 0x0002


def sets() -> HelloSets:
    return hello_sets(load_profile("tr-03108-2.0", load_catalogue()).tls, 2026)


async def survey(
    network: Network, opener: Opener, where: tuple[str, str, int], ordinary: Handshake | None, farewell: bytes
) -> TlsFacts:
    """A survey in mode "full" with the hello sets of the network's plan. `ordinary`: the handshake before it."""
    seen: dict[str, Observation[HelloExchange]] = {}

    async def record(key: str, ask: Callable[[], Awaitable[HelloExchange | Failure]]) -> Observation[HelloExchange]:
        observation = await network.store.once(key, ask)
        seen[key.rpartition("/")[2]] = observation
        return observation

    first = None
    if ordinary is not None and ordinary.ended == "completed":
        first = answer_of("ordinary", datetime.now(UTC), ordinary)
    asking = Asking(network, record, opener, where)
    await FullSurvey(asking, where[0], network.plan.hellos, first, farewell).run()
    return TlsFacts((*((first,) if first is not None else ()), *answers(seen)))


def compare(facts: TlsFacts, wanted: Expected) -> None:
    """Asserts that versions, suites, groups, DH primes, keys and order are those configured, and that all is proven."""
    found = {v for v, text in VERSIONS.items() if v != SSLV2 and facts.version(text) == "accepted"}
    assert found == wanted.versions
    assert facts.version("SSLv2") == "refused"
    for version in sorted(wanted.versions):
        text = VERSIONS[version]
        assert _names(facts.suites(text).codes) == _names(wanted.suites[version]), text
        assert facts.suites(text).unknown(wanted.suites[version]) == ()
    _compare_groups(facts, wanted)
    assert set(facts.chains) == wanted.certificates
    assert facts.unproven == ()
    if TLS12 in wanted.versions:
        assert {suite: bits for (text, suite), bits in facts.dh_sizes.items() if text == "TLSv1.2"} == wanted.dh_bits
        assert facts.server_order("TLSv1.2") is wanted.ordered


def _compare_groups(facts: TlsFacts, wanted: Expected) -> None:
    for version in (v for v in (TLS12, TLS13) if v in wanted.groups):
        found = set(facts.groups(VERSIONS[version]).codes)
        if 3072 in wanted.dh_bits.values() and version == TLS12:
            found.discard(FFDHE3072)  # its own prime, whatever a client names
        listed = set(wanted.groups[version])
        if 3072 in wanted.dh_bits.values() and version == TLS12:
            listed.discard(FFDHE3072)
        assert {group_name(code) for code in found} == {group_name(code) for code in listed}, VERSIONS[version]


def _names(codes: object) -> list[str]:
    assert isinstance(codes, tuple | frozenset)
    return sorted(suite_name(code) for code in codes)
