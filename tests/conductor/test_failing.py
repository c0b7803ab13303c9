"""What becomes of a ticket whose worker fails, cannot go on, or runs out, and of those behind it?"""

from __future__ import annotations

from typing import Any

import pytest

from actors.conductor import TrackOutcome
from actors.guard import Quota
from actors.testkit import Gate
from actors.tickets import IllegalTransitionError, TicketState
from actors.work import Blocked, Completed, ExhaustedEnd, Job
from policies import Restart, RetryableOnly, Stop
from tests.conductor.conftest import Conduct
from tests.conductor.tracks import Fatal, Script, Throttled, Told, ran, states, ticket, track
from tests.core.helpers import result

case = pytest.mark.system_case
MODELS = ("small", "middle", "large")


@case("T71")
@case("D3.10")
@case("D3.19")
def test_a_worker_says_by_type_that_it_cannot_go_on(conduct: Conduct, told: Told) -> None:
    work = Script(A=Blocked("need key"), B="Unblocked the build and finished")
    end = ran(conduct(track("A", "B"), work))
    assert end.outcome is TrackOutcome.BLOCKED
    assert end.reasons == {"A": "need key"}
    assert told.steps("A")[-1] == ("in_progress", "blocked")
    assert told.of("task_blocked", "A")[0].message == "attempt 1: need key"
    assert told.steps("B")[-1] == ("in_progress", "completed")
    assert told.missions()[-1] == ("running", "blocked")


@case("T73")
@case("D3.6")
@case("D3.9")
def test_a_ticket_is_tried_again_with_the_next_model_and_what_went_wrong(conduct: Conduct, told: Told) -> None:
    work = Script([Fatal("first"), Fatal("second"), "done"])
    end = ran(conduct(track("A", models=MODELS), work))
    assert end.done
    assert work.of("A", "attempt") == [1, 2, 3]
    assert work.of("A", "model") == ["small", "middle", "large"]
    assert work.of("A", "previous") == [None, "Fatal: first", "Fatal: second"]
    assert told.steps("A") == [
        ("ready", "in_progress"),
        ("in_progress", "ready"),
        ("ready", "in_progress"),
        ("in_progress", "ready"),
        ("ready", "in_progress"),
        ("in_progress", "completed"),
    ]
    assert told.kinds("A", "task_failed", "task_completed") == ["task_failed", "task_failed", "task_completed"]


@case("T73")
@case("D3.6")
def test_after_its_last_retry_a_ticket_has_failed_and_the_run_ends(conduct: Conduct, told: Told) -> None:
    work = Script(Fatal("no"))
    end = ran(conduct(track("A"), work))
    assert end.outcome is TrackOutcome.BLOCKED
    assert end.reasons == {"A": "Fatal: no"}
    assert end.summary == "Tasks: 0 completed, 1 failed, 0 blocked"
    assert len(work.jobs) == 3  # and two retries
    failed = told.of("task_failed", "A")
    assert [(each.details["error"], each.details["error_type"]) for each in failed] == [("Fatal: no", "Fatal")] * 3
    assert told.missions()[-1] == ("running", "failed")


@case("T73")
def test_a_model_of_its_own_is_kept_on_every_attempt(conduct: Conduct) -> None:
    work = Script(Fatal("no"))
    ran(conduct(track(ticket("A", model_override="mine"), models=MODELS), work))
    assert work.of("A", "model") == ["mine"] * 3


def test_the_conductor_may_say_other_models_than_the_track(conduct: Conduct) -> None:
    work = Script(Fatal("no"))
    ran(conduct(track("A", models=MODELS), work, models=["one", "two"]))
    assert work.of("A", "model") == ["one", "two", "two"]


@case("T74")
@case("D0.13")
@case("D3.14")
def test_what_is_behind_a_ticket_that_has_failed_is_blocked_by_it_and_nothing_else_is(
    conduct: Conduct, told: Told
) -> None:
    work = Script(A=Fatal("no"))
    end = ran(conduct(track("A", ticket("B", "A"), ticket("C", "B"), "D"), work))
    assert states_of(end.counts) == {"completed": 1, "failed": 1, "blocked": 2}
    assert end.reasons == {
        "A": "Fatal: no",
        "B": "blocked by failed task A",
        "C": "blocked by failed task A",
    }
    assert told.steps("B") == [("todo", "blocked")]
    assert told.steps("C") == [("todo", "blocked")]
    assert work.of("D", "attempt") == [1]


