"""How does pytest test agents? With fixtures that stop what a test started, and fail it for what went wrong.

This is a plugin, so every pytest run of an environment imports it: it imports `actors` only once a test asks for a
fixture. Nothing is autouse unless the ini option `actortree_leaks` is on.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from actors.testkit import CheckedSimulation, CheckedSystem, Events, Faults, Probe, VirtualClock

STOP_SECONDS = 5.0
"""Real seconds that a system gets to stop; what runs longer is abandoned. Times the dilation."""
GRACE = 2.0
"""Real seconds, for all threads of one test together, in which those that are about to end may do so; likewise."""

_DILATION = "ACTORTREE_DILATION"
_OF_THE_PROGRAM = "default-*"  # threads of the system of `Agent.start`, which outlives tests
_TRACE = 60  # lines of a simulation's trace in a report
_MARKERS = (
    "actortree_seeds(count) or (first, last): run the test once for each seed; it uses actortree_simulation.",
    "actortree_orphans: handlers that were abandoned may still hang when the test ends.",
)

_numbers = pytest.StashKey[Any]()  # of the systems of one run
_environment = pytest.StashKey[str | None]()  # what it said of the dilation before
_broken = pytest.StashKey[bool]()  # the test did not get to its end
_systems = pytest.StashKey[list[Any]]()  # that the test has running
_seed = pytest.StashKey[int]()
_shown = pytest.StashKey[set[str]]()  # what went wrong, in the report of the failing test
_blamed = pytest.StashKey[set[threading.Thread]]()  # leaked, and reported


# -- options and markers ---------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("actortree", "actortree: tests of agents")
    group.addoption(
        "--actortree-seed",
        type=int,
        metavar="N",
        help="the seed of simulations (default 0); a test marked actortree_seeds runs with this one only",
    )
    group.addoption(
        "--actortree-dilation",
        type=_factor,
        metavar="FACTOR",
        help=f"make all waits in real seconds longer, for slow machines (default {_DILATION}, or 1)",
    )
    parser.addini("actortree_leaks", "fail each test that leaves threads or agent systems behind", "bool", False)
    parser.addini("actortree_threads", "names of threads, with wildcards, that may outlive a test", "linelist", [])


def pytest_configure(config: pytest.Config) -> None:
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    config.stash[_numbers] = itertools.count(1)
    factor = config.getoption("actortree_dilation")
    if factor is not None:
        config.stash[_environment] = os.environ.get(_DILATION)
        os.environ[_DILATION] = str(factor)
    if config.getini("actortree_leaks"):
        config.pluginmanager.register(_LeakGuard(), "actortree-leaks")


def pytest_unconfigure(config: pytest.Config) -> None:
    if _environment in config.stash:
        before = config.stash[_environment]
        if before is None:
            os.environ.pop(_DILATION, None)
        else:
            os.environ[_DILATION] = before


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("actortree_seeds")
    if marker is None:
        return
    nodeid = metafunc.definition.nodeid
    if "actortree_seed" not in metafunc.fixturenames:
        pytest.fail(f"{nodeid}: actortree_seeds is for tests that use actortree_simulation", pytrace=False)
    seeds = _seeds(nodeid, marker.args)
    only = metafunc.config.getoption("actortree_seed")
    given = seeds if only is None else [only]
    metafunc.parametrize("actortree_seed", given, indirect=True, ids=[f"seed={seed}" for seed in given])


def _factor(text: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not 0.0 < factor < math.inf:
        raise argparse.ArgumentTypeError(f"a number above 0, not {text!r}")
    return factor


def _seeds(nodeid: str, arguments: tuple[Any, ...]) -> Iterable[int]:
    if all(type(number) is int for number in arguments):
        match arguments:
            case (count,) if count > 0:
                return range(count)
            case (first, last) if first <= last:
                return range(first, last + 1)
    pytest.fail(
        f"{nodeid}: actortree_seeds takes a count, or the first and the last seed, not {arguments}", pytrace=False
    )


# -- fixtures --------------------------------------------------------------------


@pytest.fixture
def actortree_options() -> dict[str, Any]:
    """Keyword arguments for `actortree_system` and `actortree_simulation`; override it where these need a policy."""
    return {}


@pytest.fixture
def actortree_clock() -> VirtualClock:
    """A virtual clock; a test that also asks for `actortree_system` gets one that goes by it."""
    from actors.testkit import VirtualClock

    return VirtualClock()


@pytest.fixture
def actortree_system(request: pytest.FixtureRequest, actortree_options: dict[str, Any]) -> Iterator[CheckedSystem]:
    """A system of real threads, which goes by `actortree_clock` if the test asks for that, too.

    It is stopped within a bounded time. Then the test fails if an agent failed, or a message was lost, that it did not
    announce (`expect_failure`, `expect_dead_letter`), or if a thread or an orphan is left.
    """
    from actors.testkit import CheckedSystem

    threads = _threads()
    clock = request.getfixturevalue("actortree_clock") if "actortree_clock" in request.fixturenames else None
    options = {"name": _name(request), "clock": clock, **actortree_options}
    system = CheckedSystem(**options)
    request.node.stash[_systems].append(system)
    yield system
    _end(request, system, threads, lambda: _stop(system, options["clock"]))


@pytest.fixture
def actortree_seed(request: pytest.FixtureRequest) -> int:
    """The seed of `actortree_simulation`: by the marker `actortree_seeds` or by `--actortree-seed`, else 0."""
    seed: int = request.param if hasattr(request, "param") else request.config.getoption("actortree_seed") or 0
    request.node.stash[_seed] = seed
    return seed


@pytest.fixture
def actortree_simulation(
    request: pytest.FixtureRequest, actortree_seed: int, actortree_options: dict[str, Any]
) -> Iterator[CheckedSimulation]:
    """A simulation with the seed of this run of the test; it ends, and is checked, as `actortree_system` is."""
    from actors.testkit import CheckedSimulation

    threads = _threads()
    simulation = CheckedSimulation(actortree_seed, **{"name": _name(request), **actortree_options})
    request.node.stash[_systems].append(simulation)
    yield simulation
    _end(request, simulation, threads, lambda: _tried(lambda: simulation.stop(timeout=STOP_SECONDS)))


@pytest.fixture
def actortree_probe(request: pytest.FixtureRequest) -> Probe:
    """A probe in the system, or the simulation, of the test."""
    from actors.testkit import Probe

    return Probe(_system_of(request))


@pytest.fixture
def actortree_probes(request: pytest.FixtureRequest) -> Callable[..., Probe]:
    """Makes probes, each with the name it is given, in the system, or the simulation, of the test."""
    from actors.testkit import Probe

    system = _system_of(request)
    return lambda name=None: Probe(system, name)


@pytest.fixture
def actortree_events(request: pytest.FixtureRequest) -> Iterator[Events]:
    """The events of the system, or the simulation, of the test, from its beginning on."""
    from actors.testkit import Events

    with Events(_system_of(request)) as events:
        yield events


@pytest.fixture
def actortree_faults(request: pytest.FixtureRequest) -> Iterator[Faults]:
    """Faults for the system, or the simulation, of the test; they are cleared before it is stopped."""
    from actors.testkit import Faults

    system = _system_of(request)
    faults = Faults(system)
    yield faults
    # What was announced may be on its way to a fault.
    _wait_for_announced(request.node, system)
    faults.clear()


def _system_of(request: pytest.FixtureRequest) -> Any:
    simulated = "actortree_simulation" in request.fixturenames and "actortree_system" not in request.fixturenames
    return request.getfixturevalue("actortree_simulation" if simulated else "actortree_system")


def _name(request: pytest.FixtureRequest) -> str:
    """Give a name that no other system has, also not in another process of this run."""
    config = request.config
    worker = getattr(config, "workerinput", {}).get("workerid", "main")
    test = re.sub(r"[^\w=.-]+", "_", request.node.name)[:100]
    return f"{test}-{worker}-{next(config.stash[_numbers])}"


# -- the end of a test -----------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    # It may be run once more, by a plugin that does so with tests that failed.
    item.stash[_broken] = False
    item.stash[_systems] = []
    item.stash[_shown] = set()
    item.stash[_blamed] = set()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.excinfo is not None and call.when != "teardown":
        item.stash[_broken] = True
        if report.failed:
            # Now, as the agents still are what they were when it failed.
            report.sections.extend(_sections(item))
    return report


def _sections(item: pytest.Item) -> Iterator[tuple[str, str]]:
    # Another plugin may have refused the test before this one looked at it.
    for system in item.stash.get(_systems, []):
        wrong = _said(system.expectations.report, False)
        item.stash[_shown].add(wrong)
        yield f"actortree: {system.name}", "\n".join(filter(None, [wrong, _look(system)]))
    if text := _seed_of(item):
        yield "actortree: seed", text


def _seed_of(item: pytest.Item) -> str:
    seed = item.stash.get(_seed, None)
    return "" if seed is None else f"seed {seed}; again: pytest '{item.nodeid}' --actortree-seed={seed}"


def _end(request: pytest.FixtureRequest, system: Any, threads: set[threading.Thread], stop: Callable[[], str]) -> None:
    """Stop the system, and fail the test for whatever was or is wrong with it."""
    item = request.node
    item.stash[_systems].remove(system)
    problems = [_wait_for_announced(item, system)]
    before = _look(system)
    problems.append(stop())
    leaked = _leaked_by(request, system, threads)
    wrong = _said(system.expectations.report, not item.stash[_broken])
    problems += ["" if wrong in item.stash[_shown] else wrong, _leaks(leaked)]
    _complain(item, problems, f"before it was stopped:\n{before}\n{_seed_of(item)}".rstrip())


def _wait_for_announced(item: pytest.Item, system: Any) -> str:
    """Wait for what the test announced, unless it did not get to its end; gives what went wrong with that."""
    return "" if item.stash[_broken] else _tried(system.expectations.wait_for_announced)


def _leaked_by(request: pytest.FixtureRequest, system: Any, before: set[threading.Thread]) -> list[threading.Thread]:
    """Give the threads of the test that are left, but those of orphans, which are reported as such or may stay."""
    passing: set[int] = set()
    if request.node.get_closest_marker("actortree_orphans") is not None:
        system.allow_orphans()
        passing = {orphan.ident for orphan in system.orphans}
    alive = _still_alive(request.config, before, lambda thread: thread.ident in passing)
    # Looked at once more: those that were not to stay had their time to return.
    hanging = {orphan.ident for orphan in system.orphans}
    leaked = [thread for thread in alive if thread.ident not in hanging]
    request.node.stash[_blamed].update(leaked)
    return leaked


def _complain(item: pytest.Item, problems: list[str], situation: str = "") -> None:
    """Fail the test; if it failed already, show the problems below its own failure, which comes first."""
    problems = [problem for problem in problems if problem]
    if not problems:
        return
    if item.stash[_broken]:
        item.add_report_section("teardown", "actortree", "\n".join(problems))
    else:
        pytest.fail("\n".join([*problems, situation]).rstrip(), pytrace=False)


def _look(system: Any) -> str:
    """Give the tree and the stacks of what runs; of a simulation, what led there, too."""
    text = _said(system.dump)
    if not hasattr(system, "trace"):
        return text
    lines = _said(system.trace).splitlines()
    left_out = [f"... {len(lines) - _TRACE} lines before these"] if len(lines) > _TRACE else []
    return "\n".join([text, *left_out, *lines[-_TRACE:]])


def _said(say: Callable[..., str], *arguments: Any) -> str:
    try:
        return say(*arguments)
    except Exception as error:
        # What a test's own predicates and agents raise must not end the whole run.
        return "this could not be said:\n" + "".join(traceback.format_exception(error)).rstrip()


def _tried(act: Callable[[], object]) -> str:
    """Do something at the end of a test; gives what it raised as text, empty if nothing."""
    try:
        act()
    except Exception as error:
        return "at the end of the test:\n" + "".join(traceback.format_exception(error)).rstrip()
    return ""


def _stop(system: Any, clock: Any) -> str:
    """Stop a system of real threads within a bounded time; gives what was wrong with that."""
    trouble: list[str] = []
    # Elsewhere, so that not even a subscriber that hangs holds up the tests after this one.
    stopper = threading.Thread(
        target=lambda: trouble.append(_tried(lambda: system.stop(timeout=STOP_SECONDS * _dilation()))),
        name=f"{system.name}-stopper",
        daemon=True,
    )
    stopper.start()
    if hasattr(clock, "settle"):
        trouble.append(_tried(lambda: _pass_time(clock, stopper)))
    stopper.join((2 * STOP_SECONDS + GRACE) * _dilation())
    if stopper.is_alive():
        # It would hold up the end of the process, too.
        _kernel()._open_systems.discard(system)
        trouble.append(f"the system does not stop:\n{_said(system.dump)}")
    return "\n".join(filter(None, trouble))


def _pass_time(clock: Any, stopper: threading.Thread) -> None:
    """Let the virtual deadline of a stop come, once only time is left to wait for, or what runs has had its time."""
    stopper.join(0.1)
    if not stopper.is_alive():
        return
    try:
        clock.settle(within=STOP_SECONDS)
    except AssertionError:
        stopper.join(0.1)
    else:
        # What is left may be the stopper's, which the clock does not see.
        stopper.join(0.5)
    if stopper.is_alive():
        clock.advance(STOP_SECONDS * _dilation())


# -- threads ---------------------------------------------------------------------


class _LeakGuard:
    """Registered where the ini option says so: looks after every test."""

    @pytest.fixture(autouse=True)
    def actortree_leak_guard(self, request: pytest.FixtureRequest) -> Iterator[None]:
        """Fails a test after which threads are alive, or agent systems open, that were not before it."""
        threads, systems = _threads(), _open_systems()
        yield
        item = request.node
        marked = item.get_closest_marker("actortree_orphans") is not None
        blamed = item.stash[_blamed]
        leaked = _still_alive(request.config, threads, lambda thread: thread in blamed or (marked and thread.daemon))
        opened = [f"{system!r} was not stopped" for system in _open_systems() if system not in systems]
        _complain(item, [*opened, _leaks(leaked)])


def _threads() -> set[threading.Thread]:
    return set(threading.enumerate())


def _open_systems() -> list[Any]:
    kernel = _kernel()
    # The system of `Agent.start` is the program's, not one test's.
    return [] if kernel is None else [system for system in list(kernel._open_systems) if not system.is_default]


def _kernel() -> Any:
    return sys.modules.get("actors._core.system")


def _still_alive(
    config: pytest.Config, before: set[threading.Thread], passes: Callable[[threading.Thread], bool]
) -> list[threading.Thread]:
    """Give the threads started since that neither end in time nor may stay; blocks for `GRACE` at most."""
    patterns = [_OF_THE_PROGRAM, *config.getini("actortree_threads")]
    started = [
        thread
        for thread in threading.enumerate()
        if thread not in before
        and not passes(thread)
        and not isinstance(thread, threading._DummyThread)
        and not any(fnmatchcase(thread.name, pattern) for pattern in patterns)
    ]
    deadline = time.monotonic() + GRACE * _dilation()
    for thread in started:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [thread for thread in started if thread.is_alive()]


def _leaks(threads: list[threading.Thread]) -> str:
    if not threads:
        return ""
    from actors._core.frames import current_frames

    frames = current_frames()
    lines = []
    for thread in threads:
        lines.append(f"leaked thread: {thread.name}")
        frame = frames.get(thread.ident or 0)
        stack = [] if frame is None else traceback.format_stack(frame)
        lines.extend(f"    {line}" for line in "".join(stack).splitlines())
    return "\n".join(lines)


def _dilation() -> float:
    return float(os.environ.get(_DILATION) or 1.0)
