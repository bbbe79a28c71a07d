"""What a server accepts, put together from all answers of one service address.

Accepted is what some answer chose. Not accepted is what a hello offered, with all else as wide as could be, and the
server refused. Whatever is neither is unknown, and stays so: in mode "verdict" most of it was never asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ...wire.tls.code_points import ALL_SUITES, authentication, is_cbc, schemes_of
from ...wire.tls.names import VERSIONS, Extension
from ...wire.tls.server_messages import TLS13
from ..spki import key_type
from .answers import Answer
from .certificate_curve import curve_of
from .stumbling import CLEAN, INTERNAL_ERROR, Stumbling, may_have_stumbled

_NUMBERS = {name: number for number, name in VERSIONS.items()}
AGAIN = "+again"  # end of the name of a question that is asked once more, because the server closed upon the last one
CLOSES = 2  # closes in a row that are a refusal
CLOSES_OF_DROPPERS = 6  # the same where the server is known to close now and then upon hellos that it answers
BESIDE = "beside"  # last part of the name of a question about groups that offers the certificate's own curve, too
NAMELESS = "nameless"  # topic of hellos without the server's name, for one type of key
_UNNAMED = ("sni", NAMELESS)  # topics of hellos without the right server name
_ABOUT_ALL = ("versions", "order")  # these hellos leave nothing out
_PROTOCOL_VERSION = 70
# Whoever can do TLS 1.3 says so when it chooses an older version all the same (RFC 8446 section 4.1.3).
_DOWNGRADED = (b"DOWNGRD\x01", b"DOWNGRD\x00")
# Octets of a hello: there are servers that bear 255, others that do not bear 256 to 511; beyond that one segment.
_SHORT, _LONG, _SEGMENT = 255, 512, 1300


@dataclass(frozen=True, slots=True)
class Accepted:
    """One list: `codes` accepted, in the order in which they showed; `refused`; `open`: what left the rest unknown."""

    codes: tuple[int, ...]
    refused: frozenset[int]
    open: Answer | None

    def unknown(self, codes: Iterable[int]) -> tuple[int, ...]:
        """Those of `codes` of which nobody knows whether they are accepted."""
        return tuple(code for code in codes if code not in self.codes and code not in self.refused)


class TlsFacts:
    """The facts of one service address. Versions go by name ("TLSv1.2")."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self.answers = _settled(answers)
        self._suites: dict[str, Accepted] = {}
        self._stumbling = Stumbling(self.answers)

    @cached_property
    def chosen(self) -> tuple[Answer, ...]:
        """The answers with a choice of the server."""
        return tuple(answer for answer in self.answers if answer.chosen)

    @property
    def asked(self) -> bool:
        """Whether any hello beyond an ordinary handshake was sent."""
        return any(answer.topic != "ordinary" for answer in self.answers)

    def about(self, topic: str, version: str | None = None) -> tuple[Answer, ...]:
        """The answers to the questions of a topic, of one version where that is part of the question."""
        begins = topic if version is None else f"{topic}.{version}"
        return tuple(a for a in self.answers if a.question == begins or a.question.startswith(f"{begins}."))

    def version(self, name: str) -> str:
        """ "accepted", "refused" or "unseen"."""
        if any(answer.version == name for answer in self.chosen):
            return "accepted"
        number = _NUMBERS[name]
        if any(_refuses(a, number) and self._counts(a) for a in self.answers) or self._always_fails(name):
            return "refused"
        if self._stumbling.refuses_all(self._refused(name, ("suites", *_ABOUT_ALL)), name):
            return "refused"
        return "unseen"

    def _always_fails(self, name: str) -> bool:
        """The server gives up a version with internal_error, whether it would have had to sign or not.

        OpenSSL does so above security level 0, where no signature scheme of TLS 1.1 and below is left. One such alert
        shows nothing; but where another version is seen to work and both kinds of suites end like that, also without
        those over which servers stumble, there is no handshake in this one.
        """
        whole = [a for a in self.answers if a.question == f"versions.{name}" and a.alert == INTERNAL_ERROR]
        failed = {a.question for a in self.about("versions", name) if may_have_stumbled(a)}
        parts = {f"versions.{name}.unsigned", f"versions.{name}.apart"}
        return bool(whole) and parts <= failed and any(answer.proven for answer in self.chosen)

    def version_open(self, name: str) -> Answer | None:
        """The answer that should have told whether a version is accepted, but did not."""
        unclear = [answer for answer in self.about("versions") if answer.kind == "unclear"]
        return next((answer for answer in unclear if answer.question == f"versions.{name}"), next(iter(unclear), None))

    def in_version(self, version: str) -> tuple[Answer, ...]:
        """The answers that chose this version."""
        return tuple(answer for answer in self.chosen if answer.version == version)

    def suites(self, version: str) -> Accepted:
        """The cipher suites accepted in a version."""
        if version not in self._suites:
            self._suites[version] = self._suites_of(version)
        return self._suites[version]

    def _suites_of(self, version: str) -> Accepted:
        codes = dict.fromkeys(answer.suite for answer in self.in_version(version) if answer.suite is not None)
        refused = self.refused_suites(version, ("suites", *_ABOUT_ALL))
        return self._accepted(tuple(codes), refused, "suites", version)

    def refused_suites(self, version: str, topics: Iterable[str]) -> set[int]:
        """The suites of refused hellos of some topics in which no suite was known to be accepted."""
        codes = {answer.suite for answer in self.in_version(version)}
        refused: set[int] = set()
        for answer in self._refused(version, topics):
            suites = answer.offered.suites if answer.offered is not None else ()
            if codes.isdisjoint(suites):  # else it was not the suites that were refused
                refused.update(self._stumbling.refused_by(answer, version))
        return refused

    def groups(self, version: str) -> Accepted:
        """The named groups accepted in a version."""
        codes = dict.fromkeys(answer.group for answer in self.in_version(version) if answer.group is not None)
        refused: set[int] = set()
        for answer in self.about("ffdhe", version):
            if answer.chosen and answer.group is None and answer.offered is not None:
                refused.update(answer.offered.groups or ())  # it goes by its own prime, whatever is named
        for answer in self._refused(version, ("groups", "alone", "ffdhe")):
            groups = answer.offered.groups or () if answer.offered is not None else ()
            if self._suits(answer, version) and not codes.keys() & set(groups):
                refused.update(groups)
        alone = {
            group
            for answer in self._refused(version, ("groups", "alone"))
            if not self._stumbling.doubted(answer, version)
            for group in (answer.offered.groups or () if answer.offered is not None else ())
        }
        for answer in self.in_version(version):
            # The certificate's own curve had to be offered, and it was taken although it came last. Where the server
            # goes by its clients' order, it has none of those before it; and where it shows no certificate without that
            # curve, they may be there, but whoever offers them has to offer the curve, too, and never gets them.
            groups = answer.offered.groups or () if answer.offered is not None else ()
            if answer.question.endswith(BESIDE) and groups and answer.group == groups[-1]:
                follows = self._client_order(version)
                refused.update(group for group in groups[:-1] if follows or group in alone)
        return self._accepted(tuple(codes), refused, "groups", version)

    def schemes(self, version: str, kind: str) -> Accepted:
        """The signature schemes used in a version by a key of a type ("RSA", "ECDSA", "DSS")."""
        signed = [a for a in self.in_version(version) if a.scheme is not None and self._key(a) == kind]
        codes = dict.fromkeys(answer.scheme for answer in signed if answer.scheme is not None)
        refused: set[int] = set()
        topic = f"schemes.{version}" if version == "TLSv1.3" else f"schemes.{version}.{kind}"
        for answer in self._refused(version, (topic, f"certificate.{version}.{kind}")):
            schemes = answer.offered.schemes or () if answer.offered is not None else ()
            if (self._suits(answer, version) or version == "TLSv1.3") and not codes.keys() & set(schemes):
                refused.update(schemes)
        return self._accepted(tuple(codes), refused, topic, None)

    @cached_property
    def dh_sizes(self) -> Mapping[tuple[str, int], int]:
        """The smallest finite-field group in bits, by version and suite: a server may have one for each suite."""
        sizes: dict[tuple[str, int], int] = {}
        for answer in self.chosen:
            if answer.dh_bits is not None and answer.version is not None and answer.suite is not None:
                key = (answer.version, answer.suite)
                sizes[key] = min(sizes.get(key, answer.dh_bits), answer.dh_bits)
        return sizes

    def own_dh_sizes(self, version: str) -> tuple[int, ...]:
        """The sizes in bits of finite-field groups without a name."""
        seen = {a.dh_bits for a in self.in_version(version) if a.dh_bits is not None and a.group is None}
        return tuple(sorted(seen))

    @cached_property
    def chains(self) -> Mapping[str, tuple[bytes, ...]]:
        """The chain shown for each type of key ("RSA", "ECDSA", ...), to hellos with the right server name."""
        found: dict[str, tuple[bytes, ...]] = {}
        for answer in self.chosen:
            if answer.chain and answer.topic not in _UNNAMED:
                found.setdefault(key_type(answer.chain[0]) or "other", answer.chain)
        return found

    def lacks_certificate(self, version: str, kind: str) -> bool | None:
        """Whether no certificate of this type is served: all that would ask for it was refused; None: unknown."""
        if kind in self.chains:
            return False
        if version == "TLSv1.3":
            wanted: Sequence[int] = schemes_of(kind)
            unknown = self.schemes(version, kind).unknown(wanted)
        else:
            wanted = [suite for suite in ALL_SUITES if authentication(suite) == kind]
            asked = self._refused(version, (f"certificate.{version}.{kind}",))
            refused = {suite for answer in asked for suite in self._stumbling.refused_by(answer, version)}
            unknown = tuple(suite for suite in self.suites(version).unknown(wanted) if suite not in refused)
        return None if unknown else True

    def server_order(self, version: str) -> bool | None:
        """Whether the server goes by its own order of suites; None where that was not asked or cannot be told.

        Two hellos offer the same suites in opposite order; who chooses the same twice has an order of its own.
        """
        best = next((a for a in self.about("versions", version) if a.version == version), None)
        worst = next((a for a in self.about("order.worst", version) if a.version == version), None)
        if best is None or worst is None or len(self.suites(version).codes) < 2:
            return None
        return best.suite == worst.suite

    @cached_property
    def encrypt_then_mac(self) -> Mapping[int, bool]:
        """CBC suite of TLS 1.2 -> whether encrypt-then-MAC was granted each time (RFC 7366)."""
        found: dict[int, bool] = {}
        for answer in self.in_version("TLSv1.2"):
            if answer.suite is not None and is_cbc(answer.suite) and _offers(answer, Extension.ENCRYPT_THEN_MAC):
                granted = answer.echoed(Extension.ENCRYPT_THEN_MAC) is not None
                found[answer.suite] = found.get(answer.suite, True) and granted
        return found

    @property
    def truncated_hmac(self) -> Answer | None:
        """An answer that agreed to truncated HMAC (RFC 6066 section 7)."""
        return self.ever_granted(Extension.TRUNCATED_HMAC)

    @property
    def truncated_hmac_offered(self) -> bool:
        """Whether a hello with truncated HMAC was answered with a CBC suite."""
        answered = [answer for answer in self.chosen if _offers(answer, Extension.TRUNCATED_HMAC)]
        return any(answer.suite is not None and is_cbc(answer.suite) for answer in answered)

    @property
    def extended_master_secret(self) -> bool | None:
        """Whether TLS 1.2 always has it (RFC 7627)."""
        return self.granted(Extension.EXTENDED_MASTER_SECRET)

    def granted(self, kind: int, versions: Iterable[str] = ("TLSv1.2",)) -> bool | None:
        """Whether an extension that was offered is always answered in kind; None where it never was offered."""
        wanted = set(versions)
        seen = [a.echoed(kind) is not None for a in self.chosen if a.version in wanted and _offers(a, kind)]
        return all(seen) if seen else None

    def ever_granted(self, kind: int) -> Answer | None:
        """The first answer that takes up an extension which had better been ignored."""
        return next((a for a in self.chosen if _offers(a, kind) and a.echoed(kind) is not None), None)

    def was_offered(self, kind: int) -> bool:
        """Whether some answered hello offered an extension."""
        return any(_offers(answer, kind) for answer in self.chosen)

    @cached_property
    def compressed(self) -> Answer | None:
        """An answer that chose to compress."""
        return next((a for a in self.chosen if a.hello is not None and a.hello.compression != 0), None)

    @cached_property
    def unproven(self) -> tuple[Answer, ...]:
        """Answers whose signature is not by the key of the certificate that came with it."""
        return tuple(answer for answer in self.chosen if answer.proven is False)

    @cached_property
    def reused_keys(self) -> int:
        """How many ephemeral public values came more than once (TR-02102-2 section 3.6.1: one connection each)."""
        values = [(answer.version, answer.group, answer.public) for answer in self.chosen if answer.public]
        return len(values) - len(set(values))

    def _key(self, answer: Answer) -> str:
        known = key_type(answer.chain[0]) if answer.chain else None
        return known or (authentication(answer.suite) if answer.suite is not None else "")

    @cached_property
    def longest_answered(self) -> int:
        """Octets of the longest hello that the server answered with a choice."""
        return max((len(a.offered.encode()) for a in self.chosen if a.offered is not None), default=0)

    @cached_property
    def bears_no_key(self) -> bool:
        """Whether a hello of TLS 1.3 without a key was answered as RFC 8446 section 4.2.8 has it."""
        return any(answer.offered is not None and answer.offered.key_shares == () for answer in self.chosen)

    def _counts(self, answer: Answer) -> bool:
        """Whether a refusal can be for what the hello offers, and not for its length or for the key it lacks."""
        if answer.offered is None or answer.alert == _PROTOCOL_VERSION:
            return True
        bearable = max(self.longest_answered, _SEGMENT if self.longest_answered >= _LONG else _SHORT)
        return len(answer.offered.encode()) <= bearable and (answer.offered.key_shares != () or self.bears_no_key)

    def _client_order(self, version: str) -> bool:
        """Whether the server takes what the client names first: of two groups now this, now that; or so with suites."""
        seen = [(a.group, a.offered.groups or ()) for a in self.in_version(version) if a.group and a.offered]
        for group, offered in seen:
            if any(group != other and group in theirs and other in offered for other, theirs in seen):
                return True
        return self.server_order(version) is False

    def _refused(self, version: str, topics: Iterable[str]) -> list[Answer]:
        """The refusals of hellos of some topics that offered this version and no other."""
        number = _NUMBERS[version]
        return [
            answer
            for topic in topics
            for answer in self.about(topic)
            if answer.kind == "refused"
            and answer.offered is not None
            and answer.offered.offered_versions == (number,)
            and self._counts(answer)
        ]

    def _suits(self, answer: Answer, version: str) -> bool:
        """Whether the hello offered a suite that the server is known to accept, so that the refusal is about others.

        Not where the server may have stumbled over a suite.
        """
        if answer.offered is None or self._stumbling.doubted(answer, version):
            return False
        common = set(self.suites(version).codes) & set(answer.offered.suites)
        if version != "TLSv1.3" and answer.offered.groups is not None:
            # A certificate is not shown to who does not offer its curve (RFC 8422 section 5.1).
            curves = {curve_of(chain[0]) for chain in self.chains.values()} - {None}
            if not curves <= set(answer.offered.groups):
                common = {suite for suite in common if authentication(suite) != "ECDSA"}
        return bool(common)

    def _accepted(self, codes: tuple[int, ...], refused: set[int], topic: str, version: str | None) -> Accepted:
        unclear = [answer for answer in self.about(topic, version) if answer.kind == "unclear"]
        return Accepted(codes, frozenset(refused - set(codes)), unclear[-1] if unclear else None)


