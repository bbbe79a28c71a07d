"""Asks for a domain's TLSRPT record, and what there is to know of the mailboxes that reports go to (RFC 8460)."""

from __future__ import annotations

import asyncio
from functools import partial

from ..evaluate.lookup import fits
from ..evaluate.mailbox import Answered, answered, mailbox_key
from ..evaluate.routing import mail_routing
from ..evaluate.tlsrpt import MOST_DESTINATIONS, mailboxes
from ..model import MAIL_SERVICE, Observation, SmtpSession
from ..wire.tlsrpt import Mailbox
from .mta_sts import mta_sts
from .questions import Questions
from .smtp import mailbox_session

HOSTS = 5  # MX hosts of a report domain that are looked at
ATTEMPTS = 4  # addresses of its MX hosts that are asked about one mailbox, in order of preference


async def tlsrpt(questions: Questions, domain: str) -> None:
    """The record; of each report domain the way of its mail and its policies; the mailboxes, if the plan says so."""
    if not fits(name := f"_smtp._tls.{domain}"):
        return
    found = mailboxes(await questions.lookup(name, "TXT"))[:MOST_DESTINATIONS]
    domains = dict.fromkeys(mailbox.domain for mailbox in found)
    await asyncio.gather(*(_report_domain(questions, name) for name in domains))
    if questions.plan.report_mailbox:
        await asyncio.gather(*(_mailbox(questions, mailbox) for mailbox in found))


async def _hosts(questions: Questions, domain: str) -> tuple[str, ...]:
    return mail_routing(await questions.lookup(domain, "MX"), domain).hosts


async def _report_domain(questions: Questions, domain: str) -> None:
    hosts = await _hosts(questions, domain)
    beyond = (f"dns/{host}/{rdtype}" for host in hosts[HOSTS:] for rdtype in ("A", "AAAA"))
    questions.give_up(beyond, f"only {HOSTS} mail hosts of a report domain are examined")
    async with asyncio.TaskGroup() as group:
        group.create_task(mta_sts(questions, domain))
        for host in hosts[:HOSTS]:
            group.create_task(_report_host(questions, host))


async def _report_host(questions: Questions, name: str) -> None:
    await questions.tlsa(await questions.host(name), MAIL_SERVICE.port)


async def _mailbox(questions: Questions, mailbox: Mailbox) -> None:
    """One mail server after the other, until one says whether it takes mail for the mailbox."""
    hosts = (await _hosts(questions, mailbox.domain))[:HOSTS]
    places = [(host, address) for host in hosts for address in (await questions.host(host)).addresses]
    for host, address in places[:ATTEMPTS]:
        seen = await _ask(questions, mailbox, host, address, secured=False)
        if answered(seen) is Answered.WANTS_TLS:
            seen = await _ask(questions, mailbox, host, address, secured=True)
        if answered(seen) is not Answered.UNSEEN:
            return


async def _ask(
    questions: Questions, mailbox: Mailbox, host: str, address: str, *, secured: bool
) -> Observation[SmtpSession]:
    port = MAIL_SERVICE.port
    questions.say(f"{host} {address}: asking for the report mailbox")
    session = partial(mailbox_session, mailbox.text, questions.network, host, address, port, secured=secured)
    return await questions.ask(mailbox_key(mailbox, host, address, port, secured=secured), session)
