"""Does a test see what happened in a system, in which order, and what did not?"""

import gc
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentBackingOff,
    AgentFailed,
    AgentRestarted,
    AgentStarted,
    AgentStopped,
    ChildSpec,
    DeadLetter,
    Event,
    StopReason,
    Supervisor,
    SystemStopped,
)
from actors.testkit import Events, EventView, Simulation, VirtualClock
from policies import Backoff, Directive, Restart


class Worker(Agent):
    """Fails with what it is sent if that is an error."""

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        return message


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def system(clock: VirtualClock) -> Iterator[ActorSystem]:
    with ActorSystem("test", clock=clock) as system:
        yield system


@pytest.fixture
def events(system: ActorSystem) -> Events:
    return Events(system)


def publish(system: ActorSystem, *paths: str) -> None:
    """Report a start for each path, without an agent."""
    for path in paths:
        system.events.publish(AgentStarted(path, 1, 0.0))


# -- what is expected ------------------------------------------------------------


def test_an_event_that_has_happened_is_found_at_once(system: ActorSystem, events: Events) -> None:
    system.spawn(Worker, name="a")
    assert events.expect(AgentStarted, "/a", within=0.0) == AgentStarted("/a", 1, 0.0, Worker)


def test_an_event_that_happens_later_is_waited_for(system: ActorSystem, events: Events) -> None:
    worker = system.spawn(Worker, name="a")
    worker.tell(ValueError("broken"))
    assert events.expect(AgentRestarted, "/a").incarnation == 2


def test_an_expectation_passes_over_others_and_the_next_begins_behind_it(system: ActorSystem, events: Events) -> None:
    publish(system, "/a", "/b", "/a")
    events.expect(AgentStarted, "/b")
    events.expect(AgentStarted, "/a")
    with pytest.raises(AssertionError):
        events.expect(AgentStarted, "/a", within=0.0)


def test_a_rewound_record_is_read_again(system: ActorSystem, events: Events) -> None:
    publish(system, "/a")
    events.expect(AgentStarted)
    events.rewind()
    events.expect(AgentStarted, within=0.0)


def test_what_never_happens_is_an_assertion_error_that_shows_what_did(system: ActorSystem, events: Events) -> None:
    publish(system, "/before", "/a")
    events.expect(AgentStarted, "/before")
    with pytest.raises(AssertionError) as caught:
        events.expect(AgentFailed, "/a", within=0.0, error=ValueError, directive=Directive.STOP)
    assert str(caught.value) == (
        "expected within 0 s: AgentFailed /a error=ValueError directive=stop\n"
        "since the event expected last:\n"
        "    AgentStarted /a #1 at=0"
    )


def test_where_nothing_has_happened_the_error_says_so(events: Events) -> None:
    with pytest.raises(AssertionError, match="since the event expected last: nothing"):
        events.expect(AgentStarted, within=0.0)


def test_of_very_many_events_an_error_shows_the_last(system: ActorSystem, events: Events) -> None:
    publish(system, *(f"/{number}" for number in range(100)))
    with pytest.raises(AssertionError) as caught:
        events.expect(AgentFailed, within=0.0)
    lines = str(caught.value).splitlines()[2:]
    assert lines[0] == "    ... 40 before"
    assert lines[-1] == "    AgentStarted /99 #1 at=0"


def test_a_field_is_a_value_a_type_or_a_function_that_is_true_of_it(system: ActorSystem, events: Events) -> None:
    error = ValueError("seven")
    system.spawn(Worker, name="a").tell(error)
    failed = events.expect(AgentFailed, error=error)
    events.rewind()
    assert events.expect(AgentFailed, error=ValueError, directive=Directive.RESTART, incarnation=1) is failed
    events.rewind()
    assert events.expect(AgentFailed, error=lambda raised: "seven" in str(raised)) is failed
    assert events.count(AgentFailed, error=TypeError) == 0
    assert events.count(AgentFailed, error=lambda raised: "eight" in str(raised)) == 0


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/", 1),
        ("/crew", 1),
        ("/crew/a", 1),
        ("/crew/*", 2),
        ("/*", 2),
        ("/**", 6),
        ("/**/a", 3),
        ("/crew/**", 3),
        ("/crew/?", 2),
        ("/none/**", 0),
    ],
)
def test_a_path_may_be_a_pattern_as_of_select(system: ActorSystem, events: Events, pattern: str, expected: int) -> None:
    publish(system, "/", "/crew", "/crew/a", "/crew/b", "/a", "/far/off/a")
    assert events.count(AgentStarted, pattern) == expected


