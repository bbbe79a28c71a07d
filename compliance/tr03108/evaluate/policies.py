"""What the policies in DNS and HTTPS say: TLSRPT (RFC 8460) and MTA-STS (RFC 8461) records and the policy fetch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..model import HttpExchange, Reason
from ..wire import mta_sts, tlsrpt
from .lookup import Lookup
from .names import dns_names, first_match
from .pkix import load, verify
from .starttls import printable
from .views import MailDomain, texts


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """The TXT record that announces a policy: how many count, what the one says, what is wrong with it."""

    count: int
    texts: tuple[str, ...]
    uris: tuple[str, ...]
    errors: tuple[str, ...]

    @property
    def schemes(self) -> tuple[str, ...]:
        """The schemes of the report URIs, lower case."""
        return tuple(uri.partition(":")[0].lower() for uri in self.uris)

    def evidence(self) -> dict[str, object]:
        return {"records": list(self.texts), "uris": list(self.uris), "errors": list(self.errors)}


def tlsrpt_record(lookup: Lookup) -> PolicyRecord:
    """The TLSRPT record in a TXT lookup; with several, the URIs of all of them."""
    found = tlsrpt.tlsrpt_records(texts(lookup))
    parsed = [tlsrpt.parse_record(text) for text in found]
    uris = tuple(uri for record in parsed for uri in record.rua)
    errors = tuple(error for record in parsed for error in record.errors)
    return PolicyRecord(len(found), tuple(printable(text) for text in found[:10]), uris[:50], errors[:20])


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


def sts_fetch(domain: MailDomain, roots: tuple[bytes, ...], time: datetime) -> StsFetch:
    """Judges the fetch of the policy (RFC 8461 section 3.3); `time` judges the certificate."""
    fetch = domain.sts_policy
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
