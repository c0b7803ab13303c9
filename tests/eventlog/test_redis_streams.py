"""What is a run in Redis, and who may read it?"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from actors.eventlog.kinds import AgentStartedRecord, AgentStoppedRecord, MissionEventRecord
from actors.eventlog.log import Gap, Retention
from actors.eventlog.redis_client import RedisDownError, without_password
from actors.eventlog.redis_following import _KEPT
from actors.eventlog.redis_streams import RedisLog, RedisReader
from tests.eventlog.servers import RedisServer

PATIENCE = 20.0

Make = Callable[..., RedisLog]


@pytest.fixture
def make_log(redis_server: RedisServer) -> Iterator[Make]:
    logs: list[RedisLog] = []

    def make(**options: object) -> RedisLog:
        logs.append(RedisLog(redis_server.url, **options))  # type: ignore[arg-type]
        return logs[-1]

    yield make
    for log in logs:
        log.close()


def of(agent: str = "/a", **fields: object) -> MissionEventRecord:
    return MissionEventRecord(agent_id=agent, **fields)  # type: ignore[arg-type]


def keys(server: RedisServer) -> set[str]:
    return {key.decode() for key in server.call("KEYS", "*")}


# -- what is in Redis ---------------------------------------------------------------------


@pytest.mark.system_case("D4.5")
def test_a_record_has_one_number_in_the_stream_and_in_each_of_its_views(
    redis_server: RedisServer, make_log: Make
) -> None:
    log = make_log()
    log.append(
        MissionEventRecord(message="hello", agent_id="a", parent_agent_id="a", child_agent_id="b", mission_id="m")
    )
    assert log.flush(PATIENCE)
    run = "actortree:{" + log.run + "}:"
    streams = {f"{run}events", f"{run}agent:a", f"{run}agent:b", f"{run}mission:m"}
    assert keys(redis_server) == streams | {f"{run}about", "actortree:runs"}
    for stream in streams:
        ((entry_id, fields),) = redis_server.call("XRANGE", stream, "-", "+")
        assert entry_id == b"1-0"
        data = json.loads(fields[b"data"] if isinstance(fields, dict) else fields[1])
        assert (data["seq"], data["event_type"], data["message"]) == (1, "mission_event", "hello")


def test_runs_are_listed_oldest_first_with_their_ends(redis_server: RedisServer, make_log: Make) -> None:
    first, second = make_log(), make_log()
    for log in (first, second):
        log.append(of())
        assert log.flush(PATIENCE)
    first.append(of())
    first.close()
    with RedisReader(redis_server.url) as reader:
        assert reader.run == second.run
        assert [(info.run, info.last_seq, bool(info.ended)) for info in reader.runs()] == [
            (first.run, 2, True),
            (second.run, 1, False),
        ]


def test_two_namespaces_in_one_server_know_nothing_of_each_other(redis_server: RedisServer, make_log: Make) -> None:
    one, other = make_log(namespace="one"), make_log(namespace="other")
    for log in (one, other):
        log.append(of())
        assert log.flush(PATIENCE)
    assert [info.run for info in one.runs()] == [one.run]
    with RedisReader(redis_server.url, namespace="other") as reader:
        assert reader.run == other.run


@pytest.mark.system_case("D4.9")
def test_keys_go_with_the_agent_or_the_mission_that_is_forgotten(redis_server: RedisServer, make_log: Make) -> None:
    log = make_log()
    for agent in ("/a", "/b"):
        log.append(of(agent, mission_id="m"))
    log.forget(agent="/a")
    log.forget(mission="m")
    assert log.flush(PATIENCE)
    assert not any(key.endswith(("agent:/a", "mission:m")) for key in keys(redis_server))
    assert [record.seq for record in log.read(agent="/b")] == [2]
    assert len(log.read()) == 2


@pytest.mark.system_case("D4.9")
def test_the_view_of_an_ended_agent_goes_with_the_record_of_its_end(redis_server: RedisServer, make_log: Make) -> None:
    log = make_log(retention=Retention(system=10))
    for agent in ("/gone", "/back"):
        log.append(AgentStartedRecord(agent_id=agent))
        log.append(AgentStoppedRecord(agent_id=agent))
    log.append(AgentStartedRecord(agent_id="/back"))
    assert log.flush(PATIENCE)
    assert len(log.read(agent="/gone")) == 2
    for _ in range(12):
        log.append(of("/other"))
    assert log.flush(PATIENCE)
    assert len(log.read(agent="/gone")) == 0
    assert len(log.read(agent="/back")) == 3


def test_what_is_in_redis_expires_by_choice_and_lives_on_by_default(redis_server: RedisServer, make_log: Make) -> None:
    lasting, expiring = make_log(namespace="lasting"), make_log(namespace="expiring", expire_after=100)
    for log in (lasting, expiring):
        log.append(of(mission_id="m"))
        log._put_sample({"at": "now"})
        assert log.flush(PATIENCE)
    times = {key: redis_server.call("PTTL", key) for key in keys(redis_server) if not key.endswith(":runs")}
    assert len(times) == 10
    for key, left in times.items():
        assert left == -1 if key.startswith("lasting") else 0 < left <= 100_000


def test_a_run_that_has_expired_is_not_listed_and_leaves_the_index(redis_server: RedisServer, make_log: Make) -> None:
    old = make_log(expire_after=100)
    old.append(of())
    assert old.flush(PATIENCE)
    redis_server.call("DEL", *(key for key in keys(redis_server) if old.run in key))
    assert old.runs() == []
    new = make_log(expire_after=100)
    new.append(of())
    assert new.flush(PATIENCE)
    assert redis_server.call("ZRANGE", "actortree:runs", 0, -1) == [new.run.encode()]


def test_a_server_that_forgets_its_scripts_is_told_again(redis_server: RedisServer, make_log: Make) -> None:
    log = make_log()
    log.append(of())
    assert log.flush(PATIENCE)
    redis_server.call("SCRIPT", "FLUSH")
    log.append(of())
    assert log.flush(PATIENCE)
    assert (log.stats.written, log.stats.failed) == (2, 0)


def test_an_id_that_is_no_text_harms_nobody(make_log: Make) -> None:
    log = make_log()
    log.append(of("\udce9", mission_id="\ud800"))
    assert log.flush(PATIENCE)
    log.append(of("/a"))
    assert log.flush(PATIENCE)
    assert [record.mission_id for record in log.read()] == ["\ud800", None]
    assert log.stats.written == 2


# -- gaps ---------------------------------------------------------------------------------


def test_each_view_is_trimmed_to_the_record(redis_server: RedisServer, make_log: Make) -> None:
    log = make_log()
    for number in range(3_000):
        log.append(of("/a", message=str(number), mission_id="m"))
    assert log.flush(PATIENCE)
    sizes = [len(log.read(count=5_000, **view)) for view in ({}, {"agent": "/a"}, {"mission": "m"})]
    assert sizes == [1000, 100, 500]


def test_a_view_tells_what_it_has_lost_and_no_more(redis_server: RedisServer, make_log: Make) -> None:
    log = make_log(retention=Retention(system=1000, agent=3))
    # The view of /a gets 1, 3, 5, 7, 9 and keeps 5, 7, 9.
    for number in range(1, 11):
        log.append(of("/a" if number % 2 else "/b"))
    assert log.flush(PATIENCE)
    gaps = {after: log.read(after, agent="/a").gap for after in range(6)}
    assert gaps == {
        0: Gap(5, 2),
        1: Gap(5, None),
        2: Gap(5, None),
        3: None,
        4: None,
        5: None,
    }


def test_an_entry_of_somebody_else_is_passed_and_counted(redis_server: RedisServer, make_log: Make) -> None:
    log = make_log()
    log.append(of())
    assert log.flush(PATIENCE)
    stream = "actortree:{" + log.run + "}:events"
    for part in range(1, 26):
        redis_server.call("XADD", stream, f"1-{part}", "data" if part % 2 else "other", "\xff no record")
    log.append(of())
    assert log.flush(PATIENCE)
    with log.follow(0) as follower:
        seen = []
        while follower.cursor < 2:
            seen += follower.next_batch(PATIENCE)
        assert [record.seq for record in seen] == [1, 2]  # type: ignore[union-attr]
        assert follower.bad == 25


# -- following ----------------------------------------------------------------------------


def test_many_followers_share_one_waiting_connection(redis_server: RedisServer, make_log: Make) -> None:
    log = make_log()
    log.append(of())
    assert log.flush(PATIENCE)
    with RedisReader(redis_server.url, log.run) as reader:
        followers = [reader.follow(0) for _ in range(10)] + [reader.follow(0, agent=f"/{n}") for n in range(10)]
        for follower in followers[:10]:
            assert len(follower.next_batch(PATIENCE)) == 1
        log.append(of("/3"))
        for follower in (*followers[:10], followers[13]):
            assert [record.seq for record in follower.next_batch(PATIENCE)] == [2]  # type: ignore[union-attr]
        assert followers[14].next_batch(0) == []
        clients = redis_server.call("CLIENT", "LIST")
        text = clients.decode() if isinstance(clients, bytes) else str(clients)
        assert text.count("xread") == 1
        # The writer, the question for the list itself, the feed, and one that reads.
        assert len(text.strip().splitlines()) <= 5
        for follower in followers:
            follower.close()


def test_a_follower_that_falls_behind_what_is_kept_for_it_reads_from_the_server(make_log: Make) -> None:
    log = make_log(retention=Retention(system=None))
    with log.follow(0) as quick, log.follow(0) as slow:
        log.append(of())
        assert len(slow.next_batch(PATIENCE)) == 1
        total = 5 * _KEPT
        for _ in range(total - 1):
            log.append(of())
            if log.stats.waiting > 5_000:
                assert log.flush(PATIENCE)
        for follower in (quick, slow):
            seen = [follower.cursor]
            while follower.cursor < total:
                seen += [record.seq for record in follower.next_batch(PATIENCE)]  # type: ignore[union-attr, misc]
            assert seen == list(range(seen[0], total + 1))


def test_following_costs_no_question_while_nothing_happens(redis_server: RedisServer, make_log: Make) -> None:
    log = make_log()
    log.append(of())
    assert log.flush(PATIENCE)
    with log.follow(0) as follower:
        assert len(follower.next_batch(PATIENCE)) == 1
        assert follower.next_batch(0.2) == []
        before = asked(redis_server)
        assert follower.next_batch(0.5) == []
        assert asked(redis_server) - before <= 3  # this question itself, and the feed's renewed one


def asked(server: RedisServer) -> int:
    info = server.call("INFO", "stats")
    count = info["total_commands_processed"] if isinstance(info, dict) else None
    assert isinstance(count, int)
    return count


def test_the_feed_ends_with_its_last_follower_and_begins_again(make_log: Make) -> None:
    log = make_log()
    for turn in range(3):
        with log.follow() as follower:
            log.append(of())
            assert [record.seq for record in follower.next_batch(PATIENCE)] == [turn + 1]  # type: ignore[union-attr]
            assert feeds() == 1
        assert feeds() == 0


def feeds() -> int:
    return sum(thread.name == "eventlog-redis-feed" for thread in threading.enumerate())


def test_closing_the_reader_ends_its_followers(redis_server: RedisServer, make_log: Make) -> None:
    log = make_log()
    log.append(of())
    assert log.flush(PATIENCE)
    reader = RedisReader(redis_server.url)
    follower = reader.follow()
    closer = threading.Timer(0.05, reader.close)
    closer.start()
    assert list(follower) == []
    closer.join()
    assert follower.closed


# -- errors -------------------------------------------------------------------------------


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    for make in (RedisLog, RedisReader):
        with pytest.raises(ImportError, match=r"pip install 'actortree\[redis\]'"):
            make("redis://localhost:6379/0")


@pytest.mark.parametrize("url", ["localhost:6379", "http://localhost", "/run/redis.sock", None])
def test_what_is_no_url_of_a_redis_is_refused(url: object) -> None:
    with pytest.raises(ValueError, match=r"^url: as in redis://localhost:6379/0"):
        RedisLog(url)  # type: ignore[arg-type]


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(
        RedisDownError, match=r"^Redis at redis://me:\*\*\*@127\.0\.0\.1:1/0: ConnectionError"
    ) as caught:
        RedisReader("redis://me:secret@127.0.0.1:1/0")
    assert "secret" not in str(caught.value)
    assert without_password("redis://:pw@host/0") == "redis://:***@host/0"
    assert without_password("redis://host:6379/0") == "redis://host:6379/0"


def test_a_frozen_server_is_given_up_in_time(redis_server: RedisServer) -> None:
    redis_server.freeze()
    with pytest.raises(RedisDownError, match="Timeout"):
        RedisReader(redis_server.url, answer_within=0.2)


def test_a_run_that_is_not_there_is_named_with_those_that_are(redis_server: RedisServer, make_log: Make) -> None:
    with pytest.raises(LookupError, match=r"has no run of actortree$"):
        RedisReader(redis_server.url)
    log = make_log()
    log.append(of())
    assert log.flush(PATIENCE)
    with pytest.raises(LookupError, match=rf"has no run 'other'; it has {log.run}$"):
        RedisReader(redis_server.url, "other")


@pytest.mark.parametrize("seconds", [0, -1, 0.5, float("nan")])
def test_an_expiry_below_a_second_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"^expire_after: seconds, at least 1"):
        RedisLog("redis://localhost:1/0", expire_after=seconds)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "1"])
def test_a_time_to_answer_that_is_none_is_refused(seconds: object) -> None:
    with pytest.raises(ValueError, match=r"^answer_within: seconds, more than 0"):
        RedisLog("redis://localhost:1/0", answer_within=seconds)  # type: ignore[arg-type]


def test_it_works_over_tcp_too() -> None:
    with RedisServer(tcp=True) as server, RedisLog(server.url) as log:
        log.append(of())
        assert log.flush(PATIENCE)
        with RedisReader(server.url) as reader:
            assert [record.seq for record in reader.read()] == [1]
