"""What brings an agent through every step of a life? One scenario for each, for tests that watch what is told of it."""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from actors import (
    ActorSystem,
    Agent,
    AgentBackingOff,
    AgentRef,
    AgentRestarted,
    AgentStopped,
    ChildSpec,
    Escalated,
    EventStream,
    StartFailedError,
    State,
    Supervisor,
)
from actors._core.place import Place
from actors.eventlog.translate import translate
from actors.testkit import Gate
from policies import Backoff, Decision, Directive, Escalate, Failure, Policy, Restart, Resume, Stop
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, Flag, answer, result
from tests.core.scripted import Doer, deciding

Step = tuple[State, State]

TOLD: dict[Step, str] = {
    (State.NEW, State.STARTING): "agent_spawned",
    (State.NEW, State.STOPPING): "agent_stopping",
    (State.STARTING, State.RUNNING): "agent_started, agent_restarted",
    (State.STARTING, State.SUSPENDED): "agent_suspended",
    (State.STARTING, State.STOPPING): "agent_stopping",
    (State.RUNNING, State.SUSPENDED): "agent_suspended",
    (State.RUNNING, State.HALTED): "agent_halted",
    (State.RUNNING, State.BACKING_OFF): "agent_backing_off",
    (State.RUNNING, State.STARTING): "agent_restarting",
    (State.RUNNING, State.STOPPING): "agent_stopping",
    (State.SUSPENDED, State.RUNNING): "agent_resumed",
    (State.SUSPENDED, State.HALTED): "agent_halted",
    (State.SUSPENDED, State.BACKING_OFF): "agent_backing_off",
    (State.SUSPENDED, State.STARTING): "agent_restarting",
    (State.SUSPENDED, State.STOPPING): "agent_stopping",
    (State.HALTED, State.BACKING_OFF): "agent_backing_off",
    (State.HALTED, State.STARTING): "agent_restarting",
    (State.HALTED, State.STOPPING): "agent_stopping",
    (State.BACKING_OFF, State.HALTED): "agent_halted",
    (State.BACKING_OFF, State.STARTING): "agent_restarting",
    (State.BACKING_OFF, State.STOPPING): "agent_stopping",
    (State.STOPPING, State.STOPPED): "agent_stopped, agent_start_failed",
}
"""By which kind of record each step is told."""


class Watch:
    """The steps that agents take, and those that events tell of, by system and path, in order."""

    def __init__(self, monkeypatch: Any) -> None:
        self.taken: dict[tuple[EventStream, str], list[Step]] = defaultdict(list)
        self.told: dict[tuple[EventStream, str], list[Step]] = defaultdict(list)
        self.kinds: set[tuple[Step, str]] = set()
        self._lock = threading.Lock()
        self._move = Place.move
        self._open = EventStream.__init__
        monkeypatch.setattr(Place, "move", lambda place, state: self._step(place, state))
        monkeypatch.setattr(EventStream, "__init__", lambda stream: self._begin(stream))

    def hear(self, stream: EventStream) -> None:
        stream.subscribe(partial(self._hear, stream))

    def _begin(self, stream: EventStream) -> None:
        self._open(stream)
        self.hear(stream)

    def _step(self, place: Place, state: State) -> None:
        was = place.state
        self._move(place, state)
        with self._lock:
            self.taken[place.system.events, place.path].append((was, state))

    def _hear(self, stream: EventStream, event: Any) -> None:
        fields, _ = translate(event)
        if "new_state" not in fields:
            return
        step = State[fields["old_state"].upper()], State[fields["new_state"].upper()]
        with self._lock:
            self.told[stream, event.path].append(step)
            self.kinds.add((step, fields["event_type"]))

    @property
    def steps(self) -> set[Step]:
        return {step for steps in self.taken.values() for step in steps}


@dataclass
class Stage:
    """Where a scenario plays."""

    system: ActorSystem
    clock: WatchedClock
    log: EventLog
    spec: Callable[..., ChildSpec[Any]]

    def start(self, name: str = "a", **options: Any) -> AgentRef[Any]:
        return self.system.spawn(self.spec(Doer, name, **options))

    def crew(self, strategy: str, names: str, policy: Policy) -> list[AgentRef[Any]]:
        """Start a crew of agents, and give their refs."""
        children = [self.spec(Doer, name) for name in names]
        kwargs = {"children": children, "strategy": strategy, "policy": policy}
        self.system.spawn(self.spec(Supervisor, "crew", kwargs=kwargs))
        return [self.find(f"/crew/{name}") for name in names]

    def find(self, path: str) -> AgentRef[Any]:
        ref = self.system.find(path)
        assert ref is not None
        return ref

    def stop(self, ref: AgentRef[Any]) -> None:
        result(ref.stop(block=False, drain=False))
        self.log.wait(AgentStopped, ref.path)


class Unable(Agent):
    """Cannot start, from the incarnation on that it is told."""

    def __init__(self, since: int = 1) -> None:
        self.since = since

    def on_start(self) -> None:
        if self.context.incarnation >= self.since:
            raise Boom("cannot start")

    def on_receive(self, message: Any) -> Any:
        raise Boom("crash")


class Impossible(Agent):
    def __init__(self) -> None:
        raise Boom("cannot be made")


class Permanent(Agent):
    """Ends when it is told anything."""

    def on_receive(self, message: Any) -> None:
        self.stop()


LATER = Restart(max_restarts=None, within=None, backoff=Backoff(10.0, jitter=0.0))
AT_ONCE = Restart(max_restarts=None, within=None)

# -- one agent ------------------------------------------------------------------------------


def starts_and_stops(stage: Stage) -> None:
    stage.stop(stage.start())


def is_not_even_made(stage: Stage) -> None:
    with contextlib.suppress(Boom):
        stage.system.guardian.start_unsupervised(ChildSpec(Impossible))


