"""What does a whole crew do in one go? One track in which everything happens that a crew is for, and ends as predicted.

The tree is /app with its router, its approver, the conductor with pool and reviewer, and somebody who listens. The same
play goes on in a simulation and on real threads; whoever directs it waits for what is told, never for a time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from actors import ActorSystem, Agent, AgentRef, Broadcast, Cancel, ChildSpec, Join, Router
from actors.agentpool import AgentPoolRef
from actors.approvals import Approval, Approver
from actors.board import Board
from actors.conductor import Conductor, TrackResult
from actors.eventlog import Follower, Gap, MemoryLog, Record, Retention, record
from actors.guard import UsageByTier
from actors.testkit import Gate
from actors.tickets import Track, load_tickets
from actors.typed import AdditionalContext, Decision, NeedsDecision, ReviewRequest
from actors.work import Job, Reviewer
from policies import ByError, Escalate, Restart, RetryableOnly, Stop
from tests.conductor.tracks import Fatal, Throttled, Told
from tests.conductor.witnesses import Steps
from tests.core.helpers import Trace, result

MODELS = ("small", "middle", "large")
TICKETS = """[
  {"id": "A", "description": "find out", "priority": "high"},
  {"id": "B", "description": "write it down", "depends_on": ["A"], "priority": "high"},
  {"id": "C", "description": "deploy it", "depends_on": ["A"], "step_mode": true, "priority": "high"},
  {"id": "D", "description": "tell everybody", "depends_on": ["B", "C"]},
  {"id": "E", "description": "ask the server", "priority": "high"},
  {"id": "F", "description": "lost cause"},
  {"id": "G", "description": "follow it up", "depends_on": ["F"]}
]"""
PREDICTED = {
    "A": "completed", "B": "completed", "C": "killed", "D": "blocked", "E": "completed", "F": "failed", "G": "blocked",
}  # fmt: skip
SUMMARY = "Tasks: 3 completed, 1 failed, 2 blocked, 1 killed"


CONDUCTOR = "/app/conductor"
WORKER = f"{CONDUCTOR}/pool/"


class Disaster(Exception):
    """An error that is more than a pool can deal with."""


class Play:
    """What the workers do, and what they note; `disaster`: F takes the pool down with it, once."""

    def __init__(self, disaster: bool) -> None:
        self.disaster = disaster
        self.notes = Trace()
        self.gates = {name: Gate(name) for name in ("A", "B", "E")}

    def open(self) -> None:
        for gate in self.gates.values():
            gate.open()

    def work(self, job: Job) -> Any:
        self.notes.note(("begin", job.ticket.id, job.attempt, job.path, job.model, job.previous_attempt, job.prompt))
        job.spend(100 * job.attempt, 10)
        return getattr(self, job.ticket.id)(job)

    def A(self, job: Job) -> Generator[Any, Any, Any]:
        if job.feedback is None:
            for step in range(3):
                job.progress(f"step {step}")
            self.gates["A"].wait()
            decision = yield job.decide("may I look into it?")
            self.notes.note(("decided", decision.granted))
        else:
            self.notes.note(("rework", job.path, job.feedback.comments))
        return "found out"

    def B(self, job: Job) -> Any:
        """Hears nothing while it is at it; of its first attempt nobody wants to know any more, if the pool was lost."""
        if job.attempt == 1:
            self.gates["B"].wait()
        return f"written, attempt {job.attempt}"

    def C(self, job: Job) -> Generator[Any, Any, Any]:
        for place in ("test", "production"):
            done = yield job.tool("deploy", self.deploy, place=place)
            self.notes.note(("tool", done))
        return "deployed"

    def deploy(self, place: str) -> str:
        return f"deployed in {place}"

    def D(self, job: Job) -> str:
        return "told"

    def E(self, job: Job) -> Any:
        if job.attempt == 1:
            self.gates["E"].wait()
        self.notes.note(("heard", job.attempt, tuple(each.content for each in job.received())))
        if job.attempt < 3:
            raise Throttled(f"429, attempt {job.attempt}")
        return "answered"

    def F(self, job: Job) -> Any:
        if self.disaster and job.attempt == 1:
            raise Disaster("everything is on fire")
        raise Fatal("hopeless")

    G = D


class Critic(Reviewer):
    """Rejects what it sees first, which is A."""

    def __init__(self, notes: Trace) -> None:
        super().__init__(lambda _: True)
        self._notes = notes

    def review(self, request: ReviewRequest) -> Any:
        seen = self._notes.notes.count(("review", request.work_package_id))
        self._notes.note(("review", request.work_package_id))
        return "say where" if request.work_package_id.endswith("/A/1") and not seen else True


class Listener(Agent):
    def __init__(self, notes: Trace) -> None:
        self._notes = notes

    def on_receive(self, message: Any) -> Any:
        if not isinstance(message, Cancel):
            return super().on_receive(message)
        self._notes.note(("listener", message.reason))


class App(Agent):
    """The root of the program's tree."""

    policy = Stop()

    def __init__(self, play: Play, track: Track, board: Board) -> None:
        self._play = play
        self._track = track
        self._board = board

    def on_start(self) -> None:
        spawn, notes = self.context.spawn, self._play.notes
        self.router = spawn(Router, name="router")
        listener = spawn(Listener, notes, name="events")
        approver = spawn(Approver, name="approver")
        conductor = spawn(
            ChildSpec(
                Conductor,
                "conductor",
                args=(self._track, self._play.work),
                kwargs={
                    "max_workers": 2,
                    "board": self._board,
                    "approver": approver,
                    "reviewer": ChildSpec(Critic, args=(notes,)),
                    "decider": self._decide,
                    "policy": ByError({Disaster: Escalate()}, default=RetryableOnly()),
                    "shutdown": 0.2,
                },
                policy=Restart(),
            )
        )
        for name, ref in (("app", self.context.ref), ("events", listener), ("conductor", conductor)):
            self.router.ask(Join(name, ref))

    def _decide(self, question: NeedsDecision) -> Decision:
        self._play.notes.note(("asked", question.task_id, question.decision.id))
        return Decision(task_id=question.task_id, granted=True)

    def on_receive(self, message: Any) -> Any:
        if message == "shutdown":
            return self.router.ask(Broadcast(Cancel(reason="shutdown")))
        if isinstance(message, Cancel):
            self._play.notes.note(("app", message.reason))
            return None
        return super().on_receive(message)


