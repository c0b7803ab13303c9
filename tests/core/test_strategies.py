"""Which siblings are restarted with a failed child, and in which order?"""

from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentFailed,
    AgentRef,
    AgentRestarted,
    AgentStopped,
    RestartLimitExceeded,
    Supervisor,
)
from actors._core.supervision import Family
from actors.testkit import Gate
from policies import Backoff, ByError, Decision, Escalate, Failure, History, Phase, Restart, Stop
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, Trace, Worker, assert_ended, incarnation


class Crews:
    """Starts crews of workers that note their lives in one trace."""

    def __init__(self, system: ActorSystem, log: EventLog, spec: Any, trace: Trace) -> None:
        self.system = system
        self.log = log
        self.spec = spec
        self.trace = trace

    def start(
        self, strategy: str, names: str, agent: type = Worker, policy: Any = None, **changes: Any
    ) -> AgentRef[Supervisor]:
        """Start a crew with one worker for each letter; `changes` are more of a spec, by name."""
        children = [self.spec(agent, name=name, args=(self.trace,), **changes.get(name, {})) for name in names]
        policy = policy or Restart(max_restarts=5, within=60.0)
        kwargs = {"children": children, "strategy": strategy, "policy": policy}
        return self.system.spawn(self.spec(Supervisor, name="crew", kwargs=kwargs))

    def ref(self, name: str) -> AgentRef[Any]:
        ref = self.system.find(f"/crew/{name}")
        assert ref is not None
        return ref

    def incarnations(self, names: str) -> list[int]:
        return [incarnation(self.ref(name)) for name in names]


@pytest.fixture
def crews(system: ActorSystem, log: EventLog, spec: Any, trace: Trace) -> Crews:
    return Crews(system, log, spec, trace)


def lives(trace: Trace) -> list[str]:
    """Give what was noted as "what name number", one text each."""
    return [" ".join(map(str, note)) for note in trace.notes]


@pytest.mark.case(19)
def test_one_for_one_renews_only_the_child_that_failed(crews: Crews, log: EventLog) -> None:
    crews.start("one_for_one", "abc")

    crews.ref("b").tell(Boom())
    log.wait(AgentRestarted, "/crew/b")

    assert crews.incarnations("abc") == [1, 2, 1]


@pytest.mark.case(19)
@pytest.mark.parametrize("failed", ["a", "b", "c"])
def test_one_for_all_renews_every_child_and_leaves_no_old_incarnation(crews: Crews, log: EventLog, failed: str) -> None:
    crew = crews.start("one_for_all", "abc")
    before = crew.count_children()

    crews.ref(failed).tell(Boom())
    log.wait(AgentRestarted, "/crew/c")

    assert crews.incarnations("abc") == [2, 2, 2]
    assert crew.count_children() == before
    notes = lives(crews.trace)
    ended = [note for note in notes if note.startswith(("stop", "failure"))]
    assert sorted(note.split()[1] for note in ended) == ["a", "b", "c"]
    assert f"failure {failed} 1" in ended
    assert max(map(notes.index, ended)) < min(notes.index(f"start {name} 2") for name in "abc")


@pytest.mark.case(19)
def test_one_for_all_with_a_single_child_renews_that(crews: Crews, log: EventLog) -> None:
    crews.start("one_for_all", "a")

    crews.ref("a").tell(Boom())
    log.wait(AgentRestarted, "/crew/a")

    assert crews.incarnations("a") == [2]


@pytest.mark.case(20)
@pytest.mark.parametrize(("failed", "expected"), [("a", [2, 2, 2]), ("b", [1, 2, 2]), ("c", [1, 1, 2])])
def test_rest_for_one_renews_the_failed_child_and_those_started_after_it(
    crews: Crews, log: EventLog, failed: str, expected: list[int]
) -> None:
    crews.start("rest_for_one", "abc")

    crews.ref(failed).tell(Boom())
    log.wait(AgentRestarted, "/crew/c")

    assert crews.incarnations("abc") == expected


