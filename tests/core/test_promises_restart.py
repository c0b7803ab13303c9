"""Do the promises about restarts hold: 13 to 17 of docs/semantics.md?"""

from __future__ import annotations

import gc
import weakref
from functools import partial
from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentBackingOff,
    AgentFailed,
    AgentStopped,
    ChildSpec,
    RestartLimitExceeded,
    StartFailedError,
    StopReason,
    Terminated,
)
from actors.testkit import Gate
from policies import Backoff, Directive, Phase, Restart, Stop
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, Trace, answer, assert_ended, incarnation
from tests.core.scripted import FOREVER, Doer, doer, get, held, supervisor
from tests.core.worlds import World


class Guarded(Doer):
    """Waits at its test's gate in the hook, or before the incarnation, that the test names."""

    def __init__(self, trace: Trace, gate: Gate, where: str) -> None:
        super().__init__(trace)
        self.gate = gate
        self.where = where

    def on_start(self) -> None:
        super().on_start()
        if self.where == f"start {self.context.incarnation}":
            self.gate.wait()

    def on_failure(self, *error: Any) -> None:
        if self.where == "on_failure":
            self.gate.wait()
        super().on_failure(*error)


# -- 13: the same agent, a new incarnation -----------------------------------------------------------------------------


def test_promise_13_the_old_incarnation_is_over_before_the_new_one_starts(system: ActorSystem, trace: Trace) -> None:
    gate = Gate()
    ref = system.spawn(ChildSpec(Guarded, "a", args=(trace, gate, "on_failure"), policy=FOREVER))
    ref.tell(Boom("over"))
    gate.reached()
    assert ref.incarnation == 1
    gate.open()
    assert incarnation(ref) == 2
    assert trace.notes == [("start", "a", 1), ("failure", "a", 1), ("start", "a", 2)]


def test_promise_13_ref_path_name_mailbox_and_watchers_stay_and_the_instance_is_new(system: ActorSystem) -> None:
    class Watcher(Doer):
        def on_receive(self, message: Any) -> Any:
            return self.trace.note(message) if isinstance(message, Terminated) else super().on_receive(message)

    ends = Trace()
    ref = system.spawn(doer("a"))
    watcher = system.spawn(Watcher, ends)
    answer(watcher, lambda agent: agent.context.watch(ref))
    first = answer(ref, id)
    kept = answer(ref, lambda agent: agent)
    gate = held(ref)
    ref.tell(Boom("over"))
    queued = ref.ask(
        lambda agent: (agent is kept, agent.actor_ref, agent.context.path, agent.context.name), block=False
    )
    gate.open()
    assert queued.get() == (False, ref, "/a", "a")
    assert first == id(kept)
    assert (ref.incarnation, system.find("/a")) == (2, ref)
    ref.stop()
    ends.wait_for(Terminated(ref, StopReason.REQUESTED))
    assert [note for note in ends.notes if isinstance(note, Terminated)] == [Terminated(ref, StopReason.REQUESTED)]


def test_promise_13_nothing_keeps_the_old_instance(system: ActorSystem) -> None:
    ref = system.spawn(doer("a"))
    old = answer(ref, weakref.ref)
    ref.tell(Boom("over"))
    assert incarnation(ref) == 2
    gc.collect()
    assert old() is None


# -- 14: what ends with the incarnation --------------------------------------------------------------------------------


def _with_children(trace: Trace, agent: Doer) -> None:
    for name in ("first", "last"):
        agent.context.spawn(doer(name, trace))


def test_promise_14_children_are_stopped_first_and_in_reverse(system: ActorSystem, trace: Trace) -> None:
    ref = system.spawn(doer("a", trace))
    answer(ref, partial(_with_children, trace))
    trace.clear()
    ref.tell(Boom("over"))
    assert incarnation(ref) == 2
    assert trace.notes == [("stop", "last", 1), ("stop", "first", 1), ("failure", "a", 1), ("start", "a", 2)]
    assert answer(ref, lambda agent: list(agent.context.children)) == []


def test_promise_14_children_live_on_with_keep_children(system: ActorSystem, trace: Trace) -> None:
    ref = system.spawn(doer("a", trace, keep_children=True))
    answer(ref, partial(_with_children, trace))
    before = answer(ref, lambda agent: agent.context.children)
    ref.tell(Boom("over"))
    assert answer(ref, lambda agent: agent.context.children) == before
    assert [incarnation(child) for child in before.values()] == [1, 1]


def test_promise_14_timers_are_cancelled(system: ActorSystem, clock: WatchedClock, trace: Trace) -> None:
    ref = system.spawn(doer("a", trace))
    answer(ref, lambda agent: agent.context.timers.once("once", 1.0, "a tick"))
    answer(ref, lambda agent: agent.context.timers.every("every", 1.0, "a tick"))
    ref.tell(Boom("over"))
    assert incarnation(ref) == 2
    clock.advance(10.0)
    assert incarnation(ref) == 2
    assert not [note for note in trace.notes if note[0] == "a tick"]


