"""How do tickets come onto the board, all of them or none?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterable, Sequence

from actors.board.store import Store
from actors.board.values import TrackExistsError, Transitions
from actors.board.writer import BY_DEPENDENCY, BY_HAND, BY_ITSELF, Row, Writer, encodable
from actors.tickets import Ticket, TicketsError, TicketState, Track
from actors.tickets.graph import graph_problems
from actors.tickets.loading import parse_tickets
from actors.tickets.problems import Problem
from actors.tickets.states import ENDED, HOPELESS
from actors.typed import Priority

_S = TicketState
# What the board has columns for.
_KEPT_APART = {"status", "retry_count", "blocked_reason", "manual_block"}
_KEPT = ENDED - {_S.BLOCKED}
_RANKS = {priority: rank for rank, priority in enumerate(sorted(Priority, reverse=True))}


class Adding(Store):
    """The part of a board that takes tracks and tickets."""

    def add_track(self, track: Track) -> Transitions:
        """Put a track on the board; raises TrackExistsError where there is one of its id.

        A ticket begins as ready, or as todo as long as something that it depends on is not completed. One that was
        loaded as completed, failed, exhausted, killed or blocked stays so; what was under way is to be done again.
        Gives the steps that follow from those: tickets that are blocked.
        """
        with self._writing() as writer:
            if _has_track(writer, track.id):
                raise TrackExistsError(f"there is a track {track.id} on {self!r} already")
            return self._make_track(writer, track)

    def open_track(self, track: Track) -> Transitions:
        """Put a track on the board, or go on with the one of its id: then only tickets with a new id are added.

        Those that are there stay as they are, however the track has them.
        """
        with self._writing() as writer:
            if not _has_track(writer, track.id):
                return self._make_track(writer, track)
            known = _Known(writer, self._number(track.id))
            new = [ticket for ticket in track.tickets if ticket.id not in known]
            return self._add(writer, track.id, track.auto_queue, new)

    def add(self, track: str, tickets: Iterable[Ticket]) -> Transitions:
        """Add tickets to a track, all or none, also while it is worked on; they may depend on those that it has.

        Raises TicketsError with all that is wrong, NotOnBoardError for a track that there is not.
        """
        with self._writing() as writer:
            number = self._number(track)
            (fields,) = writer.execute("SELECT fields FROM track WHERE n = ?", (number,)).fetchone()
            return self._add(writer, track, json.loads(fields)["auto_queue"], parse_tickets(tickets))

    def _make_track(self, writer: Writer, track: Track) -> Transitions:
        try:
            fields = track.model_dump_json(exclude={"id", "tickets"})
        except ValueError as error:
            raise ValueError(f"track {track.id} cannot be kept: {error}") from None
        number = writer.execute("INSERT INTO track(id, fields) VALUES (?, ?)", (track.id, fields)).lastrowid
        assert number is not None
        self._note_track(number, track.id)
        return self._add(writer, track.id, track.auto_queue, track.tickets)

    def _add(self, writer: Writer, track: str, auto_queue: bool, tickets: Sequence[Ticket]) -> Transitions:
        number = self._number(track)
        problems = graph_problems(tickets, _Known(writer, number))
        if problems:
            raise TicketsError(problems)
        _Insert(writer, number, auto_queue, tickets).run()
        return writer.settle()


def _has_track(writer: Writer, track: str) -> bool:
    return writer.execute("SELECT 1 FROM track WHERE id = ?", (track,)).fetchone() is not None


class _Known(Container[str]):
    """The ids of the tickets that a track has."""

    def __init__(self, writer: Writer, track: int) -> None:
        self._writer = writer
        self._track = track
        self._is_empty = writer.execute("SELECT 1 FROM ticket WHERE track = ? LIMIT 1", (track,)).fetchone() is None

    def __contains__(self, ticket: object) -> bool:
        return not self._is_empty and self._writer.find(self._track, str(ticket)) is not None


class _Insert:
    """Puts tickets into a track, in statements of many rows each."""

    def __init__(self, writer: Writer, track: int, auto_queue: bool, tickets: Sequence[Ticket]) -> None:
        self._writer = writer
        self._track = track
        self._auto_queue = auto_queue
        self._tickets = tickets
        (last,) = writer.execute("SELECT coalesce(max(n), 0) FROM ticket").fetchone()
        self._places = {ticket.id: n for n, ticket in enumerate(tickets, last + 1)}
        self._there = self._find_dependencies()
        self._states = {ticket.id: ticket.status for ticket in tickets}
        self._states = {ticket.id: self._first_state(ticket) for ticket in tickets}

    def _find_dependencies(self) -> dict[str, Row]:
        """Give those that were there before."""
        needed = {each for ticket in self._tickets for each in ticket.depends_on if each not in self._places}
        return {each: row for each in needed if (row := self._writer.find(self._track, each)) is not None}

    def _state_of(self, ticket: str) -> TicketState:
        return self._there[ticket].state if ticket in self._there else self._states[ticket]

    def _first_state(self, ticket: Ticket) -> TicketState:
        # What was blocked by another one is blocked again if that one still is what it was.
        by_itself = ticket.manual_block or not any(self._state_of(each) in HOPELESS for each in ticket.depends_on)
        if ticket.status in _KEPT or (ticket.status is _S.BLOCKED and by_itself):
            return ticket.status
        return _S.TODO if self._waiting(ticket) else _S.READY

    def _waiting(self, ticket: Ticket) -> int:
        return sum(self._state_of(each) is not _S.COMPLETED for each in ticket.depends_on)

    def run(self) -> None:
        many = self._writer.many
        contents = [(self._places[each.id], _content(each, item)) for item, each in enumerate(self._tickets, 1)]
        many("INSERT INTO content VALUES (?, ?)", contents)
        many(
            "INSERT INTO ticket(n, track, id, state, rank, waiting, hopeless, own, reason, gated, filed, retries)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [self._values(ticket) for ticket in self._tickets],
        )
        pairs = [(self._place(each), self._places[ticket.id]) for ticket in self._tickets for each in ticket.depends_on]
        many("INSERT INTO dependency VALUES (?, ?)", pairs)
        for state, tickets in Counter(self._states.values()).items():
            self._writer.add_count(self._track, state, tickets)
        self._block()

    def _place(self, ticket: str) -> int:
        return self._there[ticket].n if ticket in self._there else self._places[ticket]

    def _values(self, ticket: Ticket) -> tuple[object, ...]:
        state = self._states[ticket.id]
        own = BY_DEPENDENCY if state is not _S.BLOCKED else BY_HAND if ticket.manual_block else BY_ITSELF
        return (
            self._places[ticket.id],
            self._track,
            ticket.id,
            state,
            _RANKS[ticket.priority],
            self._waiting(ticket),
            sum(each in self._there and self._there[each].state in HOPELESS for each in ticket.depends_on),
            own,
            encodable(ticket.blocked_reason) if ticket.blocked_reason and state in HOPELESS else None,
            ticket.step_mode or not self._auto_queue,
            bool(ticket.files),
            ticket.retry_count,
        )

    def _block(self) -> None:
        """Block what depends on hopeless tickets: those that were there, and those that were loaded so."""
        for ticket in self._tickets:
            blocked_by = [row for each in ticket.depends_on if (row := self._there.get(each)) and row.state in HOPELESS]
            if blocked_by and self._states[ticket.id] is _S.TODO:
                self._writer.block_behind(self._found(ticket.id), blocked_by[0])
        for name, state in self._states.items():
            if state in HOPELESS:
                self._writer.cascade_from(self._found(name))

    def _found(self, ticket: str) -> Row:
        row = self._writer.find(self._track, ticket)
        assert row is not None
        return row


def _content(ticket: Ticket, item: int) -> str:
    try:
        return ticket.model_dump_json(exclude_defaults=True, exclude=_KEPT_APART)
    except ValueError as error:  # a text that is not UTF-8
        raise TicketsError([Problem(f"ticket {ticket.id} cannot be kept: {error}", item)]) from None
