"""`actortree run MODULE:FUNCTION`: how does a program of agents begin, and how does it end?"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from inspect import isasyncgenfunction, iscoroutinefunction, isfunction, signature
from types import FrameType
from typing import TYPE_CHECKING, Any

from actors._core.errors import ActorError, StartFailedError, SystemFailed
from actors._core.events import AgentSpawned, AgentStopped, Event, StartFailed
from actors._core.path import split
from actors._core.spec import ChildSpec
from actors._core.system import ActorSystem
from actors.console.errors import ConsoleError
from actors.console.text import plural, say

if TYPE_CHECKING:
    from actors.eventlog.log import EventLog

WELL, FAILED, LEFT_BEHIND = 0, 1, 3
Program = Callable[[ActorSystem], Any]
_FLUSH_SECONDS = 5.0


def run(options: argparse.Namespace) -> int:
    """Run the program to its end, and give the exit code."""
    program = find(options.target)
    system = _make_system(options.name or getattr(program, "__name__", "main").strip("<>_"))
    with ExitStack() as stack:
        if options.log is not None:
            _record(system, options.log, stack)
        code = _run(system, program, options.grace)
    return code


def _run(system: ActorSystem, program: Program, grace: float) -> int:
    try:
        with system, _drained_by_sigterm(system, grace):
            last_agent = _LastAgent(system)
            if not _begin(system, program):
                return FAILED
            last_agent.arm()
            system.wait()
    except SystemFailed as error:
        say(f"{error}")
        return FAILED
    left = system.stop().abandoned
    if left:
        say(f"left behind, because they did not end in time: {', '.join(left)}")
    return LEFT_BEHIND if left else WELL


def _begin(system: ActorSystem, program: Program) -> bool:
    """Call the program and start what it gives; False if that fails, which is said."""
    try:
        for spec in _specs(program(system)):
            system.spawn(spec)
    except (StartFailedError, ConsoleError) as error:
        say(f"{error}")
        return False
    except Exception as error:
        # It is the program's own: from the first line of it on.
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        traceback.print_exception(type(error), error, trace)
        return False
    return True


def _specs(given: Any) -> Iterable[ChildSpec[Any]]:
    if isinstance(given, ChildSpec):
        return [given]
    # What is no spec may be whatever its last call gave; only a list is surely meant.
    specs = list(given) if isinstance(given, list | tuple | Iterator) else []
    for spec in specs:
        if not isinstance(spec, ChildSpec):
            raise ConsoleError(f"the program gave {spec!r}, where a ChildSpec was expected")
    return specs


class _LastAgent:
    """Stops the system once its last top-level agent has ended, for then there is nobody who could do anything.

    Only after `arm`: a program may well have none for a while, as long as it is at it.
    """

    def __init__(self, system: ActorSystem) -> None:
        self._system = system
        self._there: set[str] = set()
        self._armed = False
        # Guards both. Nothing else happens under it.
        self._lock = threading.Lock()
        system.events.subscribe(self._hear, AgentSpawned, AgentStopped, StartFailed)

    def arm(self) -> None:
        with self._lock:
            self._armed = True
            over = not self._there
        if over:
            self._system.stop()

    def _hear(self, event: Event) -> None:
        if len(split(event.path)) != 1:
            return
        with self._lock:
            if isinstance(event, AgentSpawned):
                self._there.add(event.path)
            else:
                self._there.discard(event.path)
            over = self._armed and not self._there
        if over:
            self._system.stop()  # which does not wait here


# -- SIGTERM ------------------------------------------------------------------------


@contextmanager
def _drained_by_sigterm(system: ActorSystem, grace: float) -> Iterator[None]:
    """On SIGTERM have the agents handle what waits, for at most `grace` seconds; on a second one, stop at once."""
    times = 0

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal times
        times += 1
        act = _drain if times == 1 else _hurry
        threading.Thread(target=act, args=(system, grace), name="actortree-sigterm", daemon=True).start()

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _drain(system: ActorSystem, grace: float) -> None:
    deadline = time.monotonic() + grace
    say("SIGTERM: no new work, what waits is handled first")
    ending = []
    for ref in system.select("/*"):
        try:
            ending.append(ref.stop(block=False, drain=True))
        except ActorError:
            continue  # it has ended meanwhile
    for end in ending:
        try:
            end.get(timeout=max(0.0, deadline - time.monotonic()))
        except Exception:
            continue  # not in time: the stop of the system is next
    system.stop(max(0.0, deadline - time.monotonic()))


def _hurry(system: ActorSystem, grace: float) -> None:
    system.stop(0.0)


# -- what is asked for --------------------------------------------------------------


def find(target: str) -> Program:
    """Give the function that MODULE:FUNCTION names; modules are also looked for in the folder that one is in."""
    module_name, colon, name = target.partition(":")
    if not (module_name and colon and name):
        raise ConsoleError(f"{target}: not MODULE:FUNCTION, such as myapp.main:start")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    found: Any = _import(module_name)
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise ConsoleError(f"{target}: there is no {name} in {module_name}{_names_in(found)}") from None
    if not callable(found):
        raise ConsoleError(f"{target}: a function that takes an ActorSystem was expected, not {found!r:.100}")
    _check_call(target, found)
    program: Program = found
    return program


def _check_call(target: str, found: Any) -> None:
    if iscoroutinefunction(found) or isasyncgenfunction(found):
        raise ConsoleError(f"{target}: a function that is not async was expected")
    try:
        signature(found).bind(None)
    except TypeError as error:
        raise ConsoleError(f"{target} cannot be called with a system and nothing else: {error}") from None
    except ValueError:
        return  # It does not tell what it takes.


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise ConsoleError(f"there is no module {name}, neither in {os.getcwd()} nor installed") from error
        raise ConsoleError(f"{name} cannot be imported: {error}") from error
    except Exception as error:
        raise ConsoleError(f"{name} cannot be imported: {_where(error)}{type(error).__name__}: {error}") from error


def _where(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return ""  # it says so itself
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}: "


def _names_in(module: Any) -> str:
    home = getattr(module, "__name__", None)
    names = [
        name for name, value in vars(module).items() if isfunction(value) and getattr(value, "__module__", None) == home
    ]
    return f"; it has {', '.join(names)}" if names else ""


def _make_system(name: str) -> ActorSystem:
    try:
        return ActorSystem(name)
    except ValueError as error:
        raise ConsoleError(f"--name: {error}") from error


def _record(system: ActorSystem, target: str, stack: ExitStack) -> None:
    """Record the run there, until all of it is written."""
    from actors.eventlog.opening import make_log
    from actors.eventlog.recording import record
    from actors.eventlog.redis_client import without_password

    try:
        log = make_log(target)
    except (OSError, ValueError, ImportError) as error:
        system.stop()
        raise ConsoleError(f"{error}") from error
    shown = without_password(target)
    stack.callback(_say_lost, log, shown)
    stack.callback(log.close)
    stack.callback(log.flush, _FLUSH_SECONDS)
    recording = record(system, log)
    stack.callback(recording.close)
    say(f"recording to {shown}; look at it with: actortree top {shown}")


def _say_lost(log: EventLog, shown: str) -> None:
    lost = sum(log.stats.dropped.values())
    if lost:
        say(f"{plural(lost, 'record')} of the run could not be written to {shown}")