@dataclass
class Ending:
    """What came of one performance."""

    result: TrackResult
    states: dict[str, str]
    reasons: dict[str, str]
    usage: UsageByTier
    records: Sequence[Record]
    followed: list[Record]
    late: list[Record | Gap]
    notes: list[Any]
    attempts: dict[str, list[str]]  # the outcomes of each ticket's
    steps: list[Any]
    approvals: list[tuple[str, str]]


class Direction:
    """Directs one performance, in the system that it is given."""

    def __init__(self, system: ActorSystem, disaster: bool) -> None:
        self.system = system
        self.play = Play(disaster)
        self.told = Told(system)
        self.log = MemoryLog(Retention(None, None, None))
        self.short = MemoryLog(Retention(system=20))
        record(system, self.log, sample=None)
        record(system, self.short, sample=None)
        self.follower: Follower = self.log.follow(0)
        self.followed: list[Record] = []
        self.board = Board(clock=system.clock)
        self.steps = Steps(self.board)
        loaded = load_tickets(TICKETS)
        track = Track(id="track", tickets=tuple(loaded), reviewer_required=True, models=MODELS)
        self.app: AgentRef[App] = system.spawn(App, self.play, track, self.board, name="app")
        self.conductor: Any = system.find("/app/conductor")
        self.approver: Any = system.find("/app/approver")

    def follow(self) -> None:
        """Read what has come since the last time."""
        while batch := self.follower.next_batch(timeout=0):
            self.followed += [each for each in batch if isinstance(each, Record)]

    def pending(self, who: str, times: int = 1) -> Approval:
        """Wait until somebody has asked for so many approvals, and give the one that nobody has answered."""
        self.told.wait_until(lambda _: len(self._asked_by(who)) >= times)
        pending: tuple[Approval, ...] = self.approver.pending()
        return next(each for each in pending if str(each.agent_id).startswith(who))

    def _asked_by(self, who: str) -> list[Record]:
        told = self.told.of("approval_state_changed", "C")
        return [each for each in told if each.new_state == "pending" and str(each.agent_id).startswith(who)]

    # -- the acts ----------------------------------------------------------------------

    def perform(self) -> Ending:
        run = self.conductor.run(block=False)
        with contextlib.ExitStack() as stack:
            stack.callback(self.play.open)
            self.begin()
            self.throttle()
            self.review()
            if self.play.disaster:
                self.lose_the_pool()
            self.approve_start()
            if not self.play.disaster:
                self.pause_and_resume()
            self.kill()
            self.follow()
            end = result(run)
        return self.look(end)

    def begin(self) -> None:
        """Two slots: A and E have them, F waits, and nobody else gets in."""
        self.play.gates["A"].reached()
        self.play.gates["E"].reached()
        pool = self.system.find("/app/conductor/pool")
        assert isinstance(pool, AgentPoolRef)
        refused = pool.start_child(ChildSpec(Listener, "pusher", args=(self.play.notes,)))
        assert str(refused.error.cause if refused.error else "") == "agent pool at capacity (2/2)"
        assert self.states()["F"] == "ready"
        self.follow()

    def throttle(self) -> None:
        """E fails twice, in the same place, and hears in the end what it was told before."""
        worker = next(each.worker for each in self.conductor.snapshot().running if each.ticket == "E")
        ref = self.system.find(worker)
        assert ref is not None
        ref.tell(AdditionalContext(content="be gentle"))

    def review(self) -> None:
        """A is decided about, reviewed, done again, and done; then B and C may begin."""
        self.play.gates["A"].open()
        self.told.wait_told("mission_work_completed", "A")
        self.play.gates["B"].reached()
        self.pending(CONDUCTOR)
        self.follow()
        if self.play.disaster:
            self.release_e()

    def release_e(self) -> None:
        self.play.gates["E"].open()
        self.told.wait_told("mission_work_completed", "E")

    def lose_the_pool(self) -> None:
        """F takes it down; B, which hears nothing, is left behind, and begins again."""
        self.told.wait_told("conductor_escalation")
        self.told.wait_told("mission_work_completed", "B")
        self.play.gates["B"].open()  # what the first attempt brings now is late
        self.told.wait_told("mission_work_failed", "F")

    def approve_start(self) -> None:
        """C starts with another prompt, and its tools ask one by one."""
        start = self.pending(CONDUCTOR)
        self.approver.approve(start.id, {**start.payload, "prompt": "deploy it gently"}, by="Ada")
        if not self.play.disaster:
            self.release_e()
        self.approver.approve(self.pending(WORKER).id, by="Ada")
        self.pending(WORKER, 2)
        self.follow()

    def pause_and_resume(self) -> None:
        """B ends, and nobody takes its place before the track goes on."""
        assert self.conductor.pause("lunch")
        self.play.gates["B"].open()
        self.told.wait_told("mission_work_completed", "B")
        assert self.states()["F"] == "ready"
        assert len(self.conductor.snapshot().running) == 1
        assert self.conductor.resume()
        self.told.wait_told("mission_work_failed", "F")

    def kill(self) -> None:
        """C is killed where it waits."""
        assert self.conductor.kill("C", "not today")

    # -- what came of it -----------------------------------------------------------------

    def states(self) -> dict[str, str]:
        return {view.id: str(view.state) for view in self.conductor.snapshot().tickets}

    def look(self, end: TrackResult) -> Ending:
        snapshot = self.conductor.snapshot()
        self.app.ask("shutdown")
        self.play.notes.wait_for(("listener", "shutdown"))
        approvals = [(each.action, str(each.state)) for each in self.approver.all()]
        receipts = {view.id: self.board.receipts("track", view.id) for view in snapshot.tickets}
        self.system.stop()
        self.follow()
        self.follower.close()
        with self.short.follow(1) as late:
            missed = list(late.next_batch(timeout=0))
        ending = Ending(
            result=end,
            states={view.id: str(view.state) for view in snapshot.tickets},
            reasons=dict(end.reasons),
            usage=end.usage,
            records=self.log.read(0, 1_000_000).records,
            followed=self.followed,
            late=missed,
            notes=self.play.notes.notes,
            attempts={name: [each.outcome for each in some] for name, some in receipts.items()},
            steps=self.steps.all(),
            approvals=approvals,
        )
        for each in (self.log, self.short, self.board):
            each.close()
        return ending


def perform(system: ActorSystem, disaster: bool) -> Ending:
    return Direction(system, disaster).perform()
