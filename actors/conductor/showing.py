"""How does a track look, and how has its run ended?"""

from __future__ import annotations

from collections.abc import Mapping

from actors.board import Board, BoardSnapshot
from actors.conductor.results import MissionState, Running, TicketView, TrackOutcome, TrackSnapshot
from actors.tickets import Ticket, TicketState
from actors.tickets.states import ENDED, HOPELESS


def outcome_of(counts: Mapping[TicketState, int]) -> TrackOutcome | None:
    """Say how a run ends of which this is all that is left; None while something can go on, here or elsewhere."""
    if any(number for state, number in counts.items() if state not in ENDED):
        return None
    return TrackOutcome.BLOCKED if any(counts.get(state, 0) for state in HOPELESS) else TrackOutcome.DONE


def reasons_of(board: Board, track: str, counts: Mapping[TicketState, int]) -> dict[str, str]:
    """Say of each ticket that will not go on by itself why."""
    states = (TicketState.FAILED, TicketState.EXHAUSTED, TicketState.KILLED, TicketState.BLOCKED)
    return {
        ticket.id: ticket.blocked_reason or str(state)
        for state in states
        if counts.get(state)
        for ticket in board.stuck(track, state)
    }


def snapshot_of(board: BoardSnapshot, state: MissionState, running: tuple[Running, ...]) -> TrackSnapshot:
    """Give the track as it is on the board, and who is at it here."""
    tickets = tuple(map(_view, board.tickets))
    return TrackSnapshot(
        track=board.track.id,
        description=board.track.description,
        state=state,
        counts=board.counts,
        tickets=tickets,
        running=running,
        awaiting_approval=tuple(view.id for view in tickets if view.state is TicketState.AWAITING_APPROVAL),
        usage=board.usage,
    )


def _view(ticket: Ticket) -> TicketView:
    return TicketView(
        id=ticket.id,
        title=ticket.title,
        state=ticket.status,
        depends_on=tuple(ticket.depends_on),
        priority=ticket.priority.value,
        retry_count=ticket.retry_count,
        reason=ticket.blocked_reason or "",
        assigned_to=ticket.assigned_to,
        step_mode=ticket.step_mode,
    )
