"""What is in a folder, and what is wrong with it? A crew of agents works it out, and a fire drill goes on meanwhile.

    python examples/flagship.py [FOLDER] [--drill] [--ask] [--out FOLDER]

The folder becomes a track of tickets that depend on one another. Workers do them, a reviewer reads what they found, an
approver is asked where a tool needs it. In the drill one worker is throttled twice, one hangs, one always fails, one
takes the whole pool down with it; the track is paused and resumed, and a ticket is killed while it waits for approval.
Each run of it ends the same. Follow it from another terminal: `actortree events OUT/events.db --follow`, or `top`.

Ends with 0 when every ticket has ended, with 1 when the folder cannot be audited or nothing can be kept in OUT, with
130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loguru import logger

from actors import (
    ActorSystem,
    Agent,
    AgentRef,
    Broadcast,
    Cancel,
    ChildSpec,
    Emitted,
    Event,
    Join,
    Router,
    SystemFailed,
)
from actors.approvals import Approver
from actors.conductor import Conductor, ConductorRef, TrackResult
from actors.eventlog import Record, Retention, SqliteLog, record
from actors.reports import make_report, to_html, to_text
from actors.tickets import Track
from auditing.drill import Drill
from auditing.live import EVENTS, Live
from auditing.people import Approving, Director, Editor, decide
from auditing.tasks import Audit
from auditing.track import track_of
from policies import ByError, Escalate, RetryableOnly, Stop

INTERRUPTED = 130
DEADLINE = 1.0
"""Seconds without a sign of progress after which a worker counts as hung."""
PATIENCE = 10.0
"""Seconds in which the log has to be written when all is over."""
EVERYTHING = Retention(None, None, None)


class App(Agent):
    """The root of the program's tree: the router, the approver, the conductor, and in a drill the director."""

    policy = Stop()

    def __init__(self, track: Track, audit: Audit, out: Path, ask: bool) -> None:
        self.track = track
        self.audit = audit
        self.out = out
        self.ask = ask

    def on_start(self) -> None:
        spawn = self.context.spawn
        drill = self.audit.drill.on
        self.router = spawn(Router, name="router")
        self.approver = spawn(
            Approver, self.out / "approvals.db", Approving(self.ask, drill), deadline=60.0, name="approver"
        )
        self.conductor = spawn(
            Conductor,
            self.track,
            self.audit.work,
            max_workers=2,
            board=self.out / "board.db",
            approver=self.approver,
            reviewer=ChildSpec(Editor, args=(self.audit.memory,)),
            decider=decide,
            policy=ByError({PermissionError: Escalate()}, default=RetryableOnly()),
            deadline=DEADLINE,
            shutdown=1.0,
            name="conductor",
        )
        self.director: AgentRef[Director] | None = None
        if drill:
            self.director = spawn(Director, self.conductor, name="director")
            self.context.system.events.subscribe(self._tell_director, Emitted)
        for name, ref in (("app", self.context.ref), ("conductor", self.conductor)):
            self.router.ask(Join(name, ref))

    def _tell_director(self, event: Event) -> None:
        record = getattr(event, "record", None)
        if isinstance(record, Record) and self.director is not None and self.director.is_alive():
            self.director.tell(record)

    def on_receive(self, message: Any) -> Any:
        if message == "conductor":
            return self.conductor
        if message == "approver":
            return self.approver
        if message == "end":
            # To everybody but this agent, which has sent it.
            return self.router.ask(Broadcast(Cancel(reason="shutdown")))
        return super().on_receive(message)


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Have a crew of agents audit a folder.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parents[1], help="by default this one")
    parser.add_argument("--drill", action="store_true", help="have things go wrong meanwhile, the same in each run")
    parser.add_argument("--ask", action="store_true", help="ask at this terminal for what needs an approval")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for the log, the board and the report")
    return parser.parse_args(arguments)


def main() -> int:
    chosen = options()
    folder = chosen.folder.resolve()
    if not folder.is_dir():
        print(f"flagship: {chosen.folder}: {'no folder' if folder.exists() else 'no such folder'}", file=sys.stderr)
        return 1
    warnings.simplefilter("ignore")  # what the parser warns of in somebody's file is no news of this program
    logger.remove()  # each failure is told live, in one line
    out = chosen.out or Path(tempfile.mkdtemp(prefix="audit-"))
    try:
        clear(out)
    except OSError as error:
        print(f"flagship: {out}: {error.strerror}", file=sys.stderr)
        return 1
    return run(folder, chosen, out)


def clear(out: Path) -> None:
    """Make the folder, or take what an earlier run has left from it."""
    out.mkdir(parents=True, exist_ok=True)
    for name in ("events.db", "board.db", "approvals.db"):
        for old in out.glob(f"{name}*"):
            if old.is_file():
                old.unlink()


def run(folder: Path, chosen: argparse.Namespace, out: Path) -> int:
    """Have the folder audited, tell what happens, and leave the report; gives the exit status."""
    drill = Drill(chosen.drill)
    track = track_of(folder, chosen.drill)
    audit = Audit(folder, drill)
    live = Live()
    say(f"{track.description}: {len(track.tickets)} tickets, 2 workers")
    say(f"follow it: actortree events {out / 'events.db'} --follow, or: actortree top {out / 'events.db'}\n")
    with SqliteLog(out / "events.db", retention=EVERYTHING) as log:
        try:
            with ActorSystem("audit", policy=Stop()) as system:
                record(system, log)
                system.events.subscribe(live, *EVENTS)
                app = system.spawn(App, track, audit, out, chosen.ask, name="app")
                result, tree = conduct(system, app)
                snapshot = app.ask("conductor").snapshot()
                app.ask("end")
                drill.end()
        except SystemFailed as error:
            print(f"flagship: gave up: {error}", file=sys.stderr)
            return 1
        finally:
            drill.end()
        if not log.flush(PATIENCE):
            print(
                f"flagship: {out / 'events.db'} cannot be written: what happened is not all in the report",
                file=sys.stderr,
            )
        records = log.read(count=1_000_000).records
    outcome = "interrupted" if result is None else str(result.outcome)
    report = make_report(snapshot, records, title=track.description, outcome=outcome, tree=tree)
    for name, text in (("report.html", to_html(report)), ("report.json", json.dumps(report.to_fields(), indent=1))):
        (out / name).write_text(text, "utf-8")
    say(f"\n{to_text(report)}\nreport: {out / 'report.html'}")
    return INTERRUPTED if result is None else 0


def say(text: str) -> None:
    """Print it, if somebody reads: that nobody does any more ends no audit."""
    with contextlib.suppress(BrokenPipeError):
        print(text)


def conduct(system: ActorSystem, app: AgentRef[App]) -> tuple[TrackResult | None, str]:
    """Wait for the end of the track, or for Ctrl-C; gives the result, and the tree as it is then."""
    conductor: ConductorRef = app.ask("conductor")
    try:
        result: TrackResult | None = conductor.run()
    except KeyboardInterrupt:
        conductor.halt("interrupted")
        result = None
    app.ask("approver").pending()  # it has taken back by now what nobody needs to decide any more
    return result, str(system.tree())


def status() -> int:
    """Give the exit status, also where somebody interrupts the program, or stops reading what it writes."""
    try:
        ended = main()
        if sys.stdout is not None:  # as where it was closed before
            sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # What is left must not fail once more when Python flushes it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return ended


if __name__ == "__main__":
    sys.exit(status())
