"""What does a user see of long work: in a terminal, in a file, through a pipe?"""

from __future__ import annotations

import io
import math
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors import ActorSystem, Agent
from actors.progress import Style, progress
from actors.progress.displays import display_of
from actors.progress.plain import Plain
from actors.testkit import Gate, VirtualClock
from policies import Restart
from tests.terminals import Terminal

PROGRAM = """
import sys
from actors import ActorSystem
from actors.progress import progress

with ActorSystem("s") as system, progress(system, "pages", 20) as pages, progress(system, "files", 4) as files:
    for number in range(20):
        pages.advance()
        if number % 5 == 4:
            files.advance()
    print("the result")
"""
WITHOUT_RICH = 'import sys\nsys.modules["rich"] = None\nsys.modules["rich.console"] = None\n'


class Blocked(io.StringIO):
    """A terminal that stands still until the gate is open."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate

    def write(self, text: str) -> int:
        self.gate.wait()
        return super().write(text)


class Crasher(Agent):
    """Fails over every message."""

    def on_receive(self, message: Any) -> Any:
        raise ValueError(message)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def system(clock: VirtualClock) -> Iterator[ActorSystem]:
    with ActorSystem("test", Restart(None, within=None), clock=clock) as made:
        yield made


def command(program: str) -> list[str]:
    return [sys.executable, "-c", program]


# -- where it is shown ----------------------------------------------------------------


def test_a_terminal_shows_a_bar_for_each_piece_of_work(packages_folder: Path) -> None:
    with Terminal(command(PROGRAM), env={"PYTHONPATH": str(packages_folder)}) as terminal:
        assert terminal.end() == 0
        lines = [line.split() for line in terminal.text.splitlines()]
        assert [line for line in lines if line[0] == "pages"][-1][2] == "20/20"
        assert [line for line in lines if line[0] == "files"][-1][2] == "4/4"
        assert "━━━" in terminal.text


def test_a_terminal_without_rich_shows_one_plain_line(packages_folder: Path) -> None:
    with Terminal(command(WITHOUT_RICH + PROGRAM), env={"PYTHONPATH": str(packages_folder)}) as terminal:
        assert terminal.end() == 0
        assert "[##############################] pages: 20 of 20 (100%)" in terminal.text
        assert "files: 4 of 4 (100%)" in terminal.text
        assert b"\x1b" not in terminal.raw


def test_what_the_program_gives_is_not_mixed_with_the_bar(packages_folder: Path) -> None:
    with Terminal(command(PROGRAM), env={"PYTHONPATH": str(packages_folder)}, only_stderr=True) as terminal:
        assert terminal.process.stdout is not None
        assert terminal.process.stdout.read() == b"the result\n"
        assert terminal.end() == 0
        assert "20/20" in terminal.text


def test_a_pipe_gets_nothing(packages_folder: Path) -> None:
    ran = subprocess.run(
        command(PROGRAM), env={"PYTHONPATH": str(packages_folder)}, capture_output=True, text=True, timeout=30
    )
    assert (ran.stdout, ran.stderr) == ("the result\n", "")


def test_a_file_gets_lines_and_the_last_says_that_it_is_done(packages_folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as file:
        ran = subprocess.run(
            command(PROGRAM), env={"PYTHONPATH": str(packages_folder)}, stdout=file, stderr=file, timeout=30
        )
    assert ran.returncode == 0
    lines = log.read_text().splitlines()
    assert any(line.startswith("pages: 20 of 20 (100%)") for line in lines)
    assert any(line.startswith("files: 4 of 4 (100%)") for line in lines)
    assert all(line.isprintable() for line in lines)


def test_what_is_no_file_and_no_terminal_gets_nothing(system: ActorSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    with progress(system, "work", 2, stream=stream) as work:
        work.advance(2)
    assert stream.getvalue() == ""
    monkeypatch.setattr(sys, "stderr", None)  # as in a program without a console
    with progress(system, "work", 2) as work:
        work.advance(2)
    assert work.done == 2


# -- what is said -----------------------------------------------------------------------


def test_a_line_comes_with_each_tenth_and_one_at_the_end(system: ActorSystem, clock: VirtualClock) -> None:
    said = io.StringIO()
    display = display_of(system, said, bars=False)
    work = progress(system, "work", 20, style="nothing")
    clock.advance(3.0)
    work.update(3)
    display.draw([work], [])
    display.draw([work], [])
    assert said.getvalue() == "work: 3 of 20 (15%), 1.0/s, 17 s left\n"
    work.update(20)
    clock.advance(17.0)
    display.draw([work], [])
    work.close()
    display.draw([work], [work])
    assert said.getvalue().splitlines()[1:] == ["work: 20 of 20 (100%), 20.0 s"]


def test_work_of_which_nobody_knows_the_total_says_how_much_is_done(system: ActorSystem) -> None:
    said = io.StringIO()
    with progress(system, "work", style="lines", stream=said) as work:
        work.advance(7)
        assert (str(work), work.share) == ("work: 7", None)
        work.update(total=14)
        assert (str(work), work.share) == ("work: 7 of 14 (50%)", 0.5)


def test_failures_and_restarts_of_agents_are_told_with_it(system: ActorSystem, clock: VirtualClock) -> None:
    crasher = system.spawn(Crasher)
    with progress(system, "work", 2, style="nothing") as work:
        for number in range(2):
            with pytest.raises(ValueError, match=str(number)):
                crasher.ask(number)
        clock.settle()
        assert (work.failures, work.restarts) == (2, 2)
        assert str(work) == "work: 0 of 2 (0%), 2 failed, 2 restarted"


def test_the_plain_line_fits_the_terminal(system: ActorSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    said = io.StringIO()
    work = progress(system, "a long name of some work", 10, style="nothing")
    Plain(said).draw([work], [])
    assert said.getvalue() == "\ra long name of some"
    work.close()


# -- threads ----------------------------------------------------------------------------


def test_steps_of_many_threads_are_all_counted(system: ActorSystem) -> None:
    barrier = threading.Barrier(8)

    def count() -> None:
        barrier.wait()
        for _ in range(1000):
            work.advance()

    said = io.StringIO()
    with progress(system, "work", 8000, style="lines", stream=said) as work:
        threads = [threading.Thread(target=count) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert work.done == 8000
    assert said.getvalue().splitlines()[-1].startswith("work: 8000 of 8000 (100%)")


def test_a_terminal_that_stands_still_holds_up_nobody(system: ActorSystem) -> None:
    gate = Gate()
    blocked = Blocked(gate)
    work = progress(system, "work", 10, style="lines", stream=blocked)
    work.update(5)
    gate.reached()
    work.advance(5)
    assert work.done == 10
    gate.open()
    work.close()
    assert "work: 10 of 10 (100%)" in blocked.getvalue()


def test_a_closed_stream_is_the_end_of_what_is_shown_and_of_nothing_else(system: ActorSystem) -> None:
    closed = io.StringIO()
    closed.close()
    with progress(system, "work", 2, style="lines", stream=closed) as work:
        work.advance(2)
    assert (work.done, work.closed) == (2, True)


def test_the_end_of_the_system_ends_it() -> None:
    said = io.StringIO()
    with ActorSystem("short") as system:
        work = progress(system, "work", 2, style="lines", stream=said)
        work.advance()
    assert work.closed
    assert said.getvalue().splitlines()[-1].startswith("work: 1 of 2 (50%)")
    work.close()


def test_further_work_is_shown_after_all_before_has_ended(system: ActorSystem) -> None:
    said = io.StringIO()
    for name in ("first", "second"):
        with progress(system, name, 1, style="lines", stream=said) as work:
            work.advance()
    assert [line.partition(":")[0] for line in said.getvalue().splitlines()] == ["first", "second"]


# -- what is refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("", 1), "name"),
        ((None, 1), "name"),
        (("two\nlines", 1), "name"),
        (("red\x1b[31m", 1), "name"),
        (("a", -1), "total"),
        (("a", "b"), "total"),
        (("a", True), "total"),
        (("a", math.nan), "total"),
        (("a", math.inf), "total"),
    ],
)
def test_what_makes_no_sense_is_refused(system: ActorSystem, arguments: tuple[Any, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        progress(system, *arguments)


def test_what_is_no_system_is_refused() -> None:
    with pytest.raises(ValueError, match="system: an ActorSystem, not None"):
        progress(None, "work")  # type: ignore[arg-type]


@pytest.mark.parametrize("steps", ["1", True, math.nan, math.inf, 1j])
def test_steps_that_are_none_are_refused_and_what_was_done_stays(system: ActorSystem, steps: Any) -> None:
    stream = io.StringIO()
    with progress(system, "work", 2, style=Style.LINES, stream=stream) as work:
        work.advance()
        with pytest.raises(ValueError, match="count: a number of steps, not"):
            work.advance(steps)
        for name in ("done", "total"):
            with pytest.raises(ValueError, match=f"{name}: a number of steps or None, not"):
                work.update(**{name: steps})
    assert stream.getvalue().splitlines()[-1].startswith("work: 1 of 2 (50%), ")


def test_work_for_a_system_that_has_ended_has_ended_too() -> None:
    with ActorSystem() as system:
        pass
    work = progress(system, "late", 2, style=Style.LINES, stream=io.StringIO())
    assert work.closed


def test_a_style_that_is_none_is_refused_with_those_that_are(system: ActorSystem) -> None:
    with pytest.raises(ValueError, match=", ".join(Style)):
        progress(system, "work", 1, style="loud")
