"""What did one supervisor and its children do, and was it allowed?

The agents of a test run as they are; a subclass that is made here adds that their hooks are written down, and that
they fail and end when a test says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from actors._core import events
from actors._core.agent import Agent
from actors._core.context import Context
from actors._core.messages import Terminated
from actors._core.ref import AgentRef
from actors._core.spec import ChildSpec
from actors.supervisor import Supervisor
from actors.testkit.lives_model import Step
from policies import Directive


@dataclass(frozen=True)
class Number:
    """A message that an observed agent handles by writing it down."""

    number: int


@dataclass(frozen=True)
class Fail:
    """A message over which an observed agent fails."""

    number: int
    error: BaseException


@dataclass(frozen=True)
class End:
    """A message over which an observed agent ends itself, normally."""


class Record:
    """What happened at `root` and to its children: `steps`, oldest first, and in `wrong` what must not have been."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.steps: list[Step] = []
        self.wrong: list[str] = []
        self.broken: dict[str, list[BaseException]] = {}
        self.outcomes: Counter[int] = Counter()  # of the messages, by number: each has one in the end
        self.restarts: list[
            float
        ] = []  # when the policy of this incarnation of the root has decided to restart a child
        self._last: dict[str, int] = {}
        self._live: dict[str, Context] = {}

    # -- what the agents say ------------------------------------------------------

    def begins(self, context: Context) -> None:
        """An incarnation begins; raises if its start is to fail."""
        path = context.path
        before = self._live.get(path)
        if before is not None and not (before.over or before.fenced):
            self.wrong.append(f"{context!r} begins beside {before!r}")
        if path == self.root:
            self.restarts.clear()
        self._live[path] = context
        self.steps.append(Step("start", path, context.incarnation))
        if errors := self.broken.get(path):
            raise errors.pop(0)

    def ends(self, what: str, context: Context) -> None:
        """A last hook runs."""
        self.steps.append(Step(what, context.path, context.incarnation))
        self._no_child_is_left(context.path)

    def handled(self, context: Context, number: int) -> None:
        """A message was handled."""
        if number < self._last.get(context.path, -1):
            self.wrong.append(f"{context.path} handled message {number} after {self._last[context.path]}")
        self._last[context.path] = number
        self._has_outcome(number)

    def _count(self, event: events.AgentFailed) -> None:
        shares_the_policy = self._live[event.path].cell.spec.policy is None
        if shares_the_policy and event.path != self.root:
            self.restarts.append(event.at)

    def _has_outcome(self, number: int) -> None:
        self.outcomes[number] += 1
        if self.outcomes[number] > 1:
            self.wrong.append(f"message {number} was handled, or became a dead letter, {self.outcomes[number]} times")

    def _no_child_is_left(self, path: str) -> None:
        left = [c for c in self._live.values() if c.path.startswith(f"{path}/") and not (c.over or c.fenced)]
        if left:
            self.wrong.append(f"{path} ends before {left}")

    # -- what the system says -----------------------------------------------------

    def hear(self, event: Any) -> None:
        """Write an event of the root or one of its children down."""
        path = event.path
        if isinstance(event, events.DeadLetter) and isinstance(event.message, Number | Fail):
            self._has_outcome(event.message.number)
        if path != self.root and path.rpartition("/")[0] != self.root:
            return
        if isinstance(event, events.AgentFailed) and event.directive is Directive.RESTART:
            self._count(event)
        if isinstance(event, events.AgentStopped):
            self._no_child_is_left(path)
        what, value = _step_of(event)
        if what:
            self.steps.append(Step(what, path, value))


def _step_of(event: Any) -> tuple[str, object]:
    match event:
        case events.AgentStarted() | events.AgentRestarted():
            return "up", event.incarnation
        case events.StartFailed():
            return "start_failed", None
        case events.AgentFailed():
            return "failed", event.directive
        case events.AgentBackingOff():
            return "backing_off", event.delay
        case events.AgentResumed():
            return "resumed", None
        case events.Escalated():
            return "escalated", type(event.error).__name__
        case events.AgentStopped():
            return "ended", event.reason
    return "", None


# -- observed agents -------------------------------------------------------------


class _Observed(Agent):
    _record: Record

    def on_start(self) -> None:
        self._record.begins(self.context)
        super().on_start()

    def on_receive(self, message: Any) -> Any:
        match message:
            case Number(number):
                self._record.handled(self.context, number)
            case Fail():
                raise message.error
            case End():
                self.stop()
            case _:
                return super().on_receive(message)


class _ObservedToTheEnd(_Observed):
    def on_stop(self) -> None:
        self._record.ends("stop", self.context)
        super().on_stop()

    def on_failure(self, *failure: Any) -> None:
        self._record.ends("failure", self.context)
        super().on_failure(*failure)


class _ObservedSupervisor(_ObservedToTheEnd, Supervisor):
    @property
    def _child_specs(self) -> Sequence[ChildSpec[Any]]:  # type: ignore[override]
        return [observed(spec, self._record) for spec in super()._child_specs]


def ends_quietly(agent: type[Agent]) -> bool:
    """Whether no code of an agent runs as it ends: then none is added, because the kernel ends it in another way."""
    quiet = agent.on_stop is Agent.on_stop and agent.on_failure is Agent.on_failure
    return quiet and not issubclass(agent, Supervisor)


def observed(spec: ChildSpec[Any], record: Record, root: bool = False) -> ChildSpec[Any]:
    """Give the spec of an agent that is like it, and writes down what it does; with `root` its children do, too."""
    return replace(spec, agent=_observed_class(spec.agent, record, root))


def _observed_class(agent: type[Agent], record: Record, root: bool) -> type[Agent]:
    kind = _ObservedSupervisor if root else _Observed if ends_quietly(agent) else _ObservedToTheEnd
    names = {"_record": record, "__module__": agent.__module__, "__qualname__": agent.__qualname__}
    return type(agent.__name__, (kind, agent), names)


class Watcher(Agent):
    """Watches whom it is sent, and counts who has ended."""

    def __init__(self, ended: Counter[AgentRef[Any]]) -> None:
        self.ended = ended

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Terminated):
            self.ended[message.ref] += 1
        else:
            self.context.watch(message)
