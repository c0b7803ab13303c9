"""Does a handler do under `run_handler` what it does in a system?"""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from loguru import logger

from actors import (
    ActorSystem,
    Agent,
    AgentRef,
    ChildSpec,
    ReplyError,
    StartFailedError,
    Supervisor,
)
from actors._core.system import _open_systems
from actors.testkit import HandlerRun, HandlerTestError, Simulation, effects, run_handler, stand_in
from policies import Restart
from tests.testkit.handled import Counter, Doer, do


@pytest.fixture
def lines() -> Iterator[list[str]]:
    said: list[str] = []
    sink = logger.add(lambda message: said.append(str(message)))
    yield said
    logger.remove(sink)


# -- the message and its answer --------------------------------------------------


def test_the_answer_is_what_the_handler_returns() -> None:
    run = run_handler(Counter, 3, args=(2,))
    assert (run.answer, run.answered, run.error, run.failed, run.effects) == (6, True, None, False, ())
    assert run.agent.total == 6
    assert run.message == 3


def test_the_next_message_finds_the_state_that_the_one_before_left() -> None:
    first = run_handler(Counter, 3, kwargs={"step": 10})
    second = first.again(4)
    assert (first.answer, second.answer) == (30, 70)
    assert second.agent is first.agent


def test_state_is_set_after_the_start() -> None:
    assert run_handler(Counter, 1, state={"total": 41}).answer == 42


def test_the_start_may_be_skipped() -> None:
    assert run_handler(Counter, 1, state={"total": 41}, on_start=False).answer == 42
    assert isinstance(run_handler(Counter, 1, on_start=False).error, AttributeError)


def test_without_a_message_only_the_start_is_run() -> None:
    run = run_handler(Counter)
    assert (run.agent.total, run.answer, run.answered, run.effects) == (0, None, False, ())
    assert run.again(2).answer == 2


def test_a_message_that_was_told_is_answered_to_nobody() -> None:
    told = run_handler(Doer, lambda agent: agent.context.asked, asked=False)
    assert (told.answer, told.answered) == (None, False)
    assert run_handler(Doer, lambda agent: agent.context.asked).answer is True
    seen: list[bool] = []
    told.again(lambda agent: seen.append(agent.context.asked), asked=False)
    assert seen == [False]


def test_a_run_prints_as_one_line() -> None:
    assert repr(run_handler(Counter, 3)) == "<HandlerRun Counter 3: answer 3>"
    assert repr(run_handler(Counter, "x")).startswith("<HandlerRun Counter 'x': raised TypeError(")


# -- what it raises --------------------------------------------------------------


@pytest.mark.parametrize("asked", [True, False])
def test_what_the_handler_raises_is_kept_and_counts_as_a_failure(asked: bool) -> None:
    error = KeyError("none")

    def fail(agent: Any) -> None:
        raise error

    run = do(fail, asked=asked)
    assert run.error is error
    assert run.failed
    assert run.effects == (effects.Raised(error),)
    assert run.answer is None
    assert run.answered == asked


@pytest.mark.parametrize("asked", [True, False])
def test_an_error_that_is_an_answer_is_no_failure(asked: bool) -> None:
    error = ReplyError("no")

    def refuse(agent: Any) -> None:
        raise error

    run = do(refuse, asked=asked)
    assert run.error is error
    assert not run.failed


def test_after_a_failure_the_next_message_finds_the_same_state() -> None:
    run = run_handler(Counter, 3).again("x")
    assert run.failed
    after = run.again(4)
    assert (after.answer, after.error, after.failed) == (7, None, False)


def test_a_parents_policy_does_not_end_the_agent_under_test() -> None:
    class Strict(Supervisor):
        policy = Restart(max_restarts=0)
        strategy = "one_for_all"

    run = run_handler(Counter, "x", parent=stand_in("/strict", Strict))
    assert run.failed
    assert run.again(1).answer == 1


