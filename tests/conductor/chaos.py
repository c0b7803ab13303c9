"""What is done to a crew, and how is all seen that comes of it?

Each seed is another track, with other mishaps, in another order. The same program runs in a simulation and on real
threads, both in virtual time.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from actors import ActorError, ActorSystem, AgentRef, ChildSpec, Event
from actors._core.errors import Cancelled
from actors._core.events import DeadLetter
from actors._core.messages import Terminated
from actors._core.report import CrashReports
from actors.approvals import Approver, ApproverRef
from actors.board import Board
from actors.conductor import (
    ApproveStart,
    BlockTicket,
    CompleteTicket,
    Conductor,
    ConductorRef,
    Halt,
    RetryTicket,
    TakeSnapshot,
    TakeTickets,
    UnblockTicket,
)
from actors.conductor import Step as TakeStep
from actors.conductor.attempts import Settled
from actors.eventlog import MemoryLog, Retention, record
from actors.guard import Quota
from actors.testkit import Faults, Gate, Simulation, VirtualClock
from actors.testkit.quiet import Unlogged
from actors.tickets import Ticket, Track
from actors.typed import AdditionalContext, Cancel, Kill, Pause, Priority, Resume
from actors.work import InReview
from policies import ByError, Escalate, Restart, RetryableOnly
from tests.conductor.crowd import GENTLE, KINDS, Critic, Crowd, Fatal, Hand, Harsh
from tests.conductor.invariants import Seen, violations
from tests.conductor.witnesses import Ledger, Steps

TRACK = "chaos"
ALWAYS = Restart(max_restarts=None, within=None)
QUOTA = Quota(tokens=5_000)
DEADLINE = 20.0  # seconds without a sign of progress
MISCHIEF = (
    "pause", "resume", "kill", "block", "unblock", "complete", "retry", "add", "halt", "note", "note", "approve",
    "look", "crash", "cancel", "step", "stop_worker", "again",
)  # fmt: skip


class Quiet(ActorSystem):
    """Real threads; failures are told nowhere but among the events."""

    def _make_reports(self) -> CrashReports:
        return Unlogged(self.clock)


def write_track(dice: random.Random, most: int) -> Track:
    names = [f"T{number}" for number in range(1, dice.randrange(1, most) + 1)]
    tickets = [
        Ticket(
            id=name,
            description=f"do {name}",
            depends_on=tuple(dice.sample(names[:number], min(number, dice.choice([0, 0, 1, 1, 2, 3])))),
            priority=Priority(dice.choice(["critical", "high", "medium", "medium", "low"])),
            step_mode=dice.random() < 0.12,
            files=tuple(dice.sample(["x", "y", "z"], 1)) if dice.random() < 0.2 else (),
            tier=dice.choice(["Tier 3", "Tier 3", "Tier 2"]),
        )
        for number, name in enumerate(names)
    ]
    return Track(
        id=TRACK,
        tickets=tuple(tickets),
        max_retries=dice.choice([0, 1, 2]),
        reviewer_required=dice.random() < 0.3,
        auto_queue=dice.random() < 0.9,
    )


def decide(dice: random.Random) -> Callable[[Any], Any]:
    lock = threading.Lock()

    def answer(_: Any) -> Any:
        with lock:
            return dice.choice([True, True, True, False, None])

    return answer


class Chaos:
    """One run: a track, a crew, and somebody outside who meddles; `seen` says what came of it."""

    def __init__(
        self,
        seed: int,
        system: ActorSystem,
        pass_time: Callable[[float], None],
        most: int,
        stop: Callable[[], object],
    ) -> None:
        self.seed = seed
        self.system = system
        self._pass_time = pass_time
        self._stop = stop
        self._dice = random.Random(seed)
        self._ledger = Ledger()
        self._gate = Gate("hung work")
        self._dead: list[str] = []
        self._accepted: list[str] = []
        self._results: list[Any] = []
        self._log = MemoryLog(Retention(None, None, None))
        system.events.subscribe(self._bury, DeadLetter)
        record(system, self._log, sample=None)
        self.track = write_track(self._dice, most)
        self.workers = self._dice.choice([1, 2, 3, 4])
        self.board = Board(clock=system.clock)
        self._steps = Steps(self.board)
        self._faults = Faults(system)
        self.approver = self._spawn_approver()
        self.conductor = self._spawn_conductor()

    def _spawn_approver(self) -> ApproverRef:
        decider = decide(random.Random(f"{self.seed}/approver"))
        ref = self.system.spawn(ChildSpec(Approver, "approver", kwargs={"decider": decider, "deadline": 60.0}))
        assert isinstance(ref, ApproverRef)
        return ref

    def _spawn_conductor(self) -> ConductorRef:
        crowd = Crowd(self.seed, self._ledger, self._gate, self._dice.choice([KINDS, KINDS, GENTLE]))
        options: dict[str, Any] = {
            "board": self.board,
            "max_workers": self.workers,
            "approver": self.approver,
            "policy": ByError({Harsh: Escalate()}, default=RetryableOnly()),
            "deadline": DEADLINE,
            "shutdown": 15.0,
            "quota": QUOTA,
            "decision_timeout": 10.0,
            "approval_timeout": 40.0,
        }
        if self._dice.random() < 0.5:
            options["decider"] = decide(random.Random(f"{self.seed}/decider"))
        if self.track.reviewer_required:
            options["reviewer"] = ChildSpec(Critic, "reviewer", args=(self.seed, self._ledger))
        hand = ChildSpec(Hand, args=(crowd, self._ledger), shutdown=15.0)
        ref = self.system.spawn(
            ChildSpec(Conductor, "conductor", args=(self.track, hand), kwargs=options, policy=ALWAYS)
        )
        assert isinstance(ref, ConductorRef)
        return ref

    def _bury(self, event: Event) -> None:
        message = getattr(event, "message", None)
        if isinstance(message, AdditionalContext) and message.content.startswith("note "):
            self._dead.append(message.content)

    # -- what is done to it -----------------------------------------------------------

    def run(self) -> Seen:
        self._begin_run()
        for _ in range(self._dice.randrange(0, 16)):
            self._pass_time(self._dice.choice([0.0, 0.1, 0.6, 1.1, 3.0, 8.0]))
            self._meddle()
        if self._dice.random() < 0.85:
            self._bring_to_an_end()
        return self._look()

    def _begin_run(self) -> None:
        with suppress(ActorError):
            self._results.append(self._ledger.hold("run", self.conductor.run(block=False)))

    def _meddle(self) -> None:
        dice = self._dice
        kind = dice.choice(MISCHIEF)
        ticket = dice.choice([each.id for each in self.track.tickets])
        self._ledger.count(kind)
        try:
            getattr(self, f"_do_{kind}")(ticket)
        except (ActorError, ValueError, LookupError):
            self._ledger.count(f"{kind} was refused")

    def _ask(self, message: Any) -> None:
        """Ask the conductor, which may be busy with its end; the answer is waited for by nobody."""
        self._ledger.hold(repr(message), self.conductor.ask(message, block=False))

    def _do_pause(self, _: str) -> None:
        self._ask(Pause(reason="for a while"))

    def _do_resume(self, _: str) -> None:
        self._ask(Resume())

    def _do_kill(self, ticket: str) -> None:
        self._ask(Kill(task_id=ticket, reason="not wanted"))

    def _do_cancel(self, ticket: str) -> None:
        self.conductor.tell(Cancel(reason="given up", task_id=ticket))

    def _do_block(self, ticket: str) -> None:
        self._ask(BlockTicket(ticket, "by hand"))

    def _do_unblock(self, ticket: str) -> None:
        self._ask(UnblockTicket(ticket))

    def _do_complete(self, ticket: str) -> None:
        self._ask(CompleteTicket(ticket))

    def _do_retry(self, ticket: str) -> None:
        self._ask(RetryTicket(ticket))

    def _do_add(self, ticket: str) -> None:
        self._ask(TakeTickets((Ticket(id=f"{ticket}-more", description="more", depends_on=(ticket,)),)))

    def _do_halt(self, _: str) -> None:
        self._ask(Halt("a break"))
        if self._dice.random() < 0.5:
            self._pass_time(0.5)
        self._begin_run()

    def _do_again(self, _: str) -> None:
        self._begin_run()

    def _do_note(self, _: str) -> None:
        for ref in self._workers():
            text = f"note {len(self._accepted) + len(self._dead)} {self._dice.random()}"
            try:
                ref.tell(AdditionalContext(content=text))
            except ActorError:
                self._dead.remove(text)  # refused, which its sender knows
            else:
                self._accepted.append(text)

    def _workers(self) -> list[AgentRef[Any]]:
        return self.system.select("/conductor/pool/*")

    def _do_stop_worker(self, _: str) -> None:
        workers = self._workers()
        if workers:
            self._dice.choice(workers).stop(block=False, drain=False)

    def _do_approve(self, _: str) -> None:
        for pending in self.approver.pending():
            self.approver.approve(pending.id)

    def _do_look(self, _: str) -> None:
        self._ask(TakeSnapshot())

    def _do_step(self, ticket: str) -> None:
        self._ask(ApproveStart(ticket))
        self._ask(TakeStep())

    def _do_crash(self, _: str) -> None:
        """The conductor fails, over what it is asked now or over the next of what it is told by others."""
        over = self._dice.choice([TakeSnapshot, Settled, InReview, Terminated])
        self._faults.crash("/conductor", over, error=Fatal("the conductor"))
        self._ask(TakeSnapshot())

    def _bring_to_an_end(self) -> None:
        """Let the last run end, which it does whatever happens, as long as nobody holds it up any more."""
        with suppress(ActorError):
            self._do_resume("")
            self._begin_run()
        for _ in range(400):
            if all(each.settled for each in self._results):
                break
            self._pass_time(5.0)
            with suppress(ActorError):
                self._do_approve("")
        self._pass_time(100.0)

    # -- what came of it ------------------------------------------------------------------

    def _look(self) -> Seen:
        """End the system, if need be in the middle of it all, then look."""
        self._faults.clear()
        self._gate.open()
        self._stop()
        whole = self.board.snapshot(TRACK)
        seen = Seen(
            max_workers=self.workers,
            conductor="/conductor",
            records=self._log.read(0, 1_000_000).records,
            ledger=self._ledger.lines,
            steps=self._steps.all(),
            states={ticket.id: ticket.status for ticket in whole.tickets},
            receipts={ticket.id: self.board.receipts(TRACK, ticket.id) for ticket in whole.tickets},
            usage=whole.usage,
            results=[each.get() for each in self._results if each.settled and _has_value(each)],
            asked=self._ledger.asked,
            accepted=self._accepted,
            handled=self._ledger.handled,
            dead=self._dead,
            happened=self._ledger.happened,
        )
        self.board.close()
        self._log.close()
        return seen


def _has_value(future: Any) -> bool:
    try:
        future.get()
    except (ActorError, Cancelled):
        return False
    return True


# -- the two worlds ---------------------------------------------------------------------------


def run_simulated(seed: int, most: int = 30) -> Seen:
    with Simulation(seed, "pct" if seed % 4 == 3 else "random", policy=Restart()) as system:
        return Chaos(seed, system, system.advance, most, system.stop).run()


def run_threaded(seed: int, most: int = 30) -> Seen:
    clock = VirtualClock()
    system = Quiet("chaos", Restart(), clock=clock, seed=seed)

    def pass_time(seconds: float) -> None:
        # What is done next to the crew comes while it is still busy, unless much time has passed.
        clock.advance(seconds, settle=seconds >= 3.0, within=30.0)

    def stop() -> None:
        """Stop while time passes, for those that hear nothing before their time is over."""
        thread = threading.Thread(target=system.stop, name="stopper")
        thread.start()
        while thread.is_alive():
            clock.advance(1.0)
            thread.join(0.002)

    try:
        return Chaos(seed, system, pass_time, most, stop).run()
    finally:
        stop()


WORLDS: dict[str, Callable[..., Seen]] = {"simulated": run_simulated, "threaded": run_threaded}


def run_seed(world: str, seed: int, most: int = 30) -> Seen:
    """Run one seed; raises AssertionError with all that was wrong, and how to run it again."""
    seen = WORLDS[world](seed, most)
    wrong = violations(seen)
    again = f"seed {seed}: ACTORTREE_SEEDS={seed} python -m pytest tests/conductor -k 'chaos and {world}'"
    assert not wrong, "\n".join([again, *wrong[:20]])
    return seen
