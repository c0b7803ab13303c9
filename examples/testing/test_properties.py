"""How do I know that something never happens, in whatever order agents run and fail? Run it with pytest."""

from random import Random

from actors import Agent, AgentRef, ChildSpec, Supervisor
from actors.testkit import Simulation
from policies import Restart

SEEDS = 200
SEATS = 2


class Room:
    """Who sits where, as a test sees it; `crowded` are seats that two sat on, which must never be."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.crowded: list[int] = []

    def sit(self, seat: int) -> None:
        if seat in self.taken:
            self.crowded.append(seat)
        self.taken.append(seat)


class Desk(Agent):
    """Gives a seat, or None, to whoever asks for one, and takes seats back."""

    def __init__(self) -> None:
        self.free = list(range(SEATS))

    def on_receive(self, seat: int | None) -> int | None:
        if seat is None:
            return self.free.pop() if self.free else None
        self.free.append(seat)
        return None


class Shelf(Agent):
    """Has the pages; some are torn."""

    def on_receive(self, page: float) -> str:
        if page < 0.3:
            raise LookupError(f"page {page:.2f} is torn")
        return "once upon a time"


class Reader(Agent):
    """Reads a page where there is a seat for it, and fails over one that is torn."""

    def __init__(self, desk: AgentRef[Desk], shelf: AgentRef[Shelf], room: Room) -> None:
        self.desk, self.shelf, self.room = desk, shelf, room

    def on_receive(self, page: float) -> None:
        seat = self.desk.ask(None)
        if seat is not None:
            self.room.sit(seat)
            self.read(page, seat)

    def read(self, page: float, seat: int) -> None:
        try:
            self.shelf.ask(page)
        finally:
            self.room.taken.remove(seat)
            self.desk.tell(seat)


class Hasty(Reader):
    """Gives its seat back when it begins to read, so that it need not think of it when it fails."""

    def read(self, page: float, seat: int) -> None:
        self.desk.tell(seat)
        try:
            self.shelf.ask(page)
        finally:
            self.room.taken.remove(seat)


def read_in_the_order_of(seed: int, reader: type[Reader]) -> Room:
    draw = Random(seed).random  # the same numbers on every Python
    room = Room()
    with Simulation(seed, policy=Restart(None, within=None)) as system:
        desk, shelf = system.spawn(Desk), system.spawn(Shelf)
        specs = [ChildSpec(reader, args=(desk, shelf, room)) for _ in range(4)]
        crew = system.spawn(Supervisor, children=specs, policy=Restart(None, within=None))
        readers = system.select(f"{crew.path}/*")
        for _ in range(12):
            readers[int(draw() * len(readers))].tell(draw())
        system.settle()
        assert sorted([desk.ask(None), desk.ask(None)]) == [0, 1], f"a seat is lost in the order of seed {seed}"
    return room


def test_two_never_sit_on_one_seat() -> None:
    for seed in range(SEEDS):
        assert read_in_the_order_of(seed, Reader).crowded == [], f"seed {seed}"


def test_readers_who_do_are_found_out() -> None:
    # As a test should be: seen to fail where there is something to be found.
    assert any(read_in_the_order_of(seed, Hasty).crowded for seed in range(SEEDS))
