"""Is what a supervisor and its children did what their model says?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

from actors._core.errors import SystemFailed
from actors._core.ref import AgentRef
from actors._core.report import CrashReports
from actors._core.spec import ChildSpec
from actors._core.system import ActorSystem
from actors.supervisor import Supervisor
from actors.testkit.clock import VirtualClock
from actors.testkit.from_hypothesis import RuleBasedStateMachine, SearchStrategy, initialize, invariant, st
from actors.testkit.lives_model import Member, Status, Step
from actors.testkit.observing import Fail, Number, Record, Watcher, ends_quietly, observed
from actors.testkit.simulation import Simulation
from actors.testkit.supervision_model import SupervisorModel
from policies import Restart

T = TypeVar("T")


class Model(SupervisorModel):
    """The model, without the hooks that agents do not have."""

    def _note(self, what: str, member: Member, value: object = None) -> None:
        if what not in ("stop", "failure") or not ends_quietly(member.spec.agent):
            super()._note(what, member, value)


class Comparison(RuleBasedStateMachine):
    """Runs a supervisor and its model side by side, and compares them after each rule."""

    system: ActorSystem
    clock: Any
    supervisor: AgentRef[Any]
    model: SupervisorModel
    record: Record

    def make_system(self) -> ActorSystem:
        """Give the system: a `Simulation`, or one whose clock is `self.clock`, in virtual time on real threads."""
        return ActorSystem("machine", clock=self.clock)

    def make_supervisor(self) -> ChildSpec[Any]:
        """Give the spec of the supervisor: a subclass of Supervisor, with a name, and with its parent's policy."""
        raise NotImplementedError

    # -- for rules of one's own ---------------------------------------------------

    def draw(self, strategy: SearchStrategy[T]) -> T:
        """Have Hypothesis choose, in whatever a rule calls."""
        return self._draw(strategy)  # type: ignore[no-any-return]

    def act(self, real: Callable[[], T], model: Callable[[], object]) -> T:
        """Do something to the system, let all that follows happen, and tell the model; gives what `real` did."""
        with_mail = [child for child in self.model.children.values() if child.mail]
        result = real()
        self.clock.settle()
        model()
        for child in with_mail:
            # How much of it an incarnation handled before its siblings ended it is not certain: now it is more than 0.
            if child.status is Status.RUNNING and not self.model.over:
                self._send(child)
        return result

    def ref(self, name: str) -> AgentRef[Any]:
        """Give the ref of a living child."""
        ref = self.system.find(f"{self.supervisor.path}/{name}")
        assert ref is not None, f"there is no child {name}:\n{self.system.dump()}"
        return ref

    @property
    def running(self) -> list[str]:
        """The names of the children that run, in start order, as far as the model knows."""
        return [name for name, child in self.model.children.items() if child.status is Status.RUNNING]

    @property
    def is_up(self) -> bool:
        """Whether the supervisor runs."""
        return self.model.supervisor.status is Status.RUNNING

    @property
    def is_over(self) -> bool:
        """Whether the supervisor has ended for good."""
        return self.model.supervisor.status is Status.DOWN

    # -- the beginning and the end ------------------------------------------------

    @initialize(data=st.data())
    def begin(self, data: Any) -> None:
        """Start a supervisor in a system of its own."""
        self._draw = data.draw
        spec = self.make_supervisor()
        self.record = Record(f"/{spec.name}")
        self.clock = VirtualClock()
        self.system = self.make_system()
        if isinstance(self.system, Simulation):
            self.clock = self.system.clock
        self.system.random = _Halves(0)
        self.system.reports = _Silence(self.system.clock)
        self.system.events.subscribe(self.record.hear)
        self._sent: dict[int, AgentRef[Any]] = {}
        self._numbers = 0
        self._seen = 0
        self._ended: Counter[AgentRef[Any]] = Counter()
        self._watched: set[AgentRef[Any]] = set()
        self._watcher = self.system.spawn(Watcher, self._ended, name="watcher")
        self.supervisor = self.system.spawn(observed(spec, self.record, root=True))
        self.model = self._make_model(spec)

    def _make_model(self, spec: ChildSpec[Any]) -> SupervisorModel:
        agent: Supervisor = self.supervisor._cell.context.agent  # type: ignore[union-attr, assignment]
        return Model(
            spec,
            agent.children,
            agent.policy,
            agent.strategy,
            agent.auto_shutdown,
            agent.max_children,
            now=self.clock.now(),
        )

    def teardown(self) -> None:
        """End the system; if nothing was wrong so far, that must not be either."""
        if hasattr(self, "model"):
            self._end_system()
        elif hasattr(self, "system"):
            self.system.stop()

    def _end_system(self) -> None:
        agreed = self._seen == len(self.model.steps) == len(self.record.steps)
        cause = None
        self.system.stop()
        try:
            self.system.wait()
        except SystemFailed as error:
            cause = error.__cause__
        if not agreed:
            return
        assert type(cause) is type(self.model.failed), f"the system failed with {cause!r}, not {self.model.failed!r}"
        self.model.end_system()
        self.the_same_has_happened_as_in_the_model()
        self.nothing_was_wrong()
        left = [number for number in self._sent if not self.record.outcomes[number]]
        assert not left, f"nothing became of the messages {left}"

    # -- what must hold -----------------------------------------------------------

    @invariant()
    def the_same_has_happened_as_in_the_model(self) -> None:
        """Hooks, events and decisions came in the same order, and left the same children."""
        real, expected = self.record.steps[self._seen :], self.model.steps[self._seen :]
        assert real == expected, _difference(real, expected)
        self._seen += len(real)
        if not self.model.over:
            assert self.clock.now() == self.model.now
            self._compare_children()

    def _compare_children(self) -> None:
        status = {Status.RUNNING: "running", Status.DOWN: "down"}
        expected = [(name, status.get(child.status, "restarting")) for name, child in self.model.children.items()]
        assert [(info.name, info.status) for info in self.supervisor.children()] == expected
        assert self.supervisor.is_alive() is not self.is_over
        for name in self.running:
            assert self.ref(name).incarnation == self.model.children[name].incarnation

    @invariant()
    def nothing_was_wrong(self) -> None:
        """There was one incarnation at a time, and none outlived its parent; no message was handled twice."""
        assert not self.record.wrong, self.record.wrong

    @invariant()
    def no_window_holds_more_restarts_than_the_limit(self) -> None:
        """However the window is laid, and whatever the model says."""
        policy = self.model.policy
        if type(policy) is not Restart or policy.max_restarts is None or policy.within is None or policy.per == "child":
            return
        times = self.record.restarts
        inside = [at for at in times if times[-1] - at <= policy.within]
        assert len(inside) <= policy.max_restarts, f"{len(inside)} restarts within {policy.within} s, at {inside}"

    @invariant()
    def every_message_has_one_outcome(self) -> None:
        """Handled, a dead letter, or in the mailbox of an agent that waits for its restart."""
        waiting = {info.ref for info in self.supervisor.children() if info.status == "restarting"}
        for number, ref in list(self._sent.items()):
            if self.record.outcomes[number]:
                del self._sent[number]
            else:
                assert ref in waiting, f"nothing became of message {number} to {ref.path}"

    @invariant()
    def every_end_is_told_once(self) -> None:
        """To whoever watches, and a restart never is."""
        if self.model.over:
            return
        for ref in {info.ref for info in self.supervisor.children() if info.ref is not None} - self._watched:
            self._watched.add(ref)
            self._watcher.tell(ref)
        self.clock.settle()
        for ref in self._watched:
            assert self._ended[ref] == (not ref.is_alive()), f"{ref.path}: told of {self._ended[ref]} ends"

    # -- help ---------------------------------------------------------------------

    @property
    def _steps_differ(self) -> bool:
        return self.record.steps[self._seen :] != self.model.steps[self._seen :]

    def _advance_to(self, when: float) -> None:
        while not self.model.over and (now := self.clock.now()) < when:
            due = min(due for due in (self.clock.next_due, self.model.next_due, when) if due is not None)
            seconds = max(0.0, min(due, when) - now)
            self.act(lambda: self.clock.advance(seconds), lambda: self.model.advance(seconds))  # noqa: B023
            if self._steps_differ:
                return

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _message(self, ref: AgentRef[Any], error: BaseException | None = None) -> Any:
        number = self._number()
        self._sent[number] = ref
        return Number(number) if error is None else Fail(number, error)

    def _send(self, child: Member) -> None:
        name = child.path.rpartition("/")[2]
        ref = self.ref(name)
        ref.tell(self._message(ref))
        self.clock.settle()
        self.model.tell(name)


class _Halves(Random):
    """Random numbers of which nothing is random: there is no jitter."""

    def random(self) -> float:
        return 0.5


class _Silence(CrashReports):
    """Nothing in the log: what fails here fails on purpose."""

    def failed(self, *_failed: Any) -> None:
        """The machine compares it."""

    def hook_failed(self, *_failed: Any) -> None:
        """Likewise."""


def _difference(real: list[Step], expected: list[Step]) -> str:
    lines = ["what happened, and what should have:"]
    for index in range(max(len(real), len(expected))):
        left = str(tuple(real[index])) if index < len(real) else "-"
        right = str(tuple(expected[index])) if index < len(expected) else "-"
        lines.append(f"  {left:40} {right if left != right else 'the same'}")
    return "\n".join(lines)
