"""How does a test say what an agent is to do, and do something beside its own thread?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from actors import ActorSystem, AgentRef, ChildSpec, Event, Supervisor
from actors.testkit import Gate, VirtualClock
from policies import Decision, Failure, History, Policy, Restart
from tests.core.helpers import PATIENCE, EventLog, Trace, Worker

FOREVER = Restart(None, within=None)
"""Restarts without limit, for tests that are about something else."""


class Doer(Worker):
    """A Worker that also does what it is sent: a message that can be called is called with the agent."""

    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else super().on_receive(message)


def doer(name: str, trace: Trace | None = None, **options: Any) -> ChildSpec[Doer]:
    """The spec of a Doer, by default restarted without limit."""
    options.setdefault("policy", FOREVER)
    return ChildSpec(Doer, name, args=(trace,), **options)


def supervisor(name: str, *children: ChildSpec[Any], policy: Policy = FOREVER, **options: Any) -> ChildSpec[Supervisor]:
    """The spec of a Supervisor of those children."""
    return ChildSpec(Supervisor, name, kwargs={"children": children, "policy": policy, **options})


def deciding(decide: Callable[[Failure, History], Decision]) -> Policy:
    """A policy that decides as its test says."""

    class Deciding(Policy):
        def decide(self, failure: Failure, history: History) -> Decision:
            return decide(failure, history)

    return Deciding()


def held(ref: AgentRef[Any]) -> Gate:
    """Have the agent wait at a gate, by a told message, and give the gate once it is there."""
    gate = Gate()
    ref.tell(lambda agent: gate.wait())
    gate.reached()
    return gate


def get(system: ActorSystem, path: str) -> AgentRef[Any]:
    """The ref of the agent at that path, which must be there."""
    ref = system.find(path)
    assert ref is not None, f"no {path} in {system.tree()}"
    return ref


def kinds(log: EventLog, path: str) -> list[str]:
    """What was reported of one agent, as the names of the events."""
    return [type(event).__name__ for event in log.of(Event, path)]


class HeardClock(VirtualClock):
    """A virtual clock of which a test hears who waits for which moment."""

    def __init__(self) -> None:
        self.waits = Trace()
        """The deadlines of the waits, in the order in which they began."""
        self._armed = threading.Condition()
        super().__init__()

    def call_at(self, when: float, callback: Callable[[], None]) -> Any:
        timer = super().call_at(when, callback)
        with self._armed:
            self._armed.notify_all()
        return timer

    def wait(self, future: Any, deadline: float | None) -> bool:
        if deadline is not None:
            self.waits.note(deadline)
        return super().wait(future, deadline)

    def wait_due(self, seconds: float) -> None:
        """Wait until something falls due within these virtual seconds, which another thread may yet have to arm."""
        until = self.now() + seconds
        with self._armed:
            assert self._armed.wait_for(lambda: self.next_due is not None and self.next_due <= until, PATIENCE)

    def advance_once_due(self, seconds: float) -> None:
        """Advance as soon as something falls due within these seconds."""
        self.wait_due(seconds)
        self.advance(seconds)


class Aside:
    """A call on a thread of its own; `get` gives its result or raises its error."""

    def __init__(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self._result: Any = None
        self._error: BaseException | None = None

        def run() -> None:
            try:
                self._result = work(*args, **kwargs)
            except BaseException as error:
                self._error = error

        self._thread = threading.Thread(target=run, name="aside", daemon=True)
        self._thread.start()

    def get(self) -> Any:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "it hangs"
        if self._error is not None:
            raise self._error
        return self._result


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run all of them on threads that begin together, and give their results."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        barrier.wait(PATIENCE)
        return work()

    return [aside.get() for aside in [Aside(run, work) for work in works]]