@pytest.mark.case(21)
def test_siblings_go_down_in_reverse_start_order_and_come_up_in_start_order(crews: Crews, log: EventLog) -> None:
    crew = crews.start("rest_for_one", "qzbya")
    crews.trace.clear()

    crews.ref("b").tell(Boom())
    log.wait(AgentRestarted, "/crew/a")
    assert lives(crews.trace) == ["stop a 1", "stop y 1", "failure b 1", "start b 2", "start y 2", "start a 2"]

    crews.trace.clear()
    crew.stop()
    assert lives(crews.trace) == ["stop a 2", "stop y 2", "stop b 2", "stop z 1", "stop q 1"]


class SecondStartFails(Worker):
    """Comes up the first time and from the third time on; only "b" has trouble."""

    def on_start(self) -> None:
        super().on_start()
        if self.context.name == "b" and self.context.incarnation == 2:
            raise Boom("second start")


@pytest.mark.case(22)
def test_one_for_all_takes_down_a_fresh_sibling_again_when_the_next_does_not_start(crews: Crews, log: EventLog) -> None:
    crews.start("one_for_all", "ab", SecondStartFails)
    crews.trace.clear()

    crews.ref("a").tell(Boom("first"))
    log.wait(AgentRestarted, "/crew/b")

    assert lives(crews.trace) == [
        "stop b 1", "failure a 1", "start a 2", "start b 2", "stop a 2", "start a 3", "start b 3",
    ]  # fmt: skip
    assert [failure.phase for failure in log.of(AgentFailed)] == [Phase.RECEIVE, Phase.START]
    assert crews.incarnations("ab") == [3, 3]


@pytest.mark.case(23)
def test_rest_for_one_keeps_the_fresh_sibling_and_tries_again_from_the_one_that_did_not_start(
    crews: Crews, log: EventLog
) -> None:
    crews.start("rest_for_one", "abc", SecondStartFails)
    crews.trace.clear()

    crews.ref("a").tell(Boom("first"))
    log.wait(AgentRestarted, "/crew/c")

    assert lives(crews.trace) == [
        "stop c 1", "stop b 1", "failure a 1", "start a 2", "start b 2", "start b 3", "start c 2",
    ]  # fmt: skip
    assert crews.incarnations("abc") == [2, 3, 2]


class NeverAgain(Worker):
    """Only "b" has trouble: it comes up the first time only."""

    def on_start(self) -> None:
        super().on_start()
        if self.context.name == "b" and self.context.incarnation > 1:
            raise Boom("never again")


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_a_group_that_cannot_start_again_spends_the_limit_and_ends_its_supervisor(
    crews: Crews, log: EventLog, strategy: str
) -> None:
    crews.start(strategy, "abc", NeverAgain, policy=Restart(max_restarts=3, within=60.0))

    crews.ref("b").tell(Boom("first"))
    stopped = log.wait(AgentStopped, "/crew")

    assert isinstance(stopped.error, RestartLimitExceeded)
    assert [note for note in lives(crews.trace) if note.startswith("start b")] == [
        "start b 1", "start b 2", "start b 3", "start b 4",
    ]  # fmt: skip


def nested(spec: Any, trace: Trace, policy: Any) -> Any:
    """A one_for_one top with one single worker and a one_for_all group of two."""
    workers = [spec(Worker, name=name, args=(trace,)) for name in ("x", "y")]
    kwargs = {"children": workers, "strategy": "one_for_all", "policy": policy}
    group = spec(Supervisor, name="group", kwargs=kwargs)
    children = [group, spec(Worker, name="single", args=(trace,))]
    return spec(Supervisor, name="crew", kwargs={"children": children, "policy": Restart()})


@pytest.mark.case(24)
def test_a_crash_inside_a_nested_group_restarts_that_group_only(
    crews: Crews, system: ActorSystem, log: EventLog, spec: Any
) -> None:
    system.spawn(nested(spec, crews.trace, Restart()))

    crews.ref("group/x").tell(Boom())
    log.wait(AgentRestarted, "/crew/group/y")

    assert [restart.path for restart in log.of(AgentRestarted)] == ["/crew/group/x", "/crew/group/y"]
    assert incarnation(crews.ref("single")) == 1
    assert crews.ref("group").incarnation == 1


