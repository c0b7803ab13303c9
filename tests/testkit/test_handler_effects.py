"""Is noted what a handler does to its children, to others, and to itself?"""

from __future__ import annotations

import concurrent.futures
from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentFuture,
    AskCycleError,
    ChildSpec,
    NameTakenError,
    Outcome,
    PipeFailed,
    StashError,
    StopReason,
    Supervisor,
    Terminated,
)
from actors.testkit import HandlerTestError, effects, run_handler, stand_in
from tests.testkit.handled import Counter, Doer, do

# -- children, watching, stopping ------------------------------------------------


def test_a_child_is_noted_and_does_not_run() -> None:
    def spawn(agent: Any) -> list[str]:
        agent.context.spawn(Doer, "oops", name="a").tell("go")
        agent.context.spawn(ChildSpec(Counter, name="b", args=(2,), dispatcher="thread", deadline=1.0))
        agent.context.spawn(Counter)
        return list(agent.context.children)

    run = do(spawn)
    assert run.answer == ["a", "b", "Counter-1"]
    spec = ChildSpec(Counter, name="b", args=(2,), dispatcher="thread", deadline=1.0)
    a, b, c = run.spawned
    assert (a.path, a.spec) == ("/doer/a", ChildSpec(Doer, name="a", args=("oops",)))
    assert b == effects.Spawned("/doer/b", spec, ref=a.ref)
    assert (c.path, c.spec.agent) == ("/doer/Counter-1", Counter)
    assert run.effects[1] == effects.Told("/doer/a", "go")
    assert run.again(lambda agent: agent.context.children["a"] is a.ref).answer


def test_the_rules_for_children_hold() -> None:
    class Full(Doer):
        max_children = 1

    def spawn(agent: Any) -> None:
        agent.context.spawn(Counter, name="a")
        with pytest.raises(NameTakenError, match="/Full-1/a is already registered"):
            agent.context.spawn(Counter, name="a")
        with pytest.raises(ValueError, match="significant"):
            agent.context.spawn(ChildSpec(Counter, name="b", significant=True))
        assert agent.actor_ref.start_child(ChildSpec(Counter, name="b")).outcome is Outcome.MAX_CHILDREN

    run = run_handler(Full, spawn)
    assert run.error is None
    assert [spawned.path for spawned in run.spawned] == ["/Full-1/a"]

    class Wrong(Doer):
        strategy = "none"

    assert isinstance(run_handler(Wrong, lambda agent: agent.context.spawn(Counter)).error, ValueError)


def test_declared_children_are_started_with_the_agent() -> None:
    class Crew(Supervisor):
        children = (ChildSpec(Counter, name="a"), ChildSpec(Counter, name="b"))

    run = run_handler(Crew)
    assert [effect.path for effect in run.started if isinstance(effect, effects.Spawned)] == ["/Crew-1/a", "/Crew-1/b"]
    assert list(run.agent.context.children) == ["a", "b"]
    assert run_handler(Crew, on_start=False).started == ()


def test_its_children_can_be_administered_by_the_agent_itself() -> None:
    def administer(agent: Any) -> None:
        me = agent.actor_ref
        assert me.start_child(ChildSpec(Counter, name="a"))
        assert me.start_child(ChildSpec(Counter, name="a")).outcome is Outcome.ALREADY_STARTED
        assert me.terminate_child("a")
        assert me.count_children().specs == 1
        assert me.restart_child("a")
        assert me.terminate_child(agent.context.children["a"])
        assert me.delete_child("a")
        assert me.count_children().specs == 0

    run = do(administer)
    assert run.error is None
    assert [type(effect).__name__ for effect in run.effects] == ["Spawned", "Stopped", "Spawned", "Stopped"]
    assert run.stopped == (effects.Stopped("/doer/a", drain=False),) * 2


def test_a_running_stand_in_is_restarted_by_nobody() -> None:
    def restart(agent: Any) -> None:
        agent.context.spawn(Counter, name="a")
        agent.actor_ref.restart_child("a")

    with pytest.raises(HandlerTestError, match="/doer/a is told to restart: a stand-in can only be stopped"):
        do(restart)