def test_promise_14_a_tick_that_waits_already_is_discarded(
    system: ActorSystem, clock: WatchedClock, trace: Trace
) -> None:
    ref = system.spawn(doer("a", trace))
    answer(ref, lambda agent: agent.context.timers.once("key", 1.0, "a tick"))
    gate = held(ref)
    ref.tell(Boom("ahead of the tick"))
    clock.advance(1.0)
    gate.open()
    assert incarnation(ref) == 2
    assert not [note for note in trace.notes if note[0] == "a tick"]


def test_promise_14_the_stash_goes_back_to_the_head_of_the_mailbox(system: ActorSystem, trace: Trace) -> None:
    ref = system.spawn(doer("a", trace))

    def stash_in_the_first(number: int, agent: Doer) -> None:
        if agent.context.incarnation == 1:
            agent.context.stash()
        else:
            agent.say(number)

    for number in range(2):
        ref.tell(partial(stash_in_the_first, number))
    gate = held(ref)
    ref.tell(Boom("over"))
    ref.tell("behind")
    gate.open()
    assert incarnation(ref) == 2
    assert trace.notes[-3:] == [(0, "a", 2), (1, "a", 2), ("behind", "a", 2)]


def test_promise_14_behaviours_are_reset(system: ActorSystem) -> None:
    ref = system.spawn(doer("a"))

    def become_another(agent: Doer) -> None:
        agent.context.become(lambda message: agent.on_receive(message) if message is error else "another")

    error = Boom("over")
    answer(ref, become_another)
    assert answer(ref, "who") == "another"
    ref.tell(error)
    assert answer(ref, "who") == 2


# -- 15: a start that fails --------------------------------------------------------------------------------------------


class Fails(Doer):
    """Does not start, but for the first so many incarnations."""

    def __init__(self, trace: Trace, good: int) -> None:
        super().__init__(trace)
        self.good = good

    def on_start(self) -> None:
        super().on_start()
        if self.context.incarnation > self.good:
            raise Boom(f"start {self.context.incarnation}")


def test_promise_15_a_failing_start_in_a_restart_is_another_failure_and_spends_the_limit(
    system: ActorSystem, trace: Trace, log: EventLog
) -> None:
    policy = Restart(max_restarts=3, within=None, then=Stop())
    ref = system.spawn(ChildSpec(Fails, "a", args=(trace, 1), policy=policy))
    ref.tell(Boom("receive"))
    log.wait(AgentStopped, "/a")
    phases = [(event.incarnation, event.phase, event.directive) for event in log.of(AgentFailed)]
    starts = [(number, Phase.START) for number in (2, 3, 4)]
    restarts = [Directive.RESTART] * 3
    assert phases == [
        (number, phase, directive)
        for (number, phase), directive in zip([(1, Phase.RECEIVE), *starts], [*restarts, Directive.STOP], strict=True)
    ]


def test_promise_15_the_supervisor_stays_responsive_while_a_start_hangs(system: ActorSystem, trace: Trace) -> None:
    gate = Gate()
    parent = system.spawn(supervisor("parent", ChildSpec(Guarded, "child", args=(trace, gate, "start 2"))))
    get(system, "/parent/child").tell(Boom("over"))
    gate.reached()
    sibling = parent.start_child(doer("sibling")).ref
    assert sibling is not None
    sibling.tell(Boom("a sibling's failure"))
    assert incarnation(sibling) == 2
    assert [info.name for info in parent.children()] == ["child", "sibling"]
    gate.open()
    assert incarnation(get(system, "/parent/child")) == 2


def test_promise_15_a_failing_start_in_spawn_raises_keeps_no_child_and_frees_the_name(
    system: ActorSystem, trace: Trace
) -> None:
    with pytest.raises(StartFailedError, match="/a did not start") as raised:
        system.spawn(ChildSpec(Fails, "a", args=(trace, 0)))
    assert (raised.value.path, str(raised.value.cause)) == ("/a", "start 1")
    assert system.find("/a") is None
    assert len(system.tree()) == 0
    assert answer(system.spawn(doer("a")), "who") == 1


# -- 16: the limit -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failures", "ends"),
    [
        pytest.param([0.0, 5.0, 10.0], True, id="the window includes its bound"),
        pytest.param([0.0, 5.0, 10.5], False, id="what is older no longer counts"),
        pytest.param([0.0, 5.0, 10.5, 14.0], True, id="the window slides"),
        pytest.param([0.0, 11.0, 22.0, 33.0], False, id="far apart they never exceed"),
    ],
)
def test_promise_16_at_most_so_many_restarts_in_a_sliding_window(
    system: ActorSystem, clock: WatchedClock, log: EventLog, failures: list[float], ends: bool
) -> None:
    ref = system.spawn(doer("a", policy=Restart(max_restarts=2, within=10.0, then=Stop())))
    for number, at in enumerate(failures):
        clock.advance(at - clock.now())
        ref.tell(Boom(at))
        assert log.wait(AgentFailed, "/a", times=number + 1).at == at
    if ends:
        assert_ended(ref)
    else:
        assert incarnation(ref) == len(failures) + 1


