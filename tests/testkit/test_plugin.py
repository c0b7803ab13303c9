"""Does the pytest plugin fail the tests it should, let pass the others, and stay out of the way of all the rest?"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import actors.testkit  # noqa: F401 - here, not anew in each run inside this process

INSTALLED = bool(entry_points(group="pytest11", name="actortree"))
PLUGIN = "actortree" if INSTALLED else "pytest_actortree"
# Without what these runs do not use, and what takes longer to load than they take.
OPTIONS = ("-p", PLUGIN, "-p", "no:cacheprovider", "-p", "no:hypothesispytest")
HEADER = """
import threading

import pytest

from actors import Agent, AgentStoppedError, ChildSpec, RestartLimitExceeded
from policies import Backoff, Restart, Resume, Stop

gate = threading.Event()

class Worker(Agent):
    def on_receive(self, message):
        if message == "bad":
            raise ValueError("bad")
        if message == "hang":
            self.system_hangs = True
            gate.wait()
        return message
"""
# A run of its own, in which a test may leave what it likes.
IMPATIENT = """
import pytest_actortree

pytest_actortree.STOP_SECONDS = 0.2
pytest_actortree.GRACE = 0.2
"""

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """Runs pytest on a text, in this process, and gives its result."""

    def run(text: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(HEADER + text)
        return pytester.runpytest_inprocess(*OPTIONS, *options)

    return run


@pytest.fixture
def run_apart(pytester: pytest.Pytester, packages_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs pytest on a text in a process of its own, with little patience, and gives its result."""
    monkeypatch.setenv("PYTHONPATH", str(packages_folder))

    def run(text: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(HEADER + text)
        pytester.makeconftest(IMPATIENT)
        return pytester.runpytest_subprocess(*OPTIONS, *options, timeout=50)

    return run


def said(result: pytest.RunResult) -> str:
    return result.stdout.str()


# -- a plugin that nobody uses ---------------------------------------------------

HEAVY = "{'actors', 'policies', 'pydantic', 'loguru', 'pykka'}"


def test_importing_the_plugin_imports_nothing_of_the_library(packages_folder: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys, pytest_actortree; print(sorted({HEAVY} & set(sys.modules)))"],
        env={**os.environ, "PYTHONPATH": str(packages_folder)},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert ran.stdout == "[]\n", ran.stderr


@pytest.mark.parametrize("leaks", [False, True])
def test_a_run_that_uses_no_fixture_imports_nothing_of_the_library(
    pytester: pytest.Pytester, packages_folder: Path, monkeypatch: pytest.MonkeyPatch, leaks: bool
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(packages_folder))
    pytester.makeini(f"[pytest]\nactortree_leaks = {leaks}\n")
    pytester.makepyfile(
        f"""
        import sys

        def test_nothing():
            assert 'pytest_actortree' in sys.modules
            assert not {HEAVY} & set(sys.modules)

        def test_nothing_either():
            assert not {HEAVY} & set(sys.modules)
        """
    )
    result = pytester.runpytest_subprocess(*OPTIONS, "--actortree-dilation=2", timeout=50)
    result.assert_outcomes(passed=2)


def test_nothing_is_autouse(run: Run) -> None:
    result = run("def test_it(request):\n    assert request.fixturenames == ['request']")
    result.assert_outcomes(passed=1)


@pytest.mark.skipif(not INSTALLED, reason="the packages are imported from the tree")
def test_pytest_finds_the_plugin_by_itself(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(actortree_system):\n    pass")
    pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=50).assert_outcomes(passed=1)


def test_the_plugin_can_be_left_out(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_plain():\n    pass\n\ndef test_with(actortree_system):\n    pass")
    result = pytester.runpytest_subprocess("-p", "no:actortree", "-p", "no:cacheprovider", timeout=50)
    result.assert_outcomes(passed=1, errors=1)
    assert "fixture 'actortree_system' not found" in said(result)


def test_the_markers_are_registered_and_the_options_explained(run: Run) -> None:
    markers = said(run("", "--markers"))
    assert "@pytest.mark.actortree_seeds(count) or (first, last): " in markers
    assert "@pytest.mark.actortree_orphans: " in markers
    text = said(run("", "--help"))
    for option in ("--actortree-seed=N", "--actortree-dilation=FACTOR", "actortree_leaks (bool)", "actortree_threads"):
        assert option in text


# -- the system ------------------------------------------------------------------


def test_each_test_gets_a_system_of_its_own_name(run: Run) -> None:
    result = run(
        """
        names = []

        @pytest.mark.parametrize("value", ["a/b[c]", "d"])
        def test_it(actortree_system, value):
            assert actortree_system.spawn(Worker).ask(value) == value
            assert actortree_system.name not in names
            names.append(actortree_system.name)

        def test_names():
            assert names == ["test_it_a_b_c_-main-1", "test_it_d_-main-2"]
        """.replace("\n        ", "\n")
    )
    result.assert_outcomes(passed=3)


def test_a_failure_that_was_not_announced_fails_the_test_and_is_shown_with_the_tree(run: Run) -> None:
    result = run(
        """
def test_it(actortree_system):
    worker = actortree_system.spawn(Worker, name="w")
    with pytest.raises(ValueError):
        worker.ask("bad")
    assert worker.ask("good") == "good"
"""
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "system 'test_it-main-1': not all went as expected",
            "unexpected failure: /w #1 in receive: ValueError('bad') -> restart",
            "*Traceback (most recent call last):",
            "*ValueError: bad",
            "before it was stopped:",
            "test_it-main-1: 1 agent",
            "*w Worker idle #2 restarts=1*",
        ],
        consecutive=False,
    )


def test_what_was_announced_and_is_on_its_way_is_waited_for(run: Run) -> None:
    result = run(
        """
def test_it(actortree_system):
    actortree_system.expect_failure(ValueError, "/w", times=3)
    worker = actortree_system.spawn(Worker, name="w")
    for message in ("bad", "bad", "bad"):
        worker.tell(message)
"""
    )
    result.assert_outcomes(passed=1)


def test_what_was_announced_and_did_not_come_fails_the_test(run: Run) -> None:
    result = run(
        """
def test_it(actortree_system):
    actortree_system.expect_failure(ValueError, "/w")
""",
        "--actortree-dilation=0.01",
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["expected failure ValueError of /w: came 0 of 1"])


def test_a_dead_letter_that_was_not_announced_fails_the_test(run: Run) -> None:
    result = run(
        """
def test_it(actortree_system):
    worker = actortree_system.spawn(Worker, name="w")
    worker.stop()
    with pytest.raises(AgentStoppedError):
        worker.tell("late")
"""
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["unexpected dead letter: 'late' to /w #1: stopped"])


def test_messages_that_still_wait_at_the_end_of_a_test_are_no_dead_letters(run: Run) -> None:
    result = run(
        """
def test_it(actortree_clock, actortree_system, actortree_events):
    from actors import AgentBackingOff
    actortree_system.expect_failure(ValueError)
    worker = actortree_system.spawn(ChildSpec(Worker, policy=Restart(backoff=Backoff(10.0))))
    worker.tell("bad")
    actortree_events.expect(AgentBackingOff)
    worker.tell("waits")
"""
    )
    result.assert_outcomes(passed=1)


def test_a_system_that_the_test_stops_itself_is_checked_as_well(run: Run) -> None:
    result = run(
        """
def test_it(actortree_system):
    actortree_system.spawn(Worker).tell("good")
    actortree_system.stop()

def test_in_a_block(actortree_system):
    with actortree_system:
        actortree_system.spawn(Worker).tell("good")
"""
    )
    result.assert_outcomes(passed=2)


def test_the_system_gets_the_options_of_its_module(run: Run) -> None:
    result = run(
        """
@pytest.fixture
def actortree_options():
    return {"policy": Restart(max_restarts=0), "name": "mine"}

def test_it(actortree_system):
    assert actortree_system.name == "mine"
    actortree_system.expect_failure(ValueError, "/w")
    actortree_system.expect_failure(RestartLimitExceeded, "/")
    actortree_system.spawn(Worker, name="w").tell("bad")

def test_simulated(actortree_simulation):
    assert actortree_simulation.name == "mine"
"""
    )
    result.assert_outcomes(passed=2)


# -- a test that failed anyway ---------------------------------------------------


def test_a_test_that_failed_anyway_shows_its_own_failure_and_below_it_the_agents(run: Run) -> None:
    result = run(
        """
def test_it(actortree_system):
    actortree_system.expect_failure(KeyError)
    worker = actortree_system.spawn(Worker, name="w")
    with pytest.raises(ValueError):
        worker.ask("bad")
    worker.ask("good")
    assert 1 == 2
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E       assert 1 == 2",
            "*- actortree: test_it-main-1 -*",
            "unexpected failure: /w #1 in receive: ValueError('bad') -> restart",
            "test_it-main-1: 1 agent",
        ]
    )
    assert said(result).count("unexpected failure: ") == 1
    assert "expected failure KeyError" not in said(result)


def test_what_comes_up_after_a_test_failed_is_shown_below_its_failure(run_apart: Run) -> None:
    result = run_apart(
        """
def test_it(actortree_system):
    threading.Thread(target=gate.wait, name="left", daemon=True).start()
    assert 1 == 2
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E       assert 1 == 2", "*- Captured actortree teardown -*", "leaked thread: left"])


def test_a_fixture_that_fails_after_the_system_was_made_shows_the_agents_too(run: Run) -> None:
    result = run(
        """
@pytest.fixture
def worker(actortree_system):
    actortree_system.spawn(Worker, name="w").ask("bad")

def test_it(worker):
    pass
"""
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["E * ValueError: bad", "*- actortree: test_it-main-1 -*"])


@pytest.mark.parametrize(
    ("how", "outcome"), [("pytest.xfail('so')", "xfailed"), ("pytest.skip('so')", "skipped")], ids=["xfail", "skip"]
)
def test_a_test_that_gives_up_is_not_asked_for_what_it_announced(run: Run, how: str, outcome: str) -> None:
    result = run(
        f"""
def test_it(actortree_system):
    actortree_system.expect_failure(ValueError)
    {how}
"""
    )
    result.assert_outcomes(**{outcome: 1})


def test_a_test_that_another_plugin_refuses_is_reported_as_ever(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makeconftest(
        """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    raise RuntimeError("refused")
"""
    )
    run("def test_it(actortree_system):\n    pass").assert_outcomes(errors=1)


RERUNS = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    runtestprotocol(item, nextitem=nextitem, log=False)
    item._initrequest()
    for report in runtestprotocol(item, nextitem=nextitem, log=False):
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""


def test_a_test_that_failed_and_is_run_once_more_is_checked_anew(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makeconftest(RERUNS)
    result = run(
        """
runs = []

def test_it(actortree_system):
    runs.append("run")
    assert len(runs) == 2
    with pytest.raises(ValueError):
        actortree_system.spawn(Worker).ask("bad")
"""
    )
    result.assert_outcomes(passed=1, errors=1)


# -- what hangs, and what leaks --------------------------------------------------


def test_a_handler_that_hangs_is_left_behind_in_time_and_fails_the_test(run_apart: Run) -> None:
    result = run_apart(
        """
def test_it(actortree_system):
    actortree_system.spawn(Worker, name="w").tell("hang")
    actortree_system.spawn(Worker).ask("good")

def test_after_it(actortree_system):
    actortree_system.spawn(Worker).ask("good")
"""
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        [
            "orphan: /w #1 hangs in 'hang', on thread test_it-main-1-*",
            "*gate.wait()",
            "before it was stopped:",
            "*w Worker busy #1 in 'hang' for *",
            "/w #1 has been in 'hang' for *",
        ]
    )
    assert "leaked thread" not in said(result)


def test_a_handler_that_hangs_may_be_left_by_a_test_that_says_so(run_apart: Run) -> None:
    result = run_apart(
        """
@pytest.mark.actortree_orphans
def test_it(actortree_system):
    actortree_system.spawn(Worker, name="w").tell("hang")
    actortree_system.spawn(Worker).ask("good")
""",
        "--strict-markers",
    )
    result.assert_outcomes(passed=1)


def test_a_handler_that_returns_late_is_no_orphan(run_apart: Run) -> None:
    result = run_apart(
        """
class Late(Agent):
    def on_receive(self, message):
        inside.set()
        gate.wait()

inside = threading.Event()

def test_it(actortree_system):
    actortree_system.events.subscribe(lambda event: gate.set(), AgentAbandoned)
    actortree_system.spawn(Late).tell("wait")
    assert inside.wait(10)

from actors import AgentAbandoned
"""
    )
    result.assert_outcomes(passed=1)


def test_a_system_that_does_not_stop_holds_up_nobody(run_apart: Run) -> None:
    result = run_apart(
        """
def test_it(actortree_system):
    from actors import AgentStopped
    actortree_system.spawn(Worker)
    actortree_system.events.subscribe(lambda event: gate.wait(), AgentStopped)

def test_after_it(actortree_system):
    actortree_system.spawn(Worker).ask("good")
"""
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["the system does not stop:"])


def test_a_thread_that_a_test_leaves_fails_it_and_is_shown_with_its_stack(run_apart: Run) -> None:
    result = run_apart(
        """
class Starts(Agent):
    def on_start(self):
        threading.Thread(target=gate.wait, name="left", daemon=True).start()

def test_it(actortree_system):
    actortree_system.spawn(Starts)
"""
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["leaked thread: left", "*in wait"])


def test_threads_that_may_outlive_a_test_are_named_in_the_settings(pytester: pytest.Pytester, run_apart: Run) -> None:
    pytester.makeini("[pytest]\nactortree_threads =\n    other\n    left-*\n")
    result = run_apart(
        """
def test_it(actortree_system):
    threading.Thread(target=gate.wait, name="left-1", daemon=True).start()
"""
    )
    result.assert_outcomes(passed=1)


# -- the clock -------------------------------------------------------------------


def test_the_system_goes_by_the_clock_that_the_test_asks_for(run: Run) -> None:
    result = run(
        """
class Later(Agent):
    def on_start(self):
        self.context.timers.once("later", 3600.0, "now")

    def on_receive(self, message):
        assert message == "now"
        self.stop()

def test_it(actortree_system, actortree_clock):
    ref = actortree_system.spawn(Later)
    actortree_clock.advance(3599.0)
    assert ref.is_alive()
    actortree_clock.advance(1.0)
    assert ref.actor_stopped.wait(10)

def test_without(actortree_system):
    from actors.testkit import VirtualClock
    assert not isinstance(actortree_system.clock, VirtualClock)
"""
    )
    result.assert_outcomes(passed=2)


WAITS = """
import pytest_actortree

# Whoever waits so long in earnest, fails.
pytest_actortree.STOP_SECONDS = 1000.0

class Asker(Agent):
    def on_receive(self, other):
        inside.set()
        other.ask("never answered", timeout=100_000.0)

inside = threading.Event()

def test_it(actortree_clock, actortree_system, actortree_events):
    from actors import AgentBackingOff
    actortree_system.expect_failure(ValueError)
    down = actortree_system.spawn(ChildSpec(Worker, policy=Restart(backoff=Backoff(10.0))))
    down.tell("bad")
    actortree_events.expect(AgentBackingOff)
    actortree_system.spawn(Asker).tell(down)
    assert inside.wait(10)
"""


def test_the_end_of_a_test_does_not_wait_in_earnest_for_virtual_time(run_apart: Run) -> None:
    run_apart(WAITS).assert_outcomes(passed=1)


def test_a_handler_that_hangs_under_a_virtual_clock_is_left_behind_in_time(run_apart: Run) -> None:
    result = run_apart(
        """
def test_it(actortree_clock, actortree_system):
    actortree_system.spawn(Worker, name="w").tell("hang")
    actortree_system.spawn(Worker).ask("good")
"""
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["orphan: /w #1 hangs in 'hang', on thread test_it-main-1-*"])


# -- simulations -----------------------------------------------------------------

SEED = """
def test_it(actortree_simulation):
    assert actortree_simulation.spawn(Worker, name="w").ask("good") == "good"
    assert actortree_simulation.seed not in {bad}
"""


def test_a_simulation_has_the_seed_0_unless_another_is_asked_for(run: Run) -> None:
    run(SEED.format(bad=(0,))).assert_outcomes(failed=1)
    run(SEED.format(bad=(0,)), "--actortree-seed=1").assert_outcomes(passed=1)


def test_a_test_runs_once_for_each_seed_and_the_report_names_the_one_that_failed(run: Run) -> None:
    result = run("@pytest.mark.actortree_seeds(5)" + SEED.format(bad=(3,)), "--strict-markers", "-rA")
    result.assert_outcomes(passed=4, failed=1)
    names = re.findall(r"^(PASSED|FAILED) \S+::(\S+)", said(result), re.MULTILINE)
    assert sorted(names) == [("FAILED", "test_it[seed=3]"), *(("PASSED", f"test_it[seed={n}]") for n in (0, 1, 2, 4))]
    result.stdout.fnmatch_lines(
        [
            "*- actortree: test_it_seed=3_-main-4 -*",
            "*AgentStarted /w #1",
            "*- actortree: seed -*",
            "seed 3; again: pytest 'test_*.py::test_it[[]seed=3[]]' --actortree-seed=3",
        ]
    )


def test_seeds_may_begin_anywhere_and_both_ends_count(run: Run) -> None:
    result = run("@pytest.mark.actortree_seeds(7, 9)" + SEED.format(bad=(7, 9)))
    result.assert_outcomes(passed=1, failed=2)


def test_one_seed_can_be_run_again_alone(run: Run) -> None:
    result = run("@pytest.mark.actortree_seeds(100)" + SEED.format(bad=(3,)), "--actortree-seed=3")
    result.assert_outcomes(failed=1)


def test_a_failure_in_a_simulation_that_was_not_announced_names_the_seed_too(run: Run) -> None:
    result = run(
        """
@pytest.mark.actortree_seeds(4, 4)
def test_it(actortree_simulation):
    actortree_simulation.spawn(Worker, name="w").tell("bad")
    actortree_simulation.settle()
"""
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["unexpected failure: /w #1 in receive: ValueError('bad') -> restart", "seed 4; again: pytest *"]
    )


def test_a_deadlock_at_the_end_of_a_simulation_fails_its_own_test_only(run: Run) -> None:
    result = run(
        """
class Waits(Agent):
    def on_receive(self, message):
        from actors import AgentFuture
        AgentFuture().get()

def test_it(actortree_simulation):
    actortree_simulation.expect_failure(KeyError)
    actortree_simulation.spawn(Waits, name="w").tell("go")

@pytest.mark.actortree_seeds(2)
def test_after_it(actortree_simulation):
    actortree_simulation.spawn(Worker).ask("good")
"""
    )
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] == 3
    assert outcomes["errors"] == 1


@pytest.mark.parametrize("arguments", ["", "0", "-1", "2, 1", "1, 2, 3", "'3'", "True"])
def test_seeds_that_make_no_sense_are_refused(run: Run, arguments: str) -> None:
    result = run(f"@pytest.mark.actortree_seeds({arguments})" + SEED.format(bad=()))
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*::test_it: actortree_seeds takes a count, or the first and the last seed, not (*"])


def test_seeds_are_refused_where_nothing_has_a_seed(run: Run) -> None:
    result = run("@pytest.mark.actortree_seeds(3)\ndef test_it():\n    pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*::test_it: actortree_seeds is for tests that use actortree_simulation"])


# -- what is used with a system --------------------------------------------------


@pytest.mark.parametrize("system", ["actortree_system", "actortree_simulation"])
def test_events_are_those_of_the_system_of_the_test(run: Run, system: str) -> None:
    result = run(
        f"""
from actors import AgentStarted

def test_it(actortree_events, {system}):
    {system}.spawn(Worker, name="w")
    actortree_events.expect(AgentStarted, "/w")
"""
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("system", ["actortree_system", "actortree_simulation"])
def test_probes_are_agents_of_the_system_of_the_test(run: Run, system: str) -> None:
    result = run(
        f"""
def test_it(actortree_probe, actortree_probes, {system}):
    second = actortree_probes("second")
    third = actortree_probes()
    assert len({{actortree_probe.path, second.path, third.path}}) == 3
    assert {system}.find("/second") == second.ref
    for probe in (actortree_probe, second, third):
        probe.ref.tell("hello")
        assert probe.expect(str) == "hello"
"""
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("system", ["actortree_system", "actortree_simulation"])
def test_faults_are_cleared_before_the_system_stops(run: Run, system: str) -> None:
    result = run(
        f"""
def test_it(actortree_faults, {system}):
    worker = {system}.spawn(Worker, name="w")
    hang = actortree_faults.hang("/w", on=str)
    worker.tell("hello")
    hang.reached()
    {system}.expect_failure(OSError, "/other")
    actortree_faults.crash("/other", on=str, error=OSError())
    {system}.spawn(Worker, name="other").tell("hello")
"""
    )
    result.assert_outcomes(passed=1)


# -- slow machines ---------------------------------------------------------------

DILATION = """
from actors.testkit import dilation

def test_it():
    assert dilation() == {factor}
"""


def test_the_dilation_is_an_option_for_one_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTORTREE_DILATION", "3")
    run(DILATION.format(factor=3.0)).assert_outcomes(passed=1)
    run(DILATION.format(factor=2.5), "--actortree-dilation=2.5").assert_outcomes(passed=1)
    assert os.environ["ACTORTREE_DILATION"] == "3"
    monkeypatch.delenv("ACTORTREE_DILATION")
    run(DILATION.format(factor=2.5), "--actortree-dilation=2.5").assert_outcomes(passed=1)
    assert "ACTORTREE_DILATION" not in os.environ


@pytest.mark.parametrize("factor", ["0", "-1", "nan", "inf", "much"])
def test_a_dilation_that_makes_no_sense_is_refused(run: Run, factor: str) -> None:
    result = run("", f"--actortree-dilation={factor}")
    assert result.ret is pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*argument --actortree-dilation: a number above 0, not '{factor}'"])


# -- the guard for all tests -----------------------------------------------------

LEAKS = """
from actors import ActorSystem

def test_leaks_a_thread():
    threading.Thread(target=gate.wait, name="left", daemon=True).start()

def test_leaks_a_system():
    global system
    system = ActorSystem("left open")

def test_leaks_nothing():
    with ActorSystem("stopped"):
        pass
    Worker.start().stop()

@pytest.mark.actortree_orphans
def test_may_leak():
    threading.Thread(target=gate.wait, daemon=True).start()

def test_fails():
    threading.Thread(target=gate.wait, name="left, too", daemon=True).start()
    assert 1 == 2

def test_is_blamed_once(actortree_system):
    threading.Thread(target=gate.wait, name="left with a system", daemon=True).start()
"""


@pytest.mark.parametrize("environment", [{"COLUMNS": "80"}, {"COLUMNS": "300"}, {"CI": "true"}], ids=str)
def test_the_guard_fails_each_test_that_leaves_something_behind(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, run_apart: Run, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    pytester.makeini("[pytest]\nactortree_leaks = true\n")
    result = run_apart(LEAKS)
    result.assert_outcomes(passed=5, failed=1, errors=3)
    text = said(result)
    for line in (
        "_ ERROR at teardown of test_leaks_a_thread _\nleaked thread: left\n",
        "_ ERROR at teardown of test_leaks_a_system _\n<ActorSystem left open> was not stopped\n",
        "_ ERROR at teardown of test_is_blamed_once _\nleaked thread: left with a system\n",
        "- Captured actortree teardown -\nleaked thread: left, too\n",
    ):
        assert line in re.sub(r"([_-])\1+", r"\1", text)
    # In whole lines: where the terminal is wide, or none at all, the summary has the first line of each error, too.
    assert len(re.findall(r"^leaked thread: left with a system$", text, re.MULTILINE)) == 1


def test_the_guard_is_off_unless_it_is_asked_for(run_apart: Run) -> None:
    run_apart(LEAKS).assert_outcomes(passed=5, failed=1, errors=1)


# -- several processes -----------------------------------------------------------


def test_under_xdist_no_two_systems_have_one_name_and_reports_come_through(run_apart: Run) -> None:
    result = run_apart(
        """
@pytest.mark.actortree_seeds(6)
def test_seeds(actortree_simulation, testrun_uid):
    print("name:", actortree_simulation.name)
    assert actortree_simulation.seed != 4

@pytest.mark.parametrize("number", range(6))
def test_it(actortree_system, number):
    print("name:", actortree_system.name)
    actortree_system.spawn(Worker, name="w").tell("bad")
    actortree_system.expect_failure(ValueError, times=number % 2 + 1)
""",
        "-n2",
        "-rA",
        "--actortree-dilation=0.1",
    )
    result.assert_outcomes(passed=11, failed=1, errors=3)
    names = re.findall(r"^name: (.*)$", said(result), re.MULTILINE)
    assert len(set(names)) == 12
    assert {re.sub(r".*-(gw\d+)-\d+", r"\1", name) for name in names} == {"gw0", "gw1"}
    assert said(result).count("expected failure ValueError: came 1 of 2") >= 3
    result.stdout.fnmatch_lines(["seed 4; again: pytest 'test_*.py::test_seeds[[]seed=4[]]' --actortree-seed=4"])
