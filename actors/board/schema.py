"""What is in the file of a board?

`ticket` has what changes, `content` the ticket as it was loaded. A ticket counts the dependencies that are not
completed (`waiting`) and those that it is blocked by (`hopeless`), and `state_count` the tickets in each state, so that
a step costs the same in a track of 10 and of 100,000.
"""

from __future__ import annotations

from actors._store.database import FileKind, WrongFileError

APPLICATION = 0x6174626F  # "atbo", where SQLite keeps whose file it is
FORMAT = 1

# own: 1 blocked for a reason of its own, 2 by hand, 0 by a dependency. blocker: the ticket that it all began with.
# gated: a start has to be approved, and is not yet. parked: the file of another ticket that it waits for.
# held: how often it came to await approval. filed: it has files. rank: 0 is the most urgent. n: the order of loading.
SCHEMA = """
CREATE TABLE track(
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, fields TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'planning'
);
CREATE TABLE ticket(
    n INTEGER PRIMARY KEY, track INTEGER NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, rank INTEGER NOT NULL,
    waiting INTEGER NOT NULL, hopeless INTEGER NOT NULL DEFAULT 0, own INTEGER NOT NULL DEFAULT 0, reason TEXT,
    blocker INTEGER, gated INTEGER NOT NULL, filed INTEGER NOT NULL, parked TEXT, retries INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0, owner INTEGER, previous TEXT, held INTEGER NOT NULL DEFAULT 0, prompt TEXT,
    UNIQUE(track, id)
);
CREATE INDEX ticket_next ON ticket(track, gated, rank, n) WHERE state = 'ready' AND parked IS NULL;
CREATE INDEX ticket_parked ON ticket(track, parked, rank, n) WHERE parked IS NOT NULL;
CREATE INDEX ticket_owned ON ticket(owner) WHERE owner IS NOT NULL;
CREATE INDEX ticket_stuck ON ticket(track, state, n)
    WHERE state IN ('awaiting_approval', 'failed', 'exhausted', 'blocked', 'killed');
CREATE TABLE content(n INTEGER PRIMARY KEY, fields TEXT NOT NULL);
CREATE TABLE dependency(needs INTEGER NOT NULL, ticket INTEGER NOT NULL, PRIMARY KEY(needs, ticket)) WITHOUT ROWID;
CREATE TABLE state_count(
    track INTEGER NOT NULL, state TEXT NOT NULL, tickets INTEGER NOT NULL, PRIMARY KEY(track, state)
) WITHOUT ROWID;
CREATE TABLE owned_file(
    track INTEGER NOT NULL, file TEXT NOT NULL, ticket INTEGER NOT NULL, PRIMARY KEY(track, file)
) WITHOUT ROWID;
CREATE INDEX owned_by ON owned_file(ticket);
CREATE TABLE owner(
    n INTEGER PRIMARY KEY, run TEXT NOT NULL UNIQUE, name TEXT NOT NULL, pid INTEGER NOT NULL, until REAL NOT NULL,
    gone INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX owner_here ON owner(n) WHERE gone = 0;
CREATE TABLE receipt(
    ticket INTEGER NOT NULL, attempt INTEGER NOT NULL, owner INTEGER NOT NULL, began TEXT NOT NULL,
    ended TEXT NOT NULL DEFAULT '', outcome TEXT NOT NULL DEFAULT 'running', text TEXT NOT NULL DEFAULT '',
    PRIMARY KEY(ticket, attempt)
) WITHOUT ROWID;
CREATE TABLE spent(
    ticket INTEGER NOT NULL, attempt INTEGER NOT NULL, tier TEXT NOT NULL, input INTEGER NOT NULL,
    output INTEGER NOT NULL, cost REAL NOT NULL, PRIMARY KEY(ticket, attempt, tier)
) WITHOUT ROWID;
CREATE TABLE tier_usage(
    track INTEGER NOT NULL, tier TEXT NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL, cost REAL NOT NULL,
    PRIMARY KEY(track, tier)
) WITHOUT ROWID;
"""


class NotABoardError(WrongFileError):
    """A file that is no board, or one of a later format: `path`, and `why`."""

    what = "board"


BOARD = FileKind(APPLICATION, FORMAT, SCHEMA, NotABoardError)
