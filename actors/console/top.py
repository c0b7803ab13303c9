"""`actortree top LOG`: who is there now, and what are they doing?"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import time
from datetime import UTC, datetime

from actors.console.errors import ConsoleError
from actors.console.feed import Feed
from actors.console.keys import Keys
from actors.console.opening import opened
from actors.console.screen import SORTS, View, as_text, draw

_BY_KEY = {sort[0]: sort for sort in SORTS}
_PAGE = 10
_TERMINATED = 143


def show(options: argparse.Namespace) -> int:
    view = View(options.sort, options.ended)
    with opened(options.log, options.run) as reader:
        feed = Feed(reader)
        if options.json:
            print(json.dumps(feed.to_json(), ensure_ascii=False))
        elif options.once or not sys.stdout.isatty():
            print(_plain(feed, view))
        elif options.plain:
            _repeat(feed, view, options.every)
        else:
            _live(feed, view, options.every)
    return 0


def _plain(feed: Feed, view: View) -> str:
    columns = shutil.get_terminal_size((120, 24)).columns
    return as_text(draw(feed, view, columns, None, datetime.now(UTC)))


def _repeat(feed: Feed, view: View, every: float) -> None:
    """Write one picture after the other, without moving the cursor: for terminals that are none, and for pipes."""
    while True:
        print(_plain(feed, view), end="\n\n", flush=True)
        if feed.is_over:
            return
        time.sleep(every)
        feed.catch_up()


def _live(feed: Feed, view: View, every: float) -> None:
    """Keep the picture on the terminal's other screen up to date, until `q` or Ctrl-C."""
    try:
        from actors.console.painting import Painter
    except ImportError as error:
        raise ConsoleError(f"{error}; or use --plain") from error
    # As an exception, so that the terminal is put in order also when somebody ends it from outside.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(_TERMINATED))
    with Keys() as keys, Painter() as painter:
        while True:
            columns, lines = painter.size
            painter.paint(draw(feed, view, columns, lines, datetime.now(UTC), keys.there))
            key = keys.read(every)
            if key == "q":
                return
            _obey(key, view)
            feed.catch_up()


def _obey(key: str, view: View) -> None:
    if key in _BY_KEY:
        view.sort, view.top = _BY_KEY[key], 0
    elif key == "e":
        view.ended = not view.ended
    elif key in ("j", "down", " "):
        view.top += _PAGE
    elif key in ("k", "up"):
        view.top -= _PAGE
