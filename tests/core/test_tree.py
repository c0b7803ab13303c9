"""What does a tree show of each agent, and can one look at it whatever the agents do?"""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentBackingOff,
    AgentFailed,
    AgentSnapshot,
    ChildSpec,
    HandlerTimeout,
    Mailbox,
    Supervisor,
    Tree,
)
from actors.testkit import Gate
from policies import Backoff, ByError, Restart, Resume, Stop
from tests.core.clocks import WatchedClock
from tests.core.doer import Doer, busy_at, crash, end, end_of, names, start, stop
from tests.core.helpers import Boom, EventLog, answer, result

AGAIN = Restart(max_restarts=5, within=60.0)


def shown(system: ActorSystem, path: str) -> AgentSnapshot:
    found = system.tree().find(path)
    assert found is not None, f"no {path} in {system.tree()}"
    return found


class Long:
    """A message whose text has lines and does not end."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def __call__(self, agent: Agent) -> None:
        self.gate.wait()

    def __repr__(self) -> str:
        return "<first\n  second " + "x" * 1000


# -- text ------------------------------------------------------------------------


def test_a_tree_is_drawn_with_a_line_for_each_agent(system: ActorSystem, log: EventLog) -> None:
    crew = system.spawn(
        ChildSpec(Supervisor, "crew", kwargs={"children": [ChildSpec(Doer, "one"), ChildSpec(Doer, "two")]})
    )
    ended = system.find("/crew/one")
    assert ended is not None
    ended.tell(end)
    end_of(log, "/crew/one")
    crew.start_child(ChildSpec(Doer, "three"))
    system.spawn(Doer, name="alone")
    assert str(system.tree()).splitlines() == [
        "test: 4 agents, 1 down",
        "├─ ○ crew Supervisor idle #1",
        "│  ├─ - one Doer down",
        "│  ├─ ○ two Doer idle #1",
        "│  └─ ○ three Doer idle #1",
        "└─ ○ alone Doer idle #1",
    ]


def test_a_tree_without_agents_is_a_title(system: ActorSystem) -> None:
    assert str(system.tree()) == "test: 0 agents"
    system.spawn(Doer)
    assert repr(system.tree()) == "<Tree test: 1 agent>"
    system.stop()
    assert str(system.tree()) == "test: 0 agents"


def test_a_busy_agent_shows_what_it_handles_for_how_long_and_what_waits(
    system: ActorSystem, clock: WatchedClock
) -> None:
    agent = system.spawn(ChildSpec(Doer, "a", mailbox=Mailbox(capacity=8)))
    assert str(shown(system, "/a")) == "○ a Doer idle #1 mailbox=0/8"
    gate = Gate()
    agent.tell(Long(gate))
    gate.reached()
    agent.tell("waits")
    agent.tell("too")
    clock.advance(2.5)
    found = shown(system, "/a")
    assert (found.state, found.mailbox, found.capacity, found.seconds) == ("busy", 2, 8, 2.5)
    assert str(found) == f"● a Doer busy #1 mailbox=2/8 in <first second {'x' * 64} for 2.5 s"
    gate.open()
    answer(agent, "barrier")


def test_a_waiting_agent_shows_whom_it_waits_for(system: ActorSystem) -> None:
    asked = system.spawn(ChildSpec(Doer, "asked", deadline=60.0))
    asking = system.spawn(Doer, name="asking")
    gate = Gate()
    waiting = asking.ask(lambda _: asked.ask(busy_at(gate)), block=False)
    gate.reached()
    found = shown(system, "/asking")
    assert (found.state, found.waits_for) == ("waiting", "/asked")
    assert str(found).startswith("◌ asking Doer waiting for /asked #1 in <function ")
    gate.open()
    result(waiting)
    assert shown(system, "/asking").waits_for == ""


def test_an_agent_that_starts_and_one_that_ends_say_so(system: ActorSystem) -> None:
    class Slow(Doer):
        def __init__(self, first: Gate, last: Gate) -> None:
            super().__init__()
            self.first, self.last = first, last

        def on_start(self) -> None:
            self.first.wait()

        def on_stop(self) -> None:
            self.last.wait()

    first, last = Gate(), Gate()
    parent = system.spawn(Doer, name="p")
    starting = parent.ask(start(Slow, first, last, name="slow"), block=False)
    first.reached()
    assert str(shown(system, "/p/slow")) == "◐ slow Slow starting #1 in on_start for 0.0 s"
    assert shown(system, "/p").waits_for == "/p/slow"
    first.open()
    stopping = result(starting).stop(block=False)
    last.reached()
    assert str(shown(system, "/p/slow")) == "◓ slow Slow stopping #1 in on_stop for 0.0 s"
    last.open()
    assert result(stopping) is True


def test_an_agent_that_has_no_incarnation_yet_is_starting(system: ActorSystem) -> None:
    parent = system.spawn(Doer, name="p")
    cell = parent._cell.make_child("new", ChildSpec(Doer), kept=False)
    parent._cell.own_family().admit(cell)
    assert (shown(system, "/p/new").state, shown(system, "/p/new").incarnation) == ("starting", 0)
    assert str(shown(system, "/p/new")) == "◐ new Doer starting"
    parent._cell.own_family().remove(cell, keep_spec=False)


def test_a_restarted_agent_shows_its_restarts_the_limit_and_its_last_failure(
    system: ActorSystem, clock: WatchedClock, log: EventLog
) -> None:
    agent = system.spawn(ChildSpec(Doer, "a", policy=Restart(4, within=9.0, backoff=Backoff(2.0))))
    agent.tell(crash)
    log.wait(AgentBackingOff)
    agent.tell("waits")
    assert str(shown(system, "/a")) == "◔ a Doer backing_off #1 mailbox=1 last failure: Boom: crash of #1"
    clock.advance_to(2.0)
    answer(agent, "barrier")
    assert str(shown(system, "/a")) == "○ a Doer idle #2 restarts=1 (limit 4 in 9 s) last failure: Boom: crash of #1"


@pytest.mark.parametrize(
    ("policy", "limit"),
    [
        (Restart(2, within=60.0), "2 in 60 s"),
        (Restart(2, within=None), "2 in a row"),
        (Restart(None, within=None), ""),
        (ByError({Boom: Restart(1, within=None)}), "1 in a row"),
        (Stop(), "3 in 5 s"),
    ],
)
def test_the_limit_is_that_of_the_policy_which_decides(system: ActorSystem, policy: Any, limit: str) -> None:
    system.spawn(ChildSpec(Doer, "own", policy=policy))
    kwargs = {"children": [ChildSpec(Doer, "child")], "policy": policy}
    system.spawn(ChildSpec(Supervisor, "p", kwargs=kwargs))
    assert shown(system, "/own").limit == limit
    assert shown(system, "/p/child").limit == limit


def test_a_restart_without_limit_is_counted_without_one(system: ActorSystem) -> None:
    agent = system.spawn(ChildSpec(Doer, "a", policy=Restart(None, within=None)))
    agent.tell(crash)
    answer(agent, "barrier")
    assert str(shown(system, "/a")) == "○ a Doer idle #2 restarts=1 last failure: Boom: crash of #1"


def test_a_failure_with_many_lines_is_shown_on_one(system: ActorSystem) -> None:
    def fail(agent: Agent) -> None:
        raise Boom("first\nsecond" + " word" * 100)

    agent = system.spawn(ChildSpec(Doer, "a", policy=Resume()))
    agent.tell(fail)
    answer(agent, "barrier")
    said = shown(system, "/a").last_failure
    assert said.startswith("Boom: first second word word")
    assert (len(said), said[-3:]) == (203, "...")


def test_a_suspended_agent_is_one_about_whom_nobody_has_decided(system: ActorSystem) -> None:
    gate = Gate()

    class Slow(Stop):
        def decide(self, *args: Any) -> Any:
            gate.wait()
            return super().decide(*args)

    agent = system.spawn(ChildSpec(Doer, "a", policy=Slow()))
    agent.tell(crash)
    gate.reached()
    assert str(shown(system, "/a")) == "◑ a Doer suspended #1 last failure: Boom: crash of #1"
    gate.open()
    assert agent.actor_stopped.wait(10)


# -- as a value ------------------------------------------------------------------


def test_a_snapshot_is_frozen_and_stays_as_it_was(system: ActorSystem) -> None:
    agent = system.spawn(Doer, name="a")
    before = system.tree()
    assert before == system.tree()
    assert hash(before) == hash(system.tree())
    stop(agent)
    assert [found.path for found in before] == ["/a"]
    assert before != system.tree()
    with pytest.raises(dataclasses.FrozenInstanceError):
        before.system = "other"  # type: ignore[misc]


def test_a_tree_is_walked_from_parents_to_children_in_start_order(system: ActorSystem) -> None:
    for name in ("a", "b"):
        agent = system.spawn(Doer, name=name)
        answer(agent, start(Doer, name="x"))
        answer(agent, start(Doer, name="y"))
    tree = system.tree()
    assert [found.path for found in tree] == ["/a", "/a/x", "/a/y", "/b", "/b/x", "/b/y"]
    assert len(tree) == 6
    assert [child.name for child in tree.root.children] == ["a", "b"]
    found = tree.find("/b/y")
    assert found is not None
    assert (found.path, found.name, found.agent, found.children) == ("/b/y", "y", "Doer", ())
    assert tree.find("/") is tree.root
    assert tree.find("/b/z") is None


def test_a_child_that_is_down_is_found_at_its_path_and_drawn_among_its_siblings(
    system: ActorSystem, log: EventLog
) -> None:
    specs = [ChildSpec(Doer, name, restart="transient") for name in ("a", "b", "c")]
    crew = system.spawn(ChildSpec(Supervisor, "crew", kwargs={"children": specs}))
    assert crew.terminate_child("b")
    found = shown(system, "/crew/b")
    assert (found.state, found.incarnation, found.mailbox, found.agent) == ("down", 0, 0, "Doer")
    assert [child.name for child in shown(system, "/crew").children] == ["a", "b", "c"]
    assert crew.restart_child("b")
    assert shown(system, "/crew/b").state == "idle"


def test_a_tree_deeper_than_pythons_stack_is_shown_and_stopped(system: ActorSystem) -> None:
    depth = sys.getrecursionlimit() + 200
    ref = system.spawn(Doer, name="a")
    for _ in range(depth - 1):
        child = ref.start_child(ChildSpec(Doer, "a")).ref
        assert child is not None
        ref = child
    tree = system.tree()
    assert len(tree) == depth
    assert len(str(tree).splitlines()) == depth + 1
    assert repr(tree.root.children[0]).startswith("AgentSnapshot(path='/a', name='a', agent='Doer', state='idle'")
    assert tree.to_mermaid().count("-->") == depth
    assert tree.to_dot().count("->") == depth
    assert tree.find(ref.path) is not None
    assert system.find(ref.path) is ref
    assert answer(ref, lambda agent: (names(agent), agent.context.cancelled)) == ([], False)
    gate = Gate()
    ended = ref.ask(lambda agent: (gate.wait(), agent.context.cancelled), block=False)
    gate.reached()
    top = system.find("/a")
    assert top is not None
    stopping = top.stop(block=False, drain=False)
    gate.open()
    assert result(ended) == (None, True)
    assert result(stopping) is True


# -- drawings --------------------------------------------------------------------


def test_mermaid_gets_a_node_for_each_agent_and_an_edge_for_each_parent(system: ActorSystem) -> None:
    crew = system.spawn(Doer, name="crew")
    answer(crew, start(Doer, name="x"))
    assert system.tree().to_mermaid().splitlines() == [
        "flowchart TD",
        '    a0["/<br/>Guardian #1<br/>idle"]',
        '    a1["crew<br/>Doer #1<br/>idle"]',
        "    a0 --> a1",
        '    a2["x<br/>Doer #1<br/>idle"]',
        "    a1 --> a2",
    ]


def test_dot_gets_a_node_for_each_agent_and_an_edge_for_each_parent(system: ActorSystem) -> None:
    crew = system.spawn(Doer, name="crew")
    answer(crew, start(Doer, name="x"))
    assert system.tree().to_dot().splitlines() == [
        'digraph "test" {',
        "    node [shape=box];",
        r'    a0 [label="/\nGuardian #1\nidle"];',
        r'    a1 [label="crew\nDoer #1\nidle"];',
        "    a0 -> a1;",
        r'    a2 [label="x\nDoer #1\nidle"];',
        "    a1 -> a2;",
        "}",
    ]


def test_names_cannot_break_a_drawing() -> None:
    name = '"a" <b> #quot; & \\'
    root = AgentSnapshot("/", name, "Doer", "idle", 1, 0, "", 0, None, "", 0.0, "", "", 0)
    tree = Tree('my "system"', root)
    assert '["#quot;a#quot; #lt;b#gt; #35;quot; #amp; ' in tree.to_mermaid()
    assert r'[label="\"a\" <b> #quot; & \\\nDoer #1\nidle"];' in tree.to_dot()
    assert tree.to_dot().startswith(r'digraph "my \"system\"" {')


# -- dump ------------------------------------------------------------------------


def hangs_here(gate: Gate) -> None:
    gate.wait()


@pytest.mark.leaves_orphans
def test_a_dump_shows_the_stacks_of_busy_agents_and_of_orphans(
    system: ActorSystem, clock: WatchedClock, log: EventLog
) -> None:
    busy = system.spawn(Doer, name="busy")
    system.spawn(Doer, name="idle")
    stuck = system.spawn(ChildSpec(Doer, "stuck", deadline=3.0, policy=AGAIN))
    first, second = Gate(), Gate()
    stuck.tell(lambda _: hangs_here(second))
    second.reached()
    clock.advance_to(3.0)
    assert isinstance(log.wait(AgentFailed).error, HandlerTimeout)
    answer(stuck, "barrier")
    busy.tell(lambda _: hangs_here(first))
    first.reached()
    clock.advance(1.5)

    text = system.dump()

    tree, _, stacks = text.partition("/busy #1 has been in ")
    of_busy, _, of_orphan = stacks.partition("orphan /stuck #1, 4.5 s in ")
    assert tree.splitlines()[0] == "test: 3 agents, 1 orphan"
    assert " for 1.5 s:\n" in of_busy
    assert "in hangs_here" in of_busy
    assert "in hangs_here" in of_orphan
    assert "/idle" not in text
    first.open()
    second.open()
    answer(busy, "barrier")


def test_a_dump_of_idle_agents_is_the_tree(system: ActorSystem) -> None:
    answer(system.spawn(Doer, name="a"), "barrier")
    assert system.dump() == str(system.tree())


def test_an_agent_may_look_at_its_own_tree_while_it_is_busy(system: ActorSystem) -> None:
    agent = system.spawn(Doer, name="a")
    text = answer(agent, lambda agent: agent.context.system.dump())
    assert "● a Doer busy #1" in text
    assert "/a #1 has been in <function " in text
