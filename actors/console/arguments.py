"""What can one ask the command `actortree` for?"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from math import isfinite
from typing import Any

from actors import __version__
from actors.console import approvals_view, dump_view, events_view, letters_view, running, runs_view, top, tree_view
from actors.console.screen import SORTS

_CODES = """exit codes: 0 all is well, 1 the program failed, 2 what was asked for cannot be done,
3 agents did not end in time and were left behind, 130 Ctrl-C"""
_LOG_HELP = "an event log: a file, or redis://HOST:PORT/DB"


def parser() -> argparse.ArgumentParser:
    """Give the parser; what it gives has `do`, which does what was asked for and gives the exit code."""
    made = argparse.ArgumentParser(
        prog="actortree",
        description="Run a system of agents, and see what one does, or did, by its event log.",
        epilog=_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--version", action="version", version=f"actortree {__version__}")
    commands = made.add_subparsers(metavar="COMMAND", required=True)
    _add_run(commands)
    _add_tree(commands)
    _add_events(commands)
    _add_top(commands)
    _add_dump(commands)
    _add_letters(commands)
    runs = commands.add_parser("runs", help="the runs that a log holds", description="List the runs of a log.")
    runs.set_defaults(do=runs_view.show)
    runs.add_argument("log", metavar="LOG", help=_LOG_HELP)
    runs.add_argument("--json", action="store_true", help="as one JSON document")
    _add_approvals(commands)
    return made


def _viewer(commands: Any, name: str, do: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(name, help=text, description=f"Show {text}.")
    made.set_defaults(do=do)
    made.add_argument("log", metavar="LOG", help=_LOG_HELP)
    made.add_argument("--run", metavar="ID", help="one of the runs that `actortree runs` lists; the newest by default")
    made.add_argument("--json", action="store_true", help="as JSON")
    return made


def _add_run(commands: Any) -> None:
    made = commands.add_parser(
        "run",
        help="run a program in a system of agents",
        description="""Make a system, call FUNCTION with it, start the ChildSpecs that it gives, and wait until the
        system has ended, or its last agent has. Ctrl-C stops it in order, a second one at once; SIGTERM first lets
        the agents handle what waits for them.""",
        epilog=_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.set_defaults(do=running.run)
    made.add_argument("target", metavar="MODULE:FUNCTION", help="a function that takes an ActorSystem")
    made.add_argument("--log", metavar="LOG", help="record the run there: a file, or redis://HOST:PORT/DB")
    made.add_argument("--name", help="of the system; by default that of the function")
    made.add_argument(
        "--grace", type=_seconds, default=10.0, metavar="SECONDS", help="for the agents to end in (default: 10)"
    )


def _add_tree(commands: Any) -> None:
    made = _viewer(commands, "tree", tree_view.show, "the tree of agents")
    made.add_argument("--at", type=_number, metavar="SEQ", help="as it was after the record with this number")
    made.add_argument(
        "--ended", action="store_true", default=None, help="with the agents that have ended; so it is where all have"
    )
    kinds = made.add_mutually_exclusive_group()
    kinds.add_argument("--mermaid", action="store_true", help="as a Mermaid flowchart")
    kinds.add_argument("--dot", action="store_true", help="as a graph for Graphviz")


def _add_events(commands: Any) -> None:
    made = _viewer(commands, "events", events_view.show, "what has happened, oldest first")
    made.add_argument("-n", "--count", type=_some, help="at most so many (default: the newest 20; with --after all)")
    made.add_argument("--agent", metavar="PATH", help="those of one agent")
    made.add_argument("--mission", metavar="ID", help="those of one mission")
    made.add_argument("--kind", action="append", help="those of this kind, such as agent_failed; may be repeated")
    made.add_argument("--after", type=_number, metavar="SEQ", help="those after the record with this number; 0 is all")
    made.add_argument("-f", "--follow", action="store_true", help="go on as they come, until the run has ended")


def _add_top(commands: Any) -> None:
    made = _viewer(commands, "top", top.show, "who is there now, and what they are doing")
    made.add_argument("--sort", choices=SORTS, default="tree", help="what comes first (default: the tree)")
    made.add_argument("--ended", action="store_true", help="with the agents that have ended")
    made.add_argument("--every", type=_seconds, default=1.0, metavar="SECONDS", help="how often to look (default: 1)")
    made.add_argument(
        "--once", action="store_true", help="one picture as plain text; so it is where there is no terminal"
    )
    made.add_argument("--plain", action="store_true", help="one picture below the other, without colours and keys")


def _add_dump(commands: Any) -> None:
    made = _viewer(commands, "dump", dump_view.show, "the tree, what the agents have in hand, and the last failures")
    made.add_argument("-n", "--count", type=_some, default=10, help="so many of the last failures (default: 10)")


def _add_letters(commands: Any) -> None:
    made = _viewer(commands, "dead-letters", letters_view.show, "the messages that nobody handled, and why")
    made.add_argument("-n", "--count", type=_some, default=20, help="the newest so many (default: 20)")
    made.add_argument("--agent", metavar="PATH", help="those to one agent")
    made.add_argument("--reason", help="those of reasons that begin so")


def _add_approvals(commands: Any) -> None:
    made = commands.add_parser(
        "approvals",
        help="what is to be approved, and to say yes or no to it",
        description="""Show what a program of agents asks for approval of, and what was begun by one that has ended.
        With approve or deny, answer: a program that runs goes on at once.""",
    )
    made.set_defaults(do=approvals_view.show)
    made.add_argument("file", metavar="FILE", help="the file in which the program's approver keeps them")
    made.add_argument("--all", action="store_true", help="with those that are over")
    made.add_argument("--json", action="store_true", help="as one JSON document")
    answers = made.add_subparsers(metavar="ANSWER")
    yes = _add_answer(answers, "approve", approvals_view.approve, "it may be done", needs_reason=False)
    yes.add_argument("--edit", action="append", metavar="NAME=VALUE", help="not as asked, but so; may be repeated")
    no = _add_answer(answers, "deny", approvals_view.deny, "it may not be done", needs_reason=True)
    no.add_argument("--abort", action="store_true", help="and the task that it was for is to be given up")
    text = "what was interrupted had been done"
    _add_answer(answers, "done", approvals_view.done, text, needs_reason=False)
    text = "what was interrupted will not be finished"
    _add_answer(answers, "give-up", approvals_view.give_up, text, needs_reason=True)


def _add_answer(
    answers: Any, name: str, do: Callable[[argparse.Namespace], int], text: str, *, needs_reason: bool
) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = answers.add_parser(name, help=text, description=f"Say that {text}.")
    made.set_defaults(do=do)
    made.add_argument("id", metavar="ID", help="which one, such as ap-7")
    made.add_argument("--reason", required=needs_reason, default="", help="why")
    if do in (approvals_view.approve, approvals_view.deny):
        made.add_argument("--by", metavar="NAME", help="who says so (default: the user)")
    made.add_argument("--json", action="store_true", help="the approval as it is then, as JSON")
    return made


def _number(text: str) -> int:
    return _whole(text, 0)


def _some(text: str) -> int:
    return _whole(text, 1)


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"a whole number of at least {least}, not {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not (isfinite(seconds) and seconds >= 0.0):
        raise argparse.ArgumentTypeError(f"seconds, 0 or more, not {text!r}")
    return seconds
