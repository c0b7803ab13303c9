"""What does the asker learn whose ask a full mailbox drops, whichever way it came there?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem, ChildSpec, DeadLetterReason, Mailbox, MailboxFullError, RouteePool
from actors.testkit import Gate
from tests.core.doer import Doer, busy_at
from tests.core.helpers import result

REASONS = {"drop_newest": DeadLetterReason.DROPPED_NEWEST, "drop_oldest": DeadLetterReason.DROPPED_OLDEST}


def by_itself(system: ActorSystem, mailbox: Mailbox) -> Any:
    return system.spawn(ChildSpec(Doer, mailbox=mailbox))


def of_a_pool(system: ActorSystem, mailbox: Mailbox) -> Any:
    return system.spawn(RouteePool, ChildSpec(Doer, mailbox=mailbox), 1)


@pytest.mark.parametrize("overflow", REASONS)
@pytest.mark.parametrize("make", [by_itself, of_a_pool])
def test_who_asked_what_was_dropped_is_told_that_the_mailbox_is_full(
    system: ActorSystem, overflow: str, make: Any
) -> None:
    ref = make(system, Mailbox(capacity=1, overflow=overflow))
    gate = Gate()
    ref.tell(busy_at(gate))
    gate.reached()
    first = ref.ask("first", block=False)
    second = ref.ask("second", block=False)
    dropped, kept = (first, second) if overflow == "drop_oldest" else (second, first)
    with pytest.raises(MailboxFullError):
        result(dropped)
    (letter,) = system.dead_letters
    assert letter.reason is REASONS[overflow]
    gate.open()
    assert result(kept) == ("second" if overflow == "drop_oldest" else "first")
