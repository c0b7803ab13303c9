"""What becomes of records that are not written at once: which wait, which are dropped, and who is told?"""

from __future__ import annotations

import threading
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.eventlog import MemoryLog
from actors.eventlog.reading import ViewReader
from actors.eventlog.stamping import Entry
from actors.eventlog.waiting_room import WaitingRoom, is_gap
from actors.eventlog.writing import Buffered, encode_fields
from tests.eventlog.samples import PATIENCE, change, fill, note


class Sink(Buffered):
    """Keeps what is written in a list; `broken` is what it raises, `gate` what it waits for."""

    linger = 0.0
    first_pause: ClassVar[float] = 3600.0
    longest_pause: ClassVar[float] = 3600.0

    def __init__(self, capacity: int = 10) -> None:
        super().__init__(capacity)
        self.written: list[Entry] = []
        self.done: list[str] = []
        self.broken: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.tried = threading.Semaphore(0)
        self.memory = MemoryLog()

    def _write(self, entries: list[Entry]) -> None:
        self.tried.release()
        assert self.gate.wait(PATIENCE)
        if self.broken is not None:
            raise self.broken
        self.written += entries
        self.done.append(f"{len(entries)} entries")

    def _write_forget(self, view: str) -> None:
        self.done.append(f"forget {view}")

    def _write_sample(self, sample: dict[str, Any]) -> None:
        self.done.append(f"sample {sample}")

    def _write_end(self, timestamp: float) -> None:
        self.done.append("end")

    def _close_sink(self) -> None:
        self.done.append("closed")

    @property
    def _reader(self) -> ViewReader:
        return self.memory


class LossySink(Sink):
    """May lose lifecycle records, too, as one on another machine."""

    may_lose_lifecycle = True


def stuck(sink: Sink) -> Sink:
    """Have it wait in a write of one record."""
    sink.gate.clear()
    sink.append(change("in hand"))
    assert sink.tried.acquire(timeout=PATIENCE)
    return sink


def told(sink: Sink) -> list[str]:
    return [
        "gap {from_seq}-{to_seq}: {count} {reason}".format(**entry.fields) if is_gap(entry) else entry.fields["message"]
        for entry in sink.written
    ]


def test_chatter_is_dropped_first_and_the_oldest_of_it() -> None:
    with stuck(Sink(capacity=4)) as sink:
        for number in range(2, 8):
            sink.append((change if number % 2 else note)(number))
        sink.gate.set()
        assert sink.flush(PATIENCE)
        assert told(sink) == ["in hand", "3", "gap 2-4: 2 no_room", "5", "6", "7"]
        assert sink.stats.dropped == {"chatter_no_room": 2}


def test_lifecycle_records_wait_beyond_the_bound() -> None:
    with stuck(Sink(capacity=4)) as sink:
        fill(sink, range(100))
        assert sink.stats.waiting == 101
        sink.gate.set()
        assert sink.flush(PATIENCE)
        assert told(sink)[1:] == [str(number) for number in range(100)]
        assert sink.stats.dropped == {}


def test_a_log_that_may_lose_them_drops_the_oldest_lifecycle_records_and_tells_of_the_gap_once() -> None:
    with stuck(LossySink(capacity=4)) as sink:
        fill(sink, range(2, 21))
        sink.gate.set()
        assert sink.flush(PATIENCE)
        assert told(sink) == ["in hand", "gap 2-16: 15 no_room", "17", "18", "19", "20"]
        stats = sink.stats
        assert (stats.appended, stats.written, stats.waiting) == (20, 5, 0)
        assert stats.dropped == {"lifecycle_no_room": 15}


def test_a_gap_has_the_number_of_the_last_that_is_lost() -> None:
    with stuck(Sink(capacity=1)) as sink:
        sink.append(note("lost"))
        sink.append(note("kept"))
        sink.gate.set()
        assert sink.flush(PATIENCE)
        assert [entry.seq for entry in sink.written] == [1, 2, 3]


def test_what_failed_is_tried_again_in_order_and_is_written_once() -> None:
    with Sink() as sink:
        sink.broken = OSError("the disk is full")
        sink.append(change("first"))
        assert sink.tried.acquire(timeout=PATIENCE)
        assert not sink.flush(0.0)
        fill(sink, ["second", "third"])
        sink.broken = None
        assert sink.flush(PATIENCE)
        assert told(sink) == ["first", "second", "third"]
        stats = sink.stats
        assert (stats.up, stats.written, stats.dropped) == (True, 3, {})
        assert stats.failed >= 1


