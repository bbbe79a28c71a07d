"""Files that are whole or not there."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tr03108.front.outputs import Destinations, write_all
from tr03108.model import UsageError


def everything_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_checking_leaves_nothing_behind(tmp_path: Path) -> None:
    Destinations(tmp_path / "a" / "b", {"html": str(tmp_path / "x.html")}).check(["example.org"])
    assert everything_in(tmp_path) == set()


def test_a_single_file_in_the_folder_that_is_to_be(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    Destinations(folder, {"sarif": str(folder / "audit.sarif")}).check(["example.org"])
    with pytest.raises(UsageError, match="does not exist"):
        Destinations(folder, {"sarif": str(folder / "below" / "audit.sarif")}).check(["example.org"])
    assert everything_in(tmp_path) == set()


@pytest.mark.parametrize("folder", ["file/below", "file", "\0", "x" * 300])
def test_a_folder_that_cannot_be(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot write") as caught:
        Destinations(tmp_path / folder).check(["example.org"])
    assert "\n" not in str(caught.value)
    assert everything_in(tmp_path) == {"file"}


def test_a_folder_in_the_place_of_a_report(tmp_path: Path) -> None:
    (tmp_path / "audit.html").mkdir()
    with pytest.raises(UsageError, match="it is a folder"):
        Destinations(tmp_path).check(["example.org"])


def test_a_file_in_the_place_of_a_domains_folder(tmp_path: Path) -> None:
    (tmp_path / "example.org").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=r"example\.org"):
        Destinations(tmp_path).check(["example.org"])


@pytest.mark.parametrize(
    ("files", "domains", "why"),
    [
        ({"html": "-", "json": "-"}, ["a.example"], "only one result"),
        ({"html": "a", "json": "./a"}, ["a.example"], "same file"),
        ({"dossier": "a"}, ["a.example", "b.example"], "--dossier takes one domain"),
        ({"html": "no/such/folder/a.html"}, ["a.example"], "does not exist"),
        ({"html": "."}, ["a.example"], "it is a folder"),
    ],
)
def test_wrong_single_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], domains: list[str], why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=why):
        Destinations(None, files).check(domains)
    assert everything_in(tmp_path) == set()


def test_all_files_or_none(tmp_path: Path) -> None:
    (tmp_path / "good").write_text("old", encoding="utf-8")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "full").write_text("so that it cannot be replaced", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot write"):
        write_all({tmp_path / "good": "new", tmp_path / "file" / "x": "", tmp_path / "good" / "impossible": "x"})
    assert (tmp_path / "good").read_text(encoding="utf-8") == "old"
    assert not [name for name in everything_in(tmp_path) if name.rpartition("/")[2].startswith(".")]


def test_new_files_follow_the_umask_and_links_stay(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old", encoding="utf-8")
    (tmp_path / "link").symlink_to("real")
    before = os.umask(0o027)
    try:
        write_all({tmp_path / "link": "new", tmp_path / "sub" / "fresh": "new"})
    finally:
        os.umask(before)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text(encoding="utf-8") == "new"
    assert stat.S_IMODE((tmp_path / "sub" / "fresh").stat().st_mode) == 0o640


def test_a_device_is_written_not_replaced() -> None:
    Destinations(None, {"json": os.devnull}).check(["example.org"])
    write_all({Path(os.devnull): "gone"})
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_stdout_gets_utf8(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    write_all({"-": "größer"})
    assert capsysbinary.readouterr().out == "größer\n".encode()
