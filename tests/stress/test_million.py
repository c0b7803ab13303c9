"""Can a tree hold a million agents?"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.stress, pytest.mark.timeout(240)]

PROGRAM = """
import json, resource, threading
from loguru import logger
from actors import ActorSystem, Agent, AgentRestarted, AgentStopped, ChildSpec, Supervisor
from policies import Restart

logger.remove()
CREWS, EACH = 1_000, 1_000
restarted, stopped, told = [], [], []

class Member(Agent):
    def on_receive(self, message):
        if message == "fail":
            raise RuntimeError("told to")
        told.append(None)

class Crew(Supervisor):
    strategy = "one_for_all"
    policy = Restart(max_restarts=1_000, within=None)

    def on_start(self):
        self.members = [self.context.spawn(Member) for _ in range(EACH)] if self.context.incarnation == 1 else []

    def on_receive(self, message):
        for member in self.members:
            member.tell(message)

with ActorSystem("million", policy=Restart(max_restarts=10, within=None)) as system:
    done = threading.Event()

    def count(event):
        restarted.append(event.path)
        if len(restarted) == 3 * EACH + 100:
            done.set()

    crews = [system.spawn(Crew, name=f"crew-{number}") for number in range(CREWS)]
    agents = 0
    for crew in crews:
        agents += crew.count_children().active
        crew.tell("work")
    for crew in crews:
        crew.ask(None)
        for child in crew.children()[-1:]:
            child.ref.ask("work")
    system.events.subscribe(count, AgentRestarted)
    # Three whole crews, one_for_all: one failure each brings EACH members back.
    for crew in crews[:3]:
        crew.children()[EACH // 2].ref.tell("fail")
    # And a hundred planned restarts elsewhere.
    for crew in crews[3:103]:
        crew.restart_child(crew.children()[0].name)
    finished = done.wait(120)
    system.events.subscribe(lambda event: stopped.append(None), AgentStopped)

print(json.dumps({
    "agents": agents,
    "told": len(told),
    "restarted": len(restarted),
    "finished": finished,
    "stopped": len(stopped),
    "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    "threads": [thread.name for thread in threading.enumerate()],
}))
"""


def test_a_million_agents_are_built_told_restarted_in_part_and_stopped_within_three_gigabytes(
    packages_folder: Path,
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PYTHONPATH": str(packages_folder)},
        capture_output=True,
        encoding="utf-8",
        timeout=230,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    result = json.loads(ran.stdout)
    assert result["agents"] == 1_000_000
    # Each was told once, by its crew; `None` went round once more, and one of each crew was asked.
    assert result["told"] == 2 * 1_000_000 + 1_000
    assert result["finished"]
    assert result["restarted"] == 3 * 1_000 + 100
    assert result["stopped"] == 1_000_000 + 1_000 + 1
    assert result["peak_bytes"] < 3_000_000_000
    assert result["threads"] == ["MainThread"]