def test_the_children_of_a_stand_in_are_nobodys() -> None:
    with pytest.raises(HandlerTestError, match="/crew is a stand-in: it has no children to start"):
        do(lambda agent: stand_in("/crew").start_child(ChildSpec(Counter)))


def test_an_agent_that_was_stopped_is_gone_for_the_handler() -> None:
    db = stand_in("/db")

    def stop(agent: Any) -> Any:
        child = agent.context.spawn(Counter, name="a")
        stopped = child.stop(), child.stop(), db.stop(block=False, drain=False).get()
        return stopped, child.is_alive(), db.is_alive(), dict(agent.context.children)

    run = do(stop)
    assert run.answer == ((True, False, True), False, False, {})
    assert run.stopped == (
        effects.Stopped("/doer/a"),
        effects.Stopped("/doer/a"),
        effects.Stopped("/db", drain=False),
    )


def test_an_agent_that_stops_itself_is_noted_and_goes_on() -> None:
    run = do(lambda agent: agent.stop())
    assert run.stopped == (effects.Stopped("/doer"),)
    assert run.again(lambda agent: "still here").answer == "still here"
    assert isinstance(run.again(lambda agent: agent.actor_ref.stop()).error, AskCycleError)


def test_stopping_the_system_is_noted_and_waiting_for_it_is_refused() -> None:
    run = do(lambda agent: agent.context.system.stop().complete)
    assert run.answer is False
    assert run.stopped == (effects.Stopped("/"),)
    with pytest.raises(HandlerTestError, match=r"system\.wait\(\)"):
        do(lambda agent: agent.context.system.wait())


def test_watching_is_noted_and_the_end_is_told_by_the_test() -> None:
    class Watcher(Agent):
        def on_receive(self, message: Any) -> Any:
            match message:
                case Terminated(ref, reason):
                    return f"{ref.path} {reason}"
                case ("watch", ref):
                    self.context.watch(ref)
                case ("unwatch", ref):
                    self.context.unwatch(ref)

    db, gone = stand_in("/db"), stand_in("/gone", alive=False)
    run = run_handler(Watcher, ("watch", db))
    assert run.watched == (effects.Watched("/db"),)
    assert run.again(("watch", gone)).effects == (effects.Watched("/gone"),)
    assert run.again(("unwatch", db)).effects == (effects.Unwatched("/db"),)
    assert run.again(Terminated(db, StopReason.FAILED)).answer == "/db failed"


def test_an_agent_of_a_running_system_can_be_watched_and_asked() -> None:
    with ActorSystem("test") as system:
        counter = system.spawn(Counter, name="real")

        def use(agent: Any) -> Any:
            agent.context.watch(counter)
            return counter.ask(5)

        run = do(use)
        counter.stop()
    assert run.answer == 5
    assert run.effects == (effects.Watched("/real"),)


# -- what it does with itself ----------------------------------------------------


def test_timers_are_noted_and_never_fire() -> None:
    def set_timers(agent: Any) -> list[bool]:
        timers = agent.context.timers
        timers.once("a", 5.0, "late")
        timers.every("b", 1.0, "tick")
        timers.once("now", 0, "now")
        timers.once("a", 6.0, "later")
        stood = [timers.cancel("b"), timers.cancel("b"), timers.is_active("a")]
        with pytest.raises(ValueError, match="delay"):
            timers.once("c", -1.0, "never")
        return stood

    run = do(set_timers)
    assert run.answer == [True, False, True]
    assert run.effects == (
        effects.TimerSet("a", 5.0, "late"),
        effects.TimerSet("b", 1.0, "tick", interval=1.0),
        effects.TimerSet("now", 0, "now"),
        effects.TimerSet("a", 6.0, "later"),
        effects.TimerCancelled("b"),
    )
    assert run.timers == run.effects[:4]


