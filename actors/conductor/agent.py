"""Who has a track of tickets worked through?"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Literal

from actors._core.agent import Agent
from actors._core.errors import DeathPactError
from actors._core.messages import Terminated
from actors._core.ref import Addressed, AgentRef
from actors._core.replies import Reply
from actors._core.spec import ChildSpec
from actors.board import Board, Transitions
from actors.conductor import protocol
from actors.conductor.answering import Answering, Question
from actors.conductor.attempts import AttemptOver, HandBack, PoolBack, Settled
from actors.conductor.by_hand import ByHand
from actors.conductor.crew import Crew
from actors.conductor.helping import Helping, LookWhetherStuck
from actors.conductor.others import BoardChanged, LeaseDue, Others
from actors.conductor.places import Places
from actors.conductor.ref import ConductorRef
from actors.conductor.results import MissionState, TrackOutcome, TrackResult, TrackSnapshot
from actors.conductor.settings import DECISION_TIMEOUT, HELP_AFTER, Settings, WorkersPolicy
from actors.conductor.showing import outcome_of, reasons_of, snapshot_of
from actors.conductor.starts import StartAnswered, Starts
from actors.conductor.telling import Teller
from actors.guard import Quota
from actors.tickets import TicketState, Track
from actors.tickets.states import RUNNING
from actors.typed import Cancel, Kill, NeedsDecision, NodeCreated, Pause, ProgressReport, Resume
from actors.work import AddTickets, InReview, QueryStatus, Reworked, Spent, Work, Worker
from policies import Policy, Restart

_M = MissionState
_RUN = frozenset({_M.RUNNING, _M.PAUSED})


class Conductor(Agent, Addressed[ConductorRef]):
    """Has the tickets of a track worked on, in the order of what they need, by so many workers at a time.

    Spoken to by its ref, see `ConductorRef`: `run` works through the track. Its children are `pool`, in which w-1, w-2,
    ... have one ticket each, and the `reviewer` and `decider` that it was given as a spec or a function. How far each
    ticket is, the board says; a ticket is in progress there before its worker begins. All that a conductor does is
    short: it waits for nothing, so pausing and killing act at once, however busy all are.

    - `track`: a Track, or the id of one that is on the board. What the board has of it already is gone on with.
    - `work`: what a worker does, a function of the `Job`; or a subclass of Worker, or the spec of one.
    - `max_workers`: how many tickets may be in progress at a time.
    - `board`: a path, ":memory:", or a Board that others use, too.
    - `approver`: who approves starts, in step mode and where the track does not queue by itself, and tools in step
      mode; without one all is approved, but where the track does not queue, which waits for `approve_start` or `step`.
    - `reviewer`: who reviews, where the track requires it.
    - `models`: instead of the track's: of the first attempt, the second, and so on.
    - `policy`: what a failure of a worker means, by default `RetryableOnly()`. A worker that is restarted keeps its
      ticket for the next attempt. Escalating, it has the pool restarted, and what else ran is ready again, uncounted.
    - `deadline`, `shutdown`: seconds that one attempt may take without a sign of progress, and to end when told to.
    - `quota`: what each attempt may use. `max_reviews`: how many rejections are worked on.
    - `decider`: answers what workers cannot decide, an agent or a function; within `decision_timeout` seconds.
    - `approval_timeout`: seconds after which no answer about a start is a no; None leaves that to the approver.
    - `helper`: told `HelpNeeded` when nothing has moved for `help_after` seconds (None: never), or at the end cannot.

    A conductor that is restarted goes on with its run: what was in progress is ready again, what is done stays done.
    """

    ref_class: ClassVar[type[AgentRef[Any]] | None] = ConductorRef
    _supervises: ClassVar[bool] = True
    policy: Policy | None = Restart()

    def __init__(
        self,
        track: Track | str,
        work: Work | type[Worker] | ChildSpec[Any],
        max_workers: int = 4,
        board: str | Path | Board = ":memory:",
        *,
        approver: AgentRef[Any] | None = None,
        reviewer: AgentRef[Any] | ChildSpec[Any] | type[Agent] | None = None,
        models: Sequence[str] | None = None,
        policy: Policy = WorkersPolicy,
        deadline: float | None = None,
        shutdown: float | Literal["infinity", "brutal"] = 5.0,
        quota: Quota | None = None,
        max_reviews: int = 2,
        decider: AgentRef[Any] | Callable[..., Any] | None = None,
        decision_timeout: float = DECISION_TIMEOUT,
        approval_timeout: float | None = None,
        helper: AgentRef[Any] | None = None,
        help_after: float | None = HELP_AFTER,
    ) -> None:
        super().__init__()
        self._settings = Settings(
            track=track, work=work, max_workers=max_workers, board=board, approver=approver, reviewer=reviewer,
            models=models, policy=policy, deadline=deadline, shutdown=shutdown, quota=quota, max_reviews=max_reviews,
            decider=decider, decision_timeout=decision_timeout, approval_timeout=approval_timeout, helper=helper,
            help_after=help_after,
        )  # fmt: skip
        self._runs: list[Reply] = []
        self._state = _M.PLANNING
        self._is_over = True  # nothing is to be started: there is no run

    # -- its life -----------------------------------------------------------------

    def on_start(self) -> None:
        """Put the track on the board, or take up the one that is there."""
        settings, context = self._settings, self.context
        ref = context.ref
        assert isinstance(ref, ConductorRef)
        if ref._places is None:
            ref._places = Places(ref, settings.board, context.system.clock)
        self._places = ref._places
        self._board = board = self._places.open()
        made: Transitions = ()
        if isinstance(settings.track, Track):
            made = board.open_track(settings.track)
        self._track = board.track(settings.track_id)
        if settings.models is not None:
            self._track = self._track.model_copy(update={"models": tuple(settings.models)})
        self._teller = Teller(context, self._track.id)
        self._owner = board.join(f"{context.system.name}{context.path}:{os.getpid()}")
        self._make_parts(self._reviewer())
        self._note(made)
        self._others.renew()
        self._others.listen()
        self._take_up(MissionState(board.track_state(self._track.id)))

    def _make_parts(self, reviewer: AgentRef[Any] | None) -> None:
        context, settings, board = self.context, self._settings, self._board
        self._crew = Crew(context, settings, board, self._owner, self._track, self._teller, self._note, reviewer)
        self._starts = Starts(context, settings, board, self._track, self._note)
        self._answering = Answering(context, settings, board, self._crew, self._teller)
        self._helping = Helping(context, settings, self._teller)
        self._others = Others(context, board, self._track.id, self._owner, self._crew, self._note)
        self._by_hand = ByHand(context, board, self._track.id, self._starts, self._note)

    def _reviewer(self) -> AgentRef[Any] | None:
        reviewer = self._settings.reviewer
        if isinstance(reviewer, ChildSpec):
            return self.context.spawn(replace(reviewer, name=reviewer.name or "reviewer"))
        return reviewer if isinstance(reviewer, AgentRef) else None

    def _take_up(self, was: MissionState) -> None:
        """Go on where the last incarnation was; a program that begins anew is told when to run."""
        if self.context.incarnation == 1:
            self._state = _M.PLANNING if was in _RUN else was
            return
        self._state = was
        if was in _RUN and self._places.has_run:
            self._is_over = False
            self._starts.take_up()
            self._go_on()

    def on_stop(self) -> None:
        """Give back what ran, tell whoever waits for the run, close the board."""
        try:
            self._end_run(TrackOutcome.STOPPED, "the conductor was stopped")
            self._note(self._board.leave(self._owner))
        finally:
            self._others.close()
            self._places.close(for_good=True)

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give back what ran; the next incarnation goes on."""
        try:
            if hasattr(self, "_owner"):
                self._note(self._board.leave(self._owner))
        finally:
            if hasattr(self, "_others"):
                self._others.close()
            if hasattr(self, "_places"):
                self._places.close(for_good=False)

    # -- messages -----------------------------------------------------------------

    def on_receive(self, message: Any) -> Any:
        handler = _HANDLERS.get(type(message))
        if handler is None:
            return super().on_receive(message)
        answer = handler(self, message)
        self._go_on()
        return answer

    def _on_settled(self, settled: Settled) -> None:
        about = settled.about
        if isinstance(about, AttemptOver):
            self._crew.on_over(about, settled)
        elif isinstance(about, HandBack):
            self._crew.on_back(about, settled, self._may_start)
        elif isinstance(about, PoolBack):
            self._crew.on_pool(settled)
        elif isinstance(about, StartAnswered):
            self._starts.on_answer(about, settled)
        elif isinstance(about, Question):
            self._answering.on_answer(about, settled)

    def _on_terminated(self, ended: Terminated) -> None:
        if not self._crew.on_terminated(ended) and ended.ref is self._crew.pool:
            raise DeathPactError(ended.ref.path, ended.reason.value)

    def _on_progress(self, report: ProgressReport) -> None:
        attempt = self._crew.of_worker(report.agent_id)
        if attempt is not None:
            attempt.note(report, self.context.system.clock.now())
            self._helping.moved()

    # -- the run ------------------------------------------------------------------

    @property
    def _may_start(self) -> bool:
        return not self._is_over and self._state is _M.RUNNING

    def _run(self, _: protocol.Run) -> None:
        if self.context.asked:
            self._runs.append(self.context.defer())
        if not self._is_over:
            return
        self._is_over = False
        self._places.has_run = True
        if self._state is not _M.PAUSED:
            self._become(_M.RUNNING)
        self._starts.take_up()

    def _pause(self, message: Pause) -> bool:
        if self._state is _M.PAUSED:
            return False
        self._become(_M.PAUSED, message.reason)
        return True

    def _resume(self, _: Resume) -> bool:
        if self._state is not _M.PAUSED:
            return False
        self._become(_M.PLANNING if self._is_over else _M.RUNNING)
        return True

    def _halt(self, message: protocol.Halt) -> bool:
        if self._is_over:
            return False
        self._end_run(TrackOutcome.STOPPED, message.reason)
        return True

    def _cancel(self, message: Cancel) -> Any:
        if message.task_id is not None:
            return self._by_hand.kill(message.task_id, message.reason)
        return self._halt(protocol.Halt(message.reason))

    def _become(self, new: MissionState, text: str = "") -> None:
        old, self._state = self._state, new
        self._board.set_track_state(self._track.id, new)
        if old is not new:
            self._teller.mission(old, new, text)
            self._helping.moved()

    def _go_on(self) -> None:
        """Do what can be done next; called after each message."""
        if self._is_over:
            return
        if self._state is _M.RUNNING:
            self._starts.hold()
            self._crew.fill()
        if not self._crew.attempts and not self._crew.kept:
            outcome = outcome_of(self._board.counts(self._track.id))
            if outcome is not None:
                self._end_run(outcome)
                return
        self._helping.watch(self._what_it_waits_for)

    def _end_run(self, outcome: TrackOutcome, reason: str = "") -> None:
        """Tell all who wait how it ended; what ran still is given back."""
        self._crew.booking.book_all()
        if self._is_over and not self._runs:
            return
        self._is_over = True
        self._crew.give_all_back(reason or "the run was ended")
        counts = self._board.counts(self._track.id)
        reasons = reasons_of(self._board, self._track.id, counts)
        result = TrackResult(self._track.id, outcome, counts, reasons, self._board.usage(self._track.id))
        self._become(_state_of(outcome, counts), reason or result.summary)
        self._places.has_run = False
        self._helping.end(result)
        runs, self._runs = self._runs, []
        for reply in runs:
            reply.set(result)

    def _what_it_waits_for(self) -> str:
        parts = [f"{each.worker} is at {each.ticket}" for each in self._crew.attempts.values()]
        held = self._board.stuck(self._track.id, TicketState.AWAITING_APPROVAL, 5)
        parts += [f"{ticket.id} awaits approval" for ticket in held]
        if self._state is _M.PAUSED:
            parts.append("the track is paused")
        return "; ".join(sorted(parts)) or "nothing that is ready can be started"

    # -- tickets ------------------------------------------------------------------

    def _note(self, made: Transitions, worker: str | None = None) -> None:
        """Tell of steps that are on the board, and do what follows from them here; `worker` has made the first."""
        for step in made:
            attempt = self._crew.attempts.get(step.ticket)
            if step.old in RUNNING and step.new not in RUNNING:
                self._crew.revoke(step.ticket, step.reason, "killed" if step.new is TicketState.KILLED else "lost")
            self._teller.work(step, worker if attempt is None else attempt.worker)
            worker = None
            if step.old is TicketState.AWAITING_APPROVAL:
                self._starts.no_longer_asked(step.ticket, step.reason)
            elif step.old is TicketState.READY:
                self._crew.let_go(step.ticket)
        if made:
            self._helping.moved()

    # -- looking ------------------------------------------------------------------

    def _snapshot(self, _: protocol.TakeSnapshot) -> TrackSnapshot:
        return snapshot_of(self._board.snapshot(self._track.id), self._state, self._crew.views)

    def _status(self, message: QueryStatus) -> str:
        wanted = message.agent_id
        at = [each for each in self._crew.views if wanted in (each.worker, each.worker.rsplit("/", 1)[-1])]
        lines = [f"{each.ticket}: in progress, attempt {each.attempt}, turn {each.turn}" for each in at]
        return "\n".join(lines) or "no tasks found for this agent"


