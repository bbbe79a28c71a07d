"""Thousands of random lookups beside Unbound and delv (`make soak`); prints seeds and counts.

Not named test_*: it runs only when it is named. TR03108_SOAK_LOOKUPS says how many lookups at least, TR03108_SOAK_SEED
where the seeds begin; without it they begin somewhere else each time.
"""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path

from interop.dnssec_differential import run
from interop.dnssec_trees import QUESTIONS
from interop.programs import find

LOOKUPS = int(os.environ.get("TR03108_SOAK_LOOKUPS") or 6000)
SEED = int(os.environ.get("TR03108_SOAK_SEED") or secrets.randbelow(10**6))


def test_soak(tmp_path: Path) -> None:
    for program in ("unbound", "delv"):
        find(program)
    seeds = range(SEED, SEED + -(-LOOKUPS // QUESTIONS))
    began = time.monotonic()
    tally = run(seeds, tmp_path, delv_every=10)
    for seen in tally.disagreements[:20]:
        print(f"\n{seen.report()}")  # noqa: T201 - pytest -s shows it
    print(f"\nseeds {seeds.start} to {seeds.stop - 1}: {tally.line()}, {time.monotonic() - began:.0f} s")  # noqa: T201
    assert not tally.disagreements, f"{len(tally.disagreements)} disagreements"
