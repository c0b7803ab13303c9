"""Does a track end as it should, whoever kills the program that works on it, at whatever moment?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from actors.board import Board
from actors.guard import Usage
from tests.conductor.killed_conductors import TRACK, Ledger, make_track, problems_in

ROOT = Path(__file__).parents[2]
SEED = int(os.environ.get("KILL_SEED", "1"))

forked = pytest.mark.skipif(not hasattr(os, "fork"), reason="programs are forked, so that 200 of them are quick")


def killed(folder: Path, tickets: int, kills: int, crowd: int = 1) -> dict[str, Any]:
    numbers = map(str, (tickets, kills, SEED, crowd))
    command = [sys.executable, "-m", "tests.conductor.killed_conductors", str(folder), *numbers]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-2000:]
    seen: dict[str, Any] = json.loads(ran.stdout)
    assert seen["wrong"] == [], ran.stderr[-2000:]
    assert seen["killed"] == kills
    assert seen["lost"] > kills / 4, "most were killed while they worked"
    return seen


@forked
def test_a_track_of_a_hundred_tickets_ends_as_it_should_though_its_program_is_killed_ten_times(tmp_path: Path) -> None:
    killed(tmp_path, 100, 10)


@forked
def test_two_programs_on_one_board_of_which_one_is_killed_again_and_again_do_no_ticket_twice(tmp_path: Path) -> None:
    killed(tmp_path, 100, 10, crowd=2)


@forked
@pytest.mark.stress
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("crowd", [1, 2])
def test_tracks_of_a_hundred_tickets_end_as_they_should_though_their_programs_are_killed_200_times(
    tmp_path: Path, crowd: int
) -> None:
    killed(tmp_path, 100, 200, crowd)


# -- what looks at them can fail ---------------------------------------------------------


def _worked_through(folder: Path) -> Board:
    """Two tickets that were done well, and the ledger of that."""
    board = Board(folder / "board.db")
    board.add_track(make_track(2, 1).model_copy(update={"id": TRACK}))
    owner = board.join("me")
    lines = []
    while claims := board.claim(owner, TRACK):
        claim = claims[0]
        name = claim.ticket.id
        board.spend(claim, "Tier 3", Usage(11, 1))
        board.complete(claim, f"by {claim.fence}")
        head = {"pid": 1, "ticket": name, "fence": claim.fence}
        lines += [
            {"what": "begin", **head},
            {"what": "spent", **head, "input": 11, "output": 1},
            {"what": "end", **head},
        ]
    (folder / "ledger").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return board


def _more(folder: Path, *lines: dict[str, Any]) -> None:
    with (folder / "ledger").open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def _problems(folder: Path) -> list[str]:
    return list(problems_in(folder, make_track(2, 1), Counter()))


def test_a_good_end_has_no_problems(tmp_path: Path) -> None:
    _worked_through(tmp_path).close()
    assert _problems(tmp_path) == []


def test_a_completed_ticket_that_ran_again_is_seen(tmp_path: Path) -> None:
    _worked_through(tmp_path).close()
    _more(tmp_path, {"what": "begin", "pid": 2, "ticket": "T0", "fence": 2})
    assert _problems(tmp_path) == ["T0 is completed by 1, its last attempt is 2"]


def test_an_attempt_that_began_before_the_last_one_had_ended_is_seen(tmp_path: Path) -> None:
    _worked_through(tmp_path).close()
    head = {"ticket": "T1", "fence": 1}
    (tmp_path / "ledger").write_text("")
    for name in ("T0", "T1"):
        _more(tmp_path, {"what": "begin", "pid": 1, "ticket": name, "fence": 1})
    _more(tmp_path, {"what": "begin", "pid": 2, "ticket": "T1", "fence": 2}, {"what": "end", "pid": 1, **head})
    assert "T1 was begun as 2 while [1] went on" in _problems(tmp_path)


def test_usage_that_was_not_booked_is_seen(tmp_path: Path) -> None:
    _worked_through(tmp_path).close()
    _more(tmp_path, {"what": "spent", "pid": 1, "ticket": "T0", "fence": 1, "input": 5, "output": 0})
    assert len(_problems(tmp_path)) == 1
    assert _problems(tmp_path)[0].startswith("T0/1 completed: spent")


def test_a_ticket_that_ended_otherwise_than_planned_is_seen(tmp_path: Path) -> None:
    board = _worked_through(tmp_path)
    board._connection.execute("UPDATE ticket SET state = 'failed' WHERE id = 'T1'")
    board.close()
    assert "T1 is failed, and should be completed" in _problems(tmp_path)


def test_a_ledger_appends_each_line_with_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Job:
        class ticket:
            id = "T0"

        class assignment:
            fence = 1

    writes: list[bytes] = []
    monkeypatch.setattr(os, "write", lambda _, data: writes.append(data))
    Ledger(tmp_path / "ledger").write("begin", Job())  # type: ignore[arg-type]
    assert len(writes) == 1
    assert json.loads(writes[0]) == {"what": "begin", "pid": os.getpid(), "ticket": "T0", "fence": 1}
