"""The command line's grammar and its help, made from the table in `tr03108.front.options`."""

from __future__ import annotations

import argparse
import textwrap
from typing import NoReturn

from tr03108 import __version__
from tr03108.front.options import AUDIT, DEMO, JUDGE, LAB, PROBE, options_of
from tr03108.model import UsageError

_STATUS = """
exit status:
  0    nothing gated failed or stayed open
  1    something gated failed
  2    wrong usage: one line on stderr, nothing probed or written
  3    nothing failed, but something gated could not be decided
  70   a bug of tr03108
  130  stopped by SIGINT, 143 by SIGTERM: what was seen is written, marked partial
"""

_EXAMPLES = """
examples:
  tr03108 audit example.org                      full audit, reports in ./tr03108-report/
  tr03108 audit example.org --profile inbound-dane --gate should
  tr03108 audit example.org --json - --quiet     audit.json on standard output, nothing else
  tr03108 judge tr03108-report/example.org/dossier.json --as-of 2027-01-01
  tr03108 explain TLSA_MISMATCH                  what it means and how to mend it
  tr03108 demo                                   try it without a network
"""

_COMMANDS = {
    AUDIT: (
        "probe domains from outside, judge them, write reports",
        "Probes each domain from outside, as a sending mail server would see it, judges what was seen under a "
        "profile and writes reports. No mail is ever sent.",
        "examples:\n"
        "  tr03108 audit example.org\n"
        "  tr03108 audit example.org example.net --output reports --lang de\n"
        "  tr03108 audit example.org --resolver 9.9.9.10 --profile inbound-dane\n"
        "  tr03108 audit staging.example --connect mx1.staging.example:25=127.0.0.1:2525\n" + _STATUS,
    ),
    PROBE: (
        "only look: write the dossier, the complete evidence",
        "Asks everything that the profile needs answered and writes the dossier of each domain: all bytes needed to "
        "judge later, elsewhere, or under another profile.",
        "examples:\n"
        "  tr03108 probe example.org --dossier example.org.json\n"
        "  tr03108 probe example.org example.net --output evidence\n"
        "\nexit status: 0 when every dossier is written, else as for audit\n",
    ),
    JUDGE: (
        "judge saved dossiers, without any network",
        "Judges dossiers that probe or audit wrote: under another profile, as on another date, in another language. "
        "The same dossier, profile and date always give the same verdicts.",
        "examples:\n"
        "  tr03108 judge example.org/dossier.json --profile inbound-dane\n"
        "  tr03108 judge */dossier.json --as-of 2030-01-01 --output outlook\n" + _STATUS,
    ),
    DEMO: (
        "the main job on the embedded lab, without a network",
        "Starts the embedded lab on loopback ports, audits one flawless and several faulty domains under the profile "
        "inbound-dane, and compares each verdict with the one its scenario predicts. Needs no network, no root and no "
        "other program. The last line of standard output is the path of the HTML report.",
        "exit status: 0 when every verdict is the predicted one, else 1\n",
    ),
    LAB: (
        "serve the embedded lab until stopped",
        "Serves every scenario of the embedded lab on loopback ports until it is interrupted, and prints the exact "
        "command that audits it from another terminal.",
        "",
    ),
    "profiles": ("list the shipped profiles", "Lists the profiles that --profile knows by name.", ""),
    "checks": ("list the checks", "Lists every check: its id, the test case it covers, its subject.", ""),
    "explain": (
        "explain a requirement, clause, test case, check or reason code",
        "Says what a requirement, a clause, a test case (also by its former id), an extra check of the guideline, "
        "a check or a reason code is about: what, why, source, how to fix.",
        "examples:\n  tr03108 explain TR-03108-05-M\n  tr03108 explain TR-03108-D-02\n"
        "  tr03108 explain inbound-dane.tlsa-matches\n  tr03108 explain TLSA_MISMATCH --lang de\n"
        "  tr03108 explain 05-M.r2\n  tr03108 explain X-04\n  tr03108 explain EMAIL_TSP_D_12\n"
        "  tr03108 explain EMLREQ_1\n",
    ),
}
_WIDTH = 96


class _Parser(argparse.ArgumentParser):
    """Mistakes end as UsageError, so that they are one line like all others."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def build_parser() -> argparse.ArgumentParser:
    """The whole grammar; the parsed namespace carries `command` and the option keys, None where not given."""
    parser = _Parser(
        prog="tr03108",
        description="Audits e-mail services against BSI TR-03108, Secure E-Mail Transport.",
        epilog=_EXAMPLES + _STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tr03108 {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    for name, (short, long, epilog) in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=short,
            description=textwrap.fill(long, _WIDTH),
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        _add_positionals(command, name)
        _add_options(command, name)
    return parser


def _add_positionals(command: argparse.ArgumentParser, name: str) -> None:
    if name in (AUDIT, PROBE):
        command.add_argument("domains", metavar="DOMAIN", nargs="+", help="a domain whose mail is audited")
    elif name == JUDGE:
        command.add_argument("dossiers", metavar="DOSSIER", nargs="+", help="a dossier.json of probe or audit")
    elif name == "explain":
        command.add_argument("id", metavar="ID", help="such as TR-03108-05-M, TR-03108-D-02, 05-M.r2, TLSA_MISMATCH")
    elif name == LAB:
        command.add_argument(
            "--folder", metavar="DIR", help="where trust anchor, CA and redirections are written; default: a new one"
        )


def _add_options(command: argparse.ArgumentParser, name: str) -> None:
    groups: dict[str, argparse._ArgumentGroup] = {}
    for option in options_of(name):
        if option.group not in groups:
            groups[option.group] = command.add_argument_group(option.group)
        arguments = option.arguments()
        arguments["help"] = arguments["help"].replace("%", "%%")
        groups[option.group].add_argument(f"--{option.name}", dest=option.key, **arguments)
