"""Is it ever said too early that nothing is left to do?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from actors import ActorSystem, Agent, AgentFuture, ChildSpec, Mailbox
from actors.testkit import VirtualClock
from policies import Backoff, Restart
from tests.testkit.clocked import Doer, Failing, tells, waits_for


@pytest.fixture
def _impatient() -> Iterator[None]:
    """Threads that give way to one another at every opportunity."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


class Tree(Agent):
    """Grows children to a depth, asks some of them, tells the others, and counts all that was done."""

    def __init__(self, done: list[Any]) -> None:
        self.done = done

    def on_receive(self, message: tuple[int, int]) -> int:
        depth, width = message
        if depth:
            options: list[Any] = ["pool", "thread"]
            for number in range(width):
                spec = ChildSpec(
                    Tree, args=(self.done,), dispatcher=options[number % 2], deadline=None if number % 3 else 5.0,
                    mailbox=Mailbox(capacity=1, overflow="block", timeout=60.0),
                )  # fmt: skip
                child = self.context.spawn(spec)
                child.tell((depth - 1, width))
                if number % 2:
                    child.ask((0, 0), timeout=30.0)
                else:
                    child.ask((0, 0), block=False).add_done_callback(lambda: self.done.append("asked"))
                child.tell((0, 0))
        self.done.append(depth)
        return depth


def count(depth: int, width: int) -> int:
    """How many notes a tree of that depth makes."""
    inner = (width + 1) // 2
    return 1 if not depth else 1 + width * (count(depth - 1, width) + 2) + inner


@pytest.mark.stress
@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_settled_is_never_said_too_early(depth: int) -> None:
    clock = VirtualClock()
    with ActorSystem("storm", clock=clock) as system:
        for _ in range(60 // depth**2):
            done: list[Any] = []
            root = system.spawn(Tree, done)
            root.tell((depth, 3))
            clock.settle(within=30.0)
            assert len(done) == count(depth, 3)
            root.stop(block=False)
            clock.settle(within=30.0)
            assert not root.is_alive()


@pytest.mark.stress
@pytest.mark.usefixtures("_impatient")
def test_settled_is_never_said_too_early_while_agents_crash_and_are_abandoned() -> None:
    clock = VirtualClock()
    never: AgentFuture[None] = AgentFuture()
    policy = Restart(max_restarts=None, within=None, backoff=Backoff(10.0))
    with ActorSystem("storm", policy=policy, clock=clock, max_orphans=10_000) as system:
        crashing = [system.spawn(Failing, name=f"crashing-{number}") for number in range(4)]
        hanging = [system.spawn(ChildSpec(Doer, f"hanging-{number}", deadline=5.0)) for number in range(4)]
        seen: list[Any] = []
        lucky = system.spawn(Doer, seen, name="lucky")
        for turn in range(1, 41):
            for ref in crashing:
                ref.tell("down")
            for other in hanging:
                other.tell(tells(lucky, turn))
                other.tell(waits_for(never))
            passed = clock.run_until_idle()
            assert passed >= 10.0
            assert {ref.incarnation for ref in crashing} == {ref.incarnation for ref in hanging} == {turn + 1}
            assert seen.count(turn) == 4
        never.set()
        clock.settle(within=30.0)
        assert system.orphans == []


@pytest.mark.stress
@pytest.mark.usefixtures("_impatient")
def test_those_whom_the_test_itself_wakes_are_at_work_before_it_goes_on() -> None:
    clock = VirtualClock()
    with ActorSystem("storm", clock=clock) as system:
        seen: list[Any] = []
        refs = [system.spawn(Doer, seen) for _ in range(8)]
        for turn in range(200):
            gate: AgentFuture[int] = AgentFuture()
            for ref in refs:
                ref.tell(lambda agent, gate=gate: agent.seen.append(gate.get()))
            if turn % 2:
                clock.settle()
                assert len(seen) == turn * 8
            gate.set(turn)
            clock.settle()
            assert len(seen) == (turn + 1) * 8
