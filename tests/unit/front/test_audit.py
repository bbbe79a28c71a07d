"""The engine of both front doors: bugs, interruptions, exit statuses. Probes are fakes that speak its protocol."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tr03108 import audit as engine
from tr03108 import dossier as codec
from tr03108.anchors import IANA_ANCHORS
from tr03108.front.options import AUDIT, JUDGE
from tr03108.front.progress import Progress
from tr03108.front.settings import Settings, read_settings
from tr03108.judge import judge_target
from tr03108.model import Dossier, UsageError, Vantage

THEN = datetime(2026, 11, 1, 12, tzinfo=UTC)


def seen(domain: str, settings: Settings, *, complete: bool = True) -> Dossier:
    return Dossier(domain, THEN, THEN, complete, "0", settings.plan, Vantage((), None, None), IANA_ANCHORS, (), {})


class FakeNetwork:
    def __init__(self, plan: object) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@pytest.fixture
def settings() -> Settings:
    return read_settings({"profile": "inbound-dane"}, AUDIT)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Callable[[dict[str, Any]], None]:
    """Replaces the probe: what each domain's run does is given by domain (an awaitable maker, or nothing)."""

    def install(runs: dict[str, Any]) -> None:
        class FakeProbe:
            def __init__(self, domain: str, *rest: object) -> None:
                self.domain = domain

            async def run(self) -> None:
                if self.domain in runs:
                    await runs[self.domain]()

            def dossier(self, complete: bool) -> Dossier:
                if f"{self.domain}!" in runs:
                    raise KeyError("saving")
                return seen(self.domain, settings, complete=complete)

        monkeypatch.setattr(engine, "Network", FakeNetwork)
        monkeypatch.setattr(engine, "Probe", FakeProbe)

    return install


@pytest.fixture
def progress(tmp_path: Path) -> Any:
    with (tmp_path / "progress").open("w", encoding="utf-8") as stream:
        yield Progress(stream)


async def broken() -> None:
    raise KeyError("probing")


def test_a_bug_in_one_domain_leaves_the_others(fake: Any, settings: Settings, progress: Progress) -> None:
    fake({"b.example": broken})
    probed = engine.probe(["a.example", "b.example", "c.example"], settings, progress)
    assert [(item.dossier.domain, item.dossier.complete) for item in probed.evidence] == [
        ("a.example", True),
        ("b.example", False),
        ("c.example", True),
    ]
    assert [bug.where for bug in probed.bugs] == ["probing b.example"]
    assert "\n" not in probed.bugs[0].line
    assert "in broken" in probed.bugs[0].trace
    assert probed.status == 70
    run = engine.judge(probed, settings)
    assert run.status == 70
    assert len(run.audit.targets) == 3
    assert not run.audit.complete


def test_a_bug_that_even_costs_the_evidence(fake: Any, settings: Settings, progress: Progress) -> None:
    fake({"a.example": broken, "a.example!": None})
    probed = engine.probe(["a.example", "b.example"], settings, progress)
    assert [item.dossier.domain for item in probed.evidence] == ["b.example"]
    assert len(probed.bugs) == 2


def test_a_bug_in_judging(monkeypatch: pytest.MonkeyPatch, fake: Any, settings: Settings, progress: Progress) -> None:
    fake({})

    def sometimes_broken(dossier: Dossier, *rest: Any) -> Any:
        if dossier.domain == "a.example":
            raise ZeroDivisionError
        return judge_target(dossier, *rest)

    monkeypatch.setattr(engine, "judge_target", sometimes_broken)
    run = engine.audit(["a.example", "b.example"], settings, progress)
    assert [target.domain for target in run.audit.targets] == ["b.example"]
    assert run.status == 70


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_probe_with_what_was_seen(
    fake: Any, settings: Settings, progress: Progress, number: int
) -> None:
    async def signalled() -> None:
        os.kill(os.getpid(), number)
        await asyncio.sleep(60)

    before = signal.getsignal(number)
    many = [f"d{index}.example" for index in range(engine.CONCURRENT_DOMAINS + 3)]
    fake({many[0]: signalled} | dict.fromkeys(many[1:], lambda: asyncio.sleep(60)))
    probed = engine.probe(many, settings, progress)
    assert probed.interrupted == number
    assert [item.dossier.domain for item in probed.evidence] == many
    assert not any(item.dossier.complete for item in probed.evidence)
    assert probed.status == 128 + number
    run = engine.judge(probed, settings)
    assert run.status == run.audit.exit_status == 128 + number
    assert not run.audit.complete
    assert signal.getsignal(number) == before


