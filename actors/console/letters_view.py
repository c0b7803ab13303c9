"""`actortree dead-letters LOG`: which messages did nobody handle, and why?"""

from __future__ import annotations

import argparse
import json
from collections import Counter

from actors.console.feed import LETTERS
from actors.console.opening import opened
from actors.console.text import clean, local_time, plural
from actors.eventlog.kept import all_records
from actors.eventlog.log import Gap
from actors.eventlog.records import Record


def show(options: argparse.Namespace) -> int:
    with opened(options.log, options.run) as reader:
        found = [
            record
            for record in all_records(reader)
            if not isinstance(record, Gap) and record.event_type in LETTERS and _fits(record, options)
        ]
    reasons = Counter(_reason(record) for record in found)
    newest = found[-options.count :]
    if options.json:
        letters = [record.to_fields() for record in newest]
        print(json.dumps({"by_reason": dict(reasons.most_common()), "newest": letters}, ensure_ascii=False))
        return 0
    print(f"{plural(len(found), 'dead letter')} in the log")
    for reason, count in reasons.most_common():
        print(f"{count:>8}  {clean(reason)}")
    if newest:
        print(f"the newest {len(newest)}:" if len(newest) < len(found) else "all of them:")
    for record in newest:
        print(_line(record))
    return 0


def _fits(record: Record, options: argparse.Namespace) -> bool:
    if options.agent is not None and record.path != options.agent:
        return False
    return options.reason is None or _reason(record).startswith(options.reason)


def _reason(record: Record) -> str:
    return getattr(record, "reason", None) or "unknown"


def _line(record: Record) -> str:
    detail = getattr(record, "detail", None)
    why = f"{_reason(record)}, {detail}" if detail else _reason(record)
    who = f"{record.path} #{record.incarnation}"
    return f"{local_time(record.timestamp)} {record.seq or 0:>7}  {clean(who)}  {clean(why)}: {_letter(record)}"


def _letter(record: Record) -> str:
    return clean(getattr(record, "letter", None) or "?")