def does_not_start(stage: Stage) -> None:
    with contextlib.suppress(StartFailedError):
        stage.system.spawn(stage.spec(Unable, "a"))


def does_not_start_again(stage: Stage) -> None:
    ref = stage.system.spawn(
        stage.spec(Unable, "a", args=(2,), policy=Restart(max_restarts=1, within=None, then=Stop()))
    )
    ref.tell("crash")
    stage.log.wait(AgentStopped, "/a")


def is_resumed(stage: Stage) -> None:
    ref = stage.start(policy=Resume())
    ref.tell(Boom())
    answer(ref, "barrier")


def is_restarted(stage: Stage) -> None:
    ref = stage.start(policy=AT_ONCE)
    ref.tell(Boom())
    answer(ref, "barrier")


def is_stopped_for_a_failure(stage: Stage) -> None:
    stage.start(policy=Stop()).tell(Boom())
    stage.log.wait(AgentStopped, "/a")


def is_restarted_as_planned(stage: Stage) -> None:
    parent = stage.start("parent")
    parent.start_child(stage.spec(Doer, "a"))
    parent.restart_child("a")


def comes_back_after_a_normal_end(stage: Stage) -> None:
    ref = stage.system.spawn(stage.spec(Permanent, "a", restart="permanent", policy=AT_ONCE))
    ref.tell("end")
    stage.log.wait(AgentRestarted, "/a")


def backs_off_and_starts(stage: Stage) -> None:
    stage.start(policy=LATER).tell(Boom())
    stage.log.wait(AgentBackingOff, "/a")
    stage.clock.advance_to(10.0)
    stage.log.wait(AgentRestarted, "/a")


def backs_off_and_is_stopped(stage: Stage) -> None:
    ref = stage.start(policy=LATER)
    ref.tell(Boom())
    stage.log.wait(AgentBackingOff, "/a")
    stage.stop(ref)


# -- agents with others ---------------------------------------------------------------------


def goes_down_and_up_with_its_siblings(stage: Stage) -> None:
    first, _ = stage.crew("one_for_all", "ab", AT_ONCE)
    first.tell(Boom())
    stage.log.wait(AgentRestarted, "/crew/b")


def waits_with_its_siblings_and_is_stopped(stage: Stage) -> None:
    first, second = stage.crew("one_for_all", "ab", LATER)
    first.tell(Boom())
    stage.log.wait(AgentBackingOff, "/crew/a")
    stage.stop(second)


def is_taken_along_while_it_backs_off(stage: Stage) -> None:
    first, second = stage.crew("rest_for_one", "ab", LATER)
    second.tell(Boom())
    stage.log.wait(AgentBackingOff, "/crew/b")
    first.tell(Boom())
    stage.log.wait(AgentBackingOff, "/crew/a")


def is_restarted_after_it_was_resumed(stage: Stage) -> None:
    """Two children of /parent fail, which becomes its failure twice: it is resumed from one, and restarted for both."""
    asked, decided = Gate(), []

    def decide(failure: Failure, history: Any) -> Decision:
        decided.append(failure)
        if len(decided) > 1:
            return Decision(Directive.RESTART, delay=10.0)
        asked.wait()
        return Decision(Directive.RESUME)

    parent = stage.start("parent", policy=deciding(decide))
    for name in "ab":
        parent.start_child(stage.spec(Doer, name, policy=Escalate()))
    with asked:
        stage.find("/parent/a").tell(Boom())
        asked.reached()
        stage.find("/parent/b").tell(Boom())
        stage.log.wait(Escalated, "/parent/b")
        # Its lane does one job after the other: once this one is done, the parent has been told of both.
        told = Flag()
        parent._cell.own_family().submit(told.set)
        assert told.wait()
    stage.log.wait(AgentBackingOff, "/parent")
    stage.clock.advance_to(10.0)
    stage.log.wait(AgentRestarted, "/parent")


S = State
SCENARIOS: dict[Callable[[Stage], None], set[Step]] = {
    starts_and_stops: {
        (S.NEW, S.STARTING),
        (S.STARTING, S.RUNNING),
        (S.RUNNING, S.STOPPING),
        (S.STOPPING, S.STOPPED),
    },
    is_not_even_made: {(S.NEW, S.STOPPING)},
    does_not_start: {(S.STARTING, S.STOPPING)},
    does_not_start_again: {(S.STARTING, S.SUSPENDED)},
    is_resumed: {(S.RUNNING, S.SUSPENDED), (S.SUSPENDED, S.RUNNING)},
    is_restarted: {(S.SUSPENDED, S.STARTING)},
    is_stopped_for_a_failure: {(S.SUSPENDED, S.STOPPING)},
    is_restarted_as_planned: {(S.RUNNING, S.STARTING)},
    comes_back_after_a_normal_end: {(S.RUNNING, S.SUSPENDED), (S.SUSPENDED, S.STARTING)},
    backs_off_and_starts: {(S.SUSPENDED, S.BACKING_OFF), (S.BACKING_OFF, S.STARTING)},
    backs_off_and_is_stopped: {(S.BACKING_OFF, S.STOPPING)},
    goes_down_and_up_with_its_siblings: {
        (S.RUNNING, S.HALTED),
        (S.SUSPENDED, S.HALTED),
        (S.HALTED, S.STARTING),
    },
    waits_with_its_siblings_and_is_stopped: {(S.HALTED, S.BACKING_OFF), (S.HALTED, S.STOPPING)},
    is_taken_along_while_it_backs_off: {(S.BACKING_OFF, S.HALTED)},
    is_restarted_after_it_was_resumed: {(S.RUNNING, S.BACKING_OFF)},
}
"""What happens, and the steps that it is there for."""
