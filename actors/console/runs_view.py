"""`actortree runs LOG`: which runs does a log hold?"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import datetime

from actors.console.opening import opened
from actors.console.text import clean, local_time, plural


def show(options: argparse.Namespace) -> int:
    with opened(options.log) as reader:
        runs = reader.runs()
    if options.json:
        print(json.dumps([asdict(run) for run in runs], ensure_ascii=False))
        return 0
    print(plural(len(runs), "run"))
    for run in runs:
        ended = f"ended {_at(run.ended)}" if run.ended else "goes on, or was killed"
        print(f"{run.run}  {clean(run.system)}  started {_at(run.started)}, {ended}, {plural(run.last_seq, 'record')}")
    return 0


def _at(text: str) -> str:
    return local_time(datetime.fromisoformat(text)) if text else "?"
