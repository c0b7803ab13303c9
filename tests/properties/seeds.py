"""Which seeds are run, and how is one that fails run again?

The environment's ACTORTREE_SEEDS chooses: a number, `from:to`, or several of these with commas between them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable

from actors.testkit import Simulation
from tests.properties.oracle import Oracle
from tests.properties.scripts import write_program
from tests.properties.worlds import WORLDS

VARIABLE = "ACTORTREE_SEEDS"


def chosen_seeds(ordinarily: range) -> list[int]:
    """Give the seeds to run: those of the environment, where it says which."""
    text = os.environ.get(VARIABLE, "")
    return parse_seeds(text) if text else list(ordinarily)


def parse_seeds(text: str) -> list[int]:
    """Read `3`, `0:100`, or `1,5,10:20`."""
    found: list[int] = []
    for part in text.split(","):
        begin, colon, end = part.partition(":")
        try:
            found += range(int(begin), int(end)) if colon else [int(begin)]
        except ValueError:
            raise ValueError(f"{VARIABLE}: numbers and from:to, with commas between them, not {text!r}") from None
    return found


def run_seed(world: str, seed: int) -> Oracle:
    """Run one program, and raise AssertionError with all that was wrong, the program, and the command to repeat it."""
    program = write_program(seed)
    run = WORLDS[world](program)
    oracle = run.run()
    if oracle.violations:
        lines = [
            f"{oracle.verdict()}",
            f"seed {seed}; run it again: {VARIABLE}={seed} python -m pytest tests/properties -k '{world} and hold'",
            str(program),
        ]
        if isinstance(run.system, Simulation):
            lines.append(f"in this order: {run.system.schedule}")
        raise AssertionError("\n".join(lines))
    return oracle


def run_seeds(world: str, seeds: Iterable[int]) -> Counter[str]:
    """Run the programs of all these seeds; gives what was done in all of them together, by kind."""
    counts: Counter[str] = Counter()
    for seed in seeds:
        counts += run_seed(world, seed).counts
    return counts