def states_of(counts: Any) -> dict[str, int]:
    return {str(state): number for state, number in counts.items() if number}


@case("T74")
def test_what_is_behind_it_waits_while_it_has_retries_left(conduct: Conduct) -> None:
    gate = Gate()
    work = Script(A=[Fatal("once"), gate])
    conductor = conduct(track("A", ticket("B", "A")), work)
    with gate:
        run = conductor.run(block=False)
        gate.reached()
        assert states(conductor) == {"A": "in_progress", "B": "todo"}
    assert result(run).done


@case("T67")
@case("D0.11")
def test_running_out_is_an_outcome_of_its_own(conduct: Conduct, told: Told) -> None:
    def work(job: Job) -> str:
        job.spend(600, 600)
        return "not reached"

    end = ran(conduct(track("A", ticket("B", "A")), work, quota=Quota(tokens=1000)))
    assert states_of(end.counts) == {"exhausted": 1, "blocked": 1}
    assert end.summary == "Tasks: 0 completed, 0 failed, 1 blocked, 1 exhausted"
    assert told.kinds("A", "task_exhausted", "task_completed") == ["task_exhausted"]
    assert told.steps("A")[-1] == ("in_progress", "exhausted")
    assert end.usage["Tier 3"].total == 1200


def test_an_end_that_says_that_it_ran_out_is_one(conduct: Conduct) -> None:
    end = ran(conduct(track("A"), Script(ExhaustedEnd("no time"))))
    assert end.reasons == {"A": "no time"}
    assert end.counts[TicketState.EXHAUSTED] == 1


@case("T75")
def test_a_failed_ticket_that_is_completed_by_hand_frees_what_it_blocked(conduct: Conduct, told: Told) -> None:
    work = Script(A=Fatal("no"))
    conductor = conduct(track("A", ticket("B", "A"), ticket("C", "B")), work)
    ran(conductor)
    conductor.complete("A")
    assert states(conductor) == {"A": "completed", "B": "ready", "C": "todo"}
    assert conductor.snapshot().ticket("B").reason == ""
    assert told.steps("B")[-1] == ("blocked", "ready")
    assert ran(conductor).done
    assert work.order[-2:] == ["B", "C"]


@case("T75")
def test_a_ticket_that_is_blocked_by_hand_blocks_what_is_behind_it_until_it_is_unblocked(conduct: Conduct) -> None:
    work = Script()
    conductor = conduct(track("A", ticket("B", "A"), ticket("C", "B")), work)
    conductor.block("A", "wait for the lawyers")
    end = ran(conductor)
    assert end.reasons["A"] == "[MANUAL] wait for the lawyers"
    assert states(conductor) == {"A": "blocked", "B": "blocked", "C": "blocked"}
    with pytest.raises(IllegalTransitionError):
        conductor.unblock("B")
    conductor.unblock("A")
    assert ran(conductor).done
    assert work.order == ["A", "B", "C"]


def test_a_failed_ticket_may_be_tried_again_by_hand(conduct: Conduct) -> None:
    work = Script(A=[Fatal("1"), Fatal("2"), Fatal("3"), "done"])
    conductor = conduct(track("A", ticket("B", "A")), work)
    assert ran(conductor).outcome is TrackOutcome.BLOCKED
    conductor.retry("A")
    assert ran(conductor).done
    assert work.of("A", "attempt") == [1, 2, 3, 4]


@pytest.mark.parametrize("call", ["unblock", "complete", "retry"])
def test_a_decision_about_a_ticket_that_there_is_not_is_the_callers_error_alone(conduct: Conduct, call: str) -> None:
    conductor = conduct(track("A"), Script())
    with pytest.raises(LookupError, match="there is no ticket X in track track"):
        getattr(conductor, call)("X")
    assert conductor.incarnation == 1


