"""How far is a track, and what became of each attempt?"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from actors.board.store import Store
from actors.board.values import BoardSnapshot, NotOnBoardError, Receipt
from actors.board.writer import BY_HAND, COLUMNS, Row, as_row
from actors.guard import Usage, UsageByTier
from actors.tickets import Ticket, TicketState, Track

_S = TicketState
_TICKETS = (
    f"SELECT content.fields, owner.name, {COLUMNS} FROM ticket JOIN content ON content.n = ticket.n"
    " LEFT JOIN owner ON owner.n = ticket.owner WHERE ticket.track = ?"
)
_STUCK = frozenset({_S.AWAITING_APPROVAL, _S.FAILED, _S.EXHAUSTED, _S.BLOCKED, _S.KILLED})


def as_ticket(fields: str, row: Row, owner: str | None = None) -> Ticket:
    """Give the ticket that was loaded, as it is now."""
    changed: dict[str, Any] = {
        "status": row.state,
        "retry_count": row.retries,
        "blocked_reason": row.reason,
        "manual_block": row.own == BY_HAND,
    }
    if owner is not None:
        changed["assigned_to"] = owner
    return Ticket.model_validate_json(fields).model_copy(update=changed)


class Reading(Store):
    """The part of a board that tells how it stands; any thread may ask. What is given does not change afterwards."""

    def tracks(self) -> tuple[str, ...]:
        """Give the ids of all tracks, in the order in which they came."""
        with self._reading() as connection:
            return tuple(track for (track,) in connection.execute("SELECT id FROM track ORDER BY n"))

    def track(self, track: str) -> Track:
        """Give the track without its tickets, which are on the board."""
        with self._reading() as connection:
            return self._track(connection, track, ())

    def track_state(self, track: str) -> str:
        """Give the state that the track was given last: planning, at first."""
        with self._reading() as connection:
            return self._track_state(connection, track)

    def set_track_state(self, track: str, state: str) -> str:
        """Give the track a state, and give the one it had before."""
        with self._writing() as writer:
            number = self._number(track)
            (old,) = writer.execute("SELECT state FROM track WHERE n = ?", (number,)).fetchone()
            if old != state:
                writer.execute("UPDATE track SET state = ? WHERE n = ?", (state, number))
            return str(old)

    def counts(self, track: str) -> Mapping[TicketState, int]:
        """Give how many tickets are in each state, all states, at the same cost however many there are."""
        with self._reading() as connection:
            return self._counts(connection, track)

    def usage(self, track: str) -> UsageByTier:
        """Give what all attempts have used of each tier, the lost and killed ones too."""
        with self._reading() as connection:
            return self._usage(connection, track)

    def ticket(self, track: str, ticket: str) -> Ticket:
        """Give the ticket as it is now; `assigned_to` is who has claimed it, as long as it runs."""
        with self._reading() as connection:
            found = connection.execute(f"{_TICKETS} AND ticket.id = ?", (self._number(track), ticket)).fetchone()
        if found is None:
            raise NotOnBoardError(f"there is no ticket {ticket} in track {track}")
        return _whole(found)

    def stuck(self, track: str, state: TicketState, limit: int | None = None) -> tuple[Ticket, ...]:
        """Give the tickets that await approval, failed, are exhausted, blocked or killed, at most the first `limit`.

        It costs as much as there are of these. ValueError for another state.
        """
        if state not in _STUCK:
            raise ValueError(f"state: one of {', '.join(sorted(_STUCK))}, not {state}")
        with self._reading() as connection:
            found = connection.execute(
                f"{_TICKETS} AND ticket.state = '{state}' ORDER BY ticket.n LIMIT ?",
                (self._number(track), -1 if limit is None else limit),
            ).fetchall()
        return tuple(map(_whole, found))

    def times_held(self, track: str, ticket: str) -> int:
        """Give how often the ticket came to await approval of its start."""
        with self._reading() as connection:
            query = "SELECT held FROM ticket WHERE track = ? AND id = ?"
            found = connection.execute(query, (self._number(track), ticket)).fetchone()
        if found is None:
            raise NotOnBoardError(f"there is no ticket {ticket} in track {track}")
        return int(found[0])

    def waiting_files(self, track: str) -> Mapping[str, str]:
        """Give for each ticket that was passed over because of a file of another one: which file, `{ticket: file}`."""
        with self._reading() as connection:
            return dict(
                connection.execute(
                    "SELECT id, parked FROM ticket WHERE parked IS NOT NULL AND track = ? ORDER BY n",
                    (self._number(track),),
                )
            )

    def receipts(self, track: str, ticket: str) -> tuple[Receipt, ...]:
        """Give what became of each attempt, in order; the one that runs comes last."""
        with self._reading() as connection:
            number = self._number(track)
            n = connection.execute("SELECT n FROM ticket WHERE track = ? AND id = ?", (number, ticket)).fetchone()
            if n is None:
                raise NotOnBoardError(f"there is no ticket {ticket} in track {track}")
            rows = connection.execute(
                "SELECT attempt, owner.name, began, ended, outcome, text FROM receipt"
                " JOIN owner ON owner.n = receipt.owner WHERE ticket = ? ORDER BY attempt",
                n,
            ).fetchall()
            spent = connection.execute("SELECT attempt, tier, input, output, cost FROM spent WHERE ticket = ?", n)
            used: dict[int, dict[str, Usage]] = {}
            for attempt, tier, *usage in spent:
                used.setdefault(attempt, {})[tier] = Usage(*usage)
        return tuple(
            Receipt(attempt, owner, began, ended, outcome, text, UsageByTier(used.get(attempt)))
            for attempt, owner, began, ended, outcome, text in rows
        )

    def snapshot(self, track: str) -> BoardSnapshot:
        """Give the whole track at one moment; it costs as much as there are tickets."""
        with self._reading() as connection:
            fields = self._fields(connection, track)
            state = self._track_state(connection, track)
            counts = self._counts(connection, track)
            usage = self._usage(connection, track)
            rows = connection.execute(f"{_TICKETS} ORDER BY ticket.n", (self._number(track),)).fetchall()
        # They were a graph when they came, so it is not checked again.
        whole = Track.model_validate(fields).model_copy(update={"tickets": tuple(map(_whole, rows))})
        return BoardSnapshot(whole, state, counts, usage)

    # -- in a transaction ------------------------------------------------------------------

    def _fields(self, connection: sqlite3.Connection, track: str) -> dict[str, Any]:
        (fields,) = connection.execute("SELECT fields FROM track WHERE n = ?", (self._number(track),)).fetchone()
        return {"id": track, **json.loads(fields)}

    def _track(self, connection: sqlite3.Connection, track: str, tickets: Iterable[Ticket]) -> Track:
        return Track.model_validate({**self._fields(connection, track), "tickets": tuple(tickets)})

    def _track_state(self, connection: sqlite3.Connection, track: str) -> str:
        (state,) = connection.execute("SELECT state FROM track WHERE n = ?", (self._number(track),)).fetchone()
        return str(state)

    def _counts(self, connection: sqlite3.Connection, track: str) -> Mapping[TicketState, int]:
        rows = connection.execute("SELECT state, tickets FROM state_count WHERE track = ?", (self._number(track),))
        found = {_S(state): tickets for state, tickets in rows}
        return MappingProxyType({state: found.get(state, 0) for state in _S})

    def _usage(self, connection: sqlite3.Connection, track: str) -> UsageByTier:
        rows = connection.execute(
            "SELECT tier, input, output, cost FROM tier_usage WHERE track = ?", (self._number(track),)
        )
        return UsageByTier({tier: Usage(*used) for tier, *used in rows})


def _whole(found: tuple[Any, ...]) -> Ticket:
    return as_ticket(found[0], as_row(found[2:]), found[1])
