"""How many restarts are too many?"""

from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentFailed,
    AgentRef,
    AgentRestarted,
    AgentStopped,
    ChildSpec,
    RestartLimitExceeded,
    StopReason,
    Supervisor,
)
from actors.testkit import Gate, VirtualClock
from policies import Decision, Directive, Failure, History, Phase, Restart
from tests.core.helpers import Boom, EventLog, Trace, Worker, assert_ended, incarnation

DAY = 86_400.0


class Crews:
    """Starts crews of workers under one limit, and makes their workers crash."""

    def __init__(self, system: ActorSystem, log: EventLog, spec: Any) -> None:
        self.system = system
        self.log = log
        self.spec = spec
        self._restarts: dict[str, int] = {}

    def start(
        self, policy: Restart, *names: str, agent: type = Worker, strategy: str = "one_for_one"
    ) -> AgentRef[Supervisor]:
        children = [self.spec(agent, name=name) for name in names or ("a",)]
        kwargs = {"children": children, "policy": policy, "strategy": strategy}
        return self.system.spawn(self.spec(Supervisor, name="crew", kwargs=kwargs))

    def ref(self, name: str = "a") -> AgentRef[Any]:
        ref = self.system.find(f"/crew/{name}")
        assert ref is not None
        return ref

    def crash_and_restart(self, name: str = "a") -> None:
        """Have a worker crash, and wait until its next incarnation has started."""
        times = self._restarts[name] = self._restarts.get(name, 0) + 1
        self.ref(name).tell(Boom(f"{name} {times}"))
        self.log.wait(AgentRestarted, f"/crew/{name}", times)

    def crash_beyond_the_limit(self, name: str = "a") -> AgentStopped:
        """Have a worker crash, and wait until that has ended its supervisor."""
        self.ref(name).tell(Boom(f"{name} last"))
        stopped: AgentStopped = self.log.wait(AgentStopped, "/crew")
        return stopped


@pytest.fixture
def crews(system: ActorSystem, log: EventLog, spec: Any) -> Crews:
    return Crews(system, log, spec)


@pytest.mark.case(1)
def test_a_supervisor_lives_through_as_many_crashes_as_its_limit_and_ends_with_the_next(crews: Crews) -> None:
    crew = crews.start(Restart(max_restarts=2, within=10.0))
    crews.crash_and_restart()
    crews.crash_and_restart()
    assert crew.is_alive()
    assert incarnation(crews.ref()) == 3

    stopped = crews.crash_beyond_the_limit()

    assert stopped.reason is StopReason.FAILED
    assert isinstance(stopped.error, RestartLimitExceeded)
    assert isinstance(stopped.error.cause, Boom)
    assert not crew.is_alive()
    assert len(crews.log.of(AgentRestarted)) == 2


@pytest.mark.case(2)
def test_a_limit_of_none_at_all_ends_the_supervisor_with_the_first_crash(crews: Crews) -> None:
    crews.start(Restart(max_restarts=0, within=10.0))

    stopped = crews.crash_beyond_the_limit()

    assert isinstance(stopped.error, RestartLimitExceeded)
    assert crews.log.of(AgentRestarted) == []


@pytest.mark.case(3)
def test_crashes_further_apart_than_the_window_are_restarted_without_end(crews: Crews, clock: VirtualClock) -> None:
    crew = crews.start(Restart(max_restarts=1, within=1.0))

    for _ in range(20):
        crews.crash_and_restart()
        clock.advance(2.1)

    assert crew.is_alive()
    assert incarnation(crews.ref()) == 21


@pytest.mark.case(4)
@pytest.mark.parametrize("last", ["a", "b"])
def test_the_crashes_of_two_children_are_counted_together(crews: Crews, last: str) -> None:
    crews.start(Restart(max_restarts=2, within=10.0), "a", "b")
    crews.crash_and_restart("a")
    crews.crash_and_restart("b")

    stopped = crews.crash_beyond_the_limit(last)

    assert isinstance(stopped.error, RestartLimitExceeded)
    assert stopped.error.child == f"/crew/{last}"


@pytest.mark.case(4)
def test_a_limit_per_child_gives_each_child_its_own_count(crews: Crews) -> None:
    crew = crews.start(Restart(max_restarts=2, within=10.0, per="child"), "a", "b")
    for name in ("a", "b", "a", "b"):
        crews.crash_and_restart(name)
    assert crew.is_alive()

    stopped = crews.crash_beyond_the_limit("b")

    assert isinstance(stopped.error, RestartLimitExceeded)


