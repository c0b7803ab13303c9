"""Which steps may a ticket take? Those of one table, and no others."""

import pickle

import pytest

from actors.tickets import LEGAL, IllegalTransitionError, TicketState
from actors.tickets.states import ENDED, HOPELESS, RUNNING, check_transition

S = TicketState
PAIRS = [(old, new) for old in S for new in S]


@pytest.mark.parametrize(("old", "new"), [pair for pair in PAIRS if pair[1] in LEGAL[pair[0]]], ids=str)
def test_a_step_of_the_table_is_taken(old: TicketState, new: TicketState) -> None:
    assert old is not new
    check_transition("A", old, new)


@pytest.mark.system_case("D0.12")
@pytest.mark.parametrize(("old", "new"), [pair for pair in PAIRS if pair[1] not in LEGAL[pair[0]]], ids=str)
def test_any_other_step_is_refused_and_named(old: TicketState, new: TicketState) -> None:
    with pytest.raises(IllegalTransitionError) as refused:
        check_transition("A", old, new)
    assert (refused.value.ticket, refused.value.old, refused.value.new) == ("A", old, new)
    assert str(refused.value) == f"ticket A is {old} and cannot become {new}"


def test_nothing_follows_a_completed_or_killed_ticket_and_something_each_other_one() -> None:
    assert {state for state in S if not LEGAL[state]} == {S.COMPLETED, S.KILLED}


def test_each_state_but_the_first_follows_some_other() -> None:
    assert frozenset[TicketState]().union(*LEGAL.values()) == frozenset(S)


def test_a_ticket_is_under_way_or_has_ended_or_neither() -> None:
    assert not RUNNING & ENDED
    assert HOPELESS < ENDED
    assert frozenset(S) - RUNNING - ENDED == {S.TODO, S.READY, S.AWAITING_APPROVAL}


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        LEGAL[S.KILLED] = frozenset(S)  # type: ignore[index]


def test_a_refusal_keeps_its_data_on_the_way_to_another_process() -> None:
    error = pickle.loads(pickle.dumps(IllegalTransitionError("A", S.KILLED, S.READY, "it is gone")))
    assert str(error) == "ticket A is killed and cannot become ready: it is gone"
