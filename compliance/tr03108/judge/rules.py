"""What a check may know besides its subject: the norms of the profile, the date, and the trust it may assume."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

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
    def signature_margin(self) -> timedelta:
        """A signature that ends sooner than this after its observation is met only just."""
        return timedelta(days=self.parameters.signature_margin_days)
