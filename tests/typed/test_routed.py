"""Does a router, or a pool, bring an agent what it does not accept? No, and it says so."""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    Accepting,
    ActorSystem,
    Broadcast,
    Cancel,
    Enveloped,
    Escalated,
    InvalidMessageError,
    ProgressReport,
    RouteePool,
    Router,
    Send,
    TaskBlocked,
    post,
)
from policies import Restart
from tests.core.helpers import Boom, EventLog, Flag, Trace, Worker, answer, result
from tests.core.scripted import doer
from tests.core.worlds import World
from tests.typed.asking import Asker, ask

REPORT = ProgressReport(agent_id="w", turn=1, summary="s")
BLOCKED = TaskBlocked(agent_id="w", task_id="t", reason="r")


class Clerk(Accepting[ProgressReport]):
    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def on_receive(self, message: Any) -> Any:
        self.trace.note(message)


class Chief(Enveloped, Accepting[Cancel | ProgressReport]):
    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def on_receive(self, message: Any) -> Any:
        self.trace.note((message, self.envelope))


@pytest.fixture
def router(system: ActorSystem) -> Any:
    return system.spawn(Router, name="router")


def test_what_a_member_accepts_is_routed_to_it_as_it_is(
    system: ActorSystem, spec: Any, trace: Trace, router: Any
) -> None:
    router.join("clerk", system.spawn(spec(Clerk, name="clerk", args=(trace,))))
    router.send("clerk", REPORT)
    assert router.broadcast(REPORT).count == 1
    notes = trace.wait_for(REPORT, times=2)
    assert all(each is REPORT for each in notes)


@pytest.mark.parametrize("wrong", [BLOCKED, Cancel(reason="enough")], ids=["ordinary", "control"])
def test_what_a_member_does_not_accept_is_not_routed_to_it_and_its_sender_is_told(
    system: ActorSystem, spec: Any, trace: Trace, router: Any, wrong: Any
) -> None:
    clerk = system.spawn(spec(Clerk, name="clerk", args=(trace,)))
    other = Trace()
    router.join("clerk", clerk)
    router.join("worker", system.spawn(spec(Worker, name="worker", args=(other,))))
    delivered = router.ask(Broadcast(wrong))
    assert delivered.count == 1
    ((name, error),) = delivered.lost
    assert name == "clerk"
    assert isinstance(error, InvalidMessageError)
    assert error.path == "/clerk"
    other.wait_for((wrong, "worker", 1))
    clerk.tell(REPORT)
    assert trace.wait_until(bool) == [REPORT]


def test_a_control_message_comes_in_an_envelope_ahead_of_what_waits(
    system: ActorSystem, spec: Any, trace: Trace, router: Any
) -> None:
    chief = system.spawn(spec(Chief, name="chief", args=(trace,)))
    router.join("chief", chief)
    cancel = Cancel(reason="enough")
    worker = system.spawn(spec(Worker, name="worker"))
    router.broadcast(cancel)
    ((message, envelope),) = trace.wait_until(bool)
    assert message is cancel
    assert (envelope.recipient, envelope.sender) == (chief, None)
    assert answer(worker, "still there") == "still there"


# -- what is written on a message -----------------------------------------------------


class Reader(Enveloped):
    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def on_receive(self, message: Any) -> Any:
        assert self.envelope is not None
        self.trace.note((self.context.name, message, self.envelope.correlation_id, dict(self.envelope.headers)))
        return self.envelope.sender


@pytest.mark.parametrize("way", ["send", "broadcast", "pool", "pool in a group", "group in a group"])
def test_what_is_written_on_a_message_reaches_those_to_whom_it_is_routed(
    system: ActorSystem, spec: Any, trace: Trace, router: Any, way: str
) -> None:
    reader = spec(Reader, "reader", args=(trace,))
    router.join("plain", system.spawn(spec(Worker, "plain", args=(Trace(),))))
    target: Any = router
    message: Any = Send("reader", "a")
    if way == "broadcast":
        message = Broadcast("a")
    if "pool" in way:
        pool = system.spawn(spec(RouteePool, "pool", kwargs={"routee": reader, "size": 1}))
        router.join("reader", pool)
        if way == "pool":
            target, message = pool, "a"
    elif way == "group in a group":
        inner = system.spawn(Router, name="inner")
        inner.join("reader", system.spawn(reader))
        router.join("inner", inner)
        message = Send("inner", Send("reader", "a"))
    else:
        router.join("reader", system.spawn(reader))
    post(target, message, headers={"step": "1"}, correlation_id="c")
    target.tell(message)
    notes = trace.wait_until(lambda notes: len(notes) == 2)
    assert notes[0][1:] == ("a", "c", {"step": "1"})
    assert notes[1][1:] == ("a", None, {})  # and only that one


def test_a_question_to_a_pool_has_its_id_on_the_envelope(system: ActorSystem, spec: Any, trace: Trace) -> None:
    pool = system.spawn(spec(RouteePool, "pool", kwargs={"routee": spec(Reader, "reader", args=(trace,)), "size": 1}))
    asker = system.spawn(spec(Asker, name="asker", args=(Trace(),)))
    number = ask(asker, pool, "who?", headers={"urgent": "yes"})
    assert trace.wait_until(bool) == [("reader-1", "who?", number, {"urgent": "yes"})]


def test_what_is_written_is_not_put_on_what_others_send_meanwhile(
    system: ActorSystem, spec: Any, trace: Trace, router: Any
) -> None:
    reader = system.spawn(spec(Reader, "reader", args=(trace,)))
    router.join("reader", reader)
    router.subscribe("reader", "news", where=lambda message: reader.tell("another") or True)
    post(router, Broadcast("a", "news"), headers={"step": "1"})
    notes = trace.wait_until(lambda notes: len(notes) == 2)
    assert [note[1:] for note in notes] == [("another", None, {}), ("a", None, {"step": "1"})]


class Renewed(Enveloped):
    """A routee whose pool, once it has failed, is held while it is started again."""

    def __init__(self, trace: Trace, log: EventLog, flag: Flag) -> None:
        self.trace, self.log, self.flag = trace, log, flag

    def on_start(self) -> None:
        if self.log.of(Escalated):
            self.trace.note("renewing")
            assert self.flag.wait()

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        self.trace.note((message, None if self.envelope.sender is None else self.envelope.sender.path))
        return message


def test_what_waits_while_a_pool_is_restarted_is_still_from_whoever_has_sent_it(
    world: World, spec: Any, dispatcher: Any
) -> None:
    system = world.system("renewed", policy=Restart())
    log, trace, flag = EventLog(system), Trace(), Flag()
    pool = system.spawn(
        spec(RouteePool, "pool", kwargs={"routee": spec(Renewed, "w", args=(trace, log, flag)), "size": 1})
    )
    sender = system.spawn(doer("sender", dispatcher=dispatcher))
    pool.tell(Boom("over"))
    trace.wait_for("renewing")
    asked = answer(sender, lambda agent: [pool.tell("told"), pool.ask("asked", block=False)])[1]
    pool.tell("from outside")
    flag.set()
    assert result(asked) == "asked"
    notes = trace.wait_until(lambda notes: len(notes) == 4)
    assert notes[1:] == [("told", "/sender"), ("asked", "/sender"), ("from outside", None)]
