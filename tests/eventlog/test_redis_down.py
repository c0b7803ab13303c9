"""What becomes of a run while its Redis is dead, frozen, full or read-only, and after it?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from loguru import logger

from actors.eventlog.kinds import AgentStartedRecord, LogGapRecord, MissionEventRecord, Record
from actors.eventlog.log import Follower, Gap, Retention
from actors.eventlog.redis_client import RedisDownError
from actors.eventlog.redis_streams import RedisLog
from tests.eventlog.servers import RedisServer

ALL = Retention(system=None, agent=None, mission=None)
PATIENCE = 20.0

Log = Callable[..., RedisLog]


@pytest.fixture
def make_log(redis_server: RedisServer) -> Iterator[Log]:
    logs: list[RedisLog] = []

    def make(server: RedisServer = redis_server, **options: object) -> RedisLog:
        logs.append(RedisLog(server.url, **{"retention": ALL, **options}))  # type: ignore[arg-type]
        return logs[-1]

    yield make
    for log in logs:
        log.close()


def chatter(number: int) -> MissionEventRecord:
    return MissionEventRecord(message=f"message {number}", agent_id="/a")


def lifecycle(number: int) -> AgentStartedRecord:
    return AgentStartedRecord(message=f"message {number}", agent_id="/a", path="/a")


def everything(log: RedisLog) -> list[Record]:
    page = log.read(count=1_000_000)
    assert page.gap is None
    assert page.bad == 0
    return list(page)


def is_true(condition: Callable[[], bool]) -> bool:
    """Waits for what another thread does, with patience."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.005)
    return True


def told_and_seen(follower: Follower, until: int) -> tuple[list[int], list[int]]:
    """The numbers that the follower said were lost, and those that it gave."""
    told: list[int] = []
    seen: list[int] = []
    while follower.cursor < until:
        for item in follower.next_batch(PATIENCE):
            if isinstance(item, Gap):
                told += range(item.first_available - (item.lost or 0), item.first_available)
            else:
                seen.append(item.seq or 0)
    return told, seen


BREAKS: dict[str, tuple[Callable[[RedisServer], object], Callable[[RedisServer], object]]] = {
    "frozen": (RedisServer.freeze, RedisServer.thaw),
    "killed": (RedisServer.kill, RedisServer.start),
    "full": (lambda server: server.configure("maxmemory", 1), lambda server: server.configure("maxmemory", 0)),
    "read-only": (
        lambda server: server.call("REPLICAOF", "127.0.0.1", 1),
        lambda server: server.call("REPLICAOF", "NO", "ONE"),
    ),
}
breaks = pytest.mark.parametrize("how", BREAKS)


@pytest.fixture
def lasting_server() -> Iterator[RedisServer]:
    with RedisServer(persistent=True) as server:
        yield server


@pytest.mark.system_case("T98")
@pytest.mark.system_case("D4.15")
@breaks
def test_what_was_appended_while_the_server_was_down_is_written_in_order(
    how: str, lasting_server: RedisServer, make_log: Log
) -> None:
    go_down, come_back = BREAKS[how]
    log = make_log(lasting_server)
    for number in range(100):
        log.append(chatter(number))
    assert log.flush(PATIENCE)
    go_down(lasting_server)
    for number in range(100, 2_100):
        log.append(chatter(number))
    assert not log.flush(0.6)
    down = log.stats
    assert (down.appended, down.written, down.waiting, down.dropped, down.up) == (2_100, 100, 2_000, {}, False)
    come_back(lasting_server)
    assert log.flush(PATIENCE)
    assert [record.seq for record in everything(log)] == list(range(1, 2_101))
    assert [record.message for record in everything(log)] == [f"message {number}" for number in range(2_100)]
    up = log.stats
    assert (up.appended, up.written, up.waiting, up.dropped, up.up) == (2_100, 2_100, 0, {}, True)
    assert up.failed >= 1


