"""Whenever a program is killed, is nothing that was approved once done twice?"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from actors.approvals import ApprovalState, read_all

S = ApprovalState
PROGRAM = Path(__file__).with_name("executing_process.py")
COUNT, KILLS = 150, 10


def run(path: Path, packages_folder: Path, lines: int | None) -> None:
    """Start the program, and kill it after it has written so many lines; None lets it come to its end."""
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(path), str(COUNT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(packages_folder)},
    )
    assert process.stdout is not None
    if lines is not None:
        for _ in range(lines):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    process.communicate(timeout=50)
    assert process.returncode == (0 if lines is None else -signal.SIGKILL)


def test_nothing_is_done_twice_however_often_the_program_is_killed(tmp_path: Path, packages_folder: Path) -> None:
    path = tmp_path / "crew.approvals"
    moments = random.Random(7)
    for _ in range(KILLS):
        run(path, packages_folder, moments.randrange(1, COUNT))
    run(path, packages_folder, None)

    times = Counter(int(line) for line in Path(f"{path}.done").read_text().splitlines())
    approvals = read_all(path)
    assert [each.key for each in approvals] == [f"k-{number}" for number in range(COUNT)]
    consumed = [number for number, each in enumerate(approvals) if each.state is S.CONSUMED]
    left = [number for number, each in enumerate(approvals) if each.interrupted]
    assert len(consumed) + len(left) == COUNT, "each is over, or told to be interrupted"
    assert {times[number] for number in consumed} == {1}
    assert {times[number] for number in left} <= {0, 1}
    assert len(left) <= KILLS
