"""Does a supervisor do what its model says, whatever happens, in whatever order?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from actors._core.agent import Agent
from actors._core.future import AgentFuture
from actors._core.spec import ChildSpec
from actors.testkit import strategies
from actors.testkit.comparing import Comparison
from actors.testkit.from_hypothesis import precondition, rule, st
from actors.testkit.lives_model import Status, Wait
from actors.testkit.observing import End, Fail, observed
from policies import Policy, Strategy

T = TypeVar("T")
_PICK = st.integers(0, 7)
_MESSAGES_BEFORE_A_STOP = 5  # after which there is nothing left to be done
_INSTANT = 2.0**-20  # seconds that tell two failures apart
_GRID = 2.0**-14  # delays are multiples of this, where `strategies` made them


class Child(Agent):
    """A child with last hooks."""

    def on_stop(self) -> None:
        """Do nothing, but do it as code of its own."""

    def on_failure(self, *failure: Any) -> None:
        """Likewise."""


class QuietChild(Agent):
    """A child without last hooks."""


class SupervisorMachine(Comparison):
    """A supervisor to which Hypothesis does whatever can be done to one, beside the model of it.

    After each rule all that can run has run, in virtual time and without a sleep, and then both must have done the
    same: the same hooks, events and decisions in the same order, at the same times, with the same children left.
    Besides, without the model: one incarnation at a time, no child outlives its parent, no window holds more restarts
    than the limit, every message has one outcome, every end is told once to those who watch.

    Subclass it and run `YourMachine.TestCase`, or `run_state_machine_as_test(YourMachine)`. To be overridden:

    - `child_class`: the class of the children, or several; `failures`: the exceptions that they fail with.
    - `policy`, `strategy`, `above`: the supervisor's policy and strategy, and the policy of its own parent; None tries
      all kinds.
    - `make_supervisor()`: the whole spec instead, with a name and a policy (which is `above`).
    - `make_child()`: the spec of a child that is added; both may `self.draw(...)`.
    - `make_system()`: where it runs: on real threads, unless it gives a `Simulation`.
    - more rules, which say what they do to the system and to the model: `self.act(real, model)`.

    Children are sent `Number`, `Fail` and `End`, which reach no handler of theirs. Not for agents with `keep_children`
    or deadlines, or whose hooks and handlers fail by themselves, which the model does not know.
    """

    child_class: type[Agent] | Sequence[type[Agent]] = (Child, QuietChild)
    failures: Sequence[type[BaseException]] = strategies.ERRORS
    policy: Policy | None = None
    strategy: Strategy | str | None = None
    above: Policy | None = None

    def make_supervisor(self) -> ChildSpec[Any]:
        """Give the spec of the supervisor: a subclass of Supervisor, with a name, and with its parent's policy."""
        return self.draw(
            strategies.supervisors(child=self.child_class, policy=self.policy, strategy=self.strategy, above=self.above)
        )

    def make_child(self) -> ChildSpec[Any]:
        """Give the spec of a child that is to be added, with a name that may be taken."""
        return self.draw(strategies.child_specs(self.child_class, significant=self.model.auto_shutdown != "never"))

    # -- what can happen to a child -----------------------------------------------

    @precondition(lambda self: self.running)
    @rule(pick=_PICK, kind=_PICK, asked=st.booleans(), times=st.integers(1, 3))
    def fail(self, pick: int, kind: int, asked: bool, times: int) -> None:
        """A child fails over a message, and over the next; if it was asked, the asker gets the error."""
        name = self._pick(self.running, pick)
        for _ in range(times):
            self._fail(name, self._pick(self.failures, kind)("on purpose"), asked)

    def _fail(self, name: str, error: BaseException, asked: bool = False) -> None:
        self._tell_apart()
        if name not in self.running or self._steps_differ:
            return  # somebody came back meanwhile, and took it along
        ref = self.ref(name)
        if asked:
            message = Fail(self._number(), error)
            answer = self.act(lambda: ref.ask(message, block=False), lambda: self.model.fail(name, error))
            assert answer.settled, f"{name} has failed, and whoever asked it waits"
            assert _raised(answer) is error, f"{name} has failed with {error!r}, and the asker got {answer!r}"
        else:
            self.act(lambda: ref.tell(self._message(ref, error)), lambda: self.model.fail(name, error))

    @precondition(lambda self: self.running)
    @rule(pick=_PICK)
    def end(self, pick: int) -> None:
        """A child ends itself, normally."""
        name = self._pick(self.running, pick)
        self._tell_apart()
        if name in self.running and not self._steps_differ:
            self.act(lambda: self.ref(name).tell(End()), lambda: self.model.end(name))

    @precondition(lambda self: self._living)
    @rule(pick=_PICK, drain=st.booleans())
    def stop(self, pick: int, drain: bool) -> None:
        """A child is stopped from outside; while it waits for its restart and has mail, without regard for that."""
        name = self._pick(self._living, pick)
        drain = drain and not self.model.children[name].mail
        stopped = self.act(lambda: self.ref(name).stop(block=False, drain=drain), lambda: self.model.stop(name))
        assert stopped.settled, f"{name} was to stop and has not"
        assert stopped.get() is True

    @precondition(lambda self: self._living)
    @rule(pick=_PICK)
    def send(self, pick: int) -> None:
        """A child is sent a message that it handles; while it waits for its restart, so does the message."""
        self._send(self.model.children[self._pick(self._living, pick)])

    @precondition(lambda self: self.is_up)
    @rule(pick=_PICK, kinds=st.lists(_PICK, min_size=1, max_size=3))
    def break_starts(self, pick: int, kinds: list[int]) -> None:
        """From now on the next starts of one child fail."""
        path = f"{self.supervisor.path}/{self._pick(strategies.NAMES, pick)}"
        errors = [self._pick(self.failures, kind)("on start") for kind in kinds]
        self.record.broken[path], self.model.broken[path] = list(errors), list(errors)

    # -- administration -----------------------------------------------------------

    @precondition(lambda self: self.is_up)
    @rule()
    def start_child(self) -> None:
        """A child is added."""
        spec = self.make_child()
        self._administer("start_child", spec, observed(spec, self.record))

    @precondition(lambda self: self.is_up)
    @rule(pick=_PICK)
    def terminate_child(self, pick: int) -> None:
        """A child is ended; its spec is kept."""
        self._administer("terminate_child", self._pick(self._names, pick))

    @precondition(lambda self: self.is_up)
    @rule(pick=_PICK)
    def restart_child(self, pick: int) -> None:
        """A child that is down is started, or one that runs is restarted."""
        self._tell_apart()
        if self.is_up and not self._steps_differ:
            self._administer("restart_child", self._pick(self._names, pick))

    @precondition(lambda self: self.is_up)
    @rule(pick=_PICK)
    def delete_child(self, pick: int) -> None:
        """A child that is down is forgotten."""
        self._administer("delete_child", self._pick(self._names, pick))

    def _administer(self, call: str, what: Any, real: Any = None) -> None:
        outcomes: list[str] = []
        result = self.act(
            lambda: getattr(self.supervisor, call)(what if real is None else real),
            lambda: outcomes.append(getattr(self.model, call)(what)),
        )
        assert [str(result.outcome)] == outcomes, f"{call} gave {result}, and the model {outcomes}"

    # -- what can happen to the supervisor ----------------------------------------

    @precondition(lambda self: self.is_up)
    @rule(kind=_PICK)
    def fail_supervisor(self, kind: int) -> None:
        """The supervisor fails itself, as it does over an escalation."""
        error = self._pick(self.failures, kind)("of its own")
        self.act(lambda: self.supervisor.tell(Fail(self._number(), error)), lambda: self.model.fail_supervisor(error))

    @precondition(lambda self: not self.is_over and self._numbers >= _MESSAGES_BEFORE_A_STOP)
    @rule()
    def stop_supervisor(self) -> None:
        """The supervisor is stopped: its children end before it, the last one first."""
        present = [info.name for info in self.supervisor.children() if info.status != "down"]
        self.act(self.supervisor.stop, self.model.stop_supervisor)
        ended = [step.path.rpartition("/")[2] for step in self.record.steps[self._seen :] if step.what == "ended"]
        assert ended == [*reversed(present), self.supervisor.name]

    @rule(seconds=strategies.seconds())
    def advance(self, seconds: float) -> None:
        """Time passes: whoever backs off comes back at its own time."""
        self._advance_to(self.clock.now() + seconds)

    @precondition(lambda self: self._edges)
    @rule(edge=_PICK, beyond=st.booleans(), pick=_PICK, kind=_PICK)
    def fail_at_an_edge(self, edge: int, beyond: bool, pick: int, kind: int) -> None:
        """A child fails just when a restart counts for the last time, or just after that."""
        self._advance_to(self._pick(self._edges, edge) + (_INSTANT if beyond else 0.0))
        if self.running:
            self._fail(self._pick(self.running, pick), self._pick(self.failures, kind)("at the edge"))

    # -- help ---------------------------------------------------------------------

    @property
    def _living(self) -> list[str]:
        return [name for name, child in self.model.children.items() if child.status is not Status.DOWN]

    @property
    def _names(self) -> list[str]:
        return list(self.model.children) or ["nobody"]

    @property
    def _edges(self) -> list[float]:
        model = self.model
        ledgers = [model.ledger, model.supervisor.ledger, *(child.ledger for child in model.children.values())]
        edges = {edge for ledger in ledgers for past in ledger.past for edge in past.edges}
        return sorted(edge for edge in edges if edge > self.clock.now()) if not model.over else []

    @staticmethod
    def _pick(choices: Sequence[T], pick: int) -> T:
        return choices[pick % len(choices)]

    def _tell_apart(self) -> None:
        """Let an instant pass where two would come back at the same moment: which is first, nobody has promised."""
        while not self._steps_differ and any(self._meets(wait) for wait in self.model.waits):
            self._advance_to(self.clock.now() + _INSTANT)

    def _meets(self, wait: Wait) -> bool:
        now: float = self.clock.now()
        return wait.since == now or (wait.due - now) % _GRID == 0


def _raised(future: AgentFuture[Any]) -> BaseException | None:
    try:
        future.get()
    except BaseException as error:
        return error
    return None
