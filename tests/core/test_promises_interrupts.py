"""Does Ctrl-C end a system as promise 8 of docs/semantics.md says?"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.core.helpers import PATIENCE

CTRL_C = """
import signal, threading
from actors import ActorSystem, Agent, ChildSpec

# As in a terminal: who runs the tests in the background may have had Ctrl-C ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Child(Agent):
    def on_stop(self):
        print("stopping", self.context.path, flush=True)
        if {hangs}:
            threading.Event().wait()
        print("stopped", self.context.path, flush=True)

class Parent(Agent):
    def on_start(self):
        for name in ("first", "last"):
            self.context.spawn(ChildSpec(Child, name, shutdown="infinity"))

    def on_stop(self):
        print("stopped", self.context.path, flush=True)

class SaysReady(threading.Event):
    def wait(self, timeout=None):
        print("ready", flush=True)
        return super().wait(timeout)

class Asked(Agent):
    def on_receive(self, message):
        SaysReady().wait()

class Starting(Agent):
    def on_start(self):
        SaysReady().wait()

system = ActorSystem("main")
system.spawn(Parent, name="parent")
try:
    {block}
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
WAITS = """
    system._ended = SaysReady()
    system.wait()
"""
IN_WITH = """
    with system:
        SaysReady().wait()
"""
IN_HANDLER = """
    with system:
        system.spawn(Asked).ask("a message")
"""
IN_START = """
    with system:
        system.spawn(Starting)
"""


def test_promise_08_ctrl_c_stops_the_system_in_order(packages_folder: Path) -> None:
    with _program(CTRL_C.format(hangs=False, block=WAITS), packages_folder) as program:
        _interrupt_after(program, "ready")
        said, errors = program.communicate(timeout=PATIENCE)
    stops = ["stopped /parent/last", "stopped /parent/first", "stopped /parent"]
    assert [line for line in said.splitlines() if not line.startswith("stopping")] == [*stops, "interrupted"]
    assert (program.returncode, errors) == (0, "")


@pytest.mark.parametrize("block", [IN_WITH, IN_HANDLER, IN_START], ids=["block", "handler", "start"])
def test_promise_08_ctrl_c_in_the_with_block_stops_the_system_in_order(packages_folder: Path, block: str) -> None:
    with _program(CTRL_C.format(hangs=False, block=block), packages_folder) as program:
        _interrupt_after(program, "ready")
        said, _ = program.communicate(timeout=PATIENCE)
    stops = ["stopped /parent/last", "stopped /parent/first", "stopped /parent"]
    assert [line for line in said.splitlines() if not line.startswith("stopping")] == [*stops, "interrupted"]
    assert program.returncode == 0


@pytest.mark.parametrize("block", [WAITS, IN_WITH], ids=["wait", "with"])
def test_promise_08_a_second_ctrl_c_stops_it_at_once(packages_folder: Path, block: str) -> None:
    with _program(CTRL_C.format(hangs=True, block=block), packages_folder) as program:
        _interrupt_after(program, "ready")
        _interrupt_after(program, "stopping /parent/last")
        said, _ = program.communicate(timeout=PATIENCE)
    assert "stopped /parent/last" not in said
    assert said.splitlines()[-1] == "interrupted"
    assert program.returncode == 0


@contextmanager
def _program(code: str, packages_folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=packages_folder, stdout=pipe, stderr=pipe, text=True) as program:
        try:
            yield program
        finally:
            program.kill()


def _interrupt_after(program: subprocess.Popen[str], line: str) -> None:
    assert program.stdout is not None
    assert program.stdout.readline().strip() == line
    program.send_signal(signal.SIGINT)
