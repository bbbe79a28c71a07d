"""Programs of the system: found, run to their end, or kept running for a while and always stopped."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

SYSTEM_PATHS = ("/usr/sbin", "/sbin", "/usr/lib/postfix/sbin")  # not on everybody's PATH


def find(name: str) -> str:
    """The program's path; without it the test cannot run."""
    path = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_PATHS]))
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def run(name: str, *arguments: str | Path, folder: Path | None = None, stdin: bytes = b"") -> str:
    """Standard output of a program that must succeed within a minute."""
    command = [find(name), *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, input=stdin, capture_output=True, timeout=60, check=False)
    output = done.stdout.decode(errors="replace")
    assert done.returncode == 0, (
        f"{' '.join(command)}: {done.returncode}\n{output}\n{done.stderr.decode(errors='replace')}"
    )
    return output


@contextmanager
def server_folder() -> Iterator[Path]:
    """A folder that servers' own users may enter, unlike pytest's; removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="tr03108-interop-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port(address: str = "127.0.0.1") -> int:
    """A port that nobody uses at this moment, for TCP and UDP alike."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream:
            stream.bind((address, 0))
            port: int = stream.getsockname()[1]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
                try:
                    datagram.bind((address, port))
                except OSError:
                    continue
                return port
    raise AssertionError(f"no free port at {address}")


def loopback_addresses(count: int, ports: Sequence[int]) -> list[str]:
    """Addresses in 127.0.0.0/8 whose standard ports are ours to take, for TCP and UDP alike."""
    for _ in range(50):
        network = f"127.{random.randint(16, 250)}.{random.randint(1, 250)}"
        addresses = [f"{network}.{number}" for number in range(1, count + 1)]
        if all(_free(address, port) for address in addresses for port in ports):
            return addresses
    pytest.skip("standard ports cannot be bound at loopback addresses (needs root on Linux)")


def _free(address: str, port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


class Daemon(AbstractContextManager["Daemon"]):
    """A server in the foreground of a process group of its own; ready when its ports accept connections.

    Should we be killed, the system ends it.
    """

    def __init__(self, name: str, *arguments: str | Path, ports: Sequence[tuple[str, int]], log: Path) -> None:
        self._command = [find("setpriv"), "--pdeathsig", "TERM", find(name), *map(str, arguments)]
        self._ports = ports
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        try:
            for port in self._ports:
                self._wait_for(port)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_for(self, port: tuple[str, int]) -> None:
        assert self._process is not None
        end = time.monotonic() + 15
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            try:
                socket.create_connection(port, timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        said = self.log.read_text(errors="replace")
        raise AssertionError(f"{' '.join(self._command)} does not listen at {port[0]}:{port[1]}\n{said}")

    def stop(self) -> None:
        """End the process that we started, its children with it: politely, then for good."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
