"""How is a run read that is in Redis, by any process, and how do many follow it over one connection?"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from typing import Any, cast

from actors.eventlog.kinds import BadEntryError, LogGapRecord, decode
from actors.eventlog.log import Follower, Gap, RunInfo
from actors.eventlog.reading import Kept, ViewFollower, ViewReader, check_cursor
from actors.eventlog.redis_client import NAMESPACE, RUNS, Keys, RedisDownError, connect, errors_of, without_password
from actors.eventlog.redis_following import FedView, Feed, RawEntry, kept
from actors.eventlog.stamping import SYSTEM_VIEW, view_name

CLOSED = "this reader of it is closed"
_KEYS_AT_ONCE = 1000


class RedisReading(ViewReader):
    """Reads one run that is in Redis; safe on all threads.

    All but `follow`ing raises RedisDownError when the server does not answer within `answer_within` seconds; a follower
    waits until it does again.
    """

    def __init__(self, url: str, namespace: str = NAMESPACE, answer_within: float = 5.0) -> None:
        super().__init__()
        self._url = url
        self._namespace = namespace
        self._answer_within = answer_within
        self._client = connect(url, answer_within)
        # Guards which feed there is. Nothing is sent or awaited under it.
        self._feed_lock = threading.Lock()
        self._feed: Feed | None = None
        self._closed = False

    @property
    def _keys(self) -> Keys:
        return Keys(self._namespace, self.run)

    def _ask(self, *commands: Sequence[object]) -> list[Any]:
        """Give the answers to some commands, in one step of the server."""
        with errors_of(self._url):
            if self._closed:
                raise RedisDownError(self._url, CLOSED)
            with self._client.pipeline(transaction=len(commands) > 1) as pipeline:
                for command in commands:
                    pipeline.execute_command(*command)
                answers: list[Any] = pipeline.execute()
        return answers

    # -- what a view keeps ----------------------------------------------------------

    def _after(self, view: str, after: int, count: int) -> tuple[Sequence[Kept], Gap | None]:
        key = self._keys.stream(view)
        entries, oldest, (first, base) = self._ask(
            ("XRANGE", key, after + 1, "+", "COUNT", count),
            ("XRANGE", key, "-", "+", "COUNT", 1),
            ("HMGET", self._keys.about, "first", "base"),
        )
        found = [kept(entry) for entry in entries]
        return found, _gap(view, after, oldest, int(first or 1), int(base or 0)) if oldest else None

    def _before(self, view: str, before: int | None, count: int) -> Sequence[Kept]:
        if before is not None and before < 1:
            return ()
        end = "+" if before is None else before - 1
        (entries,) = self._ask(("XREVRANGE", self._keys.stream(view), end, "-", "COUNT", count))
        return [kept(entry) for entry in reversed(entries)]

    # -- the run --------------------------------------------------------------------

    def runs(self) -> list[RunInfo]:
        (names,) = self._ask(("ZRANGE", f"{self._namespace}:{RUNS}", 0, -1))
        runs = [name.decode(errors="replace") for name in names]
        if not runs:
            return []
        found = self._ask(*[("HGETALL", Keys(self._namespace, run).about) for run in runs])
        return [_run_info(run, about) for run, about in zip(runs, found, strict=True) if about]

    def agents(self) -> list[str]:
        prefix = self._keys.stream("a:")
        found: set[bytes] = set()  # a key may come twice
        pattern = re.sub(r"([*?\[\]\\^])", r"\\\1", prefix) + "*"
        cursor = 0
        while True:
            ((following, keys),) = self._ask(("SCAN", cursor, "MATCH", pattern, "COUNT", _KEYS_AT_ONCE))
            found.update(keys)
            cursor = int(following)
            if cursor == 0:
                return [key.decode(errors="replace").removeprefix(prefix) for key in found]

    def sample(self) -> dict[str, object] | None:
        (text,) = self._ask(("GET", self._keys.sample))
        if text is None:
            return None
        sample: dict[str, object] = json.loads(text)
        return sample

    # -- following ------------------------------------------------------------------

    def follow(self, after: int | None = None, *, agent: str | None = None, mission: str | None = None) -> Follower:
        if after is not None:
            check_cursor(after)
        view = view_name(agent, mission)
        (newest,) = self._ask(("XREVRANGE", self._keys.events, "+", "-", "COUNT", 1))
        tail = kept(newest[0])[0] if newest else 0
        fed = self._fed(view, tail)
        return ViewFollower(cast(ViewReader, fed), view, tail if after is None else after, fed)

    def _fed(self, view: str, tail: int) -> FedView:
        with self._feed_lock:
            while not self._closed:
                if self._feed is None:
                    self._feed = Feed(self._url, self._keys.events, tail)
                fed = FedView(self, self._feed, view)
                if self._feed.join(fed):
                    return fed
                self._feed = None
        raise RedisDownError(self._url, CLOSED)

    def close(self) -> None:
        with self._feed_lock:
            self._closed = True
            feed = self._feed
        if feed is not None:
            feed.close()
        self._client.close()


class RedisReader(RedisReading):
    """Reads a run of a log in Redis, the newest unless another is named, from any process.

    `url` is redis://, rediss:// or unix://. Raises RedisDownError where no server answers, LookupError for a run that
    it does not have, and ImportError without the extra `redis`.
    """

    def __init__(
        self, url: str, run: str | None = None, *, namespace: str = NAMESPACE, answer_within: float = 5.0
    ) -> None:
        super().__init__(url, namespace, answer_within)
        try:
            self._run = self._find_run(run)
        except BaseException:
            self.close()
            raise

    def _find_run(self, run: str | None) -> str:
        runs = [info.run for info in self.runs()]
        if run is None and runs:
            return runs[-1]
        if run in runs:
            return run
        wanted = "no run" if run is None else f"no run {run!r}"
        known = f"; it has {', '.join(runs[-5:])}" if runs else " of actortree"
        raise LookupError(f"Redis at {without_password(self._url)} has {wanted}{known}")

    @property
    def run(self) -> str:
        return self._run

    def __repr__(self) -> str:
        return f"<RedisReader of {self._run}>"


def _gap(view: str, after: int, oldest: Sequence[RawEntry], start: int, base: int) -> Gap | None:
    """Give the gap between a cursor and what a view keeps, if there is one.

    In the view of all records each number from `start` on that is not there any more is lost, unless a record tells of
    it. Records of another view are known to be lost if the oldest that is kept has one before it; or if all records up
    to `base` were, when nobody knows whose they were.
    """
    number, data = kept(oldest[0])
    if number <= after + 1:
        return None
    if view == SYSTEM_VIEW:
        lost = _told_from(number, data) - max(after + 1, start)
        return Gap(number, lost) if lost > 0 else None
    if after < base:
        return Gap(number, None)
    fields = oldest[0][1] or {}
    if after < int(fields.get(b"before", 0)):
        return Gap(number, int(fields.get(b"place", 1)) - 1 if after == 0 else None)
    return None


def _told_from(number: int, data: object) -> int:
    """Give the first number of which the entry tells: its own, or those that it says were dropped, if it is all."""
    try:
        record = decode(data)  # type: ignore[arg-type]
    except BadEntryError:
        return number
    if not isinstance(record, LogGapRecord) or record.from_seq is None:
        return number
    return record.from_seq if record.count == number - record.from_seq + 1 else number


def _run_info(run: str, about: dict[bytes, bytes]) -> RunInfo:
    fields = {name.decode(errors="replace"): value.decode(errors="replace") for name, value in about.items()}
    return RunInfo(
        run,
        fields.get("system", ""),
        fields.get("started", ""),
        fields.get("ended", ""),
        int(fields.get("last_seq", 0)),
    )
