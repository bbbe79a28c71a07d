"""The tools that see what a TLS server accepts, each run to its end in a process of its own: ours, sslyze, testssl.sh.

What they found is told in this product's names, so that two tools' lists can be compared.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tr03108.wire.tls.names import GROUPS
from tr03108.wire.tls.suites import SUITES

HERE = Path(__file__).parent
LIMIT = 1800  # seconds for one run of one tool
# Other names of what we call by the registries' names.
GROUP_NAMES = {"prime256v1": "secp256r1", "prime192v1": "secp192r1"} | {name.lower(): name for name in GROUPS.values()}
TESTSSL_VERSIONS = {
    "ssl2": "SSLv2",
    "ssl3": "SSLv3",
    "tls1": "TLSv1",
    "tls1_1": "TLSv1.1",
    "tls1_2": "TLSv1.2",
    "tls1_3": "TLSv1.3",
}
TESTSSL_PROTOCOLS = {
    "SSLv2": "SSLv2",
    "SSLv3": "SSLv3",
    "TLS1": "TLSv1",
    "TLS1_1": "TLSv1.1",
    "TLS1_2": "TLSv1.2",
    "TLS1_3": "TLSv1.3",
}
TESTSSL_OPTIONS = ("--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1")


class Failed(Exception):
    """The tool did not come to an end that can be used; no numbers."""


@dataclass(frozen=True)
class Found:
    """What one run found: `suites` by version (each version accepted is a key), `groups`, and what it could not see."""

    suites: Mapping[str, frozenset[str]]
    groups: frozenset[str]
    failures: tuple[str, ...]

    def items(self) -> frozenset[str]:
        """Everything found as plain lines, to compare two tools by."""
        pairs = (f"{version} {suite}" for version, suites in self.suites.items() for suite in suites)
        return frozenset([*self.suites, *pairs, *(f"group {group}" for group in self.groups)])


@dataclass(frozen=True)
class Run:
    """One run: by the clock from start to end of its process; processor time of it and of all that it started and
    waited for; `scan` is the tool's own clock without the start of its interpreter, where it has one."""

    found: Found
    wall: float
    cpu: float
    scan: float | None


@dataclass(frozen=True)
class Target:
    """A port of 127.0.0.1; TLS starts at once there (`direct`), or by SMTP STARTTLS; at most `at_once` connections."""

    port: int
    direct: bool = False
    at_once: int = 4


@dataclass(frozen=True)
class Tool:
    name: str
    version: str
    run: Callable[[Target], Run]


def peers_folder() -> Path:
    """Where peers.sh puts the peers."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("TR03108_TLS_PEERS") or f"{cache}/tr03108/tls-peers")


def tools() -> Iterator[Tool | str]:
    """Every tool that is here; of one that is not, why."""
    product: list[str | Path] = [sys.executable, HERE / "ours.py"]
    for mode in ("verdict", "full"):
        yield Tool(f"ours, {mode}", "", partial(_python, product, [mode]))
    python, testssl = peers_folder() / "sslyze/bin/python", peers_folder() / "testssl/usr/bin/testssl"
    if python.exists():
        code = "import importlib.metadata as m; print(m.version('sslyze'))"
        version = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        scan = [python, HERE / "sslyze_scan.py"]
        yield Tool("sslyze, lists", version, partial(_python, scan, ["--lists"]))
        yield Tool("sslyze, all", version, partial(_python, scan, []))
    else:
        yield "sslyze is not here: benchmarks/tls/peers.sh installs it"
    if testssl.exists():
        declared = re.search(r'^declare -r VERSION="([^"]+)"', testssl.read_text(errors="replace"), re.MULTILINE)
        version = declared[1] if declared else "of unknown version"
        yield Tool("testssl.sh, lists", version, partial(_testssl, testssl, ["-p", "-E", "-f"]))
        yield Tool("testssl.sh, all", version, partial(_testssl, testssl, ["--full"]))
    else:
        yield "testssl.sh is not here: benchmarks/tls/peers.sh installs it"


def _measured(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> tuple[str, float, float]:
    """Standard output, wall and processor time of a command that must succeed."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            ["/usr/bin/timeout", str(LIMIT), *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env=environment,
        )
        try:
            _, status, used = os.wait4(process.pid, 0)  # of this process and what it waited for, nothing else
        except BaseException:
            process.terminate()  # timeout passes it on to the tool
            raise
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            last = (errors.read().decode(errors="replace").strip() or "no words").splitlines()[-1]
            raise Failed(f"status {process.returncode}: {last}")
        return output.read().decode(errors="replace"), wall, used.ru_utime + used.ru_stime


def _python(program: Sequence[str | Path], options: Sequence[str], target: Target) -> Run:
    """A Python program that prints what it found as JSON."""
    arguments = ["127.0.0.1", str(target.port), *options, "--at-once", str(target.at_once)]
    if target.direct:
        arguments.append("--direct")
    output, wall, cpu = _measured([*program, *arguments])
    told = json.loads(output)
    suites = {version: frozenset(names) for version, names in told["suites"].items()}
    groups = frozenset(GROUP_NAMES.get(name.lower(), name) for name in told["groups"])
    return Run(Found(suites, groups, tuple(told["failures"])), wall, cpu, told["seconds"])


def _testssl(program: Path, options: Sequence[str], target: Target) -> Run:
    """testssl.sh, one connection after the other; what it found is in a file of JSON."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        where = [*([] if target.direct else ["-t", "smtp"]), f"localhost:{target.port}"]
        command: list[str | Path] = [program, *TESTSSL_OPTIONS, "--jsonfile", report, *options, *where]
        environment = os.environ | {"TESTSSL_INSTALL_DIR": str(peers_folder() / "testssl/etc/testssl")}
        _, wall, cpu = _measured(command, environment)
        return Run(_read_testssl(json.loads(report.read_text())), wall, cpu, None)


def _read_testssl(report: Sequence[Mapping[str, str]]) -> Found:
    suites: dict[str, set[str]] = {}
    groups: set[str] = set()
    failures: list[str] = []
    for each in report:
        name, finding = each["id"], each["finding"]
        if name in TESTSSL_PROTOCOLS and finding.startswith("offered"):
            suites.setdefault(TESTSSL_PROTOCOLS[name], set())
        elif name.startswith("cipher-"):
            version, _, code = name.removeprefix("cipher-").rpartition("_x")
            named = SUITES.get(int(code, 16), f"0x{code}")
            suites.setdefault(TESTSSL_VERSIONS[version], set()).add(named)
        elif name.endswith("FS_ECDHE_curves"):
            groups.update(GROUP_NAMES.get(word.lower(), word) for word in finding.split())
        elif each["severity"] in ("WARN", "FATAL") and name != "engine_problem":  # of its own OpenSSL, for GOST
            failures.append(f"{name}: {finding}")
    return Found({version: frozenset(names) for version, names in suites.items()}, frozenset(groups), tuple(failures))
