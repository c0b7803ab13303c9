"""How are the results read: by a person as a table, by a program as JSON?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.peers import OURS, Presence
from benchmarks.row import Goal, Metric, Row
from benchmarks.runner import Results, last_line

RATIOS = ("pykka", "otp")

UNSTEADY = 2.0


def as_json(
    rows: Sequence[Row],
    results: Results,
    machine: Mapping[str, Any],
    peers: Mapping[str, Presence],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """The whole run as plain values; the README describes the shape."""
    return {
        "machine": dict(machine),
        "options": dict(options),
        "peers": {
            name: {"available": peer.available, "version": peer.version, "note": peer.note}
            for name, peer in peers.items()
        },
        "rows": [_row(row, results) for row in rows],
        "failures": results.failures,
    }


def _row(row: Row, results: Results) -> dict[str, Any]:
    return {
        "row": row.key,
        "method": row.method,
        "sizes": results.sizes.get(row.key, {}),
        "metrics": [_metric(row, metric, results) for metric in row],
    }


def _metric(row: Row, metric: Metric, results: Results) -> dict[str, Any]:
    medians = {peer: results.median(row.key, peer, metric.key) for peer in results.samples.get(row.key, {})}
    return {
        "metric": metric.key,
        "label": metric.label,
        "unit": metric.unit,
        "better": metric.better,
        "values": {
            peer: {"median": value, "runs": results.values(row.key, peer, metric.key)}
            for peer, value in medians.items()
            if value is not None
        },
        "ratios": {peer: metric.ratio(medians.get(OURS), medians.get(peer)) for peer in RATIOS},
        "goals": [{"goal": str(goal), "met": _met(goal, medians)} for goal in metric.goals],
    }


def _met(goal: Goal, medians: Mapping[str, float | None]) -> bool | None:
    return goal.met(medians.get(OURS), medians.get(goal.peer) if goal.peer else None)


def as_table(report: Mapping[str, Any]) -> str:
    """The machine, the table, how each row was measured, and what is missing, as text."""
    measured = [peer for peer, facts in report["peers"].items() if facts["available"]]
    head = ["", "unit", *measured, *(f"x {peer}" for peer in RATIOS if peer in measured), "goal", "met"]
    lines = [head]
    for row in report["rows"]:
        lines += [_line(metric, measured) for metric in row["metrics"]]
    methods = [f"{row['row']}: {row['method']} (times: {_sizes(row)})" for row in report["rows"]]
    return "\n\n".join(
        part
        for part in (_facts(report), _aligned(lines), "\n".join(methods), _unsteady(report), _missing(report))
        if part
    )


def _sizes(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{peer} {size:,}" for peer, size in row["sizes"].items()) or "none"


def _facts(report: Mapping[str, Any]) -> str:
    machine, options = report["machine"], report["options"]
    versions = [f"{name} {facts['version']}" for name, facts in report["peers"].items() if facts["available"]]
    load = f"load {machine['load']} to {machine['load_after']}"
    quick = ", quick: too short to quote" if options["quick"] else ""
    return "\n".join(
        (
            f"{machine['processor']}, {machine['cpus']} CPU(s), {load}, {machine['system']}",
            f"{machine['python']}, GIL {'on' if machine['gil'] else 'off'}; {', '.join(versions)}",
            f"medians of {options['runs']} runs, peers in turns, each in a fresh process{quick};"
            " a ratio is how many times better actortree is",
        )
    )


def _unsteady(report: Mapping[str, Any]) -> str:
    """What differed more than `UNSTEADY` times from run to run: a median of such runs says little."""
    return "\n".join(
        f"unsteady: {metric['label']}, {peer}: {compact(min(value['runs']))} to {compact(max(value['runs']))}"
        for row in report["rows"]
        for metric in row["metrics"]
        for peer, value in metric["values"].items()
        if max(value["runs"]) > UNSTEADY * min(value["runs"])
    )


def _missing(report: Mapping[str, Any]) -> str:
    lines = [f"not measured: {name} ({peer['note']})" for name, peer in report["peers"].items() if peer["note"]]
    lines += [f"failed: {bad['row']} of {bad['peer']}: {last_line(bad['error'])}" for bad in report["failures"]]
    return "\n".join(lines)


def _line(metric: Mapping[str, Any], measured: Sequence[str]) -> list[str]:
    values = [compact(metric["values"].get(peer, {}).get("median")) for peer in measured]
    ratios = [_ratio(metric["ratios"][peer]) for peer in RATIOS if peer in measured]
    goals = ", ".join(goal["goal"] for goal in metric["goals"])
    met = ", ".join({True: "yes", False: "no", None: "-"}[goal["met"]] for goal in metric["goals"])
    return [metric["label"], metric["unit"], *values, *ratios, goals, met]


def _ratio(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.3g}"


def compact(value: float | None) -> str:
    """Three digits and a thousands letter: 56.3 k, 1.23 M, 2.1 G; a dash for what was not measured."""
    if value is None:
        return "-"
    for factor, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= factor:
            return f"{value / factor:.3g}{letter}"
    return f"{value:.3g}"


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = ["  ".join(_pad(cell, index, widths) for index, cell in enumerate(line)).rstrip() for line in lines]
    return "\n".join((text[0], "-" * len(text[0]), *text[1:]))


def _pad(cell: str, column: int, widths: Sequence[int]) -> str:
    # Words to the left: label, unit, goal, met. Numbers to the right.
    words = column < 2 or column >= len(widths) - 2
    return cell.ljust(widths[column]) if words else cell.rjust(widths[column])
