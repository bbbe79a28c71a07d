"""What every front door calls: probe the domains, judge what was seen.

    probe(domains) -> Probed (evidence of each domain) -> judge(evidence) -> Run (audit, exit status)

A dossier is judged as it reads on file, so that `judge` on the saved file cannot differ from the audit that wrote it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import signal
import stat
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tr03108 import __version__, dossier
from tr03108.evaluate.served_chains import chains_of
from tr03108.front import domains
from tr03108.front.progress import Progress
from tr03108.front.settings import Settings
from tr03108.judge import exit_status, judge_target
from tr03108.model import Audit, Dossier, ProfileInfo, TargetAudit, UsageError
from tr03108.probe import Network, Probe

CONCURRENT_DOMAINS = 8
MAXIMUM_DOSSIER = 256 << 20  # bytes
OUR_BUG = 70  # sysexits.h: EX_SOFTWARE
_SEVERITY = (OUR_BUG, 1, 3, 0)  # of several statuses the first of these counts
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A dossier and its text on file."""

    dossier: Dossier
    text: str
    sha256: str

    @classmethod
    def of(cls, seen: Dossier) -> Evidence:
        """The evidence as it would be read again. Observations that read as they were seen stay the same objects, which
        domains share: one of fifty domains has little that the others do not have."""
        made = cls._from_text(dossier.encode(seen))
        read = made.dossier.observations
        same = {key: old if (old := seen.observations[key]) == new else new for key, new in read.items()}
        return dataclasses.replace(made, dossier=dataclasses.replace(made.dossier, observations=same))

    @classmethod
    def read(cls, file: Path) -> Evidence:
        """The dossier in a file. Raises UsageError where it cannot be read, is too large or of another schema."""
        try:
            if stat.S_ISREG(file.stat().st_mode) and file.stat().st_size > MAXIMUM_DOSSIER:
                raise UsageError(f"{file}: larger than {MAXIMUM_DOSSIER >> 20} MiB, not a dossier")
            with file.open("rb") as stream:
                raw = stream.read(MAXIMUM_DOSSIER + 1)
            if len(raw) > MAXIMUM_DOSSIER:
                raise UsageError(f"{file}: larger than {MAXIMUM_DOSSIER >> 20} MiB, not a dossier")
            return cls._from_text(raw.decode("utf-8"))
        except OSError as error:
            raise UsageError(f"{file}: cannot read the dossier: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise UsageError(f"{file}: not a dossier: not UTF-8 text") from None
        except UsageError as error:
            known = str(error).startswith(str(file))
            raise error if known else UsageError(f"{file}: {error}") from None

    @classmethod
    def _from_text(cls, text: str) -> Evidence:
        read = dossier.decode(text)
        if domains.normalise(read.domain) != read.domain:  # it becomes the name of a folder
            raise UsageError(f"malformed dossier: {read.domain[:60]!r} is not a domain in normal form")
        return cls(read, text, dossier.digest(text))


@dataclass(frozen=True, slots=True)
class Bug:
    """A mistake of ours: where it showed, and the traceback."""

    where: str
    error: Exception

    @property
    def line(self) -> str:
        name = type(self.error).__name__
        return f"internal error while {self.where}: {name}: {self.error} (a bug of tr03108, please report it)"

    @property
    def trace(self) -> str:
        return "".join(traceback.format_exception(self.error))


@dataclass(frozen=True, slots=True)
class Probed:
    """The first half: the evidence of each domain, our bugs, and the signal that interrupted us (or None)."""

    evidence: tuple[Evidence, ...]
    bugs: tuple[Bug, ...]
    interrupted: int | None

    @property
    def status(self) -> int:
        """The exit status of a run that only probes."""
        if self.interrupted is not None:
            return 128 + self.interrupted
        return OUR_BUG if self.bugs else 0


@dataclass(frozen=True, slots=True)
class Run:
    """The second half: the audit of all domains (its `exit_status` included) and our bugs in both halves."""

    audit: Audit
    bugs: tuple[Bug, ...]

    @property
    def status(self) -> int:
        return self.audit.exit_status


def worst(statuses: Sequence[int]) -> int:
    """Of several exit statuses the one that counts."""
    return next((status for status in _SEVERITY if status in statuses), 0)


def audit(names: Sequence[str], settings: Settings, progress: Progress) -> Run:
    """Both halves in one, without writing anything."""
    return judge(probe(names, settings, progress), settings)


def probe(names: Sequence[str], settings: Settings, progress: Progress) -> Probed:
    """Probes the domains (in normal form), several at a time. SIGINT and SIGTERM end it with what was seen."""
    return asyncio.run(probe_domains(names, settings, progress))


async def probe_domains(names: Sequence[str], settings: Settings, progress: Progress) -> Probed:
    """`probe` inside a running event loop."""
    anchors, roots = settings.anchors, settings.roots
    assert anchors is not None
    assert roots is not None
    turn = asyncio.Semaphore(CONCURRENT_DOMAINS)
    bugs: list[Bug] = []
    async with Network(settings.plan) as network:

        def made(name: str) -> Probe:
            return Probe(name, settings.plan, network, anchors, roots, progress.of(name))

        # Only its task holds a probe: what it has worked out goes when its evidence is there.
        tasks = [asyncio.create_task(_probe_one(name, made(name), turn, bugs)) for name in names]
        with _interruptible(tasks) as signals:
            seen = await asyncio.gather(*tasks)
    progress.end()
    evidence = tuple(item for item in seen if item is not None)
    return Probed(evidence, tuple(bugs), signals[0] if signals else None)


async def _probe_one(name: str, one: Probe, turn: asyncio.Semaphore, bugs: list[Bug]) -> Evidence | None:
    """The domain's evidence, marked partial where we were interrupted or made a mistake; None where even that fails."""
    complete = False
    try:
        async with turn:
            await one.run()
            complete = True
    except asyncio.CancelledError:
        pass  # the run was interrupted: what was seen by now is kept
    except Exception as error:  # noqa: BLE001 a bug in one domain's probe must not cost the others theirs
        bugs.append(Bug(f"probing {name}", error))
    try:
        return Evidence.of(one.dossier(complete=complete))
    except Exception as error:  # noqa: BLE001 as above
        bugs.append(Bug(f"saving what was seen of {name}", error))
        return None


@contextmanager
def _interruptible(tasks: Sequence[asyncio.Task[Any]]) -> Iterator[list[int]]:
    """The first SIGINT or SIGTERM cancels the tasks and is noted; a second one has its usual effect."""
    loop = asyncio.get_running_loop()
    caught: list[int] = []
    previous: dict[int, Any] = {}

    def release() -> None:
        for number, handler in previous.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
        previous.clear()

    def stop(number: int) -> None:
        caught.append(number)
        release()
        for task in tasks:
            task.cancel()

    for number in _SIGNALS:
        handler = signal.getsignal(number)
        try:
            loop.add_signal_handler(number, stop, int(number))
        except (ValueError, RuntimeError):  # not in the main thread: whoever runs us there handles signals
            continue
        previous[number] = signal.SIG_DFL if handler is None else handler
    try:
        yield caught
    finally:
        release()


def reread(files: Sequence[Path], settings: Settings) -> Probed:
    """Dossiers on file in the place of a probe. Trust that the user gave replaces theirs. Raises UsageError."""
    evidence = [Evidence.read(file) for file in files]
    names = [item.dossier.domain for item in evidence]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"more than one dossier of {name}: judge them one by one")
    return Probed(
        tuple(dataclasses.replace(item, dossier=_with_trust(item.dossier, settings)) for item in evidence), (), None
    )


