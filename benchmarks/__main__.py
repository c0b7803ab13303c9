"""How fast is actortree beside its peers?  `python -m benchmarks --help` says how to ask."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from benchmarks import machine, plot, report
from benchmarks.peers import OPTIONAL, OURS, Presence, presence
from benchmarks.rows import ROWS
from benchmarks.runner import run_rows


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; an unknown row or peer ends the program with a message and exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=_rows, default=list(ROWS), help=f"of: {','.join(ROWS)}")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions: does it run, not how fast")
    parser.add_argument("--runs", type=_positive, help="runs of each measurement (default 3, quick 1)")
    parser.add_argument("--peers", type=_peers, default=list(OPTIONAL), help=f"of: {','.join(OPTIONAL)}; or none")
    parser.add_argument("--json", metavar="FILE", help="write the whole run as JSON")
    parser.add_argument("--plot", metavar="FILE.png", help="measure and draw the cost of an agent by number")
    options = parser.parse_args(arguments)
    options.runs = options.runs or (1 if options.quick else 3)
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _rows(text: str) -> list[str]:
    return _known(text, tuple(ROWS))


def _peers(text: str) -> list[str]:
    if text == "none":
        return []
    chosen = _known(text, OPTIONAL)
    # Goals are multiples of Pykka's numbers, and only those of the same run are worth comparing with.
    return chosen if "pykka" in chosen else ["pykka", *chosen]


def _known(text: str, known: Sequence[str]) -> list[str]:
    chosen = text.split(",")
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
    return chosen


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the files; 1 when a measurement failed or ours is not there."""
    options = parse(arguments)
    if options.plot:
        plot.load_pyplot()  # A missing matplotlib is better learnt now than after the measurements.
    peers = {peer: presence(peer) for peer in (OURS, *options.peers)}
    able = [peer for peer, found in peers.items() if found.available]
    facts = machine.describe()
    rows = [ROWS[key] for key in options.rows]
    results = run_rows(rows, able, options.runs, options.quick, _say)
    chosen = {"rows": options.rows, "peers": options.peers, "runs": options.runs, "quick": options.quick}
    facts["load_after"] = machine.load()
    whole = report.as_json(rows, results, facts, peers, chosen)
    if options.plot:
        whole["scale"] = _draw(options, able, whole)
    print(report.as_table(whole))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(whole, file, indent=2)
    return _exit_code(peers[OURS], whole["failures"])


def _draw(options: argparse.Namespace, able: Sequence[str], whole: dict[str, list[dict[str, str]]]) -> plot.Curves:
    curves, results = plot.measure(able, options.runs, options.quick, _say)
    plot.draw(curves, options.plot)
    whole["failures"] += results.failures
    return curves


def _exit_code(ours: Presence, failures: Sequence[object]) -> int:
    return 0 if ours.available and not failures else 1


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
