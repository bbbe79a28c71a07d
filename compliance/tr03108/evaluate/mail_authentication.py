"""What a domain says in DNS about mail in its name: whether it takes any, who may send it, what becomes of the rest."""

from __future__ import annotations

from dataclasses import dataclass

from dns.rdtypes.ANY.MX import MX

from ..model import ProbePlan
from .dmarc_policy import DmarcPolicy, dmarc_of
from .lookup import Lookup, present
from .spf_policy import SpfPolicy, spf_of
from .text_records import Find


@dataclass(frozen=True, slots=True)
class SendingDomain:
    """A domain as the sender of mail. None: the plan did not ask (`dmarc` too: no such name is possible)."""

    name: str
    mx: Lookup
    spf: SpfPolicy | None
    dmarc: DmarcPolicy | None

    @property
    def exchanges(self) -> tuple[tuple[int, str], ...]:
        """Preference and host of each MX record, in order; the host is "." in a null MX (RFC 7505 section 3)."""
        return tuple(sorted((r.preference, present(r.exchange)) for r in self.mx.records if isinstance(r, MX)))


def sending_domain(domain: str, plan: ProbePlan, find: Find) -> SendingDomain:
    """Judges what was asked of a domain."""
    return SendingDomain(
        name=domain,
        mx=find(domain, "MX"),
        spf=spf_of(domain, find) if "spf" in plan.policies else None,
        dmarc=dmarc_of(domain, find) if "dmarc" in plan.policies else None,
    )