def test_while_writing_fails_lifecycle_records_wait_up_to_ten_times_the_bound() -> None:
    with Sink(capacity=3) as sink:
        sink.broken = OSError("the disk is full")
        sink.append(change("first"))
        assert sink.tried.acquire(timeout=PATIENCE)
        while sink.stats.up:
            assert not sink.flush(0.001)
        fill(sink, range(100))
        sink.broken = None
        assert sink.flush(PATIENCE)
        assert told(sink) == ["first", "gap 2-71: 70 no_room", *map(str, range(70, 100))]


def test_flush_waits_for_the_orders_too_and_a_view_is_dropped_after_what_came_before() -> None:
    with stuck(Sink(capacity=100)) as sink:
        fill(sink, "ab", agent_id="x")
        sink.forget(agent="x")
        fill(sink, "cde", agent_id="x")
        sink._put_sample({"n": 1})
        sink._put_sample({"n": 2})
        sink.gate.set()
        assert sink.flush(PATIENCE)
        assert sink.done == ["1 entries", "sample {'n': 2}", "2 entries", "forget a:x", "3 entries"]
    assert sink.done[-2:] == ["end", "closed"]


def test_closing_writes_what_waits_and_what_comes_later_is_dropped() -> None:
    sink = stuck(Sink())
    fill(sink, "abc")
    sink.gate.set()
    sink.close()
    sink.close()
    assert told(sink) == ["in hand", "a", "b", "c"]
    sink.append(change("late"))
    assert sink.stats.dropped == {"closed": 1}
    assert not sink.flush(0) or sink.stats.waiting == 0


def test_a_log_that_is_closed_while_it_cannot_be_written_counts_what_is_lost() -> None:
    sink = Sink()
    sink.broken = OSError("gone")
    fill(sink, "abc")
    sink.append(note("chatter"))
    sink.close()
    stats = sink.stats
    assert (stats.written, stats.waiting, stats.up) == (0, 0, False)
    assert stats.dropped == {"lifecycle_closed": 3, "chatter_closed": 1}
    assert not sink.flush()


def test_a_log_that_was_never_used_has_no_thread_to_end() -> None:
    before = threading.active_count()
    sink = Sink()
    assert sink.flush()
    assert threading.active_count() == before
    sink.close()
    assert sink.done[-1] == "closed"


def test_records_are_written_where_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    sink = Sink()
    fill(sink, "ab")
    assert sink.flush()
    assert told(sink) == ["a", "b"]
    fill(sink, "c")
    sink.close()
    assert told(sink) == ["a", "b", "c"]


@pytest.mark.parametrize("capacity", [0, -1, 1.5, None])
def test_a_capacity_below_one_is_refused(capacity: Any) -> None:
    with pytest.raises(ValueError, match="capacity: a whole number of at least 1"):
        Sink(capacity)


def test_what_is_no_json_becomes_text_rather_than_an_error() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert encode_fields({"event_type": "x", "odd": {1, 2}.__class__}) == '{"event_type":"x","odd":"<class \'set\'>"}'
    assert encode_fields({"event_type": "x", "seq": 7, "loop": loop}).startswith('{"event_type": "x", "seq": 7,')
    assert "\\ud800" in encode_fields({"event_type": "x", "half": "\ud800"})
    assert "is no JSON" in encode_fields({"event_type": "x", "odd": float("nan")})


@given(
    st.lists(st.one_of(st.booleans(), st.integers(1, 5)), max_size=60),
    st.integers(1, 6),
    st.one_of(st.none(), st.integers(1, 6)),
)
def test_each_record_is_written_in_order_or_in_exactly_one_gap(
    steps: list[bool | int], capacity: int, most: int | None
) -> None:
    room = WaitingRoom(capacity, most)
    seq, out = 0, []
    for step in steps:
        if isinstance(step, bool):
            seq += 1
            room.put(Entry(seq, 0.0, {"event_type": "x"}, step))
        else:
            out += room.take(step)
    while not room.empty:
        out += room.take(3)
    numbers = [entry.seq for entry in out]
    assert numbers == sorted(set(numbers)), "in order, each number once"
    written = [entry for entry in out if not is_gap(entry)]
    gaps = [entry.fields for entry in out if is_gap(entry)]
    assert len(written) + room.dropped.total() == seq
    assert sum(gap["count"] for gap in gaps) == room.dropped.total()
    missing = set(range(1, seq + 1)) - {entry.seq for entry in written}
    assert all(sum(gap["from_seq"] <= number <= gap["to_seq"] for gap in gaps) == 1 for number in missing)
    if most is None:
        assert not room.dropped["lifecycle_no_room"]
