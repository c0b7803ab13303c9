"""How are the measurements run so that none disturbs another, and none has the better moment?

Each runs in a fresh subprocess, one at a time, and the peers take turns: ours, Pykka, OTP, ours, Pykka, OTP.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.row import Row, Sample

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT = 900.0


@dataclass
class Results:
    """What was measured: `{row: {peer: [sample of each run]}}`, the sizes, and what went wrong."""

    samples: dict[str, dict[str, list[Sample]]] = field(default_factory=dict)
    sizes: dict[str, dict[str, int]] = field(default_factory=dict)
    failures: list[dict[str, str]] = field(default_factory=list)

    def values(self, row: str, peer: str, metric: str) -> list[float]:
        """The metric in each run of `peer` that has it, in the order of the runs."""
        samples = self.samples.get(row, {}).get(peer, [])
        return [sample[metric] for sample in samples if metric in sample]

    def median(self, row: str, peer: str, metric: str) -> float | None:
        """The median over the runs, or None where the peer has no such number."""
        values = self.values(row, peer, metric)
        return median(values) if values else None


def run_rows(rows: Iterable[Row], peers: Sequence[str], runs: int, quick: bool, say: Callable[[str], None]) -> Results:
    """Measure every row with every peer that can do it, `runs` times, and report progress to `say`."""
    results = Results()
    for row in rows:
        sizes = {peer: size for peer in peers if (size := row.size(peer, quick))}
        run_turns(results, row.key, sizes, runs, say)
    return results


def run_turns(results: Results, row: str, sizes: dict[str, int], runs: int, say: Callable[[str], None]) -> None:
    """Let the peers of one row take turns; a peer that has failed once is not asked again."""
    results.sizes[row] = sizes
    taken = results.samples.setdefault(row, {})
    failed: set[str] = set()
    for turn in range(runs):
        for peer, size in sizes.items():
            if peer in failed:
                continue
            say(f"{row} {turn + 1}/{runs} {peer} ({size:,})")
            try:
                taken.setdefault(peer, []).append(measure(peer, row, size))
            except RuntimeError as error:
                failed.add(peer)
                results.failures.append({"row": row, "peer": peer, "error": str(error)})
                say(f"{row} {peer} failed: {last_line(str(error))}")


def last_line(text: str) -> str:
    """The line that names the error, in what Python wrote about it."""
    return text.splitlines()[-1] if text else ""


def measure(peer: str, row: str, size: int) -> Sample:
    """Run one measurement in a subprocess; RuntimeError carries the end of what it wrote to stderr."""
    command = [sys.executable, "-m", "benchmarks.measure", peer, row, str(size)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired as expired:
        raise RuntimeError(f"not done after {TIMEOUT:g} s") from expired
    if done.returncode:
        raise RuntimeError(f"ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    sample: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return sample
