"""On which services of mail clients checks are called, what stands in for those that are not there, and where
findings about them count."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tr03108.catalogue import Catalogue
from tr03108.evaluate.clients import Clients, Offer, Webmail
from tr03108.evaluate.places import MOST_PLACES
from tr03108.evaluate.services import ClientService
from tr03108.judge import Check, calls
from tr03108.judge.outcomes import Result, met, unmet
from tr03108.judge.rollup import case_results, requirement_results
from tr03108.judge.subjects import subjects
from tr03108.model import Finding, Level, Outcome, ServicePlace, Verdict
from tr03108.profile import Profile
from unit.evaluate.client_domain import DOMAIN, KINDS, MAIL, ClientDomain
from unit.evaluate.web_pages import V4, V4_OTHER, V6

from .conftest import profile_of, requirement

WEB = f"webmail.{DOMAIN}"
OTHER = f"other.{DOMAIN}"  # no name that is asked where nothing names a service
PAGE = f"https://{WEB}/login"
CLIENT_EACH = ("service_address", "starttls_address", "client_address", "client_service", "clients")
Line = tuple[str, str | None, str, str]  # subject, service, outcome, code


def asked(world: ClientDomain, each: str, *, of_case: bool = True) -> list[Line]:
    """Subjects with what stands for them; "view" where the check itself is called."""
    found = []
    for subject, view, fixed in subjects(each, world.views, of_case=of_case):
        assert (view is None) is (fixed is not None)
        said = ("view", type(view).__name__) if fixed is None else (fixed.outcome.value, fixed.code)
        found.append((subject.text, subject.service, *said))
    return found


def clients(world: ClientDomain, each: str, *, of_case: bool = True) -> list[Line]:
    """The same without what stands for the mail hosts, which the domain does not have."""
    found = asked(world, each, of_case=of_case)
    if each in ("service_address", "starttls_address"):
        assert found[0] == (DOMAIN, None, "UNSEEN", "NULL_MX")
        return found[1:]
    return found


def both() -> ClientDomain:
    """IMAP in both ways, at two addresses."""
    world = ClientDomain(services=("imap", "imaps")).host(MAIL, V4, V6)
    for kind, port in (("imap", 143), ("imaps", 993)):
        world.srv(kind, f"0 1 {port} {MAIL}.").service(kind).service(kind, address=V6)
    return world


SEEN = {
    "service_address": [(143, "imap"), (993, "imaps")],
    "starttls_address": [(143, "imap")],
    "client_address": [(143, "imap"), (993, "imaps")],
}


@pytest.mark.parametrize("each", SEEN)
@pytest.mark.parametrize("of_case", [True, False])
def test_every_address_of_every_service(each: str, of_case: bool) -> None:
    assert clients(both(), each, of_case=of_case) == [
        (f"{MAIL}/{address}:{port}", kind, "view", "ClientService")
        for port, kind in SEEN[each]
        for address in (V4, f"[{V6}]")
    ]


def test_mail_addresses_are_none_of_clients() -> None:
    assert asked(both(), "mail_address") == [(DOMAIN, None, "UNSEEN", "NULL_MX")]


def test_the_clients_and_their_services() -> None:
    assert asked(both(), "clients") == [(DOMAIN, None, "view", "Clients")]
    assert asked(both(), "client_service") == [
        (f"{DOMAIN}:143", "imap", "view", "Offer"),
        (f"{DOMAIN}:993", "imaps", "view", "Offer"),
    ]


def test_webmail_is_a_service_only_where_the_user_says_so() -> None:
    world = ClientDomain(services=("imaps", "https"))
    assert [line[1] for line in asked(world, "client_service")] == ["imaps"]
    named = ClientDomain(services=("imaps", "https"), webmail=(PAGE,)).host(WEB)
    assert [line[1] for line in asked(named, "client_service")] == ["imaps", "https"]


@pytest.mark.parametrize("each", [*CLIENT_EACH, "webmail_address", "webmail_page"])
def test_a_plan_without_services_of_clients(each: str) -> None:
    """Nobody asked: that is no word about the services; of the mail hosts nothing changes."""
    world = ClientDomain(services=("smtp",))
    null_mx = (DOMAIN, None, "UNSEEN", "NULL_MX")
    missing = null_mx if each in ("service_address", "starttls_address") else (DOMAIN, None, "UNSEEN", "NOT_PROBED")
    assert asked(world, each) == [missing]


class TestNotThere:
    """What stands for services that are not there: only cases ask, and only about what TR-03108 speaks of."""

    @pytest.mark.parametrize("each", SEEN)
    def test_nothing_names_them(self, each: str) -> None:
        found = clients(ClientDomain(), each)
        wanted = [
            ("submission", 587),
            ("submissions", 465),
            ("imap", 143),
            ("imaps", 993),
            ("pop3", 110),
            ("pop3s", 995),
        ]
        if each == "starttls_address":
            wanted = wanted[::2]
        assert found == [(f"{DOMAIN}:{port}", kind, "ABSENT", "SERVICE_NOT_FOUND") for kind, port in wanted]

    @pytest.mark.parametrize("each", SEEN)
    def test_checks_of_our_own_are_silent(self, each: str) -> None:
        found = clients(ClientDomain(), each, of_case=False)
        assert found == ([(DOMAIN, None, "ABSENT", "SERVICE_NOT_FOUND")] if each == "client_address" else [])

    def test_sieve_and_webmail_are_missed_by_nobody(self) -> None:
        world = ClientDomain(services=("sieve", "https"))
        for each in ("service_address", "starttls_address"):
            assert clients(world, each) == []
        assert asked(world, "client_address") == [(DOMAIN, None, "ABSENT", "SERVICE_NOT_FOUND")]

    @pytest.mark.parametrize("each", SEEN)
    def test_nobody_knows(self, each: str) -> None:
        found = clients(ClientDomain(services=("imap", "imaps")).hide_srv("imap"), each)
        assert found[0] == (f"{DOMAIN}:143", "imap", "UNSEEN", "SERVICES_UNSEEN")
        assert [line[3] for line in found[1:]] == ["SERVICE_NOT_FOUND"] * (len(SEEN[each]) - 1)

    def test_one_of_which_nobody_knows_stands_for_all(self) -> None:
        world = ClientDomain(services=("imap", "imaps")).hide_srv("imaps")
        assert asked(world, "client_address", of_case=False) == [(DOMAIN, None, "UNSEEN", "SERVICES_UNSEEN")]

    @pytest.mark.parametrize("name", [f"imap.{DOMAIN}", MAIL, DOMAIN])
    def test_well_known_names_whose_addresses_nobody_saw(self, name: str) -> None:
        world = ClientDomain(services=("imaps",))
        world.dns.hide(name, "A")
        assert asked(world, "client_address") == [(f"{DOMAIN}:993", "imaps", "UNSEEN", "SERVICES_UNSEEN")]

    def test_decidedly_not_offered(self) -> None:
        """Only STARTTLS may be left out, and only where the other way to the same protocol is there."""
        world = ClientDomain().srv("imap", "0 0 0 .").srv("pop3", "0 0 0 .")
        world.srv("imaps", f"0 1 993 {OTHER}.").host(OTHER).service("imaps", OTHER)
        found = {line[1]: line[2:] for line in clients(world, "starttls_address")}
        assert found["imap"] == ("NOT_OFFERED", "SERVICE_NOT_OFFERED")
        assert found["pop3"] == found["submission"] == ("ABSENT", "SERVICE_NOT_FOUND")
        every = {line[1]: line[2:] for line in clients(world, "service_address")}
        assert every["imap"] == ("ABSENT", "SERVICE_NOT_FOUND")

    def test_not_found_is_not_decidedly_not_offered(self) -> None:
        world = ClientDomain(services=("imap", "imaps")).srv("imaps", f"0 1 993 {OTHER}.")
        world.host(OTHER).service("imaps", OTHER)
        assert clients(world, "starttls_address") == [(f"{DOMAIN}:143", "imap", "ABSENT", "SERVICE_NOT_FOUND")]


class TestAddresses:
    """What stands for the addresses of a service that somebody names."""

    def world(self, **plan: Any) -> ClientDomain:
        return ClientDomain(services=("imaps",), **plan).srv("imaps", f"0 1 993 {MAIL}.")

    @pytest.mark.parametrize("of_case", [True, False])
    def test_none(self, of_case: bool) -> None:
        expected = [(f"{MAIL}:993", "imaps", "ABSENT", "HOST_WITHOUT_ADDRESS")]
        assert asked(self.world(), "client_address", of_case=of_case) == expected

    @pytest.mark.parametrize(("rdtype", "other"), [("A", V6), ("AAAA", V4)])
    def test_one_family_unseen(self, rdtype: str, other: str) -> None:
        world = self.world().host(MAIL, other)
        world.dns.hide(MAIL, rdtype)
        found = asked(world, "client_address")
        assert [line[2:] for line in found] == [("view", "ClientService"), ("UNSEEN", "ADDRESSES_UNSEEN")]
        assert found[1][:2] == (f"{MAIL}:993", "imaps")

    def test_a_denial_that_nobody_can_believe(self) -> None:
        world = self.world()
        world.dns.put(MAIL, "A", status="bogus")
        assert asked(world, "client_address") == [(f"{MAIL}:993", "imaps", "UNSEEN", "ADDRESSES_UNSEEN")]

    def test_a_family_out_of_scope(self) -> None:
        world = self.world(families=(4,)).host(MAIL, V6)
        assert asked(world, "client_address") == [(f"{MAIL}:993", "imaps", "UNSEEN", "NOT_PROBED")]

    @pytest.mark.parametrize("of_case", [True, False])
    def test_more_places_than_are_looked_at(self, of_case: bool) -> None:
        named = tuple(ServicePlace("imaps", MAIL, 2000 + number) for number in range(MOST_PLACES + 2))
        world = ClientDomain(services=("imaps",), named=named).host()
        found = asked(world, "client_address", of_case=of_case)
        assert [line[2] for line in found].count("view") == MOST_PLACES
        assert found[-1] == (f"{DOMAIN}:993", "imaps", "UNSEEN", "BUDGET_EXHAUSTED")


class TestWebmail:
    """Webmail is where the user says it is; where nobody says so, somebody is asked once."""

    def world(self, *pages: str) -> ClientDomain:
        return ClientDomain(services=("imaps", "https"), webmail=pages)

    @pytest.mark.parametrize("each", ["webmail_address", "webmail_page"])
    def test_each_address_of_each(self, each: str) -> None:
        world = self.world(PAGE, f"https://{MAIL}:8443/").host(WEB, V4, V6).host(MAIL, V4_OTHER)
        assert asked(world, each) == [
            (f"{WEB}/{V4}:443", "https", "view", "Webmail"),
            (f"{WEB}/[{V6}]:443", "https", "view", "Webmail"),
            (f"{MAIL}/{V4_OTHER}:8443", "https", "view", "Webmail"),
        ]

    def test_not_named(self) -> None:
        world = ClientDomain(services=("https",))
        assert asked(world, "webmail_address") == [(DOMAIN, None, "ASKED", "WEBMAIL_NOT_NAMED")]
        assert asked(world, "webmail_page") == [(DOMAIN, None, "ABSENT", "WEBMAIL_NOT_NAMED")]

    @pytest.mark.parametrize("each", ["webmail_address", "webmail_page"])
    def test_none_and_not_asked(self, each: str) -> None:
        assert asked(self.world(), each) == [(DOMAIN, None, "ABSENT", "NO_WEBMAIL")]
        unasked = ClientDomain(services=("imaps",), webmail=(PAGE,))
        assert asked(unasked, each) == [(DOMAIN, None, "UNSEEN", "NOT_PROBED")]

    @pytest.mark.parametrize("each", ["webmail_address", "webmail_page"])
    def test_addresses_that_are_not_there_or_not_seen(self, each: str) -> None:
        """A page that the user named and that has no address is not one that is fine."""
        assert asked(self.world(PAGE), each) == [(f"{WEB}:443", "https", "UNSEEN", "ADDRESSES_UNSEEN")]
        half = self.world(PAGE).host(WEB, V4)
        half.dns.hide(WEB, "AAAA")
        assert [line[3] for line in asked(half, each)] == ["Webmail", "ADDRESSES_UNSEEN"]


def test_views_are_what_checks_expect() -> None:
    views = both().views
    kinds = {"client_address": ClientService, "client_service": Offer, "clients": Clients}
    for each, kind in kinds.items():
        assert all(isinstance(view, kind) for _, view, _ in subjects(each, views, of_case=True))
    web = ClientDomain(services=("https",), webmail=(PAGE,)).host(WEB).views
    assert all(isinstance(view, Webmail) for _, view, _ in subjects("webmail_page", web, of_case=False))


class TestRouting:
    """Where a finding about a service counts: implicit TLS in 01-M, STARTTLS in 02-R, port 25 in 03-M."""

    CASE = "TR-03108-E-05"
    ALL = ("TR-03108-01-M", "TR-03108-02-R", "TR-03108-03-M")

    def findings(
        self, profile: Profile, catalogue: Catalogue, world: ClientDomain, say: dict[str, Result]
    ) -> list[Finding]:
        """What the case says: `say` by kind of service, of all others that it is met."""
        answer = lambda view, rules: say.get(view.kind.name, met())  # noqa: E731
        check = Check("of.address", self.CASE, "service_address", answer, "stub.py")
        made = calls(world.dossier, profile, catalogue, (check,), world.dossier.started, "must", (), world.views)
        found = [call.run() for call in made if call.check_id == check.id]
        return [finding for finding in found if finding.code != "NOT_PROBED"]

    def test_one_service_counts_in_one_requirement(self, full: Profile, catalogue: Catalogue) -> None:
        assert set(self.ALL) <= set(catalogue.cases[self.CASE].requirements)
        found = self.findings(full, catalogue, both(), {})
        where = {f.subject.service: f.requirement for f in found if f.subject.service}
        assert where == {"imap": "TR-03108-02-R", "imaps": "TR-03108-01-M"}

    @pytest.mark.parametrize(("bad", "failing"), [("imaps", "TR-03108-01-M"), ("imap", "TR-03108-02-R")])
    def test_what_fails_fails_there_alone(self, full: Profile, catalogue: Catalogue, bad: str, failing: str) -> None:
        found = self.findings(full, catalogue, both(), {bad: unmet("TLS_BAD")})
        # What stands for the mail hosts is about the whole domain and would count everywhere.
        own = [finding for finding in found if finding.subject.service]
        rows = {row.id: row.verdict for row in requirement_results(own, full, catalogue)}
        assert rows[failing] is Verdict.FAIL
        other = "TR-03108-02-R" if bad == "imaps" else "TR-03108-01-M"
        assert rows[other] is Verdict.PASS
        assert rows["TR-03108-03-M"] is Verdict.INCONCLUSIVE, "nobody looked at port 25"
        case = next(row for row in case_results(own, full) if row.id == self.CASE)
        assert (case.verdict, case.findings) == (Verdict.FAIL, len(own))

    def test_a_service_that_is_not_there_counts_in_its_own(self, full: Profile, catalogue: Catalogue) -> None:
        """It stands under the domain's name, but is no finding about the whole domain."""
        world = ClientDomain(services=KINDS).hide_srv("imaps")
        found = self.findings(full, catalogue, world, {})
        (unknown,) = (finding for finding in found if finding.code == "SERVICES_UNSEEN")
        assert (unknown.subject.text, unknown.outcome) == (f"{DOMAIN}:993", Outcome.UNSEEN)
        rows = {row.id: row.verdict for row in requirement_results([unknown], full, catalogue)}
        assert rows["TR-03108-01-M"] is Verdict.INCONCLUSIVE
        absent = [finding for finding in found if finding.code == "SERVICE_NOT_FOUND"]
        rows = {row.id: row.verdict for row in requirement_results([*absent, unknown], full, catalogue)}
        assert rows["TR-03108-02-R"] is Verdict.NOT_APPLICABLE, "what is unknown of 993 says nothing about STARTTLS"

    def test_the_whole_domain_counts_everywhere(self, full: Profile, catalogue: Catalogue) -> None:
        found = self.findings(full, catalogue, ClientDomain(services=("smtp",)), {})
        (alone,) = found
        assert (alone.subject.text, alone.code) == (DOMAIN, "NULL_MX")
        rows = {row.id: row.verdict for row in requirement_results([alone], full, catalogue)}
        assert {rows[name] for name in self.ALL} == {Verdict.INCONCLUSIVE}


