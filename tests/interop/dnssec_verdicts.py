"""Our verdict beside another validator's, and the disagreements that are right as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from interop.dnssec_oracles import Verdict
from interop.dnssec_trees import Case, Question
from tr03108.evaluate.lookup import Lookup, Status

UNSEEN = (Status.BOGUS, Status.INDETERMINATE)
DECISION = "docs/decisions/0007-disagreements-with-unbound.md"


@dataclass(frozen=True, slots=True)
class Compared:
    """One lookup, judged by us and by another."""

    case: Case
    question: Question
    ours: Lookup
    judge: str
    theirs: Verdict
    cause: Callable[[], str]  # looks up what the other's log says, which is only wanted where it matters

    @property
    def agreed(self) -> bool:
        """The same status and, where both answers count, the same kind of answer.

        delv says only that it failed, not whether for want of an answer.
        """
        if self.judge == "delv" and self.theirs.status in UNSEEN:
            return self.ours.status in UNSEEN
        kinds = {self.ours.kind, self.theirs.kind} - {None}
        return self.ours.status is self.theirs.status and (len(kinds) < 2 or self.ours.status in UNSEEN)

    @property
    def said(self) -> str:
        """The other's own words on the cause of a failure."""
        return self.cause()

    def report(self) -> str:
        """All that is needed to see it again."""
        ours = self.ours
        aliases = " -> ".join(f"{hop.target} ({hop.status.value})" for hop in ours.aliases)
        return "\n".join(
            (
                f"{self.question}: ours {ours.status.value} {ours.kind}, "
                f"{self.judge} {self.theirs.status.value} {self.theirs.kind}",
                f"  ours: {ours.cause} at {ours.place}: {ours.detail}{' via ' + aliases if aliases else ''}",
                f"  {self.judge}: {self.theirs.words}; {self.said}",
                f"  make again: generate({self.case.seed}) of tests/interop/dnssec_trees.py",
                self.case.describe(),
            )
        )


@dataclass(frozen=True, slots=True)
class Explained:
    """A disagreement that is right as it is: `title` is its heading in DECISION, `source` the text that decides."""

    title: str
    source: str
    holds: Callable[[Compared], bool]


def _weaker_digest(seen: Compared) -> bool:
    return (
        seen.judge == "unbound"
        and _bogus_by_ds(seen, "right SHA-1, wrong SHA-256 DS")
        and seen.theirs.status in (Status.SECURE, Status.INSECURE)
    )


def _revoked(seen: Compared) -> bool:
    return _bogus_by_ds(seen, "only DS is of the revoked KSK") and seen.theirs.status in (
        Status.SECURE,
        Status.INSECURE,
    )


def _bogus_by_ds(seen: Compared, plan: str) -> bool:
    planned = any(origin == seen.ours.place and keys.title == plan for origin, keys in seen.case.keys)
    return planned and seen.ours.status is Status.BOGUS and seen.ours.cause == "DNSSEC_DS_MISMATCH"


def _opt_out(seen: Compared) -> bool:
    """delv calls a denial in such a span validated, or, where the proof is missing, broken."""
    span = "opt-out span" in (seen.ours.detail or "")
    weak = seen.ours.status is Status.INSECURE and seen.ours.cause == "DNSSEC_INSECURE" and span
    words = ("insecurity proof failed", "no valid RRSIG")
    lost = seen.theirs.status is Status.BOGUS and any(each in seen.theirs.words for each in words)
    return seen.judge == "delv" and weak and (lost or seen.theirs.status is Status.SECURE)


def _costly_denial_above_a_chain(seen: Compared) -> bool:
    """In or below a zone with too many iterations: others take its denial of a cut for the end of all signing."""
    dear = {zone.origin for zone in seen.case.zones if zone.denial.startswith("nsec3") and zone.nsec3_iterations > 150}
    insecure = seen.theirs.status is Status.INSECURE
    if seen.ours.status is Status.BOGUS and seen.judge == "delv" and seen.ours.place is not None:
        return insecure and any(seen.ours.place.endswith(f".{origin}") for origin in dear)
    return insecure and seen.ours.status is not Status.INSECURE and _between(seen, dear)


def _broken_denial_above_a_chain(seen: Compared) -> bool:
    """A broken denial of a cut at the empty non-terminal above a zone whose DS and keys are sound."""
    broken = {zone.origin for zone in seen.case.zones if zone.faults}
    walked = seen.theirs.status is Status.BOGUS and (
        " for DS e" in seen.said or "broken trust chain" in seen.theirs.words
    )
    return walked and seen.ours.status in (Status.SECURE, Status.INSECURE) and _between(seen, broken)