@pytest.mark.case(25)
def test_a_group_that_escalates_is_renewed_with_all_its_workers(
    crews: Crews, system: ActorSystem, log: EventLog, spec: Any
) -> None:
    system.spawn(nested(spec, crews.trace, Escalate()))
    old = {name: crews.ref(f"group/{name}") for name in "xy"}

    old["x"].tell(Boom("beyond us"))
    log.wait(AgentRestarted, "/crew/group")

    assert crews.ref("group").incarnation == 2
    for name, ref in old.items():
        assert_ended(ref)
        assert crews.ref(f"group/{name}") != ref
        assert incarnation(crews.ref(f"group/{name}")) == 1
    assert incarnation(crews.ref("single")) == 1


class StopsSlowly(Worker):
    """Waits at a gate before it has stopped."""

    gate: Gate

    def on_stop(self) -> None:
        if self.context.name == "a" and self.context.incarnation == 1:
            self.gate.wait()
        super().on_stop()


@pytest.mark.case(26)
def test_one_for_all_starts_nobody_before_the_last_has_stopped(crews: Crews, log: EventLog) -> None:
    gate = Gate()
    slow = type("Slow", (StopsSlowly,), {"gate": gate})
    crews.start("one_for_all", "abc", slow)
    crews.trace.clear()

    crews.ref("c").tell(Boom())
    gate.reached()
    assert lives(crews.trace) == ["failure c 1", "stop b 1"]
    gate.open()
    log.wait(AgentRestarted, "/crew/c")

    assert lives(crews.trace)[2:] == ["stop a 1", "start a 2", "start b 2", "start c 2"]


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
@pytest.mark.parametrize("end", ["finished", "terminated"])
def test_what_is_down_stays_down_when_a_sibling_fails(crews: Crews, log: EventLog, strategy: str, end: str) -> None:
    crew = crews.start(strategy, "abc")
    if end == "finished":
        crews.ref("b").tell("stop")
    else:
        crew.terminate_child("b")
    log.wait(AgentStopped, "/crew/b")

    crews.ref("a").tell(Boom())
    log.wait(AgentRestarted, "/crew/c")

    assert [(info.name, info.status) for info in crew.children()] == [
        ("a", "running"), ("b", "down"), ("c", "running"),
    ]  # fmt: skip
    assert [restart.path for restart in log.of(AgentRestarted)] == ["/crew/a", "/crew/c"]


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_one_incident_counts_once_however_many_siblings_go_along(crews: Crews, log: EventLog, strategy: str) -> None:
    crew = crews.start(strategy, "abcde", policy=Restart(max_restarts=2, within=60.0))

    for times in (1, 2):
        crews.ref("a").tell(Boom())
        log.wait(AgentRestarted, "/crew/e", times)

    assert crew.is_alive()
    assert crews.incarnations("abcde") == [3] * 5


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_messages_told_to_siblings_while_their_group_backs_off_are_kept_in_order(
    crews: Crews, log: EventLog, clock: WatchedClock, strategy: str
) -> None:
    policy = Restart(max_restarts=5, within=60.0, backoff=Backoff(2.0, cap=2.0, jitter=0.0))
    crews.start(strategy, "ab", policy=policy)
    crews.trace.clear()

    crews.ref("a").tell(Boom())
    crews.trace.wait_for(("failure", "a", 1))
    for message in ("one", "two"):
        crews.ref("a").tell(message)
        crews.ref("b").tell(message)
    clock.wait_for_timer(2.0)
    assert crews.trace.count(("one", "a", 2)) == 0
    clock.advance(2.0)
    log.wait(AgentRestarted, "/crew/b")

    assert crews.incarnations("ab") == [2, 2]
    for name in "ab":
        assert [note for note in crews.trace.notes if note[1:] == (name, 2)] == [
            ("start", name, 2), ("one", name, 2), ("two", name, 2),
        ]  # fmt: skip