def judge(probed: Probed, settings: Settings) -> Run:
    """Judges each domain's evidence under the profile; a bug in one leaves the others judged."""
    bugs = list(probed.bugs)
    targets = []
    for item in probed.evidence:
        try:
            targets.append(_judge_one(item, settings))
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001 a bug in one domain's judgement must not cost the others theirs
            bugs.append(Bug(f"judging {item.dossier.domain}", error))
    statuses = [OUR_BUG] if bugs else []
    if targets:
        statuses.append(exit_status(targets, settings.gate, unused_domain=settings.profile.unused_domain))
    status = 128 + probed.interrupted if probed.interrupted is not None else worst(statuses)
    return Run(_audit_of(probed, settings, tuple(targets), status, complete=not bugs), tuple(bugs))


def _judge_one(item: Evidence, settings: Settings) -> TargetAudit:
    return judge_target(
        item.dossier,
        item.sha256,
        settings.profile,
        settings.catalogue,
        settings.checks,
        settings.as_of or item.dossier.started,
        settings.gate,
        settings.waivers,
    )


def _audit_of(
    probed: Probed, settings: Settings, targets: tuple[TargetAudit, ...], status: int, *, complete: bool
) -> Audit:
    dossiers = [item.dossier for item in probed.evidence]
    started = min((item.started for item in dossiers), default=datetime.now(UTC))
    profile = settings.profile
    title = profile.titles.get(settings.texts.lang, profile.title)
    return Audit(
        tool_version=__version__,
        started=started,
        finished=max((item.finished for item in dossiers), default=started),
        as_of=settings.as_of or started,
        complete=complete and all(item.complete for item in dossiers),
        profile=ProfileInfo(profile.id, title, profile.source, tuple(profile.tls.editions), profile.former_ids),
        options=settings.options,
        targets=targets,
        gate=settings.gate,
        exit_status=status,
    )


def _with_trust(seen: Dossier, settings: Settings) -> Dossier:
    """The dossier, with trust anchors and PKIX roots replaced where the user gave others."""
    changes: dict[str, Any] = {}
    if settings.anchors is not None:
        changes["trust_anchors"] = settings.anchors
    if settings.roots is not None:
        changes["roots"] = settings.roots.relevant(chains_of(o.value for o in seen.observations.values()))
    return dataclasses.replace(seen, **changes)
