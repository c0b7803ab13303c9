"""Does a routee that is retired wait for whoever is sending to it, whatever its ref does meanwhile?"""

from __future__ import annotations

from collections import deque
from typing import Any, ClassVar

import pytest

from actors import ActorSystem, AgentRef, AgentStopped, DeadLetter
from tests.core.helpers import EventLog, Flag, Trace, elsewhere, result
from tests.routing.pools import Routee, make_pool, names


class SlowRef(AgentRef["Slow"]):
    """Sends in its own way, which takes a while."""

    flags: ClassVar[dict[str, tuple[Flag, Flag]]] = {}

    def tell(self, message: Any) -> None:
        at_it, go_on = self.flags.get(message, (Flag(), None))
        at_it.set()
        assert go_on is None or go_on.wait()
        super().tell(message)


class Slow(Routee):
    ref_class = SlowRef


def test_who_is_retired_ends_after_the_last_of_those_that_send_to_it(
    system: ActorSystem, spec: Any, trace: Trace, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SlowRef, "flags", {"one": (Flag(), Flag()), "other": (Flag(), Flag())})
    pool = make_pool(system, spec, routee=spec(Slow, "w", args=(trace,)), size=1)
    sent = []
    for message in SlowRef.flags:
        sent.append(elsewhere(pool.tell, message))
        assert SlowRef.flags[message][0].wait()
    pool.resize(0)
    assert names(pool) == []
    # One of them is done, and the other is not.
    for future, (_, go_on) in zip(sent, SlowRef.flags.values(), strict=True):
        assert log.of(AgentStopped) == []
        go_on.set()
        result(future)
    assert log.wait(AgentStopped, "/pool/w-1")
    trace.wait_for(("one", "w-1", 1))
    trace.wait_for(("other", "w-1", 1))
    assert log.of(DeadLetter) == []


class Interrupted(deque[Any]):
    """Ctrl-C comes right behind the mark that a sender leaves here."""

    def append(self, mark: Any) -> None:
        super().append(mark)
        raise KeyboardInterrupt


@pytest.mark.parametrize("send", ["tell", "ask", "broadcast"])
def test_a_sender_that_is_interrupted_keeps_no_routee_from_its_end(
    system: ActorSystem, spec: Any, log: EventLog, send: str
) -> None:
    pool = make_pool(system, spec, size=1)
    (routee,) = pool._register.renew().routees
    routee.flight = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        getattr(pool, send)("never sent")
    assert not routee.flight
    pool.resize(0)
    assert log.wait(AgentStopped, "/pool/w-1")
