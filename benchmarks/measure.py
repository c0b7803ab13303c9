"""What does one peer reach in one row?  `python -m benchmarks.measure PEER ROW SIZE` prints it as JSON.

Runs in a process of its own, so that no measurement leaves threads, memory or a warm cache to the next.
"""

from __future__ import annotations

import importlib
import json
import sys


def main(peer: str, row: str, size: str) -> None:
    """Measure, and print `{metric: value}` as the last line of the output."""
    measures = importlib.import_module(f"benchmarks.peers.{peer}").MEASURES
    print(json.dumps(dict(measures[row](int(size)))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
