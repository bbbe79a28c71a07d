"""Whether every sender gets a handshake: with RSA alone or ECDSA alone, naming the server or not (RFC 6066 section 3).

Senders that verify by DANE or MTA-STS name the server (RFC 7672 section 8.1, RFC 8461 section 4.1), others need not. A
hello that was answered with a certificate of one type is asked once more, without the server's name and with what needs
that type of key only: whoever answered the first can answer the second, unless for the name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...wire.tls.client_hello import ClientHello
from ...wire.tls.code_points import SCHEMES_TLS12, authentication, schemes_of
from ..spki import OTHER_KEY_TYPE
from .answers import Answer
from .facts import NAMELESS, TlsFacts

NAMED = "named"  # topic: the same hello with the name, asked only where it is not answered without
AGAIN = "later"  # last part of the name of the question that is asked a second time
# The version in which one hello brings the whole flight to light comes first.
_VERSIONS = ("TLSv1.2", "TLSv1.3", "TLSv1.1", "TLSv1")
_NOT_ABOUT_SUITES = ("curious", "grease", "fallback", "ffdhe", "sni")  # hellos with something else that is unusual

# Keys of this type often stand in chains that an authority signs with RSA, and some servers want to see that allowed.
# No key of RSA can answer these: TLS 1.2 goes by the suite, TLS 1.3 has them for certificates alone (RFC 8446 4.2.3).
_CHAIN_SCHEMES = {"ECDSA": (0x0401, 0x0501, 0x0601)}  # rsa_pkcs1_sha256, _sha384, _sha512


@dataclass(frozen=True, slots=True)
class Sender:
    """One combination that a sender may come with: the type of key that it takes, without the server's name.

    `state`: "served", "refused" or "unseen"; `answer` shows it.
    """

    key_type: str
    state: str
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Twin:
    """What to ask for one type of key: `group` is the one chosen before, None where none has to come along."""

    key_type: str
    hello: ClientHello
    group: int | None

    @property
    def named(self) -> bool:
        """Whether a server can be named at all, so that it makes a difference not to."""
        return self.hello.server_name is not None


def twins(facts: TlsFacts) -> Iterator[Twin]:
    """One hello for each type of key that the server showed a certificate of, still with the server's name."""
    for key_type, chain in facts.chains.items():
        answered = (a for version in _VERSIONS for a in facts.in_version(version) if a.chain == chain)
        model = next((a for a in answered if a.topic not in _NOT_ABOUT_SUITES and a.offered is not None), None)
        if model is not None and model.offered is not None:
            yield Twin(key_type, _for_one_type(model.offered, key_type), _group(model))


def nameless_senders(facts: TlsFacts) -> tuple[Sender, ...]:
    """What became of each combination without the server's name."""
    return tuple(_sender(facts, key_type) for key_type in facts.chains)


def _sender(facts: TlsFacts, key_type: str) -> Sender:
    asked = {answer.question: answer for answer in facts.answers}
    first = asked.get(f"{NAMELESS}.{key_type}")
    if first is None:
        twin = next((twin for twin in twins(facts) if twin.key_type == key_type), None)
        return Sender(key_type, "unseen" if twin is None or twin.named else "served", None)
    again, named = asked.get(f"{NAMELESS}.{key_type}.{AGAIN}"), asked.get(f"{NAMED}.{key_type}")
    for answer in (first, again):
        if answer is not None and answer.chosen:
            return Sender(key_type, "served", answer)
    if named is not None and named.chosen and again is not None and turned_down(first) and turned_down(again):
        return Sender(key_type, "refused", again)
    return Sender(key_type, "unseen", again or first)


def turned_away(facts: TlsFacts, key_type: str | None) -> bool:
    """Whether a hello that takes this type of key only was turned down, so that no certificate of it is in use."""
    if key_type is None:
        return False
    questions = {f"certificate.{version}.{key_type}" for version in _VERSIONS} | {f"schemes.TLSv1.2.{key_type}.1"}
    return any(answer.question in questions and turned_down(answer) for answer in facts.answers)


def turned_down(answer: Answer) -> bool:
    """Any alert, or closes in a row; not silence, nor what does not come to TLS."""
    return answer.kind == "refused" or answer.code == "TLS_ALERT"


def _for_one_type(hello: ClientHello, key_type: str) -> ClientHello:
    """The hello without the suites and schemes of other types of key; keys come anew where there were any."""
    if key_type not in OTHER_KEY_TYPE:
        return replace(hello, key_shares=None if hello.key_shares is None else ())
    legal = {*SCHEMES_TLS12[key_type], *schemes_of(key_type), *_CHAIN_SCHEMES.get(key_type, ())}
    return replace(
        hello,
        suites=tuple(suite for suite in hello.suites if authentication(suite) in ("", key_type)),
        schemes=None if hello.schemes is None else tuple(code for code in hello.schemes if code in legal),
        key_shares=None if hello.key_shares is None else (),
    )


def _group(model: Answer) -> int | None:
    return model.group if model.offered is not None and model.offered.key_shares is not None else None
