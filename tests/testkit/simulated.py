"""What do tests of the simulation start from? Agents that do what they are sent, and runs that can be compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors import Agent, AgentRef
from actors.testkit import Simulation

_REPEATED = re.compile(r"seed (-?\d+), \d+ steps; Simulation\(seed=\1, schedule='([0-9x.]*)'\) repeats it")


class Doer(Agent):
    """Does what it is sent, with itself; anything else it keeps and gives back."""

    def __init__(self, seen: list[Any] | None = None) -> None:
        self.seen = [] if seen is None else seen

    def on_receive(self, message: Any) -> Any:
        if callable(message):
            return message(self)
        self.seen.append(message)
        return message


def tells(ref: AgentRef[Any], message: Any) -> Callable[[Agent], Any]:
    """Give a message that has an agent tell another something."""
    return lambda agent: ref.tell(message)


def asks(ref: AgentRef[Any], message: Any, timeout: float | None = None) -> Callable[[Agent], Any]:
    """Give a message that has an agent ask another and answer with the answer."""
    return lambda agent: ref.ask(message, timeout=timeout)


def three_tells(simulation: Simulation) -> str:
    """Tell three agents one thing each, and give the order in which they had it."""
    seen: list[str] = []
    agents = [simulation.spawn(Doer, seen, name=name) for name in "abc"]
    for agent in agents:
        agent.tell(agent.name)
    simulation.settle()
    return "".join(seen)


def failed(scenario: Callable[[Simulation], object], simulation: Simulation) -> BaseException:
    """Run a scenario that fails, and give its error."""
    try:
        with simulation:
            scenario(simulation)
    except Exception as error:
        return error
    raise AssertionError(f"this run does not fail: {simulation.schedule}")


def note_of(error: BaseException) -> str:
    """The note of a failed run."""
    return next(note for note in error.__notes__ if note.startswith("simulation: "))


def seed_and_schedule(error: BaseException) -> tuple[int, str]:
    """What the note of a failed run says to be given to `Simulation`."""
    match = _REPEATED.search(note_of(error))
    assert match is not None, note_of(error)
    return int(match[1]), match[2]


@pytest.fixture(autouse=True)
def free_again() -> Iterator[None]:
    """After each test of a file that imports this, another simulation may begin on the test's thread."""
    yield
    with Simulation() as simulation:
        assert simulation.spawn(Doer).ask("hello") == "hello"
