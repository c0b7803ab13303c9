"""What if others use the board of a conductor: a second one, one after another, somebody who takes its tickets?"""

from __future__ import annotations

from pathlib import Path

import pytest

from actors import ActorSystem
from actors.board import Board
from actors.testkit import Gate
from tests.conductor.conftest import Conduct
from tests.conductor.tracks import Script, Told, ran, track
from tests.core.helpers import result
from tests.core.scripted import FOREVER


def test_a_conductor_hears_what_another_one_does_with_the_same_board(conduct: Conduct, system: ActorSystem) -> None:
    gate = Gate()
    with Board(clock=system.clock) as board:
        first = conduct(track("A"), Script(A=gate), board=board, name="first")
        second = conduct(track("A"), Script(), board=board, name="second")
        with gate:
            run = first.run(block=False)
            gate.reached()
            other = second.run(block=False)
            assert second.snapshot().running == ()
        assert result(run).done
        assert result(other).done
        first.stop()
        second.stop()


@pytest.mark.threads_only("in a simulation nobody listens to other processes")
def test_a_conductor_that_follows_another_with_the_same_board_hears_of_other_processes(
    conduct: Conduct, system: ActorSystem, told: Told, tmp_path: Path
) -> None:
    gate = Gate()
    with Board(tmp_path / "crew.board", clock=system.clock) as board:
        first = conduct(track("A"), Script(), board=board, name="first")
        first.stop()
        second = conduct(track("A"), Script(A=gate), board=board, name="second")
        with gate, Board(tmp_path / "crew.board", clock=system.clock) as elsewhere:
            second.run(block=False)
            gate.reached()
            elsewhere.kill("track", "A", "not wanted")
            assert told.wait_told("task_killed", "A").message == "attempt 1: not wanted"
        second.stop()


def test_a_conductor_that_has_ended_is_told_nothing_of_its_board(
    conduct: Conduct, system: ActorSystem, tmp_path: Path
) -> None:
    with Board(tmp_path / "crew.board", clock=system.clock) as board:
        for name in ("first", "second"):
            conductor = conduct(track("A"), Script(), board=board, name=name)
            conductor.snapshot()
            conductor.stop()
        assert board._callbacks == {}
    assert len(system.dead_letters) == 0


def test_a_ticket_that_was_taken_away_is_not_begun_again_beside_its_worker(
    conduct: Conduct, system: ActorSystem, tmp_path: Path
) -> None:
    gate = Gate()
    work = Script(A=[gate, "again"])
    with Board(tmp_path / "crew.board", clock=system.clock, lease=0.001) as board:
        conductor = conduct(track("A"), work, board=board, max_workers=2)
        conductor.snapshot()
        # As if it were not told in time.
        told_later, board._callbacks = board._callbacks, {}
        with gate:
            run = conductor.run(block=False)
            gate.reached()
            with Board(tmp_path / "crew.board", clock=system.clock) as elsewhere:
                other = elsewhere.join("elsewhere")
                with elsewhere._writing() as writer:
                    writer.execute("UPDATE owner SET until = ? WHERE run != ?", (float("-inf"), other.run))
                assert [str(step.new) for step in elsewhere.renew(other)] == ["ready"]
            conductor.snapshot()
            assert len(board.receipts("track", "A")) == 1
        board._callbacks = told_later
        assert result(run).done
        assert [receipt.outcome for receipt in board.receipts("track", "A")] == ["lost", "completed"]
        conductor.stop()


def test_a_board_that_cannot_be_written_is_closed_all_the_same_when_its_conductor_stops(
    conduct: Conduct, system: ActorSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conductor = conduct(track("A"), Script(), board=tmp_path / "crew.board")
    conductor.snapshot()
    assert conductor._places is not None
    board = conductor._places.board
    assert board is not None

    def full(_: object) -> None:
        raise OSError("no space is left")

    monkeypatch.setattr(board, "leave", full)
    conductor.stop()
    with pytest.raises(ValueError, match="is closed"):
        board.tracks()


def test_a_pause_without_a_run_outlives_a_restart_and_begins_none(
    conduct: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Script()
    conductor = conduct(track("A"), work, spec_options={"policy": FOREVER})
    assert conductor.pause()

    def fail(*_: object) -> None:
        raise RuntimeError("torn")

    with monkeypatch.context() as patch:
        patch.setattr(Board, "usage", fail)
        with pytest.raises(RuntimeError):
            conductor.usage()
    assert not conductor.pause()
    assert conductor.resume()
    assert conductor.snapshot().state == "planning"
    assert work.order == []
    assert ran(conductor).done
