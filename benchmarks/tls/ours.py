"""What this product finds at one port, as JSON on standard output; a process of its own, measured as the peers are.

ours.py ADDRESS PORT verdict|full [--at-once N] [--direct]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Seen:
    """Suites by version, named as in tr03108.wire.tls.names; `groups` likewise. `failures`: what could not be seen."""

    suites: dict[str, list[str]]
    groups: list[str]
    failures: list[str]


async def ours(address: str, port: int, mode: str, *, at_once: int, direct: bool) -> Seen:
    """Asks the server at ADDRESS:PORT in `mode` ("verdict" or "full"), over SMTP STARTTLS unless `direct`.

    At most `at_once` connections at the same time, no redirection. Returns what the judging side reads from the
    exchanges: every version accepted is a key of `suites`, even where the mode brought none of its suites. Raises
    NotImplementedError while there is no survey to measure; then run.py leaves our rows out and says so.
    """
    raise NotImplementedError("there is no survey to measure yet")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("mode", choices=("verdict", "full"))
    parser.add_argument("--at-once", type=int, default=4, help="connections at the same time")
    parser.add_argument("--direct", action="store_true", help="TLS from the first octet on, no STARTTLS")
    options = parser.parse_args()
    started = time.perf_counter()
    try:
        where = (options.address, options.port, options.mode)
        seen = asyncio.run(ours(*where, at_once=options.at_once, direct=options.direct))
    except NotImplementedError as missing:
        sys.exit(str(missing))
    print(json.dumps(asdict(seen) | {"seconds": time.perf_counter() - started}))
