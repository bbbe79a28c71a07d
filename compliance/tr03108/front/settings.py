"""What the user asked for, checked: from raw option values to a profile, a probe plan, trust and destinations.

Every mistake ends here, before any probing, in one `UsageError` with one line. Both front doors come through.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from tr03108.anchors import trust_anchors
from tr03108.catalogue import Catalogue, load_catalogue
from tr03108.front.domains import normalise_all
from tr03108.front.hello_sets import hello_sets
from tr03108.front.options import JUDGE, OPTIONS, PYTEST
from tr03108.front.outputs import DEFAULT_FOLDER, Destinations
from tr03108.front.services_file import NamedServices, named_services
from tr03108.judge import Check, load_checks, load_waivers
from tr03108.model import HelloSets, ProbePlan, UsageError, Waiver
from tr03108.probe.redirects import Redirects, parse_endpoint
from tr03108.probe.roots import RootStore
from tr03108.profile import Profile, load_profile, with_requirements
from tr03108.report import Texts
from tr03108.toml.table import did_you_mean

DEFAULT_PROFILE = "tr-03108-2.0"
LANGUAGES = ("en", "de")
GATES = ("must", "should", "none")
MODES = ("full", "verdict")
_FILES = ("html", "json", "junit", "sarif", "dossier")
_GREETING_STEPS = 4  # a greeting may take four network steps: 15 s and 60 s by default
_LONGEST_WAIT = 86_400.0  # one day, for any time
_CONNECT_FILE_BYTES = 1 << 20
_DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class Settings:
    """One run's settings. `anchors` and `roots` are None where a dossier's own are to be used."""

    catalogue: Catalogue
    profile: Profile
    checks: tuple[Check, ...]
    plan: ProbePlan
    anchors: tuple[str, ...] | None
    roots: RootStore | None
    as_of: datetime | None
    gate: str
    waivers: tuple[Waiver, ...]
    texts: Texts
    destinations: Destinations
    quiet: bool
    verbose: bool
    no_color: bool
    options: Mapping[str, Any]  # what a report says was asked for, JSON-able

    def color(self, terminal: bool) -> bool:
        """Whether to write colours to a stream that is a terminal or not (https://no-color.org)."""
        return terminal and not self.no_color and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def read_settings(given: Mapping[str, Any], front: str) -> Settings:
    """Checks the values that a front door was given, by option key. Raises UsageError."""
    if given.get("quiet") and given.get("verbose"):
        raise UsageError("--quiet and --verbose exclude each other")
    texts = Texts.load(language(given))
    catalogue = load_catalogue()
    checks = load_checks()
    profile = load_profile(_profile_name(given), catalogue, [check.id for check in checks])
    named = with_requirements(catalogue, profile)
    as_of = _as_of(given.get("as_of"))
    plan = probe_plan(given, profile, (as_of or datetime.now(UTC)).year)
    anchor_file, ca_file = _readable(given, "trust_anchor"), _readable(given, "ca_file")
    saved = front == JUDGE or (front == PYTEST and bool(given.get("dossier")))
    waivers = _readable(given, "waivers")
    gate = _choice(given, "gate", GATES, profile.gate)
    return Settings(
        catalogue=named,
        profile=profile,
        checks=checks,
        plan=plan,
        anchors=None if saved and anchor_file is None else trust_anchors(anchor_file),
        roots=None if saved and ca_file is None else RootStore.load(ca_file),
        as_of=as_of,
        gate=gate,
        waivers=_waivers(waivers, named, checks),
        texts=texts,
        destinations=_destinations(given, front),
        quiet=bool(given.get("quiet")),
        verbose=bool(given.get("verbose")),
        no_color=bool(given.get("no_color")),
        options=_options(given, profile, gate),
    )


def _waivers(file: Path | None, catalogue: Catalogue, checks: Sequence[Check]) -> tuple[Waiver, ...]:
    """The waivers in `file`. One for a check or case that nobody knows would never hold: UsageError."""
    found = load_waivers(file) if file is not None else ()
    known = {*catalogue.cases, *catalogue.checks, *(check.id for check in checks)}
    for waiver in found:
        named = waiver.finding.removeprefix("case.").removeprefix("requirement.")
        if named not in known and named not in catalogue.requirements:
            raise UsageError(f"{file}: no check or case {waiver.finding[:80]!r}{did_you_mean(named, known)}")
    return found


def _profile_name(given: Mapping[str, Any]) -> str:
    name = given.get("profile")
    return DEFAULT_PROFILE if name is None else str(name)


def language(given: Mapping[str, Any]) -> str:
    """The language of reports and explanations. Raises UsageError."""
    return _choice(given, "lang", LANGUAGES, LANGUAGES[0])


def probe_plan(given: Mapping[str, Any], profile: Profile, year: int) -> ProbePlan:
    """The neutral questions that a profile needs answered, within the user's limits. Raises UsageError.

    `year`: TLS hellos are made from what the profile's TLS policy says of it.
    """
    asked = profile.plan
    timeout = _number(given, "timeout", ProbePlan().timeout, above=0.0, most=_LONGEST_WAIT)
    families: tuple[int, ...] = (4, 6)
    if given.get("ipv4_only") and given.get("ipv6_only"):
        raise UsageError("--ipv4-only and --ipv6-only exclude each other")
    if given.get("ipv4_only"):
        families = (4,)
    elif given.get("ipv6_only"):
        families = (6,)
    connect = _connect(given.get("connect") or ())
    Redirects.parse(connect)
    mode = _choice(given, "mode", MODES, asked.mode)
    named = _named(given, profile)
    return ProbePlan(
        mode=mode,
        services=tuple(asked.services),
        policies=tuple(asked.policies),
        plaintext_mail=asked.plaintext_mail,
        both_certificates=asked.both_certificates,
        families=families,
        allow_private=bool(given.get("allow_private")),
        connect=connect,
        resolvers=tuple(dict.fromkeys(_resolver(text) for text in given.get("resolver") or ())),
        timeout=timeout,
        greeting_timeout=timeout * _GREETING_STEPS,
        deadline=_number(given, "deadline", asked.deadline, above=0.0, most=_LONGEST_WAIT),
        max_connections=_count(given, "max_connections", ProbePlan().max_connections, most=100),
        budget=_count(given, "budget", ProbePlan().budget, most=100_000),
        second_look=_number(given, "second_look", ProbePlan().second_look, above=None, most=3600.0),
        all_servers=asked.all_servers and mode == "full",
        tls=asked.tls,
        hellos=hello_sets(profile.tls, year) if asked.tls else HelloSets(),
        revocation=asked.revocation,
        clear_text=asked.clear_text,
        named=named.places,
        webmail=named.webmail,
        report_mailbox=bool(given.get("probe_report_mailbox")),
    )


def _named(given: Mapping[str, Any], profile: Profile) -> NamedServices:
    """The services that the user names. All domains of a run share one plan, so they would count for each of them."""
    options = given.get("service") or ()
    file = _readable(given, "services")
    domains = normalise_all(given.get("domains") or given.get("target") or ())
    if len(domains) > 1 and (options or file is not None):
        flag = _flag("service" if options else "services")
        raise UsageError(f"{flag} takes one domain, not {len(domains)}: the services named are those of one domain")
    return named_services(options, file, profile)


def _options(given: Mapping[str, Any], profile: Profile, gate: str) -> dict[str, Any]:
    """What a report says of the options: what was given, except where results go and how loud we are."""
    hidden = {"output", "quiet", "verbose", "no_color", "target", *_FILES}
    known = {option.key for option in OPTIONS} - hidden
    options = {key: value for key, value in given.items() if key in known and value is not None}
    return dict(sorted((options | {"profile": profile.id, "gate": gate}).items()))


def _flag(key: str) -> str:
    return f"--{key.replace('_', '-')}"


def _choice(given: Mapping[str, Any], key: str, known: Sequence[str], default: str) -> str:
    value = given.get(key)
    if value is None:
        return default
    if value not in known:
        raise UsageError(f"{_flag(key)} {value!r}: choose from {', '.join(known)}")
    return str(value)


def _number(given: Mapping[str, Any], key: str, default: float, *, above: float | None, most: float) -> float:
    """Seconds: above `above` (None: 0 is allowed too) and at most `most`."""
    value = given.get(key)
    if value is None:
        return default
    try:
        number = float(value)
    except ValueError:
        raise UsageError(f"{_flag(key)} {value!r}: not a number of seconds") from None
    low = number > above if above is not None else number >= 0
    if not math.isfinite(number) or not low or number > most:
        least = "more than 0" if above is not None else "0"
        raise UsageError(f"{_flag(key)} {value!r}: must be {least} to {most:g} seconds")
    return number


def _count(given: Mapping[str, Any], key: str, default: int, *, most: int) -> int:
    value = given.get(key)
    if value is None:
        return default
    try:
        number = int(value)
    except ValueError:
        raise UsageError(f"{_flag(key)} {value!r}: not a whole number") from None
    if not 1 <= number <= most:
        raise UsageError(f"{_flag(key)} {value!r}: must be 1 to {most}")
    return number


def _as_of(text: str | None) -> datetime | None:
    """A date means its first moment in UTC; a time needs its zone (RFC 3339)."""
    if text is None:
        return None
    try:
        if len(text) == len("2027-01-31"):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError(text)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"--as-of {text!r}: not a date such as 2027-01-31") from None


