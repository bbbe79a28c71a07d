"""What the checks of unused domains answer where one trouble stands beside another."""

from __future__ import annotations

import pytest

from tr03108.catalogue import load_catalogue
from tr03108.evaluate.mail_authentication import sending_domain
from tr03108.judge import load_checks
from tr03108.judge.rules import Rules
from tr03108.model import ProbePlan
from tr03108.profile import load_profile
from unit.evaluate.conftest import NOW
from unit.evaluate.web_pages import Dns

DOMAIN = "unused.example"
CHECKS = {check.id.removeprefix("unused-domain."): check for check in load_checks() if check.each == "sending_domain"}
PROFILE = load_profile("unused-domain", load_catalogue())
RULES = Rules(PROFILE.parameters, PROFILE.tls, NOW, NOW, ())


def answer(name: str, dns: Dns, plan: ProbePlan | None = None) -> str:
    result = CHECKS[name](sending_domain(DOMAIN, plan or ProbePlan(policies=("spf", "dmarc")), dns), RULES)
    return f"{result.outcome.value} {result.code}"


@pytest.mark.parametrize("name", ["spf-nobody", "spf-fail", "dmarc-reject", "dmarc-reports"])
def test_what_the_plan_did_not_ask_is_open(name: str) -> None:
    assert answer(name, Dns(), ProbePlan()) == "UNSEEN NOT_PROBED"


@pytest.mark.parametrize(
    ("records", "status", "code"),
    [
        (("0 .",), "secure", "MET OK"),
        (("0 .",), "insecure", "MET OK"),
        (("0 .",), "bogus", "UNMET NULL_MX_BOGUS"),
        ((), "bogus", "UNMET NULL_MX_BOGUS"),
        ((), "insecure", "UNMET NULL_MX_MISSING"),
        (("0 .", "10 ."), "secure", "UNMET NULL_MX_NOT_ALONE"),
        (("1 .",), "secure", "UNMET NULL_MX_PREFERENCE"),
        (("0 a.example.", "0 b.example."), "secure", "UNMET NULL_MX_OTHER"),
    ],
)
def test_null_mx(records: tuple[str, ...], status: str, code: str) -> None:
    assert answer("null-mx", Dns().put(DOMAIN, "MX", *records, status=status)) == code
    assert answer("null-mx", Dns().hide(DOMAIN, "MX")) == "UNSEEN MX_UNSEEN"


@pytest.mark.parametrize(
    ("record", "nobody", "fail"),
    [
        ("v=spf1 include:dark.example -all", "UNSEEN SPF_UNSEEN", "UNSEEN SPF_UNSEEN"),
        ("v=spf1 include:dark.example ~all", "UNSEEN SPF_UNSEEN", "UNMET SPF_ALL_WEAK"),
        ("v=spf1 mx include:dark.example -all", "UNMET SPF_AUTHORISES", "UNSEEN SPF_UNSEEN"),
        ("v=spf1 redirect=dark.example", "UNSEEN SPF_UNSEEN", "UNSEEN SPF_UNSEEN"),
        ("v=spf1 include:bogus.example -all", "UNMET SPF_BOGUS", "UNMET SPF_BOGUS"),
        ("v=spf1 mx include:none.example ~all", "UNMET SPF_AUTHORISES", "UNMET SPF_INVALID"),
        ("v=spf1 redirect=%{d}.example", "UNMET SPF_AUTHORISES", "UNMET SPF_ALL_MISSING"),
        ("v=spf1 +all", "UNMET SPF_AUTHORISES", "UNMET SPF_ALL_WEAK"),
        ("v=spf1 ~mx -all", "MET OK", "UNMET SPF_EXCEPTIONS"),
    ],
)
def test_spf(record: str, nobody: str, fail: str) -> None:
    dns = Dns().put(DOMAIN, "TXT", f'"{record}"').hide("dark.example", "TXT")
    dns.put("bogus.example", "TXT", '"v=spf1 -all"', status="bogus")
    assert (answer("spf-nobody", dns), answer("spf-fail", dns)) == (nobody, fail)


GOOD, BAD, DARK = "mailto:a@good.unused.example", "mailto:a@foreign.test", "mailto:a@dark.test"


@pytest.mark.parametrize(
    ("uris", "code"),
    [
        ([GOOD], "MET OK"),
        ([GOOD, DARK], "MET OK"),
        ([BAD], "UNMET DMARC_RUA_UNAUTHORISED"),
        ([BAD, GOOD], "MARGINAL DMARC_RUA_UNAUTHORISED"),
        ([BAD, DARK], "UNSEEN DMARC_RUA_UNSEEN"),
        ([DARK], "UNSEEN DMARC_RUA_UNSEEN"),
        (["https://a.test/", "mailto:a@unused.example"], "UNMET DMARC_RUA_UNDELIVERABLE"),
        (["https://a.test/"], "UNMET DMARC_RUA_UNUSABLE"),
        (["https://a.test/", GOOD], "MARGINAL DMARC_RUA_UNUSABLE"),
    ],
)
def test_reports(uris: list[str], code: str) -> None:
    dns = Dns().put("good.unused.example", "MX", "10 mx.test.").put("foreign.test", "MX", "10 mx.test.")
    dns.hide("dark.test", "MX").put(DOMAIN, "MX", "0 .")
    dns.put(f"{DOMAIN}._report._dmarc.dark.test", "TXT", '"v=DMARC1"')  # it consents; whether it takes mail is open
    record = f"v=DMARC1; p=none; rua={','.join(uris)}"
    dns.put(f"_dmarc.{DOMAIN}", "TXT", f'"{record}"')
    assert answer("dmarc-reports", dns) == code
    assert answer("dmarc-reject", dns) == "UNMET DMARC_NOT_REJECT"
