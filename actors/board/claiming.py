"""Who gets which ticket, and how does an attempt end?"""

from __future__ import annotations

import json
from collections.abc import Iterable

from actors.board.owning import GIVEN_BACK, Owning
from actors.board.reading import as_ticket
from actors.board.values import Claim, FileOwnedError, Late, Owner, Transitions
from actors.board.writer import BY_ITSELF, COLUMNS, Row, Writer, as_row
from actors.guard import Usage
from actors.tickets import TicketState
from actors.tickets.states import RUNNING

_S = TicketState
_READY = (
    f"SELECT content.fields, ticket.prompt, {COLUMNS} FROM ticket JOIN content ON content.n = ticket.n"
    " WHERE ticket.track = ? AND ticket.gated = 0 AND ticket.state = 'ready' AND ticket.parked IS NULL"
)
_NEXT = f"{_READY} AND ticket.id NOT IN (SELECT value FROM json_each(?)) ORDER BY ticket.rank, ticket.n LIMIT 1"
_THIS = f"{_READY} AND ticket.id = ?"
_MOST_USED = (2**62, 2**62, 1e300)  # tokens and dollars: of two that are not above it SQLite can give the sum
_ANY = "SELECT 1 FROM ticket WHERE track = ? AND gated = 0 AND state = 'ready' AND parked IS NULL LIMIT 1"