class TestLeftOut:
    """Services that a requirement holds and the probe's plan leaves out: never silently absent, never a pass."""

    CASE = "TR-03108-E-12"

    def made(self, profile: Profile, catalogue: Catalogue, world: ClientDomain, each: str) -> list[Finding]:
        check = Check("of.address", self.CASE, each, lambda view, rules: met(), "stub.py")
        made = calls(world.dossier, profile, catalogue, (check,), world.dossier.started, "must", (), world.views)
        return [call.run() for call in made if call.check_id == check.id]

    def left_out(self, *args: Any) -> list[tuple[str, str | None, str]]:
        found = [finding for finding in self.made(*args) if finding.code == "NOT_PROBED"]
        assert all((f.verdict, f.gated) == ("inconclusive", f.requirement.endswith("-M")) for f in found)
        return [(f.requirement, f.subject.service, f.evidence["services"]) for f in found]

    def test_each_requirement_names_what_was_left_out(self, full: Profile, catalogue: Catalogue) -> None:
        assert self.left_out(full, catalogue, both(), "service_address") == [
            ("TR-03108-01-M", "submissions", "submissions, pop3s, https"),
            ("TR-03108-02-R", "submission", "submission, pop3, sieve"),
        ]

    def test_a_requirement_is_not_met_by_some_of_its_services(self, full: Profile, catalogue: Catalogue) -> None:
        found = self.made(full, catalogue, both(), "client_address")
        assert {f.code for f in found if f.subject.service == "imaps"} == {"OK"}
        rows = {row.id: row.verdict for row in requirement_results(found, full, catalogue)}
        assert rows["TR-03108-01-M"] is Verdict.INCONCLUSIVE

    def test_nothing_of_mail_clients_was_asked(self, full: Profile, catalogue: Catalogue) -> None:
        world = ClientDomain(services=("smtp",))
        assert [line[0] for line in self.left_out(full, catalogue, world, "starttls_address")] == ["TR-03108-02-R"]
        assert len(self.left_out(full, catalogue, world, "service_address")) == 2

    def test_what_nobody_wants_was_not_left_out(self, full: Profile, catalogue: Catalogue) -> None:
        assert self.left_out(full, catalogue, ClientDomain(services=(*KINDS, "https")), "service_address") == []
        port25 = replace(full, requirements=tuple(r for r in full.requirements if r.id == "TR-03108-03-M"))
        assert self.left_out(port25, catalogue, both(), "service_address") == []

    def test_a_requirement_without_services_wants_those_of_the_profiles_plan(
        self, full: Profile, catalogue: Catalogue
    ) -> None:
        for services, left_out in ((("smtp",), []), (("smtp", "imap", "pop3"), [("A", "pop3", "pop3")])):
            own = (requirement("A", Level.MUST, [self.CASE]),)
            profile = replace(profile_of(full, *own), plan=replace(full.plan, services=services))
            found = [f for f in self.made(profile, catalogue, both(), "service_address") if f.code == "NOT_PROBED"]
            assert [(f.requirement, f.subject.service, f.evidence["services"]) for f in found] == left_out