def _resolver(text: str) -> str:
    """ADDRESS, ADDRESS:PORT or [IPV6]:PORT as ADDRESS:PORT, IPv6 in brackets."""
    try:
        return parse_endpoint(text.strip(), _DNS_PORT).text
    except UsageError as error:
        raise UsageError(f"--resolver {error}") from None


def _connect(texts: Sequence[str]) -> tuple[str, ...]:
    """The redirections as given, with `@FILE` replaced by the lines of the file (# begins a comment)."""
    found: list[str] = []
    for text in texts:
        if not text.startswith("@"):
            found.append(text.strip())
            continue
        file = Path(text[1:])
        try:
            with file.open(encoding="utf-8") as stream:
                content = stream.read(_CONNECT_FILE_BYTES + 1)
        except (OSError, ValueError) as error:
            raise UsageError(f"--connect @{file}: cannot read it: {_why(error)}") from None
        if len(content) > _CONNECT_FILE_BYTES:
            raise UsageError(f"--connect @{file}: larger than {_CONNECT_FILE_BYTES} bytes")
        lines = (line.partition("#")[0].strip() for line in content.splitlines())
        found += [line for line in lines if line]
    return tuple(found)


def _readable(given: Mapping[str, Any], key: str) -> Path | None:
    value = given.get(key)
    if value is None:
        return None
    file = Path(value)
    try:
        if not file.is_file():
            raise UsageError(f"{_flag(key)} {value}: no such file")
        with file.open("rb"):
            return file
    except (OSError, ValueError) as error:
        raise UsageError(f"{_flag(key)} {value}: cannot read it: {_why(error)}") from None


def _why(error: Exception) -> str:
    """The system's words, or that the text is none."""
    return error.strerror or str(error) if isinstance(error, OSError) else "not UTF-8 text"


def _destinations(given: Mapping[str, Any], front: str) -> Destinations:
    kinds = [kind for kind in _FILES if not (front == PYTEST and kind == "dossier")]
    files = {kind: str(given[kind]) for kind in kinds if given.get(kind) is not None}
    for kind, file in files.items():
        if not file:
            raise UsageError(f"--{kind}: the file name is empty")
        if file == "-" and front == PYTEST:
            raise UsageError(f"--tr-{kind} -: standard output is pytest's; give a file")
    if given.get("output") is not None:
        if not given["output"]:
            raise UsageError("--output: the folder name is empty")
        return Destinations(Path(given["output"]), files)
    return Destinations(None if files or front == PYTEST else DEFAULT_FOLDER, files)
