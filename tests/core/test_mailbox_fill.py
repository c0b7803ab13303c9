"""Is a bounded mailbox filled to its bound, and not beyond?"""

from typing import Any

import pytest

from actors import ActorSystem, Mailbox, MailboxFullError
from actors._core.mailbox import BoundedQueue
from actors.testkit import Gate
from tests.core.doer import Doer, busy_at, stop
from tests.core.helpers import Trace


def test_a_mailbox_is_filled_to_its_bound_and_once_it_is_closed_takes_nothing(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    gate = Gate()
    ref = system.spawn(spec(Doer, args=(trace,), mailbox=Mailbox(capacity=3)))
    ref.tell(busy_at(gate))
    gate.reached()
    ref.tell("first")
    queue = ref._cell.queue
    assert isinstance(queue, BoundedQueue)
    assert (queue.fill("filler"), queue.fill("filler")) == (2, 0)
    with pytest.raises(MailboxFullError):
        ref.tell("one too many")
    gate.open()
    trace.wait_for("filler", times=2)
    assert trace.notes == ["first", "filler", "filler"]
    stop(ref)
    assert queue.fill("filler") == 0
