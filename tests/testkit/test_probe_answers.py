"""Does a probe answer, by hand and by itself, see the ends of others, and stand for a child?"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentFailed,
    AgentRef,
    AgentStoppedError,
    AskTimeout,
    ChildSpec,
    DeadLetter,
    ReplyError,
    StopReason,
    Supervisor,
    Terminated,
)
from actors.testkit import Gate, Probe
from policies import Restart
from tests.testkit.probed import Doer, Order, text_of, value_of, worlds


@pytest.fixture(params=["threads", "simulation"])
def world(request: pytest.FixtureRequest) -> Iterator[tuple[ActorSystem, Any]]:
    yield from worlds(simulated=request.param == "simulation")


@pytest.fixture
def system(world: tuple[ActorSystem, Any]) -> ActorSystem:
    return world[0]


@pytest.fixture
def clock(world: tuple[ActorSystem, Any]) -> Any:
    return world[1]


@pytest.fixture
def probe(system: ActorSystem) -> Probe:
    return Probe(system, "probe")


@pytest.fixture
def doer(system: ActorSystem) -> AgentRef[Doer]:
    return system.spawn(Doer, name="doer")


# -- answers ---------------------------------------------------------------------


def test_an_ask_is_answered_by_the_test(probe: Probe, doer: AgentRef[Doer]) -> None:
    answer = doer.ask(lambda _: probe.ref.ask(Order("tea")), block=False)
    assert probe.expect(Order).item == "tea"
    assert not answer.settled

    assert probe.reply("served") is True

    assert value_of(answer) == "served"


def test_an_ask_is_answered_with_an_error(probe: Probe, doer: AgentRef[Doer]) -> None:
    def ask(_: Agent) -> str:
        with pytest.raises(KeyError, match="sold out"):
            probe.ref.ask(Order("tea"))
        return "had the error"

    answer = doer.ask(ask, block=False)
    probe.expect(Order)
    assert probe.reply_error(KeyError("sold out"))

    assert value_of(answer) == "had the error"
    with pytest.raises(ValueError, match=r"^error: an exception, not 'no'$"):
        probe.reply_error("no")  # type: ignore[arg-type]


def test_several_asks_are_answered_in_any_order(probe: Probe) -> None:
    asked = [probe.ref.ask(text, block=False) for text in ("a", "b", "b", "c")]
    assert probe.receive_n(4) == ["a", "b", "b", "c"]

    probe.reply("C")
    for text in ("b", "a", "b"):
        probe.reply(text.upper(), to=text)

    assert [value_of(ask) for ask in asked] == ["A", "B", "B", "C"]


def test_an_equal_message_stands_for_the_one_to_answer(probe: Probe) -> None:
    asked = probe.ref.ask(Order("tea"), block=False)
    told = Order("coffee")
    probe.ref.tell(told)
    probe.receive_n(2)

    assert probe.reply("served", to=Order("tea"))
    assert value_of(asked) == "served"


def test_what_was_skipped_can_still_be_answered(probe: Probe) -> None:
    asked = probe.ref.ask("a", block=False)
    probe.ref.tell("b")
    probe.fish("b")

    probe.reply("A", to="a")

    assert value_of(asked) == "A"


def test_there_is_nothing_to_reply_to(probe: Probe) -> None:
    assert text_of(probe.reply) == "/probe: there is nothing to reply to: no message was taken yet"
    probe.ref.tell("told")
    probe.expect("told")
    assert text_of(lambda: probe.reply_error(KeyError())).splitlines() == [
        "/probe: there is nothing to reply to, nobody waits for an answer to:",
        "    'told' (told)",
    ]
    probe.ref.ask("asked", block=False)
    probe.expect("asked")
    probe.reply()
    assert text_of(probe.reply).splitlines() == [
        "/probe: there is nothing to reply to, nobody waits for an answer to:",
        "    'asked' (asked; replied)",
        "  taken before:",
        "    'told' (told)",
    ]
    for message in ("asked", "told", "never"):
        first = text_of(lambda message=message: probe.reply(to=message)).splitlines()[0]  # type: ignore[misc]
        assert first == f"/probe: there is nothing to reply to: no ask that was taken and waits is {message!r}"


def test_a_reply_that_comes_too_late_is_told_and_is_a_dead_letter(
    system: ActorSystem, clock: Any, probe: Probe
) -> None:
    asked = probe.ref.ask("hurry", block=False, timeout=1.0)
    asked.add_done_callback(lambda: None)  # so that it ends in time, although nobody waits
    probe.expect("hurry")
    clock.advance(1.0)
    with pytest.raises(AskTimeout):
        value_of(asked)

    assert probe.reply("too late") is False

    assert [letter.message for letter in system.events.recent(100, DeadLetter)] == ["too late"]


def test_who_asks_is_answered_when_the_probe_ends(probe: Probe) -> None:
    asked = probe.ref.ask("anybody?", block=False)
    probe.expect()
    probe.ref.stop()

    with pytest.raises(AgentStoppedError, match=r"^/probe #1 ended before it replied to 'anybody\?'$"):
        value_of(asked)
    assert probe.reply("too late") is False


# -- autopilot -------------------------------------------------------------------


def test_an_autopilot_answers_at_once_and_the_messages_are_taken_as_ever(probe: Probe) -> None:
    probe.autopilot(str.upper)

    assert probe.ref.ask("a") == "A"
    assert value_of(probe.ref.ask("b", block=False)) == "B"
    probe.ref.tell("c")

    assert probe.receive_n(3) == ["a", "b", "c"]
    assert "'a' (asked; answered by the autopilot)" in text_of(lambda: probe.expect(within=0))


def test_what_the_autopilot_has_answered_cannot_be_answered_again(probe: Probe) -> None:
    probe.autopilot(str.upper)
    probe.ref.ask("a")
    probe.expect("a")

    assert "'a' (asked; answered by the autopilot)" in text_of(probe.reply)


def test_an_autopilot_is_replaced_and_switched_off(probe: Probe) -> None:
    probe.autopilot(lambda _: 1)
    assert probe.ref.ask("a") == 1
    probe.autopilot(lambda _: 2)
    assert probe.ref.ask("b") == 2
    probe.autopilot(None)
    asked = probe.ref.ask("c", block=False)
    assert probe.receive_n(3) == ["a", "b", "c"]
    assert not asked.settled
    probe.reply(3)
    assert value_of(asked) == 3


def test_an_autopilot_answers_what_it_is_for_and_the_test_the_rest(probe: Probe) -> None:
    probe.autopilot(lambda order: order.count, on=lambda message: message.item == "tea")
    by_hand = [probe.ref.ask(message, block=False) for message in (Order("coffee"), "no order")]

    assert probe.ref.ask(Order("tea", 3)) == 3
    probe.fish("no order")
    probe.reply("by hand")
    assert value_of(by_hand[1]) == "by hand"
    assert not by_hand[0].settled


@pytest.mark.parametrize("error", [KeyError("mine"), ReplyError("no"), SystemExit(3)], ids=repr)
def test_what_an_autopilot_raises_is_the_answer_and_no_failure_of_the_probe(
    system: ActorSystem, probe: Probe, error: BaseException
) -> None:
    def fail(message: Any) -> None:
        raise error

    probe.autopilot(fail)

    with pytest.raises(type(error)) as inline:
        probe.ref.ask("a")
    with pytest.raises(type(error)) as queued:
        value_of(probe.ref.ask("b", block=False))
    assert inline.value is queued.value is error
    assert probe.receive_n(2) == ["a", "b"]
    assert probe.ref.incarnation == 1
    assert system.events.recent(100, AgentFailed) == []


def test_what_is_no_autopilot_is_refused(probe: Probe) -> None:
    with pytest.raises(ValueError, match=r"^answer: a callable that takes a message, or None, not 3$"):
        probe.autopilot(3)  # type: ignore[arg-type]


def test_a_message_is_there_before_its_asker_has_the_autopilots_answer(probe: Probe, doer: AgentRef[Doer]) -> None:
    probe.autopilot(lambda _: None)
    for i in range(30):
        value_of(doer.ask(lambda _, i=i: probe.ref.ask(i), block=False))  # type: ignore[misc]
        assert probe._inbox.items()[0].message == i
        probe.expect(i)


def test_a_probe_that_its_autopilot_keeps_busy_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.testkit.probe.PATIENCE", 0.05)
    with ActorSystem("test") as system, Gate() as gate:
        probe = Probe(system, "probe")
        probe.autopilot(lambda _: gate.wait())
        asked = probe.ref.ask("a", block=False)
        gate.reached()
        probe.expect("a")
        probe.ref.tell("b")

        for look in (lambda: probe.messages, probe.expect_none, lambda: probe.watch(probe.ref)):
            assert text_of(look).startswith("/probe: it has been busy for 0.05 s, with its autopilot")
        gate.open()
        value_of(asked)
        assert probe.messages == ["b"]


# -- the ends of others ----------------------------------------------------------


def test_the_end_of_an_agent_is_expected(probe: Probe, doer: AgentRef[Doer]) -> None:
    probe.watch(doer)
    doer.tell(lambda agent: probe.ref.tell("last words"))
    doer.tell(lambda agent: agent.stop())

    assert probe.expect_terminated(doer) == Terminated(doer, StopReason.NORMAL)
    assert probe.expect() == "last words"  # the end overtook it, and it has stayed
    probe.expect_none()


def test_an_agent_that_has_ended_already_needs_no_watch(probe: Probe, doer: AgentRef[Doer]) -> None:
    doer.stop()

    assert probe.expect_terminated(doer, StopReason.REQUESTED).ref is doer
    assert probe.expect_terminated(doer, "requested").ref is doer


def test_the_reason_of_an_end_matters(probe: Probe, doer: AgentRef[Doer]) -> None:
    def crash(_: Agent) -> None:
        raise KeyError("boom")

    doer.tell(crash)

    assert text_of(lambda: probe.expect_terminated(doer, "normal")).splitlines() == [
        "/probe: expected the end of /doer (normal), and this came:",
        "    the end of /doer (failed: KeyError('boom'))",
    ]
    with pytest.raises(ValueError, match="'never' is not a valid StopReason"):
        probe.expect_terminated(doer, "never")


def test_an_agent_does_not_end(probe: Probe, doer: AgentRef[Doer]) -> None:
    probe.ref.tell("a")

    assert text_of(lambda: probe.expect_terminated(doer, within=0.01)).splitlines() == [
        "/probe: expected the end of /doer within 0.01 s, and it is running, #1",
        "  still waiting:",
        "    'a' (told)",
    ]


def test_a_restart_is_no_end(system: ActorSystem, probe: Probe) -> None:
    def crash(_: Agent) -> None:
        raise KeyError("boom")

    doer = system.spawn(ChildSpec(Doer, name="doer", policy=Restart()))
    probe.watch(doer)
    doer.tell(crash)
    assert value_of(doer.ask(lambda agent: agent.context.incarnation, block=False)) == 2

    probe.expect_none()
    assert "and it is running, #2" in text_of(lambda: probe.expect_terminated(doer, within=0))


def test_an_end_that_is_not_expected_is_shown(probe: Probe, doer: AgentRef[Doer]) -> None:
    probe.watch(doer)
    doer.stop()

    assert text_of(lambda: probe.expect(Order, within=0)).splitlines() == [
        "/probe: expected Order within 0 s, and nothing came",
        "  still waiting:",
        "    the end of /doer (requested)",
    ]
    assert text_of(probe.expect_none).splitlines() == [
        "/probe: expected nothing, and this came:",
        "    the end of /doer (requested)",
    ]


def test_ends_are_no_messages(probe: Probe, doer: AgentRef[Doer]) -> None:
    for take in (probe.expect, probe.fish):
        for what in (Terminated, Terminated(doer, StopReason.NORMAL)):
            with pytest.raises(ValueError, match=r"^what: ends are no messages, see expect_terminated$"):
                take(what)


def test_only_a_ref_can_be_watched(probe: Probe) -> None:
    with pytest.raises(ValueError, match=r"^ref: an AgentRef, not '/doer'$"):
        probe.watch("/doer")  # type: ignore[arg-type]


def test_a_probe_that_has_ended_watches_nobody_and_shows_what_it_had(probe: Probe, doer: AgentRef[Doer]) -> None:
    probe.ref.tell("a")
    probe.ref.stop()

    with pytest.raises(AgentStoppedError):
        probe.watch(doer)
    assert probe.messages == ["a"]
    assert probe.expect() == "a"
    with pytest.raises(AgentStoppedError):
        probe.ref.tell("b")


# -- a probe in the tree ---------------------------------------------------------


def test_a_child_may_be_a_probe(system: ActorSystem, probe: Probe) -> None:
    specs = [ChildSpec(probe.agent, name="a", args=("any",), kwargs={"argument": "will do"}), ChildSpec(Doer, name="b")]
    crew = system.spawn(Supervisor, specs, name="crew")
    child = system.find("/crew/a")
    assert child is not None

    asked = child.ask("to the child", block=False)
    assert probe.expect() == "to the child"
    probe.ref.tell("to the probe")
    assert text_of(lambda: probe.expect(Order)).splitlines()[-1] == "    'to the child' (asked) to /crew/a"
    probe.reply("by the child", to="to the child")

    assert value_of(asked) == "by the child"
    child.tell("last")
    assert probe.messages == ["last"]
    crew.stop()


def test_what_a_child_was_sent_is_kept_through_its_restart(system: ActorSystem, probe: Probe) -> None:
    def crash(_: Agent) -> None:
        raise KeyError("boom")

    specs = [ChildSpec(Doer, name="doer"), ChildSpec(probe.agent, name="child")]
    system.spawn(Supervisor, specs, strategy="one_for_all", policy=Restart(), name="crew")
    doer, child = system.find("/crew/doer"), system.find("/crew/child")
    assert doer is not None
    assert child is not None
    child.tell("before")
    owed = child.ask("never answered", block=False)
    assert probe.messages == ["before", "never answered"]
    doer.tell(crash)
    with pytest.raises(AgentStoppedError, match="/crew/child #1 ended before it replied"):
        value_of(owed)
    child.tell("after")

    assert probe.receive_n(3) == ["before", "never answered", "after"]
    assert child.incarnation == 2


def test_many_agents_tell_one_probe_and_nothing_is_lost(system: ActorSystem, probe: Probe) -> None:
    doers = [system.spawn(Doer) for _ in range(8)]

    def send(agent: Agent) -> None:
        for i in range(25):
            probe.ref.tell((agent.context.name, i))

    for doer in doers:
        doer.tell(send)

    came = probe.receive_n(200)
    for doer in doers:
        assert [i for name, i in came if name == doer.name] == list(range(25))
    probe.expect_none()


def test_two_that_take_at_the_same_moment_never_get_the_same_message() -> None:
    with ActorSystem("test") as system:
        probe = Probe(system)
        items = []
        for i in range(200):
            probe.ref.tell(i)
        assert probe.messages == list(range(200))
        items = probe._inbox.items()
        won: list[int] = []
        barrier = threading.Barrier(3)

        def take() -> None:
            barrier.wait(10.0)
            won.extend(item.message for item in items if probe._inbox.take(item))

        threads = [threading.Thread(target=take) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10.0)
        assert sorted(won) == list(range(200))