def test_a_sequence_is_found_in_its_order_with_others_between(system: ActorSystem, events: Events) -> None:
    system.spawn(Worker, name="other")
    worker = system.spawn(Worker, name="a")
    worker.tell(ValueError("broken"))
    started, failed, restarted = events.expect_sequence(
        [AgentStarted, (AgentFailed, "/a", {"error": ValueError}), (AgentRestarted, "/a")]
    )
    assert (started.path, failed.directive, restarted.incarnation) == ("/other", Directive.RESTART, 2)


def test_a_sequence_in_another_order_fails_at_the_event_that_is_missing(system: ActorSystem, events: Events) -> None:
    publish(system, "/b", "/a")
    with pytest.raises(AssertionError, match="expected within 0 s: AgentStarted /b, 2 of a sequence of 2"):
        events.expect_sequence([(AgentStarted, "/a"), (AgentStarted, "/b")], within=0.0)


def test_events_in_any_order_are_given_in_the_order_asked_for(system: ActorSystem, events: Events) -> None:
    publish(system, "/b", "/x", "/a", "/after")
    found = events.expect_unordered([(AgentStarted, "/a"), (AgentStarted, "/b")])
    assert [event.path for event in found] == ["/a", "/b"]
    assert events.expect(AgentStarted, within=0.0).path == "/after"


def test_in_any_order_each_event_stands_for_one_item_however_many_it_fits(system: ActorSystem, events: Events) -> None:
    publish(system, "/a", "/b", "/c")
    wanted: list[Any] = [AgentStarted, (AgentStarted, "/*"), (AgentStarted, "/a")]
    assert events.expect_unordered(wanted)[2].path == "/a"
    events.rewind()
    with pytest.raises(AssertionError) as caught:
        events.expect_unordered([*wanted, (AgentStarted, "/a")], within=0.0)
    assert "in any order, 4 events, of which these did not come:\n    AgentStarted /a\n" in str(caught.value)


def test_in_any_order_one_event_too_many_of_a_kind_stands_for_no_other(system: ActorSystem, events: Events) -> None:
    publish(system, "/a", "/a")
    with pytest.raises(AssertionError, match="did not come:\n    AgentStarted /b\n"):
        events.expect_unordered([(AgentStarted, "/a"), (AgentStarted, "/b")], within=0.0)


def test_to_expect_nothing_is_to_find_nothing(events: Events) -> None:
    assert events.expect_sequence([], within=0.0) == []
    assert events.expect_unordered([], within=0.0) == []


def test_in_a_simulation_what_is_waited_for_happens_in_virtual_time() -> None:
    begun = time.monotonic()
    with Simulation(seed=7, policy=Restart(backoff=Backoff(60.0, cap=60.0))) as system:
        events = Events(system)
        system.spawn(Worker, name="a").tell(ValueError("broken"))
        events.expect(AgentRestarted, "/a", within=100.0)
        assert system.clock.now() == 60.0
        with pytest.raises(AssertionError, match="expected within 1000 s"):
            events.expect(AgentFailed, within=1000.0)
        assert system.clock.now() == 1060.0
    assert time.monotonic() - begun < 10.0