@breaks
def test_what_had_no_room_is_told_by_one_gap_that_counts_it_exactly(
    how: str, lasting_server: RedisServer, make_log: Log
) -> None:
    go_down, come_back = BREAKS[how]
    log = make_log(lasting_server, capacity=1_000)
    go_down(lasting_server)
    log.append(lifecycle(0))
    assert is_true(lambda: log.stats.failed >= 1)
    for number in range(1, 5_000):
        log.append(lifecycle(number) if number % 10 == 0 else chatter(number))
    down = log.stats
    assert down.appended == 5_000 == down.written + down.waiting + sum(down.dropped.values())
    come_back(lasting_server)
    assert log.flush(PATIENCE)
    records = everything(log)
    gaps = [record for record in records if isinstance(record, LogGapRecord)]
    kept = [record for record in records if not isinstance(record, LogGapRecord)]
    stats = log.stats
    assert len(gaps) == 1
    (gap,) = gaps
    assert (stats.written, stats.waiting) == (len(kept), 0)
    assert stats.dropped == {"chatter_no_room": gap.count}
    assert len(kept) + (gap.count or 0) == 5_000
    numbers = [record.seq or 0 for record in records]
    assert numbers == sorted(set(numbers))
    lost = set(range(1, 5_001)) - {record.seq for record in kept}
    assert (min(lost), max(lost), len(lost)) == (gap.from_seq, gap.to_seq, gap.count)
    assert sum(isinstance(record, AgentStartedRecord) for record in kept) == 500


def test_no_more_lifecycle_records_wait_than_there_is_room_for(redis_server: RedisServer, make_log: Log) -> None:
    log = make_log(capacity=100)
    redis_server.kill()
    log.append(lifecycle(0))
    assert is_true(lambda: log.stats.failed >= 1)
    for number in range(1, 5_000):
        log.append(lifecycle(number))
    stats = log.stats
    assert stats.waiting <= 100 + log.batch
    assert set(stats.dropped) == {"lifecycle_no_room"}
    redis_server.start()
    assert log.flush(PATIENCE)
    stats = log.stats
    (gap,) = (record for record in everything(log) if isinstance(record, LogGapRecord))
    assert stats.appended == 5_000 == stats.written + (gap.count or 0)


def test_a_batch_whose_answer_was_lost_is_not_there_twice(redis_server: RedisServer, make_log: Log) -> None:
    log = make_log()
    log.append(chatter(0))
    assert log.flush(PATIENCE)
    # What is sent to the frozen server is done when it goes on, though nobody waits for the answer any more.
    redis_server.freeze()
    for number in range(1, 300):
        log.append(chatter(number))
    assert is_true(lambda: log.stats.failed >= 2)
    redis_server.thaw()
    assert log.flush(PATIENCE)
    assert [record.seq for record in everything(log)] == list(range(1, 301))
    assert [record.seq for record in log.read(count=1_000, agent="/a")] == list(range(1, 301))


def test_appending_and_closing_take_no_time_while_the_server_is_frozen(
    redis_server: RedisServer, make_log: Log
) -> None:
    log = make_log()
    log.append(chatter(0))
    assert log.flush(PATIENCE)
    redis_server.freeze()
    longest = 0.0
    for number in range(1_000):
        begun = time.perf_counter()
        log.append(chatter(number))
        longest = max(longest, time.perf_counter() - begun)
    assert longest < 0.25
    begun = time.perf_counter()
    log.close()
    # One try that is under way, and the last one.
    assert time.perf_counter() - begun < 4.0
    stats = log.stats
    assert (stats.appended, stats.written, stats.waiting) == (1_001, 1, 0)
    assert sum(stats.dropped.values()) == 1_000


def test_flushing_to_a_dead_server_makes_a_few_tries_not_thousands(redis_server: RedisServer, make_log: Log) -> None:
    log = make_log()
    redis_server.kill()
    log.append(chatter(0))
    assert not log.flush(0.5)
    assert 1 <= log.stats.failed < 30


def test_a_server_that_has_lost_all_gets_the_run_again_and_tells_what_is_missing(
    redis_server: RedisServer, make_log: Log
) -> None:
    log = make_log()
    for number in range(10):
        log.append(chatter(number))
    assert log.flush(PATIENCE)
    redis_server.restart()
    for number in range(10, 15):
        log.append(chatter(number))
    assert log.flush(PATIENCE)
    page = log.read()
    assert page.gap == Gap(first_available=11, lost=10)
    assert [record.seq for record in page] == [11, 12, 13, 14, 15]
    assert log.read(10).gap is None
    assert log.read(agent="/a").gap == Gap(first_available=11, lost=None)
    assert [info.run for info in log.runs()] == [log.run]


