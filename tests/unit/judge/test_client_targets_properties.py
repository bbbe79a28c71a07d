"""Whatever a domain publishes for its mail clients: SRV records are met only where what they name was seen to work."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tr03108.catalogue import load_catalogue
from tr03108.judge import client_targets
from tr03108.judge.rules import Rules
from tr03108.model import SERVICE_KINDS, Outcome
from tr03108.profile import load_profile
from unit.evaluate.client_domain import (
    DOMAIN,
    ELSEWHERE,
    FOREIGN_NAME,
    MAIL,
    ROOTS,
    ClientDomain,
    autoconfig,
    autodiscover,
    page,
    session,
)
from unit.evaluate.conftest import NOW
from unit.evaluate.web_pages import TIMEOUT, V4, V4_OTHER

HOSTS = (MAIL, f"other.{DOMAIN}", ELSEWHERE)
PORTS = (465, 587)
WORKS = "works"
SHOWN: dict[str, Any] = {
    WORKS: None,
    "refused": session("submissions", "refused"),
    "garbage": session("submissions", "garbage"),
    "alert": session("submissions", "alert"),
    "silent": TIMEOUT,
    "stranger": session("submissions", chain=FOREIGN_NAME),
    "without certificate": session("submissions", chain=()),
    "not asked": None,
}
OFTEN = (*(WORKS,) * 20, *SHOWN)  # else hardly any domain would be right
GOOD_ENDS = (Outcome.MET, Outcome.MARGINAL)
PROFILED = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)

targets = st.tuples(st.sampled_from((*HOSTS, ".")), st.sampled_from(PORTS))
places = st.fixed_dictionaries(
    {(h, p, a): st.sampled_from(OFTEN) for h in HOSTS for p in PORTS for a in (V4, V4_OTHER)}
)
addresses = st.fixed_dictionaries({host: st.sampled_from(((V4,), (V4, V4_OTHER)) * 4 + ((), None)) for host in HOSTS})
statuses = st.sampled_from(("secure", "secure", "secure", "insecure", "bogus"))
POX = (f"SMTP on {MAIL} 465", f"SMTP off {MAIL} 587", f"SMTP on {ELSEWHERE} 465", f"IMAP on {MAIL} 993")
ISP = (f"smtp SSL {MAIL} 465", f"smtp STARTTLS {MAIL} 587", f"smtp SSL {ELSEWHERE} 465", f"imap SSL {MAIL} 993")
documents = st.tuples(
    st.lists(st.sampled_from(ISP), max_size=3), st.lists(st.sampled_from(POX), max_size=3), st.sampled_from((None, 404))
)


@cache
def _rules() -> Rules:
    profile = load_profile("tr-03108-2.0", load_catalogue())
    return Rules(profile.parameters, profile.tls, NOW, NOW, ROOTS)


def made(records: Any, status: str, hosts: Any, shown: Any, configured: Any) -> ClientDomain:
    """A domain as it was drawn; addresses None: nobody saw them."""
    world = ClientDomain().srv(
        "submissions", *(f"{n} 1 {port} {h.removesuffix('.')}." for n, (h, port) in enumerate(records)), status=status
    )
    for host, own in hosts.items():
        if own is None:
            world.dns.hide(host, "A")
        elif own:
            world.host(host, *own)
    for (host, port, address), name in shown.items():
        if name != "not asked":
            world.service("submissions", host, address, port, SHOWN[name])
    isp, pox, code = configured
    if isp:
        world.autoconfig(page(autoconfig(*isp)))
    if pox or code:
        world.autodiscover(page(status=code) if code else page(autodiscover(*pox)))
    return world


@PROFILED
@given(
    records=st.lists(targets, min_size=1, max_size=3, unique=True),
    status=statuses,
    hosts=addresses,
    shown=places,
    configured=documents,
)
def test_submission_is_met_only_where_it_works(
    records: Any, status: str, hosts: Any, shown: Any, configured: Any
) -> None:
    clients = made(records, status, hosts, shown, configured).clients
    found = client_targets.srv_record(SERVICE_KINDS["submissions"], clients, _rules())
    named = [(host, port) for host, port in records if host != "."]
    # An address is one by whatever name it is called: what was seen there under any of them may undo a fact.
    seen = {place: [shown[(*place, address)] for address in hosts[place[0]] or ()] for place in named}
    if found.outcome in GOOD_ENDS:
        assert named, "nothing is named"
        assert status != "bogus"
        assert all(WORKS in each for each in seen.values()), seen
        assert not {"stranger", "without certificate"} & {name for each in seen.values() for name in each}
    if found.outcome is Outcome.MET:
        assert status == "secure"
    if named and status != "bogus" and all(each and set(each) == {WORKS} for each in seen.values()):
        assert found.outcome in GOOD_ENDS, "it works wherever it is said to be"
    assert found.outcome is not Outcome.ABSENT, "nobody is exempt from submission"


@PROFILED
@given(hosts=addresses, shown=places, configured=documents)
def test_settings_are_met_only_where_they_work(hosts: Any, shown: Any, configured: Any) -> None:
    clients = made((), "secure", hosts, shown, configured).clients
    isp = [text.split()[1:] for text in configured[0] if text.startswith("smtp")]
    found = client_targets.setting(clients.autoconfig, "submission", clients, _rules())
    if found.outcome in GOOD_ENDS:
        security, host, port = isp[0]
        assert (security, port) == ("SSL", "465")
        assert WORKS in [shown[host, 465, address] for address in hosts[host] or ()]
