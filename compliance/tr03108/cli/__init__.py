"""The command line: `tr03108 audit example.org` and its siblings. Entry point `main`."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tr03108.audit import OUR_BUG
from tr03108.cli.demo import demo
from tr03108.cli.explain import checks, explain, profiles
from tr03108.cli.lab import lab
from tr03108.cli.parser import build_parser
from tr03108.cli.run import audit, judge, probe
from tr03108.front.progress import printable
from tr03108.model import UsageError

WRONG_USAGE = 2
INTERRUPTED = 130  # 128 + SIGINT
BROKEN_PIPE = 141  # 128 + SIGPIPE

COMMANDS: Mapping[str, Callable[[Mapping[str, Any]], int]] = {
    "audit": audit,
    "probe": probe,
    "judge": judge,
    "demo": demo,
    "lab": lab,
    "profiles": profiles,
    "checks": checks,
    "explain": explain,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status; --help and --version raise SystemExit(0)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without our letters is no reason to fail
    try:
        given = vars(build_parser().parse_args(arguments))
        status = COMMANDS[given["command"]](given)
        sys.stdout.flush()
        return status
    except UsageError as error:
        _say(f"tr03108: {printable(str(error))}")
        return WRONG_USAGE
    except BrokenPipeError:
        # Whoever read our output has gone; what is still buffered must not complain at interpreter exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        _say("tr03108: interrupted")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 the front door: our bug, said as such
        traceback.print_exc()
        _say(f"tr03108: internal error: {type(error).__name__}: {error} (a bug of tr03108, please report it)")
        return OUR_BUG


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
