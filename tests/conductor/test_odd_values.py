"""What if a conductor is given, or its workers say, what no board can keep?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem
from actors.conductor import protocol
from actors.guard import Usage
from actors.testkit import Gate
from actors.tickets import TicketsError
from actors.work import AddTickets, Blocked, Job
from tests.conductor.conftest import Conduct
from tests.conductor.tracks import Script, ran, states, ticket, track

OF = ("track", "A", 1, 1, "/conductor/pool/w-1")  # the first attempt at A
HALF, KEPT = "caf\udce9.txt", "caf\\udce9.txt"


def test_what_workers_say_that_is_not_utf_8_fails_no_conductor(conduct: Conduct, system: ActorSystem) -> None:
    def work(job: Job) -> Any:
        if job.ticket.id == "A":
            raise FileNotFoundError(2, "No such file or directory", HALF)
        job.spend(10, tier=HALF)
        return Blocked(HALF) if job.ticket.id == "B" else HALF

    conductor = conduct(track("A", "B", "C", max_retries=0), work)
    run = ran(conductor)
    assert conductor.incarnation == 1
    assert states(conductor) == {"A": "failed", "B": "blocked", "C": "completed"}
    assert "No such file" in run.reasons["A"]
    assert run.reasons["B"] == KEPT
    assert run.usage[KEPT] == Usage(20)


def test_usage_beyond_all_numbers_fails_no_conductor(conduct: Conduct) -> None:
    conductor = conduct(track("A"), lambda job: job.spend(10**30) and None)
    assert ran(conductor).done
    assert conductor.incarnation == 1


@pytest.mark.parametrize("wrong", [["A"], {}, None, 7, b"A"])
@pytest.mark.parametrize("method", ["unblock", "complete", "retry", "approve_start"])
def test_what_is_no_id_is_refused_to_whoever_gave_it(conduct: Conduct, method: str, wrong: object) -> None:
    conductor = conduct(track("A"), Script())
    with pytest.raises(ValueError, match="ticket: the id of one"):
        getattr(conductor, method)(wrong)
    assert ran(conductor).done
    assert conductor.incarnation == 1


def test_a_reason_or_a_prompt_that_is_no_text_is_refused_to_whoever_gave_it(conduct: Conduct) -> None:
    conductor = conduct(track(ticket("A"), auto_queue=False), Script())
    with pytest.raises(ValueError, match="reason: a text, not 7"):
        conductor.block("A", 7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="reason: a text, not None"):
        conductor.halt(None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"prompt: a text or None, not \[\]"):
        conductor.approve_start("A", [])  # type: ignore[arg-type]
    assert states(conductor) == {"A": "ready"}


def test_an_id_that_is_not_utf_8_is_that_of_no_ticket(conduct: Conduct) -> None:
    conductor = conduct(track("A"), Script())
    assert conductor.kill(HALF) is False
    with pytest.raises(LookupError, match="there is no ticket"):
        conductor.complete(HALF)
    assert conductor.incarnation == 1


def test_a_reason_that_is_not_utf_8_is_kept(conduct: Conduct) -> None:
    gate = Gate()
    conductor = conduct(track("A", "B"), Script(A=gate))
    conductor.block("B", HALF)
    assert conductor.snapshot().ticket("B").reason == f"[MANUAL] {KEPT}"
    assert conductor.kill("A", HALF)
    assert conductor.pause(HALF)
    assert conductor.snapshot().ticket("A").reason == KEPT
    assert conductor.incarnation == 1


def test_a_message_with_what_is_no_id_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="ticket: the id of one"):
        protocol.RetryTicket(["A"])  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["x", 5, {"id": "B"}, ["B"], [None], [{"id": "B"}]])
def test_what_is_no_ticket_is_refused_to_the_worker_that_would_add_it(conduct: Conduct, wrong: Any) -> None:
    def work(job: Job) -> str:
        with pytest.raises(TicketsError, match=r"ticket|not JSON|description: it is missing"):
            job.add_tickets(wrong)
        return "told so"

    conductor = conduct(track("A", max_retries=0), work)
    assert ran(conductor).done
    assert states(conductor) == {"A": "completed"}


@pytest.mark.parametrize("known_too", [True, False])
def test_a_message_with_what_is_no_ticket_is_answered_with_what_is_wrong(conduct: Conduct, known_too: bool) -> None:
    conductor = conduct(track("A"), Script())
    with pytest.raises(TicketsError, match='item 1: not a ticket, but "B"'):
        conductor.ask(AddTickets(*OF, tickets=("B",), known_too=known_too))  # type: ignore[arg-type]
    assert conductor.incarnation == 1


def test_what_is_wrong_with_each_of_the_tickets_that_are_added_is_said_at_once(conduct: Conduct) -> None:
    conductor = conduct(track("A"), Script())
    with pytest.raises(TicketsError) as caught:
        conductor.add([{"id": "B"}, {"id": "C", "description": "do C", "depends_on": "B"}])
    assert [problem.item for problem in caught.value.problems] == [1, 2]
    assert conductor.add([{"id": "B", "description": "do B"}]) == ("B",)
