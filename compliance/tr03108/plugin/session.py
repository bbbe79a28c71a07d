"""An audit as a pytest session: probe once in the controller, then one item for each check and subject.

Loaded by `tr03108.plugin` only where an audit is wanted.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Collection, Generator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pytest_html import extras  # type: ignore[import-untyped]

from tr03108 import audit as engine
from tr03108.front.domains import normalise_all
from tr03108.front.options import PYTEST, PYTEST_OPTIONS
from tr03108.front.progress import Progress, printable
from tr03108.front.settings import Settings, read_settings
from tr03108.judge import Check
from tr03108.model import UsageError
from tr03108.plugin.calls import Listing
from tr03108.plugin.items import CheckFile, CheckItem, evidence_text
from tr03108.plugin.paths import SHIPPED, Wanted, is_check_file, reclaim_redirections, split_arguments
from tr03108.rooms import room

CATALOGUE_FILE = "catalogue.toml"  # stands in node ids for cases without a check
NAME = "tr03108-session"
_DOSSIERS = "tr03108_dossiers"  # in xdist's workerinput: where the workers find what the controller saw
_OURS = re.compile(rf"(?<![\w-])--(?=(?:{'|'.join(option.name for option in PYTEST_OPTIONS)})\b)")
T = TypeVar("T")


def wake(config: pytest.Config, given: Mapping[str, Any]) -> None:
    """Checks the options and registers the session's plugin. Raises pytest.UsageError."""
    config.addinivalue_line("markers", "must: what the gate `must` looks at (MUST findings of MUST requirements)")
    config.args, connect = reclaim_redirections(config, given.get("connect", ()))
    if connect:
        given = {**given, "connect": connect}
    config.pluginmanager.register(AuditSession(config, given), NAME)


