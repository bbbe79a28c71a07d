"""SPF: the TXT record that says who may send in a domain's name, read to the letter of RFC 7208."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

ASKING = ("include", "a", "mx", "ptr", "exists")  # mechanisms that cost a DNS question (section 4.6.4)
_MOST_ERRORS = 20  # that are told; a record of 64 KiB could hold thousands
_VERSION = re.compile(rb"v=spf1(?: |\Z)", re.IGNORECASE)  # section 4.5; literals of ABNF have no case
_LONGEST_SPEC = 500  # characters; a name has 253, and macros are longer than what they stand for
# Section 7.1: macros, the strings with them, and how a domain-spec ends: in a label with a letter or an inner hyphen.
_EXPAND = r"(?:%\{[slodiphv](?:[1-9][0-9]*)?r?[.+,/_=-]*\}|%%|%_|%-)"
_STRING = rf"(?:{_EXPAND}|[\x21-\x24\x26-\x7e])*"
_TOP = r"\.(?=[0-9]*[a-z-])[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.?"
_DOMAIN_SPEC = re.compile(rf"{_STRING}(?:{_EXPAND}|{_TOP})\Z", re.IGNORECASE)
_EXPLAINED = re.compile(_STRING.replace("slodiphv", "slodiphvcrt") + r"\Z", re.IGNORECASE)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*)=(.*)\Z", re.IGNORECASE)
_DIRECTIVE = re.compile(r"([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?![a-z0-9_.-])(.*)\Z", re.IGNORECASE)
_PREFIX = r"(?:0|[1-9][0-9]{0,2})"
_WITH_PREFIXES = re.compile(rf"(?::(?P<spec>.*?))?(?:/(?P<four>{_PREFIX}))?(?://(?P<six>{_PREFIX}))?\Z")
_NETWORK = re.compile(rf":(?P<address>[0-9a-f.:]+)(?:/(?P<prefix>{_PREFIX}))?\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Directive:
    """One mechanism with its qualifier ("+", "-", "~" or "?"). `spec` is its domain-spec, "" where it has none."""

    qualifier: str
    mechanism: str
    spec: str
    text: str


@dataclass(frozen=True, slots=True)
class SpfRecord:
    """An SPF record: mechanisms in order, the domain-spec of `redirect`, and what is wrong (any error: permerror)."""

    directives: tuple[Directive, ...]
    redirect: str | None
    errors: tuple[str, ...]

    @property
    def reached(self) -> tuple[Directive, ...]:
        """The mechanisms up to the first `all`; what stands behind it is never looked at (section 5.1)."""
        for at, directive in enumerate(self.directives):
            if directive.mechanism == "all":
                return self.directives[: at + 1]
        return self.directives


def spf_records(texts: Iterable[bytes]) -> tuple[bytes, ...]:
    """Those of the TXT records (strings joined) that are SPF records of this version; others are discarded (4.5)."""
    return tuple(text for text in texts if _VERSION.match(text))


def has_macro(spec: str) -> bool:
    """Whether a domain-spec depends on the message (section 7), so that it stands for many names."""
    return "%" in spec


def parse_record(text: bytes) -> SpfRecord:
    """Reads one SPF record whole: an error anywhere in it counts (section 4.6)."""
    try:
        terms = [term for term in text.decode("ascii").split(" ")[1:] if term]
    except UnicodeDecodeError:
        return SpfRecord((), None, ("octets outside ASCII",))
    directives: list[Directive] = []
    modifiers: dict[str, str] = {}
    errors: list[str] = []
    for term in terms:
        problem: str | None = None
        if match := _MODIFIER.match(term):  # only modifiers have "=" behind the name (section 4.6.1)
            name, value = match[1].lower(), match[2]
            problem = _modifier_problem(name, value, name in modifiers)
            modifiers[name] = value
        elif match := _DIRECTIVE.match(term):
            directive, problem = _directive(match[1] or "+", match[2].lower(), match[3], term)
            directives.append(directive)
        else:
            problem = "neither a known mechanism nor a modifier"
        if problem is not None and len(errors) < _MOST_ERRORS:
            errors.append(f"{term[:100]!r}: {problem}")
    return SpfRecord(tuple(directives), modifiers.get("redirect"), tuple(errors))


def _modifier_problem(name: str, value: str, again: bool) -> str | None:
    if name in ("redirect", "exp"):
        if again:
            return f"a second {name}"
        return _domain_problem(value)
    return None if _EXPLAINED.match(value) else "not a value"  # of a modifier to ignore (section 6)


def _directive(qualifier: str, mechanism: str, rest: str, term: str) -> tuple[Directive, str | None]:
    """The mechanism as far as it can be read, and what is wrong with it."""
    spec, problem = "", None
    match mechanism:
        case "all":
            problem = "all takes nothing" if rest else None
        case "ip4" | "ip6":
            problem = _network_problem(mechanism, rest)
        case "a" | "mx":
            read = _WITH_PREFIXES.match(rest)
            if read is None or int(read["four"] or 0) > 32 or int(read["six"] or 0) > 128:
                problem = "not a domain with prefix lengths"
            elif read["spec"] is not None:
                spec, problem = read["spec"], _domain_problem(read["spec"])
        case "ptr" if not rest:
            pass
        case _:
            spec = rest.removeprefix(":")
            problem = _domain_problem(spec) if rest.startswith(":") else "no domain"
    return Directive(qualifier, mechanism, spec, term), problem


def _domain_problem(spec: str) -> str | None:
    return None if len(spec) <= _LONGEST_SPEC and _DOMAIN_SPEC.match(spec) else "not a domain"


def _network_problem(mechanism: str, rest: str) -> str | None:
    read = _NETWORK.match(rest)
    family, longest = (IPv4Address, 32) if mechanism == "ip4" else (IPv6Address, 128)
    try:
        if read is not None and family(read["address"]) and int(read["prefix"] or 0) <= longest:
            return None
    except ValueError:
        pass
    return f"not a network of {mechanism}"
