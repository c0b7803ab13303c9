"""How is a Redis server spoken to: with which waits, under which keys, and what does it do in one step?

The only file that imports redis-py, and only when there is something to connect to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from actors._core.checks import is_seconds
from actors.eventlog.stamping import SYSTEM_VIEW

URLS = ("redis://", "rediss://", "unix://")
RUNS = "runs"
NAMESPACE = "actortree"


class RedisDownError(ConnectionError):
    """The server does not answer, or does not do what it is asked: full, read-only, starting, or no password given.

    `why` is what it said, or what became of the connection.
    """

    def __init__(self, url: str, why: str) -> None:
        self.url = without_password(url)
        self.why = why
        super().__init__(f"Redis at {self.url}: {why}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.url, self.why)


def without_password(url: str) -> str:
    """Give the URL as it may be shown."""
    scheme, mark, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    return f"{scheme}{mark}{login.partition(':')[0]}{':***' if ':' in login else ''}{at}{place}"


def connect(url: str, answer_within: float, connect_within: float = 0.5) -> Any:
    """Give a client that waits at most so many seconds for an answer, and tries nothing twice; it connects when used.

    The library's own defaults would keep the caller for up to a minute. Raises ImportError, which says what to install,
    without the extra `redis`, and ValueError for what is no URL of a Redis, or no time.
    """
    if not is_seconds(answer_within, above=0.0):
        raise ValueError(f"answer_within: seconds, more than 0, not {answer_within!r}")
    if not isinstance(url, str) or not url.startswith(URLS):
        raise ValueError(f"url: as in redis://localhost:6379/0, rediss://... or unix:///path, not {url!r}")
    try:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError as error:
        raise ImportError("an event log in Redis needs the extra redis: pip install 'actortree[redis]'") from error
    try:
        _ = urlsplit(url).port
    except ValueError:  # Its text may have a part of the password.
        raise ValueError(f"url: no host and port can be read in {without_password(url)}") from None
    return Redis.from_url(
        url,
        socket_timeout=answer_within,
        socket_connect_timeout=connect_within,
        **({} if url.startswith("unix:") else {"socket_keepalive": True}),
        retry=Retry(NoBackoff(), 0),
        retry_on_timeout=False,
        health_check_interval=0,
        # The answers' shape depends on it, and only the later protocol has the server's own messages in between.
        protocol=2,
    )


@contextmanager
def errors_of(url: str) -> Iterator[None]:
    """Turn all that redis-py raises, for the server or the way there, into RedisDownError."""
    from redis.exceptions import RedisError

    try:
        yield
    except (RedisError, OSError) as error:
        raise RedisDownError(url, f"{type(error).__name__}: {error}") from error


class Keys:
    """The keys of one run; the braces keep them together on one node of a cluster."""

    def __init__(self, namespace: str, run: str) -> None:
        self._run = f"{namespace}:{{{run}}}:"
        self.about = self._run + "about"
        self.events = self._run + "events"
        self.sample = self._run + "sample"

    def stream(self, view: str) -> str:
        """Give the key of the stream that holds a view."""
        if view == SYSTEM_VIEW:
            return self.events
        key = f"{self._run}{'agent' if view.startswith('a:') else 'mission'}:{view[2:]}"
        # An id may have been made of bytes that are no text.
        return key.encode(errors="backslashreplace").decode()


WRITE = """
-- Writes the records of one batch, and trims what they were added to: all of it or nothing.
-- KEYS: about, events, then each view that has one of the records.
-- ARGV: number of the last record that was written before, milliseconds to live or '', number of fields about the run,
--       these as name and value, the limit of each stream or '', then of each record: number, data, positions of its
--       views in KEYS.
-- Gives what it did, and the number of the last record that was there: 0 nothing, they are there already; 1 written;
-- 2 written, as the first of the run; 3 nothing, since some that were written before are not there.
local about, events = KEYS[1], KEYS[2]
local known, lives, fields = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local at = 4 + 2 * fields + #KEYS - 1
local function limit(key) return ARGV[2 * fields + key + 2] end

-- What was written by a try whose answer was lost is not written again.
local last = tonumber(redis.call('HGET', about, 'last_seq') or 0)
local final = ARGV[#ARGV - 2]
if tonumber(final) <= last then return {0, last} end
-- It was started again with an older state.
if last > 0 and last < known then return {3, last} end
-- It never had the records before these, or has lost them all.
if last == 0 then redis.call('HSET', about, unpack(ARGV, 4, 3 + 2 * fields)) end
-- Each record of a view says which place in it it has, and which record was before it, so that a reader knows whether
-- one is missing, and how many.
local before, place = {}, {}
for key = 3, #KEYS do
  local newest = redis.call('XREVRANGE', KEYS[key], '+', '-', 'COUNT', 1)[1]
  before[key] = newest and string.match(newest[1], '^%d+') or '0'
  place[key] = newest and tonumber(newest[2][6]) or 0
end
while at < #ARGV do
  local seq, data, within = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  at = at + 3
  if tonumber(seq) > last then
    local id = seq .. '-0'
    redis.call('XADD', events, id, 'data', data)
    for key in string.gmatch(within, '%d+') do
      key = tonumber(key)
      place[key] = place[key] + 1
      redis.call('XADD', KEYS[key], id, 'data', data, 'before', before[key], 'place', place[key])
      before[key] = seq
    end
  end
end
redis.call('HSET', about, 'last_seq', final)
for key = 2, #KEYS do
  if limit(key) ~= '' then redis.call('XTRIM', KEYS[key], 'MAXLEN', limit(key)) end
end
if lives ~= '' then
  for key = 1, #KEYS do redis.call('PEXPIRE', KEYS[key], lives) end
end
return {last == 0 and 2 or 1, last}
"""


PRESENT, WRITTEN, BEGUN, BEHIND = range(4)
"""What `write` did, see the script."""


def write(client: Any, keys: list[str], arguments: list[str | int]) -> tuple[int, int]:
    """Run `WRITE`, and teach it to a server that does not know it."""
    from redis.exceptions import NoScriptError

    try:
        did, last = client.evalsha(_digest(), len(keys), *keys, *arguments)
    except NoScriptError:
        did, last = client.eval(WRITE, len(keys), *keys, *arguments)
    return did, last


@cache
def _digest() -> str:
    return hashlib.sha1(WRITE.encode(), usedforsecurity=False).hexdigest()
