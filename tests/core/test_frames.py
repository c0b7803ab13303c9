"""Can a program look at its threads while it collects garbage?"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from actors._core.frames import current_frames
from actors.testkit import Gate
from tests.core.helpers import elsewhere, result

PROGRAM = """
import gc, sys, threading, time
from actors._core.frames import current_frames

class Loop:
    def __init__(self):
        self.itself = self
    def __del__(self):
        time.sleep(0.001)

def churn():
    while not over.is_set():
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()

over = threading.Event()
churning = threading.Thread(target=churn)
churning.start()

def look():
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait)
    thread.start()
    gc.disable()
    Loop()
    gc.set_threshold(1)
    gc.enable()
    current_frames()
    gc.set_threshold(700)
    gate.set()
    thread.join()

for _ in range(100):
    look()
over.set()
churning.join()
print("done")
"""


def test_a_program_goes_on_that_looks_at_its_threads_while_threads_begin_and_end_and_there_is_garbage(
    packages_folder: Path,
) -> None:
    env = {**os.environ, "PYTHONPATH": str(packages_folder)}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=env, capture_output=True, encoding="utf-8", timeout=50, check=True
    )
    assert ran.stdout == "done\n"


@pytest.mark.parametrize("collects", [True, False])
def test_whether_garbage_is_collected_is_as_before(collects: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    look = sys._current_frames

    def looking() -> Any:
        seen.append(gc.isenabled())
        return look()

    monkeypatch.setattr(sys, "_current_frames", looking)
    try:
        if not collects:
            gc.disable()
        current_frames()
        assert gc.isenabled() is collects
    finally:
        gc.enable()
    assert seen == [False]


def test_the_frames_of_all_threads_are_given() -> None:
    gate = Gate()
    waiting = elsewhere(gate.wait)
    gate.reached()
    frames = [frame for frame in current_frames().values() if frame is not None]
    gate.open()
    result(waiting)
    assert len(frames) >= 2
