"""Where does a program run: in a simulation, or on real threads?"""

from __future__ import annotations

import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from actors import ActorError, ActorSystem, AgentRef, SystemFailed
from actors._core.mailbox import BoundedQueue, Overflow, Uncounted
from actors._core.report import CrashReports
from actors.testkit import Gate, Priorities, RandomWalk, Simulation, VirtualClock
from actors.testkit.quiet import Unlogged
from actors.testkit.simulation.errors import SimulationError
from actors.testkit.simulation.strands import Unwind
from tests.properties.acting import perform
from tests.properties.oracle import Inside, Oracle
from tests.properties.players import Player
from tests.properties.programs import POLICIES, Act, Phase, Program, Script
from tests.properties.scripts import GATES

STEPS = 20_000  # more steps than this are no end
LONGEST = 120.0  # virtual seconds within which a system that is stopped has ended
OPENED = 10.0  # virtual seconds after which nobody hangs any more while the system ends
PATIENCE = 30.0  # real seconds within which threads have done what they can
_STRATEGIES = (RandomWalk(), Priorities(), RandomWalk(0.8), Priorities(2, 60))


class Driver:
    """Code outside all agents that follows a script; a task of the system's pool."""

    def __init__(self, world: World, number: int, script: Script) -> None:
        self.path = f"driver {number}"
        self._world = world
        self._script = script

    def run(self) -> None:
        for act in self._script:
            try:
                perform(self._world, act, None)
            except Unwind:
                raise
            except BaseException as error:
                self._world.oracle.violated("oracle", f"{act[0]} raised {error!r}")


class World:
    """A system in which a program runs, and what its agents and drivers share."""

    real_threads = False

    def __init__(self, program: Program) -> None:
        self.program = program
        self.gates = [Gate(f"gate {number}") for number in range(GATES)]
        self.owed: list[Any] = []
        self.stashes: set[AgentRef[Any]] = set()
        self.oracle = Oracle(exact=False)
        self._gone = 0
        self._refs: dict[str, AgentRef[Any]] = {}
        self._plans: dict[AgentRef[Any], Player] = {}
        self._times: Counter[tuple[str, str]] = Counter()
        self.system = self.make_system()
        self.system.events.subscribe(self.oracle.hear)

    def make_system(self) -> Any:
        raise NotImplementedError

    # -- for agents and drivers ---------------------------------------------------

    def perform(self, act: Act, player: Player | None) -> None:
        perform(self, act, player)

    def ref(self, path: str) -> AgentRef[Any] | None:
        """Give the ref that was last known at the path; where its agent has ended, mostly that of another."""
        ref = self._refs.get(path.rpartition("/")[2] if path.startswith("<self>") else path)
        if ref is None or ref.is_alive():
            return ref
        self._gone += 1
        alive = [other for other in list(self._refs.values()) if other.is_alive()] if self._gone % 4 else []
        return alive[self._gone % len(alive)] if alive else ref

    def knows(self, player: Player) -> None:
        ref = player.actor_ref
        self._refs[ref.path] = self._refs[ref.name] = ref
        self._plans[ref] = player

    def once_more(self, path: str, what: str) -> bool:
        """Whether something may happen at a path once more: what happens in each incarnation could go on for ever."""
        self._times[path, what] += 1
        return self._times[path, what] <= 3

    def is_expected(self, error: Exception) -> bool:
        """Whether an act may raise this: agents that have ended, names that are taken, asks in a circle."""
        return isinstance(error, ActorError)

    def enters(self, player: Player, what: str) -> Inside:
        """Code of a player begins; looks at the bounds that it is to keep."""
        inside = self.oracle.enters(player.me, what)
        if what == "__init__":
            self._look_at_family(player.context.parent)
        if self.real_threads and player.plan.dispatcher == "thread":
            self.oracle.runs_on(player.me, threading.get_ident())
        return inside

    def _look_at_family(self, parent: AgentRef[Any] | None) -> None:
        player = None if parent is None else self._plans.get(parent)
        most = None if player is None else player.plan.max_children
        if parent is not None and most is not None:
            there = sum(child.status != "down" for child in parent.children())
            self.oracle.holds(f"children of {parent.path}", there, most)

    def look_at_mailbox(self, ref: AgentRef[Any]) -> None:
        """Count what waits in a bounded mailbox; what comes back out of a stash may be more than its bound."""
        cell = ref._cell
        queue, mailbox = cell.queue, cell.spec.mailbox
        if isinstance(queue, BoundedQueue) and mailbox is not None and mailbox.capacity is not None:
            with queue._lock:
                waiting = sum(not isinstance(item, Uncounted) for item in queue._items)
            if ref not in self.stashes and mailbox.overflow is not Overflow.BLOCK:
                self.oracle.holds(f"messages for {ref.path}", waiting, mailbox.capacity)

    # -- running ------------------------------------------------------------------

    def run(self) -> Oracle:
        """Run the program to its end, and have the oracle draw its conclusions."""
        begin = tuple(("spawn", plan) for plan in self.program.plans)
        for phase in (Phase((begin,), 0.0), *self.program.phases):
            if self.system.is_stopping:
                break
            self.do(phase, [Driver(self, number, script) for number, script in enumerate(phase.drivers, 1)])
        if self.program.gates_first:
            self.open_gates()
        # Some wait for their children without limit, also where the system's end has one: an escalation's has none.
        clock = self.system.clock
        clock.call_at(clock.now() + OPENED, self.open_gates)
        self.end()
        self.oracle.conclude()
        return self.oracle

    def do(self, phase: Phase, drivers: list[Driver]) -> None:
        raise NotImplementedError

    def end(self) -> None:
        raise NotImplementedError

    def open_gates(self) -> None:
        for gate in self.gates:
            gate.open()

    def wait_for_end(self, advance: Callable[[float], object]) -> None:
        """Let time pass until the system says that it has stopped."""
        passed = 0.0
        while not self.oracle.counts["SystemStopped"] and passed < LONGEST:
            advance(1.0)
            passed += 1.0
            if passed == LONGEST / 2 and not self.system.is_stopping:
                # The agent that was to stop it hangs, or was stopped before.
                self.system.pool.put(Driver(self, 0, (("stop system", self.program.timeout),)))

    def stopper(self) -> Script:
        """The last act of a program whose system is stopped by a driver, or by an agent where one is left."""
        stop: Act = ("stop system", self.program.timeout)
        alive = [path for path, ref in list(self._refs.items()) if ref.is_alive() and path.startswith("/")]
        return (("tell", alive[-1], (stop,)),) if self.program.by == "agent" and alive else (stop,)


