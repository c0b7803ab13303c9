"""How do the tests of the board name tickets, steps and claims in few words?"""

from collections.abc import Iterable
from typing import Any

from actors.board import Board, Claim, Late, Owner, Transitions
from actors.tickets import Ticket, TicketState, Track

TRACK = "track"


def ticket(name: str, *needs: str, **fields: Any) -> Ticket:
    return Ticket(id=name, description=f"do {name}", depends_on=needs, **fields)


def track(*tickets: Ticket, name: str = TRACK, **fields: Any) -> Track:
    return Track(id=name, tickets=tickets, **fields)


def claim(board: Board, owner: Owner, name: str = TRACK) -> Claim:
    """The next ticket, of which there must be one."""
    (only,) = board.claim(owner, name)
    return only


def claimed(claims: Iterable[Claim]) -> str:
    """The ids of the tickets that were claimed, in order."""
    return " ".join(each.ticket.id for each in claims)


def steps(made: Transitions | Late) -> list[str]:
    assert not isinstance(made, Late), made
    return [f"{each.ticket}: {each.old} -> {each.new}" for each in made]


def states(board: Board, name: str = TRACK) -> dict[str, str]:
    return {each.id: str(each.status) for each in board.snapshot(name).tickets}


def reason(board: Board, name: str) -> str | None:
    return board.ticket(TRACK, name).blocked_reason


def counted(board: Board, name: str = TRACK) -> dict[str, int]:
    return {str(state): tickets for state, tickets in board.counts(name).items() if tickets}


def at(board: Board, name: str) -> TicketState:
    return board.ticket(TRACK, name).status
