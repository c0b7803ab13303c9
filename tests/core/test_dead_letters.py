"""What is kept of the messages that nobody handled, and what comes of sending them again?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorError,
    ActorSystem,
    AgentNotFoundError,
    AgentStoppedError,
    Cancelled,
    ChildSpec,
    DeadLetter,
    DeadLetterReason,
    Mailbox,
    MailboxFullError,
    ReplyError,
)
from actors._core.messages import Inquiry
from actors.testkit import Gate
from policies import Restart
from tests.core.clocks import WatchedClock
from tests.core.doer import Doer, busy_at, crash, stop
from tests.core.helpers import EventLog, Trace, answer, elsewhere, result
from tests.core.worlds import World

R = DeadLetterReason


def bury(system: ActorSystem, *messages: Any, path: str = "/gone", reason: R = R.EXPIRED) -> list[DeadLetter]:
    """Make dead letters without an agent, and give them."""
    for message in messages:
        system.dead_letters.record(path, message, reason)
    return system.dead_letters.list(path)


def held(system: ActorSystem, overflow: str, trace: Trace, **options: Any) -> tuple[Any, Gate]:
    """Give an agent with one message in hand, at a gate, and one that fills its mailbox."""
    mailbox = Mailbox(capacity=1, overflow=overflow, **options)
    agent = system.spawn(ChildSpec(Doer, "a", args=(trace,), mailbox=mailbox, policy=Restart()))
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()
    agent.tell("it fills")
    return agent, gate


# -- what is kept ---------------------------------------------------------------------


def test_a_dead_letter_says_to_whom_what_why_and_when(system: ActorSystem, clock: WatchedClock, log: EventLog) -> None:
    assert not system.dead_letters
    agent = system.spawn(ChildSpec(Doer, "a", policy=Restart()))
    clock.advance(2.0)
    agent.tell(crash)
    letter = log.wait(DeadLetter)
    assert list(system.dead_letters) == [letter]
    assert (letter.path, letter.incarnation, letter.at, letter.message) == ("/a", 1, 2.0, crash)
    assert (letter.reason, letter.number, letter.why) == (R.FAILED, 1, "failed")
    assert str(letter.error) == "crash of #1"


def test_the_newest_are_kept_and_those_that_fell_out_are_counted(world: World) -> None:
    system = world.system("small", dead_letters=3)
    log = EventLog(system)
    bury(system, *range(5))
    assert [(letter.message, letter.number) for letter in system.dead_letters] == [(2, 3), (3, 4), (4, 5)]
    assert (len(system.dead_letters), system.dead_letters.dropped) == (3, 2)
    assert repr(system.dead_letters) == "<DeadLetters small: 3 kept, 2 dropped>"
    assert [letter.message for letter in log.of(DeadLetter)] == [0, 1, 2, 3, 4]


def test_a_system_may_keep_none(world: World) -> None:
    system = world.system("none", dead_letters=0)
    log = EventLog(system)
    bury(system, 1)
    assert (len(system.dead_letters), system.dead_letters.dropped) == (0, 1)
    with pytest.raises(ValueError, match="not kept any more"):
        system.dead_letters.replay(log.of(DeadLetter)[0])


@pytest.mark.parametrize("number", [-1, True, 1.5])
def test_how_many_are_kept_is_a_whole_number(world: World, number: Any) -> None:
    with pytest.raises(ValueError, match="dead_letters: a whole number"):
        world.system("bad", dead_letters=number)


def test_they_are_looked_for_by_path_and_reason(system: ActorSystem) -> None:
    letters = system.dead_letters
    bury(system, 1, path="/crew/a")
    bury(system, 2, path="/crew/b", reason=R.STOPPED)
    bury(system, 3, path="/other", reason=R.STOPPED)

    def found(**wanted: Any) -> list[int]:
        return [letter.message for letter in letters.list(**wanted)]

    assert found() == [1, 2, 3]
    assert found(path="/crew/*") == [1, 2]
    assert found(path="/other") == [3]
    assert found(reason="stopped") == found(reason=R.STOPPED) == [2, 3]
    assert found(path="/crew/*", reason="stopped") == [2]
    with pytest.raises(ValueError, match="reason: one of stopped, failed, "):
        letters.list(reason="bored")
    with pytest.raises(ValueError, match="a path is a str"):
        letters.list(path="crew")


def test_what_is_discarded_is_kept_no_longer(system: ActorSystem) -> None:
    letters = system.dead_letters
    first, *_ = bury(system, 1, 2)
    bury(system, 3, path="/other")
    assert letters.discard(first) == 1
    assert letters.discard(first) == 0
    assert letters.discard(path="/gone") == 1
    assert letters.discard(reason="expired") == 1
    assert letters.discard() == 0
    assert (len(letters), letters.dropped) == (0, 0)


# -- sent again -----------------------------------------------------------------------


def test_what_is_sent_again_goes_to_who_lives_there_now(system: ActorSystem, spec: Any, trace: Trace) -> None:
    old = system.spawn(spec(Doer, name="a"))
    stop(old)
    with pytest.raises(AgentStoppedError):
        old.tell("hello")
    (letter,) = system.dead_letters
    system.spawn(spec(Doer, name="a", args=(trace,)))

    replayed = system.dead_letters.replay(letter)

    assert (replayed.accepted, replayed.refused) == ((letter,), ())
    assert trace.wait_for("hello") == ["hello"]
    assert len(system.dead_letters) == 0
    with pytest.raises(ValueError, match="letter: not kept any more"):
        system.dead_letters.replay(letter)


def test_all_that_are_meant_are_sent_again_in_their_order(system: ActorSystem, spec: Any, trace: Trace) -> None:
    bury(system, *range(5), path="/a")
    bury(system, "not this", path="/a", reason=R.FAILED)
    agent = system.spawn(spec(Doer, name="a", args=(trace,)))
    replayed = system.dead_letters.replay(path="/a", reason=R.EXPIRED)
    answer(agent, "barrier")
    assert trace.notes == [0, 1, 2, 3, 4, "barrier"]
    assert [letter.message for letter in replayed.accepted] == [0, 1, 2, 3, 4]
    assert [letter.message for letter in system.dead_letters] == ["not this"]


def test_a_message_may_be_sent_to_somebody_else(system: ActorSystem, trace: Trace) -> None:
    other = system.spawn(Doer, trace, name="other")
    (letter,) = bury(system, "for you")
    assert system.dead_letters.replay(letter, to=other).accepted == (letter,)
    assert trace.wait_for("for you") == ["for you"]


def test_where_nobody_lives_the_letter_stays(system: ActorSystem) -> None:
    (letter,) = bury(system, 1)
    ((refused, error),) = system.dead_letters.replay().refused
    assert refused is letter
    assert isinstance(error, AgentNotFoundError)
    assert error.path == "/gone"
    assert list(system.dead_letters) == [letter]


def test_an_agent_that_has_stopped_refuses_and_the_letter_stays_the_only_one(
    system: ActorSystem, log: EventLog
) -> None:
    ended = system.spawn(Doer, name="ended")
    stop(ended)
    (letter,) = bury(system, "message", path="/a")
    ((_, error),) = system.dead_letters.replay(letter, to=ended).refused
    assert isinstance(error, AgentStoppedError)
    assert list(system.dead_letters) == [letter]
    assert [event.path for event in log.of(DeadLetter)] == ["/a", "/ended"]


@pytest.mark.parametrize(
    ("overflow", "reason", "said"),
    [
        ("reject", R.FULL, "the mailbox of /a is full (1 messages)"),
        ("drop_newest", R.DROPPED_NEWEST, "/a did not get it: mailbox full (drop_newest)"),
    ],
)
def test_what_a_full_mailbox_does_not_take_stays_as_it_was(
    system: ActorSystem, log: EventLog, trace: Trace, overflow: str, reason: R, said: str
) -> None:
    _, gate = held(system, overflow, trace)
    (letter,) = bury(system, "again", path="/a")
    ((refused, error),) = system.dead_letters.replay().refused
    assert refused is letter
    assert str(error) == said
    assert list(system.dead_letters) == [letter]
    assert log.of(DeadLetter)[-1].reason is reason
    gate.open()
    trace.wait_for("it fills")


def test_what_is_dropped_to_make_room_for_it_is_a_letter_of_its_own(system: ActorSystem, trace: Trace) -> None:
    _, gate = held(system, "drop_oldest", trace)
    bury(system, "it fills", path="/a")  # equal to, but not, the one that is dropped
    assert len(system.dead_letters.replay().accepted) == 1
    assert [letter.reason for letter in system.dead_letters] == [R.DROPPED_OLDEST]
    gate.open()
    assert trace.wait_for("it fills") == ["it fills"]


def test_an_answer_that_came_too_late_needs_somebody_to_go_to(system: ActorSystem, log: EventLog, trace: Trace) -> None:
    agent = system.spawn(Doer, name="a")
    gate = Gate()
    asked = agent.ask(lambda _: (gate.wait(), "the answer")[1], block=False)
    gate.reached()
    asked.resolve(error=KeyError("given up"))
    gate.open()
    letter = log.wait(DeadLetter)
    assert letter.reason is R.LATE_REPLY
    ((_, error),) = system.dead_letters.replay(letter).refused
    assert str(error) == "nobody waits for this answer of /a any more"
    assert system.dead_letters.replay(letter, to=system.spawn(Doer, trace)).accepted == (letter,)
    trace.wait_for("the answer")


def test_what_an_abandoned_incarnation_sends_again_stays(system: ActorSystem, clock: WatchedClock) -> None:
    gate, raised = Gate(), Trace()
    (letter,) = bury(system, "message")
    other = system.spawn(Doer, name="other")

    def late(agent: Doer) -> None:
        gate.wait()
        try:
            system.dead_letters.replay(letter, to=other)
        except Cancelled as error:
            raised.note(type(error))

    system.spawn(ChildSpec(Doer, "a", deadline=1.0, policy=Restart())).tell(late)
    gate.reached()
    clock.advance(1.0)
    gate.open()
    raised.wait_for(Cancelled)
    assert letter in system.dead_letters.list("/gone")
    assert system.dead_letters.replay(letter, to=other).accepted == (letter,)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({"letter": "a"}, "letter: a DeadLetter or None"),
        ({"to": "/a"}, "to: an AgentRef or None"),
        ({"letter": DeadLetter("/a", 1, 0.0, 1, R.STOPPED), "path": "/a"}, "letter: either one letter"),
        ({"letter": DeadLetter("/a", 1, 0.0, 1, R.STOPPED), "reason": "failed"}, "letter: either one letter"),
        ({"letter": DeadLetter("/a", 1, 0.0, 1, R.STOPPED)}, "letter: not kept any more"),
    ],
)
def test_what_makes_no_sense_to_send_again_is_refused(system: ActorSystem, wanted: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        system.dead_letters.replay(**wanted)


def test_of_several_that_send_the_same_again_one_does(system: ActorSystem, clock: WatchedClock, trace: Trace) -> None:
    _, gate = held(system, "block", trace, timeout=9.0)
    (letter,) = bury(system, "once", path="/a")
    sending = elsewhere(lambda: system.dead_letters.replay(letter))
    clock.wait_for_timer(9.0)  # it waits for room, with the letter in hand
    assert system.dead_letters.replay().accepted == ()
    with pytest.raises(ValueError, match="just being sent"):
        system.dead_letters.replay(letter)
    gate.open()
    assert result(sending).accepted == (letter,)
    assert trace.wait_for("once").count("once") == 1
    assert len(system.dead_letters) == 0


def test_who_has_others_to_turn_to_is_refused_without_a_trace(system: ActorSystem, log: EventLog, trace: Trace) -> None:
    agent, gate = held(system, "reject", trace)
    with system.dead_letters.withheld("message"), pytest.raises(MailboxFullError):
        agent.tell("message")
    assert log.of(DeadLetter) == []
    gate.open()
    stop(agent)
    with system.dead_letters.withheld("message"), pytest.raises(AgentStoppedError):
        agent.tell("message")
    assert [letter.reason for letter in system.dead_letters] == [R.STOPPED]


# -- every reason has a name ------------------------------------------------------------


def test_a_refused_message_is_a_dead_letter_whether_told_or_asked(
    system: ActorSystem, log: EventLog, trace: Trace
) -> None:
    agent, gate = held(system, "reject", trace)
    with pytest.raises(MailboxFullError):
        agent.tell("told")
    with pytest.raises(MailboxFullError):
        answer(agent, "asked")
    letters = [(letter.message, letter.reason, type(letter.error)) for letter in log.of(DeadLetter)]
    assert letters == [("told", R.FULL, MailboxFullError), ("asked", R.FULL, MailboxFullError)]
    gate.open()


@pytest.mark.parametrize(("overflow", "reason"), [("drop_newest", R.DROPPED_NEWEST), ("drop_oldest", R.DROPPED_OLDEST)])
def test_who_asked_what_was_dropped_is_told_that_the_mailbox_is_full(
    system: ActorSystem, trace: Trace, overflow: str, reason: R
) -> None:
    agent, gate = held(system, "drop_oldest" if reason is R.DROPPED_OLDEST else overflow, trace)
    asked = agent.ask("asked", block=False)
    agent.tell("newest")
    with pytest.raises(MailboxFullError):
        result(asked)
    assert reason in [letter.reason for letter in system.dead_letters if letter.message == "asked"]
    gate.open()


def test_an_answer_to_what_nobody_asked_is_a_dead_letter(system: ActorSystem, log: EventLog) -> None:
    def refuse(_agent: Doer) -> None:
        raise ReplyError("no")

    system.spawn(Doer, name="a").tell(refuse)
    letter = log.wait(DeadLetter)
    assert (letter.reason, letter.message, str(letter.error)) == (R.UNANSWERED, refuse, "no")


@pytest.mark.parametrize("reason", list(R))
def test_each_reason_is_text_like_any_other(reason: R) -> None:
    letter = DeadLetter("/a", 1, 0.0, "message", reason)
    assert letter.reason == reason.value == str(reason) == letter.why
    assert DeadLetter("/a", 1, 0.0, "message", reason, detail="more").why == f"{reason}, more"


def test_a_refusal_that_has_no_error_says_why(system: ActorSystem, trace: Trace) -> None:
    _, gate = held(system, "drop_newest", trace)
    bury(system, "again", path="/a")
    ((_, error),) = system.dead_letters.replay().refused
    assert type(error) is ActorError
    gate.open()


def test_a_question_after_an_agent_that_has_ended_is_answered_by_that_and_is_no_dead_letter(
    system: ActorSystem, spec: Any
) -> None:
    gone = system.spawn(spec(Doer, "gone"))
    gone.stop()
    with pytest.raises(AgentStoppedError):
        gone.ask(Inquiry())
    assert system.dead_letters.list() == []
