"""How does a test of the kernel see what happened, without sleeping?

Everything here waits for an event and gives up after `PATIENCE` real seconds, so that a hang is a failure.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from actors import ActorSystem, Agent, AgentFuture, AgentRef, Event
from actors._core.here import here
from actors.testkit import Gate, wait

PATIENCE = float(os.environ.get("ACTORTREE_TEST_PATIENCE", "10"))
"""Real seconds after which a wait has failed."""


def patience() -> float:
    """Give the seconds after which a wait on this thread has failed; in a simulation, where they cost nothing, many."""
    return PATIENCE if here.scheduler is None else 1e6


class Boom(Exception):
    """What a test's agent fails with; its text tells one from another."""


class Trace:
    """What the agents of one test noted, in order; may be used on any thread."""

    def __init__(self) -> None:
        self._notes: list[Any] = []
        self._changed = threading.Condition()

    def note(self, what: Any) -> None:
        with self._changed:
            self._notes.append(what)
            self._changed.notify_all()

    @property
    def notes(self) -> list[Any]:
        with self._changed:
            return list(self._notes)

    def clear(self) -> None:
        with self._changed:
            self._notes.clear()

    def count(self, what: Any) -> int:
        return self.notes.count(what)

    def wait_until(self, holds: Callable[[list[Any]], Any]) -> list[Any]:
        """Wait until `holds(notes)` and give the notes."""
        if here.scheduler is not None:
            assert here.scheduler.wait(lambda: bool(holds(self._notes)), patience()), f"never: {self._notes}"
            return list(self._notes)
        with self._changed:
            assert self._changed.wait_for(lambda: holds(self._notes), PATIENCE), f"never: {self._notes}"
            return list(self._notes)

    def wait_for(self, what: Any, times: int = 1) -> list[Any]:
        """Wait until `what` was noted so many times and give all notes."""
        return self.wait_until(lambda notes: notes.count(what) >= times)


class EventLog(Trace):
    """Every event of one system from now on, in order."""

    def __init__(self, system: ActorSystem) -> None:
        super().__init__()
        system.events.subscribe(self.note)

    def of(self, kind: type[Event], path: str | None = None) -> list[Any]:
        """Give the events of that kind, of one agent or of all, oldest first."""
        return _of(self.notes, kind, path)

    def wait(self, kind: type[Event], path: str | None = None, times: int = 1) -> Any:
        """Wait until there were so many events of that kind and give the last of those."""
        events = self.wait_until(lambda notes: len(_of(notes, kind, path)) >= times)
        return _of(events, kind, path)[times - 1]


def _of(events: list[Any], kind: type[Event], path: str | None) -> list[Any]:
    return [event for event in events if isinstance(event, kind) and path in (None, event.path)]


class Worker(Agent):
    """An agent that fails with what it is sent, and notes its life.

    An exception is raised, "stop" ends it normally, "who" gives its incarnation, anything else is noted and answered.
    Notes are (what, name, incarnation).
    """

    def __init__(self, trace: Trace | None = None) -> None:
        self.trace = trace if trace is not None else Trace()
        self.seen: list[Any] = []

    def say(self, what: Any) -> None:
        self.trace.note((what, self.context.name, self.context.incarnation))

    def on_start(self) -> None:
        self.say("start")

    def on_stop(self) -> None:
        self.say("stop")

    def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        self.say("failure")

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        if message == "stop":
            self.stop()
        elif message == "who":
            return self.context.incarnation
        else:
            self.seen.append(message)
            self.say(message)
        return message


class Flag(threading.Event):
    """An event that is waited for in a simulation, too, while others go on."""

    def wait(self, timeout: float | None = None) -> bool:
        seconds = patience() if timeout is None else timeout
        return super().wait(seconds) if here.scheduler is None else here.scheduler.wait(self.is_set, seconds)


class Meeting:
    """A barrier for both worlds: nobody goes on before so many have come."""

    def __init__(self, parties: int) -> None:
        self._missing = parties
        self._lock = threading.Lock()
        self._gate = Gate("meeting")

    def wait(self) -> None:
        with self._lock:
            self._missing -= 1
            missing = self._missing
        if not missing:
            self._gate.open()
        self._gate.wait()


class Aside(AgentFuture[Any]):
    """What comes of a call beside the test; a hang fails whoever gets it."""

    def get(self, *, timeout: float | None = None) -> Any:
        return super().get(timeout=patience() if timeout is None else timeout)


class _Task:
    """A task of the simulation."""

    path = "elsewhere"

    def __init__(self, run: Callable[[], None]) -> None:
        self.run = run


def elsewhere(code: Callable[..., Any], *args: Any, **options: Any) -> Aside:
    """Run something that may block beside the test: on a thread of its own, in a simulation on one of its threads."""
    future = Aside()

    def run() -> None:
        try:
            value = code(*args, **options)
        except Exception as error:
            future.resolve(error=error)
        else:
            future.resolve(value)

    if here.scheduler is None:
        threading.Thread(target=run, name="elsewhere", daemon=True).start()
    else:
        here.scheduler.put(_Task(run), None)
    return future


def result(future: AgentFuture[Any]) -> Any:
    """Give what comes of a future or raise it; a hang fails."""
    assert wait(future, patience()), "nothing came of it"
    return future.get()


def answer(ref: AgentRef[Any], message: Any) -> Any:
    """Ask without ever running the agent on this thread, and give the answer or raise it."""
    future = ref.ask(message, block=False)
    assert wait(future, patience()), f"{ref!r} did not answer {message!r}"
    return future.get()


def incarnation(ref: AgentRef[Any]) -> int:
    """Give the incarnation that handles a message now, after all that waits."""
    number: int = answer(ref, "who")
    return number


def assert_ended(ref: AgentRef[Any]) -> None:
    """Wait until the agent takes no more messages."""
    assert ref.actor_stopped.wait(patience()), f"{ref!r} lives"