def _state_of(outcome: TrackOutcome, counts: Mapping[TicketState, int]) -> MissionState:
    failed = counts[TicketState.FAILED] + counts[TicketState.EXHAUSTED]
    return _M.FAILED if outcome is TrackOutcome.BLOCKED and failed else _STATES[outcome]


_STATES = {
    TrackOutcome.DONE: _M.COMPLETED,
    TrackOutcome.BLOCKED: _M.BLOCKED,
    TrackOutcome.STOPPED: _M.STOPPED,
}
_HANDLERS: dict[type, Callable[[Conductor, Any], Any]] = {
    Settled: Conductor._on_settled,
    Terminated: Conductor._on_terminated,
    ProgressReport: Conductor._on_progress,
    Spent: lambda self, message: self._crew.booking.on_spent(message),
    InReview: lambda self, message: self._crew.on_review(message),
    Reworked: lambda self, message: self._crew.on_review(message),
    NeedsDecision: lambda self, message: self._answering.on_question(message),
    NodeCreated: lambda self, message: self._teller.noted(f"{message.agent_id} has created {message.node.id}"),
    AddTickets: lambda self, message: self._by_hand.add(message),
    QueryStatus: Conductor._status,
    protocol.Run: Conductor._run,
    protocol.Halt: Conductor._halt,
    Pause: Conductor._pause,
    Resume: Conductor._resume,
    Kill: lambda self, message: self._by_hand.kill(message.task_id, message.reason),
    Cancel: Conductor._cancel,
    protocol.BlockTicket: lambda self, message: self._by_hand.block(message),
    protocol.UnblockTicket: lambda self, message: self._by_hand.unblock(message),
    protocol.CompleteTicket: lambda self, message: self._by_hand.complete(message),
    protocol.RetryTicket: lambda self, message: self._by_hand.retry(message),
    protocol.TakeTickets: lambda self, message: self._by_hand.add(message),
    protocol.ApproveStart: lambda self, message: self._starts.release(message.ticket, message.prompt),
    protocol.Step: lambda self, message: self._by_hand.step(message),
    protocol.TakeSnapshot: Conductor._snapshot,
    protocol.TellUsage: lambda self, _: self._board.usage(self._track.id),
    BoardChanged: lambda self, _: self._others.on_changed(),
    LeaseDue: lambda self, _: self._others.renew(),
    LookWhetherStuck: lambda self, _: self._helping.look(),
}
