"""Does each ticket end once, and never run twice at a time, though the processes that share the board are killed?"""

import os
import random
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from actors.board import Board
from actors.guard import Usage
from tests.board.crews import TRACK, counted, ticket, track

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no SIGKILL")
ROOT = Path(__file__).parents[2]
TICKETS = 500
AT_ONCE = 3


class Crew:
    """Some processes that work on one board, which are replaced when they are killed."""

    def __init__(self, path: Path, packages_folder: Path, seed: int) -> None:
        self.path = path
        self.notes = path.with_name("notes")
        self.kills = 0
        self._environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(packages_folder), str(ROOT)))}
        self._chance = random.Random(seed)
        self._started = 0

    def start(self) -> subprocess.Popen[str]:
        self._started += 1
        return subprocess.Popen(
            [sys.executable, "-m", "tests.board.sharing", str(self.path), str(self.notes), f"crew-{self._started}"],
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, kills: int) -> None:
        """Kill `kills` of them at random moments, and let the last ones work to the end."""
        running = [self.start() for _ in range(AT_ONCE)]
        try:
            for _ in range(kills):
                at = self._chance.randrange(len(running))
                if self.kill(running[at], self._chance.randint(0, 3)):
                    running[at] = self.start()
            for process in running:
                process.communicate(timeout=50)
                assert process.returncode == 0
        finally:
            for process in running:
                process.kill()
                process.communicate()

    def kill(self, process: subprocess.Popen[str], attempts: int) -> bool:
        """Kill it after some attempts have begun, unless all is done before that."""
        assert process.stdout is not None
        for _ in range(attempts):
            if not process.stdout.readline():
                return False
        for _ in range(self._chance.randint(0, 20_000)):
            pass  # Some moment within an attempt or between two.
        process.kill()
        process.communicate()
        self.kills += 1
        return True


def shared_files(number: int) -> list[str]:
    return [f"{number % 7}.py"] if number % 3 == 0 else []


@pytest.mark.slow
@pytest.mark.system_case("T84")
@pytest.mark.timeout(300)
def test_processes_that_are_killed_lose_no_ticket_and_run_none_twice(path: Path, packages_folder: Path) -> None:
    tickets = [
        ticket(str(number), *([str(number - 40)] if number >= 40 else []), files=shared_files(number))
        for number in range(TICKETS)
    ]
    with Board(path) as board:
        board.add_track(track(*tickets))
        crew = Crew(path, packages_folder, seed=7)
        crew.run(kills=40)
        assert crew.kills > 25
        assert counted(board) == {"completed": TICKETS}
        begun = check_notes(crew.notes)
        check_receipts(board, begun)
        assert not path.with_name(f"{path.name}-owners").exists() or board.renew(board.join("last")) == ()


def check_notes(notes: Path) -> Counter[str]:
    """No attempt goes on when a later one has begun, nothing begins after it is completed; gives attempts by ticket."""
    newest: defaultdict[str, int] = defaultdict(int)
    completed: set[str] = set()
    running: dict[str, str] = {}  # by file
    begun: Counter[str] = Counter()
    for line in notes.read_text(encoding="utf-8").splitlines():
        what, name, fence = line.split()
        if what == "begin":
            assert name not in completed
            assert int(fence) > newest[name]
            newest[name] = int(fence)
            begun[name] += 1
            for file in shared_files(int(name)):
                running[file] = name
        elif what == "end":
            assert int(fence) == newest[name], "it ran twice at a time"
            assert all(running[file] == name for file in shared_files(int(name))), "two had the same file"
        else:
            assert what != "late", "whoever runs has the ticket"
            if what == "completed":
                completed.add(name)
    return begun


def check_receipts(board: Board, begun: Counter[str]) -> None:
    """Each ticket has one completed attempt, its last; what was used adds up."""
    spent = Usage()
    outcomes: Counter[str] = Counter()
    for number in range(TICKETS):
        receipts = board.receipts(TRACK, str(number))
        assert [each.attempt for each in receipts] == list(range(1, len(receipts) + 1))
        assert len(receipts) >= begun[str(number)]  # Some were killed between the claim and its beginning.
        assert [each.outcome for each in receipts].index("completed") == len(receipts) - 1
        assert receipts[-1].usage["Tier 3"] == Usage(len(receipts), 1)
        outcomes.update(each.outcome for each in receipts)
        failed = sum(each.outcome == "failed" for each in receipts)
        assert board.ticket(TRACK, str(number)).retry_count == failed
        for each in receipts:
            spent += each.usage.total
    assert set(outcomes) == {"completed", "failed", "lost"}
    assert outcomes["lost"] > 10
    assert board.usage(TRACK).total == spent
