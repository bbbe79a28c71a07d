"""Whether clients are led to implicit TLS: every answer about SRV records, settings and the places that they name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tr03108.catalogue import Catalogue
from tr03108.judge import client_targets
from tr03108.judge.outcomes import Result
from tr03108.judge.rules import Rules
from tr03108.model import SERVICE_KINDS, Failure, Outcome, Reason
from tr03108.profile import Profile
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
from unit.evaluate.web_pages import TIMEOUT, V4, V4_OTHER, V6

IMAPS, SUBMISSIONS, POP3S = (SERVICE_KINDS[name] for name in ("imaps", "submissions", "pop3s"))
GARBAGE = session("imaps", "garbage")
REFUSED = session("imaps", "refused")
STRANGER = session("imaps", chain=FOREIGN_NAME)
O = Outcome  # noqa: E741
Answer = tuple[Outcome, str]


@pytest.fixture(scope="module")
def rules(full: Profile, catalogue: Catalogue) -> Rules:
    return Rules(full.parameters, full.tls, NOW, NOW, ROOTS)


def short(result: Result | None) -> Answer | None:
    return None if result is None else (result.outcome, result.code)


def imaps(**shows: object) -> ClientDomain:
    """IMAP at mail.one.example: what each of its addresses shows (as v4, v4_other, v6); None: it works."""
    places = {"v4": V4, "v4_other": V4_OTHER, "v6": V6}
    world = ClientDomain().srv("imaps", f"0 1 993 {MAIL}.").host(MAIL, *(places[name] for name in shows))
    for name, shown in shows.items():
        world.service("imaps", address=places[name], shows=shown)
    return world


class TestTarget:
    """A place that somebody names."""

    def found(self, world: ClientDomain, rules: Rules, name: str = MAIL, port: int = 993) -> Result | None:
        return client_targets.target(IMAPS, name, port, world.clients, rules, {"told": "before"})

    @pytest.mark.parametrize(
        ("shown", "answer"),
        [
            (None, None),
            (REFUSED, (O.UNMET, "TARGET_REFUSED")),
            (GARBAGE, (O.UNMET, "TARGET_NOT_IMPLICIT")),
            (session("imaps", "alert"), (O.UNMET, "TARGET_NOT_IMPLICIT")),
            (session("imaps", "closed"), (O.UNMET, "TARGET_NOT_IMPLICIT")),
            (session("imaps", "silent"), (O.UNSEEN, "TARGET_UNSEEN")),
            (STRANGER, (O.UNMET, "TARGET_CERTIFICATE")),
            (session("imaps", chain=()), (O.UNMET, "TARGET_CERTIFICATE")),
            (TIMEOUT, (O.UNSEEN, "TARGET_UNSEEN")),
            (Failure(Reason.BUDGET, "none left"), (O.UNSEEN, "TARGET_UNSEEN")),
        ],
    )
    def test_what_one_address_shows(self, rules: Rules, shown: object, answer: Answer | None) -> None:
        assert short(self.found(imaps(v4=shown), rules)) == answer

    @pytest.mark.parametrize(
        ("shows", "answer", "address"),
        [
            ({"v4": None, "v6": None}, None, ""),
            ({"v4": None, "v6": REFUSED}, (O.UNMET, "TARGET_REFUSED"), V6),
            ({"v4": TIMEOUT, "v6": STRANGER}, (O.UNMET, "TARGET_CERTIFICATE"), V6),
            ({"v4": None, "v4_other": TIMEOUT}, None, ""),
            ({"v4": TIMEOUT, "v4_other": None}, None, ""),
            ({"v4": TIMEOUT, "v4_other": TIMEOUT}, (O.UNSEEN, "TARGET_UNSEEN"), V4_OTHER),
        ],
    )
    def test_of_several_addresses(
        self, rules: Rules, shows: dict[str, object], answer: Answer | None, address: str
    ) -> None:
        """A client may take any address: each that was seen has to work, and one at least."""
        result = self.found(imaps(**shows), rules)
        assert short(result) == answer
        if result is not None:
            assert (result.evidence["address"], result.evidence["host"], result.evidence["port"]) == (
                address,
                MAIL,
                993,
            )
            assert result.evidence["told"] == "before"

    def test_the_certificate_is_judged_on_the_date_asked_for(self, full: Profile, rules: Rules) -> None:
        later = Rules(full.parameters, full.tls, NOW + timedelta(days=11), NOW, ROOTS)
        result = self.found(imaps(v4=None), later)
        assert short(result) == (O.UNMET, "TARGET_CERTIFICATE")
        assert result is not None
        assert result.evidence["because"] == "CERTIFICATE_EXPIRED"

    def test_no_address(self, rules: Rules) -> None:
        bare = ClientDomain().srv("imaps", f"0 1 993 {MAIL}.")
        assert short(self.found(bare, rules)) == (O.UNMET, "TARGET_WITHOUT_ADDRESS")

    @pytest.mark.parametrize("hidden", ["A", "AAAA"])
    def test_addresses_that_nobody_saw(self, rules: Rules, hidden: str) -> None:
        world = ClientDomain().srv("imaps", f"0 1 993 {MAIL}.")
        world.dns.hide(MAIL, hidden)
        result = self.found(world, rules)
        assert short(result) == (O.UNSEEN, "TARGET_UNSEEN")
        assert result is not None
        assert result.evidence["because"] == "ADDRESSES_UNSEEN"

    def test_out_of_scope(self, rules: Rules) -> None:
        world = ClientDomain(families=(4,)).srv("imaps", f"0 1 993 {MAIL}.").host(MAIL, V6)
        assert short(self.found(world, rules)) == (O.UNSEEN, "TARGET_UNSEEN")

    def test_an_address_that_nobody_asked(self, rules: Rules) -> None:
        assert short(self.found(imaps(), rules)) == (O.UNSEEN, "TARGET_UNSEEN")

    @pytest.mark.parametrize(("name", "port"), [(MAIL, 994), (ELSEWHERE, 993)])
    def test_where_nobody_looked(self, rules: Rules, name: str, port: int) -> None:
        assert short(self.found(imaps(v4=None), rules, name, port)) == (O.UNSEEN, "NOT_PROBED")

    def test_of_another_kind(self, rules: Rules) -> None:
        """The same port under another name of service is another place."""
        result = client_targets.target(POP3S, MAIL, 993, imaps(v4=None).clients, rules, {})
        assert short(result) == (O.UNSEEN, "NOT_PROBED")


def to(*hosts: str, status: str = "secure") -> ClientDomain:
    """SRV records of IMAP to these hosts, the first one best; all have an address."""
    world = ClientDomain().srv("imaps", *(f"{n} 1 993 {host}." for n, host in enumerate(hosts)), status=status)
    for number, host in enumerate(hosts):
        world.host(host, V4 if number == 0 else V4_OTHER)
    return world


class TestSrv:
    """SRV records (E-21 to E-23)."""

    def judged(self, world: ClientDomain, rules: Rules, kind: str = "imaps") -> Answer:
        found = client_targets.srv_record(SERVICE_KINDS[kind], world.clients, rules)
        return found.outcome, found.code

    def test_right(self, rules: Rules) -> None:
        found = client_targets.srv_record(IMAPS, imaps(v4=None).clients, rules)
        assert short(found) == (O.MET, "OK")
        assert (found.evidence["host"], found.evidence["port"]) == (MAIL, 993)
        assert found.evidence["targets"] == [f"0 1 993 {MAIL}"]

    def test_not_asked_for(self, rules: Rules) -> None:
        assert self.judged(ClientDomain(services=("imap",)), rules) == (O.UNSEEN, "NOT_PROBED")

    def test_unseen(self, rules: Rules) -> None:
        assert self.judged(ClientDomain().hide_srv("imaps"), rules) == (O.UNSEEN, "SRV_UNSEEN")
        assert self.judged(ClientDomain().srv("imaps", status="bogus"), rules) == (O.UNSEEN, "SRV_UNSEEN")

    @pytest.mark.parametrize("record", [f"0 1 993 {MAIL}.", "0 0 0 ."])
    def test_bogus(self, rules: Rules, record: str) -> None:
        """However well its target works: nobody who validates is led there."""
        world = imaps(v4=None).srv("imaps", record, status="bogus")
        assert self.judged(world, rules) == (O.UNMET, "SRV_BOGUS")

    @pytest.mark.parametrize("kind", ["submissions", "imaps", "pop3s"])
    @pytest.mark.parametrize(
        ("records", "code"), [((), "SRV_MISSING"), (("0 0 0 .",), "SRV_NOT_OFFERED")], ids=["missing", "denied"]
    )
    def test_missing_where_the_service_is(self, rules: Rules, kind: str, records: tuple[str, ...], code: str) -> None:
        """Either way to the protocol makes it one that is offered."""
        sister = kind.removesuffix("s")
        world = ClientDomain().srv(kind, *records).srv(sister, f"0 1 {SERVICE_KINDS[sister].port} {MAIL}.")
        assert self.judged(world.host().service(sister), rules, kind) == (O.UNMET, code)

    @pytest.mark.parametrize("records", [(), ("0 0 0 .",)], ids=["missing", "denied"])
    def test_missing_where_the_service_is_not(self, rules: Rules, records: tuple[str, ...]) -> None:
        code = "SRV_NOT_OFFERED" if records else "SRV_MISSING"
        assert self.judged(ClientDomain().srv("submissions", *records), rules, "submissions") == (O.UNMET, code)
        for kind in ("imaps", "pop3s"):
            assert self.judged(ClientDomain().srv(kind, *records), rules, kind) == (O.ABSENT, "SERVICE_NOT_FOUND")

    @pytest.mark.parametrize("records", [(), ("0 0 0 .",)], ids=["missing", "denied"])
    def test_missing_where_nobody_knows_of_the_service(self, rules: Rules, records: tuple[str, ...]) -> None:
        world = ClientDomain().srv("imaps", *records).hide_srv("imap")
        found = client_targets.srv_record(IMAPS, world.clients, rules)
        assert short(found) == (O.UNSEEN, "SERVICES_UNSEEN")
        assert "_imap._tcp" in found.evidence["detail"]

    def test_a_denial_beside_a_target(self, rules: Rules) -> None:
        world = imaps(v4=None).srv("imaps", "0 0 0 .", f"5 1 993 {MAIL}.")
        assert self.judged(world, rules) == (O.MET, "OK")

    @pytest.mark.parametrize(
        ("first", "second", "answer"),
        [
            (None, None, (O.MET, "OK")),
            (None, REFUSED, (O.UNMET, "TARGET_REFUSED")),
            (REFUSED, STRANGER, (O.UNMET, "TARGET_REFUSED")),
            (STRANGER, REFUSED, (O.UNMET, "TARGET_CERTIFICATE")),
            (TIMEOUT, REFUSED, (O.UNMET, "TARGET_REFUSED")),
            (None, TIMEOUT, (O.UNSEEN, "TARGET_UNSEEN")),
            (TIMEOUT, None, (O.UNSEEN, "TARGET_UNSEEN")),
        ],
    )
    def test_each_target_has_to_work(self, rules: Rules, first: object, second: object, answer: Answer) -> None:
        """What is wrong comes before what was not seen, the better target before the other."""
        other = f"other.{DOMAIN}"
        world = to(MAIL, other).service("imaps", shows=first).service("imaps", other, V4_OTHER, shows=second)
        assert self.judged(world, rules) == answer

    @pytest.mark.parametrize(
        ("status", "host", "answer"),
        [
            ("insecure", MAIL, (O.MARGINAL, "SRV_INSECURE")),
            ("insecure", ELSEWHERE, (O.MARGINAL, "SRV_TARGET_FOREIGN")),
            ("insecure", f"not{DOMAIN}", (O.UNMET, "TARGET_CERTIFICATE")),
            ("secure", ELSEWHERE, (O.MET, "OK")),
        ],
    )
    def test_without_dnssec(self, rules: Rules, status: str, host: str, answer: Answer) -> None:
        assert self.judged(to(host, status=status).service("imaps", host), rules) == answer

    def test_a_name_that_only_ends_like_the_domain_is_foreign(self, rules: Rules) -> None:
        host = f"not{DOMAIN}"
        world = to(host, status="insecure").service("imaps", host)
        found = client_targets._secured(world.clients.srv["imaps"], world.clients, {})
        assert short(found) == (O.MARGINAL, "SRV_TARGET_FOREIGN")

    def test_one_foreign_target_suffices(self, rules: Rules) -> None:
        world = to(MAIL, ELSEWHERE, status="insecure").service("imaps")
        world.service("imaps", ELSEWHERE, V4_OTHER)
        found = client_targets.srv_record(IMAPS, world.clients, rules)
        assert short(found) == (O.MARGINAL, "SRV_TARGET_FOREIGN")
        assert found.evidence["thing"] == ELSEWHERE

    def test_an_insecure_address_of_a_target(self, rules: Rules) -> None:
        other = f"other.{DOMAIN}"
        world = to(MAIL, other).service("imaps").service("imaps", other, V4_OTHER)
        world.dns.put(other, "A", V4_OTHER, status="insecure")
        found = client_targets.srv_record(IMAPS, world.clients, rules)
        assert short(found) == (O.MARGINAL, "SRV_TARGET_INSECURE")
        assert found.evidence["thing"] == other


SERVERS = {
    "submission": ("submissions", "smtp", "SMTP", 465),
    "imap": ("imaps", "imap", "IMAP", 993),
    "pop3": ("pop3s", "pop3", "POP3", 995),
}


def configured(*servers: str, **shows: object) -> ClientDomain:
    """Autoconfig with these servers; each service with implicit TLS is there unless `shows` says otherwise."""
    world = ClientDomain().host().autoconfig(page(autoconfig(*servers)))
    for kind in ("submissions", "imaps", "pop3s", "submission", "imap", "pop3"):
        world.service(kind, shows=shows.get(kind))
    return world


class TestSetting:
    """Settings of Autoconfig and Autodiscover (E-14 to E-16, E-18 to E-20)."""

    def result(self, world: ClientDomain, rules: Rules, family: str = "imap", way: str = "autoconfig") -> Result:
        clients = world.clients
        return client_targets.setting(getattr(clients, way), family, clients, rules)

    def judged(self, world: ClientDomain, rules: Rules, family: str = "imap", way: str = "autoconfig") -> Answer:
        found = self.result(world, rules, family, way)
        return found.outcome, found.code

    @pytest.mark.parametrize("family", SERVERS)
    def test_right(self, rules: Rules, family: str) -> None:
        _, kind, pox, port = SERVERS[family]
        world = configured(f"{kind} SSL {MAIL} {port}").autodiscover(page(autodiscover(f"{pox} on {MAIL} {port}")))
        for way in ("autoconfig", "autodiscover"):
            found = self.result(world, rules, family, way)
            assert short(found) == (O.MET, "OK")
            assert (found.evidence["host"], found.evidence["port"]) == (MAIL, port)

    @pytest.mark.parametrize(
        ("servers", "answer"),
        [
            ((f"imap SSL {MAIL} 993", f"imap STARTTLS {MAIL} 143"), (O.MET, "OK")),
            ((f"imap STARTTLS {MAIL} 143", f"imap SSL {MAIL} 993"), (O.UNMET, "SETTING_STARTTLS")),
            ((f"imap SSL {MAIL} 993", f"imap plain {MAIL} 143"), (O.UNMET, "SETTING_PLAINTEXT")),
            ((f"imap STARTTLS {MAIL} 143", f"imap plain {MAIL} 143"), (O.UNMET, "SETTING_PLAINTEXT")),
            ((f"imap what {MAIL} 993",), (O.UNMET, "SETTING_INVALID")),
            (("imap SSL - 993",), (O.UNMET, "SETTING_INVALID")),
            ((f"imap SSL {MAIL} 0",), (O.UNMET, "SETTING_INVALID")),
            ((f"imap SSL {MAIL} 70000",), (O.UNMET, "SETTING_INVALID")),
            ((f"imap SSL nowhere.{DOMAIN} 993",), (O.UNMET, "TARGET_WITHOUT_ADDRESS")),
        ],
    )
    def test_the_first_setting_counts(self, rules: Rules, servers: tuple[str, ...], answer: Answer) -> None:
        """But none may be in the clear, wherever it stands."""
        assert self.judged(configured(*servers), rules) == answer

    @pytest.mark.parametrize(
        ("shown", "answer"),
        [
            (REFUSED, (O.UNMET, "TARGET_REFUSED")),
            (GARBAGE, (O.UNMET, "TARGET_NOT_IMPLICIT")),
            (STRANGER, (O.UNMET, "TARGET_CERTIFICATE")),
            (TIMEOUT, (O.UNSEEN, "TARGET_UNSEEN")),
        ],
    )
    def test_the_port_has_to_answer(self, rules: Rules, shown: object, answer: Answer) -> None:
        assert self.judged(configured(f"imap SSL {MAIL} 993", imaps=shown), rules) == answer

    def test_another_port(self, rules: Rules) -> None:
        """It works, but is none that clients expect; where it does not work, that is worse."""
        world = configured(f"imap SSL {MAIL} 10993").service("imaps", port=10993)
        found = self.result(world, rules)
        assert short(found) == (O.MARGINAL, "SETTING_PORT")
        assert (found.evidence["port"], found.evidence["expected"]) == (10993, 993)
        broken = configured(f"imap SSL {MAIL} 10993").service("imaps", port=10993, shows=REFUSED)
        assert self.judged(broken, rules) == (O.UNMET, "TARGET_REFUSED")

    def test_missing_where_the_service_is(self, rules: Rules) -> None:
        world = configured(f"smtp SSL {MAIL} 465").srv("imap", f"0 1 143 {MAIL}.")
        assert self.judged(world, rules) == (O.UNMET, "SETTING_MISSING")

    def test_missing_where_the_service_is_not(self, rules: Rules) -> None:
        world = ClientDomain().autoconfig(page(autoconfig(f"imap SSL {MAIL} 993")))
        assert self.judged(world, rules, "pop3") == (O.ABSENT, "SERVICE_NOT_FOUND")
        assert self.judged(world, rules, "submission") == (O.UNMET, "SETTING_MISSING")

    def test_missing_where_nobody_knows_of_the_service(self, rules: Rules) -> None:
        world = ClientDomain().autoconfig(page(autoconfig(f"imap SSL {MAIL} 993"))).hide_srv("pop3s")
        found = self.result(world, rules, "pop3")
        assert short(found) == (O.UNSEEN, "SERVICES_UNSEEN")
        assert "_pop3s._tcp" in found.evidence["detail"]

    @pytest.mark.parametrize("family", SERVERS)
    def test_settings_for_others_alone(self, rules: Rules, family: str) -> None:
        world = ClientDomain().autodiscover(page(autodiscover(f"EXCH on {MAIL} 443")))
        assert self.judged(world, rules, family, "autodiscover") == (O.UNSEEN, "SETTINGS_FOREIGN")

    @pytest.mark.parametrize(
        "answer", [page(status=404), page(status=503), page(b"<x"), page(autoconfig("imap SSL a 1"), 200, FOREIGN_NAME)]
    )
    def test_no_document(self, rules: Rules, answer: object) -> None:
        """That it is missing or broken fails once, in E-13 or E-17, and not here again."""
        assert self.judged(ClientDomain(), rules) == (O.ABSENT, "NOT_OFFERED")
        assert self.judged(ClientDomain().autoconfig(answer), rules) == (O.ABSENT, "NOT_OFFERED")

    def test_unseen(self, rules: Rules) -> None:
        found = self.result(ClientDomain().autoconfig(TIMEOUT), rules)
        assert short(found) == (O.UNSEEN, "CONFIGURATION_UNSEEN")
        assert "TIMEOUT" in found.evidence["detail"]
        world = ClientDomain()
        world.host(f"autoconfig.{DOMAIN}")  # nobody asked
        assert self.judged(world, rules) == (O.UNSEEN, "CONFIGURATION_UNSEEN")

    def test_srv_of_autodiscover_unseen(self, rules: Rules) -> None:
        world = ClientDomain()
        world.dns.hide(f"_autodiscover._tcp.{DOMAIN}", "SRV")
        found = self.result(world, rules, way="autodiscover")
        assert short(found) == (O.UNSEEN, "CONFIGURATION_UNSEEN")
        assert found.evidence["detail"]

    def test_credentials_are_asked_for_once(self, rules: Rules) -> None:
        """Where Autoconfig shows the settings nobody has to log in; where it does not, somebody has to."""
        locked = ClientDomain().autodiscover(page(status=401))
        assert self.judged(locked, rules, way="autodiscover") == (O.ASKED, "CREDENTIALS_NEEDED")
        shown = locked.autoconfig(page(autoconfig(f"imap SSL {MAIL} 993")))
        assert self.judged(shown, rules, way="autodiscover") == (O.ABSENT, "CREDENTIALS_NEEDED")
        stranger = locked.autoconfig(page(autoconfig(f"imap SSL {MAIL} 993"), chain=FOREIGN_NAME))
        assert self.judged(stranger, rules, way="autodiscover") == (O.ASKED, "CREDENTIALS_NEEDED")
