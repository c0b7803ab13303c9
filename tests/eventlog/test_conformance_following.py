"""Does a follower get each record once, in order, without asking again and again?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest

from actors.eventlog.log import EventLog, Gap, Retention
from actors.eventlog.records import Record
from tests.eventlog.conftest import Backend
from tests.eventlog.samples import PATIENCE, change, collect, fill, note, numbers, texts, together

Settle = Callable[[EventLog], None]


@pytest.mark.system_case("T97")
def test_a_follower_sees_each_of_many_concurrent_records_once_in_order(log: EventLog) -> None:
    with log.follow() as follower:
        together([partial(fill, log, range(125)) for _ in range(8)])
        found = collect(follower, lambda found: len(found) >= 1000)
    assert numbers(found) == list(range(1, 1001))


@pytest.mark.system_case("T101")
@pytest.mark.system_case("D4.2")
@pytest.mark.system_case("D4.3")
def test_a_late_follower_starts_at_the_tail_or_at_a_cursor(log: EventLog, settle: Settle) -> None:
    fill(log, "abc")
    settle(log)
    with log.follow() as tail, log.follow(1) as given, log.follow(0) as start:
        log.append(change("d"))
        assert texts(collect(tail, bool)) == ["d"]
        assert texts(collect(given, lambda found: len(found) == 3)) == ["b", "c", "d"]
        assert texts(collect(start, lambda found: len(found) == 4)) == ["a", "b", "c", "d"]
        assert (tail.cursor, given.cursor) == (4, 4)


@pytest.mark.system_case("T101")
@pytest.mark.system_case("T96")
@pytest.mark.system_case("D4.4")
def test_a_follower_that_is_too_late_is_told_of_the_gap_first(backend: Backend, settle: Settle) -> None:
    log = backend.log(Retention(system=50))
    fill(log, range(1, 1001))
    settle(log)
    with log.follow(5) as follower:
        gap, *rest = collect(follower, lambda found: len(found) > 50)
    assert isinstance(gap, Gap)
    assert gap.lost == gap.first_available - 6
    assert numbers(rest) == list(range(gap.first_available, 1001))[: len(rest)]


def test_a_follower_of_a_view_gets_that_view_alone(log: EventLog) -> None:
    with log.follow(agent="a") as agent, log.follow(mission="m") as mission:
        for number in range(10):
            log.append(note(number, agent_id="ab"[number % 2], mission_id="m" if number % 5 == 0 else None))
        assert texts(collect(agent, lambda found: len(found) >= 5)) == ["0", "2", "4", "6", "8"]
        assert texts(collect(mission, lambda found: len(found) >= 2)) == ["0", "5"]


@pytest.mark.system_case("D4.2")
def test_two_followers_and_the_reader_do_not_take_from_one_another(log: EventLog, settle: Settle) -> None:
    with log.follow() as one, log.follow() as other:
        fill(log, "ab")
        settle(log)
        assert texts(log.read()) == ["a", "b"]
        for follower in (one, other):
            assert texts(collect(follower, lambda found: len(found) >= 2)) == ["a", "b"]


def test_a_follower_waits_no_longer_than_it_was_told(log: EventLog) -> None:
    with log.follow() as follower:
        assert follower.next_batch(0) == []
        assert follower.next_batch(0.01) == []
        assert not follower.closed


def test_closing_a_follower_ends_the_wait_of_another_thread(log: EventLog) -> None:
    follower = log.follow()
    found: list[Record | Gap] = []
    has_one = threading.Event()

    def read() -> None:
        for record in follower:
            found.append(record)
            has_one.set()

    reader = threading.Thread(target=read)
    reader.start()
    log.append(note("one"))
    assert has_one.wait(PATIENCE)
    follower.close()
    follower.close()
    reader.join(PATIENCE)
    assert not reader.is_alive()
    assert (texts(found), follower.closed, follower.next_batch(1.0)) == (["one"], True, [])


def test_closing_the_log_ends_its_followers_when_they_have_all(log: EventLog) -> None:
    follower = log.follow()
    fill(log, "abc")
    found: list[Record | Gap] = []
    reader = threading.Thread(target=lambda: found.extend(follower))
    reader.start()
    log.close()
    reader.join(PATIENCE)
    assert not reader.is_alive()
    assert (texts(found), follower.closed) == (["a", "b", "c"], True)


def test_a_record_after_the_end_of_its_log_is_counted_as_dropped(log: EventLog) -> None:
    log.append(note("in time"))
    log.close()
    log.append(note("late"))
    stats = log.stats
    assert (stats.appended, stats.written, stats.waiting, sum(stats.dropped.values())) == (2, 1, 0, 1)
