"""Do the peers take turns, and does one that fails leave the others alone?"""

import pytest

from benchmarks import runner
from benchmarks.row import Metric, Row, Sample

ROW = Row("tell", "how", (Metric("rate", "tell", "messages/s"),), sizes={"a": 10, "b": 20})


def test_peers_take_turns_and_the_median_is_taken_over_the_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[str] = []

    def measure(peer: str, row: str, size: int) -> Sample:
        turns.append(peer)
        return {"rate": float(size + len(turns))}

    monkeypatch.setattr(runner, "measure", measure)
    results = runner.run_rows([ROW], ["a", "b", "cannot"], runs=3, quick=False, say=lambda line: None)
    assert turns == ["a", "b", "a", "b", "a", "b"]
    assert results.values("tell", "a", "rate") == [11.0, 13.0, 15.0]
    assert results.median("tell", "b", "rate") == 24.0
    assert results.median("tell", "cannot", "rate") is None


def test_a_peer_that_fails_is_reported_and_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    said: list[str] = []

    def measure(peer: str, row: str, size: int) -> Sample:
        asked.append(peer)
        if peer == "a":
            raise RuntimeError("Traceback\nOSError: no")
        return {"rate": 1.0}

    monkeypatch.setattr(runner, "measure", measure)
    results = runner.run_rows([ROW], ["a", "b"], runs=2, quick=True, say=said.append)
    assert asked == ["a", "b", "b"]
    assert results.failures == [{"row": "tell", "peer": "a", "error": "Traceback\nOSError: no"}]
    assert "tell a failed: OSError: no" in said


def test_the_error_of_a_subprocess_is_carried_to_the_report() -> None:
    with pytest.raises(RuntimeError, match="KeyError: 'no such row'"):
        runner.measure("pykka", "no such row", 1)