def test_a_decision_that_cannot_be_is_the_callers_error_alone(conduct: Conduct) -> None:
    conductor = conduct(track("A"), Script())
    ran(conductor)
    with pytest.raises(IllegalTransitionError, match="ticket A is completed and cannot become blocked"):
        conductor.block("A", "too late")
    assert conductor.incarnation == 1
    assert states(conductor) == {"A": "completed"}


def test_a_running_ticket_that_is_completed_by_hand_is_given_up_by_its_worker(conduct: Conduct, told: Told) -> None:
    def work(job: Job) -> Any:
        reached.wait()
        yield job.sleep(1e6)

    reached = Gate()
    reached.open()
    conductor = conduct(track("A"), work)
    run = conductor.run(block=False)
    reached.reached()
    conductor.complete("A")
    assert result(run).done
    assert told.steps("A")[-1] == ("in_progress", "completed")
    assert told.kinds("A", "task_lost", "task_completed") == ["task_lost"]


def test_a_worker_whose_start_fails_counts_as_an_attempt_and_frees_its_place(conduct: Conduct, told: Told) -> None:
    from actors.work import Worker

    class Stillborn(Worker):
        def on_start(self) -> None:
            raise Fatal("no licence")

        def work(self, job: Job) -> str:
            return "never"

    conductor = conduct(track("A", "B"), Stillborn, max_workers=1)
    end = ran(conductor)
    assert end.reasons == {"A": "Fatal: no licence", "B": "Fatal: no licence"}
    assert len(told.of("task_failed")) == 6
    assert told.of("task_assigned") == []  # nobody was there to be given it


def test_an_answer_that_is_no_end_is_a_failure(conduct: Conduct) -> None:
    end = ran(conduct(track("A"), Script(42)))
    assert end.reasons == {"A": "TypeError: work returns text, None, Completed, Blocked or ExhaustedEnd, not 42"}


def test_a_ticket_that_is_lost_with_its_worker_again_and_again_has_failed_in_the_end(
    conduct: Conduct, told: Told
) -> None:
    def work(job: Job) -> Any:
        ref = job.assignment.conductor
        assert ref is not None
        job.agent_context.ref.stop(block=False, drain=False)
        yield job.sleep(1e6)

    end = ran(conduct(track("A", max_retries=0), work))
    assert end.outcome is TrackOutcome.BLOCKED
    assert "lost 11 times in a row" in end.reasons["A"]
    assert len(told.of("task_lost", "A")) == 10


def test_a_worker_that_hangs_is_left_behind_and_its_ticket_is_tried_again(
    conduct: Conduct, clock: Any, told: Told
) -> None:
    gate = Gate()
    work = Script([gate, "done"])
    conductor = conduct(track("A"), work, deadline=5.0, policy=RetryableOnly(otherwise=Stop(), restart=Restart()))
    with gate:
        run = conductor.run(block=False)
        gate.reached()
        clock.advance(5.0)
        assert result(run).done
        assert work.of("A", "attempt") == [1, 2]
        assert work.of("A", "previous")[1].startswith("HandlerTimeout")


def test_what_is_worth_another_try_is_tried_by_the_same_worker(conduct: Conduct) -> None:
    work = Script([Throttled("429"), "done"])
    conductor = conduct(track("A"), work)
    assert ran(conductor).done
    assert work.of("A", "path") == ["/conductor/pool/w-1"] * 2
    other = conduct(track("A"), again := Script([Fatal("x"), "done"]), name="other")
    assert ran(other).done
    assert again.of("A", "path") == ["/other/pool/w-1", "/other/pool/w-2"]


def test_the_text_of_an_end_is_on_the_board_in_full_and_in_the_log_in_short(conduct: Conduct, told: Told) -> None:
    conductor = conduct(track("A"), Script(Completed("x" * 2000)))
    assert ran(conductor).done
    board = conductor._places.board  # type: ignore[union-attr]
    assert board is not None
    assert board.receipts("track", "A")[0].text == "x" * 2000
    assert told.of("mission_work_completed", "A")[0].message == "x" * 500 + "... (truncated)"