def test_a_receive_timeout_is_noted() -> None:
    def set_timeout(agent: Any) -> None:
        agent.context.set_receive_timeout(5.0, ignore=[str])
        agent.context.set_receive_timeout(None)

    assert do(set_timeout).effects == (effects.ReceiveTimeoutSet(5.0, (str,)), effects.ReceiveTimeoutSet(None))


class Door(Agent):
    """Puts aside what comes while it is shut."""

    stash_capacity = 2

    def on_start(self) -> None:
        self.context.become(self.shut)

    def shut(self, message: str) -> None:
        if message == "open":
            self.context.unbecome()
            self.context.unbecome()
            self.context.unstash_all()
        else:
            self.context.stash()

    def on_receive(self, message: str) -> str:
        if message == "shut":
            self.context.become(self.shut)
        return f"in: {message}"


def test_the_stash_is_noted_and_what_comes_back_is_the_tests_to_send() -> None:
    run = run_handler(Door, "a")
    assert run.started == (effects.Became(run.agent.shut),)
    assert run.stashed
    assert not run.answered
    assert run.effects == (effects.Stashed("a"),)
    run.again("b", asked=False)
    assert isinstance(run.again("c").error, StashError)
    opened = run.again("open")
    assert opened.effects == (effects.Unbecame(), effects.Unstashed("a"), effects.Unstashed("b"))
    assert run.again("a").answer == "in: a"
    assert run.again("shut").became == (effects.Became(run.agent.shut),)


def test_what_is_told_among_the_events_is_noted() -> None:
    run = do(lambda agent: agent.context.emit("half way"))
    assert run.effects == (effects.Emitted("half way"),)
    assert run.again(lambda agent: agent.context.system.emit("all well")).effects == (effects.Emitted("all well"),)


def test_a_deferred_answer_is_noted_when_it_is_put_off_and_when_it_is_given() -> None:
    replies: list[Any] = []
    run = do(lambda agent: replies.append(agent.context.defer()))
    assert run.deferred
    assert run.effects == (effects.Deferred(run.message),)
    assert not run.answered
    given = run.again(lambda agent: replies[0].set(42))
    assert given.effects == (effects.Replied(run.message, 42),)
    assert run.answer == 42


def test_a_deferred_answer_may_be_an_error_or_come_from_the_test() -> None:
    replies: list[Any] = []
    run = do(lambda agent: replies.append(agent.context.defer()))
    error = KeyError("none")
    assert run.again(lambda agent: replies[0].set_exception(error)).effects == (
        effects.Replied(run.message, error=error),
    )
    assert run.answered
    assert run.answer is None
    later = run.again(run.message)
    replies[1].set("from the test")
    assert later.answer == "from the test"


def test_what_is_raised_after_the_answer_was_put_off_is_no_reply() -> None:
    def defer(agent: Any) -> None:
        agent.context.defer()
        raise ValueError("after all")

    run = do(defer)
    assert [type(effect) for effect in run.effects] == [effects.Deferred, effects.Raised]
    assert run.answered
    assert run.failed


def test_a_result_that_is_there_is_piped_at_once_and_another_is_the_tests_to_send() -> None:
    done: AgentFuture[int] = AgentFuture()
    done.set(1)
    failed: concurrent.futures.Future[int] = concurrent.futures.Future()
    error = KeyError("none")
    failed.set_exception(error)
    pending: AgentFuture[int] = AgentFuture()

    def pipe(agent: Any) -> None:
        agent.context.pipe_to_self(done, convert=str)
        agent.context.pipe_to_self(failed)
        agent.context.pipe_to_self(pending)

    run = do(pipe)
    pending.set(3)
    assert run.effects == (
        effects.Piped(done),
        effects.Told("/doer", "1"),
        effects.Piped(failed),
        effects.Told("/doer", PipeFailed(error)),
        effects.Piped(pending),
    )


def test_a_heartbeat_and_a_look_at_the_clock_do_no_harm() -> None:
    def beat(agent: Any) -> float:
        agent.context.heartbeat()
        agent.context.check()
        now: float = agent.context.system.clock.now()
        return now

    assert do(beat).answer == 0.0