def test_promise_16_one_incident_counts_once_however_many_siblings_are_restarted(system: ActorSystem) -> None:
    children = [doer(name, policy=None) for name in "abc"]
    limit = Restart(max_restarts=2, within=10.0)
    parent = system.spawn(supervisor("parent", *children, policy=limit, strategy="one_for_all"))
    for number in range(2):
        get(system, "/parent/b").tell(Boom(number))
        assert [incarnation(get(system, f"/parent/{name}")) for name in "bac"] == [number + 2] * 3
    get(system, "/parent/b").tell(Boom("one too many"))
    assert_ended(parent)


def test_promise_16_exceeded_the_parent_fails_with_restart_limit_exceeded_and_the_last_cause(
    system: ActorSystem, log: EventLog
) -> None:
    child = doer("child", policy=Restart(max_restarts=1, within=10.0))
    system.spawn(supervisor("parent", child))
    last = Boom("the last")
    for error in (Boom("the first"), last):
        get(system, "/parent/child").tell(error)
    failed = log.wait(AgentFailed, "/parent").error
    assert isinstance(failed, RestartLimitExceeded)
    assert (failed.path, failed.child, failed.cause, failed.__cause__) == ("/parent", "/parent/child", last, last)
    stopped = log.wait(AgentStopped, "/parent")
    assert (stopped.reason, stopped.error) == (StopReason.FAILED, failed)


def test_promise_16_exceeded_what_the_policy_says_then_decides(system: ActorSystem, log: EventLog) -> None:
    parent = system.spawn(supervisor("parent", doer("child", policy=Restart(max_restarts=0, within=10.0, then=Stop()))))
    get(system, "/parent/child").tell(Boom("one too many"))
    assert log.wait(AgentStopped, "/parent/child").reason is StopReason.FAILED
    assert [info.status for info in parent.children()] == ["down"]
    assert parent.is_alive()


# -- 17: backoff -------------------------------------------------------------------------------------------------------


def test_promise_17_delays_grow_up_to_the_cap_and_start_over_after_a_quiet_period(
    system: ActorSystem, clock: WatchedClock, log: EventLog
) -> None:
    backoff = Backoff(0.1, cap=0.5, factor=2.0, reset=60.0)
    ref = system.spawn(doer("a", policy=Restart(None, within=None, backoff=backoff)))
    for number, quiet in enumerate([0.0, 0.0, 0.0, 0.0, 61.0]):
        clock.advance(quiet)
        ref.tell(Boom(number))
        delay = log.wait(AgentBackingOff, "/a", times=number + 1).delay
        clock.advance_once_due(delay)
        assert incarnation(ref) == number + 2
    assert [event.delay for event in log.of(AgentBackingOff)] == pytest.approx([0.1, 0.2, 0.4, 0.5, 0.1])


def test_promise_17_while_it_backs_off_the_ref_lives_and_the_mail_waits(
    system: ActorSystem, clock: WatchedClock, trace: Trace, log: EventLog
) -> None:
    ref = system.spawn(doer("a", trace, policy=Restart(3, within=10.0, backoff=Backoff(1.0))))
    ref.tell(Boom("over"))
    log.wait(AgentBackingOff, "/a")
    ref.tell("mail")
    clock.advance(0.9)
    snapshot = system.tree().find("/a")
    assert snapshot is not None
    assert (snapshot.state, snapshot.mailbox) == ("backing_off", 1)
    assert ref.is_alive()
    assert system.find("/a") is ref
    assert trace.count(("mail", "a", 2)) == 0
    clock.advance_once_due(0.1)
    assert incarnation(ref) == 2
    assert trace.count(("mail", "a", 2)) == 1


def test_promise_17_jitter_never_exceeds_the_cap(world: World) -> None:
    with world.system(seed=1) as system:
        clock = world.clock
        log = EventLog(system)
        ref = system.spawn(doer("a", policy=Restart(None, within=None, backoff=Backoff(1.0, cap=1.0, jitter=0.5))))
        for number in range(30):
            ref.tell(Boom(number))
            clock.advance_once_due(log.wait(AgentBackingOff, "/a", times=number + 1).delay)
            assert incarnation(ref) == number + 2
    delays = [event.delay for event in log.of(AgentBackingOff)]
    assert max(delays) == 1.0
    assert min(delays) < 0.9
    assert len(set(delays)) > 5


def test_promise_17_a_start_that_waits_out_its_backoff_leaves_the_siblings_alone(
    system: ActorSystem, clock: WatchedClock, log: EventLog
) -> None:
    policy = Restart(None, within=None, backoff=Backoff(1.0))
    system.spawn(supervisor("parent", doer("a", policy=policy), doer("b", policy=FOREVER)))
    get(system, "/parent/a").tell(Boom("down"))
    log.wait(AgentBackingOff, "/parent/a")
    get(system, "/parent/b").tell(Boom("meanwhile"))
    assert incarnation(get(system, "/parent/b")) == 2
    clock.advance_once_due(1.0)
    assert incarnation(get(system, "/parent/a")) == 2
