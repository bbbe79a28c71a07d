"""What senders get who fetch an MTA-STS policy from one address of its host (RFC 8461 section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from ..model import Failure, Handshake, HttpExchange, Observation, Reason, bracketed
from ..wire import mta_sts
from .certificate_rules import wildcards
from .names import dns_names, first_match
from .pkix import load, verify
from .policy_fetch import Looks, PolicyFetch
from .starttls import printable

MOMENTARY_STATUS = (408, 421, 425, 429)  # besides 5xx: statuses that say "not now" (RFC 9110 section 15, RFC 6585)
_OLD_VERSIONS = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1")
_OUTDATED_HASHES = ("md5", "sha1")  # in certificates: RFC 8446 section 4.4.2.4
_BLIND = {Reason.NOT_GLOBAL: "ADDRESS_NOT_GLOBAL", Reason.BUDGET: "BUDGET_EXHAUSTED", Reason.NOT_PROBED: "NOT_PROBED"}


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look shows: "OK", a fact's code, or with `unseen` that we could not see. `momentary`: it may pass."""

    code: str
    detail: str = ""
    unseen: bool = False
    momentary: bool = False
    policy: mta_sts.StsPolicy | None = None


@dataclass(frozen=True, slots=True)
class AtAddress:
    """The conclusion over the looks at one address; fields as in StsFetch. `chain` is the certificate chain shown."""

    address: str
    code: str
    detail: str
    unseen: bool
    policy: mta_sts.StsPolicy | None
    body: str
    chain: tuple[bytes, ...]
    shown: tuple[tuple[str, str], ...]

    @property
    def refused(self) -> bool:
        """Nobody listens there."""
        return self.code == "POLICY_UNREACHABLE" and not self.unseen

    @property
    def wildcards(self) -> tuple[str, ...]:
        """The names of the server's certificate with an asterisk, common names included."""
        leaf = load(self.chain[0]) if self.chain else None
        return wildcards(leaf) if leaf is not None else ()

    @property
    def told(self) -> str:
        return f"{self.address}: {self.detail or self.code}"

    def evidence(self) -> dict[str, object]:
        return {"address": self.address, "code": self.code, "looks": [" ".join(look).strip() for look in self.shown]}


def at_address(looks: Looks, fetch: PolicyFetch, roots: tuple[bytes, ...], time: datetime) -> AtAddress:
    """Draws the line between fact and blindness, as `conclude` does for STARTTLS."""
    seen = [(look, judge_look(look, fetch.host, roots, time)) for look in looks.looks]
    told = _conclude(looks, [(look.time, found) for look, found in seen], fetch.second_look)
    last = next((look.value for look, found in reversed(seen) if found == told), None)
    shown = tuple((look.time.isoformat().replace("+00:00", "Z"), f"{s.code} {s.detail}"[:200]) for look, s in seen)
    chains = [look.value.handshake.chain for look, _ in seen if look.value is not None and look.value.handshake]
    return AtAddress(
        bracketed(looks.address),
        told.code,
        told.detail,
        told.unseen,
        told.policy,
        printable(last.body[:500]) if last is not None else "",
        next((chain for chain in reversed(chains) if chain), ()),
        shown,
    )


def _conclude(looks: Looks, seen: list[tuple[datetime, Seen]], second_look: float) -> Seen:
    if not seen:
        return Seen("NOT_PROBED", "was not asked", unseen=True)
    if looks.blind is not None:
        return Seen(looks.blind, seen[-1][1].detail, unseen=True)
    for _, found in reversed(seen):
        if not found.unseen and not found.momentary:
            return found
    for earlier, one in seen:
        for later, other in seen:
            apart = (later - earlier).total_seconds()
            if one.momentary and other.code == one.code and later > earlier and apart >= second_look:
                return other
    blind = [found for _, found in seen if found.unseen]
    if blind:
        return blind[-1]
    words = ", ".join(f"{found.code} ({found.detail})" for _, found in seen)
    return Seen(
        "POLICY_UNSEEN", f"seen: {words}; this counts when two looks {second_look:g} s apart show it", unseen=True
    )


def judge_look(
    look: Observation[HttpExchange], host: str, roots: tuple[bytes, ...], time: datetime
) -> Seen:  # fmt: skip
    """What one request shows; `time` judges the certificate."""
    exchange = look.value
    if exchange is None:
        return _blindness(look.failure)
    handshake = exchange.handshake
    if exchange.ended == "refused":
        return Seen("POLICY_UNREACHABLE", "nobody listens on port 443", momentary=True)
    if handshake is None:
        return Seen("POLICY_UNSEEN", f"no TLS handshake: {exchange.ended}", unseen=True)
    if handshake.ended != "completed":
        return _without_tls(handshake)
    if handshake.version in _OLD_VERSIONS:
        return Seen("POLICY_TLS_VERSION", f"speaks {handshake.version} with a client that knows TLS 1.3")
    trouble = _certificate_trouble(handshake.chain, host, roots, time)
    if trouble is not None:
        return Seen("POLICY_CERTIFICATE", trouble)
    return _judge_answer(exchange)


