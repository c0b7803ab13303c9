"""Can each peer do the rows that give it a size, and no others?"""

import importlib

import pytest

from benchmarks import peers
from benchmarks.rows import ROWS


@pytest.mark.parametrize("peer", ["actortree", "pykka", "otp"])
def test_a_peer_can_measure_each_row_that_gives_it_a_size(peer: str) -> None:
    measures = importlib.import_module(f"benchmarks.peers.{peer}").MEASURES
    assert {key for key, row in ROWS.items() if peer in row.sizes} <= set(measures)
    assert "scale" in measures


@pytest.mark.parametrize(("peer", "row"), [("actortree", "route"), ("actortree", "broadcast"), ("pykka", "broadcast")])
def test_a_measurement_of_routing_gives_a_number_for_each_metric(peer: str, row: str) -> None:
    sample = importlib.import_module(f"benchmarks.peers.{peer}").MEASURES[row](20)
    assert set(sample) == {metric.key for metric in ROWS[row]}
    assert all(value > 0 for value in sample.values())


def test_autogen_measures_each_row_that_gives_it_a_size() -> None:
    pytest.importorskip("autogen_core")
    measures = importlib.import_module("benchmarks.peers.autogen").MEASURES
    assert {key for key, row in ROWS.items() if "autogen" in row.sizes} == set(measures)


def test_a_goal_compares_with_a_peer_that_the_row_measures() -> None:
    compared = {(row.key, goal.peer) for row in ROWS.values() for metric in row for goal in metric.goals if goal.peer}
    assert ("tell", "pykka") in compared
    assert [pair for pair in sorted(compared) if pair[1] not in ROWS[pair[0]].sizes] == []


def test_a_peer_that_is_missing_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert peers.presence("otp") == peers.Presence(False, None, "not on the path: erl, erlc")
    monkeypatch.setitem(peers._PACKAGES, "xoscar", ("no_such_module", "no-such-package"))
    assert peers.presence("xoscar").note == "no module named 'no_such_module'"
    assert peers.presence("pykka").available
