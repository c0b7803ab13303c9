"""Does the oracle see each invariant broken? A record of each is made by hand; a check that cannot fail is none."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from actors import AgentFailed, AgentRestarted, AgentStarted, AgentStopped, DeadLetter, StopReason, SystemStopped
from actors._core.ref import OPEN
from policies import Directive, Phase
from tests.properties.accounts import Answer, Incarnation
from tests.properties.oracle import Oracle
from tests.properties.programs import Oops


class Ref:
    """A ref of an agent that lives; equal only to itself."""

    _cell = SimpleNamespace(gate=OPEN)


_REFS: dict[str, Ref] = {}


def incarnation(path: str = "/a", number: int = 1, ref: Ref | None = None) -> Incarnation:
    """One incarnation of the agent at a path, as the oracle knows it."""
    cell = SimpleNamespace(spec=SimpleNamespace(keep_children=False))
    ref = ref or _REFS.setdefault(path, Ref())
    context = SimpleNamespace(path=path, incarnation=number, ref=ref, fenced=False, over=False, cell=cell)
    return Incarnation(context)


class Record:
    """What is told to an oracle, in short."""

    def __init__(self) -> None:
        self.oracle = Oracle(exact=True)

    def runs(self, who: Incarnation, what: str = "handler") -> None:
        self.oracle.leaves(self.oracle.enters(who, what))

    def starts(self, who: Incarnation) -> Incarnation:
        self.runs(who, "__init__")
        kind: Any = AgentStarted if who.incarnation == 1 else AgentRestarted
        error = () if who.incarnation == 1 else (None,)
        self.oracle.hear(kind(who.path, who.incarnation, 0.0, *error))
        return who

    def stops(self, who: Incarnation, at: float = 1.0) -> None:
        self.oracle.hear(AgentStopped(who.path, who.incarnation, at, StopReason.SHUTDOWN))

    def system_stops(self) -> None:
        self.oracle.hear(SystemStopped("/", 1, 2.0, None))

    def buries(self, letter: Any, who: Incarnation, reason: str = "failed") -> None:
        self.oracle.hear(DeadLetter(who.path, who.incarnation, 0.0, letter, reason))

    def handles(self, letter: Any, who: Incarnation, end: str | None, asked: bool = False) -> None:
        self.oracle.began(letter, who, asked).end = end

    @property
    def broken(self) -> list[str]:
        return [violation.invariant for violation in self.oracle.violations]


def a_life(record: Record) -> Incarnation:
    """An agent that has started, and nothing wrong."""
    return record.starts(incarnation())


# -- what is right ---------------------------------------------------------------


def test_a_record_in_which_all_is_as_it_should_be_is_let_pass() -> None:
    record = Record()
    oracle = record.oracle
    first = a_life(record)
    child = record.starts(incarnation("/a/b"))
    told, asked, failed = (oracle.letter(()) for _ in range(3))
    for letter in (told, asked, failed):
        oracle.sends(letter, asked=letter is asked)
    record.handles(told, first, "stashed")
    record.handles(asked, first, "done", asked=True)
    oracle.asks_for(asked, "a test").ends(Answer(asked.number, "/a", 1, False))
    record.handles(failed, child, "raised")
    record.buries(failed, child)
    error = Oops()
    oracle.raised(child, error)
    oracle.hear(AgentFailed("/a/b", 1, 0.0, error, Phase.RECEIVE, Directive.STOP))
    record.stops(child)
    second = record.starts(incarnation(number=2))
    record.handles(told, second, "done")
    oracle.holds("children of /a", 1, 1)
    oracle.stops_one("the stop of /a").ends()
    record.stops(second)
    record.system_stops()

    oracle.conclude()

    assert oracle.verdict() == ""


# -- what is wrong ---------------------------------------------------------------


def one_child_too_many(record: Record) -> None:
    record.oracle.holds("children of /a", 3, 2)


def an_own_thread_that_is_not_its_own(record: Record) -> None:
    record.oracle.runs_on(a_life(record), 1)
    record.oracle.runs_on(record.starts(incarnation("/b")), 1)


def an_agent_that_leaves_its_own_thread(record: Record) -> None:
    who = a_life(record)
    record.oracle.runs_on(who, 1)
    record.oracle.runs_on(who, 2)


def two_incarnations_at_a_time(record: Record) -> None:
    record.oracle.enters(a_life(record), "handler")
    record.starts(incarnation(number=2))


def two_messages_at_a_time(record: Record) -> None:
    who = a_life(record)
    record.oracle.enters(who, "handler")
    record.oracle.enters(who, "handler")


def an_ask_without_an_end(record: Record) -> None:
    record.oracle.asks_for(record.oracle.letter(()), "a test")
    record.oracle.conclude()


def an_ask_with_two_ends(record: Record) -> None:
    asked = record.oracle.asks_for(record.oracle.letter(()), "a test")
    asked.ends(error=Oops())
    asked.ends(error=Oops())
    record.oracle.conclude()


def the_answer_to_another_ask(record: Record) -> None:
    asked = record.oracle.asks_for(record.oracle.letter(()), "a test")
    asked.ends(Answer(7, "/a", 1, False))
    record.oracle.conclude()


def _sent(record: Record, asked: bool = False) -> Any:
    letter = record.oracle.letter(())
    record.oracle.sends(letter, asked)
    return letter


def a_message_that_is_lost(record: Record) -> None:
    _sent(record)
    record.oracle.conclude()


def a_failed_message_without_a_dead_letter(record: Record) -> None:
    record.handles(_sent(record), a_life(record), "raised")
    record.oracle.conclude()


def a_stashed_message_that_is_lost(record: Record) -> None:
    record.handles(_sent(record), a_life(record), "stashed")
    record.oracle.conclude()


def a_message_that_is_handled_and_dead(record: Record) -> None:
    letter, who = _sent(record), a_life(record)
    record.handles(letter, who, "done")
    record.buries(letter, who, "stopped")
    record.oracle.conclude()


def a_message_that_is_handled_twice(record: Record) -> None:
    letter, who = _sent(record, asked=True), a_life(record)
    record.handles(letter, who, "done", asked=True)
    record.handles(letter, who, "done")
    record.oracle.conclude()


def a_refused_message_that_is_handled(record: Record) -> None:
    letter, who = _sent(record), a_life(record)
    record.buries(letter, who, "mailbox full")
    record.handles(letter, who, "done")
    record.oracle.conclude()


def a_stop_without_an_end(record: Record) -> None:
    record.oracle.stops_one("the stop of /a by a test")
    record.oracle.conclude()


def an_agent_that_outlives_the_system(record: Record) -> None:
    a_life(record)
    record.system_stops()


def a_system_that_does_not_say_that_it_has_stopped(record: Record) -> None:
    record.oracle.conclude()


def two_starts(record: Record) -> None:
    a_life(record)
    record.oracle.hear(AgentStarted("/a", 1, 0.0))


def a_restart_as_the_same_incarnation(record: Record) -> None:
    a_life(record)
    record.oracle.hear(AgentRestarted("/a", 1, 0.0, None))


def two_ends(record: Record) -> None:
    who = a_life(record)
    record.stops(who)
    record.stops(who)


def an_end_without_a_beginning(record: Record) -> None:
    record.oracle.hear(AgentStopped("/a", 2, 0.0, StopReason.SHUTDOWN))


def time_that_runs_backwards(record: Record) -> None:
    who = record.starts(incarnation())
    record.oracle.hear(AgentRestarted("/a", 2, 3.0, None))
    record.stops(who, at=2.0)


def a_message_before_the_event_of_the_start(record: Record) -> None:
    record.runs(incarnation(), "__init__")
    record.runs(incarnation())


def code_after_the_event_of_the_end(record: Record) -> None:
    who = a_life(record)
    record.stops(who)
    record.runs(who, "on_stop")


def a_failure_without_an_event(record: Record) -> None:
    record.oracle.raised(a_life(record), Oops())
    record.oracle.conclude()


def a_failure_with_two_events(record: Record) -> None:
    error = Oops()
    record.oracle.raised(a_life(record), error)
    for _ in range(2):
        record.oracle.hear(AgentFailed("/a", 1, 0.0, error, Phase.RECEIVE, Directive.RESTART))
    record.oracle.conclude()


def a_parent_that_stops_before_its_child(record: Record) -> None:
    who = a_life(record)
    record.starts(incarnation("/a/b"))
    record.stops(who)


def a_parents_last_hook_before_its_childs_end(record: Record) -> None:
    who = a_life(record)
    record.starts(incarnation("/a/b"))
    record.runs(who, "on_stop")


def a_parent_that_stops_while_its_childs_code_runs(record: Record) -> None:
    who = a_life(record)
    record.oracle.enters(incarnation("/a/b"), "on_start")
    record.stops(who)


def code_of_an_old_incarnation_after_a_newer_one(record: Record) -> None:
    old = a_life(record)
    record.starts(incarnation(number=2))
    record.runs(old, "on_stop")


def code_of_an_old_agent_after_a_newer_one_of_its_name(record: Record) -> None:
    old = a_life(record)
    record.stops(old)
    record.starts(incarnation(ref=Ref()))
    record.runs(old, "on_stop")


def code_of_an_incarnation_that_was_abandoned(record: Record) -> None:
    who = a_life(record)
    who.context.fenced = True
    record.runs(who)


def a_tick_of_an_old_incarnation(record: Record) -> None:
    tick = record.oracle.letter((), a_life(record))
    record.oracle.began(tick, record.starts(incarnation(number=2)), False)


def a_result_for_an_old_incarnation(record: Record) -> None:
    record.oracle.result_arrived(record.starts(incarnation()), late=True)


def an_act_of_one_that_was_abandoned(record: Record) -> None:
    record.oracle.acted(incarnation(), "tell")


def an_answer_of_one_that_was_abandoned(record: Record) -> None:
    letter = record.oracle.letter(())
    record.oracle.asks_for(letter, "a test").ends(Answer(letter.number, "/a", 1, late=True))
    record.oracle.conclude()


BROKEN: dict[str, list[Callable[[Record], object]]] = {
    "I1": [one_child_too_many, an_own_thread_that_is_not_its_own, an_agent_that_leaves_its_own_thread],
    "I2": [two_incarnations_at_a_time, two_messages_at_a_time],
    "I3": [an_ask_without_an_end, an_ask_with_two_ends, the_answer_to_another_ask],
    "I4": [
        a_message_that_is_lost,
        a_failed_message_without_a_dead_letter,
        a_stashed_message_that_is_lost,
        a_message_that_is_handled_and_dead,
        a_message_that_is_handled_twice,
        a_refused_message_that_is_handled,
    ],
    "I6": [a_stop_without_an_end, an_agent_that_outlives_the_system, a_system_that_does_not_say_that_it_has_stopped],
    "I7": [
        two_starts,
        a_restart_as_the_same_incarnation,
        two_ends,
        an_end_without_a_beginning,
        time_that_runs_backwards,
        a_message_before_the_event_of_the_start,
        code_after_the_event_of_the_end,
        a_failure_without_an_event,
        a_failure_with_two_events,
    ],
    "I8": [
        a_parent_that_stops_before_its_child,
        a_parents_last_hook_before_its_childs_end,
        a_parent_that_stops_while_its_childs_code_runs,
    ],
    "I10": [
        code_of_an_old_incarnation_after_a_newer_one,
        code_of_an_old_agent_after_a_newer_one_of_its_name,
        code_of_an_incarnation_that_was_abandoned,
        a_tick_of_an_old_incarnation,
        a_result_for_an_old_incarnation,
        an_act_of_one_that_was_abandoned,
        an_answer_of_one_that_was_abandoned,
    ],
}


@pytest.mark.parametrize(
    ("invariant", "breaks"),
    [pytest.param(name, act, id=f"{name} {act.__name__}") for name, acts in BROKEN.items() for act in acts],
)
def test_what_breaks_an_invariant_is_seen(invariant: str, breaks: Callable[[Record], object]) -> None:
    record = Record()

    breaks(record)

    assert invariant in record.broken, record.oracle.verdict()
    # Nothing is ever wrong without its name, and the datum beside it.
    assert all(str(violation).startswith(f"{violation.invariant}: ") for violation in record.oracle.violations)
