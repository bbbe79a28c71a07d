"""What a scripted TLS server chooses from a hello under its configuration, or how it declines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import rsa

from tr03108.lab.pki import Chain
from tr03108.lab.tls_hello_config import ECDSA, IGNORE, RSA, WARN, HelloConfig, Refusal
from tr03108.lab.tls_hello_keys import FFDHE, dh_prime, ephemeral, ffdhe_prime, finite_field
from tr03108.wire.tls.client_hello import ClientHello
from tr03108.wire.tls.key_share import KeyShare
from tr03108.wire.tls.names import VERSIONS
from tr03108.wire.tls.server_messages import TLS12, TLS13, exchange_of
from tr03108.wire.tls.suites import SUITES

RENEGOTIATION_SCSV, FALLBACK_SCSV = 0x00FF, 0x5600
HANDSHAKE_FAILURE, ILLEGAL_PARAMETER, DECODE_ERROR, PROTOCOL_VERSION = 40, 47, 50, 70
INAPPROPRIATE_FALLBACK, MISSING_EXTENSION, UNRECOGNIZED_NAME = 86, 109, 112
# RFC 5246 section 7.4.1.4.1: what a client can verify that does not say.
_DEFAULT_SCHEMES = {RSA: 0x0201, ECDSA: 0x0203}
_NUMBERS = {name: code for code, name in VERSIONS.items()}
_WITHOUT_CERTIFICATE = ("anon", "PSK", "KRB5", "SRP_SHA", "ECCPWD", "NULL")


class Declined(Exception):
    """The hello is turned down: how, and the number of the alert where it is one."""

    def __init__(self, how: Refusal, alert: int) -> None:
        super().__init__(f"{how}, alert {alert}")
        self.how = how
        self.alert = how if isinstance(how, int) else alert


@dataclass(frozen=True, slots=True)
class Hellos:
    """What one server answers with: configuration and certificates, `named` those for single server names."""

    config: HelloConfig
    chains: tuple[Chain, ...]
    named: Mapping[str, tuple[Chain, ...]] = field(default_factory=dict)
    _kept: dict[int, KeyShare] = field(default_factory=dict)

    def chains_for(self, name: str | None) -> tuple[Chain, ...]:
        return self.named.get((name or "").lower(), self.chains)

    def key(self, group: int) -> KeyShare:
        """An ephemeral key of a group, always the same where the server reuses them."""
        return self._key(group, lambda: ephemeral(group))

    def finite_field(self, prime: int) -> KeyShare:
        return self._key(prime, lambda: finite_field(prime))

    def _key(self, which: int, make: Callable[[], KeyShare]) -> KeyShare:
        if not self.config.reuse_keys:
            return make()
        if which not in self._kept:
            self._kept[which] = make()
        return self._kept[which]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a ServerHello will say. `exchange` is as in `exchange_of`; `retry`: a HelloRetryRequest for `group`.

    `prime` is that of a finite field in TLS 1.2 and below, `chain` None where the suite shows no certificate, `scheme`
    None before TLS 1.2 and where nothing is signed.
    """

    version: int
    suite: int
    exchange: str = ""
    group: int | None = None
    prime: int = 0
    scheme: int | None = None
    chain: Chain | None = None
    retry: bool = False

    @property
    def version_name(self) -> str:
        return VERSIONS[self.version]

    @property
    def signs(self) -> bool:
        """Whether a ServerKeyExchange is signed."""
        return self.chain is not None and (
            self.exchange.startswith(("ECDHE_", "DHE_")) or self.exchange.startswith("RSA_EXPORT")
        )


def choose(config: HelloConfig, hello: ClientHello, size: int, chains: Sequence[Chain]) -> Choice:
    """The choice for a hello of `size` octets. Raises Declined."""
    _tolerate(config, hello, size)
    version = _version(config, hello)
    if version >= TLS13:
        return _modern(config, hello, chains)
    ours = config.suites[VERSIONS[version]]
    for suite in _order(ours, hello.suites, config.server_preference):
        choice = _suite(config, hello, version, suite, chains)
        if choice is not None:
            if config.stumble != IGNORE and choice.exchange.startswith(config.stumbles_over):
                raise Declined(config.stumble, HANDSHAKE_FAILURE)
            return choice
    raise Declined(config.refusal, HANDSHAKE_FAILURE)


def warns(config: HelloConfig, hello: ClientHello) -> bool:
    """Whether unrecognized_name comes as a warning."""
    return config.unknown_name == WARN and _unknown(config, hello)


def key_type(chain: Chain) -> str:
    """The type of key of a chain's leaf."""
    return RSA if isinstance(chain.key, rsa.RSAPrivateKey) else ECDSA


def _tolerate(config: HelloConfig, hello: ClientHello, size: int) -> None:
    """Turns down what this server cannot bear."""
    if size > config.longest_hello:
        raise Declined(config.too_long, DECODE_ERROR)
    if config.grease != IGNORE and _greased(hello):
        raise Declined(config.grease, ILLEGAL_PARAMETER)
    if config.unknown_name not in (IGNORE, WARN) and _unknown(config, hello):
        raise Declined(config.unknown_name, UNRECOGNIZED_NAME)
    if config.without_name != IGNORE and hello.server_name is None:
        raise Declined(config.without_name, UNRECOGNIZED_NAME)


def _greased(hello: ClientHello) -> bool:
    values = [*hello.suites, *(hello.versions or ()), *(hello.groups or ()), *(hello.schemes or ())]
    values += [kind for kind, _ in (*hello.extras, *(hello.key_shares or ()))]
    return any(value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF for value in values)