def _between(seen: Compared, parents: set[str]) -> bool:
    """The lookup met a zone two labels below one of `parents`: there is a name between, where no zone begins."""
    below = [zone.origin for zone in seen.case.zones if zone.origin.partition(".")[2].partition(".")[2] in parents]
    names = [seen.question.name, *(hop.target for hop in seen.ours.aliases)]
    return any(name == origin or name.endswith(f".{origin}") for name in names for origin in below)


def _ds_beside_a_wildcard(seen: Compared) -> bool:
    span = "opt-out span" in (seen.ours.detail or "")
    weak = seen.ours.status is Status.INSECURE and seen.question.rdtype == "DS" and span
    return weak and seen.theirs.status is Status.BOGUS and "nodata proof failed" in seen.said


def _alias_into_insecure(seen: Compared) -> bool:
    denied = (
        seen.ours.kind in ("nodata", "nxdomain") and bool(seen.ours.aliases) and seen.ours.status is Status.INSECURE
    )
    return denied and seen.theirs.status is Status.BOGUS and "cnamenoanswer proof failed" in seen.said


def _loop(seen: Compared) -> bool:
    return seen.ours.kind == "loop" and seen.theirs.status in UNSEEN


def _same_dname_twice(seen: Compared) -> bool:
    owners = [
        f"{line.split()[0]}.{zone.origin}".removeprefix("@.")
        for zone in seen.case.zones
        for line in zone.records
        if line.split()[1] == "DNAME"
    ]
    hops = [hop.name for hop in seen.ours.aliases]
    twice = any(sum(hop.endswith(f".{owner}") for hop in hops) > 1 for owner in owners)
    return seen.judge == "unbound" and twice and seen.theirs.status in UNSEEN


def _sound_with_cd(seen: Compared) -> bool:
    """Unbound contradicts itself: SERVFAIL, and with CD an answer that it marks as authentic."""
    both = seen.judge == "unbound" and seen.theirs.words.endswith(" AD") and seen.theirs.status is Status.BOGUS
    return both and seen.ours.status is Status.SECURE


def _alias_types_below_dname(seen: Compared) -> bool:
    asked = seen.question.rdtype in ("CNAME", "DNAME") and bool(seen.ours.aliases)
    lost = " for DS " in seen.said or "no signatures for CNAME" in seen.said
    stopped = seen.judge == "delv" and seen.theirs.status is Status.SECURE
    shown = seen.theirs.kind == "answer" and seen.theirs.status is seen.ours.status
    return asked and (stopped or shown or (lost and seen.theirs.status is Status.BOGUS))


def _chain_without_answer(seen: Compared) -> bool:
    """The question was answered, a DS or DNSKEY question on the way to the zone's keys was not."""
    unseen = seen.ours.status is Status.INDETERMINATE and seen.ours.kind is not None
    return unseen and seen.judge == "unbound" and seen.theirs.status is Status.BOGUS


def _alias_from_cache(seen: Compared) -> bool:
    """The server hides the alias for this question (fault "empty"), so that ours can only be the resolver's cache."""
    question = f"{seen.question.name} {seen.question.rdtype}"
    hidden = {
        f"{fault.name} {fault.rdtype}" for zone in seen.case.zones for fault in zone.faults if fault.kind == "empty"
    }
    bogus = seen.judge == "unbound" and seen.theirs.status is Status.BOGUS
    return bogus and question in hidden and bool(seen.ours.aliases)


EXPLAINED = (
    Explained("SHA-1 beside SHA-256", "RFC 4509 section 3", _weaker_digest),
    Explained("A revoked key under a DS", "RFC 5011 section 2.1", _revoked),
    Explained("Denial in an opt-out span", "RFC 5155 section 9.2", _opt_out),
    Explained("DS beside a wildcard in an opt-out span", "RFC 5155 section 8.6", _ds_beside_a_wildcard),
    Explained("A costly denial above a complete chain", "RFC 4035 section 5", _costly_denial_above_a_chain),
    Explained("A broken denial above a complete chain", "RFC 4035 section 5", _broken_denial_above_a_chain),
    Explained("An alias into an insecure zone without data", "RFC 4033 section 5", _alias_into_insecure),
    Explained("Aliases in a circle", "RFC 1034 section 3.6.2", _loop),
    Explained("One DNAME twice in a chain", "RFC 6672 section 5.3.1", _same_dname_twice),
    Explained("No answer on the way to the keys", "RFC 4035 section 4.3", _chain_without_answer),
    Explained("Authentic with CD, SERVFAIL without", "RFC 4035 section 3.2.2", _sound_with_cd),
    Explained("An alias that only a cache knows", "RFC 1034 section 3.6.2", _alias_from_cache),
    Explained("CNAME or DNAME asked below a DNAME", "RFC 6672 section 3.2", _alias_types_below_dname),
)


def explanation(seen: Compared) -> str | None:
    """The title of the row that explains a disagreement."""
    return next((row.title for row in EXPLAINED if row.holds(seen)), None)
