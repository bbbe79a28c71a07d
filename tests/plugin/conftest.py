"""Dossiers of the embedded lab, and pytest in a process of its own."""

from __future__ import annotations

import asyncio
import io
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tr03108
from tr03108 import audit as engine
from tr03108.cli.lab import write_lab_files
from tr03108.front.options import AUDIT
from tr03108.front.progress import Progress
from tr03108.front.settings import read_settings
from tr03108.lab.scenarios import load_scenarios
from tr03108.lab.world import World

DOMAINS = ("flawless.example", "tlsa-mismatch.example", "no-starttls.example")


@pytest.fixture(scope="session")
def dossiers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A dossier of each of DOMAINS, by domain."""
    folder = tmp_path_factory.mktemp("dossiers")

    async def probe() -> engine.Probed:
        async with World([scenario for scenario in load_scenarios() if scenario.domain in DOMAINS]) as world:
            files = write_lab_files(world, folder)
            given = {"trust_anchor": files["trust_anchor"], "ca_file": files["ca_file"], "connect": world.connect}
            given |= {"resolver": [world.resolver], "timeout": "2", "second_look": "0.1"}
            return await engine.probe_domains(world.domains, read_settings(given, AUDIT), Progress(io.StringIO()))

    found = {}
    for item in asyncio.run(probe()).evidence:
        found[item.dossier.domain] = folder / f"{item.dossier.domain}.json"
        found[item.dossier.domain].write_text(item.text, encoding="utf-8")
    assert set(found) == set(DOMAINS)
    return found


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
    """Runs pytest with the plugin, as from an installation: nothing of this checkout's pyproject.toml counts."""
    monkeypatch.setenv("PYTHONPATH", str(Path(tr03108.__file__).parents[1]))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return lambda *arguments: pytester.runpytest_subprocess("-p", "tr03108.plugin", *map(str, arguments))


@pytest.fixture
def lab_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The lab in a process of its own; what pytest needs to be told to audit it."""
    monkeypatch.setenv("PYTHONPATH", str(Path(tr03108.__file__).parents[1]))
    command = [sys.executable, "-m", "tr03108", "lab", "--folder", str(tmp_path / "lab")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        audit = next(line for line in process.stdout if line.startswith("tr03108 audit"))
        yield [re.sub("^--", "--tr-", word) for word in shlex.split(audit)[3:]]
        process.terminate()
