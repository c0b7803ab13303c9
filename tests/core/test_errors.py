"""Does each error say who caused it, carry that as an attribute, and survive being copied and pickled?"""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pykka
import pytest

import actors
from actors import (
    ActorError,
    ActorSystem,
    AgentNotFoundError,
    AgentStoppedError,
    AskCycleError,
    AskDropped,
    AskTimeout,
    Cancelled,
    DeathPactError,
    DeferError,
    HandlerTimeout,
    InterceptionError,
    InvalidMessageError,
    MailboxFullError,
    NameTakenError,
    NoRouteesError,
    ReplyError,
    RestartLimitExceeded,
    SendCycleError,
    StartFailedError,
    StashError,
    SystemFailed,
    TooManyChildren,
    TooManyOrphans,
)
from actors._core.errors import printed
from tests.core.doer import Doer
from tests.core.helpers import answer


class Refused(ReplyError):
    """A user's own error, whose constructor wants what its text does not tell."""

    def __init__(self, amount: int, *, unit: str) -> None:
        super().__init__(f"{amount} {unit} are too many")
        self.amount = amount
        self.unit = unit


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


CAUSE = KeyError("cause")
ERRORS: list[tuple[ActorError, str, dict[str, Any]]] = [
    (AgentStoppedError("/a not found", path="/a", cause=CAUSE), "/a not found", {"path": "/a", "cause": CAUSE}),
    (AgentNotFoundError("/a"), "there is no agent /a", {"path": "/a"}),
    (AgentNotFoundError("/a", "nobody is called a"), "nobody is called a", {"path": "/a"}),
    (NoRouteesError("/pool"), "the pool /pool has no routees", {"path": "/pool"}),
    (NameTakenError("/a"), "/a is already registered", {"path": "/a"}),
    (TooManyChildren("/a", 3), "/a has 3 children already, its limit", {"path": "/a", "most": 3}),
    (MailboxFullError("/a", 3), "the mailbox of /a is full (3 messages)", {"path": "/a", "capacity": 3}),
    (
        SendCycleError("/a", 3, ("/b", "/a", "/b")),
        "the mailbox of /a is full (3 messages), and the sender would wait for itself: /b -> /a -> /b",
        {"path": "/a", "capacity": 3, "cycle": ("/b", "/a", "/b")},
    ),
    (
        InvalidMessageError("/a", [1], "a number is needed"),
        "/a does not accept [1]: a number is needed",
        {"path": "/a", "message": [1], "field": "", "value": [1]},
    ),
    (
        InvalidMessageError("/a", {"by": "x"}, "by: a number is needed", field="by", value="x"),
        "/a does not accept {'by': 'x'}: by: a number is needed",
        {"path": "/a", "message": {"by": "x"}, "field": "by", "value": "x"},
    ),
    (AskCycleError(("/a", "/b", "/a")), "blocking asks in a cycle: /a -> /b -> /a", {"cycle": ("/a", "/b", "/a")}),
    (AskTimeout("/a", 1.5), "no reply from /a within 1.5 seconds", {"path": "/a", "seconds": 1.5}),
    (AskTimeout("/a", 0.0999721), "no reply from /a within 0.1 seconds", {"path": "/a", "seconds": 0.0999721}),
    (AskTimeout(None, 1.5), "no reply within 1.5 seconds", {"path": None, "seconds": 1.5}),
    (
        AskDropped("/a", "dropped by an interceptor"),
        "no reply from /a: dropped by an interceptor",
        {"path": "/a", "seconds": 0.0, "reason": "dropped by an interceptor"},
    ),
    (InterceptionError("/a", "it is unsettled"), "/a: it is unsettled", {"path": "/a"}),
    (DeferError("/a", "it was told"), "/a: it was told", {"path": "/a"}),
    (StashError("/a", "the stash is full"), "/a: the stash is full", {"path": "/a"}),
    (StartFailedError("/a", CAUSE), "/a did not start: KeyError('cause')", {"path": "/a", "cause": CAUSE}),
    (
        HandlerTimeout("/a", 2.0, "x" * 500),
        f"/a took longer than 2 seconds over '{'x' * 199}",
        {"path": "/a", "seconds": 2.0, "message": "x" * 500},
    ),
    (
        DeathPactError("/a", "failed"),
        "/a has ended (failed) and its watcher did not handle that",
        {"path": "/a", "reason": "failed"},
    ),
    (
        RestartLimitExceeded("/p", "/p/a", CAUSE),
        "/p gave up restarting /p/a: KeyError('cause')",
        {"path": "/p", "child": "/p/a", "cause": CAUSE},
    ),
    (
        TooManyOrphans(3, 2),
        "3 handlers hang in abandoned threads, the limit is 2",
        {"count": 3, "limit": 2},
    ),
    (
        SystemFailed("demo", "/a", CAUSE),
        "system 'demo' stopped, because /a failed: KeyError('cause')",
        {"name": "demo", "path": "/a", "cause": CAUSE},
    ),
    (Refused(3, unit="kg"), "3 kg are too many", {"amount": 3, "unit": "kg"}),
    (Cancelled("/a #1 was told to give up"), "/a #1 was told to give up", {}),
]
IDS = [type(error).__name__ for error, _, _ in ERRORS]


def test_the_table_has_every_error_that_is_exported() -> None:
    exported = {value for value in vars(actors).values() if isinstance(value, type) and issubclass(value, ActorError)}
    assert exported - {type(error) for error, _, _ in ERRORS} == {ActorError, ReplyError}


@pytest.mark.parametrize(("error", "text", "data"), ERRORS, ids=IDS)
def test_an_error_names_its_datum_and_carries_it(error: ActorError, text: str, data: dict[str, Any]) -> None:
    assert str(error) == text
    assert vars(error) == data


@pytest.mark.parametrize(("error", "text", "data"), ERRORS, ids=IDS)
@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_an_error_is_copied_and_pickled_whole(
    error: ActorError, text: str, data: dict[str, Any], duplicate: Any
) -> None:
    again = duplicate(error)
    assert type(again) is type(error)
    assert again is not error
    assert (str(again), again.args) == (text, error.args)
    assert {name: repr(value) for name, value in vars(again).items()} == {
        name: repr(value) for name, value in data.items()
    }


def test_a_note_that_was_added_travels_along() -> None:
    error = MailboxFullError("/a", 3)
    error.add_note("seen at noon")
    assert pickle.loads(pickle.dumps(error)).__notes__ == ["seen at noon"]


def test_programs_written_for_pykka_or_for_builtins_catch_them() -> None:
    assert issubclass(AgentStoppedError, pykka.ActorDeadError)
    assert issubclass(AskTimeout, pykka.Timeout)
    assert issubclass(NameTakenError, ValueError)
    assert issubclass(InvalidMessageError, ValueError)


def test_an_error_over_something_long_or_unprintable_has_a_text() -> None:
    assert str(InvalidMessageError("/a", "x" * 500, "too long")) == f"/a does not accept '{'x' * 199}: too long"
    assert str(StartFailedError("/a", Unprintable())) == (  # type: ignore[arg-type]
        "/a did not start: <Unprintable that cannot be printed>"
    )
    assert printed("12345", 3) == "'12"


def test_an_error_with_a_constructor_of_its_own_reaches_the_asker_as_it_was_raised(system: ActorSystem) -> None:
    def refuse(agent: Doer) -> None:
        raise Refused(9, unit="km")

    agent = system.spawn(Doer)
    with pytest.raises(Refused, match="9 km are too many") as raised:
        answer(agent, refuse)
    assert (raised.value.amount, raised.value.unit) == (9, "km")
    assert agent.is_alive()
