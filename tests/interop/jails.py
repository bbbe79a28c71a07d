"""Programs that tests/interop/unpack.sh unpacked, each in a root of its own: its paths, its users, nothing else's."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from interop.programs import Daemon, find, run

NOBODY = 65534  # every other user of a jail is this one as well, so that no file belongs to somebody outside


def unpacked(name: str) -> Path:
    """The folder of an unpacked server; without it the test cannot run."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.get("TR03108_UNPACKED") or cache / "tr03108" / "unpacked") / name
    if not (folder / "unpacked").is_file():
        pytest.skip(f"{name} is not in {folder.parent}: run tests/interop/unpack.sh")
    return folder


class Jail:
    """A root folder with one unpacked program, the libraries that it loads, and a few users."""

    def __init__(self, root: Path, name: str, program: str, users: Mapping[str, str]) -> None:
        """`program` is its path in the package; `users` maps names to home folders."""
        source = unpacked(name)
        find("chroot")
        if os.geteuid() != 0:
            pytest.skip(f"{name} runs in a root of its own, which takes root")
        self.root = root
        self._program = program
        shutil.copytree(source, root, symlinks=True)
        root.chmod(0o755)
        for folder in ("dev", "etc", "tmp", "run", "var/log", "var/run", "var/spool"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        os.mknod(root / "dev/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        (root / "dev/null").chmod(0o666)
        people = {"root": (0, "/"), **{user: (NOBODY, home) for user, home in users.items()}}
        self.write(
            "etc/passwd", "".join(f"{user}:x:{n}:{n}::{home}:/bin/false\n" for user, (n, home) in people.items())
        )
        self.write("etc/group", "".join(f"{user}:x:{number}:\n" for user, (number, _) in people.items()))
        for home in users.values():
            (root / home.lstrip("/")).mkdir(mode=0o755, parents=True, exist_ok=True)
        self.add_libraries(root / program.lstrip("/"))

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def add_owned(self, *paths: str) -> None:
        """Folders that the jail's users may write to."""
        for path in paths:
            folder = self.root / path
            folder.mkdir(parents=True, exist_ok=True)
            os.chown(folder, NOBODY, NOBODY)

    def add_libraries(self, program: Path) -> None:
        """What the loader would load, from the package where it brings it, else from this system."""
        own = [str(folder) for parent in ("usr/lib", "lib") for folder in self.root.glob(f"{parent}/*-linux-gnu*")]
        listing = run("env", f"LD_LIBRARY_PATH={os.pathsep.join(own)}", find("ldd"), program)
        missing = re.findall(r"(\S+) => not found", listing)
        assert not missing, f"{program.name} needs {', '.join(missing)}"
        for found in re.findall(r"(/\S+) \(0x", listing):
            inside = self.root / found.lstrip("/")
            if not Path(found).is_relative_to(self.root) and not inside.exists():
                inside.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(found, inside)

    def daemon(self, *arguments: str, port: tuple[str, int], log: Path, more: Sequence[tuple[str, int]] = ()) -> Daemon:
        """The program in its root; ready when `port`, and `more` of them, accept connections."""
        return Daemon("chroot", self.root, self._program, *arguments, ports=[port, *more], log=log)