@pytest.mark.case(5)
def test_crashes_that_have_left_the_window_count_no_longer(crews: Crews, clock: VirtualClock) -> None:
    crew = crews.start(Restart(max_restarts=2, within=0.5))
    crews.crash_and_restart()
    crews.crash_and_restart()

    clock.advance(0.7)
    crews.crash_and_restart()

    assert crew.is_alive()
    assert incarnation(crews.ref()) == 4


def test_a_crash_on_the_very_edge_of_the_window_still_counts(crews: Crews, clock: VirtualClock) -> None:
    crews.start(Restart(max_restarts=1, within=0.5))
    crews.crash_and_restart()

    clock.advance(0.5)

    assert isinstance(crews.crash_beyond_the_limit().error, RestartLimitExceeded)


@pytest.mark.parametrize("phase", [0.0, 0.3, 0.7, 0.999])
def test_the_window_slides_wherever_the_clock_stands(crews: Crews, clock: VirtualClock, phase: float) -> None:
    crews.start(Restart(max_restarts=2, within=1.0))
    clock.advance(phase)
    crews.crash_and_restart()
    clock.advance(0.9)
    crews.crash_and_restart()
    clock.advance(0.9)
    crews.crash_and_restart()

    clock.advance(0.05)

    assert isinstance(crews.crash_beyond_the_limit().error, RestartLimitExceeded)


@pytest.mark.case(6)
def test_without_a_window_time_alone_forgives_no_crash(crews: Crews, clock: VirtualClock) -> None:
    crews.start(Restart(max_restarts=2, within=None))
    crews.crash_and_restart()
    crews.crash_and_restart()

    clock.advance(0.7)

    assert isinstance(crews.crash_beyond_the_limit().error, RestartLimitExceeded)


def test_without_a_window_a_handled_message_starts_the_count_anew(crews: Crews) -> None:
    crew = crews.start(Restart(max_restarts=1, within=None))

    for number in range(2, 6):
        crews.crash_and_restart()
        assert incarnation(crews.ref()) == number

    assert crew.is_alive()


@pytest.mark.case(7)
@pytest.mark.parametrize("limit", [-1, None])
def test_no_limit_with_a_finite_window_is_refused_when_the_policy_is_built(limit: int | None) -> None:
    with pytest.raises(ValueError, match="max_restarts"):
        Restart(max_restarts=limit, within=1.0)


@pytest.mark.case(8)
def test_a_limit_holds_over_a_window_of_thirty_days(crews: Crews, clock: VirtualClock) -> None:
    crews.start(Restart(max_restarts=1, within=30 * DAY))
    crews.crash_and_restart()
    clock.advance(31 * DAY)
    crews.crash_and_restart()

    clock.advance(29 * DAY)

    assert isinstance(crews.crash_beyond_the_limit().error, RestartLimitExceeded)


class StartsOnce(Worker):
    """Comes up the first time only."""

    def on_start(self) -> None:
        super().on_start()
        if self.context.incarnation > 1:
            raise Boom("no second start")


@pytest.mark.case(9)
def test_restarts_that_fail_spend_the_limit_themselves(system: ActorSystem, log: EventLog, spec: Any) -> None:
    trace = Trace()
    child = spec(StartsOnce, name="a", args=(trace,))
    policy = Restart(max_restarts=10, within=60.0)
    system.spawn(spec(Supervisor, name="crew", kwargs={"children": [child], "policy": policy}))
    worker = system.find("/crew/a")
    assert worker is not None

    worker.tell(Boom("first"))
    stopped = log.wait(AgentStopped, "/crew")

    assert isinstance(stopped.error, RestartLimitExceeded)
    assert [note for note in trace.notes if note[0] == "start"] == [("start", "a", n) for n in range(1, 12)]
    failures = log.of(AgentFailed, "/crew/a")
    assert [failure.phase for failure in failures] == [Phase.RECEIVE] + [Phase.START] * 10
    assert log.of(AgentRestarted) == []


