"""One table of all options: the command line takes each as `--name`, pytest as `--tr-name`.

Nothing is converted or checked here, so that both front doors give the same one line for the same mistake: that is
`tr03108.front.settings`. This module is loaded by every pytest run on a machine that has tr03108 installed: it stays
light.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

AUDIT, PROBE, JUDGE, DEMO, LAB = "audit", "probe", "judge", "demo", "lab"
LISTS = ("profiles", "checks", "explain")
PYTEST = "pytest"

NORMS = "what is asked for"
LOOKING = "where and how to look"
LIMITS = "politeness and limits"
RESULTS = "results"
TALK = "talk"


@dataclass(frozen=True, slots=True)
class Option:
    """One option: `metavar` is None for a switch, `many`: repeatable; `fronts`: where it makes sense."""

    name: str
    group: str
    metavar: str | None
    help: str
    fronts: tuple[str, ...]
    many: bool = False

    @property
    def key(self) -> str:
        """The name under which the given value is found: `max_connections`."""
        return self.name.replace("-", "_")

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments of argparse's and pytest's addoption; what was not given is None."""
        if self.metavar is None:
            return {"action": "store_const", "const": True, "default": None, "help": self.help}
        action = "append" if self.many else "store"
        return {"action": action, "metavar": self.metavar, "default": None, "help": self.help}


OPTIONS: tuple[Option, ...] = (
    Option(
        "profile",
        NORMS,
        "NAME_OR_FILE",
        "the norms to judge by: a shipped profile (see `tr03108 profiles`) or a TOML file of your own; "
        "default: tr-03108-2.0",
        (AUDIT, PROBE, JUDGE, PYTEST),
    ),
    Option(
        "mode",
        NORMS,
        "full|verdict",
        "how much TLS is asked: `full` brings complete lists and their order, `verdict` only what decides; "
        "default: the profile's, else full",
        (AUDIT, PROBE, PYTEST),
    ),
    Option(
        "as-of",
        NORMS,
        "DATE",
        "judge policy years and certificate lifetimes as on this date (2027-01-31, or an RFC 3339 time); DNSSEC "
        "signatures are always judged at the time they were seen; default: when the dossier was started",
        (AUDIT, JUDGE, PYTEST),
    ),
    Option(
        "gate",
        NORMS,
        "must|should|none",
        "what makes the exit status 1 or 3: MUST findings of MUST requirements, SHOULD ones too, or nothing; "
        "default: the profile's, else must",
        (AUDIT, JUDGE, PYTEST),
    ),
    Option(
        "waivers",
        NORMS,
        "FILE",
        "TOML file of accepted deviations (check or case, subject, reason, until): waived findings do not gate",
        (AUDIT, JUDGE, PYTEST),
    ),
    Option(
        "resolver",
        LOOKING,
        "ADDRESS[:PORT]",
        "ask this recursive resolver; it must pass on DNSSEC signatures, which are validated here; repeatable; "
        "default: the system's",
        (AUDIT, PROBE, PYTEST),
        many=True,
    ),
    Option(
        "trust-anchor",
        LOOKING,
        "FILE",
        "DS or DNSKEY records of the root in zone-file form; default: IANA's KSK-2017 and KSK-2024 (for judge: "
        "the dossier's)",
        (AUDIT, PROBE, JUDGE, PYTEST),
    ),
    Option(
        "ca-file",
        LOOKING,
        "FILE",
        "PKIX roots (PEM); default: the system's store, else certifi's (for judge: the dossier's)",
        (AUDIT, PROBE, JUDGE, PYTEST),
    ),
    Option(
        "connect",
        LOOKING,
        "FROM=TO",
        "connect elsewhere: FROM is HOST:PORT, ADDRESS:PORT or :PORT, TO is ADDRESS:PORT or :PORT, IPv6 in "
        "brackets; names and SNI stay; repeatable; @FILE reads one per line",
        (AUDIT, PROBE, PYTEST),
        many=True,
    ),
    Option(
        "service",
        LOOKING,
        "KIND=HOST[:PORT]",
        "where a service of mail clients is: submission, submissions, imap, imaps, pop3, pop3s or sieve, as in "
        "imaps=mail.example.org:993, or webmail=URL; besides what DNS and the client configuration name; one domain "
        "only; repeatable",
        (AUDIT, PROBE, PYTEST),
        many=True,
    ),
    Option(
        "services",
        LOOKING,
        "FILE",
        "TOML file of such services and of webmail addresses",
        (AUDIT, PROBE, PYTEST),
    ),
    Option(
        "probe-report-mailbox",
        LOOKING,
        None,
        "also ask the mail servers of the mailboxes for TLS reports whether they take mail for them (RCPT TO, never "
        "any mail); without it a person has to find out",
        (AUDIT, PROBE, PYTEST),
    ),
    Option(
        "allow-private",
        LOOKING,
        None,
        "also connect to addresses that are not globally reachable when DNS names them",
        (AUDIT, PROBE, PYTEST),
    ),
    Option(
        "ipv4-only",
        LOOKING,
        None,
        "leave IPv6 out of scope: the verdict is then at best no-deviation",
        (AUDIT, PROBE, PYTEST),
    ),
    Option(
        "ipv6-only",
        LOOKING,
        None,
        "leave IPv4 out of scope: the verdict is then at best no-deviation",
        (AUDIT, PROBE, PYTEST),
    ),
    Option(
        "timeout",
        LIMITS,
        "S",
        "seconds for one network step; a mail server's greeting may take four times as long; default: 15",
        (AUDIT, PROBE, PYTEST),
    ),
    Option(
        "deadline",
        LIMITS,
        "S",
        "seconds for one domain's whole probe; default: the profile's, else 900",
        (AUDIT, PROBE, PYTEST),
    ),
    Option(
        "max-connections",
        LIMITS,
        "N",
        "connections at the same time to one address, over all its ports; default: 4",
        (AUDIT, PROBE, PYTEST),
    ),
    Option(
        "budget",
        LIMITS,
        "N",
        "connections in all to one address and port in this run; default: 400",
        (AUDIT, PROBE, PYTEST),
    ),
    Option(
        "second-look",
        LIMITS,
        "S",
        "seconds before something that speaks against the target is looked at a second time; default: 30",
        (AUDIT, PROBE, PYTEST),
    ),
    Option(
        "output",
        RESULTS,
        "DIR",
        "folder for audit.html, audit.json, junit.xml and <domain>/dossier.json; default: ./tr03108-report/, "
        "unless a single file is asked for",
        (AUDIT, PROBE, JUDGE, DEMO, PYTEST),
    ),
    Option("html", RESULTS, "FILE", "write the report there; - is stdout", (AUDIT, JUDGE, PYTEST)),
    Option("json", RESULTS, "FILE", "write the audit as JSON there; - is stdout", (AUDIT, JUDGE, PYTEST)),
    Option("junit", RESULTS, "FILE", "write JUnit XML there; - is stdout", (AUDIT, JUDGE, PYTEST)),
    Option("sarif", RESULTS, "FILE", "write SARIF there; - is stdout", (AUDIT, JUDGE, PYTEST)),
    Option(
        "dossier", RESULTS, "FILE", "write the evidence of the one domain there; - is stdout", (AUDIT, PROBE)
    ),  # under pytest the name stands for the input
    Option(
        "lang",
        TALK,
        "en|de",
        "language of reports and of results on the terminal; default: en",
        (AUDIT, JUDGE, DEMO, *LISTS, PYTEST),
    ),
    Option("quiet", TALK, None, "say nothing but errors", (AUDIT, PROBE, JUDGE, DEMO, PYTEST)),
    Option("verbose", TALK, None, "say more: every finding, every step", (AUDIT, PROBE, JUDGE, DEMO, PYTEST)),
    Option("no-color", TALK, None, "no colours (as with NO_COLOR set)", (AUDIT, PROBE, JUDGE, DEMO, PYTEST)),
)

