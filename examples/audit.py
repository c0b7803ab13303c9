"""What is in a folder, and what is wrong with it? A supervised tree of agents audits every file.

    python examples/audit.py [FOLDER] [--poison]

Ends with 0 when every file is accounted for, whatever problems there are in them; with 1 when the folder cannot be
audited or files were lost; with 130 after Ctrl-C, which ends the tree in order.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from loguru import logger

from actors import ActorSystem, AgentRef, AgentStoppedError, Event, SystemFailed
from auditing.crew import SETTLING, Begin, Crew, Ledger, Result, Results
from auditing.files import Found, Kind
from auditing.poison import poison
from auditing.report import Terminal, show_failures, show_problems, show_sum, show_table
from policies import Escalate

INTERRUPTED = 130
"""What a shell makes of a program that Ctrl-C has ended."""


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Audit the files of a folder with a supervised tree of agents.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parents[1], help="by default this one")
    parser.add_argument("--poison", action="store_true", help="add files that crash, hang or refuse their readers")
    parser.add_argument("--crew", type=_count, default=2, metavar="N", help="inspectors for each kind of file (2)")
    parser.add_argument("--deadline", type=_seconds, default=2.0, metavar="SECONDS", help="for one file (2)")
    parser.add_argument("--top", type=_count, default=10, metavar="N", help="so many problems are listed (10)")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number above 0, not {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < float(text) < float("inf"):
            return float(text)
    raise argparse.ArgumentTypeError(f"seconds above 0, not {text!r}")


def main() -> int:
    chosen = options()
    if not chosen.folder.is_dir():
        print(
            f"audit: {chosen.folder}: {'not a folder' if chosen.folder.exists() else 'no such folder'}", file=sys.stderr
        )
        return 1
    warnings.simplefilter("ignore")  # what the parser warns of in somebody's file is no news of this program
    terminal = Terminal()
    logger.remove()
    # A format that is a function leaves the stack out: here each failure is one line.
    logger.add(terminal.log, format=lambda record: "  {message}\n", level="WARNING")
    with tempfile.TemporaryDirectory(prefix="poison-") as poisoned:
        found = Found()
        found.look_through(chosen.folder)
        if chosen.poison:
            poison(Path(poisoned))
            found.look_through(Path(poisoned), "poison/")
        return audit(chosen, found, terminal)


def audit(chosen: argparse.Namespace, found: Found, terminal: Terminal) -> int:
    """Audit what was found, print what came of it, and give the exit status."""
    began = time.monotonic()
    try:
        with ActorSystem("audit", policy=Escalate()) as system:  # a bug in a crew, or in the ledger, is the end
            ledger = system.spawn(Ledger, len(found.files), terminal.progress, terminal.interval, name="ledger")
            system.events.subscribe(teller(ledger), *SETTLING)
            for kind in Kind:
                files = [file for file in found.files if file.kind is kind]
                if files:
                    system.spawn(Crew, kind, files, chosen.crew, chosen.deadline, ledger, name=kind.value).tell(Begin())
            results, interrupted = wait_for_results(system, ledger)
            tree = str(system.tree())
            terminal.clear()
    except (AgentStoppedError, SystemFailed) as error:
        print(f"audit: gave up: {error}", file=sys.stderr)
        return 1
    print(f"{chosen.folder.resolve()}, {time.monotonic() - began:.1f} s\n")
    show_table(found, results)
    show_problems(results, chosen.top)
    show_failures(found, results)
    print(f"\n{tree}")
    if interrupted:
        print(f"\ninterrupted: {len(found.files) - results.count} of {found.count} files were not audited")
        return INTERRUPTED
    nothing_lost = show_sum(found, results)
    return 0 if nothing_lost and not found.unlisted else 1


def teller(ledger: AgentRef[Ledger]) -> Callable[[Event], None]:
    """Give a subscriber that passes events on to the ledger, as long as there is one."""

    def tell(event: Event) -> None:
        with contextlib.suppress(AgentStoppedError):
            ledger.tell(event)

    return tell


def wait_for_results(system: ActorSystem, ledger: AgentRef[Ledger]) -> tuple[Results, bool]:
    """Give the results once they are complete, or what there is of them after Ctrl-C, and whether it was that."""
    try:
        return ledger.ask(Result()), False
    except KeyboardInterrupt:
        return ledger.ask(Result(partial=True)), True
    except AgentStoppedError:
        system.wait()  # raises SystemFailed, with the root cause
        raise


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
