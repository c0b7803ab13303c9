"""Is the tree from the log that of the system, whatever happens in whichever tree?

Programs are drawn from seeds, as for the invariants: agents that fail, hang, end, and end one another. Whenever such a
simulation comes to rest, the two trees have to be equal, in all that records tell.
"""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from actors import ActorSystem, AgentSnapshot, ChildSpec, Event, Supervisor, Tree
from actors.eventlog.fold import Fold, LoggedAgent, LoggedTree
from actors.eventlog.kinds import decode, encode
from actors.eventlog.translate import system_started, translate
from actors.testkit import VirtualClock
from policies import Backoff, Restart
from tests.core.doer import Doer, crash, end
from tests.properties.programs import Phase, Program
from tests.properties.scripts import write_program
from tests.properties.worlds import Driver, Simulated

ENDED_NORMALLY = "ended normally"


class Heard:
    """What a log of the system would have: each event as a record that has been on the wire."""

    def __init__(self, system: ActorSystem) -> None:
        self._numbers = itertools.count(1)
        self.fold = Fold()
        self.kinds: Counter[str] = Counter()
        self._take(system_started(system))
        system.events.subscribe(self.hear)

    def hear(self, event: Event) -> None:
        self._take(translate(event)[0])

    def _take(self, fields: dict[str, Any]) -> None:
        self.kinds[fields["event_type"]] += 1
        stamp = {"seq": next(self._numbers), "run": "r", "timestamp": datetime.now(UTC).isoformat()}
        self.fold.add(decode(encode(decode({**fields, **stamp}))))


def facts(tree: Tree) -> dict[str, tuple[Any, ...]]:
    """What a log can tell of each agent; nothing of those that are only specs, or have not begun."""
    found = {}
    for parent in tree.root.walk():
        for agent in parent.children:
            if agent.state == "down" or not agent.incarnation:
                continue
            state = "idle" if agent.state in ("busy", "waiting") else agent.state
            # A limit is told at the start of an agent; the next incarnation of its parent may have another.
            limit = agent.limit if parent.incarnation == 1 else ""
            found[agent.path] = (agent.agent, state, agent.incarnation, agent.restarts, limit)
    return found


def failures(tree: Tree) -> dict[str, str]:
    """What the agents have failed with last."""
    return {agent.path: agent.last_failure for agent in tree if agent.state not in ("down", "starting")}


class Compared(Simulated):
    """A world in which the two trees are compared whenever nothing happens."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.heard = Heard(self.system)
        self.wrong: list[str] = []
        self.seen: Counter[str] = Counter()

    def do(self, phase: Phase, drivers: list[Driver]) -> None:
        super().do(phase, drivers)
        self.compare()

    def compare(self) -> None:
        live, logged = facts(self.system.tree()), facts(self.heard.fold.tree())
        self.seen.update(state for _, state, *_ in live.values())
        for path in live.keys() | logged.keys():
            if live.get(path) != logged.get(path):
                self.wrong.append(f"{path} is {live.get(path)}, by the log {logged.get(path)}")
        told = failures(self.heard.fold.tree())
        for path, failure in failures(self.system.tree()).items():
            # A normal end that its supervisor decides about is no failure to the log. A start that was abandoned is
            # told as failed once the children are gone that it had started.
            if path in told and told[path] != failure and not failure.endswith(ENDED_NORMALLY):
                self.wrong.append(f"{path} has failed with {failure!r}, by the log {told[path]!r}")


def run(seed: int) -> Compared:
    world = Compared(write_program(seed))
    world.run()
    world.compare()
    assert world.wrong == [], f"seed {seed}: {world.wrong}"
    return world


@pytest.mark.timeout(180)
def test_the_tree_from_the_log_is_that_of_the_system_in_random_programs() -> None:
    seen: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for seed in range(300):
        world = run(seed)
        seen += world.seen
        kinds += world.heard.kinds
        assert len(world.heard.fold.tree()) == 0
    # Else it would compare little.
    assert [state for state in ("idle", "suspended", "backing_off", "starting", "stopping") if not seen[state]] == []
    assert [kind for kind in ("agent_halted", "agent_resumed", "agent_escalated") if not kinds[kind]] == []


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def test_text_and_drawings_are_those_of_the_live_tree(clock: VirtualClock) -> None:
    policy = Restart(max_restarts=3, within=9.0, backoff=Backoff(1.0))
    with ActorSystem("test", policy, clock=clock) as system:
        heard = Heard(system)
        system.spawn(
            ChildSpec(Supervisor, "crew", kwargs={"children": [ChildSpec(Doer, "one"), ChildSpec(Doer, "two")]})
        )
        alone = system.spawn(Doer, name="alone")
        for message in (crash, "barrier"):
            alone.tell(message)
        clock.advance(1.0, settle=True)
        two = system.find("/crew/two")
        assert two is not None
        two.tell(crash)
        clock.settle()
        live, logged = system.tree(), heard.fold.tree()
        assert str(logged) == str(live)
        assert logged.to_mermaid() == live.to_mermaid()
        assert logged.to_dot() == live.to_dot()
        assert [agent.path for agent in logged] == [agent.path for agent in live]


def test_after_the_end_the_tree_shows_all_who_were_there(clock: VirtualClock) -> None:
    with ActorSystem("test", clock=clock) as system:
        heard = Heard(system)
        system.spawn(Doer, name="a").tell(end)
        system.spawn(Doer, name="b")
        clock.settle()
    tree: LoggedTree = heard.fold.tree(ended=True)
    shown: list[AgentSnapshot] = list(tree)
    assert tree.ended
    assert {agent.name: agent.reason for agent in shown if isinstance(agent, LoggedAgent)} == {
        "a": "normal",
        "b": "shutdown",
    }
