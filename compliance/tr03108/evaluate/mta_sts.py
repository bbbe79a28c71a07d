"""What MTA-STS says: the record, the policy as it was fetched, and what senders make of it (RFC 8461)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..model import Failure, HttpExchange, Observation, Reason
from ..wire import mta_sts
from .lookup import Lookup
from .names import dns_names, first_match
from .pkix import load, verify
from .policies import PolicyRecord, texts
from .starttls import printable


@dataclass(frozen=True, slots=True)
class PolicyFetch:
    """How the MTA-STS policy was fetched: the exchange, or why there is none. `host_missing`: no such name."""

    host: str
    exchange: HttpExchange | None
    failure: Failure | None
    host_missing: bool
    time: datetime | None


def policy_fetch(
    host: str, find: Callable[[str, str], Lookup | None], observations: Mapping[str, Observation[Any]]
) -> PolicyFetch | None:
    """How the policy was fetched from a host; None where its addresses were not asked for."""
    a, aaaa = find(host, "A"), find(host, "AAAA")
    if a is None or aaaa is None:
        return None
    missing = all(lookup.kind in ("nodata", "nxdomain") and not lookup.unseen for lookup in (a, aaaa))
    prefix = f"https/{host}/"
    fetched = [o for key, o in sorted(observations.items()) if key.startswith(prefix)]
    exchanges = [(o.time, o.value) for o in fetched if isinstance(o.value, HttpExchange)]
    if exchanges:
        # As for any HTTPS client, an address where nobody listens is passed over for the next one.
        time, exchange = next((e for e in exchanges if e[1].ended != "refused"), exchanges[0])
        return PolicyFetch(host, exchange, None, False, time)
    if fetched:
        return PolicyFetch(host, None, fetched[-1].failure, False, fetched[-1].time)
    lookup = a if a.unseen else aaaa
    failure = lookup.failure or Failure(Reason.NOT_PROBED, lookup.detail or f"{host} was not contacted")
    return PolicyFetch(host, None, None if missing else failure, missing, None)


def sts_record(lookup: Lookup) -> PolicyRecord:
    """The MTA-STS record in a TXT lookup."""
    found = mta_sts.sts_records(texts(lookup))
    errors = tuple(error for text in found for error in mta_sts.parse_record(text).errors)
    return PolicyRecord(len(found), tuple(printable(text) for text in found[:10]), (), errors[:20])


@dataclass(frozen=True, slots=True)
class StsFetch:
    """The policy as fetched: `code` "OK", a fact's code, or "POLICY_UNSEEN" with `unseen`; policy where it was read."""

    code: str
    unseen: bool
    detail: str
    policy: mta_sts.StsPolicy | None
    body: str

    def uncovered(self, hosts: tuple[str, ...]) -> tuple[str, ...]:
        """The MX hosts that no mx pattern of the policy covers (RFC 8461 section 4.1)."""
        patterns = self.policy.mx if self.policy is not None else ()
        return tuple(host for host in hosts if not any(mta_sts.covers(pattern, host) for pattern in patterns))

    def evidence(self) -> dict[str, object]:
        shown: dict[str, object] = {"detail": self.detail, "policy_text": self.body}
        if self.policy is not None:
            shown |= {"mode": self.policy.mode, "max_age": self.policy.max_age, "mx": list(self.policy.mx)}
        return shown


def sts_fetch(fetch: PolicyFetch | None, roots: tuple[bytes, ...], time: datetime) -> StsFetch:
    """Judges the fetch of the policy (RFC 8461 section 3.3); `time` judges the certificate."""
    if fetch is None:
        return StsFetch("NOT_PROBED", True, "the policy was not fetched", None, "")
    if fetch.host_missing:
        return StsFetch("POLICY_HOST_MISSING", False, f"{fetch.host} has no address", None, "")
    if fetch.exchange is None:
        failure = fetch.failure
        detail = f"{failure.reason}: {failure.detail}" if failure is not None else ""
        code = "ADDRESS_NOT_GLOBAL" if failure is not None and failure.reason is Reason.NOT_GLOBAL else "POLICY_UNSEEN"
        return StsFetch(code, True, detail, None, "")
    return _judge(fetch.exchange, fetch.host, roots, time)


def _judge(exchange: HttpExchange, host: str, roots: tuple[bytes, ...], time: datetime) -> StsFetch:
    body = printable(exchange.body[:500])
    handshake = exchange.handshake
    if handshake is None or handshake.ended != "completed":
        ended = exchange.ended if handshake is None else f"TLS handshake: {handshake.error or handshake.ended}"
        return StsFetch("POLICY_UNREACHABLE", False, ended, None, body)
    trouble = _certificate_trouble(handshake.chain, host, roots, time)
    if trouble is not None:
        return StsFetch("POLICY_CERTIFICATE", False, trouble, None, body)
    if exchange.status is None:
        return StsFetch("POLICY_UNREACHABLE", False, f"no HTTP answer: {exchange.ended}", None, body)
    if 300 <= exchange.status < 400:
        return StsFetch("POLICY_REDIRECT", False, f"status {exchange.status}", None, body)
    if exchange.status != 200:
        return StsFetch("POLICY_STATUS", False, f"status {exchange.status}", None, body)
    if exchange.truncated or len(exchange.body) > mta_sts.MAXIMUM_POLICY:
        return StsFetch("POLICY_TOO_LARGE", False, f"more than {mta_sts.MAXIMUM_POLICY} octets", None, body)
    if exchange.ended != "answered":
        return StsFetch("POLICY_UNREACHABLE", False, f"the answer broke off: {exchange.ended}", None, body)
    media = next((value for name, value in exchange.headers if name.lower() == "content-type"), "")
    if media.partition(";")[0].strip().lower() != "text/plain":
        return StsFetch("POLICY_CONTENT_TYPE", False, f"content type {printable(media.encode())}", None, body)
    policy = mta_sts.parse_policy(exchange.body)
    if policy.errors:
        return StsFetch("POLICY_SYNTAX", False, "; ".join(policy.errors)[:500], policy, body)
    return StsFetch("OK", False, "", policy, body)


def _certificate_trouble(chain: tuple[bytes, ...], host: str, roots: tuple[bytes, ...], time: datetime) -> str | None:
    path = verify(chain, roots, time)
    if path.code != "OK":
        return f"{path.code}: {path.detail}"
    leaf = load(chain[0])
    if leaf is None or first_match(leaf, (host,)) is None:
        names = ", ".join(dns_names(leaf)[:10]) if leaf is not None else "none"
        return f"CERTIFICATE_NAME_MISMATCH: the certificate names {names}"
    return None
