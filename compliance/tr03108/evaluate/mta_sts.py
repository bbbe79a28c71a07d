"""What MTA-STS says: the record, and what senders make of the policy at each address of its host (RFC 8461)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..wire import mta_sts
from .lookup import Lookup
from .policies import PolicyRecord, texts
from .policy_address import AtAddress, at_address
from .policy_fetch import PolicyFetch
from .starttls import printable

_SHOWN = 20  # patterns, addresses that evidence holds
_KEPT_DETAIL = 500  # characters


def sts_record(lookup: Lookup) -> PolicyRecord:
    """The MTA-STS record in a TXT lookup."""
    every = texts(lookup)
    found = mta_sts.sts_records(every)
    errors = tuple(error for text in found for error in mta_sts.parse_record(text, alone=len(every) == 1).errors)
    return PolicyRecord(len(found), tuple(printable(text) for text in found[:10]), (), errors[:20])


def sts_discarded(lookup: Lookup) -> tuple[str, ...]:
    """The TXT records there that look as if they were meant to be one, and are none (section 3.1)."""
    known = mta_sts.sts_records(texts(lookup))
    meant = (text for text in texts(lookup) if text not in known and text[:20].strip().lower().startswith(b"v=sts"))
    return tuple(printable(text)[:100] for text in meant)[:10]


@dataclass(frozen=True, slots=True)
class StsFetch:
    """The policy as senders get it.

    `code` is "OK", a fact's code, or with `unseen` that of our blindness; `remark` the code of what is right only just
    ("" where nothing is). `policy` is the first that was read, `body` the beginning of its text; `at` are all
    addresses that were asked.
    """

    code: str
    unseen: bool
    detail: str
    policy: mta_sts.StsPolicy | None
    body: str
    remark: str = ""
    at: tuple[AtAddress, ...] = ()

    def uncovered(self, hosts: tuple[str, ...]) -> tuple[str, ...]:
        """The MX hosts that the policy of some address does not cover by an mx pattern (RFC 8461 section 4.1)."""
        policies = [one.policy for one in self.at if one.policy is not None]
        if not policies and self.policy is not None:
            policies = [self.policy]
        known = [frozenset(policy.mx) for policy in policies]  # of thousands of patterns each, for thousands of hosts
        return tuple(host for host in hosts if not known or not all(_covers(each, host) for each in known))

    @property
    def enforces(self) -> bool:
        """Senders that come to some address get a valid policy in mode enforce."""
        return any(one.code == "OK" and one.policy is not None and one.policy.mode == "enforce" for one in self.at)

    @property
    def least_age(self) -> int | None:
        """The shortest max_age (seconds) of a policy in mode enforce or testing at any address; None without one."""
        policies = [one.policy for one in self.at if one.policy is not None]
        ages = [policy.max_age for policy in policies if policy.mode != "none" and policy.max_age is not None]
        return min(ages, default=None)

    @property
    def wildcards(self) -> tuple[str, ...]:
        """ADDRESS: the names with an asterisk in the certificate there."""
        return tuple(f"{one.address}: {', '.join(one.wildcards)}" for one in self.at if one.wildcards)

    @property
    def certificate_seen(self) -> bool:
        """Some address has shown a certificate."""
        return any(one.chain for one in self.at)

    @property
    def certificate_unseen(self) -> AtAddress | None:
        """An address that may have a certificate which nobody has seen."""
        return next((one for one in self.at if one.unseen and not one.chain), None)

    def evidence(self) -> dict[str, object]:
        shown: dict[str, object] = {"detail": self.detail, "policy_text": self.body}
        if self.policy is not None:
            mx = [*self.policy.mx[:_SHOWN]]
            if len(self.policy.mx) > _SHOWN:
                mx.append(f"{len(self.policy.mx) - _SHOWN} more")
            shown |= {"mode": self.policy.mode, "max_age": self.policy.max_age, "mx": mx}
        shown["addresses"] = [one.evidence() for one in self.at[:_SHOWN]]
        return shown


def sts_fetch(fetch: PolicyFetch | None, roots: tuple[bytes, ...], time: datetime) -> StsFetch:
    """Judges the fetch of the policy at every address of its host; `time` judges the certificates.

    Senders take whichever address they like: a fact against one is a fact, and what is not known of one leaves open
    what they get. Only a refused connection sends most of them to the next address.
    """
    if fetch is None:
        return StsFetch("NOT_PROBED", True, "the policy was not fetched", None, "")
    if fetch.host_missing and not fetch.bogus:
        return StsFetch("POLICY_HOST_MISSING", False, f"{fetch.host} has no address", None, "")
    at = tuple(at_address(look, fetch, roots, time) for look in fetch.addresses)
    read = next((one for one in at if one.policy is not None), None)
    policy, body = (read.policy, read.body) if read is not None else (None, at[0].body if at else "")

    def result(code: str, detail: str, *, unseen: bool = False, remark: str = "") -> StsFetch:
        return StsFetch(code, unseen, detail[:_KEPT_DETAIL], policy, body, remark, at)

    if fetch.bogus:  # whatever was seen there: senders that validate do not come so far
        return result("POLICY_HOST_BOGUS", fetch.bogus)
    good = [one for one in at if one.code == "OK"]
    facts = [one for one in at if one.code != "OK" and not one.unseen]
    dead = [one for one in facts if one.refused]
    wrong = [one for one in facts if not one.refused]
    if wrong:
        return result(wrong[0].code, "; ".join(one.told for one in wrong))
    if len({one.policy.mode for one in good if one.policy is not None}) > 1:
        return result("POLICY_DIFFERS", "; ".join(_said(one) for one in good))
    blind = [one for one in at if one.unseen]
    if blind:
        return result(blind[0].code, "; ".join(one.told for one in blind), unseen=True)
    if dead and not good and not fetch.hidden:
        return result("POLICY_UNREACHABLE", "; ".join(one.told for one in dead))
    if fetch.hidden or not good:
        return result("POLICY_UNSEEN", fetch.hidden or f"{fetch.host} was not contacted", unseen=True)
    if dead:
        return result("OK", "; ".join(one.told for one in dead), remark="POLICY_ADDRESS_REFUSED")
    if len({_content(one) for one in good}) > 1:
        return result("OK", "; ".join(_said(one) for one in good), remark="POLICY_VARIES")
    return result("OK", "")


def _covers(patterns: frozenset[str], host: str) -> bool:
    return not patterns.isdisjoint(mta_sts.patterns_for(host))


def _content(one: AtAddress) -> object:
    """What senders take from a policy."""
    policy = one.policy
    return None if policy is None else (policy.mode, policy.max_age, frozenset(policy.mx))


def _said(one: AtAddress) -> str:
    policy = one.policy
    if policy is None:
        return one.told
    return f"{one.address}: mode {policy.mode}, max_age {policy.max_age}, mx {', '.join(policy.mx[:5])}"
