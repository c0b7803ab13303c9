"""What becomes of an agent's children, and of its mail, while the agent is restarted?"""

from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentFailed,
    AgentRestarted,
    AgentStarted,
    AgentStopped,
    AgentStoppedError,
    AskCycleError,
    ChildSpec,
    StartFailed,
    StartFailedError,
    Supervisor,
    Terminated,
)
from actors.testkit import Gate
from policies import Escalate, Restart, Stop
from tests.core.doer import Doer, crash, dead_letters, names, number, start, stop
from tests.core.helpers import Boom, EventLog, Trace, answer, result

AGAIN = Restart(max_restarts=5, within=None)


class SlowToStop(Doer):
    """A child that ends when its gate is opened."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate

    def on_stop(self) -> None:
        self.gate.wait()


@pytest.mark.case(52)
def test_messages_and_notices_wait_until_all_children_of_the_restarting_agent_are_down(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace, dispatcher: str
) -> None:
    outsider = system.spawn(spec(Doer, name="outsider"))
    parent = system.spawn(spec(Doer, name="p", args=(trace,), policy=AGAIN))
    first, second = Gate(), Gate()
    answer(parent, start(spec(SlowToStop, name="first", args=(first,))))
    answer(parent, start(spec(SlowToStop, name="second", args=(second,))))
    answer(parent, lambda agent: agent.context.watch(outsider))

    parent.tell(crash)
    second.reached()
    answered = parent.ask(lambda agent: (number(agent), names(agent)), block=False)
    stop(outsider)
    second.open()
    first.reached()
    assert not answered.settled
    assert trace.notes == []
    first.open()

    assert result(answered) == (2, [])
    [notice] = trace.notes
    assert isinstance(notice, Terminated)
    assert notice.ref == outsider
    stopped_before = [event.path for event in log.notes[: log.notes.index(log.wait(AgentRestarted, "/p"))]]
    assert "/p/first" in stopped_before
    assert "/p/second" in stopped_before


@pytest.mark.case(53)
def test_a_watched_child_that_is_stopped_for_the_restart_sends_no_notice(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    parent = system.spawn(spec(Doer, name="p", args=(trace,), policy=AGAIN))
    child = answer(parent, start(spec(Doer, name="child")))
    answer(parent, lambda agent: agent.context.watch(child))

    parent.tell(crash)

    assert answer(parent, number) == 2
    assert not child.is_alive()
    assert answer(parent, "barrier") == "barrier"
    assert trace.notes == ["barrier"]


@pytest.mark.case(54)
def test_children_that_are_to_be_kept_are_alive_and_listed_after_the_restart(system: ActorSystem, spec: Any) -> None:
    parent = system.spawn(spec(Doer, name="p", policy=AGAIN, keep_children=True))
    child = answer(parent, start(spec(Doer, name="child")))

    parent.tell(crash)

    assert answer(parent, number) == 2
    assert answer(parent, names) == ["child"]
    assert answer(child, number) == 1
    assert system.find("/p/child") == child


class StashThenSpawn(Doer):
    """Its first incarnation stashes what it is sent; each has a child."""

    def on_start(self) -> None:
        self.context.spawn(Doer, name=f"of-{self.context.incarnation}")

    def on_receive(self, message: Any) -> Any:
        if message == "later" and self.context.incarnation == 1:
            self.context.stash()
        elif message == "later":
            raise Boom("kept through the first restart")
        else:
            return super().on_receive(message)


@pytest.mark.case(55)
def test_a_kept_message_that_crashes_the_second_incarnation_ends_the_children_made_in_between(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    parent = system.spawn(spec(StashThenSpawn, name="p", policy=AGAIN))
    parent.tell("later")
    parent.tell(crash)

    log.wait(AgentRestarted, "/p", times=2)

    assert answer(parent, number) == 3
    assert answer(parent, names) == ["of-3"]
    assert [event.path for event in log.of(AgentStopped)] == ["/p/of-1", "/p/of-2"]
    assert dead_letters(log, "/p", "failed") == [crash, "later"]


class TwoChildrenThenFail(Doer):
    """Spawns two children, and then fails if it is told to beforehand."""

    fails_in: frozenset[int] = frozenset()

    def __init__(self, fails_in: frozenset[int]) -> None:
        super().__init__()
        self.fails_in = fails_in

    def on_start(self) -> None:
        self.context.spawn(Doer, name="a")
        self.context.spawn(Doer, name="b")
        if self.context.incarnation in self.fails_in:
            raise Boom("after both had started")


@pytest.mark.case(56)
def test_children_of_a_first_start_that_fails_are_stopped_in_reverse(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    with pytest.raises(StartFailedError, match="after both had started"):
        system.spawn(spec(TwoChildrenThenFail, name="p", args=(frozenset({1}),)))

    log.wait(StartFailed, "/p")
    assert [event.path for event in log.of(AgentStopped)] == ["/p/b", "/p/a"]
    assert system.select("/**") == []


@pytest.mark.case(56)
def test_children_of_a_restart_that_fails_are_stopped_before_the_next_attempt(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    parent = system.spawn(spec(TwoChildrenThenFail, name="p", args=(frozenset({2, 3}),), policy=AGAIN))
    log.clear()
    parent.tell(crash)

    log.wait(AgentRestarted, "/p")

    lives = [event for event in log.notes if isinstance(event, (AgentStarted, AgentStopped))]
    steps = [(type(event).__name__.removeprefix("Agent"), event.path) for event in lives]
    up = [("Started", "/p/a"), ("Started", "/p/b")]
    down = [("Stopped", "/p/b"), ("Stopped", "/p/a")]
    assert steps == [*down, *up, *down, *up, *down, *up]
    assert answer(parent, number) == 4
    assert [event.phase for event in log.of(AgentFailed, "/p")] == ["receive", "start", "start"]


@pytest.mark.case(57)
def test_an_inner_supervisor_over_its_limit_renews_all_subtrees_and_loses_what_was_added(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    inner = [spec(Doer, name="static", restart="permanent")]
    outer = [
        spec(Supervisor, name="a", kwargs={"children": inner, "policy": Restart(max_restarts=1, within=None)}),
        spec(Supervisor, name="b", kwargs={"children": inner}),
    ]
    top = system.spawn(spec(Supervisor, name="top", kwargs={"children": outer, "strategy": "one_for_all"}))
    groups = [system.find("/top/a"), system.find("/top/b")]
    for group in groups:
        assert group is not None
        assert group.start_child(ChildSpec(Doer, name="added"))

    failing = system.find("/top/a/static")
    assert failing is not None
    failing.tell(crash)
    failing.tell(crash)
    log.wait(AgentRestarted, "/top/b")

    assert top.incarnation == 1
    for group in groups:
        assert group is not None
        assert answer(group, "barrier") is None
        assert group.incarnation == 2
        assert [child.name for child in group.children()] == ["static"]
        fresh = system.find(f"{group.path}/static")
        assert fresh is not None
        assert answer(fresh, number) == 1


@pytest.mark.case(58)
def test_messages_sent_while_the_children_end_survive_in_order(system: ActorSystem, spec: Any, trace: Trace) -> None:
    parent = system.spawn(spec(Doer, name="p", args=(trace,), policy=AGAIN))
    gate = Gate()
    answer(parent, start(spec(SlowToStop, name="child", args=(gate,))))

    parent.tell(crash)
    gate.reached()
    for i in range(100):
        parent.tell(i)
    gate.open()

    assert answer(parent, number) == 2
    assert trace.notes == list(range(100))


@pytest.mark.case(59)
def test_an_ask_sent_while_the_children_end_is_answered_by_the_next_incarnation(system: ActorSystem, spec: Any) -> None:
    parent = system.spawn(spec(Doer, name="p", policy=AGAIN))
    gate = Gate()
    answer(parent, start(spec(SlowToStop, name="child", args=(gate,))))

    parent.tell(crash)
    gate.reached()
    answered = parent.ask(number, block=False)
    gate.open()

    assert result(answered) == 2


class NeverTwice(Doer):
    """An agent whose second start fails."""

    def on_start(self) -> None:
        if self.context.incarnation > 1:
            raise Boom("never twice")


@pytest.mark.case(59)
def test_an_ask_sent_while_the_children_end_comes_back_with_its_message_if_the_restart_is_given_up(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    policy = Restart(max_restarts=1, within=None, then=Stop())
    parent = system.spawn(spec(NeverTwice, name="p", policy=policy))
    gate = Gate()
    answer(parent, start(spec(SlowToStop, name="child", args=(gate,))))

    parent.tell(crash)
    gate.reached()
    answered = parent.ask("question", block=False)
    gate.open()

    with pytest.raises(AgentStoppedError):
        result(answered)
    assert dead_letters(log, "/p", "stopped") == ["question"]


@pytest.mark.case(59)
def test_a_child_that_asks_its_restarting_parent_gets_an_error_instead_of_keeping_it_from_restarting(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    parent = system.spawn(spec(Doer, name="p", policy=AGAIN))
    child = answer(parent, start(spec(Doer, name="child", args=(trace,))))
    gate, asking = Gate(), Gate()

    def ask_parent(agent: Doer) -> None:
        asking.wait()
        try:
            agent.context.parent.ask(number)  # type: ignore[union-attr]
        except AskCycleError as error:
            trace.note(error.cycle)

    parent.tell(lambda agent: (gate.wait(), crash(agent)))
    gate.reached()
    child.tell(ask_parent)
    asking.reached()
    asking.open()
    gate.open()

    assert answer(parent, number) == 2
    [cycle] = trace.wait_until(lambda notes: notes)
    assert set(cycle) == {"/p", "/p/child"}


class EndsItsChild(Doer):
    """Watches a child that each incarnation makes anew under the same name, and stops it by itself at the end."""

    def on_start(self) -> None:
        if self.context.incarnation > 1:
            assert not self.context.children
        self.child = self.context.spawn(Doer, name="child")
        self.context.watch(self.child)

    def on_failure(self, *_failure: Any) -> None:
        self.context.unwatch(self.child)
        self.child.stop()


@pytest.mark.case(60)
@pytest.mark.parametrize("keep_children", [False, True])
def test_the_notice_of_a_child_stopped_by_the_old_incarnation_never_reaches_the_new_one(
    system: ActorSystem, spec: Any, trace: Trace, keep_children: bool
) -> None:
    parent = system.spawn(spec(EndsItsChild, name="p", args=(trace,), policy=AGAIN, keep_children=keep_children))
    old = answer(parent, lambda agent: agent.child)

    parent.tell(crash)

    assert answer(parent, number) == 2
    assert not old.is_alive()
    assert answer(parent, lambda agent: agent.child.is_alive())
    assert trace.notes == []


@pytest.mark.case(60)
def test_a_restart_from_above_sends_no_notice_of_the_old_children_either(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    class Escalating(Supervisor):
        policy = Escalate()

        def on_start(self) -> None:
            self.context.watch(self.context.spawn(Doer, name="child"))

        def on_receive(self, message: Any) -> Any:
            if isinstance(message, Terminated):
                trace.note(message)
            return self.context.incarnation

    parent = system.spawn(spec(Escalating, name="p", policy=AGAIN))
    child = system.find("/p/child")
    assert child is not None

    child.tell(crash)
    child.actor_stopped.wait(10)

    assert answer(parent, "barrier") == 2
    assert trace.notes == []
