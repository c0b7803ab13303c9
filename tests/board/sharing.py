"""One of several processes that work on the tickets of one board: `python -m tests.board.sharing BOARD NOTES SEED`.

Each attempt notes when it begins, when its work ends, and when it is booked, in one file that all append to. What it
begins it says on standard output, too, so that whoever started it knows when to kill it.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time

from actors.board import Board, Claim, Late
from actors.guard import Usage
from actors.tickets.states import ENDED
from tests.board.crews import TRACK

MOST_RETRIES = 1_000


def main(path: str, notes: str, seed: str) -> None:
    chance = random.Random(seed)
    file = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with Board(path) as board:
        news = threading.Event()
        board.watch(news.set)
        owner = board.join(seed)
        while not is_over(board):
            news.clear()
            board.renew(owner)
            claims = board.claim(owner, TRACK, chance.randint(1, 3))
            for claim in claims:
                attempt(board, claim, file, chance)
            if not claims:
                news.wait(0.05)  # Whoever is killed rings at nobody.


def is_over(board: Board) -> bool:
    return not any(tickets for state, tickets in board.counts(TRACK).items() if state not in ENDED)


def attempt(board: Board, claim: Claim, file: int, chance: random.Random) -> None:
    os.write(file, f"begin {claim.ticket.id} {claim.fence}\n".encode())
    print(claim.key, flush=True)
    time.sleep(chance.random() * 0.06)  # This is the work.
    board.spend(claim, "Tier 3", Usage(claim.attempt, 1))
    os.write(file, f"end {claim.ticket.id} {claim.fence}\n".encode())
    fails = chance.random() < 0.1
    made = board.fail(claim, "torn", MOST_RETRIES) if fails else board.complete(claim, "done")
    booked = "late" if isinstance(made, Late) else "failed" if fails else "completed"
    os.write(file, f"{booked} {claim.ticket.id} {claim.fence}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
