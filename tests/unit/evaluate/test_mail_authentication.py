"""What SPF, DMARC and MX records of a domain add up to (RFC 7208, RFC 7489, RFC 7505)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tr03108.evaluate.dmarc_policy import DmarcPolicy, dmarc_of
from tr03108.evaluate.lookup import NotAsked
from tr03108.evaluate.mail_authentication import sending_domain
from tr03108.evaluate.spf_policy import SpfPolicy, spf_of
from tr03108.model import ProbePlan
from unit.evaluate.web_pages import Dns, lookup

DOMAIN = "unused.example"
ELSEWHERE = "reports.test"
CONSENT = f"{DOMAIN}._report._dmarc.{ELSEWHERE}"


def spf(*records: str, status: str = "secure", **others: str) -> SpfPolicy:
    """The policy of these records; `others` are records at the names `<key>.example`."""
    dns = Dns().put(DOMAIN, "TXT", *(f'"{record}"' for record in records), status=status)
    for name, record in others.items():
        dns.put(f"{name}.example", "TXT", f'"{record}"')
    return spf_of(DOMAIN, dns)


@pytest.mark.parametrize(
    ("record", "authorising", "excepted", "others"),
    [
        ("v=spf1 -all", [], [], "-"),
        ("v=spf1 ~all", [], [], "~"),
        ("v=spf1 ?all", [], [], "?"),
        ("v=spf1 all", ["all"], [], "+"),
        ("v=spf1", [], [], ""),
        ("v=spf1 a mx ip4:192.0.2.1 -all", ["a", "mx", "ip4:192.0.2.1"], [], "-"),
        ("v=spf1 ip6:::1 ptr exists:x.example -all", ["ip6:::1", "ptr", "exists:x.example"], [], "-"),
        ("v=spf1 -a -mx -ip4:192.0.2.1 -all", [], [], "-"),
        ("v=spf1 ~a ?ip4:192.0.2.1 -all", [], ["~a", "?ip4:192.0.2.1"], "-"),
        ("v=spf1 -all a redirect=open.example", [], [], "-"),  # sections 5.1 and 6.1
        ("v=spf1 include:nobody.example -all", [], [], "-"),
        ("v=spf1 include:some.example -all", ["include:some.example (mx)"], [], "-"),
        ("v=spf1 -include:some.example -all", [], [], "-"),
        ("v=spf1 ?include:some.example -all", [], ["?include:some.example (mx)"], "-"),
        ("v=spf1 include:some.example.", ["include:some.example. (mx)"], [], ""),
        ("v=spf1 include:%{d}.example -all", ["include:%{d}.example"], [], "-"),
        ("v=spf1 redirect=nobody.example", [], [], "-"),
        ("v=spf1 redirect=SOME.example", ["redirect=SOME.example (mx)"], [], "~"),
        ("v=spf1 redirect=%{d}.example", ["redirect=%{d}.example"], [], ""),
    ],
)
def test_whom_a_record_lets_send(record: str, authorising: list[str], excepted: list[str], others: str) -> None:
    found = spf(record, nobody="v=spf1 -all", some="v=spf1 mx ~all", open="v=spf1 +all")
    assert found.state == "read"
    assert [list(found.authorising), list(found.excepted), found.others] == [authorising, excepted, others]


@pytest.mark.parametrize(
    ("records", "state"),
    [
        ([], "missing"),
        (["something", "v=spf10 -all"], "missing"),
        (["v=spf1 -all", "something"], "read"),
        (["v=spf1 -all", "v=spf1 -all"], "several"),
        (["v=spf1 bad -all"], "invalid"),
        (["v=spf1 include:none.example -all"], "invalid"),
        (["v=spf1 -include:none.example -all"], "invalid"),
        (["v=spf1 redirect=none.example"], "invalid"),
        (["v=spf1 include:bad.example -all"], "invalid"),
        (["v=spf1 include:loop.example -all"], "invalid"),
        (["v=spf1 redirect=loop.example"], "invalid"),
        ([f"v=spf1 include:{'a' * 64}.example -all"], "invalid"),
        (["v=spf1 include:a..example -all"], "invalid"),
        (["v=spf1 include:a/b.example -all"], "unseen"),
        (["v=spf1 " + "-a " * 10 + "-all"], "read"),
        (["v=spf1 " + "-a " * 11 + "-all"], "invalid"),
        (["v=spf1 " + "-a " * 10 + "redirect=good.example"], "invalid"),
        (["v=spf1 " + "-ip4:192.0.2.1 " * 15 + "-all"], "read"),
    ],
)
def test_state(records: list[str], state: str) -> None:
    loops = "v=spf1 include:loop.example redirect=loop.example"
    assert spf(*records, bad="v=spf1 bad", good="v=spf1 -all", loop=loops).state == state


def test_insecure_counts_and_bogus_does_not() -> None:
    assert spf("v=spf1 -all", status="insecure").state == "read"
    assert spf("v=spf1 -all", status="bogus").state == "bogus"
    assert spf_of(DOMAIN, Dns().put(DOMAIN, "TXT", status="bogus")).state == "bogus"
    assert spf_of(DOMAIN, Dns().hide(DOMAIN, "TXT")).state == "unseen"


def test_what_could_not_be_seen_behind_a_record() -> None:
    dns = Dns().put(DOMAIN, "TXT", '"v=spf1 mx include:x.example -all"').hide("x.example", "TXT")
    found = spf_of(DOMAIN, dns)
    assert (found.state, found.authorising, found.others) == ("unseen", ("mx",), "-")
    dns.put(DOMAIN, "TXT", '"v=spf1 redirect=x.example"')
    assert (spf_of(DOMAIN, dns).state, spf_of(DOMAIN, dns).others) == ("unseen", None)
    dns.put(DOMAIN, "TXT", '"v=spf1 include:x.example include:none.example -all"')
    assert spf_of(DOMAIN, dns).state == "invalid"  # a permanent error whatever x.example says


def test_the_prober_learns_what_to_ask_next() -> None:
    def find(name: str, rdtype: str) -> object:
        raise NotAsked(name, rdtype)

    with pytest.raises(NotAsked) as caught:
        spf_of(DOMAIN, find)  # type: ignore[arg-type]
    assert (caught.value.name, caught.value.rdtype) == (DOMAIN, "TXT")


def dmarc(*records: str, dns: Dns | None = None, domain: str = DOMAIN) -> DmarcPolicy:
    dns = dns or Dns()
    found = dmarc_of(domain, dns.put(f"_dmarc.{domain}", "TXT", *(f'"{record}"' for record in records)))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("records", "state"),
    [
        ([], "missing"),
        (["v=dmarc1; p=reject"], "missing"),
        (["v=DMARC1; p=reject", "something"], "read"),
        (["v=DMARC1; p=reject", "v=DMARC1; p=reject"], "several"),
        (["v=DMARC1; p=block"], "invalid"),
    ],
)
def test_policy_records(records: list[str], state: str) -> None:
    assert dmarc(*records).state == state


def test_a_name_that_cannot_be() -> None:
    assert dmarc_of(".".join(["a" * 61] * 4), Dns()) is None


def reports(uri: str, dns: Dns, domain: str = DOMAIN) -> str:
    (destination,) = dmarc(f"v=DMARC1; p=reject; rua={uri}", dns=dns, domain=domain).destinations
    return destination.state


def test_a_foreign_domain_has_to_consent() -> None:
    uri, mx = f"mailto:a@{ELSEWHERE}", f"10 mail.{ELSEWHERE}."
    assert reports(uri, Dns().put(ELSEWHERE, "MX", mx)) == "unauthorised"
    assert reports(uri, Dns().put(ELSEWHERE, "MX", mx).put(CONSENT, "TXT", '"v=DMARC1"')) == "usable"
    assert reports(uri, Dns().put(ELSEWHERE, "MX", mx).put(CONSENT, "TXT", '"v=DMARC1;"', '"v=DMARC1"')) == "usable"
    assert reports(uri, Dns().put(ELSEWHERE, "MX", mx).put(CONSENT, "TXT", '"yes"')) == "unauthorised"
    bogus = Dns().put(ELSEWHERE, "MX", mx).put(CONSENT, "TXT", '"v=DMARC1"', status="bogus")
    assert reports(uri, bogus) == "unauthorised"
    assert reports(uri, Dns().put(ELSEWHERE, "MX", mx).hide(CONSENT, "TXT")) == "unseen"


def test_domains_of_one_tree_need_no_consent() -> None:
    def taking(name: str) -> Dns:
        return Dns().put(name, "MX", "10 mail.test.")

    assert reports("mailto:a@reports.unused.example", taking("reports.unused.example")) == "usable"
    assert reports("mailto:a@b.test", taking("b.test"), domain="unused.b.test") == "usable"
    # One organisation or two: nobody can tell a.co.uk and b.co.uk from a.b.test and c.b.test without a list.
    assert reports("mailto:a@b.co.uk", taking("b.co.uk"), domain="a.co.uk") == "unseen"
    assert reports("mailto:a@b.example", taking("b.example")) == "unauthorised"
    assert reports("mailto:a@example", taking("example")) == "unauthorised"


def test_a_domain_that_takes_no_mail_gets_no_reports() -> None:
    consent = Dns().put(CONSENT, "TXT", '"v=DMARC1"')
    uri = f"mailto:a@{ELSEWHERE}"
    assert reports(uri, consent) == "undeliverable"  # neither MX nor address
    assert reports(uri, consent.host(ELSEWHERE, "192.0.2.1")) == "usable"
    assert reports(uri, consent.put(ELSEWHERE, "MX", "0 .")) == "undeliverable"
    assert reports(uri, consent.put(ELSEWHERE, "MX", "10 mail.test.", status="bogus")) == "undeliverable"
    assert reports(uri, consent.hide(ELSEWHERE, "MX")) == "unseen"
    consent.answers[ELSEWHERE, "MX"] = lookup(ELSEWHERE, "MX", kind="nxdomain")
    assert reports(uri, consent) == "undeliverable"
    hidden = Dns().put(CONSENT, "TXT", '"v=DMARC1"').hide(ELSEWHERE, "A")
    assert reports(uri, hidden) == "unseen"
    assert reports("https://reports.test/", consent) == "no-mail"


def test_only_so_many_destinations_are_followed() -> None:
    rua = ",".join(f"mailto:a@r{number}.t" for number in range(12))
    assert len(dmarc(f"v=DMARC1; p=reject; rua={rua}").destinations) == 10


def test_the_view_has_what_the_plan_asked() -> None:
    dns = Dns().put(DOMAIN, "MX", "10 b.example.", "0 .", "10 A.example.")
    nothing = sending_domain(DOMAIN, ProbePlan(), dns)
    assert nothing.spf is None
    assert nothing.dmarc is None
    assert nothing.exchanges == ((0, "."), (10, "a.example"), (10, "b.example"))
    both = sending_domain(DOMAIN, ProbePlan(policies=("spf", "dmarc")), dns)
    assert both.spf is not None
    assert both.dmarc is not None


@pytest.mark.parametrize("head", [b"v=spf1 ", b"v=spf1 include:", b"v=DMARC1; p=reject; rua=mailto:a@"])
@given(data=st.binary(max_size=120))
def test_junk_is_judged(head: bytes, data: bytes) -> None:
    record = '"' + "".join(f"\\{octet:03}" for octet in head + data) + '"'
    dns = Dns().put(DOMAIN, "TXT", record).put(f"_dmarc.{DOMAIN}", "TXT", record)
    found = dmarc_of(DOMAIN, dns)
    assert found is not None
    assert found.state in ("read", "missing", "invalid")
    assert spf_of(DOMAIN, dns).state in ("read", "missing", "invalid", "unseen")
