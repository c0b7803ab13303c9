"""What if the work is a graph of tickets, and the process that does it may be killed at any moment?"""

import json
import tempfile
from pathlib import Path

from actors.board import Board, Claim
from actors.tickets import TicketsError, Track, load_tickets

TICKETS = [
    {"id": "schema", "description": "Draw the tables", "priority": "high"},
    {"id": "api", "description": "Write the handlers", "depends_on": ["schema"]},
    {"id": "docs", "description": "Write the pages", "depends_on": ["api"]},
    {"id": "logo", "description": "Draw the logo"},
]


def show(board: Board) -> None:
    for ticket in board.snapshot("shop").tickets:
        print(f"  {ticket.id:6} {ticket.status:11} {ticket.blocked_reason or ''}".rstrip())


def main() -> None:
    try:
        load_tickets(json.dumps([*TICKETS, {"id": "logo", "title": 7}]))
    except TicketsError as error:
        print("refused, all of them:", *error.problems, sep="\n  ")

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "shop.board")
        with Board(file) as board:
            board.add_track(Track(id="shop", tickets=load_tickets(json.dumps(TICKETS)), max_retries=1))
            crew = board.join("crew")
            schema, logo = board.claim(crew, "shop", limit=4)
            print("ready from the beginning:", schema.ticket.id, "and", logo.ticket.id)
            board.complete(schema, "three tables")

        with Board(file) as board:  # another process, after the first one was stopped, or killed
            crew = board.join("crew")
            board.renew(crew)
            print("the result of one who comes late counts:", bool(board.complete(logo)))

            def attempt() -> Claim:
                (claim,) = board.claim(crew, "shop")
                print(f"attempt {claim.attempt} of {claim.ticket.id}, after: {claim.previous_attempt}")
                return claim

            board.fail(attempt(), "no such column")
            for step in board.fail(attempt(), "no such table"):
                print(f"  {step.ticket}: {step.old} -> {step.new}, {step.reason}")
            attempt()
            show(board)
            print("somebody writes the handlers by hand")
            board.complete_by_hand("shop", "api")
            show(board)


if __name__ == "__main__":
    main()
