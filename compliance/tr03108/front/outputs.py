"""Where results go: a report folder, single files, standard output; and files that are whole or not there.

What can be known before probing is checked before probing: see `Destinations.check`.
"""

from __future__ import annotations

import os
import secrets
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tr03108 import report
from tr03108.catalogue import Catalogue
from tr03108.model import Audit, UsageError

STDOUT = "-"
DEFAULT_FOLDER = Path("tr03108-report")
DOSSIER = "dossier"

_Renderer = Callable[[Audit, Catalogue, report.Texts], str]
_RENDERERS: Mapping[str, _Renderer] = {
    "html": report.html,
    "json": report.audit_json,
    "junit": report.junit,
    "sarif": report.sarif,
}
_FOLDER_FILES: Mapping[str, str] = {"html": "audit.html", "json": "audit.json", "junit": "junit.xml"}


@dataclass(frozen=True, slots=True)
class Destinations:
    """`folder` for the whole set, or None; `files` for single ones by kind (html, json, junit, sarif, dossier)."""

    folder: Path | None
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def uses_stdout(self) -> bool:
        return STDOUT in self.files.values()

    @property
    def overview(self) -> Path | None:
        """The HTML report of the run, where one is written to a file."""
        if self.folder is not None:
            return self.folder / _FOLDER_FILES["html"]
        file = self.files.get("html")
        return None if file in (None, STDOUT) else Path(str(file))

    def check(self, domains: Sequence[str], reports: bool = True) -> None:
        """Raises UsageError unless every file of a run over `domains` can be written. Leaves nothing behind."""
        if DOSSIER in self.files and len(domains) != 1:
            raise UsageError(f"--dossier takes one domain, not {len(domains)}: use --output DIR")
        if list(self.files.values()).count(STDOUT) > 1:
            raise UsageError("only one result can go to standard output (-)")
        try:
            self._check_paths(domains, reports)
        except (OSError, ValueError) as error:  # a name too long, a NUL in it, a loop of links
            raise UsageError(f"cannot write the results: {error}") from None

    def _check_paths(self, domains: Sequence[str], reports: bool) -> None:
        paths = [Path(file) for file in self.files.values() if file != STDOUT]
        if len({path.resolve() for path in paths}) < len(paths):
            raise UsageError("two results are to go to the same file")
        for path in paths:
            ours = self.folder is not None and path.resolve().parent == self.folder.resolve()
            if not ours or path.parent.exists():  # a folder that is made for the results may hold others, too
                _check_file(path)
        if self.folder is not None:
            _check_folder(self.folder)
            for name in _FOLDER_FILES.values() if reports else ():
                _check_no_folder(self.folder / name)
            for domain in domains:
                _check_no_folder(self._dossier_of(domain))
                if (self.folder / domain).exists():
                    _check_folder(self.folder / domain)

    def write_dossiers(self, texts: Mapping[str, str]) -> tuple[Path, ...]:
        """Writes the evidence, given by domain; returns the files written."""
        files: dict[Path | str, str] = {}
        for domain, text in texts.items():
            if self.folder is not None:
                files[self._dossier_of(domain)] = text
            if DOSSIER in self.files:
                files[_destination(self.files[DOSSIER])] = text
        return write_all(files)

    def write_reports(self, audit: Audit, catalogue: Catalogue, texts: report.Texts) -> tuple[Path, ...]:
        """Renders everything asked for, then writes it; returns the files written."""
        files: dict[Path | str, str] = {}
        for kind, render in _RENDERERS.items():
            places: list[Path | str] = [_destination(self.files[kind])] if kind in self.files else []
            if self.folder is not None and kind in _FOLDER_FILES:
                places.append(self.folder / _FOLDER_FILES[kind])
            if places:
                files |= dict.fromkeys(places, render(audit, catalogue, texts))
        return write_all(files)

    def _dossier_of(self, domain: str) -> Path:
        assert self.folder is not None
        return self.folder / domain / "dossier.json"


def write_all(files: Mapping[Path | str, str]) -> tuple[Path, ...]:
    """Writes every file beside its place first and moves all there only then: whole files or none.

    "-" is standard output, and goes last. Raises UsageError where the file system refuses.
    """
    ready: list[tuple[Path, Path]] = []
    try:
        for place, text in files.items():
            if isinstance(place, Path):
                path = place.resolve()  # a symbolic link stays one
                path.parent.mkdir(parents=True, exist_ok=True)
                if path.exists() and not path.is_file():  # a pipe or a device: nothing to move over it
                    path.write_text(text, encoding="utf-8")
                    continue
                beside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}")
                ready.append((beside, path))
                with beside.open("x", encoding="utf-8", newline="\n") as stream:
                    stream.write(text)
        while ready:
            beside, path = ready[0]
            beside.replace(path)
            ready.pop(0)
        for place, text in files.items():
            if place == STDOUT:
                sys.stdout.flush()
                sys.stdout.buffer.write(text.encode() if text.endswith("\n") else f"{text}\n".encode())
                sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _not_writable(Path(str(error.filename or "standard output")), error) from None
    finally:
        for beside, _ in ready:
            with suppress(OSError):
                beside.unlink()
    return tuple(place for place in files if isinstance(place, Path))


def _destination(file: str) -> Path | str:
    return file if file == STDOUT else Path(file)


def _not_writable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"cannot write {path}: {error.strerror or error}")


def _check_file(path: Path) -> None:
    _check_no_folder(path)
    if not path.resolve().parent.is_dir():
        raise UsageError(f"cannot write {path}: the folder {path.parent} does not exist")
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        if not os.access(path, os.W_OK):
            raise UsageError(f"cannot write {path}: not writable")
        return
    _check_folder(path.resolve().parent)


def _check_no_folder(path: Path) -> None:
    if path.is_dir():
        raise UsageError(f"cannot write {path}: it is a folder")


def _check_folder(folder: Path) -> None:
    """Tries it: permission bits say little to root, on read-only file systems and under access control lists."""
    made: list[Path] = []
    try:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        for path in reversed(missing):
            path.mkdir()
            made.append(path)
        trial = folder / f".tr03108.{secrets.token_hex(4)}"
        trial.touch(exist_ok=False)
        trial.unlink()
    except OSError as error:
        raise _not_writable(folder, error) from None
    finally:
        for path in reversed(made):
            with suppress(OSError):
                path.rmdir()