def _blindness(failure: Failure | None) -> Seen:
    if failure is None:
        return Seen("POLICY_UNSEEN", "", unseen=True)
    return Seen(_BLIND.get(failure.reason, "POLICY_UNSEEN"), f"{failure.reason}: {failure.detail}"[:300], unseen=True)


def _without_tls(handshake: Handshake) -> Seen:
    """A handshake that came to nothing. Who closes or is silent without a word has not said that he is there."""
    detail = f"TLS handshake: {handshake.error or handshake.ended}"[:300]
    unheard = handshake.ended == "silent" or (handshake.ended in ("closed", "reset") and not handshake.received)
    if unheard:
        return Seen("POLICY_UNSEEN", detail, unseen=True)
    return Seen("POLICY_TLS", detail, momentary=True)


def _judge_answer(exchange: HttpExchange) -> Seen:
    """The response of HTTP. Only a complete answer with status 200 is a policy, whatever else it says."""
    status = exchange.status
    if exchange.ended == "silent":
        came = f"{len(exchange.body)} octets of the body" if status is not None else "nothing"
        return Seen("POLICY_SLOW", f"in the time given came {came}", momentary=True)
    if status is None:
        return Seen("POLICY_HTTP", f"no HTTP answer: {exchange.ended}", momentary=True)
    if 300 <= status < 400:
        return Seen("POLICY_REDIRECT", f"status {status}")
    if status != 200:
        return Seen("POLICY_STATUS", f"status {status}", momentary=status >= 500 or status in MOMENTARY_STATUS)
    if exchange.truncated or len(exchange.body) > mta_sts.MAXIMUM_POLICY:
        return Seen("POLICY_TOO_LARGE", f"more than {mta_sts.MAXIMUM_POLICY} octets")
    if exchange.ended != "answered":
        return Seen("POLICY_HTTP", f"the answer broke off: {exchange.ended}", momentary=True)
    return _judge_content(exchange)


def _judge_content(exchange: HttpExchange) -> Seen:
    kinds = _field(exchange, "content-type")
    if len(kinds) != 1 or kinds[0].partition(";")[0].strip(" \t").lower() != "text/plain":
        shown = printable(", ".join(kinds).encode())[:100] or "none"
        return Seen("POLICY_CONTENT_TYPE", f"content type {shown}")
    codings = [c for c in _field(exchange, "content-encoding") if c.strip().lower() not in ("", "identity")]
    if codings:
        shown = printable(", ".join(codings).encode())[:100]
        return Seen("POLICY_ENCODED", f"content encoding {shown}, though only identity was asked for")
    policy = mta_sts.parse_policy(exchange.body)
    if policy.errors:
        return Seen("POLICY_SYNTAX", "; ".join(policy.errors)[:400], policy=policy)
    return Seen("OK", policy=policy)


def _field(exchange: HttpExchange, name: str) -> list[str]:
    return [value for key, value in exchange.headers if key.lower() == name]


def _certificate_trouble(chain: tuple[bytes, ...], host: str, roots: tuple[bytes, ...], time: datetime) -> str | None:
    path = verify(chain, roots, time)
    if path.code != "OK":
        return f"{path.code}: {path.detail}"[:300]
    leaf = load(chain[0])
    if leaf is None or first_match(leaf, (host,)) is None:
        names = ", ".join(dns_names(leaf)[:10]) if leaf is not None else ""
        return f"CERTIFICATE_NAME_MISMATCH: the certificate names {printable(names.encode()) or 'no host'}"[:300]
    return _outdated_signature(path.certificates)


def _outdated_signature(path: tuple[bytes, ...]) -> str | None:
    """What clients for HTTPS refuse though the path verifies; nobody looks at the signature of the root."""
    for certificate in map(load, path[:-1]):
        if certificate is not None and (name := _hash_of(certificate)) in _OUTDATED_HASHES:
            return f"CERTIFICATE_INVALID: signed with {name}: {certificate.subject.rfc4514_string()}"[:300]
    return None


def _hash_of(certificate: x509.Certificate) -> str | None:
    try:
        digest = certificate.signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return None
    return digest.name if digest is not None else None
