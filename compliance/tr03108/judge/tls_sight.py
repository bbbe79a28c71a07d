"""What checks of TLS answer where something was not seen."""

from __future__ import annotations

from ..evaluate.services import Service
from ..evaluate.tls.listings import Listing
from .outcomes import Result, absent, unseen

_OURS = ("BUDGET_EXHAUSTED", "NOT_PROBED", "ADDRESS_NOT_GLOBAL")


def without_handshake(service: Service) -> Result:
    """The answer where no handshake was completed; another check says why."""
    starttls = service.starttls
    told = {"detail": starttls.detail, "see": "client-services.offered" if service.kind.implicit else "TR-03108-E-12"}
    if not starttls.unseen:
        return absent("NO_TLS", because=starttls.code, **told)
    return unseen(service.tls_unseen_code, because=service.blind_code or starttls.code, **told)


def without_tls(service: Service) -> Result | None:
    """The answer where nothing of TLS was seen; None where a hello was answered."""
    if service.tls.chosen:
        return None if service.tls.asked else unseen("NOT_PROBED", because="NOT_PROBED", detail="no single hellos")
    return without_handshake(service)


def not_known(listing: Listing, thing: str) -> Result:
    """The answer where the hello that would have told did not: `thing` is what remains open."""
    code = listing.open_code
    return unseen(code if code in _OURS else "TLS_UNSEEN", because=code, thing=thing or None)


def without_version(service: Service, version: str, code: str) -> Result | None:
    """What a check about one version answers where that was not seen or is not spoken."""
    blind = without_tls(service)
    return blind or (absent(code) if service.tls.version(version) == "refused" else None)


def unanswered(service: Service, topic: str) -> Result:
    """The question was not asked, or its answer shows nothing."""
    answer = next(iter(service.tls.about(topic)), None)
    if answer is None:
        return unseen("NOT_PROBED", because="NOT_PROBED")
    ours = answer.code in ("BUDGET_EXHAUSTED", "NOT_PROBED")
    return unseen(answer.code if ours else "TLS_UNSEEN", because=answer.code or None, reply=answer.words)
