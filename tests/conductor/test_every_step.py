"""Is each step of each ticket told once, in its order, as it was made on the board, and is there none that is not?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actors import ActorSystem
from actors.board.writer import Writer
from actors.conductor.telling import KIND_OF
from actors.testkit import Probe
from actors.tickets import LEGAL, TicketState
from actors.typed import ReviewFeedback, ReviewRequest
from actors.work import Blocked, ExhaustedEnd, Job
from tests.conductor.conftest import Conduct
from tests.conductor.tracks import Fatal, Script, Told, ran, ticket, track
from tests.core.helpers import result

case = pytest.mark.system_case
S = TicketState
LEGAL_STEPS = {(old, new) for old, following in LEGAL.items() for new in following}


class Watch:
    """Each step that a board has made, in order: which ticket, from what, to what."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken: list[tuple[str, str | None, str | None]] = []
        move = Writer.move

        def watched(writer: Writer, row: Any, new: TicketState, *more: Any, **also: Any) -> None:
            move(writer, row, new, *more, **also)
            self.taken.append((row.id, str(row.state), str(new)))

        monkeypatch.setattr(Writer, "move", watched)


def patient(job: Job) -> Any:
    """Waits until it is given up."""
    yield job.sleep(1e6)


# -- scenarios ---------------------------------------------------------------------------

Scenario = Callable[[Conduct, Told, ActorSystem], Any]


def fails_and_is_mended(conduct: Conduct, told: Told, system: ActorSystem) -> Any:
    work = Script(A=[Fatal("1"), Fatal("2")], D=[Fatal("1"), Fatal("2"), "done"])
    conductor = conduct(track("A", ticket("B", "A"), ticket("C", "B"), "D", max_retries=1), work)
    ran(conductor)
    conductor.complete("A")
    conductor.retry("D")
    ran(conductor)
    return conductor


def is_blocked_or_runs_out(conduct: Conduct, told: Told, system: ActorSystem) -> Any:
    work = Script(A=Blocked("need key"), B=[ExhaustedEnd("no turns"), "done"], C=ExhaustedEnd("no turns"))
    conductor = conduct(track("A", "B", "C", ticket("D", "A"), ticket("E", "A")), work)
    ran(conductor)
    conductor.retry("B")
    conductor.complete("C")
    conductor.complete("D")
    conductor.kill("E")
    ran(conductor)
    return conductor


def waits_for_approval(conduct: Conduct, told: Told, system: ActorSystem) -> Any:
    conductor = conduct(track("A", "B", "C", auto_queue=False), Script())
    run = conductor.run(block=False)
    told.wait_told("mission_work_held", "C")
    conductor.approve_start("A")
    conductor.block("B", "not today")
    conductor.kill("C")
    result(run)
    return conductor


def is_decided_by_hand_before_it_runs(conduct: Conduct, told: Told, system: ActorSystem) -> Any:
    conductor = conduct(track("A", "B", "C", "D", ticket("E", "D"), ticket("F", "D")), Script())
    conductor.pause()
    for decide, name in ((conductor.complete, "A"), (conductor.kill, "B"), (conductor.complete, "E")):
        decide(name)
    conductor.block("C", "wait")
    conductor.unblock("C")
    conductor.kill("F")
    conductor.resume()
    ran(conductor)
    return conductor


def is_decided_by_hand_while_it_runs(conduct: Conduct, told: Told, system: ActorSystem) -> Any:
    conductor = conduct(track("A", "B", "C", "D"), patient)
    run = conductor.run(block=False)
    told.wait_told("task_assigned", "D")
    conductor.complete("A")
    conductor.block("B", "wait")
    conductor.kill("C")
    conductor.halt("shutdown")
    result(run)
    return conductor


def is_reviewed(conduct: Conduct, told: Told, system: ActorSystem) -> Any:
    reviewer = Probe(system, "reviewer")
    conductor = conduct(
        track("rejected once", "rejected twice", "killed", "given back", reviewer_required=True),
        Script("done"),
        reviewer=reviewer.ref,
        max_reviews=1,
    )
    run = conductor.run(block=False)
    seen: list[str] = []
    for _ in range(6):
        request = reviewer.expect(ReviewRequest)
        name = request.work_package_id.split("/")[1]
        seen.append(name)
        if name.startswith("rejected"):
            reviewer.reply(feedback(request, approved=name == "rejected once" and seen.count(name) == 2))
    told.wait_told("mission_work_completed", "rejected once")
    told.wait_told("mission_work_blocked", "rejected twice")
    conductor.kill("killed")
    conductor.halt("shutdown")
    result(run)
    return conductor


def feedback(request: Any, approved: bool) -> ReviewFeedback:
    comments = () if approved else ("add a test",)
    return ReviewFeedback(work_package_id=request.work_package_id, approved=approved, comments=comments)


SCENARIOS: dict[Scenario, str] = {
    fails_and_is_mended: (
        "ready>in_progress in_progress>ready in_progress>failed failed>ready failed>completed "
        "todo>blocked todo>ready blocked>todo blocked>ready in_progress>completed"
    ),
    is_blocked_or_runs_out: (
        "in_progress>blocked in_progress>exhausted exhausted>ready exhausted>completed blocked>completed blocked>killed"
    ),
    waits_for_approval: (
        "ready>awaiting_approval awaiting_approval>ready awaiting_approval>blocked awaiting_approval>killed"
    ),
    is_decided_by_hand_before_it_runs: "ready>completed ready>killed ready>blocked todo>completed todo>killed",
    is_decided_by_hand_while_it_runs: "in_progress>killed",
    is_reviewed: ("in_progress>review review>in_progress review>completed review>blocked review>killed review>ready"),
}
"""What takes which steps, among others."""
BY_NO_CONDUCTOR = {
    (S.REVIEW, S.FAILED),  # whoever waits for a review does nothing that fails or uses anything up
    (S.REVIEW, S.EXHAUSTED),
}
"""Legal steps of which no scenario takes any."""


def steps_of(text: str) -> set[tuple[str, ...]]:
    return {tuple(step.split(">")) for step in text.split()}


@case("T99")
@case("D4.7")
def test_every_legal_step_has_a_kind_that_tells_it_and_a_scenario_that_takes_it() -> None:
    assert set(KIND_OF) == LEGAL_STEPS
    assert set().union(*map(steps_of, SCENARIOS.values())) == LEGAL_STEPS - BY_NO_CONDUCTOR


@case("T99")
@case("D4.7")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_no_step_is_silent_and_none_is_told_twice(
    conduct: Conduct, told: Told, system: ActorSystem, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(monkeypatch)
    conductor = scenario(conduct, told, system)
    result(conductor.stop(block=False))
    records = [each for each in told.notes if each.event_type.startswith("mission_work_")]
    assert [(each.task_id, each.old_state, each.new_state) for each in records] == watch.taken
    assert steps_of(SCENARIOS[scenario]) <= {(old, new) for _, old, new in watch.taken}
    for each in records:
        assert type(each) is KIND_OF[S(str(each.old_state)), S(str(each.new_state))]
        assert each.mission_id == "track"
