"""Do the table and the JSON say what was measured, and what was not?"""

import json

import pytest

from benchmarks import report
from benchmarks.peers import Presence
from benchmarks.row import Goal, Metric, Row
from benchmarks.runner import Results

ROW = Row(
    "tell",
    "one thread tells one agent",
    (
        Metric(
            "rate",
            "tell",
            "messages/s",
            goals=(Goal(at_least=15, peer="pykka"), Goal(at_least=1, peer="otp")),
        ),
    ),
    sizes={},
)
PEERS = {
    "actortree": Presence(True, "1.0"),
    "pykka": Presence(True, "4.5.0"),
    "otp": Presence(False, None, "not on the path: erl"),
}
MACHINE = {
    "processor": "P",
    "cpus": 2,
    "load": 0.1,
    "load_after": 0.9,
    "system": "S",
    "python": "CPython 3.11.7",
    "gil": True,
}
OPTIONS = {"rows": ["tell"], "peers": ["pykka", "otp"], "runs": 3, "quick": False}


def results() -> Results:
    samples = {
        "actortree": [{"rate": 1e6}, {"rate": 3e6}, {"rate": 2e6}],
        "pykka": [{"rate": 1e5}, {"rate": 1e5}, {"rate": 9e5}],
    }
    return Results({"tell": samples}, {"tell": {"actortree": 7, "pykka": 5}})  # type: ignore[arg-type]


def test_the_json_holds_medians_runs_ratios_and_goals() -> None:
    whole = report.as_json([ROW], results(), MACHINE, PEERS, OPTIONS)
    metric = whole["rows"][0]["metrics"][0]
    assert metric["values"]["actortree"] == {"median": 2e6, "runs": [1e6, 3e6, 2e6]}
    assert metric["ratios"] == {"pykka": 20.0, "otp": None}
    assert metric["goals"] == [{"goal": ">= 15x pykka", "met": True}, {"goal": ">= 1x otp", "met": None}]
    assert whole["rows"][0]["sizes"] == {"actortree": 7, "pykka": 5}
    assert json.loads(json.dumps(whole)) == whole


def test_the_table_names_the_machine_and_says_what_is_missing() -> None:
    whole = report.as_json([ROW], results(), MACHINE, PEERS, OPTIONS)
    whole["failures"].append({"row": "tell", "peer": "pykka", "error": "Traceback\nRuntimeError: no threads left"})
    lines = report.as_table(whole).splitlines()
    assert "CPython 3.11.7, GIL on; actortree 1.0, pykka 4.5.0" in lines
    [line] = [line for line in lines if line.startswith("tell  ")]
    assert " ".join(line.split()) == "tell messages/s 2 M 100 k 20 >= 15x pykka, >= 1x otp yes, -"
    assert "not measured: otp (not on the path: erl)" in lines
    assert "failed: tell of pykka: RuntimeError: no threads left" in lines


def test_runs_that_differ_more_than_twofold_are_named_with_their_range() -> None:
    lines = report.as_table(report.as_json([ROW], results(), MACHINE, PEERS, OPTIONS)).splitlines()
    assert [line for line in lines if line.startswith("unsteady")] == [
        "unsteady: tell, actortree: 1 M to 3 M",
        "unsteady: tell, pykka: 100 k to 900 k",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0"), (0.0123, "0.0123"), (999.0, "999"), (56_312.0, "56.3 k"), (1.234e6, "1.23 M")],
)
def test_a_number_is_shown_with_three_digits(value: float | None, text: str) -> None:
    assert report.compact(value) == text