def test_a_server_that_comes_back_with_an_older_state_has_the_loss_told_by_a_gap(
    redis_server: RedisServer, make_log: Log
) -> None:
    log = make_log()
    for number in range(20):
        if number == 8:
            assert log.flush(PATIENCE)
            redis_server.call("SAVE")
        log.append(chatter(number))
    assert log.flush(PATIENCE)
    try:
        redis_server.restart()
        assert [record.seq for record in everything(log)] == [*range(1, 9)]
        with log.follow(20) as follower:
            log.append(chatter(20))
            assert told_and_seen(follower, 21) == ([], [21])
        records = everything(log)
    finally:
        redis_server.forget_saved()
    (gap,) = (record for record in records if isinstance(record, LogGapRecord))
    assert [record.seq for record in records] == [*range(1, 9), 20, 21]
    assert (gap.seq, gap.from_seq, gap.to_seq, gap.count, gap.reason) == (20, 9, 20, 12, "lost_by_server")


def test_a_follower_goes_on_where_it_was_when_the_server_is_back(lasting_server: RedisServer, make_log: Log) -> None:
    log = make_log(lasting_server)
    with log.follow(0) as follower, log.follow(0, agent="/a") as of_agent:
        log.append(chatter(0))
        assert [record.seq for record in follower.next_batch(PATIENCE)] == [1]  # type: ignore[union-attr]
        lasting_server.kill()
        for number in range(1, 50):
            log.append(chatter(number))
        assert follower.next_batch(0.1) == []
        lasting_server.start()
        for each in (follower, of_agent):
            seen: list[Record | Gap] = []
            while each.cursor < 50:
                seen += each.next_batch(PATIENCE)
            assert [record.seq for record in seen if isinstance(record, Record)][-49:] == list(range(2, 51))


def test_a_follower_from_before_the_loss_is_told_of_it(redis_server: RedisServer, make_log: Log) -> None:
    log = make_log()
    for number in range(3):
        log.append(chatter(number))
    assert log.flush(PATIENCE)
    redis_server.restart()
    for number in range(3, 6):
        log.append(chatter(number))
    with log.follow(1) as follower:
        assert told_and_seen(follower, 6) == ([2, 3], [4, 5, 6])


def test_a_follower_is_told_of_what_is_trimmed_before_it_comes_to_it(redis_server: RedisServer, make_log: Log) -> None:
    log = make_log(retention=Retention(system=5))
    with log.follow() as follower:
        for number in range(400):
            log.append(chatter(number))
        told, seen = told_and_seen(follower, 400)
    assert sorted(told + seen) == list(range(1, 401))
    assert len(told) >= 1


def test_a_follower_of_a_frozen_server_can_be_closed(redis_server: RedisServer, make_log: Log) -> None:
    log = make_log()
    log.append(chatter(0))
    assert log.flush(PATIENCE)
    follower = log.follow()
    ended = threading.Event()

    def wait() -> None:
        assert list(follower) == []
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    redis_server.freeze()
    follower.close()
    thread.join(PATIENCE)
    assert ended.is_set()


def test_reading_from_a_dead_server_says_so(redis_server: RedisServer, make_log: Log) -> None:
    log = make_log()
    redis_server.kill()
    with pytest.raises(RedisDownError, match=r"^Redis at unix://.*: ConnectionError"):
        log.read()
    with pytest.raises(RedisDownError):
        log.follow()


def test_the_outage_and_its_end_are_each_told_once(redis_server: RedisServer, make_log: Log) -> None:
    log = make_log()
    told: list[str] = []
    sink = logger.add(
        lambda message: told.append(message.record["level"].name), filter=lambda record: log.run in record["message"]
    )
    try:
        redis_server.kill()
        for number in range(10):
            log.append(chatter(number))
        assert is_true(lambda: log.stats.failed >= 3)
        redis_server.start()
        assert log.flush(PATIENCE)
    finally:
        logger.remove(sink)
    assert told == ["WARNING", "INFO"]