class AuditSession:
    """The hooks of one session that audits."""

    def __init__(self, config: pytest.Config, given: Mapping[str, Any]) -> None:
        self.config = config
        self.names = _usage(lambda: normalise_all(given.get("target") or ()))
        self.files = [Path(file).resolve() for file in given.get("dossier") or ()]
        if self.names and self.files:
            raise pytest.UsageError("--tr-target probes and --tr-dossier judges what was probed: give one of them")
        worker: dict[str, Any] | None = getattr(config, "workerinput", None)
        if worker is not None:
            self.files = [Path(file) for file in worker.get(_DOSSIERS, ())]
        self.worker = worker is not None
        listing = bool(config.option.collectonly)
        if not (self.names or self.files or listing):
            raise pytest.UsageError("checks need --tr-target DOMAIN or --tr-dossier FILE")
        self.settings: Settings = _usage(lambda: read_settings(given, PYTEST))
        self.probed = _usage(lambda: engine.reread(self.files, self.settings)) if self.files else None
        self.wanted = self._take_arguments(config)
        _keep_ids(config, {CATALOGUE_FILE, *(check.file for check in self.settings.checks)})
        self.run: engine.Run | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._listing: Listing | None = None
        if not self.worker:
            domains = [item.dossier.domain for item in self.probed.evidence] if self.probed else list(self.names)
            _usage(lambda: self.settings.destinations.check(domains))

    def _take_arguments(self, config: pytest.Config) -> tuple[Wanted, ...]:
        """Takes what names shipped checks out of pytest's own collection; no path at all means: only those."""
        everything = (Wanted(None, None),)
        if not config.args or config.args_source is not pytest.Config.ArgsSource.ARGS:
            config.args = []
            return everything
        wanted, others = split_arguments(config.args, config.invocation_params.dir)
        config.args = list(others)
        for one in wanted:
            if one.file is not None and not (room("checks") / one.file).is_file():
                raise pytest.UsageError(f"file or directory not found: checks/{one.file}")
        return wanted or everything

    # ---------------------------------------------------------------------------------------------- probing, judging

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Probes, keeps the evidence and writes the reports, before xdist starts its workers (its hook is last)."""
        if self.worker or self.config.option.collectonly:
            return
        if self.probed is None:
            progress = Progress(sys.stderr, quiet=self.settings.quiet or self.config.option.verbose < 0)
            self.probed = engine.probe(self.names, self.settings, progress)
            self.files = self._keep(self.probed)
        else:
            _usage(lambda: self._write_dossiers(self.probed))
        self.run = engine.judge(self.probed, self.settings)
        for bug in self.run.bugs:
            sys.stderr.write(f"{bug.trace}tr03108: {printable(bug.line)}\n")
        if self.run.audit.targets:
            run, settings = self.run, self.settings
            _usage(lambda: settings.destinations.write_reports(run.audit, settings.catalogue, settings.texts))
        if self.probed.interrupted is not None:
            raise KeyboardInterrupt

    def _write_dossiers(self, probed: engine.Probed | None) -> tuple[Path, ...]:
        items = probed.evidence if probed is not None else ()
        return self.settings.destinations.write_dossiers({item.dossier.domain: item.text for item in items})

    def _keep(self, probed: engine.Probed) -> list[Path]:
        """The evidence on disk: where the user wants it, else for as long as the session lasts."""
        written = [path.resolve() for path in _usage(lambda: self._write_dossiers(probed))]
        if written:
            return written
        self._folder = tempfile.TemporaryDirectory(prefix="tr03108-")
        paths = []
        for item in probed.evidence:
            path = Path(self._folder.name) / f"{item.dossier.domain}.json"
            path.write_text(item.text, encoding="utf-8")
            paths.append(path)
        return paths

    def pytest_unconfigure(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tells an xdist worker where the evidence is."""
        node.workerinput[_DOSSIERS] = [str(path) for path in self.files]

    # ------------------------------------------------------------------------------------------------------ collection

    @property
    def listing(self) -> Listing:
        """The items of what was seen; of nothing seen under --collect-only without a dossier."""
        if self._listing is None:
            evidence = self.probed.evidence if self.probed is not None else ()
            self._listing = Listing([item.dossier for item in evidence], self.settings)
        return self._listing

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Puts the shipped checks before whatever else the session collects."""
        report = yield
        if isinstance(collector, pytest.Session) and report.passed:
            report.result = [*self._shipped(collector), *report.result]
        return report

    def _shipped(self, session: pytest.Session) -> list[CheckFile]:
        files = self.listing.by_file()
        for one in self.wanted:
            if one.name and not any(one.takes(file, name) for file, items in files.items() for name, _ in items):
                raise pytest.UsageError(f"not found: checks/{one.file}::{one.name}")
        found = []
        for file, items in files.items():
            taken = [(name, call) for name, call in items if any(one.takes(file, name) for one in self.wanted)]
            if taken:
                path = room("checks") / file
                found.append(CheckFile.make(session, file, path, taken, self.settings.texts))
        return found

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
        """The user's own check files in folders that the user named; what pytest takes itself stays pytest's."""
        if parent.session.isinitpath(file_path) or not is_check_file(file_path):
            return None
        if any(file_path.match(pattern) for pattern in self.config.getini("python_files")):
            return None
        module: pytest.Module = pytest.Module.from_parent(parent, path=file_path)
        return module

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, collector: pytest.Collector, name: str, obj: object) -> list[CheckItem] | None:
        """The items of a check in a user's own file."""
        if not isinstance(obj, Check) or obj.file != collector.path.name:
            return None
        return [
            CheckItem.make(collector, item_name, call, self.settings.texts) for item_name, call in self.listing.of(obj)
        ]

    # ------------------------------------------------------------------------------------------------------- reporting

    def pytest_report_header(self) -> str:
        what = ", ".join([*self.names, *(str(file) for file in self.files if not self.names)])
        return f"tr03108: {what or 'nothing probed'}, profile {self.settings.profile.id}, gate {self.settings.gate}"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """The evidence for pytest-html, as text: never as HTML, for it came from the network."""
        report = yield
        wanted = report.when == "call" or report.outcome != "passed"
        if wanted and isinstance(item, CheckItem) and item.finding is not None and _writes_html(self.config):
            evidence = extras.text(evidence_text(item.finding), name="evidence")
            report.extras = [*getattr(report, "extras", ()), evidence]  # type: ignore[attr-defined] # pytest-html's
        return report

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Each domain's verdict, and where the results are."""
        if self.run is None:
            return
        terminalreporter.section("tr03108")
        for target in self.run.audit.targets:
            terminalreporter.write_line(self.settings.texts.sentence(target, self.settings.profile.id))
        if self.settings.destinations.overview is not None:
            terminalreporter.write_line(f"report: {self.settings.destinations.overview}")


def _writes_html(config: pytest.Config) -> bool:
    return bool(config.getoption("htmlpath", None))


def _keep_ids(config: pytest.Config, files: Collection[str]) -> None:
    """Shows our node ids as they are; pytest would make them relative to where it was started, though no file is."""
    ours = {f"{SHIPPED}/{file}" for file in files}
    relative: Any = config.cwd_relative_nodeid

    def plain(nodeid: Any) -> Any:  # a string, since pytest 9.2 a class of its own
        return nodeid if str(nodeid).partition("::")[0] in ours else relative(nodeid)

    config.cwd_relative_nodeid = plain  # type: ignore[method-assign]


def _usage(action: Callable[[], T]) -> T:
    """Our wrong usage as pytest's (exit status 4), with our options called what pytest calls them."""
    try:
        return action()
    except UsageError as error:
        raise pytest.UsageError(printable(_OURS.sub("--tr-", str(error)))) from None
