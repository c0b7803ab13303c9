"""Is a message that loses a race one dead letter and one error that users know, in every order of the lines?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from actors import (
    ActorError,
    AgentNotFoundError,
    AgentStoppedError,
    DeadLetter,
    Mailbox,
    RouterRef,
    Send,
)
from actors.testkit import Priorities, Simulation, explore
from tests.routing.test_router_races import AGAIN, ONCE, group
from tests.testkit.guards import without

WAYS: dict[str, Callable[[RouterRef], Any]] = {
    "sent": lambda router: router.send("a", "hello"),
    "asked": lambda router: router.ask(Send("a", "hello")),
    "told": lambda router: router.tell(Send("a", "hello")),
}


def against(
    simulation: Simulation, way: str, end: Callable[[RouterRef], Any], mailbox: Mailbox | None, *, leaves: bool
) -> None:
    """Send while the member goes, and hold what came of it to what there is of it."""
    seen: list[Any] = []
    router = group(simulation, seen, mailbox=mailbox)

    def send() -> type[BaseException] | None:
        try:
            WAYS[way](router)
        except ActorError as error:
            return type(error)
        return None

    error, _ = simulation.race(send, partial(end, router))
    letters = [
        letter.reason
        for letter in simulation.events.recent(50, DeadLetter)
        if letter.message in ("hello", Send("a", "hello"))
    ]
    assert seen.count("hello") + len(letters) == 1, f"{error}: {seen}, {letters}"
    public = (None, AgentNotFoundError) if leaves else (None, AgentNotFoundError, AgentStoppedError)
    assert error in public
    if error is AgentNotFoundError:
        assert letters == ["no such member"]
    if error is AgentStoppedError:
        assert letters == ["stopped"]
    if letters == ["no such member"]:
        assert error is AgentNotFoundError or way == "told"


def leave(router: RouterRef) -> None:
    router.leave("a")


def stop(router: RouterRef) -> None:
    member = router.member("a")
    assert member is not None
    member.ref.stop(drain=False)


@pytest.mark.system_case("T6")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mailbox", [None, Mailbox(8)], ids=["unbounded", "bounded"])
def test_whoever_comes_too_late_for_one_that_leaves_gets_one_public_error(way: str, mailbox: Mailbox | None) -> None:
    exploration = explore(partial(against, way=way, end=leave, mailbox=mailbox, leaves=True), ONCE, policy=AGAIN)
    assert exploration.complete
    assert exploration.runs > 50


@pytest.mark.system_case("T7")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mailbox", [None, Mailbox(8)], ids=["unbounded", "bounded"])
def test_whoever_comes_too_late_for_one_that_stops_gets_one_public_error(way: str, mailbox: Mailbox | None) -> None:
    race = partial(against, way=way, end=stop, mailbox=mailbox, leaves=False)
    assert explore(race, Priorities(depth=4, steps=150), runs=50, policy=AGAIN).runs == 50


def test_an_error_of_the_routers_own_would_be_found() -> None:
    with (
        without(RouterRef.send, "if isinstance(error, NotAMember)", "if False"),
        pytest.raises(AssertionError),
    ):
        explore(partial(against, way="sent", end=leave, mailbox=Mailbox(8), leaves=True), ONCE, policy=AGAIN)