def test_no_more_domains_at_once_than_agreed(fake: Any, settings: Settings, progress: Progress) -> None:
    at_once = [0, 0]

    async def counted() -> None:
        at_once[0] += 1
        at_once[1] = max(at_once)
        await asyncio.sleep(0.01)
        at_once[0] -= 1

    names = [f"d{index}.example" for index in range(3 * engine.CONCURRENT_DOMAINS)]
    fake(dict.fromkeys(names, counted))
    engine.probe(names, settings, progress)
    assert at_once[1] == engine.CONCURRENT_DOMAINS


@pytest.mark.parametrize(
    ("statuses", "status"), [([0, 3, 1, 70], 70), ([3, 1, 0], 1), ([0, 3], 3), ([0, 0], 0), ([], 0)]
)
def test_the_worst_status_counts(statuses: list[int], status: int) -> None:
    assert engine.worst(statuses) == status


def test_nothing_seen_is_open_not_failed(fake: Any, settings: Settings, progress: Progress) -> None:
    fake({})
    run = engine.audit(["a.example"], settings, progress)
    assert run.status == 3
    assert run.audit.as_of == THEN


def test_the_date_given_wins_over_the_dossiers(fake: Any, progress: Progress) -> None:
    fake({})
    run = engine.audit(["a.example"], read_settings({"as_of": "2030-01-01"}, AUDIT), progress)
    assert run.audit.as_of == datetime(2030, 1, 1, tzinfo=UTC)


def test_saved_dossiers_are_judged_alike(tmp_path: Path, fake: Any, settings: Settings, progress: Progress) -> None:
    fake({})
    probed = engine.probe(["a.example"], settings, progress)
    file = tmp_path / "dossier.json"
    file.write_text(probed.evidence[0].text, encoding="utf-8")
    saved = read_settings({"profile": "inbound-dane"}, JUDGE)
    again = engine.judge(engine.reread([file], saved), saved)
    assert again.audit.targets == engine.judge(probed, settings).audit.targets


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": "tr03108.dossier/9"}', "\udcff", "null", "[" * 100_000])
def test_what_is_no_dossier(tmp_path: Path, content: str) -> None:
    file = tmp_path / "dossier.json"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError) as caught:
        engine.Evidence.read(file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_dossiers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="No such file"):
        engine.Evidence.read(tmp_path / "missing")
    with pytest.raises(UsageError, match="directory"):
        engine.Evidence.read(tmp_path)
    monkeypatch.setattr(engine, "MAXIMUM_DOSSIER", 10)
    (tmp_path / "large").write_text("x" * 11, encoding="utf-8")
    with pytest.raises(UsageError, match="larger than"):
        engine.Evidence.read(tmp_path / "large")
    with pytest.raises(UsageError, match="larger than"):
        engine.Evidence.read(Path("/dev/zero"))


@pytest.mark.parametrize("domain", ["../../etc", "/etc", "A.example", "", "a..b"])
def test_a_dossiers_domain_cannot_lead_elsewhere(tmp_path: Path, settings: Settings, domain: str) -> None:
    file = tmp_path / "dossier.json"
    file.write_text(codec.encode(seen(domain, settings)), encoding="utf-8")
    with pytest.raises(UsageError, match="domain"):
        engine.Evidence.read(file)


def test_two_dossiers_of_a_domain(tmp_path: Path, settings: Settings) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    for file in files:
        file.write_text(codec.encode(seen("a.example", settings)), encoding="utf-8")
    with pytest.raises(UsageError, match="more than one dossier"):
        engine.reread(files, read_settings({}, JUDGE))