def _offers(answer: Answer, kind: int) -> bool:
    return answer.offered is not None and any(number == kind for number, _ in answer.offered.extras)


def _refuses(answer: Answer, version: int) -> bool:
    """Whether an answer says that a version is not spoken: it was refused, or an older one was chosen instead."""
    if answer.offered is None:
        return answer.question == f"versions.{VERSIONS[version]}" and answer.kind == "refused"
    if answer.topic not in ("versions", "ordinary"):
        return False
    listed = answer.offered.versions
    if listed is not None:
        if answer.hello is None:
            return answer.kind == "refused" and listed == (version,)
        return version in listed and answer.hello.version < version and not downgraded(answer)
    newest = answer.offered.version
    if answer.hello is not None:
        return answer.hello.version < version <= newest
    if answer.alert not in CLEAN:  # not alone: the server may have stumbled over what it chose
        return False
    # Below the newest only by protocol_version: else it was spoken perhaps, and had no suite to agree on.
    reached = version == newest or (answer.alert == _PROTOCOL_VERSION and 0x0300 <= version <= newest)
    return answer.kind == "refused" and reached and newest < TLS13


def downgraded(answer: Answer) -> bool:
    """Whether the server says that it could have done TLS 1.3, but did not."""
    return answer.hello is not None and answer.hello.version < TLS13 and answer.hello.random[-8:] in _DOWNGRADED


def _settled(answers: Sequence[Answer]) -> tuple[Answer, ...]:
    """One answer to each question: closes in a row are a refusal if the server speaks TLS, fewer show nothing."""
    asked: dict[str, list[Answer]] = {}
    for answer in answers:
        asked.setdefault(answer.question.replace(AGAIN, ""), []).append(answer)
    tries = {question: sorted(each, key=lambda answer: len(answer.question)) for question, each in asked.items()}
    speaks = any(answer.chosen for answer in answers)
    drops = any(each[0].kind == "closed" and each[-1].kind in ("chosen", "refused") for each in tries.values())
    found = []
    for question, each in tries.items():
        last = each[-1]
        if question == "ordinary":
            found += each
        elif last.kind != "closed":
            found.append(replace(last, question=question))
        elif speaks and len(each) >= (CLOSES_OF_DROPPERS if drops else CLOSES):
            found.append(replace(last, question=question, kind="refused"))
        else:
            found.append(replace(last, question=question, kind="unclear", code="SERVICE_ABORTED"))
    return tuple(sorted(found, key=lambda answer: (answer.time, answer.question)))