class Simulated(World):
    """One thing at a time, in an order that follows from the seed."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.oracle.exact = self.oracle.lives.exact = not any(phase.raced for phase in program.phases)

    def make_system(self) -> Any:
        program = self.program
        return Simulation(
            program.seed,
            _STRATEGIES[program.seed % len(_STRATEGIES)],
            max_steps=STEPS,
            policy=POLICIES[program.root],
            supervision=program.strategy,
        )

    def run(self) -> Oracle:
        try:
            return super().run()
        except SimulationError as error:
            self.oracle.violated("I6", str(error))
            return self.oracle
        except Exception as error:
            # What comes out of a thread of the simulation is the kernel's own.
            self.oracle.violated("kernel", "".join(traceback.format_exception(error)))
            return self.oracle
        finally:
            with suppress(SimulationError):
                self.system.stop()

    def do(self, phase: Phase, drivers: list[Driver]) -> None:
        if phase.raced:
            self.system.race(*(driver.run for driver in drivers))
        else:
            for driver in drivers:
                self.system.pool.put(driver)
        self.system.advance(phase.seconds)

    def end(self) -> None:
        program, system = self.program, self.system
        if program.by == "test" and not system.is_stopping:
            # Not yet the end of the simulation: what goes on after the end of the system is to come to its own.
            ActorSystem.stop(system, program.timeout)
        else:
            system.pool.put(Driver(self, 0, self.stopper()))
        self.wait_for_end(system.advance)
        self.open_gates()
        system.settle()
        system.stop()


class _Quiet(ActorSystem):
    def _make_reports(self) -> CrashReports:
        return Unlogged(self.clock)


class Threaded(World):
    """Real threads, in virtual time."""

    real_threads = True

    def make_system(self) -> Any:
        program = self.program
        self.clock = VirtualClock()
        policy = POLICIES[program.root]
        return _Quiet("threaded", policy, program.strategy, clock=self.clock, seed=program.seed)

    def do(self, phase: Phase, drivers: list[Driver]) -> None:
        for driver in drivers:
            self.system.pool.put(driver)
        self.clock.advance(phase.seconds, settle=True, within=PATIENCE)

    def end(self) -> None:
        program, system = self.program, self.system
        last = self.stopper()
        if last[0][0] == "tell" and program.by == "agent":
            system.pool.put(Driver(self, 0, last))
        else:
            # On no thread of the pool: whoever stops the system waits for these, while time is to pass for them.
            self._pass_time_while(lambda: system.stop(program.timeout))
        self.wait_for_end(lambda seconds: self.clock.advance(seconds, settle=True, within=PATIENCE))
        self._pass_time_while(system.stop)
        self.open_gates()
        self._end_threads()

    def _pass_time_while(self, act: Callable[[], object]) -> None:
        """Do something that waits for virtual time to pass, on a thread of its own."""
        thread = threading.Thread(target=act, daemon=True, name="stopper")
        thread.start()
        until = time.monotonic() + PATIENCE
        while thread.is_alive() and time.monotonic() < until:
            self.clock.advance(0.25, settle=True, within=PATIENCE)
            thread.join(0.001)
        if thread.is_alive():
            self.oracle.violated("I6", f"the stop of the system has no end\n{self.system.dump()}")

    def _end_threads(self) -> None:
        """Wait for all threads of the system; those that hang return once the gates are open."""
        with suppress(SystemFailed):
            self.system.wait(PATIENCE)
        until = time.monotonic() + PATIENCE
        mine = f"{self.system.name}"
        threads = [thread for thread in threading.enumerate() if thread.name.startswith(mine)]
        while any(thread.is_alive() for thread in threads) and time.monotonic() < until:
            # What is slow by the clock returns when that goes on.
            self.clock.advance(5.0)
            for thread in threads:
                thread.join(0.01)
        for thread in threads:
            if thread.is_alive():
                self.oracle.violated("I8", f"{thread.name} is alive after the end of its system")


WORLDS: dict[str, type[World]] = {"simulated": Simulated, "threaded": Threaded}