TARGET = Option("target", RESULTS, "DOMAIN", "audit this domain; repeatable", (PYTEST,), many=True)
SAVED = Option("dossier", RESULTS, "FILE", "judge this dossier, without any network; repeatable", (PYTEST,), many=True)
PYTEST_OPTIONS: tuple[Option, ...] = (TARGET, SAVED, *(option for option in OPTIONS if PYTEST in option.fronts))


def options_of(front: str) -> Iterator[Option]:
    """The options that make sense for a command, in the table's order."""
    return (option for option in OPTIONS if front in option.fronts)


def pytest_key(option: Option) -> str:
    """The attribute of pytest's `config.option` that holds an option: `tr_max_connections`."""
    return f"tr_{option.key}"


def add_to_pytest(addoption: Callable[..., None]) -> None:
    """Declares every option as `--tr-name` with the addoption of a pytest option group."""
    for option in PYTEST_OPTIONS:
        arguments = option.arguments() | {"dest": pytest_key(option)}
        arguments["help"] = arguments["help"].replace("%", "%%")
        addoption(f"--tr-{option.name}", **arguments)


def given_to_pytest(namespace: object) -> dict[str, Any]:
    """What was given of our options, by key without prefix; empty means: nobody asked for us."""
    found = {option.key: getattr(namespace, pytest_key(option), None) for option in PYTEST_OPTIONS}
    return {key: value for key, value in found.items() if value is not None}
