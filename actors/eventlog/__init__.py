"""What has happened in a run: every transition as a record, kept where others can follow it and read it later."""

from actors.eventlog.fold import Fold, LoggedAgent, LoggedTree, fold
from actors.eventlog.kept import fold_log
from actors.eventlog.kinds import KINDS, decode, encode
from actors.eventlog.log import EventLog, Follower, Gap, LogStats, Page, Reader, Retention, RunInfo
from actors.eventlog.memory import MemoryLog
from actors.eventlog.opening import make_log, open_log
from actors.eventlog.recording import Recording, record
from actors.eventlog.records import BadEntryError, Record, SpawnMode, UnknownRecord
from actors.eventlog.redis_client import RedisDownError
from actors.eventlog.redis_reading import RedisReader
from actors.eventlog.redis_streams import RedisLog
from actors.eventlog.sqlite import SqliteLog
from actors.eventlog.sqlite_file import NotALogError
from actors.eventlog.sqlite_reading import SqliteReader

__all__ = [
    "KINDS",
    "BadEntryError",
    "EventLog",
    "Fold",
    "Follower",
    "Gap",
    "LogStats",
    "LoggedAgent",
    "LoggedTree",
    "MemoryLog",
    "NotALogError",
    "Page",
    "Reader",
    "Record",
    "Recording",
    "RedisDownError",
    "RedisLog",
    "RedisReader",
    "Retention",
    "RunInfo",
    "SpawnMode",
    "SqliteLog",
    "SqliteReader",
    "UnknownRecord",
    "decode",
    "encode",
    "fold",
    "fold_log",
    "make_log",
    "open_log",
    "record",
]
