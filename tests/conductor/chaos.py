"""What is done to a crew, and how is all seen that comes of it? Each seed is another track, other mishaps, another order.

The same program runs in a simulation and on real threads, both in virtual time.
"""

from __future__ import annotations

import random
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from actors import ActorError, ActorSystem, AgentFuture, AgentRef, ChildSpec, Event
from actors._core.errors import Cancelled, said
from actors._core.events import DeadLetter
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
from actors.eventlog import MemoryLog, Retention, record
from actors.guard import Exhausted, Quota, Usage
from actors.testkit import Faults, Gate, Simulation, VirtualClock, wait
from actors.testkit.quiet import Unlogged
from actors.tickets import Ticket, TicketState, Track
from actors.typed import AdditionalContext, Cancel, Kill, Pause, Resume, ReviewRequest
from actors.work import Blocked, Completed, ExhaustedEnd, Job, Reviewer, Worker
from policies import ByError, Escalate, Restart, RetryableOnly
from tests.conductor.invariants import Line, Seen, Step, violations

TRACK = "chaos"
ALWAYS = Restart(max_restarts=None, within=None)
QUOTA = Quota(tokens=5_000)
DEADLINE = 20.0  # seconds without a sign of progress
KINDS = (
    "quick", "quick", "quick", "steps", "steps", "steps", "throttled", "throttled", "fatal", "blocked", "exhausted",
    "spends all", "decides", "approves", "tool", "delegates", "adds", "hangs", "stubborn", "escalates", "stops itself",
)  # fmt: skip
GENTLE = ("quick", "quick", "steps", "steps", "tool", "adds", "delegates", "stubborn")


class Throttled(Exception):
    """An error that is worth another try."""

    retryable = True


class Fatal(Exception):
    """An error that is not."""


class Harsh(Exception):
    """An error that is more than the pool can deal with."""


