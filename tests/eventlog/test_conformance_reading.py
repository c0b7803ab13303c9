"""Does each log give what was appended, in pages that neither repeat nor omit a record?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from actors.eventlog.kinds import TaskAssignedRecord
from actors.eventlog.log import EventLog, Gap, Retention
from tests.eventlog.conftest import Backend
from tests.eventlog.samples import append_bad, change, fill, note, texts

Settle = Callable[[EventLog], None]


def test_what_is_appended_is_stamped_and_read_as_it_was_given(log: EventLog, settle: Settle) -> None:
    before = datetime.now(UTC)
    record = (
        TaskAssignedRecord(message="go", task_id="t1", scope="s").with_agent("a").with_transition("idle", "working")
    )
    given = log.append(record)
    settle(log)
    (read,) = log.read()
    assert read == given
    assert (given.seq, given.run, given.event_id) == (1, log.run, f"{log.run}-1")
    assert given.timestamp is not None
    assert before <= given.timestamp <= datetime.now(UTC)
    assert given.model_copy(update=dict.fromkeys(("seq", "run", "event_id", "timestamp"))) == record


def test_a_record_that_is_in_a_log_is_not_taken_again(log: EventLog) -> None:
    given = log.append(note("once"))
    with pytest.raises(ValueError, match="in a log already"):
        log.append(given)
    with pytest.raises(ValueError, match="a Record, not 'text'"):
        log.append("text")  # type: ignore[arg-type]


@pytest.mark.system_case("T93")
@pytest.mark.system_case("D4.2")
def test_a_cursor_is_exclusive_so_that_pages_neither_repeat_nor_omit(log: EventLog, settle: Settle) -> None:
    fill(log, "abcde")
    settle(log)
    cursor, pages = 0, []
    for _ in range(4):
        page = log.read(cursor, 2)
        cursor = page.cursor
        pages.append(texts(page))
    assert pages == [["a", "b"], ["c", "d"], ["e"], []]
    assert cursor == 5


@pytest.mark.system_case("T93")
@pytest.mark.system_case("D4.2")
def test_pages_of_one_advance_and_the_start_gives_all(log: EventLog, settle: Settle) -> None:
    fill(log, "abc")
    settle(log)
    first = log.read(0, 1)
    assert (texts(first), texts(log.read(first.cursor, 1))) == (["a"], ["b"])
    assert texts(log.read()) == ["a", "b", "c"]


@pytest.mark.system_case("T93")
@pytest.mark.parametrize("count", [0, -1, True, 1.0, None])
def test_a_count_below_one_is_refused(log: EventLog, count: int) -> None:
    for ask in (lambda: log.read(0, count), lambda: log.recent(count)):
        with pytest.raises(ValueError, match="count: a whole number of at least 1"):
            ask()


def test_what_is_no_cursor_or_two_views_at_once_is_refused(log: EventLog) -> None:
    for after in (-1, "0-0", None, True):
        with pytest.raises(ValueError, match="after: the number of a record"):
            log.read(after)  # type: ignore[arg-type]
    for ask in (log.read, log.recent, log.follow, log.forget):
        with pytest.raises(ValueError, match="one view at a time"):
            ask(agent="a", mission="m")  # type: ignore[operator]


@pytest.mark.system_case("T94")
@pytest.mark.system_case("D4.3")
def test_recent_gives_the_newest_in_the_order_in_which_they_came(log: EventLog, settle: Settle) -> None:
    fill(log, range(1, 11))
    settle(log)
    assert texts(log.recent(3)) == ["8", "9", "10"]
    assert len(log.recent(20)) == 10


@pytest.mark.system_case("T94")
@pytest.mark.system_case("D4.14")
def test_recent_filters_before_it_counts(log: EventLog, settle: Settle) -> None:
    for number in range(1, 31):
        log.append((change if number % 10 else note)(number, agent_id="rare" if number % 5 == 0 else "often"))
    settle(log)
    assert texts(log.recent(3, agent="rare")) == ["20", "25", "30"]
    assert texts(log.recent(2, kinds=("mission_event",))) == ["20", "30"]
    assert texts(log.recent(2, agent="rare", kinds=("agent_state_changed",))) == ["15", "25"]
    with pytest.raises(ValueError, match="several kinds"):
        log.recent(2, kinds="mission_event")  # type: ignore[arg-type]


@pytest.mark.system_case("T95")
@pytest.mark.system_case("D4.1")
def test_entries_that_are_no_records_are_passed_and_counted(log: EventLog, settle: Settle) -> None:
    append_bad(log, 25)
    log.append(note("good"))
    settle(log)
    page = log.read(0, 5)
    assert (texts(page), page.bad, page.cursor) == (["good"], 25, 26)
    assert texts(log.recent(5)) == ["good"]
    assert log.stats.bad == 25


@pytest.mark.system_case("T95")
@pytest.mark.system_case("D4.1")
def test_a_page_of_bad_entries_alone_moves_the_cursor_behind_them(log: EventLog, settle: Settle) -> None:
    append_bad(log, 3)
    settle(log)
    page = log.read()
    assert (len(page), page.bad, page.cursor) == (0, 3, 3)


@pytest.mark.system_case("T95")
@pytest.mark.system_case("D4.1")
def test_a_follower_passes_bad_entries_and_says_how_many(log: EventLog) -> None:
    with log.follow(0) as follower:
        append_bad(log, 25)
        log.append(note("good"))
        assert texts(follower.next_batch()) == ["good"]
        assert (follower.bad, follower.cursor) == (25, 26)


@pytest.mark.system_case("T96")
@pytest.mark.system_case("D4.4")
def test_a_cursor_that_is_too_old_is_told_what_is_lost(backend: Backend, settle: Settle) -> None:
    log = backend.log(Retention(system=100, agent=100, mission=100))
    fill(log, range(1, 1001))
    settle(log)
    page = log.read(after=10, count=1)
    assert page.gap is not None
    first = page.gap.first_available
    assert page.gap.lost == first - 11
    assert texts(page) == [str(first)]
    assert first == 901 if backend.exact else 500 <= first <= 901
    assert log.read(after=first - 1).gap is None, "nothing is lost for who has all before the oldest"
    assert log.read(after=first - 2).gap == Gap(first, 1)


@pytest.mark.system_case("T96")
@pytest.mark.system_case("D4.4")
def test_the_gap_of_a_view_is_told_with_a_number_only_where_it_is_known(backend: Backend, settle: Settle) -> None:
    log = backend.log(Retention(system=None, agent=10, mission=10))
    fill(log, range(500), agent_id="a")
    fill(log, range(5), agent_id="b")
    settle(log)
    gap = log.read(agent="a").gap
    assert gap is not None
    assert gap.lost == gap.first_available - 1
    assert log.read(after=3, agent="a").gap == Gap(gap.first_available, None)
    assert log.read(agent="b").gap is None


def test_another_reader_finds_the_same(backend: Backend, settle: Settle) -> None:
    log = backend.log()
    fill(log, range(300), agent_id="a", mission_id="m")
    settle(log)
    reader = backend.reader(log)
    assert reader.run == log.run
    assert reader.read(0, 1000).records == log.read(0, 1000).records
    assert reader.recent(7, mission="m") == log.recent(7, mission="m")
    assert reader.read(0, 1000, agent="a") == log.read(0, 1000, agent="a")
    (run,) = [run for run in reader.runs() if run.run == log.run]
    assert (run.last_seq, run.ended) == (300, "")
