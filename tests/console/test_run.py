"""How does a program that `actortree run` has begun come to its end, and what does the exit code say?"""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.console.runs import actortree, begin

PATIENCE = 30.0


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, and what the program has written since, to standard output and error."""
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def begun(packages_folder: Path, folder: Path, name: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a program and wait until it says that it has begun."""
    process = begin(packages_folder, "run", f"prog:{name}", *arguments, cwd=folder)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line == "begun\n", (line, process.communicate(timeout=PATIENCE))
    return process


# -- by itself ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["short", "nothing"])
def test_a_program_ends_with_its_last_agent(packages_folder: Path, folder: Path, name: str) -> None:
    ran = actortree(packages_folder, "run", f"prog:{name}", cwd=folder)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_an_escalation_that_reaches_the_root_is_exit_code_1_with_the_root_cause(
    packages_folder: Path, folder: Path
) -> None:
    ran = actortree(packages_folder, "run", "prog:failing", cwd=folder)
    assert ran.returncode == 1
    assert ran.stderr.splitlines() == [
        "actortree: system 'failing' stopped, because /fails failed: ValueError('no such thing')"
    ]


@pytest.mark.parametrize("name", ["raising", "odder"])
def test_a_program_that_raises_is_exit_code_1_with_its_own_lines_alone(
    packages_folder: Path, folder: Path, name: str
) -> None:
    ran = actortree(packages_folder, "run", f"prog:{name}", cwd=folder)
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1] == "KeyError: 'of the program'"
    assert ran.stderr.count("File ") == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("broken", "/broken did not start: ValueError('cannot start')"),
        ("odd", "the program gave <class 'prog.Worker'>, where a ChildSpec was expected"),
    ],
)
def test_what_cannot_be_started_is_exit_code_1(packages_folder: Path, folder: Path, name: str, text: str) -> None:
    ran = actortree(packages_folder, "run", f"prog:{name}", cwd=folder)
    assert (ran.returncode, ran.stderr) == (1, f"actortree: {text}\n")


def test_a_log_that_cannot_be_written_is_told_at_the_end_and_its_password_never(
    packages_folder: Path, folder: Path
) -> None:
    pytest.importorskip("redis")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        place = f"127.0.0.1:{nobody.getsockname()[1]}/0"
        ran = actortree(packages_folder, "run", "prog:nothing", "--log", f"redis://me:hidden@{place}", cwd=folder)
    shown = f"redis://me:***@{place}"
    first, *_, last = ran.stderr.splitlines()
    assert first == f"actortree: recording to {shown}; look at it with: actortree top {shown}"
    assert re.fullmatch(rf"actortree: \d+ records of the run could not be written to {re.escape(shown)}", last)
    assert "hidden" not in ran.stderr
    assert ran.returncode == 0, "the program itself went well"


# -- by a signal ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["crew", "one"])
def test_ctrl_c_stops_it_in_order(packages_folder: Path, folder: Path, name: str) -> None:
    process = begin(packages_folder, "run", f"prog:{name}", "--log", "run.db", cwd=folder)
    _wait_for_agents(packages_folder, folder)
    process.send_signal(signal.SIGINT)
    code, _, err = ended(process)
    assert (code, err.count("Traceback")) == (130, 0)
    tree = json.loads(actortree(packages_folder, "tree", folder / "run.db", "--json").stdout)
    assert tree["ended"]
    assert {agent["reason"] for agent in tree["agents"]} <= {"shutdown"}


def _wait_for_agents(packages_folder: Path, folder: Path) -> None:
    """Wait until the run has a record of an agent that has started."""
    while True:
        found = actortree(packages_folder, "events", "run.db", "--kind", "agent_started", cwd=folder)
        if found.stdout:
            return


def test_sigterm_first_has_what_waits_handled(packages_folder: Path, folder: Path) -> None:
    process = begun(packages_folder, folder, "queued")
    process.send_signal(signal.SIGTERM)
    code, out, err = ended(process)
    assert (code, out) == (0, "said\nsaid\n")
    assert "SIGTERM: no new work, what waits is handled first" in err


