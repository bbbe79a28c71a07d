"""Whether every sender that may come gets a handshake at port 25: completes E-12 and D-02.

Sources: TR-03108 v2.0 sections 4.1.3 (03-M.a) and 4.1.5 (05-M.c); RFC 3207; RFC 6066 section 3; RFC 7672 section 8.1.
"""

from __future__ import annotations

from tr03108 import (
    Result,
    Rules,
    SmtpService,
    check,
    met,
    senders,
    unmet,
    unseen,
    without_handshake,
    without_tls,
)


@check(id="tls.every-sender", each="mail_address")
def check_every_sender(service: SmtpService, rules: Rules) -> Result:
    """With every certificate of the server a handshake comes about, whether the sender names the server or not.

    With the name each certificate was seen in a handshake; a type of key of which there is none fails nobody here.
    """
    if service.starttls.code != "OK":
        return without_handshake(service)
    if (blind := without_tls(service)) is not None:
        return blind
    found = senders.nameless_senders(service.tls)
    told = {"key_types": ", ".join(sender.key_type for sender in found)}
    for sender in found:
        if sender.state == "refused" and sender.answer is not None:
            return unmet("SENDER_REFUSED", key_type=sender.key_type, reply=sender.answer.words, **told)
    if not found:
        return unseen("NOT_PROBED", because="NOT_PROBED")
    blind = next((_not_seen(sender) for sender in found if sender.state == "unseen"), None)
    if blind is not None:
        return blind
    if service.second.unseen and not senders.turned_away(service.tls, service.second.key_type):
        code = "NOT_PROBED" if service.second.code == "NOT_PROBED" else "TLS_UNSEEN"
        because = service.second.because if code == "NOT_PROBED" else service.second.code
        return unseen(code, because=because, key_type=service.second.key_type, **told)
    return met(**told)


def _not_seen(sender: senders.Sender) -> Result:
    answer = sender.answer
    if answer is None or answer.code == "NOT_PROBED":
        return unseen("NOT_PROBED", because="NOT_PROBED", key_type=sender.key_type)
    code = "BUDGET_EXHAUSTED" if answer.code == "BUDGET_EXHAUSTED" else "TLS_UNSEEN"
    return unseen(code, because=answer.code or None, key_type=sender.key_type, reply=answer.words)
