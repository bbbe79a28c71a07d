"""What a check may know besides its subject: the norms of the profile, the date, and the trust it may assume."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..evaluate.lookup import Lookup
from ..norms.certificate_policy import CertificatePolicy
from ..norms.tls_policy import TlsPolicy
from ..profile import Parameters


@dataclass(frozen=True, slots=True)
class Rules:
    """The profile's parameters and TLS policy, as-of date and time of observation, and the dossier's PKIX roots."""

    parameters: Parameters
    tls: TlsPolicy
    as_of: datetime
    observed: datetime
    roots: tuple[bytes, ...]

    @property
    def certificates(self) -> CertificatePolicy:
        """What the policy says of certificates in the year of the as-of date."""
        return CertificatePolicy(self.tls, self.as_of.year)

    def ends_soon(self, *lookups: Lookup) -> datetime | None:
        """When the first signature ends, where that is within the profile's margin after the observation.

        Only signatures of the zones that hold the data count: those of the zones above are not in the target's hands,
        and top-level domains sign for a few days at a time.
        """
        ends = min((s.expiration for lookup in lookups for s in lookup.own_signatures), default=None)
        margin = timedelta(days=self.parameters.signature_margin_days)
        return ends if ends is not None and ends < self.observed + margin else None