def test_sigterm_leaves_behind_what_does_not_end_in_time_and_says_so(packages_folder: Path, folder: Path) -> None:
    process = begun(packages_folder, folder, "hanging", "--grace", "0.2")
    process.send_signal(signal.SIGTERM)
    code, _, err = ended(process)
    assert code == 3
    assert "left behind, because they did not end in time: /hanging" in err


def test_a_second_sigterm_is_at_once(packages_folder: Path, folder: Path) -> None:
    process = begun(packages_folder, folder, "hanging", "--grace", "600")
    assert process.stderr is not None
    process.send_signal(signal.SIGTERM)
    assert "SIGTERM" in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 3


# -- what is run -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("prog", "prog: not MODULE:FUNCTION, such as myapp.main:start"),
        (":crew", ":crew: not MODULE:FUNCTION"),
        ("prog:crow", "prog:crow: there is no crow in prog; it has crew, one, short"),
        ("prog:value", "prog:value: a function that takes an ActorSystem was expected, not 7"),
        ("prog:later", "prog:later: a function that is not async was expected"),
        ("prog:specs_later", "prog:specs_later: a function that is not async was expected"),
        ("prog:without", "prog:without cannot be called with a system and nothing else: too many positional arguments"),
        ("prog:with_more", "prog:with_more cannot be called with a system and nothing else: missing a required arg"),
        ("nowhere:crew", "there is no module nowhere, neither in "),
        ("prog.deep:crew", "there is no module prog.deep, neither in "),
        ("needs:x", "needs cannot be imported: No module named 'not_installed'"),
        ("wrong:x", "wrong cannot be imported: SyntaxError: "),
        ("raises:x", "raises.py:2: ZeroDivisionError: division by zero"),
    ],
)
def test_what_cannot_be_run_is_exit_code_2_and_says_why(
    packages_folder: Path, folder: Path, target: str, text: str
) -> None:
    (folder / "needs.py").write_text("import not_installed")
    (folder / "wrong.py").write_text("x = (")
    (folder / "raises.py").write_text("y = 1\nx = y / 0")
    ran = actortree(packages_folder, "run", target, cwd=folder)
    assert ran.returncode == 2, ran.stderr
    assert text in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_system_has_the_name_of_the_function_or_another(packages_folder: Path, folder: Path) -> None:
    actortree(packages_folder, "run", "prog:short", "--log", "run.db", cwd=folder)
    actortree(packages_folder, "run", "prog:short", "--log", "run.db", "--name", "mine", cwd=folder)
    runs = json.loads(actortree(packages_folder, "runs", "run.db", "--json", cwd=folder).stdout)
    assert [(run["system"], run["ended"] != "") for run in runs] == [("short", True), ("mine", True)]
    refused = actortree(packages_folder, "run", "prog:short", "--name", "a/b", cwd=folder)
    assert (refused.returncode, refused.stderr.startswith("actortree: --name: ")) == (2, True)


def test_all_that_a_short_program_did_is_in_its_log(packages_folder: Path, folder: Path) -> None:
    ran = actortree(packages_folder, "run", "prog:short", "--log", "run.db", cwd=folder)
    assert "look at it with: actortree top run.db" in ran.stderr
    lines = actortree(packages_folder, "events", "run.db", "--after", 0, "--json", cwd=folder).stdout.splitlines()
    records = [json.loads(line) for line in lines]
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    of_agent = [record["event_type"] for record in records if record["path"] == "/short"]
    of_agent.remove("dead_letter")  # of what it has crashed over
    assert of_agent == [
        "agent_spawned",
        "agent_started",
        "agent_suspended",
        "agent_failed",
        "agent_restarting",
        "agent_restarted",
        "agent_stopping",
        "agent_stopped",
    ]
    assert records[-1]["event_type"] == "system_stopped"


@pytest.mark.parametrize("log", ["nowhere/run.db", "prog.py", "http://somewhere"])
def test_a_log_that_cannot_be_written_is_exit_code_2_before_anything_runs(
    packages_folder: Path, folder: Path, log: str
) -> None:
    ran = actortree(packages_folder, "run", "prog:queued", "--log", log, cwd=folder)
    assert (ran.returncode, ran.stdout) == (2, ""), ran.stderr
    assert ran.stderr.startswith("actortree: ")
    assert "Traceback" not in ran.stderr
