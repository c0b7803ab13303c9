"""Can a program in another process be followed while it runs, and its log be read after it was killed?"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.eventlog import SqliteLog
from actors.eventlog.kinds import MissionEventRecord
from tests.console.runs import actortree, begin, environment

PATIENCE = 30.0


@contextlib.contextmanager
def running(packages_folder: Path, *arguments: object, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    process = begin(packages_folder, *arguments, cwd=cwd)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


def records_until(process: subprocess.Popen[str], kind: str) -> list[dict[str, Any]]:
    """What a follower writes as JSON, up to a record of this kind."""
    assert process.stdout is not None
    found: list[dict[str, Any]] = []
    for line in process.stdout:
        found.append(json.loads(line))
        if found[-1].get("event_type") == kind:
            return found
    raise AssertionError(f"no {kind} in {found}: {process.stderr.read() if process.stderr else ''}")


def test_a_run_is_followed_from_another_process_until_its_end(packages_folder: Path, folder: Path) -> None:
    with running(packages_folder, "run", "prog:crew", "--log", "run.db", cwd=folder) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "begun\n"
        follow = ("events", "run.db", "--follow", "--after", 0, "--json")
        with running(packages_folder, *follow, cwd=folder) as follower:
            found = records_until(follower, "agent_started")
            program.send_signal(signal.SIGTERM)
            found += records_until(follower, "system_stopped")
            assert follower.wait(PATIENCE) == 0
        assert program.wait(PATIENCE) == 0
    assert [record["seq"] for record in found] == list(range(1, len(found) + 1))


def test_a_follower_of_one_agent_ends_with_the_run_too(packages_folder: Path, folder: Path) -> None:
    with running(packages_folder, "run", "prog:crew", "--log", "run.db", cwd=folder) as program:
        assert program.stdout is not None
        program.stdout.readline()
        follow = ("events", "run.db", "--follow", "--after", 0, "--json", "--agent", "/crew/w1")
        with running(packages_folder, *follow, cwd=folder) as follower:
            found = records_until(follower, "agent_started")
            program.send_signal(signal.SIGTERM)
            found += records_until(follower, "agent_stopped")
            assert follower.wait(PATIENCE) == 0
    assert {record["path"] for record in found} == {"/crew/w1"}


def test_a_follower_that_begins_late_has_the_newest_first_and_then_what_comes(
    packages_folder: Path, tmp_path: Path
) -> None:
    with SqliteLog(tmp_path / "run.db") as log:
        for number in range(5):
            log.append(MissionEventRecord(message=f"before {number}"))
        log.flush()
        follow = ("events", "run.db", "--follow", "-n", 2, "--kind", "mission_event")
        with running(packages_folder, *follow, cwd=tmp_path) as follower:
            assert follower.stdout is not None
            first = [follower.stdout.readline().split()[-2:] for _ in range(2)]
            assert first == [["before", "3"], ["before", "4"]]
            log.append(MissionEventRecord(message="after 5"))
            assert follower.stdout.readline().split()[-2:] == ["after", "5"]
            follower.send_signal(signal.SIGINT)
            assert follower.wait(PATIENCE) == 130
            assert follower.stderr is not None
            assert follower.stderr.read() == ""


def test_a_run_that_was_killed_shows_what_there_was(packages_folder: Path, folder: Path) -> None:
    with running(packages_folder, "run", "prog:crew", "--log", "run.db", cwd=folder) as program:
        assert program.stdout is not None
        program.stdout.readline()
        with running(packages_folder, "events", "run.db", "-f", "--after", 0, "--json", cwd=folder) as follower:
            for _ in range(4):  # the crew and its three
                records_until(follower, "agent_started")
            os.kill(program.pid, signal.SIGKILL)
            program.wait(PATIENCE)
    shown = actortree(packages_folder, "tree", "run.db", cwd=folder)
    assert shown.stdout.splitlines() == [
        "crew: 4 agents",
        "└─ ○ crew Supervisor idle #1",
        "   ├─ ○ w0 Worker idle #1",
        "   ├─ ○ w1 Worker idle #1",
        "   └─ ○ w2 Worker idle #1",
    ]
    runs = actortree(packages_folder, "runs", "run.db", cwd=folder).stdout
    assert "goes on, or was killed" in runs


def test_a_reader_that_has_seen_enough_ends_the_command_without_a_word(packages_folder: Path, tmp_path: Path) -> None:
    with SqliteLog(tmp_path / "run.db") as log:
        for number in range(900):
            log.append(MissionEventRecord(message="x" * 200 + str(number)))
        log.flush()
        with running(packages_folder, "events", "run.db", "--after", 0, cwd=tmp_path) as command:
            assert command.stdout is not None
            assert command.stderr is not None
            command.stdout.readline()
            command.stdout.close()
            assert command.wait(PATIENCE) == 0
            assert command.stderr.read() == ""
            command.stdout = None


NO_LOGS = {
    "gone.db": "there is no file",
    "prog.py": "is no event log",
    ".": "is no event log",
    "redis://127.0.0.1:1/0": "Redis at redis://127.0.0.1:1/0: ",
    "http://somewhere": "a URL with one of redis://",
}
VIEWS = ("tree", "events", "top", "dump", "dead-letters", "runs")


@pytest.mark.parametrize(
    ("view", "target"), [*(("tree", target) for target in NO_LOGS), *((view, "gone.db") for view in VIEWS[1:])]
)
def test_what_is_no_log_is_exit_code_2_and_says_why(
    packages_folder: Path, folder: Path, view: str, target: str
) -> None:
    if target.startswith("redis"):
        pytest.importorskip("redis")
    ran = actortree(packages_folder, view, target, cwd=folder)
    assert ran.returncode == 2, ran.stderr
    assert NO_LOGS[target] in ran.stderr
    assert ran.stderr.startswith("actortree: ")
    assert "Traceback" not in ran.stderr


def test_an_extra_that_is_missing_is_named(packages_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "redis.py").write_text("raise ImportError('not installed')")
    program = "import sys; sys.path.insert(0, '.'); from actors.console import main; sys.exit(main(sys.argv[1:]))"
    ran = subprocess.run(
        [sys.executable, "-c", program, "tree", "redis://127.0.0.1:1/0"],
        cwd=tmp_path,
        env=environment(packages_folder),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ran.returncode == 2
    assert "pip install 'actortree[redis]'" in ran.stderr


def test_a_run_that_is_not_there_is_named_with_those_that_are(packages_folder: Path, tmp_path: Path) -> None:
    with SqliteLog(tmp_path / "run.db") as log:
        log.append(MissionEventRecord(message="x"))
        log.flush()
        ran = actortree(packages_folder, "tree", "run.db", "--run", "nope", cwd=tmp_path)
        assert (ran.returncode, f"has no run 'nope'; it has {log.run}" in ran.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("events", "x", "-n", "0"), "a whole number of at least 1, not '0'"),
        (("events", "x", "--after", "-1"), "a whole number of at least 0, not '-1'"),
        (("events", "x", "--agent", "/a", "--mission", "m"), "--agent and --mission: one of them at a time"),
        (("top", "x", "--sort", "beauty"), "invalid choice: 'beauty'"),
        (("top", "x", "--every", "soon"), "seconds, 0 or more, not 'soon'"),
        (("tree", "x", "--dot", "--mermaid"), "not allowed with argument"),
        ((), "the following arguments are required: COMMAND"),
    ],
)
def test_what_makes_no_sense_is_exit_code_2(packages_folder: Path, arguments: tuple[str, ...], text: str) -> None:
    ran = actortree(packages_folder, *arguments)
    assert (ran.returncode, text in ran.stderr) == (2, True), ran.stderr
