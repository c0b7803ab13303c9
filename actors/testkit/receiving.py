"""What does a probe's agent do with what it is sent? It records it, and never fails."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from actors._core.agent import Agent
from actors._core.future import AgentFuture
from actors._core.messages import Terminated
from actors._core.replies import Reply
from actors.testkit.matching import matches, shown

if TYPE_CHECKING:
    from actors._core.context import Context
    from actors._core.ref import AgentRef


@dataclass(slots=True, eq=False)
class Received:
    """One message, how it came, and what became of its answer."""

    message: Any
    path: str  # of the agent that it was sent to
    reply: Reply | None = None
    asker: str = ""
    answered: str = ""

    def __str__(self) -> str:
        return f"{shown(self.message)} ({self.way}{'; ' + self.answered if self.answered else ''})"

    @property
    def way(self) -> str:
        """How it came: told, or asked, and by which agent."""
        if self.reply is None:
            return "told"
        return f"asked by {self.asker}" if self.asker else "asked"


@dataclass(frozen=True, slots=True)
class Autopilot:
    """Answers asks of some kind."""

    answer: Callable[[Any], Any]
    on: object


@dataclass(frozen=True, slots=True)
class Call:
    """Something that the agent is to do on its own turn, for the probe."""

    name: str
    do: Callable[[Context], object] = field(repr=False)


class Inbox:
    """What came to the agents of one probe, oldest first, until the test takes it. May be used on any thread."""

    def __init__(self) -> None:
        self.autopilot: Autopilot | None = None
        self.refs: dict[AgentRef[Any], None] = {}
        self._items: deque[Received] = deque()
        self._ends: list[Terminated] = []
        self._changed: AgentFuture[None] = AgentFuture()
        # Guards the items, the ends and the future. Nothing is settled and nobody is called under it.
        self._lock = threading.Lock()

    # -- on the turn of an agent --------------------------------------------------

    def receive(self, context: Context, message: Any) -> None:
        """Record a message, or the end of a watched agent, and answer an ask if an autopilot is to."""
        if isinstance(message, Terminated) and not context.asked:
            self._add(self._ends, message)
            return
        received = Received(message, context.path)
        if not context.asked:
            self._add(self._items, received)
            return
        reply = received.reply = context.defer()
        asker = reply.asker
        received.asker = "" if asker is None else asker.path
        pilot = self.autopilot
        if pilot is None or not matches(pilot.on, message):
            self._add(self._items, received)
            return
        received.answered = "answered by the autopilot"
        # Recorded first: whoever has the answer finds the message there.
        self._add(self._items, received)
        _answer(reply, pilot.answer, message)

    def _add(self, items: Any, item: Any) -> None:
        with self._lock:
            items.append(item)
            changed, self._changed = self._changed, AgentFuture()
        changed.resolve()

    # -- in the test --------------------------------------------------------------

    @property
    def changed(self) -> AgentFuture[None]:
        """A future that is settled when the next thing comes; to be taken before the look at what has come."""
        with self._lock:
            return self._changed

    def items(self) -> list[Received]:
        with self._lock:
            return list(self._items)

    def ends(self) -> list[Terminated]:
        with self._lock:
            return list(self._ends)

    def take(self, *items: Received | Terminated) -> bool:
        """Take these out; False if another thread has taken one of them, and then none is."""
        with self._lock:
            if not all(item in self._items or item in self._ends for item in items):
                return False
            for item in items:
                if isinstance(item, Terminated):
                    self._ends.remove(item)
                else:
                    self._items.remove(item)
            return True


def _answer(reply: Reply, answer: Callable[[Any], Any], message: Any) -> None:
    try:
        value = answer(message)
    except BaseException as error:
        # Whatever it is, it is the answer: a probe does not fail.
        reply.set_exception(error)
    else:
        reply.set(value)


class ProbeAgent(Agent):
    """An agent that records; each probe has a subclass of its own."""

    inbox: ClassVar[Inbox]

    def on_start(self) -> None:
        self.inbox.refs[self.context.ref] = None

    def on_receive(self, message: Any) -> Any:
        if type(message) is Call:
            return message.do(self.context)
        return self.inbox.receive(self.context, message)
