"""The words of the reports in one language, read from reports/texts/<language>.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tr03108.model import Finding, Level, RequirementResult, Subject, TargetAudit, UsageError, Verdict, bracketed
from tr03108.rooms import room

from .escape import line
from .fill import fill, generalise

_TRANSLATED = (
    "cause",
    "because",
    "reason",
    "detail",
    "note",
)  # evidence whose value may be a key of [phrase]; other details are English
_CITED = ("rule", "tolerance")  # evidence that cites a norm
_DATE = re.compile(r"\b(\d{1,2}) ([A-Z][a-z]+) (\d{4})\b")
_KEYED = re.compile(r"([A-Z][A-Z0-9_]+)(?:: ?(.*))?", re.DOTALL)
_SAFE_NAME = re.compile(r"[A-Za-z0-9_*][A-Za-z0-9._:/\[\]*-]{0,299}")  # not "-" first: that would be an option
_NAMES_SHOWN = 6
_LIST_SHOWN = 8


class Words(NamedTuple):
    """What was seen, and what to do."""

    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Texts:
    """All words of one language. Lookups of unknown keys are mistakes of ours and raise KeyError."""

    lang: str
    tables: Mapping[str, Any]

    @classmethod
    def load(cls, lang: str) -> Texts:
        """The words in `lang` ("en", "de"). Raises UsageError for a language without words."""
        known = languages()
        if lang not in known:
            raise UsageError(f"unknown language {lang!r}: choose {' or '.join(known)}")
        return cls(lang, tomllib.loads((room("reports") / "texts" / f"{lang}.toml").read_text(encoding="utf-8")))

    def ui(self, key: str, **values: object) -> str:
        """A label of the report."""
        return fill(self.tables["ui"][key], {name: line(value) for name, value in values.items()})

    def level(self, level: Level) -> str:
        """MUST, SHOULD, MAY, INFO in this language."""
        return str(self.tables["level"][level.value])

    def module(self, module: str) -> str:
        """What a module of the test specification is about; its letter where unknown."""
        return str(self.tables["module"].get(module, module))

    def verdict(self, verdict: str) -> str:
        """The word for the verdict of a finding, case or requirement."""
        return str(self.tables["verdict"][verdict]["label"])

    def verdict_meaning(self, verdict: str) -> str:
        """One sentence on what that verdict says."""
        return str(self.tables["verdict"][verdict]["meaning"])

    def target(self, verdict: str) -> str:
        """The word for the verdict of a domain."""
        return str(self.tables["target"][verdict]["label"])

    def target_meaning(self, verdict: str) -> str:
        """One sentence on what that verdict says."""
        return str(self.tables["target"][verdict]["meaning"])

    def note(self, code: str) -> str:
        """The sentence at the head of the report for a note of the audit."""
        if code in self.tables["note"]:
            return str(self.tables["note"][code])
        return self.general(code).message if code in self.tables["code"] else line(code)

    def status(self, status: str) -> str:
        """The word for how an entry of a list stands in the TLS policy; as it is where there is none."""
        return str(self.tables["status"].get(status, line(status)))

    def kind(self, kind: str) -> str:
        """The word for what a list is of: "version", "suite", "group", "signature", "dh"."""
        return str(self.tables["kind"][kind])

    def column(self, check: str) -> str:
        """The head of the column of a check in the table of mail hosts; empty for a check without one."""
        return str(self.tables["column"].get(check, ""))

    def column_order(self, check: str) -> int:
        """The place of that column; checks without a head of their own come last."""
        known = list(self.tables["column"])
        return known.index(check) if check in known else len(known)

    def phrase(self, value: str) -> str:
        """`value` in words where it is a known key, also one with a detail behind a colon; else as it is.

        Details are English, so the sentences of other languages do without; the evidence has them.
        """
        if value in self.tables["phrase"]:
            return str(self.tables["phrase"][value])
        match = _KEYED.fullmatch(value)
        if match is None or match[1] not in self.tables["phrase"]:
            return line(value)
        words = str(self.tables["phrase"][match[1]])
        return f"{words} ({line(match[2])})" if match[2] and self.lang == "en" else words

    def source(self, citation: str) -> str:
        """A citation with its dates and its words for section, chapter and table in this language."""
        words: Mapping[str, str] = self.tables["citation"]
        months: Mapping[str, str] = self.tables["month"]

        def date(match: re.Match[str]) -> str:
            day, month, year = match.groups()
            return self.ui("date", day=day, month=months[month], year=year) if month in months else match[0]

        dated = _DATE.sub(date, line(citation))
        return re.sub(r"[A-Za-z]+", lambda match: words.get(match[0], match[0]), dated)

    def message(self, finding: Finding) -> str:
        """One sentence on what was seen."""
        return fill(self._words(finding.code, finding.check).message, self._values(finding))

    def remedy(self, finding: Finding) -> str:
        """What to do about it. Names with characters that mean something to a shell are not put into commands."""
        values = self._values(finding)
        for name in ("subject", "host", "domain"):
            if not _SAFE_NAME.fullmatch(values[name]):
                values[name] = name.upper()
        return fill(self._words(finding.code, finding.check).remedy, values)

    def general(self, code: str, check: str | None = None) -> Words:
        """The words of a code as a general rule, for rules and explanations."""
        words = self._words(code, check)
        called: Mapping[str, str] = self.tables["place"]
        return Words(generalise(words.message, called), generalise(words.remedy, called))

    def knows(self, code: str) -> bool:
        """Whether `code` is a reason code with words."""
        return code in self.tables["code"]

    def codes(self) -> tuple[str, ...]:
        """All reason codes, in the order of the file."""
        return tuple(self.tables["code"])

    def names(self, names: Sequence[str], limit: int = _NAMES_SHOWN) -> str:
        """A list of names, a long one cut."""
        shown = ", ".join(names[:limit])
        return shown if len(names) <= limit else self.ui("and_more", names=shown, count=len(names) - limit)

    def sentence(self, target: TargetAudit, profile: str) -> str:
        """The verdict on a domain in one sentence that names the profile, and what must be said beside it."""
        values = {"domain": line(target.domain), "profile": line(profile)}
        for name, verdict in (("failed", "fail"), ("open", "inconclusive"), ("manual", "manual")):
            found = [result.id for result in target.requirements if _judged(result, verdict)]
            if found:
                values[name] = self.names(found)
        sentences = [fill(self.tables["target"][target.verdict.value]["sentence"], values)]
        sentences += self._additions(target)
        return " ".join(sentences)

    def _additions(self, target: TargetAudit) -> Iterator[str]:
        words: Mapping[str, str] = self.tables["target"]["addition"]
        recommended = [
            result.id
            for result in target.requirements
            if result.level is not Level.MUST and result.verdict is Verdict.FAIL
        ]
        if recommended:
            yield fill(words["recommended"], {"ids": self.names(recommended)})
        if target.mail_hosts_examined == 0:
            yield words["no_host" if "smtp" in target.plan.services else "hosts_not_asked"]
        if not target.complete:
            yield words["partial"]

    def _words(self, code: str, check: str | None) -> Words:
        """The words for `code`, best the check's own, then those of its family (`case.TR-03108-B`, `certificate`)."""
        name = check
        while name:
            own = self.tables["check"].get(name, {})
            if code in own:
                return Words(own[code]["message"], own[code]["remedy"])
            name = name[: max(name.rfind("-"), name.rfind("."), 0)]
        if code not in self.tables["code"]:  # our mistake; the meta-test finds it, a report still shows the finding
            return Words("{subject}: " + line(code), "-")
        return Words(self.tables["code"][code]["message"], self.tables["code"][code]["remedy"])

    def _values(self, finding: Finding) -> dict[str, str]:
        values = _subject_values(finding.subject)
        for name, value in finding.evidence.items():
            text = self._scalar(name, value)
            if text is not None:
                values[str(name)] = text
        return values

    def _scalar(self, name: str, value: Any) -> str | None:
        if isinstance(value, bool):
            return self.ui("yes" if value else "no")
        if isinstance(value, int | float):
            return str(value)
        if isinstance(value, str) and name in _CITED:
            return self.source(value) or None
        if isinstance(value, str):
            told = self.phrase(value) if name in _TRANSLATED else line(value)
            foreign = name == "detail" and told == line(value) and self.lang != "en"
            return None if foreign else told or None
        if isinstance(value, Mapping) and name in _TRANSLATED and isinstance(value.get("reason"), str):
            return self.phrase(f"{value['reason']}: {value.get('detail') or ''}")  # a Failure
        if isinstance(value, Sequence) and value and all(isinstance(item, str | int) for item in value):
            return self.names([str(self._scalar(name, item)) for item in value], _LIST_SHOWN)
        return None


def languages() -> tuple[str, ...]:
    """The languages that have words."""
    return tuple(
        sorted((file.stem for file in (room("reports") / "texts").glob("*.toml")), key=lambda x: (x != "en", x))
    )


def moment(time: datetime) -> str:
    """A time as a reader wants it: UTC, to the second."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _judged(result: RequirementResult, verdict: str) -> bool:
    return result.level is Level.MUST and result.verdict.value == verdict


def _subject_values(subject: Subject) -> dict[str, str]:
    """The places every sentence can use. A check that had no host to look at names the domain in its place."""
    values = {"subject": line(subject.text), "host": line(subject.name), "domain": line(subject.name)}
    if subject.address is not None:
        values["address"] = line(bracketed(subject.address))
    if subject.port is not None:
        values["port"] = str(subject.port)
    return values