class Claiming(Owning):
    """The part of a board that gives tickets to owners, and takes what came of them.

    Whatever comes of an attempt that is over already changes nothing, and is answered with `Late`.
    """

    def claim(
        self, owner: Owner, track: str, limit: int = 1, *, only: str | None = None, leave: Iterable[str] = ()
    ) -> tuple[Claim, ...]:
        """Give the owner up to `limit` tickets that are ready: the most urgent first, then in order of loading.

        Left out are those that have a file in common with one that runs, those whose start is not yet approved, and the
        ids of `leave`; `only` is the id of the one that is wanted. No two owners get the same ticket. Prolongs the
        owner's lease, and raises ValueError for one that has left.
        """
        if type(limit) is not int or limit < 0:
            raise ValueError(f"limit: a whole number of at least 0, not {limit!r}")
        with self._reading() as connection:
            self._check_owner(owner)
            # Whoever asks in vain does not hold up those that write.
            if connection.execute(_ANY, (self._number(track),)).fetchone() is None:
                return ()
        with self._writing() as writer:
            number = self._prolong(writer, owner)
            claims: list[Claim] = []
            query, which = (_NEXT, json.dumps(list(leave))) if only is None else (_THIS, only)
            while len(claims) < limit:
                found = writer.execute(query, (self._number(track), which)).fetchone()
                if found is None:
                    break
                fields, prompt, row = found[0], found[1], as_row(found[2:])
                taken = writer.acquire(row, json.loads(fields).get("files", ())) if row.filed else None
                if taken is not None:
                    writer.park(row, taken)
                    continue
                claims.append(_begin(writer, row, owner, number, fields, track, prompt))
            writer.settle()
            return tuple(claims)

    def review(self, claim: Claim) -> Transitions | Late:
        """Note that the work is with a reviewer."""
        return self._end_attempt(claim, _S.REVIEW, "for review")

    def rework(self, claim: Claim, why: str = "") -> Transitions | Late:
        """Note that the reviewer has given it back to the worker."""
        return self._end_attempt(claim, _S.IN_PROGRESS, why or "for rework")

    def complete(self, claim: Claim, text: str = "") -> Transitions | Late:
        """Note that the ticket is done; what waited for it alone is ready. It never runs again."""
        return self._end_attempt(claim, _S.COMPLETED, text)

    def fail(self, claim: Claim, error: str, max_retries: int | None = None) -> Transitions | Late:
        """Note that the attempt failed: the ticket is ready again, or failed after `max_retries`, which the track has.

        The next attempt gets the error. What is behind one that has failed is blocked.
        """
        return self._try_again(claim, _S.FAILED, error, max_retries)

    def exhaust(self, claim: Claim, reason: str, max_retries: int | None = 0) -> Transitions | Late:
        """Note that the attempt ran out of what it may use; by default it is not tried again. Else as `fail`."""
        return self._try_again(claim, _S.EXHAUSTED, reason, max_retries)

    def block_attempt(self, claim: Claim, reason: str) -> Transitions | Late:
        """Note that the worker cannot go on until somebody unblocks the ticket; what is behind it is blocked, too."""
        return self._end_attempt(claim, _S.BLOCKED, reason, own=BY_ITSELF)

    def give_back(self, claim: Claim, why: str) -> Transitions | Late:
        """Note that the attempt ended without any fault of its own: the ticket is ready, as many retries are left."""
        return self._end_attempt(claim, _S.READY, why, outcome=GIVEN_BACK)

    def _end_attempt(
        self, claim: Claim, new: TicketState, reason: str, *, outcome: str = "", own: int = 0
    ) -> Transitions | Late:
        with self._writing() as writer:
            row = self._running(writer, claim)
            if isinstance(row, Late):
                return row
            writer.move(row, new, reason, outcome=outcome, own=own)
            return writer.settle()

    def _try_again(self, claim: Claim, ended: TicketState, error: str, max_retries: int | None) -> Transitions | Late:
        with self._writing() as writer:
            row = self._running(writer, claim)
            if isinstance(row, Late):
                return row
            most = self._max_retries(writer, row.track) if max_retries is None else max_retries
            if row.retries < most:
                writer.move(row, _S.READY, error, outcome=str(ended), retries=row.retries + 1, previous=error)
            else:
                writer.move(row, ended, error, previous=error)
            return writer.settle()

    def _max_retries(self, writer: Writer, track: int) -> int:
        (fields,) = writer.execute("SELECT fields FROM track WHERE n = ?", (track,)).fetchone()
        return int(json.loads(fields)["max_retries"])

    def _running(self, writer: Writer, claim: Claim) -> Row | Late:
        row = self._row(writer, claim.track, claim.ticket.id)
        if row.state in RUNNING and row.attempt == claim.attempt:
            return row
        return Late(claim.track, row.id, claim.attempt, row.state)

    # -- what an attempt uses --------------------------------------------------------------

    def widen(self, claim: Claim, files: Iterable[str]) -> tuple[str, ...] | Late:
        """Give the attempt more files, all or none, until it ends; raises FileOwnedError for one that another has."""
        wanted = tuple(files)
        with self._writing() as writer:
            row = self._running(writer, claim)
            if isinstance(row, Late):
                return row
            taken = writer.acquire(row, wanted)
            if taken is not None:
                (ticket,) = writer.execute(
                    "SELECT id FROM ticket WHERE n = ?", (writer.owner_of(row.track, taken),)
                ).fetchone()
                raise FileOwnedError(taken, ticket)
            writer.execute("UPDATE ticket SET filed = 1 WHERE n = ?", (row.n,))
            return wanted

    def spend(self, claim: Claim, tier: str, usage: Usage) -> None:
        """Book what the attempt has used of a tier so far, all of it; also when it is over.

        Told twice, or late and with less than before, it is booked once.
        """
        with self._writing() as writer:
            row = self._row(writer, claim.track, claim.ticket.id)
            key = (row.n, claim.attempt, tier)
            found = writer.execute(
                "SELECT input, output, cost FROM spent WHERE ticket = ? AND attempt = ? AND tier = ?", key
            ).fetchone()
            before = found or (0, 0, 0.0)
            so_far = (usage.input_tokens, usage.output_tokens, usage.cost)
            now = tuple(map(min, map(max, before, so_far), _MOST_USED))
            if found is not None and now == before:
                return
            writer.execute("INSERT OR REPLACE INTO spent VALUES (?, ?, ?, ?, ?, ?)", (*key, *now))
            more = tuple(new - old for new, old in zip(now, before, strict=True))
            writer.execute("INSERT OR IGNORE INTO tier_usage VALUES (?, ?, 0, 0, 0)", (row.track, tier))
            writer.execute(
                "UPDATE tier_usage SET input = min(input + ?, ?), output = min(output + ?, ?), cost = min(cost + ?, ?)"
                " WHERE track = ? AND tier = ?",
                (*(value for pair in zip(more, _MOST_USED, strict=True) for value in pair), row.track, tier),
            )


def _begin(writer: Writer, row: Row, owner: Owner, number: int, fields: str, track: str, prompt: str | None) -> Claim:
    attempt = row.attempt + 1
    writer.move(row, _S.IN_PROGRESS, f"claimed by {owner.name}", owner=number, attempt=attempt)
    writer.execute(
        "INSERT INTO receipt(ticket, attempt, owner, began) VALUES (?, ?, ?, ?)",
        (row.n, attempt, number, writer.now()),
    )
    ticket = as_ticket(fields, row._replace(state=_S.IN_PROGRESS), owner.name)
    return Claim(track, ticket, attempt, owner.name, row.previous, prompt)