@pytest.mark.case(10)
def test_an_exceeded_limit_is_an_abnormal_end_that_the_parent_answers_with_a_restart(
    system: ActorSystem, log: EventLog, spec: Any
) -> None:
    child = spec(Worker, name="a")
    crew = spec(
        Supervisor, name="crew", restart="transient", kwargs={"children": [child], "policy": Restart(max_restarts=0)}
    )
    system.spawn(spec(Supervisor, name="top", kwargs={"children": [crew], "policy": Restart(max_restarts=1)}))
    worker = system.find("/top/crew/a")
    assert worker is not None

    worker.tell(Boom("enough"))
    log.wait(AgentRestarted, "/top/crew")

    failure = log.of(AgentFailed, "/top/crew")[0]
    assert isinstance(failure.error, RestartLimitExceeded)
    assert failure.error.child == "/top/crew/a"
    assert repr(failure.error.cause) == "Boom('enough')"
    assert failure.directive is Directive.RESTART
    assert_ended(worker)
    successor = system.find("/top/crew/a")
    assert successor is not None
    assert successor != worker
    assert incarnation(successor) == 1


@pytest.mark.case(11)
def test_crashes_told_back_to_back_are_as_many_restarts(crews: Crews) -> None:
    crews.start(Restart(max_restarts=5, within=10.0))
    worker = crews.ref()

    for number in range(5):
        worker.tell(Boom(str(number)))

    assert incarnation(worker) == 6
    restarts = crews.log.of(AgentRestarted, "/crew/a")
    assert [str(restart.error) for restart in restarts] == ["0", "1", "2", "3", "4"]


def test_a_child_spec_with_a_policy_of_its_own_does_not_spend_its_siblings_limit(
    system: ActorSystem, log: EventLog, spec: Any
) -> None:
    own = spec(Worker, name="own", policy=Restart(max_restarts=1, within=10.0))
    shared = spec(Worker, name="shared")
    policy = Restart(max_restarts=1, within=10.0)
    crew = system.spawn(ChildSpec(Supervisor, name="crew", kwargs={"children": [own, shared], "policy": policy}))
    for name in ("own", "shared"):
        worker = system.find(f"/crew/{name}")
        assert worker is not None
        worker.tell(Boom(name))
        log.wait(AgentRestarted, f"/crew/{name}")

    assert crew.is_alive()


def slow_restart(gate: Gate, **limit: Any) -> Restart:
    """A policy that decides about "slow" failures once its gate is open."""

    class Slow(Restart):
        def decide(self, failure: Failure, history: History) -> Decision:
            if str(failure.error) == "slow":
                gate.wait()
            return super().decide(failure, history)

    return Slow(**limit)


def test_a_child_that_is_replaced_during_a_decision_about_another_starts_with_a_count_of_its_own(
    crews: Crews,
) -> None:
    gate = Gate()
    crew = crews.start(slow_restart(gate, max_restarts=1, within=60.0, per="child"), "a", "b")
    crews.crash_and_restart("b")
    crews.ref("a").tell(Boom("slow"))
    gate.reached()
    crew.terminate_child("b")
    crew.restart_child("b")
    gate.open()
    crews.log.wait(AgentRestarted, "/crew/a")

    crews.crash_and_restart("b")

    assert crew.is_alive()


def test_a_decision_from_before_a_supervisors_restart_spends_nothing_of_its_limit_afterwards(
    system: ActorSystem, log: EventLog, spec: Any
) -> None:
    gate = Gate()
    kwargs = {"children": [spec(Worker, name="a")], "policy": slow_restart(gate, max_restarts=1, within=60.0)}
    top = system.spawn(
        spec(Supervisor, name="top", kwargs={"children": [spec(Supervisor, name="crew", kwargs=kwargs)]})
    )
    before = system.find("/top/crew/a")
    assert before is not None
    before.tell(Boom("slow"))
    gate.reached()
    assert top.restart_child("crew")
    gate.open()

    after = system.find("/top/crew/a")
    assert after is not None
    assert after != before
    after.tell(Boom("quick"))
    log.wait(AgentRestarted, "/top/crew/a")

    assert incarnation(after) == 2


def test_a_child_that_is_replaced_during_the_decision_about_itself_starts_with_a_count_of_its_own(
    crews: Crews,
) -> None:
    gate = Gate()
    # With a strategy for siblings: under one_for_one the decision about a child comes before its end.
    policy = slow_restart(gate, max_restarts=1, within=60.0, per="child")
    crew = crews.start(policy, strategy="rest_for_one")
    crews.ref().tell(Boom("slow"))
    gate.reached()
    crew.terminate_child("a")
    crew.restart_child("a")
    gate.open()

    crews.crash_and_restart()

    assert crew.is_alive()
