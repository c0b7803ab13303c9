"""Which log is meant by a path or a URL?"""

from __future__ import annotations

from pathlib import Path

from actors.eventlog.log import EventLog, Reader
from actors.eventlog.sqlite import SqliteLog
from actors.eventlog.sqlite_reading import SqliteReader

_REDIS = ("redis", "rediss", "unix")


def open_log(target: str | Path, run: str | None = None) -> Reader:
    """Open a log for reading: a file, or redis://, rediss:// or unix:// for one in Redis; the newest run, or `run`.

    Raises FileNotFoundError or OSError for a file that is not there or cannot be read, NotALogError (a ValueError) for
    one that is no log, RedisDownError (a ConnectionError) where no server answers, LookupError for a run that is not
    there, ImportError without the extra `redis`, and ValueError for any other URL.
    """
    if _is_redis(target):
        from actors.eventlog.redis_reading import RedisReader

        return RedisReader(str(target), run)
    return SqliteReader(target, run)


def make_log(target: str | Path) -> EventLog:
    """Make a log to record in: a file, made where there is none, or one in Redis. Raises as `open_log` does."""
    if _is_redis(target):
        from actors.eventlog.redis_streams import RedisLog

        return RedisLog(str(target))
    return SqliteLog(target)


def _is_redis(target: str | Path) -> bool:
    if not isinstance(target, str | Path) or not str(target):
        raise ValueError(f"target: a path or a URL, not {target!r}")
    scheme, separator, _ = str(target).partition("://") if isinstance(target, str) else ("", "", "")
    if separator and scheme not in _REDIS:
        raise ValueError(f"target: a path, or a URL with one of {', '.join(f'{each}://' for each in _REDIS)}: {target}")
    return bool(separator)