def test_siblings_come_up_although_the_one_that_did_not_start_is_terminated_meanwhile(
    crews: Crews, log: EventLog
) -> None:
    gate = Gate()

    class Slow(Restart):
        def decide(self, failure: Failure, history: History) -> Decision:
            if failure.phase is Phase.START:
                gate.wait()
            return super().decide(failure, history)

    crew = crews.start("one_for_all", "abc", SecondStartFails, policy=Slow(max_restarts=5, within=60.0))
    crews.ref("a").tell(Boom("first"))
    gate.reached()
    assert crew.terminate_child("b")
    gate.open()
    log.wait(AgentRestarted, "/crew/c")

    assert crews.incarnations("ac") == [2, 2]


def test_a_sibling_that_stops_for_good_brings_up_nobody_who_waits_for_anothers_backoff(
    crews: Crews, log: EventLog, clock: WatchedClock
) -> None:
    policy = ByError({KeyError: Stop()}, default=Restart(backoff=Backoff(2.0, cap=2.0)))
    crews.start("rest_for_one", "abc", policy=policy)
    crews.ref("b").tell(Boom())
    clock.wait_for_timer(2.0)

    crews.ref("a").tell(KeyError())
    log.wait(AgentStopped, "/crew/a")
    crews.ref("b").tell("b is back")
    crews.ref("c").tell("c is back")
    clock.advance(2.0)

    notes = crews.trace.wait_for(("c is back", "c", 2))
    assert notes.index(("start", "b", 2)) < notes.index(("start", "c", 2))


def test_nobody_in_a_group_of_all_comes_up_before_the_last_backoff_although_an_earlier_one_is_over(
    crews: Crews, log: EventLog, clock: WatchedClock
) -> None:
    crew = crews.start("one_for_all", "ab", policy=Restart(backoff=Backoff(2.0, cap=2.0)))
    crews.ref("b").tell(Boom("first"))
    clock.settle()
    crew.terminate_child("b")
    crew.restart_child("b")
    clock.advance(1.0)
    crews.ref("b").tell(Boom("second"))
    clock.settle()

    clock.advance(1.0, settle=True)
    assert [info.status for info in crew.children()] == ["restarting", "restarting"]
    clock.advance(1.0, settle=True)

    assert [restart.path for restart in log.of(AgentRestarted)] == ["/crew/a", "/crew/b"]
    assert {restart.at for restart in log.of(AgentRestarted)} == {3.0}


def test_a_backoff_from_before_a_supervisors_restart_brings_up_nobody_afterwards(
    crews: Crews, log: EventLog, system: ActorSystem, clock: WatchedClock
) -> None:
    crew = crews.start("rest_for_one", "ab", policy=Restart(backoff=Backoff(2.0, cap=2.0)))
    crews.ref("a").tell(Boom("before"))
    clock.settle()
    assert system.guardian.ref.restart_child("crew")
    clock.advance(1.0)
    crews.ref("a").tell(Boom("after"))
    clock.settle()
    crew.terminate_child("a")

    clock.advance(1.0, settle=True)
    assert [info.status for info in crew.children()] == ["down", "restarting"]
    clock.advance(1.0, settle=True)

    assert [(restart.path, restart.at) for restart in log.of(AgentRestarted)][1:] == [("/crew/b", 3.0)]


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_a_child_that_is_given_up_as_it_does_not_start_is_gone_before_its_siblings_come_up(
    crews: Crews, log: EventLog, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    crew = crews.start(strategy, "abc", NeverAgain, policy=Restart(max_restarts=1, within=60.0, then=Stop()))
    go_on = Family._go_on_without
    left: list[str] = []

    def look(family: Family, failure: Failure) -> None:
        left.extend(f"{info.name} {info.status}" for info in crew.children())
        go_on(family, failure)

    monkeypatch.setattr(Family, "_go_on_without", look)
    crews.ref("a").tell(Boom())
    log.wait(AgentRestarted, "/crew/c")

    assert left == ["a running", "b down", "c restarting"]