def test_events_in_any_order_are_waited_for(system: ActorSystem, events: Events) -> None:
    workers = [system.spawn(Worker, name=name) for name in "ab"]
    for worker in workers:
        worker.tell(ValueError("broken"))
    events.expect_unordered([(AgentRestarted, "/b"), (AgentRestarted, "/a")])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda events: events.expect(int), "kind: a type of events, not <class 'int'>"),
        (lambda events: events.expect(AgentFailed, "a"), "a path is a str that starts with /"),
        (lambda events: events.expect(AgentFailed, reason="x"), "AgentFailed has no field 'reason'; it has path, "),
        (lambda events: events.expect(AgentFailed, within=-1.0), "within: seconds"),
        (lambda events: events.expect_sequence(["AgentFailed"]), "items: each a kind"),
        (lambda events: events.expect_sequence([(AgentFailed, "/a", "b", "c")]), "items: each a kind"),
        (lambda events: events.within("a"), "a path is a str"),
        (lambda events: events.none(int), "kind: a type of events"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(events: Events, call: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call(events)


# -- what is counted -------------------------------------------------------------


def test_counting_is_of_all_there_was_wherever_the_cursor_is(system: ActorSystem, events: Events) -> None:
    publish(system, "/a", "/b", "/a")
    events.expect(AgentStarted, "/b")
    assert events.count(AgentStarted) == 3
    assert events.count(AgentStarted, "/a") == 2
    assert [event.path for event in events.of(AgentStarted, "/a")] == ["/a", "/a"]
    assert [event.path for event in events] == ["/a", "/b", "/a"]
    assert len(events) == 3


def test_none_of_a_kind_is_asserted_with_what_there_was_instead(system: ActorSystem, events: Events) -> None:
    publish(system, "/a")
    events.none(AgentFailed)
    events.none(AgentStarted, "/b")
    with pytest.raises(AssertionError) as caught:
        events.none(AgentStarted, "/a")
    assert str(caught.value) == "expected none, of 1 events: AgentStarted /a\n    AgentStarted /a #1 at=0"


def test_events_before_the_recording_and_after_its_end_are_not_in_it(system: ActorSystem) -> None:
    publish(system, "/before")
    with Events(system) as events:
        publish(system, "/during")
    publish(system, "/after")
    assert [event.path for event in events] == ["/during"]


def test_the_last_event_is_the_end_of_the_system() -> None:
    with ActorSystem("test") as system:
        events = Events(system)
        system.spawn(Worker, name="a")
    events.expect_sequence([(AgentStopped, "/a", {"reason": StopReason.SHUTDOWN}), (SystemStopped, "/")], within=0.0)


def test_a_part_of_the_tree_has_its_own_events_and_cursor(system: ActorSystem, events: Events) -> None:
    publish(system, "/crew", "/crew/a", "/crewless", "/crew/a/b")
    crew = events.within("/crew")
    assert [event.path for event in crew] == ["/crew", "/crew/a", "/crew/a/b"]
    assert [event.path for event in crew.within("/crew/a")] == ["/crew/a", "/crew/a/b"]
    assert len(crew.within("/")) == 4
    crew.expect(AgentStarted, "/crew/a/b")
    events.expect(AgentStarted, "/crew", within=0.0)
    with pytest.raises(AssertionError, match="since the event expected last: nothing"):
        crew.expect(AgentStarted, within=0.0)


def test_a_record_prints_as_one_line(system: ActorSystem, events: Events) -> None:
    publish(system, "/crew", "/other")
    assert repr(events) == "<Events test/: 2>"
    assert repr(events.within("/crew")) == "<EventView test/crew: 1>"


def test_a_record_is_told_by_many_threads_and_loses_nothing(system: ActorSystem, events: Events) -> None:
    barrier = threading.Barrier(4)

    def report(number: int) -> None:
        barrier.wait()
        publish(system, *(f"/{number}/{count}" for count in range(200)))

    threads = [threading.Thread(target=report, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for number in range(4):
        view: EventView = events.within(f"/{number}")
        view.expect_sequence([(AgentStarted, f"/{number}/{count}") for count in range(200)])
    for thread in threads:
        thread.join()
    assert len(events) == 800


def test_who_has_found_what_it_waited_for_is_forgotten(system: ActorSystem, events: Events) -> None:
    publish(system, "/a")
    for _ in range(10):
        events.rewind()
        events.expect(AgentStarted)
        with pytest.raises(AssertionError):
            events.expect(AgentFailed, within=0.0)
    gc.collect()
    assert events._record._waiting == []


# -- what is written down --------------------------------------------------------


class Line(Supervisor):
    """Two workers; the first fails as often as it is told to."""

    children = (ChildSpec(Worker, name="a"), ChildSpec(Worker, name="b"))
    policy = Restart(max_restarts=1, within=None, backoff=Backoff(0.5, cap=2.0, jitter=0.5))


def a_life(system: ActorSystem, events: Events, clock: VirtualClock) -> None:
    system.spawn(Line, name="line")
    worker = system.find("/line/a")
    assert worker is not None
    worker.tell(ValueError(f"broken {object()!r}"))
    events.expect(AgentBackingOff)
    clock.advance(2.0)
    events.expect(AgentRestarted)
    worker.ask("barrier")


def test_a_line_names_the_event_its_agent_and_what_it_says_but_no_times(
    system: ActorSystem, events: Events, clock: VirtualClock
) -> None:
    a_life(system, events, clock)
    worker = "/line/a"
    assert events.within(worker).lines() == [
        f"AgentSpawned {worker} #1 agent=Worker restart=transient",
        f"AgentStarted {worker} #1",
        f"DeadLetter {worker} #1 message=ValueError('broken <object object at 0x?>') reason=failed "
        "error=ValueError('broken <object object at 0x?>')",
        f"AgentSuspended {worker} #1 was=running error=ValueError('broken <object object at 0x?>') phase=receive",
        f"AgentFailed {worker} #1 error=ValueError('broken <object object at 0x?>') phase=receive directive=restart",
        f"AgentBackingOff {worker} #1 delay=? was=suspended",
        f"AgentRestarting {worker} #2 was=backing_off",
        f"AgentRestarted {worker} #2 error=ValueError('broken <object object at 0x?>')",
    ]


def test_what_is_masked_can_be_chosen(system: ActorSystem, events: Events) -> None:
    system.events.publish(AgentBackingOff("/a", 1, 2.5, 0.25))
    system.events.publish(
        DeadLetter("/a", 1, 2.5, "two\nlines of urn:uuid:01234567-89ab-cdef-0123-456789abcdef", "failed")
    )
    assert events.lines(mask=()) == [
        "AgentBackingOff /a #1 at=2.5 delay=0.25",
        "DeadLetter /a #1 at=2.5 message='two\\nlines of urn:uuid:?' reason='failed'",
    ]
    assert events.lines(mask=("at", "message"))[1] == "DeadLetter /a #1 message=? reason='failed'"


class Broken:
    """Cannot be printed."""

    def __repr__(self) -> str:
        raise ValueError("no repr")


def test_a_line_is_written_of_what_cannot_be_printed(system: ActorSystem, events: Events) -> None:
    system.events.publish(DeadLetter("/a", 1, 0.0, Broken(), "failed"))
    assert events.lines() == ["DeadLetter /a #1 message=<Broken that cannot be printed> reason='failed'"]


def test_a_golden_file_is_written_on_request_and_compared_from_then_on(
    system: ActorSystem, events: Events, clock: VirtualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_life(system, events, clock)
    file = tmp_path / "new" / "folder" / "life.txt"
    monkeypatch.setenv("ACTORTREE_UPDATE_GOLDEN", "1")
    events.within("/line").assert_golden(file)
    monkeypatch.setenv("ACTORTREE_UPDATE_GOLDEN", "0")
    events.within("/line").assert_golden(file)
    assert file.read_text(encoding="utf-8").splitlines() == events.within("/line").lines()


def test_a_golden_file_that_is_not_there_is_said_to_be_missing_and_how_it_is_made(
    events: Events, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACTORTREE_UPDATE_GOLDEN", raising=False)
    with pytest.raises(
        AssertionError, match=r"no golden file .*none\.txt: run the test with ACTORTREE_UPDATE_GOLDEN=1"
    ):
        events.assert_golden(tmp_path / "none.txt")


def test_what_is_not_as_in_the_golden_file_is_shown_as_a_difference(
    system: ActorSystem, events: Events, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACTORTREE_UPDATE_GOLDEN", raising=False)
    file = tmp_path / "starts.txt"
    file.write_text("AgentStarted /a #1\nAgentStarted /c #1\n", encoding="utf-8")
    publish(system, "/a", "/b")
    with pytest.raises(AssertionError) as caught:
        events.assert_golden(file)
    assert str(caught.value).splitlines()[1:] == [
        "--- starts.txt",
        "+++ now",
        "@@ -1,2 +1,2 @@",
        " AgentStarted /a #1",
        "-AgentStarted /c #1",
        "+AgentStarted /b #1",
    ]


def test_all_kinds_of_events_can_be_expected_as_one(system: ActorSystem, events: Events) -> None:
    publish(system, "/a")
    assert isinstance(events.expect(Event), AgentStarted)
