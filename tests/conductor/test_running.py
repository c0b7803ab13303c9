"""Is a track worked through in the order of what its tickets need, by so many at a time, to its end?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem, StartFailedError
from actors.conductor import Conductor, TrackOutcome
from actors.testkit import Gate
from actors.tickets import TicketState
from actors.work import Job, Worker
from tests.conductor.conftest import Conduct
from tests.conductor.tracks import Script, Told, ran, states, ticket, track
from tests.core.helpers import result

case = pytest.mark.system_case


@case("T68")
def test_a_chain_runs_in_its_order(conduct: Conduct) -> None:
    work = Script()
    end = ran(conduct(track(ticket("C", "B"), ticket("B", "A"), "A"), work))
    assert end.done
    assert work.order == ["A", "B", "C"]


@case("T68")
def test_tickets_that_need_nothing_run_together_up_to_the_limit(conduct: Conduct) -> None:
    gate = Gate()
    work = Script(gate)
    conductor = conduct(track("A", "B", "C", "D"), work, max_workers=3)
    with gate:
        run = conductor.run(block=False)
        gate.reached(3)
        assert work.order == ["A", "B", "C"]
        assert [each.ticket for each in conductor.snapshot().running] == ["A", "B", "C"]
        assert conductor.snapshot().ticket("D").state is TicketState.READY
    assert result(run).done
    assert work.order[3:] == ["D"]


@case("T68")
def test_the_last_of_a_diamond_starts_after_both_before_it(conduct: Conduct, told: Told) -> None:
    work = Script()
    assert ran(conduct(track("A", ticket("B", "A"), ticket("C", "A"), ticket("D", "B", "C")), work)).done
    assert work.order[0] == "A"
    assert work.order[-1] == "D"
    ends = [each.task_id for each in told.of("mission_work_completed")]
    begins = [each.task_id for each in told.of("mission_work_assigned")]
    assert set(ends[:3]) == {"A", "B", "C"}
    assert begins[-1] == "D"


def test_the_most_urgent_ticket_is_started_first(conduct: Conduct) -> None:
    work = Script()
    tickets = (ticket("slow", priority="low"), ticket("usual"), ticket("now", priority="critical"))
    assert ran(conduct(track(*tickets), work, max_workers=1)).done
    assert work.order == ["now", "usual", "slow"]


@case("D0.14")
def test_tickets_that_change_one_file_do_not_run_at_a_time(conduct: Conduct) -> None:
    gate = Gate()
    work = Script(gate)
    conductor = conduct(
        track(ticket("A", files=("x", "y")), ticket("B", files=("y", "z")), ticket("C", files=("z",))), work
    )
    with gate:
        run = conductor.run(block=False)
        gate.reached(2)
        assert work.order == ["A", "C"]  # B has neither y nor z meanwhile
    assert result(run).done
    assert work.order == ["A", "C", "B"]


@case("T72")
@case("D3.7")
@case("D3.19")
@pytest.mark.parametrize("workers", [4])
def test_a_worker_that_ends_at_once_is_always_completed_and_told_of_in_order(
    conduct: Conduct, told: Told, workers: int
) -> None:
    names = [f"T{number}" for number in range(200)]
    end = ran(conduct(track(*names), lambda job: None, max_workers=workers))
    assert end.counts[TicketState.COMPLETED] == 200
    for name in names:
        of_the_ticket = [kind for kind in told.kinds(name) if kind != "agent_state_changed"]
        assert of_the_ticket == [
            "mission_work_assigned",
            "task_assigned",
            "task_completed",
            "mission_work_completed",
        ]
        assert told.steps(name) == [("ready", "in_progress"), ("in_progress", "completed")]


@case("D3.7")
def test_a_ticket_is_in_progress_on_the_board_before_its_worker_begins(conduct: Conduct) -> None:
    seen = []

    def work(job: Job) -> None:
        conductor: Any = job.assignment.conductor
        seen.append(conductor._places.board.ticket("track", job.ticket.id).status)

    assert ran(conduct(track("A", "B", "C"), work)).done
    assert seen == [TicketState.IN_PROGRESS] * 3


@case("T82")
def test_an_empty_track_is_done_at_once(conduct: Conduct, told: Told) -> None:
    end = ran(conduct(track(), Script()))
    assert end.outcome is TrackOutcome.DONE
    assert end.summary == "Tasks: 0 completed, 0 failed, 0 blocked"
    assert told.missions() == [("planning", "running"), ("running", "completed")]


@case("T82")
@case("D3.21")
@pytest.mark.parametrize("workers", [0, -1, 1.5, True, "4", None])
def test_a_number_of_workers_that_makes_no_sense_is_refused(system: ActorSystem, workers: Any) -> None:
    with pytest.raises(StartFailedError) as refused:
        system.spawn(Conductor, track("A"), Script(), max_workers=workers)
    assert isinstance(refused.value.cause, ValueError)
    assert str(refused.value.cause) == f"max_workers: a whole number of at least 1, not {workers!r}"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"work": 3}, "work: a function that takes a job, or a subclass of Worker, not 3"),
        ({"track": 7}, "track: a Track, or the id of one on the board, not 7"),
        ({"board": 1}, "board: a Board, the path of its file, or ':memory:', not 1"),
        ({"approver": 1}, "approver: an AgentRef or None, not 1"),
        ({"helper": 1}, "helper: an AgentRef or None, not 1"),
        ({"decider": 1}, "decider: an AgentRef, a function or None, not 1"),
        ({"reviewer": 1}, "reviewer: an AgentRef, a ChildSpec, a subclass of Agent or None, not 1"),
        ({"models": "gpt"}, "models: names of models, the first attempt's first, not 'gpt'"),
        ({"policy": 1}, "policy: a Policy, not 1"),
        ({"quota": 1}, "quota: a Quota or None, not 1"),
        ({"max_reviews": -1}, "max_reviews: a whole number, 0 or more, not -1"),
        ({"decision_timeout": 0}, "decision_timeout: seconds above 0, not 0"),
        ({"approval_timeout": 0}, "approval_timeout: seconds above 0, or None, not 0"),
        ({"help_after": -1.0}, "help_after: seconds above 0, or None, not -1.0"),
        ({"track": track("A", reviewer_required=True)}, "reviewer: the track track requires one"),
        (
            {"track": "there", "models": ["m"]},
            "models: of a track that is on the board already, the board knows the models",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_makes_no_sense_is_refused_by_name(system: ActorSystem, options: Any, text: str) -> None:
    given = {"track": track("A"), "work": Script(), **options}
    with pytest.raises(StartFailedError) as refused:
        system.spawn(Conductor, **given)
    assert str(refused.value.cause) == text


def test_each_ticket_has_a_worker_of_its_own_whose_number_only_grows(conduct: Conduct) -> None:
    work = Script()
    conductor = conduct(track("A", "B", "C"), work, max_workers=1)
    assert ran(conductor).done
    assert [each["path"] for each in work.jobs] == [f"/conductor/pool/w-{number}" for number in (1, 2, 3)]


def test_a_worker_may_be_a_class_of_ones_own(conduct: Conduct) -> None:
    class Poet(Worker):
        def work(self, job: Job) -> str:
            return f"{self.context.name} sings of {job.prompt}"

    end = ran(conductor := conduct(track("A"), Poet))
    assert end.done
    receipts = conductor._places.board.receipts("track", "A")  # type: ignore[union-attr]
    assert [each.text for each in receipts] == ["w-1 sings of do A"]


def test_tickets_may_be_added_while_it_runs(conduct: Conduct) -> None:
    gate = Gate()
    work = Script(None, A=gate)
    conductor = conduct(track("A"), work)
    with gate:
        run = conductor.run(block=False)
        gate.reached()
        assert conductor.add([ticket("B"), {"id": "C", "description": "c", "depends_on": ["A", "B"]}]) == ("B", "C")
        with pytest.raises(ValueError, match="there is a ticket A already"):
            conductor.add([ticket("D"), ticket("A")])
    assert result(run).counts[TicketState.COMPLETED] == 3
    assert work.order[-1] == "C"
    assert "D" not in states(conductor)


def test_a_run_may_follow_another_for_what_was_added_since(conduct: Conduct, told: Told) -> None:
    work = Script()
    conductor = conduct(track("A"), work)
    assert ran(conductor).done
    conductor.add(ticket("B", "A"))
    assert ran(conductor).done
    assert work.order == ["A", "B"]
    assert told.missions() == [
        ("planning", "running"),
        ("running", "completed"),
        ("completed", "running"),
        ("running", "completed"),
    ]


@case("D3.23")
def test_who_calls_run_while_it_runs_waits_for_the_same_end(conduct: Conduct) -> None:
    gate = Gate()
    work = Script(gate)
    conductor = conduct(track("A"), work)
    with gate:
        first = conductor.run(block=False)
        gate.reached()
        second = conductor.run(block=False)
    assert result(first) is result(second)
    assert work.order == ["A"]


@case("T85")
@case("D3.23")
def test_two_tracks_at_once_do_not_touch_each_other(conduct: Conduct) -> None:
    gate = Gate()
    one, other = Script(gate), Script(gate)
    first = conduct(track("A", "B", id="one"), one, name="one")
    second = conduct(track("A", "B", id="other"), other, name="other")
    with gate:
        runs = [first.run(block=False), second.run(block=False)]
        gate.reached(4)
        assert first.kill("A")
        assert states(first)["A"] == "killed"
        assert states(second)["A"] == "in_progress"
    assert [result(run).counts[TicketState.COMPLETED] for run in runs] == [1, 2]


def test_the_pool_refuses_others_while_it_is_full_and_gives_its_places_to_the_tickets(conduct: Conduct) -> None:
    from actors import ChildSpec, Outcome
    from tests.core.helpers import Worker as Other

    gate = Gate()
    conductor = conduct(track("A", "B"), Script(gate), max_workers=2)
    pool = next(child.ref for child in conductor.children() if child.name == "pool")
    assert pool is not None
    with gate:
        run = conductor.run(block=False)
        gate.reached(2)
        refused = pool.start_child(ChildSpec(Other, "other"))
        assert refused.outcome is Outcome.MAX_CHILDREN
        assert "agent pool at capacity (2/2)" in str(refused.error)
    assert result(run).done


def test_a_ticket_waits_for_a_place_that_somebody_else_has(conduct: Conduct, told: Told) -> None:
    from actors import ChildSpec
    from tests.core.helpers import Worker as Other

    conductor = conduct(track("A"), Script(), max_workers=1)
    pool = next(child.ref for child in conductor.children() if child.name == "pool")
    assert pool is not None
    assert pool.start_child(ChildSpec(Other, "other"))
    run = conductor.run(block=False)
    assert states(conductor) == {"A": "ready"}
    assert not run.settled
    pool.terminate_child("other")
    assert result(run).done
    assert told.kinds("A")[0] == "mission_work_assigned"
