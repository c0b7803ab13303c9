"""Does anybody wait for ever, or hear of two ends, while agents are started, asked, cancelled and removed at once?"""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from loguru import logger

from actors import ActorError, ActorSystem, AgentFuture, Mailbox
from actors.orchestrator import AgentHandle, DefaultSupervisor, Orchestrator, OrchestratorRef, Request
from policies import Restart
from tests.core.helpers import PATIENCE
from tests.core.scripted import FOREVER
from tests.orchestrator.deeds import Throttled

NAMES = ("a", "b", "c", "d")
PARENT = {"a": None, "b": "a", "c": "a", "d": "b"}


@pytest.fixture(params=[5e-3, 1e-4], ids=["5ms", "0.1ms"])
def interval(request: pytest.FixtureRequest) -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(request.param)
    logger.disable("actors")
    yield
    logger.enable("actors")
    sys.setswitchinterval(before)


class Caller(threading.Thread):
    """Does what its seed says; keeps every handle and every future that it gets."""

    def __init__(self, crew: OrchestratorRef, seed: int) -> None:
        super().__init__(name=f"caller-{seed}", daemon=True)
        self.crew = crew
        self.random = random.Random(seed)
        self.handles: list[AgentHandle] = []
        self.asked: list[AgentFuture[Any]] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            for _ in range(300):
                self.act(self.random.random(), self.random.choice(NAMES))
        except BaseException as error:
            self.error = error

    def act(self, drawn: float, name: str) -> None:
        try:
            if drawn < 0.25:
                self.handles.append(self.crew.spawn(name))
            elif drawn < 0.93:
                self.asked.append(self.crew.handle(name).send_message(Throttled() if drawn < 0.3 else "x", block=False))
            elif drawn < 0.95:
                self.crew.handle(name).cancel()
            elif drawn < 0.97:
                self.crew.handle(name).await_result(timeout=PATIENCE)
            else:
                self.crew.remove(name)
                register(self.crew)
        except ActorError:
            return  # refused, by name: somebody else was faster


def register(crew: OrchestratorRef) -> None:
    for name in NAMES:
        try:
            if PARENT[name] is None:
                crew.add_agent(name, make)
            else:
                crew.add_child(name, str(PARENT[name]), make)
        except ActorError:
            continue


def make() -> Any:
    def handle(messages: tuple[Any, ...]) -> str:
        if isinstance(messages[0], Throttled):
            raise messages[0]
        return "handled"

    return handle


@pytest.mark.stress
def test_every_request_ends_and_every_agent_is_done_when_all_is_shut_down(interval: None) -> None:
    with ActorSystem("storm", policy=Restart(None, None)) as system:
        crew = system.spawn(
            Orchestrator, policy=DefaultSupervisor(2), mailbox=Mailbox(32, "block", timeout=60.0), name="crew"
        )
        register(crew)
        callers = [Caller(crew, seed) for seed in range(6)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(60)
            assert not caller.is_alive(), system.dump()
        assert [caller.error for caller in callers if caller.error] == []
        crew.shutdown(PATIENCE)
        asked = [future for caller in callers for future in caller.asked]
        ends = {end(future) for future in asked}
        assert ends <= {"handled", "Throttled", "AgentStoppedError"}
        assert "handled" in ends
        handles = [handle for caller in callers for handle in caller.handles]
        assert [handle for handle in handles if not handle.is_done] == []
        assert [agent.path for agent in system.tree()] == []
    assert len({handle.ref for handle in handles}) == len(handles) > 10


def end(future: AgentFuture[Any]) -> str:
    try:
        return str(future.get(timeout=PATIENCE))
    except Exception as error:
        return type(error).__name__


def test_an_orchestrator_that_is_restarted_in_the_middle_leaves_nobody_waiting(system: ActorSystem, spec: Any) -> None:
    crew: Any = system.spawn(spec(Orchestrator, "crew", policy=FOREVER))
    register(crew)
    handles = [crew.spawn(name) for name in NAMES]
    futures = [handle.send_message("x", block=False) for handle in handles for _ in range(5)]
    assert crew._cell.parent is not None
    crew._cell.parent.ref.restart_child("crew")
    assert {end(future) for future in futures} <= {"handled", "AgentStoppedError"}
    assert [handle.is_done for handle in handles] == [True] * 4
    assert [crew.spawn(name).ref.ask(Request(("x",))) for name in NAMES] == ["handled"] * 4
