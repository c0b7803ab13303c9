"""Does the audit by a crew end the same however often it is run, and is everything about it told and kept?"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from actors.approvals import ApprovalState
from actors.eventlog import open_log

ROOT = Path(__file__).parents[2]
FLAGSHIP = ROOT / "examples" / "flagship.py"
ENDS = {
    "inventory": "completed",
    "sizes": "completed",
    "licences": "failed",
    "python": "completed",
    "markdown": "completed",
    "data": "completed",
    "text": "completed",
    "binary": "completed",
    "links": "completed",
    "keys": "completed",
    "summary": "completed",
    "release": "blocked",
    "plan": "killed",
    "verdict": "blocked",
}
RUNS = 3


def start(packages_folder: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(FLAGSHIP), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(packages_folder), "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def finished(process: subprocess.Popen[str], said: str = "") -> tuple[int, str, str]:
    """Give exit status, output, and what went to standard error."""
    try:
        output, errors = process.communicate(said, timeout=60)
    finally:
        process.kill()
    return process.returncode, output, errors


def states(out: Path) -> dict[str, str]:
    report = json.loads((out / "report.json").read_text("utf-8"))
    return {ticket["id"]: ticket["state"] for ticket in report["tickets"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small folder with files of each kind."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.md").write_text("# Title\n\n[good](b.py) [bad](gone.md)\n")
    for number in range(120):
        (folder / f"b{number}.py").write_text("def public():\n    pass\n")
    (folder / "b.py").write_text("def (:\n")
    (folder / "d.json").write_text('{"a": }\n')
    (folder / "f.txt").write_text("x" * 130 + "\n")
    (folder / "g.png").write_bytes(b"\x89PNG\0\0")
    (folder / "LICENSE").write_text("MIT License\n")
    return folder


@pytest.fixture
def drilled(folder: Path, packages_folder: Path, tmp_path: Path) -> tuple[Path, str]:
    """One run of the drill: where its files are, and what it printed."""
    status, output, errors = finished(start(packages_folder, folder, "--drill", "--out", tmp_path / "out"))
    assert (status, errors) == (0, ""), output
    return tmp_path / "out", output


@pytest.mark.system_case("T102")
def test_every_run_of_the_drill_ends_the_same(folder: Path, packages_folder: Path, tmp_path: Path) -> None:
    outs = [tmp_path / f"out-{number}" for number in range(RUNS)]
    running = [start(packages_folder, folder, "--drill", "--out", out) for out in outs]
    for process in running:
        status, output, errors = finished(process)
        assert (status, errors) == (0, ""), output
    assert [states(out) for out in outs] == [ENDS] * RUNS


def test_all_that_goes_wrong_in_the_drill_is_told_live(drilled: tuple[Path, str]) -> None:
    _, output = drilled
    for told in (
        r"✗ w-\d+ +429: too many requests -> restart",
        r"▶ sizes +w-\d+, attempt 3 with large",
        r"✗ w-\d+ +hangs: its thread is left behind",
        r"! w-\d+ +passes its failure on to its parent",
        r"↻ pool +starts again, incarnation 2",
        r"● audit +paused: look at the first result",
        r"↩ inventory +say how many bytes they are",
        r"\? plan +approved: start",
        r"\? plan +pending: write_note",
        r"† plan +killed: the plan takes too long",
        r"⊘ verdict +blocked: blocked by killed task plan",
        r"⊘ release +blocked: blocked by failed task licences",
        r"14 tickets: 10 completed, 1 failed, 2 blocked, 1 killed",
    ):
        assert re.search(told, output), f"{told}\n{output}"


def test_the_usage_of_the_report_is_what_the_attempts_have_told(drilled: tuple[Path, str]) -> None:
    out, _ = drilled
    report = json.loads((out / "report.json").read_text("utf-8"))
    told = {"in": 0, "out": 0}
    with open_log(str(out / "events.db")) as log:
        for record in log.read(count=100_000).records:
            if record.event_type == "usage_reported":
                tokens = re.fullmatch(r"Tier 3: (\d+) in, (\d+) out", record.message or "")
                assert tokens is not None
                told["in"] += int(tokens[1])
                told["out"] += int(tokens[2])
    assert report["usage"] == [{"tier": "Tier 3", "tokens_in": told["in"], "tokens_out": told["out"]}]


def test_the_log_has_each_step_of_each_ticket_once(drilled: tuple[Path, str]) -> None:
    out, _ = drilled
    now: dict[str, str] = {}
    with open_log(str(out / "events.db")) as log:
        records = log.read(count=100_000).records
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    for record in records:
        if record.event_type.startswith("mission_work_"):
            assert record.task_id is not None
            assert record.old_state == now.get(record.task_id, record.old_state)
            now[record.task_id] = str(record.new_state)
    assert now == ENDS


def test_no_request_for_approval_is_left_open(drilled: tuple[Path, str], packages_folder: Path) -> None:
    out, _ = drilled
    command = [sys.executable, "-m", "actors.console", "approvals", str(out / "approvals.db"), "--json"]
    ran = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(packages_folder)}, capture_output=True, text=True, timeout=60
    )
    found: list[dict[str, Any]] = json.loads(ran.stdout)
    open_states = {ApprovalState.PENDING, ApprovalState.EXECUTING}
    assert ran.returncode == 0, ran.stderr
    assert all(each["state"] not in open_states for each in found)


def test_without_the_drill_every_ticket_is_completed(folder: Path, packages_folder: Path, tmp_path: Path) -> None:
    status, output, errors = finished(start(packages_folder, folder, "--out", tmp_path / "out"))
    assert (status, errors) == (0, ""), output
    assert states(tmp_path / "out") == dict.fromkeys(ENDS, "completed")
    assert "<!doctype html>" in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_whoever_sits_at_the_terminal_may_say_no(folder: Path, packages_folder: Path, tmp_path: Path) -> None:
    process = start(packages_folder, folder, "--drill", "--ask", "--out", tmp_path / "out")
    status, output, errors = finished(process, said="n\n")
    assert status == 0, output
    assert "approve start for plan" in errors
    assert states(tmp_path / "out") == {**ENDS, "plan": "blocked"}


def test_ctrl_c_ends_it_in_order_and_leaves_the_report(folder: Path, packages_folder: Path, tmp_path: Path) -> None:
    process = start(packages_folder, folder, "--drill", "--out", tmp_path / "out")
    assert process.stdout is not None
    while "hangs" not in process.stdout.readline() and process.poll() is None:
        pass
    process.send_signal(signal.SIGINT)
    status, output, errors = finished(process)
    assert status == 130, output + errors
    assert "interrupted after" in output
    assert "in_progress" not in states(tmp_path / "out").values()


@pytest.mark.parametrize(("name", "why"), [("gone", "no such folder"), ("a_file", "no folder")])
def test_what_is_no_folder_is_named(name: str, why: str, packages_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a_file").write_text("")
    status, _, errors = finished(start(packages_folder, tmp_path / name))
    assert (status, errors) == (1, f"flagship: {tmp_path / name}: {why}\n")


def test_an_out_that_is_no_folder_is_named(folder: Path, packages_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("a file")
    status, said, errors = finished(start(packages_folder, folder, "--out", out))
    assert (status, said, errors) == (1, "", f"flagship: {out}: File exists\n")
    assert out.read_text() == "a file"


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe that nobody reads is another error there")
def test_whoever_stops_reading_gets_the_report_all_the_same(
    folder: Path, packages_folder: Path, tmp_path: Path
) -> None:
    with start(packages_folder, folder, "--out", tmp_path / "out") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert (process.stderr.read(), process.wait(60)) == ("", 0)
    assert set(states(tmp_path / "out").values()) == {"completed"}


@pytest.mark.skipif(sys.platform == "win32", reason="it is a shell that closes the output")
def test_without_an_output_there_is_the_report(folder: Path, packages_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ended = subprocess.run(
        ["/bin/sh", "-c", '"$@" >&-', "sh", sys.executable, FLAGSHIP, folder, "--out", out],
        env={**os.environ, "PYTHONPATH": str(packages_folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert set(states(out).values()) == {"completed"}