@pytest.mark.parametrize("on_start", [True, False])
def test_an_init_that_raises_is_a_failed_start(on_start: bool) -> None:
    with pytest.raises(StartFailedError, match="/counter did not start: TypeError"):
        run_handler(Counter, 1, args=(1, 2, 3), name="counter", on_start=on_start)


def test_a_start_that_fails_may_have_started_children_before() -> None:
    class Half(Agent):
        def on_start(self) -> None:
            self.context.spawn(Counter, name="a")
            raise ValueError("half way")

    with pytest.raises(StartFailedError, match="half way"):
        run_handler(Half)


def test_what_the_start_needs_and_the_test_has_not_got_is_refused_by_name() -> None:
    class Asking(Agent):
        def on_start(self) -> None:
            stand_in("/db").ask("x")

    with pytest.raises(HandlerTestError, match="/db was asked 'x', and nobody answers"):
        run_handler(Asking)


class Interrupted(Agent):
    """Is interrupted where it is told to be."""

    def __init__(self, where: str) -> None:
        self.where = where

    def on_start(self) -> None:
        self.on_receive("on_start")

    def on_receive(self, message: str) -> None:
        if message == self.where:
            raise KeyboardInterrupt


@pytest.mark.parametrize("where", ["on_start", "message"])
def test_an_interrupt_is_the_tests(where: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_handler(Interrupted, "message", args=(where,))


# -- what it is, and what it finds -----------------------------------------------


def test_an_agent_under_test_knows_itself() -> None:
    def who(agent: Any) -> Any:
        context = agent.context
        return context.path, context.name, context.incarnation, context.parent, dict(context.children)

    assert do(who).answer == ("/doer", "doer", 1, None, {})
    assert run_handler(Doer, who).answer[0] == "/Doer-1"


def test_a_parent_is_found_and_told() -> None:
    boss = stand_in("/crew/boss")
    run = do(lambda agent: agent.context.parent.tell("done"), parent=boss)
    assert run.told == (effects.Told("/crew/boss", "done"),)
    assert run.again(lambda agent: agent.context.path).answer == "/crew/boss/doer"
    assert run.again(lambda agent: agent.context.parent is boss).answer
    assert run.again(lambda agent: agent.context.system.find("/crew/boss") is boss).answer


def test_peers_are_found_by_path_and_by_pattern() -> None:
    peers = [stand_in("/db/main"), stand_in("/db/copy"), stand_in("/db/old", alive=False)]

    def look(agent: Any) -> Any:
        system = agent.context.system
        child = agent.context.spawn(Counter, name="child")
        other = system.spawn(Counter, name="other")
        assert system.find("/db/main") is peers[0]
        assert system.find("/doer") is agent.actor_ref
        assert system.find("/doer/child") is child
        assert system.find("/other") is other
        assert system.find("/db/old") is None
        assert system.find("/db") is None
        return [ref.path for ref in system.select("/**")], [ref.path for ref in system.select("/db/*")]

    everything, found = do(look, peers=peers).answer
    assert everything == ["/doer", "/db/main", "/db/copy", "/other", "/doer/child"]
    assert found == ["/db/main", "/db/copy"]


def test_a_stand_in_may_come_in_an_argument_or_a_message() -> None:
    class Echo(Agent):
        def __init__(self, audience: AgentRef[Any]) -> None:
            self.audience = audience
            audience.tell("here I am")

        def on_receive(self, message: AgentRef[Any]) -> None:
            message.tell("hello")
            self.audience.tell(message)

    audience, guest = stand_in("/audience"), stand_in("/guest")
    run = run_handler(Echo, guest, args=(audience,))
    assert run.started == (effects.Told("/audience", "here I am"),)
    assert run.effects == (effects.Told("/guest", "hello"), effects.Told("/audience", guest))


def test_what_on_start_does_is_kept_apart() -> None:
    class Restless(Agent):
        def on_start(self) -> None:
            self.context.timers.every("tick", 5.0, "tick")

        def on_receive(self, message: Any) -> None:
            self.context.timers.cancel("tick")

    run = run_handler(Restless, "stop")
    assert run.started == (effects.TimerSet("tick", 5.0, "tick", 5.0),)
    assert run.effects == (effects.TimerCancelled("tick"),)
    assert run.again("stop").effects == ()
    assert run.again("stop").started == run.started


# -- where nothing else runs -----------------------------------------------------


def test_no_thread_is_started_and_nothing_is_logged(lines: list[str]) -> None:
    before = threading.active_count()

    def work(agent: Any) -> None:
        agent.context.spawn(ChildSpec(Counter, name="a", dispatcher="thread"))
        agent.context.timers.once("a", 5.0, "late")
        agent.context.set_receive_timeout(1.0)
        assert threading.get_ident() == here
        raise ValueError("broken")

    here = threading.get_ident()
    run = do(work)
    assert isinstance(run.error, ValueError)
    assert threading.active_count() == before
    assert lines == []


def test_a_handler_is_tested_in_well_under_a_millisecond() -> None:
    def one_run() -> float:
        begun = time.perf_counter()
        run_handler(Counter, 3)
        return time.perf_counter() - begun

    assert min(one_run() for _ in range(50)) < 0.001


def test_a_stand_in_is_used_by_a_handler_under_test_only() -> None:
    db = stand_in("/db")
    for use in (lambda: db.tell(1), lambda: db.ask(1), db.stop):
        with pytest.raises(HandlerTestError, match=r"/db is .*: it is a stand-in"):
            use()
    with ActorSystem("test") as system:
        doer = system.spawn(Doer)
        with pytest.raises(HandlerTestError, match="it is a stand-in"):
            doer.ask(lambda agent: db.tell(1))


def test_a_handler_may_be_tested_inside_a_handler() -> None:
    db = stand_in("/db")

    def nest(agent: Any) -> Any:
        db.tell("outer")
        inner = run_handler(Doer, lambda agent: db.tell("inner"))
        db.tell("outer again")
        return inner.effects

    run = do(nest)
    assert run.answer == (effects.Told("/db", "inner"),)
    assert run.effects == (effects.Told("/db", "outer"), effects.Told("/db", "outer again"))


def test_a_handler_can_be_tested_in_a_simulation() -> None:
    with Simulation(seed=1):
        assert run_handler(Counter, 3).again(4).answer == 7


def test_a_stand_in_that_many_tests_share_keeps_nothing_of_them() -> None:
    boss = stand_in("/boss")
    agents = [weakref.ref(run_handler(Counter, "x", parent=boss).agent) for _ in range(3)]
    gc.collect()
    assert [agent() for agent in agents] == [None, None, None]


def test_the_end_of_the_program_finds_nothing_to_stop() -> None:
    system = run_handler(Counter).agent.context.system
    assert system.stop(timeout=1.0).abandoned == ()


# Untyped, for what a type checker would find.
run: Any = run_handler
ref: Any = stand_in


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: run(int, 1), "agent: a subclass of Agent"),
        (lambda: run(Counter, 1, name="a/b"), "a name has no /"),
        (lambda: run(Counter, 1, parent="/crew"), "parent: made with stand_in, not '/crew'"),
        (lambda: run(Counter, 1, peers=["/db"]), "peers: made with stand_in, not '/db'"),
        (lambda: run(Counter, 1, answers=[3]), "answers: a mapping"),
        (lambda: run(Counter, 1, answers={"db": 3}), "a path is a str that starts with /: 'db'"),
        (lambda: run(Counter, 1).again(1, answers=3), "answers: a mapping"),
        (lambda: ref("db"), "a path is a str that starts with /"),
        (lambda: ref("/"), "path: that of an agent, not '/'"),
        (lambda: ref("/db", int), "agent: a subclass of Agent"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()


def test_a_handler_test_leaves_no_system_behind_that_somebody_would_have_to_stop() -> None:
    db = stand_in("/db")
    run: HandlerRun[Counter] = run_handler(Counter, 1, peers=[db])
    assert {db._cell.system, run._cell.system} & set(_open_systems) == set()
