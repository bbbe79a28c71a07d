"""The commands audit, probe and judge."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tr03108 import audit as engine
from tr03108 import report
from tr03108.front.domains import normalise_all
from tr03108.front.options import AUDIT, JUDGE, PROBE
from tr03108.front.progress import Progress
from tr03108.front.settings import Settings, read_settings


def audit(given: Mapping[str, Any]) -> int:
    """Both halves: probe, keep the evidence, judge, report."""
    names = normalise_all(given["domains"])
    settings = read_settings(given, AUDIT)
    settings.destinations.check(names)
    progress = progress_for(settings)
    probed = probe_and_keep(names, settings, progress)
    return judge_and_report(probed, settings, progress)


def probe(given: Mapping[str, Any]) -> int:
    """The first half: the dossiers."""
    names = normalise_all(given["domains"])
    settings = read_settings(given, PROBE)
    settings.destinations.check(names, reports=False)
    progress = progress_for(settings)
    probed = engine.probe(names, settings, progress)
    tell_bugs(probed.bugs, progress)
    for path in keep(probed, settings):
        progress.say(f"evidence: {path}")
    progress.end()
    return probed.status


def judge(given: Mapping[str, Any]) -> int:
    """The second half: dossiers on file, no network."""
    settings = read_settings(given, JUDGE)
    probed = engine.reread([Path(file) for file in given["dossiers"]], settings)
    settings.destinations.check([item.dossier.domain for item in probed.evidence])
    keep(probed, settings)
    return judge_and_report(probed, settings, progress_for(settings))


def progress_for(settings: Settings) -> Progress:
    return Progress(sys.stderr, quiet=settings.quiet, verbose=settings.verbose)


def probe_and_keep(names: tuple[str, ...], settings: Settings, progress: Progress) -> engine.Probed:
    """The evidence is on disk before anything is judged: a mistake of ours there must not cost it."""
    probed = engine.probe(names, settings, progress)
    keep(probed, settings)
    return probed


def keep(probed: engine.Probed, settings: Settings) -> tuple[Path, ...]:
    """Writes the dossiers where they were asked for."""
    return settings.destinations.write_dossiers({item.dossier.domain: item.text for item in probed.evidence})


def judge_and_report(probed: engine.Probed, settings: Settings, progress: Progress) -> int:
    """Judges, writes the reports, prints the summary; returns the exit status."""
    run = engine.judge(probed, settings)
    tell_bugs(run.bugs, progress)
    if probed.interrupted is not None:
        progress.problem("interrupted: what was seen so far is judged and marked partial")
    if run.audit.targets:
        settings.destinations.write_reports(run.audit, settings.catalogue, settings.texts)
        progress.end()
        if not settings.quiet:
            print_summary(run, settings)
    return run.status


def print_summary(run: engine.Run, settings: Settings) -> None:
    """The audit in short, on standard output, or on standard error where a result took that."""
    stream = sys.stderr if settings.destinations.uses_stdout else sys.stdout
    color = settings.color(stream.isatty())
    text = report.terminal(run.audit, settings.catalogue, settings.texts, color, settings.verbose)
    stream.write(f"{text.rstrip()}\n")
    if settings.destinations.overview is not None:
        stream.write(f"\n{settings.texts.ui('report')}: {settings.destinations.overview}\n")
    stream.flush()


def tell_bugs(bugs: tuple[engine.Bug, ...], progress: Progress) -> None:
    """One clear line for each mistake of ours, after its traceback."""
    for bug in bugs:
        progress.trace(bug.trace)
        progress.problem(bug.line)