class Ledger:
    """What the work itself notes: lines, in order; any thread."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.handled: list[str] = []
        self.asked: list[tuple[str, Any]] = []
        self.happened: Counter[str] = Counter()
        self._lock = threading.Lock()

    def note(self, what: str, job: Job, text: str = "", used: Usage | None = None) -> None:
        context = job.agent_context
        line = Line(what, job.ticket.id, job.attempt, job.path, context.incarnation, text, used or Usage())
        with self._lock:
            self.lines.append(line)

    def hold(self, what: str, future: Any) -> Any:
        """Keep an eye on a future; one that is computed from others counts as settled when those are."""
        done: AgentFuture[None] = AgentFuture()
        with self._lock:
            self.asked.append((what, done))
        future.add_done_callback(lambda *_: done.resolve())
        return future

    def handle(self, text: str) -> None:
        with self._lock:
            self.handled.append(text)

    def count(self, what: str) -> None:
        with self._lock:
            self.happened[what] += 1


class Steps:
    """Every step that the database of a board takes, noted by the database itself."""

    def __init__(self, board: Board) -> None:
        self._board = board
        connection: sqlite3.Connection = board._connection
        connection.execute("CREATE TEMP TABLE noted(n INTEGER PRIMARY KEY, id, old, new, attempt)")
        connection.execute(
            "CREATE TEMP TRIGGER noting AFTER UPDATE OF state ON main.ticket WHEN old.state <> new.state BEGIN"
            " INSERT INTO noted(id, old, new, attempt) VALUES (new.id, old.state, new.state, new.attempt); END"
        )

    def all(self) -> list[Step]:
        with self._board._reading() as connection:
            rows = connection.execute("SELECT id, old, new, attempt FROM temp.noted ORDER BY n").fetchall()
        return [Step(name, TicketState(old), TicketState(new), attempt) for name, old, new, attempt in rows]


class Crowd:
    """What the workers of one run do: each attempt something else, by the seed."""

    def __init__(self, seed: int, ledger: Ledger, gate: Gate, kinds: tuple[str, ...] = KINDS, escalations: int = 2) -> None:
        self._seed = seed
        self._ledger = ledger
        self._gate = gate
        self._kinds = kinds
        self._left = escalations
        self._lock = threading.Lock()

    def work(self, job: Job) -> Any:
        """Note that it began, do it, and note how it ended."""
        dice = random.Random(f"{self._seed}/{job.key}")
        kind = dice.choice(self._kinds)
        if kind == "escalates" and not self._may_escalate():
            kind = "fatal"
        self._ledger.note("begin", job)
        self._ledger.count(kind)
        end = "left"
        try:
            value = yield from self._do(kind, job, dice)
            end = f"completed {job.key}" if isinstance(value, Completed) else type(value).__name__
            return value
        except Exception as error:
            end = said(error)
            raise
        finally:
            self._ledger.note("end", job, end)

    def _may_escalate(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left >= 0

    def _do(self, kind: str, job: Job, dice: random.Random) -> Iterator[Any]:
        if dice.random() < 0.7:
            self.spend(job, dice.randrange(1, 500))
        act = getattr(self, "_" + kind.replace(" ", "_"))
        value = yield from act(job, dice)
        return Completed(job.key) if value is None else value

    def spend(self, job: Job, tokens: int, tier: str | None = None) -> None:
        self._ledger.note("spend", job, tier or job.tier, Usage(tokens, tokens // 2))
        job.spend(tokens, tokens // 2, tier=tier)

    # -- what may happen in an attempt ---------------------------------------------

    def _quick(self, job: Job, dice: random.Random) -> Iterator[Any]:
        yield from ()

    def _steps(self, job: Job, dice: random.Random) -> Iterator[Any]:
        for number in range(dice.randrange(1, 5)):
            job.progress(f"step {number}")
            yield job.sleep(dice.choice([0.0, 0.5, 2.0, 7.0]))
            self.spend(job, dice.randrange(1, 100), dice.choice([None, "Tier 1", "Tier 9"]))

    def _throttled(self, job: Job, dice: random.Random) -> Iterator[Any]:
        yield job.sleep(dice.choice([0.0, 1.0]))
        raise Throttled(f"429 for {job.key}")

    def _fatal(self, job: Job, dice: random.Random) -> Iterator[Any]:
        yield None
        raise Fatal(f"no {job.key}")

    def _blocked(self, job: Job, dice: random.Random) -> Iterator[Any]:
        yield job.sleep(1.0)
        return Blocked("a key is missing")

    def _exhausted(self, job: Job, dice: random.Random) -> Iterator[Any]:
        yield job.sleep(0.0)
        return ExhaustedEnd("no time left")

    def _spends_all(self, job: Job, dice: random.Random) -> Iterator[Any]:
        while True:
            self.spend(job, 2_000)
            yield job.sleep(0.5)

    def _decides(self, job: Job, dice: random.Random) -> Iterator[Any]:
        answer = yield self._ledger.hold(f"decide {job.key}", job.decide("this or that?", timeout=30.0))
        return None if answer.granted else Blocked(answer.reason or "refused")

    def _approves(self, job: Job, dice: random.Random) -> Iterator[Any]:
        answer = yield self._ledger.hold(f"approve {job.key}", job.approve("deploy", {"where": job.ticket.id}))
        if not answer.approved:
            return Blocked(f"not approved: {answer.outcome}")

    def _tool(self, job: Job, dice: random.Random) -> Iterator[Any]:
        for number in range(2):
            yield job.tool("look", lambda number: number, number=number)
            yield job.sleep(0.5)

    def _delegates(self, job: Job, dice: random.Random) -> Iterator[Any]:
        if "." in job.ticket.id:
            return
        yield self._ledger.hold(f"delegate {job.key}", job.delegate(f"a part of {job.ticket.id}"))

    def _adds(self, job: Job, dice: random.Random) -> Iterator[Any]:
        if "+" in job.ticket.id:
            return
        name = f"{job.ticket.id}+"
        more = Ticket(id=name, description=f"after {job.ticket.id}", depends_on=(job.ticket.id,))
        yield self._ledger.hold(f"add {job.key}", job.add_tickets([more], known_too=True))

    def _hangs(self, job: Job, dice: random.Random) -> Iterator[Any]:
        yield job.sleep(0.5)
        self._gate.wait()

    def _stubborn(self, job: Job, dice: random.Random) -> Iterator[Any]:
        """Looks at nothing for a while: neither a Cancel nor an end of its worker is heard."""
        over: AgentFuture[None] = AgentFuture()
        clock = job.agent_context.system.clock
        clock.call_at(clock.now() + dice.choice([1.0, 4.0, 9.0]), over.resolve)
        wait(over, None)
        yield job.sleep(0.0)

    def _escalates(self, job: Job, dice: random.Random) -> Iterator[Any]:
        yield job.sleep(1.0)
        raise Harsh(f"all over with {job.key}")

    def _stops_itself(self, job: Job, dice: random.Random) -> Iterator[Any]:
        job.agent_context.ref.stop(block=False, drain=False)
        yield job.sleep(1e4)


class Hand(Worker):
    """A worker that notes what it is told."""

    def __init__(self, crowd: Crowd, ledger: Ledger) -> None:
        super().__init__(crowd.work)
        self._ledger = ledger

    def on_message(self, message: Any) -> Any:
        super().on_message(message)
        if isinstance(message, AdditionalContext) and message.content.startswith("note "):
            self._ledger.handle(message.content)


class Critic(Reviewer):
    """A reviewer that rejects some work, and falls over some."""

    def __init__(self, seed: int, ledger: Ledger) -> None:
        super().__init__(lambda _: True)
        self._seed = seed
        self._ledger = ledger

    def review(self, request: ReviewRequest) -> Any:
        self._ledger.count("review")
        number = self._ledger.happened["review"]
        chance = random.Random(f"{self._seed}/{request.work_package_id}/{number}").random()
        if chance < 0.1:
            raise Fatal(f"cannot review {request.work_package_id}")
        return "mend it" if chance < 0.35 else True


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
            priority=dice.choice(["critical", "high", "medium", "medium", "low"]),
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

    def __init__(self, seed: int, system: ActorSystem, pass_time: Callable[[float], None], most: int = 30) -> None:
        self.seed = seed
        self.system = system
        self._pass_time = pass_time
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
        ref = self.system.spawn(ChildSpec(Conductor, "conductor", args=(self.track, hand), kwargs=options, policy=ALWAYS))
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
        self._bring_to_an_end()
        return self._look()

    def _begin_run(self) -> None:
        with suppress(ActorError):
            self._results.append(self._ledger.hold("run", self.conductor.run(block=False)))

    def _meddle(self) -> None:
        dice = self._dice
        kinds = ("pause", "resume", "kill", "block", "unblock", "complete", "retry", "add", "halt", "note", "note", "approve",
                 "look", "crash", "cancel", "step", "stop_worker", "again")  # fmt: skip
        kind = dice.choice(kinds)
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
        self._faults.crash("/conductor", TakeSnapshot, error=Fatal("the conductor"))
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
        """End the system, then look."""
        self._gate.open()
        self._pass_time(60.0)
        self._faults.clear()
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

    def _stop(self) -> None:
        self.system.stop()


def _has_value(future: Any) -> bool:
    try:
        future.get()
    except (ActorError, Cancelled):
        return False
    return True


# -- the two worlds ---------------------------------------------------------------------------


def run_simulated(seed: int, most: int = 30) -> Seen:
    with Simulation(seed, "pct" if seed % 4 == 3 else "random", policy=Restart()) as system:
        return Chaos(seed, system, system.advance, most).run()


def run_threaded(seed: int, most: int = 30) -> Seen:
    clock = VirtualClock()
    system = Quiet("chaos", Restart(), clock=clock, seed=seed)
    chaos = Chaos(seed, system, lambda seconds: clock.advance(seconds, settle=True, within=30.0), most)
    with passing(clock, system):
        return chaos.run()


@contextmanager
def passing(clock: VirtualClock, system: ActorSystem) -> Iterator[None]:
    try:
        yield
    finally:
        system.stop()


WORLDS: dict[str, Callable[..., Seen]] = {"simulated": run_simulated, "threaded": run_threaded}


def run_seed(world: str, seed: int, most: int = 30) -> Seen:
    """Run one seed; raises AssertionError with all that was wrong, and how to run it again."""
    seen = WORLDS[world](seed, most)
    wrong = violations(seen)
    again = f"seed {seed}: ACTORTREE_SEEDS={seed} python -m pytest tests/conductor -k 'chaos and {world}'"
    assert not wrong, "\n".join([again, *wrong[:20]])
    return seen
