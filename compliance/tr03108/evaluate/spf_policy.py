"""Whom a domain's SPF record lets send, and what it says of everybody else (RFC 7208), for no address in particular."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..wire.spf import ASKING, Directive, has_macro, parse_record, spf_records
from .lookup import Lookup, fits
from .starttls import printable
from .text_records import Find, text_records

MOST_ASKING_TERMS = 10  # RFC 7208 section 4.6.4; one more is a permanent error
_MOST_TERMS = 50  # that are told
_LONGEST_TERM = 300  # characters of a term that are told
_PLAIN = re.compile(r"[a-z0-9_.-]+\Z")


@dataclass(frozen=True, slots=True)
class SpfPolicy:
    """What SPF says of mail in a domain's name.

    `state`: "read", "unseen", "bogus", "missing", "several" or "invalid" (whoever verifies gets a permanent error);
    `detail` says what and where. Records that are included or redirected to count in it.

    `authorising`: the terms by which some address can pass; one that can match is enough, whatever it matches today.
    `excepted`: terms by which some address ends in softfail or neutral, while others are refused. `others`: the
    qualifier for all the rest, "" where nothing is said of them; None where that was not seen.
    """

    name: str
    lookup: Lookup
    state: str
    detail: str
    texts: tuple[str, ...]
    authorising: tuple[str, ...] = ()
    excepted: tuple[str, ...] = ()
    others: str | None = None
    lookups: tuple[Lookup, ...] = ()

    def evidence(self) -> dict[str, object]:
        return {
            "records": list(self.texts),
            "authorising": list(self.authorising),
            "excepted": list(self.excepted),
            "others": self.others,
            "detail": self.detail,
            "lookups": [lookup.evidence() for lookup in self.lookups],
        }


def spf_of(domain: str, find: Find) -> SpfPolicy:
    """Reads the SPF record of a domain, with all that it includes and redirects to."""
    return _Evaluation(find).policy(domain)


class _Evaluation:
    """One evaluation: the terms that cost a DNS question are counted over all records that it leads to."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._asking = 0

    def policy(self, name: str) -> SpfPolicy:
        seen = text_records(name, self._find, spf_records)
        lookup, texts = seen.lookup, tuple(printable(text[:4000]) for text in seen.found[:10])
        if seen.state != "one":
            detail = {"missing": "no SPF record", "several": "several SPF records"}.get(seen.state)
            told = detail or lookup.detail or lookup.cause or seen.state
            return SpfPolicy(name, lookup, seen.state, f"{name}: {told}", texts, lookups=(lookup,))
        record = parse_record(seen.found[0])
        if record.errors:
            detail = f"{name}: {'; '.join(record.errors)[:1000]}"
            return SpfPolicy(name, lookup, "invalid", detail, texts, lookups=(lookup,))
        terms = _Terms([lookup])
        for directive in record.reached:
            if directive.mechanism in ASKING and not self._pay(terms, name):
                break
            self._directive(directive, terms)
            if terms.state == "invalid":
                break
        if terms.others is None and terms.state != "invalid":
            self._rest(name, record.redirect, terms)
        return SpfPolicy(
            name,
            lookup,
            terms.state,
            terms.detail,
            texts,
            tuple(terms.authorising[:_MOST_TERMS]),
            tuple(terms.excepted[:_MOST_TERMS]),
            terms.others,
            tuple(terms.lookups),
        )

    def _pay(self, terms: _Terms, name: str) -> bool:
        self._asking += 1
        if self._asking > MOST_ASKING_TERMS:
            terms.trouble("invalid", f"{name}: more than {MOST_ASKING_TERMS} terms that ask DNS")
            return False
        return True

    def _directive(self, directive: Directive, terms: _Terms) -> None:
        if directive.mechanism == "all":
            terms.others = directive.qualifier
            if directive.qualifier == "+":
                terms.authorising.append(directive.text)
            return
        matches = directive.text[:_LONGEST_TERM]
        if directive.mechanism == "include" and not has_macro(directive.spec):
            included = self._other(directive.spec, matches, terms)
            if included is None or not included.authorising:
                return  # it matches only whom the other record lets pass (section 5.2)
            matches = f"{matches} ({included.authorising[0]})"
        if directive.qualifier == "+":
            terms.authorising.append(matches)
        elif directive.qualifier != "-":
            terms.excepted.append(matches)

    def _rest(self, name: str, redirect: str | None, terms: _Terms) -> None:
        """What is left when no mechanism has matched: the record of `redirect`, else neutral (section 4.7)."""
        terms.others = ""
        if redirect is None or not self._pay(terms, name):
            return
        term = f"redirect={redirect}"[:_LONGEST_TERM]
        if has_macro(redirect):
            terms.authorising.append(term)  # the names that it stands for are the message's to choose
            return
        other = self._other(redirect, term, terms)
        if other is None:
            return
        terms.authorising += [f"{term} ({each})" for each in other.authorising]
        terms.excepted += [f"{term} ({each})" for each in other.excepted]
        terms.others = other.others

    def _other(self, spec: str, term: str, terms: _Terms) -> SpfPolicy | None:
        """Another name's policy, its trouble noted; None where there can be none."""
        name = spec.lower().removesuffix(".")
        if not fits(name):
            terms.trouble("invalid", f"{term}: no domain name")
            return None
        if not _PLAIN.match(name):
            terms.trouble("unseen", f"{term}: names with such characters are not asked for")
            return None
        found = self.policy(name)
        terms.lookups += found.lookups
        if found.state in ("missing", "several", "invalid"):  # section 5.2 and 6.1: a permanent error
            terms.trouble("invalid", f"{term}: {found.detail}")
        elif found.state != "read":
            terms.trouble(found.state, f"{term}: {found.detail}")
        return found


class _Terms:
    """What the terms of one record add up to, while they are read."""

    def __init__(self, lookups: list[Lookup]) -> None:
        self.state = "read"
        self.detail = ""
        self.authorising: list[str] = []
        self.excepted: list[str] = []
        self.others: str | None = None
        self.lookups = lookups

    def trouble(self, state: str, detail: str) -> None:
        """The first trouble counts, but a permanent error is one whatever else could not be seen."""
        if self.state == "read" or (state == "invalid" and self.state != "invalid"):
            self.state, self.detail = state, detail[:1000]