def _unknown(config: HelloConfig, hello: ClientHello) -> bool:
    return bool(config.names) and hello.server_name is not None and hello.server_name.lower() not in config.names


def _version(config: HelloConfig, hello: ClientHello) -> int:
    spoken = sorted((_NUMBERS[name] for name in config.suites if name != "SSLv2"), reverse=True)
    # A server without TLS 1.3 does not know supported_versions.
    listed = hello.versions if hello.versions is not None and TLS13 in spoken else None
    newest = max(hello.offered_versions, default=hello.version)
    if config.newer_version != IGNORE and spoken and newest > spoken[0]:
        raise Declined(config.newer_version, PROTOCOL_VERSION)
    for version in spoken:
        if version in listed if listed is not None else version <= min(hello.version, TLS12):
            if FALLBACK_SCSV in hello.suites and version < spoken[0]:
                raise Declined(config.refusal, INAPPROPRIATE_FALLBACK)
            return version
    raise Declined(config.refusal, PROTOCOL_VERSION)


def _order(ours: Sequence[int], theirs: Sequence[int], our_preference: bool) -> tuple[int, ...]:
    """What both have, in the order of one of them."""
    first, second = (ours, set(theirs)) if our_preference else (theirs, set(ours))
    return tuple(code for code in first if code in second)


# TLS 1.2 and below


def _suite(config: HelloConfig, hello: ClientHello, version: int, suite: int, chains: Sequence[Chain]) -> Choice | None:
    """The handshake with one suite; None where certificate, group or signature scheme are not to be had."""
    exchange = exchange_of(SUITES.get(suite, ""))
    chain = None
    kind = _authentication(exchange)
    if kind:
        chain = next((each for each in chains if key_type(each) == kind), None)
        if chain is None:
            return None
    group, prime, scheme = None, 0, None
    if exchange.startswith(("ECDHE", "ECDH_anon")):
        group = _curve(config, hello, VERSIONS[version])
        if group is None:
            return None
    elif exchange.startswith(("DHE", "DH_anon")):
        found = _prime(config, hello, VERSIONS[version], suite)
        if found is None:
            return None
        prime = found
    choice = Choice(version, suite, exchange, group, prime, None, chain)
    if choice.signs and version == TLS12:
        scheme = _scheme(config, hello, VERSIONS[version], kind)
        if scheme is None:
            return None
    return Choice(version, suite, exchange, group, prime, scheme, chain)


def _authentication(exchange: str) -> str:
    """The type of key in the certificate; "DSA", which no chain of the lab has; "" without certificate."""
    if any(word in exchange for word in _WITHOUT_CERTIFICATE) and exchange not in ("RSA_PSK", "SRP_SHA_RSA"):
        return "DSA" if "DSS" in exchange else ""
    return ECDSA if exchange.endswith("_ECDSA") else "DSA" if "DSS" in exchange else RSA


def _curve(config: HelloConfig, hello: ClientHello, version: str) -> int | None:
    curves = tuple(code for code in config.groups.get(version, ()) if code not in FFDHE)
    theirs = curves if hello.groups is None else hello.groups
    return next(iter(_order(curves, theirs, config.group_preference)), None)


def _prime(config: HelloConfig, hello: ClientHello, version: str, suite: int) -> int | None:
    name = SUITES.get(suite, "")
    if "EXPORT" in name:
        return dh_prime(1024 if "EXPORT1024" in name else 512)
    offered = tuple(code for code in hello.groups or () if 256 <= code < 512)
    if config.ffdhe and offered:  # RFC 7919 section 4: one of these, or no DHE
        common = _order(config.groups.get(version, ()), offered, config.group_preference)
        return ffdhe_prime(FFDHE[common[0]]) if common else None
    return dh_prime(config.dh_bits_of.get(suite, config.dh_bits))


def _scheme(config: HelloConfig, hello: ClientHello, version: str, kind: str) -> int | None:
    ours = config.schemes.get(version, {}).get(kind, ())
    theirs = (_DEFAULT_SCHEMES[kind],) if hello.schemes is None else hello.schemes
    return next(iter(_order(ours, theirs, config.scheme_preference)), None)


# TLS 1.3


def _modern(config: HelloConfig, hello: ClientHello, chains: Sequence[Chain]) -> Choice:
    version = VERSIONS[TLS13]
    if hello.key_shares is None or hello.groups is None or hello.schemes is None:
        raise Declined(config.refusal, MISSING_EXTENSION)
    if not hello.key_shares and config.empty_key_share != IGNORE:
        raise Declined(config.empty_key_share, DECODE_ERROR)
    suites = _order(config.suites[version], hello.suites, config.server_preference)
    groups = _order(config.groups.get(version, ()), hello.groups, config.group_preference)
    signing = next(_signing(config, hello, chains), None)
    if not suites or not groups or signing is None:
        raise Declined(config.refusal, HANDSHAKE_FAILURE)
    shared = {group for group, _ in hello.key_shares}
    ready = groups[:1] if config.insist_on_group else groups
    group = next((code for code in ready if code in shared), None)
    chain, scheme = signing
    if group is None:
        return Choice(TLS13, suites[0], "", groups[0], 0, scheme, chain, retry=True)
    return Choice(TLS13, suites[0], "", group, 0, scheme, chain)


def _signing(config: HelloConfig, hello: ClientHello, chains: Sequence[Chain]) -> Iterator[tuple[Chain, int]]:
    """The certificates that can prove themselves to this client, each with the scheme for it."""
    by_key = config.schemes.get(VERSIONS[TLS13], {})
    for chain in chains:
        schemes = _order(by_key.get(key_type(chain), ()), hello.schemes or (), config.scheme_preference)
        if schemes:
            yield chain, schemes[0]
