"""What does a handle promise about requests, and about the end?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentStoppedError,
    AskCycleError,
    AskTimeout,
    Cancelled,
    DeadLetter,
    DeadLetterReason,
    HandlerTimeout,
    Mailbox,
    MailboxFullError,
)
from actors.orchestrator import AgentHandle, AgentStatus, AlreadyRunningError, OrchestratorRef, Request, UserMessage
from actors.testkit import Gate
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, Trace, elsewhere, result
from tests.core.scripted import at_once
from tests.orchestrator.deeds import Throttled, failed, held, looking, work


@pytest.fixture
def handle(crew: OrchestratorRef, trace: Trace) -> AgentHandle:
    crew.add_agent("x", work(trace))
    return crew.spawn("x")


def test_a_text_is_one_message_of_the_user_and_its_reply_is_waited_for(crew: OrchestratorRef) -> None:
    crew.add_agent("echo", lambda: lambda messages: messages)
    handle = crew.spawn("echo")
    assert handle.send_message("hello") == (UserMessage("hello"),) == handle.send_messages([UserMessage("hello")])
    assert handle.send_messages(["a", 7]) == (UserMessage("a"), 7)
    assert Request((UserMessage("a"), 7, UserMessage("b"))).text == "a\nb"


@pytest.mark.parametrize("messages", ["a text", b"bytes", [], 7])
def test_what_is_no_list_of_messages_is_refused(handle: AgentHandle, messages: Any) -> None:
    with pytest.raises(ValueError, match=r"^messages: "):
        handle.send_messages(messages)


def test_the_factory_is_called_once_for_a_start_and_once_for_a_restart(handle: AgentHandle, trace: Trace) -> None:
    handle.send_message("kept until it fails")
    assert trace.count("made") == 1
    failed(handle, Throttled())
    assert handle.send_message("fresh") == ["fresh"]
    assert trace.count("made") == 2


def test_a_start_starts_that_agent_only(crew: OrchestratorRef, trace: Trace) -> None:
    crew.add_agent("a", work(trace))
    crew.add_child("b", "a", work(trace))
    crew.spawn("a")
    assert trace.notes == ["made"]


def test_requests_are_handled_one_at_a_time_in_their_order_and_the_agent_lives_on(handle: AgentHandle) -> None:
    gate = held(handle)
    replies = [handle.send_message(str(number), block=False) for number in range(5)]
    gate.open()
    assert [len(result(reply)) for reply in replies] == [1, 2, 3, 4, 5]
    assert result(replies[-1]) == ["0", "1", "2", "3", "4"]
    assert (handle.is_done, handle.status) == (False, AgentStatus.RUNNING)


def test_a_sender_waits_for_room_where_as_many_wait_as_may(
    crew: OrchestratorRef, clock: WatchedClock, trace: Trace
) -> None:
    crew.add_agent("x", work(trace), mailbox=Mailbox(2, "block", timeout=9.0))
    handle = crew.spawn("x")
    gate = held(handle)
    replies = [handle.send_message(str(number), block=False) for number in range(2)]
    third = elsewhere(handle.send_message, "2")
    clock.wait_for_timer(9.0)
    assert not third.settled
    gate.open()
    assert result(third) == ["0", "1", "2"]
    assert [result(reply) for reply in replies] == [["0"], ["0", "1"]]


def test_thirty_two_requests_wait_and_one_more_is_refused_unless_told_otherwise(handle: AgentHandle) -> None:
    gate = held(handle)
    replies = [handle.send_message(str(number), block=False) for number in range(32)]
    with pytest.raises(MailboxFullError) as refused:
        handle.send_message("32")
    assert (refused.value.path, refused.value.capacity) == (handle.ref.path, 32)
    gate.open()
    assert len(result(replies[-1])) == 32


@pytest.mark.system_case("D2.10")
def test_there_is_one_agent_of_a_name_and_it_is_found_by_its_name(crew: OrchestratorRef, handle: AgentHandle) -> None:
    with pytest.raises(AlreadyRunningError, match=r"^agent 'x' is already running at /crew/x$"):
        crew.spawn("x")
    assert crew.handle("x") is handle
    assert crew._cell.system.find("/crew/x") is handle.ref
    handle.await_result()
    again = crew.spawn("x")
    assert again.send_message("hello") == ["hello"]
    assert (again is handle, handle.is_done) == (False, True)
    with pytest.raises(AgentStoppedError):
        handle.send_message("to the old one")


def test_of_many_who_start_one_agent_one_does(crew: OrchestratorRef, trace: Trace) -> None:
    crew.add_agent("x", work(trace))

    def start() -> bool:
        try:
            crew.spawn("x")
        except AlreadyRunningError:
            return False
        return True

    assert sorted(at_once(*[start] * 6)) == [False] * 5 + [True]
    assert trace.count("made") == 1
    assert crew.handle("x").send_message("hello") == ["hello"]


# -- the end ----------------------------------------------------------------------------


def test_awaiting_the_result_works_the_queue_off_and_uses_the_handle_up(handle: AgentHandle, trace: Trace) -> None:
    gate = held(handle)
    waiting = handle.send_message("waits", block=False)
    awaited = elsewhere(handle.await_result)
    gate.open()
    assert result(awaited) is None
    assert result(waiting) == ["waits"]
    assert (handle.status, handle.is_done) == (AgentStatus.COMPLETED, True)
    with pytest.raises(AgentStoppedError, match="/crew/x"):
        handle.send_message("later")
    handle.cancel()
    assert (handle.await_result(), handle.status) == (None, AgentStatus.COMPLETED)


def test_awaiting_the_result_takes_a_time_and_ends_the_agent_nevertheless(
    handle: AgentHandle, clock: WatchedClock
) -> None:
    gate = held(handle)
    awaited = elsewhere(handle.await_result, timeout=2.0)
    clock.wait_for_timer(2.0)
    clock.advance(2.0)
    with pytest.raises(AskTimeout):
        result(awaited)
    gate.open()
    handle.await_result()
    assert handle.status is AgentStatus.COMPLETED


@pytest.mark.system_case("T41")
def test_a_cancel_overtakes_what_waits_and_ends_the_request_in_hand(crew: OrchestratorRef, trace: Trace) -> None:
    crew.add_agent("x", looking(trace))
    handle = crew.spawn("x")
    gate = Gate()

    def long(agent: Any) -> None:
        gate.wait()
        agent.context.check()
        agent.say("went on")

    in_hand = handle.send_message(long, block=False)
    gate.reached()
    waiting = handle.send_message("waits", block=False)
    handle.cancel()
    handle.cancel()
    gate.open()
    with pytest.raises(Cancelled):
        result(in_hand)
    with pytest.raises(AgentStoppedError, match="/crew/x"):
        result(waiting)
    with pytest.raises(Cancelled, match=r"^agent 'x' was cancelled$"):
        handle.await_result()
    assert (handle.status, handle.is_done) == (AgentStatus.CANCELLED, True)
    assert [note[0] for note in trace.notes] == ["start", "stop"]


def test_an_agent_that_stops_itself_has_completed(crew: OrchestratorRef) -> None:
    crew.add_agent("x", looking())
    handle = crew.spawn("x")
    handle.send_message("stop")
    handle.await_result()
    assert handle.status is AgentStatus.COMPLETED


def test_a_status_that_was_seen_never_becomes_another(crew: OrchestratorRef) -> None:
    crew.add_agent("x", work())
    for _ in range(20):
        handle = crew.spawn("x")

        def complete(handle: AgentHandle = handle) -> AgentStatus:
            handle.ref.stop()
            return handle.status

        seen, _cancelled = at_once(complete, handle.cancel)
        assert seen is handle.status
        assert seen in (AgentStatus.COMPLETED, AgentStatus.CANCELLED)


@pytest.mark.system_case("D2.8")
@pytest.mark.system_case("T22")
def test_a_stop_by_the_supervisor_fails_the_handle_and_names_the_agent_to_all_who_wait(handle: AgentHandle) -> None:
    gate = Gate()
    error = Boom("fatal")

    def fail(_: Any) -> None:
        gate.wait()
        raise error

    in_hand = handle.send_message(fail, block=False)
    gate.reached()
    waiting = [handle.send_message("waits", block=False) for _ in range(2)]
    gate.open()
    with pytest.raises(Boom):
        result(in_hand)
    for reply in waiting:
        with pytest.raises(AgentStoppedError, match="/crew/x") as refused:
            result(reply)
        assert refused.value.path == "/crew/x"
    with pytest.raises(AgentStoppedError, match=r"^agent 'x' stopped by supervisor$") as stopped:
        handle.await_result()
    assert stopped.value.cause is error
    assert handle.status is AgentStatus.FAILED
    with pytest.raises(AgentStoppedError) as later:
        handle.send_message("later")
    assert later.value.cause is error


@pytest.mark.system_case("T21")
def test_a_reply_for_which_nobody_waits_any_more_does_no_harm(
    handle: AgentHandle, clock: WatchedClock, log: EventLog
) -> None:
    gate = Gate()

    def late(_: Any) -> str:
        gate.wait()
        return "too late"

    asked = elsewhere(handle.send_message, late, timeout=1.0)
    gate.reached()
    clock.wait_for_timer(1.0)
    clock.advance(1.0)
    with pytest.raises(AskTimeout):
        result(asked)
    gate.open()
    assert handle.send_message("next") == ["next"]
    letters = [letter for letter in log.of(DeadLetter) if letter.reason is DeadLetterReason.LATE_REPLY]
    assert [letter.message for letter in letters] == ["too late"]


@pytest.mark.system_case("D2.12")
def test_agents_that_ask_one_another_in_a_circle_are_told_so(crew: OrchestratorRef) -> None:
    crew.add_agent("a", lambda: lambda messages: crew.handle("b").send_message("hello"))
    crew.add_agent("b", lambda: lambda messages: crew.handle("a").send_message("hello"))
    handles = [crew.spawn(name) for name in ("a", "b")]
    with pytest.raises(AskCycleError, match="/crew/b -> /crew/a -> /crew/b"):
        handles[0].send_message("hello")


def test_a_request_that_takes_longer_than_the_deadline_is_a_failure(crew: OrchestratorRef, clock: WatchedClock) -> None:
    crew.add_agent("x", work(), deadline=5.0)
    handle = crew.spawn("x")
    gate = Gate()
    asked = elsewhere(handle.send_message, lambda _: gate.wait())
    gate.reached()
    clock.wait_for_timer(5.0)
    clock.advance(5.0)
    with pytest.raises(HandlerTimeout):
        result(asked)
    gate.open()
    with pytest.raises(AgentStoppedError):
        handle.await_result()


def test_of_five_three_are_started_and_answer_at_the_same_time_then_all_shut_down(
    crew: OrchestratorRef, system: ActorSystem
) -> None:
    gate = Gate()

    def make() -> Any:
        def handle(messages: Any) -> str:
            gate.wait()
            return str(messages[0].text)

        return handle

    for number in range(5):
        crew.add_agent(f"a-{number}", make)
    handles = [crew.spawn(f"a-{number}") for number in range(3)]
    replies = [handle.send_message(handle.name, block=False) for handle in handles]
    gate.reached(3)
    gate.open()
    assert [result(reply) for reply in replies] == ["a-0", "a-1", "a-2"]
    assert [handle.status for handle in handles] == [AgentStatus.RUNNING] * 3
    assert crew.shutdown() is True
    assert [handle.status for handle in handles] == [AgentStatus.COMPLETED] * 3
    assert [snapshot.path for snapshot in system.tree()] == []


@pytest.mark.system_case("D2.12")
def test_a_shutdown_works_everything_off_children_first(crew: OrchestratorRef, trace: Trace) -> None:
    crew.add_agent("parent", work(trace))
    crew.add_child("child", "parent", work(trace))
    handles = [crew.spawn(name) for name in ("parent", "child")]
    gates = [held(handle) for handle in handles]
    replies = [handle.send_message(handle.name, block=False) for handle in handles]
    ended = elsewhere(crew.shutdown)
    gates[1].open()
    assert result(replies[1]) == ["child"]
    gates[0].open()
    assert result(ended) is True
    assert result(replies[0]) == ["parent"]
    assert [handle.status for handle in handles] == [AgentStatus.COMPLETED] * 2
    with pytest.raises(AgentStoppedError):
        crew.spawn("parent")


def test_a_shutdown_cancels_what_is_not_done_in_time(crew: OrchestratorRef, clock: WatchedClock) -> None:
    crew.add_agent("x", looking(), shutdown=4.0)
    handle = crew.spawn("x")
    gate = held(handle)
    waiting = handle.send_message("waits", block=False)
    ended = elsewhere(crew.shutdown, 3.0)
    clock.wait_for_timer(3.0)
    clock.advance(3.0)
    clock.wait_for_timer(7.0)  # it has been told to end now
    gate.open()
    with pytest.raises(AgentStoppedError):
        result(waiting)
    assert result(ended) is False
    assert handle.status is AgentStatus.CANCELLED
