"""Which runs do the tests of the command look at, and how do they give it?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from actors import ActorSystem, ChildSpec, Mailbox, MailboxFullError, Supervisor
from actors.eventlog import SqliteLog, record
from actors.testkit import Gate, VirtualClock
from policies import Restart
from tests.core.doer import Doer, crash

COMMAND = (sys.executable, "-m", "actors.console")

PROGRAM = '''
"""A program for the command."""
import time
from actors import Agent, ChildSpec, Supervisor
from policies import Escalate

class Worker(Agent):
    def on_receive(self, message):
        if message == "crash":
            raise ValueError("no such thing")
        if message == "stop":
            self.stop()
        elif message == "say":
            print("said", flush=True)
        elif message != "nothing":
            time.sleep(message)

def crew(system):
    """Runs until somebody ends it."""
    print("begun", flush=True)
    return [ChildSpec(Supervisor, "crew", kwargs={"children": [ChildSpec(Worker, f"w{n}") for n in range(3)]})]

def one(system):
    return ChildSpec(Worker, "one")

def short(system):
    """Crashes once, then ends by itself."""
    worker = system.spawn(Worker, name="short")
    for message in ("nothing", "crash", "stop"):
        worker.tell(message)

def nothing(system):
    pass

def failing(system):
    system.spawn(ChildSpec(Worker, "fails", policy=Escalate())).tell("crash")

def raising(system):
    raise KeyError("of the program")

class Broken(Agent):
    def on_start(self):
        raise ValueError("cannot start")

def broken(system):
    return [ChildSpec(Broken, "broken")]

def odd(system):
    return [Worker]

def odder(system):
    yield ChildSpec(Worker, "first")
    raise KeyError("of the program")

async def later(system):
    pass

async def specs_later(system):
    yield ChildSpec(Worker, "one")

def without():
    pass

def with_more(system, more):
    pass

def queued(system):
    worker = system.spawn(Worker, name="queued")
    for message in (0.3, "say", "say"):
        worker.tell(message)
    print("begun", flush=True)

def hanging(system):
    system.spawn(ChildSpec(Worker, "hanging", shutdown=0.1)).tell(60)
    time.sleep(0.2)
    print("begun", flush=True)

value = 7
'''


def environment(packages_folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    return {**kept, "PYTHONPATH": str(packages_folder), "PYTHONIOENCODING": "utf-8", "LOGURU_LEVEL": "CRITICAL"}


def actortree(packages_folder: Path, *arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Give the command as a user does, without a terminal, and wait for its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=environment(packages_folder),
        capture_output=True,
        encoding="utf-8",
        timeout=50,
    )


def begin(packages_folder: Path, *arguments: object, cwd: Path) -> subprocess.Popen[str]:
    """Give the command, and go on while it runs."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=environment(packages_folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


class Audit:
    """A run that is recorded in a file: a crew of which one agent has crashed, one has ended and one is busy."""

    def __init__(self, path: Path) -> None:
        self.clock = VirtualClock()
        self.system = ActorSystem("audit", Restart(max_restarts=3, within=9.0), clock=self.clock)
        self.log = SqliteLog(path)
        self.recording = record(self.system, self.log, sample=None)
        self.gate = Gate()
        children = [ChildSpec(Doer, name, mailbox=Mailbox(1)) for name in ("one", "two", "three")]
        self.system.spawn(ChildSpec(Supervisor, "crew", kwargs={"children": children}))
        self.one, self.two, self.three = (self._child(name) for name in ("one", "two", "three"))
        self.one.tell(crash)
        self.clock.settle()
        self.three.stop()
        self.two.tell(Long(self.gate))
        self.gate.reached()
        self.two.tell("waits")
        try:
            self.two.tell("too much")
        except MailboxFullError:
            self.log.flush()
        self.clock.advance(2.5)

    def _child(self, name: str) -> Any:
        found = self.system.find(f"/crew/{name}")
        assert found is not None
        return found

    def look(self) -> None:
        """Put what the agents have in hand into the log, as a recording does each second."""
        from actors.eventlog.samples import figures_of

        self.log._put_sample({"at": self._now(), "agents": figures_of(self.system)})
        self.log.flush()

    def _now(self) -> str:
        from actors.eventlog.stamping import iso

        return iso(self.recording._stamping.clock())

    def end(self) -> None:
        self.gate.open()
        self.system.stop()
        self.log.close()


class Long:
    """A message that takes until the gate is open."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def __call__(self, agent: Any) -> None:
        self.gate.wait()

    def __repr__(self) -> str:
        return "Long()"
