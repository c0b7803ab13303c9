"""How does an Erlang program of ours reach the table?"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.row import Sample
from benchmarks.rows import ROWS

SOURCE = Path(__file__).with_name("otp.erl")
MAX_PROCESSES = 4_000_000
# Only the crash row logs: formatted as by default, written to /dev/null, which cannot be synced.
_CONFIG = '#{config=>#{file=>"/dev/null",filesync_repeat_interval=>no_repeat}}'
LOG = ["-kernel", "logger", f"[{{handler,default,logger_std_h,{_CONFIG}}}]"]


def run(row: str, size: int) -> Sample:
    """Compile the program into a directory of its own and run one row in a fresh virtual machine."""
    with tempfile.TemporaryDirectory() as build:
        subprocess.run(["erlc", "-o", build, str(SOURCE)], check=True, capture_output=True, text=True)
        command = ["erl", "-noshell", "+P", str(MAX_PROCESSES), *LOG, "-pa", build]
        done = subprocess.run([*command, "-run", "otp", "main", row, str(size)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"erl ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    # The logger has a word of its own to say when it cannot sync /dev/null.
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("metric ")]
    return {key: float(value) for _, key, value in lines}


MEASURES: dict[str, Callable[[int], Sample]] = {key: partial(run, key) for key in (*ROWS, "scale")}
