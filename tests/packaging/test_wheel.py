"""The wheel is what users get: it carries one top-level package and works with the sources out of reach."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason="building the wheel needs hatchling (extra `dev`)")

CHECKOUT = Path(__file__).resolve().parents[2]
ROOMS = ("checks", "profiles", "reports")


def run(command: Sequence[str | Path], folder: Path, **environment: str) -> str:
    """What a command prints; the test fails with the command's own words where it fails."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON"))}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=inherited | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], CHECKOUT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the installed wheel and nothing of the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile"]
    run([*pip, "--target", folder, wheel], folder)
    return folder


def python(installed: Path, *arguments: str) -> str:
    return run([sys.executable, *arguments], installed.parent, PYTHONPATH=str(installed), PYTHONSAFEPATH="1")


def test_top_level_is_the_package_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"tr03108", f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"}
    assert not [name for name in names if name.endswith(".pyc")]


def test_every_file_of_the_rooms_is_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for room in ROOMS:
        files = [path for path in (CHECKOUT / room).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        assert files, f"the room {room} is empty"
        for path in files:
            assert f"tr03108/_rooms/{path.relative_to(CHECKOUT).as_posix()}" in names


def test_every_module_is_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (CHECKOUT / "compliance" / "tr03108").rglob("*.py"):
        assert path.relative_to(CHECKOUT / "compliance").as_posix() in names


def test_installed_wheel_finds_its_own_rooms(installed: Path) -> None:
    code = f"from tr03108.rooms import room\nfor name in {ROOMS!r}: print(room(name))"
    found = [Path(line) for line in python(installed, "-c", code).splitlines()]
    assert found == [installed / "tr03108" / "_rooms" / name for name in ROOMS]


def test_installed_wheel_is_typed(installed: Path) -> None:
    assert (installed / "tr03108" / "py.typed").is_file()


@pytest.mark.parametrize("command", ["profiles", "checks"])
def test_installed_wheel_lists_what_it_carries(installed: Path, command: str) -> None:
    expected = {"profiles": "tr-03108-2.0", "checks": "TR-03108-D-02"}[command]
    assert expected in python(installed, "-m", "tr03108", command)


def test_bare_checkout_runs(tmp_path: Path) -> None:
    output = run([sys.executable, "-m", "tr03108", "profiles"], tmp_path, PYTHONPATH=str(CHECKOUT / "compliance"))
    assert "tr-03108-2.0" in output
