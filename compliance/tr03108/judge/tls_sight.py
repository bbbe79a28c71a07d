"""What checks of TLS answer where something was not seen."""

from __future__ import annotations

from ..evaluate.services import SmtpService
from ..evaluate.tls.listings import Listing
from .outcomes import Result, absent, unseen

_OURS = ("BUDGET_EXHAUSTED", "NOT_PROBED", "ADDRESS_NOT_GLOBAL")


def without_tls(service: SmtpService) -> Result | None:
    """The answer where nothing of TLS was seen; None where a hello was answered."""
    if service.tls.chosen:
        return None if service.tls.asked else unseen("NOT_PROBED", because="NOT_PROBED", detail="no single hellos")
    starttls = service.starttls
    if not starttls.unseen:
        return absent("NO_TLS", because=starttls.code, detail=starttls.detail, see="TR-03108-E-12")
    code = service.blind_code or starttls.code
    return unseen(service.tls_unseen_code, because=code, detail=starttls.detail, see="TR-03108-E-12")


def not_known(listing: Listing, thing: str) -> Result:
    """The answer where the hello that would have told did not: `thing` is what remains open."""
    code = listing.open_code
    return unseen(code if code in _OURS else "TLS_UNSEEN", because=code, thing=thing or None)
