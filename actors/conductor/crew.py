"""Who works on what, and what follows from how an attempt ends?

A ticket is in progress on the board before its worker is started, and a worker is told to end only when the board has
what it did. So the board is never behind what a worker does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actors._core._pykka import ProxyGetAttr
from actors._core.admin import Outcome
from actors._core.errors import ActorError, AgentStoppedError, Cancelled, said
from actors._core.messages import StopReason, Terminated
from actors._core.ref import AgentRef
from actors.agentpool import AgentPool, AgentPoolRef
from actors.board import Board, Claim, Late, Owner
from actors.conductor.attempts import Attempt, AttemptOver, Hand, HandBack, PoolBack, Settled, Stage, asked, pipe
from actors.conductor.booking import Booking
from actors.conductor.ref import ConductorRef
from actors.conductor.results import Running
from actors.conductor.settings import Settings
from actors.conductor.telling import Teller
from actors.guard import Usage, UsageByTier
from actors.tickets import IllegalTransitionError, TicketState, Track
from actors.work import (
    AreYouThere,
    Assignment,
    Blocked,
    CancelledEnd,
    Completed,
    ExhaustedEnd,
    InReview,
    Reworked,
    WorkerRef,
    cause_of,
)

if TYPE_CHECKING:
    from actors._core.context import Context
    from actors.board import Transitions

NOTHING = Usage()
LOST_AT_MOST = 10  # times in a row that an attempt may be lost with its worker before that counts as a failure


class Crew:
    """The workers of one conductor; used on its turn alone.

    `hands` has those that have a place in the pool, `attempts` the tickets that are in progress here, by id; `kept`
    those that are ready, but whose next attempt is for the worker of the last.
    """

    def __init__(
        self,
        context: Context,
        settings: Settings,
        board: Board,
        owner: Owner,
        track: Track,
        teller: Teller,
        note: Callable[..., None],
        reviewer: AgentRef[Any] | None,
    ) -> None:
        self._context = context
        self._settings = settings
        self._board = board
        self._owner = owner
        self._track = track
        self._teller = teller
        self._note = note
        self._reviewer = reviewer
        self._number = 0
        self._lost: dict[str, int] = {}
        self.hands: dict[AgentRef[Any], Hand] = {}
        self.attempts: dict[str, Attempt] = {}
        self.kept: dict[str, Hand] = {}
        ref = context.ref
        assert isinstance(ref, ConductorRef)
        self.booking = Booking(board, self.attempts, ref._untold)
        self.pool: AgentPoolRef = context.spawn(AgentPool, max_agents=settings.max_workers, name="pool")
        self._life = self.pool.incarnation
        self._asks_pool = False  # whether it is there, or a place is free: nobody is started meanwhile
        context.watch(self.pool)

    # -- starting --------------------------------------------------------------------

    @property
    def room(self) -> int:
        """How many more workers may be started now."""
        if self._asks_pool:
            return 0
        # A worker's place may be free before it is known here how its attempt has ended.
        return self.pool.max_agents - max(self.pool.active_count, self._busy)

    @property
    def _busy(self) -> int:
        """How many attempts run, or are about to."""
        return len(self.attempts) + len(self.kept)

    def fill(self) -> None:
        """Start as many tickets as there are places and tickets that are ready."""
        while (room := self.room) > 0:
            # In progress here, and ready on the board: it was taken away, which is not known here yet.
            leave = [*self.kept, *self.attempts, *self._being_left]
            claims = self._board.claim(self._owner, self._track.id, room, leave=leave)
            if not claims:
                return
            for claim in claims:
                self._begin(claim)
        if max(len(self.hands), self._busy) < self.pool.max_agents:
            self._wait_for_room()

    @property
    def _being_left(self) -> list[str]:
        """The tickets whose worker was told to give them up, and has not ended: it may still be at them."""
        hands = self.hands.values()
        return [hand.attempt.ticket for hand in hands if hand.stage is Stage.LEAVING and hand.attempt is not None]

    def _wait_for_room(self) -> None:
        """Somebody else has places in the pool, or a worker is just about to give its up."""
        others = [child.ref for child in self.pool.children() if child.ref is not None and child.ref not in self.hands]
        for other in others:
            self._context.watch(other)
        if len(others) + len(self.hands) < self.pool.max_agents:
            self._ask_pool()

    def _ask_pool(self) -> None:
        """Have the pool answer something, which it does once it is there."""
        if not self._asks_pool:
            self._asks_pool = True
            pipe(self._context, asked(self.pool, ProxyGetAttr(attr_path=("max_children",))), PoolBack())

    def on_pool(self, settled: Settled) -> None:
        """The pool has answered; if it was restarted, those that worked there are gone."""
        if settled.error is not None:
            return  # it has ended: its Terminated is about to come
        self._asks_pool = False
        if self.pool.incarnation != self._life:
            self._life = self.pool.incarnation
            self._teller.escalated(f"{self.pool.path} was restarted, with all its workers")

    def _begin(self, claim: Claim) -> None:
        """Start a worker for a ticket that was claimed."""
        self._number += 1
        name = f"w-{self._number}"
        attempt = self._open(claim, f"{self.pool.path}/{name}")
        try:
            hired = self.pool.start_child(self._settings.worker_spec(name))
        except ActorError as error:
            # It is being restarted.
            self._end_lost(attempt, f"no worker: {said(error)}")
            self._ask_pool()
            return
        if hired.outcome is Outcome.START_FAILED and hired.error is not None:
            self._end_failed(attempt, hired.error.cause)
        elif not isinstance(hired.ref, WorkerRef):
            self._end_lost(attempt, f"no worker: {hired.outcome}")
            self._ask_pool()
        else:
            hand = self.hands[hired.ref] = Hand(name, hired.ref)
            self._context.watch(hired.ref)
            self._assign(hand, attempt)

    def _open(self, claim: Claim, worker: str) -> Attempt:
        model = self._track.model_for(claim.ticket)
        attempt = Attempt(claim, worker, model, self._context.system.clock.now())
        self.attempts[attempt.ticket] = attempt
        self._note((claim.transition,))
        return attempt

    def _assign(self, hand: Hand, attempt: Attempt) -> None:
        claim, settings = attempt.claim, self._settings
        hand.stage, hand.attempt = Stage.WORKING, attempt
        self._teller.assigned(attempt)
        assignment = Assignment(
            ticket=claim.ticket,
            track=claim.track,
            prompt=claim.prompt or "",
            attempt=claim.attempt,
            fence=claim.fence,
            model=attempt.model,
            previous_attempt=claim.previous_attempt,
            reviewer=self._reviewer if self._track.reviewer_required else None,
            approver=settings.approver,
            conductor=self._context.ref,
            max_reviews=settings.max_reviews,
            quota=settings.quota,
            cancel=attempt.cancel,
        )
        pipe(self._context, asked(hand.ref, assignment), AttemptOver(hand, attempt))

    # -- ending ----------------------------------------------------------------------

    def on_over(self, over: AttemptOver, settled: Settled) -> None:
        """An attempt has ended: put that on the board, unless the ticket has gone on without it."""
        hand, attempt = over.hand, over.attempt
        end, error = settled.value, settled.error
        used = getattr(end, "usage", None)
        if isinstance(used, UsageByTier):
            self.booking.spend(attempt.claim, used, attempt)
        if self.attempts.get(attempt.ticket) is not attempt:
            self.dismiss(hand)
        elif error is None:
            self._end_well(hand, attempt, end)
        elif isinstance(cause_of(error), (AgentStoppedError, Cancelled)):
            # Its pool was restarted, or somebody has stopped it: the ticket is not to blame.
            self._end_lost(attempt, said(cause_of(error)))
            self.dismiss(hand)
            self._ask_pool()
        else:
            self._end_failed(attempt, cause_of(error), hand)

    def _end_well(self, hand: Hand, attempt: Attempt, end: Any) -> None:
        claim, board = attempt.claim, self._board
        if isinstance(end, Completed):
            self._close(attempt, "completed", end.text, board.complete(claim, end.text))
        elif isinstance(end, Blocked):
            self._close(attempt, "blocked", end.reason, board.block_attempt(claim, end.reason))
        elif isinstance(end, ExhaustedEnd):
            self._close(attempt, "exhausted", end.reason, board.exhaust(claim, end.reason))
        elif isinstance(end, CancelledEnd):
            # Not by this conductor, which would have closed it: tried again, as often as what fails.
            self._end_failed(attempt, Cancelled(f"given up: {end.reason}"))
        else:
            self._end_failed(attempt, TypeError(f"a worker answers with how its attempt has ended, not {end!r:.100}"))
        self.dismiss(hand)

    def _end_failed(self, attempt: Attempt, error: BaseException, hand: Hand | None = None) -> None:
        """An attempt has failed: its ticket is tried again, by the same worker if that comes back, or has failed."""
        text = said(error)
        made = self._board.fail(attempt.claim, text)
        self._close(attempt, "failed", text, made, error)
        if hand is None:
            return
        again = not isinstance(made, Late) and made[0].new is TicketState.READY
        if not again or hand.stage is not Stage.WORKING:
            self.dismiss(hand)
            return
        # Asked behind what waits for it: answered once it has been restarted, or has ended.
        hand.stage, hand.attempt = Stage.RETURNING, None
        self.kept[attempt.ticket] = hand
        pipe(self._context, asked(hand.ref, AreYouThere()), HandBack(hand, attempt.ticket))

    def _end_lost(self, attempt: Attempt, why: str) -> None:
        times = self._lost[attempt.ticket] = self._lost.get(attempt.ticket, 0) + 1
        if times > LOST_AT_MOST:
            self._end_failed(attempt, AgentStoppedError(f"lost {times} times in a row: {why}", path=attempt.worker))
            return
        self._close(attempt, "lost", why, self._board.give_back(attempt.claim, why))

    def _close(
        self, attempt: Attempt, how: str, text: str, made: Transitions | Late, error: BaseException | None = None
    ) -> None:
        """Take an attempt out of the books, and tell how it ended."""
        if self.attempts.get(attempt.ticket) is attempt:
            del self.attempts[attempt.ticket]
        if how != "lost":
            self._lost.pop(attempt.ticket, None)
        if isinstance(made, Late):
            # Another process has it by now, or has ended it.
            self._teller.ended(attempt, "lost", f"too late: the ticket is {made.state}")
            return
        self._teller.ended(attempt, how, text, error)
        self._note(made, attempt.worker)

    # -- the worker after that ---------------------------------------------------------

    def on_back(self, back: HandBack, settled: Settled, may_start: bool) -> None:
        """A worker that had failed is there again, for another attempt; or it has ended, and anybody may have it."""
        hand, ticket = back.hand, back.ticket
        mine = self.kept.get(ticket) is hand
        if mine:
            del self.kept[ticket]
        if not mine or settled.error is not None or hand.stage is not Stage.RETURNING or not may_start:
            self.dismiss(hand)
            return
        for claim in self._board.claim(self._owner, self._track.id, only=ticket):
            self._assign(hand, self._open(claim, hand.ref.path))
            return
        self.dismiss(hand)

    def dismiss(self, hand: Hand, at_once: bool = False) -> None:
        """Tell a worker to end: after what it has in hand, or at once."""
        if hand.stage is Stage.LEAVING and not at_once:
            return
        hand.stage = Stage.LEAVING
        hand.ref.stop(block=False, drain=not at_once)

    def revoke(self, ticket: str, reason: str, how: str = "killed") -> None:
        """The ticket has gone on without the attempt at it: give that up, wherever it waits."""
        attempt = self.attempts.pop(ticket, None)
        if attempt is None:
            return
        if how != "lost":
            self._lost.pop(ticket, None)
        self._teller.ended(attempt, how, reason)
        attempt.cancel.cancel(reason or how)
        for hand in self.hands.values():
            if hand.attempt is attempt:
                self.dismiss(hand, at_once=True)

    def give_all_back(self, reason: str) -> None:
        """End all attempts here, so that their tickets are ready again."""
        for attempt in list(self.attempts.values()):
            made = self._board.give_back(attempt.claim, reason)
            if isinstance(made, Late):
                self.revoke(attempt.ticket, reason, "lost")
            else:
                self._note(made)
        for ticket in list(self.kept):
            self.let_go(ticket)

    def let_go(self, ticket: str) -> None:
        """The worker that is to come back for this ticket need not: somebody else has it, or nobody is to."""
        kept = self.kept.pop(ticket, None)
        if kept is not None:
            self.dismiss(kept)

    # -- ends of agents ------------------------------------------------------------------

    def on_terminated(self, ended: Terminated) -> bool:
        """A worker has ended, and its place is free; tells whether it was one."""
        hand = self.hands.pop(ended.ref, None)
        if hand is None:
            return False
        if self.pool.is_alive():
            self.pool.delete_child(hand.name)
        if hand.stage is not Stage.LEAVING or ended.reason is StopReason.SHUTDOWN:
            self._ask_pool()
        return True

    # -- what is said meanwhile --------------------------------------------------------------

    @property
    def views(self) -> tuple[Running, ...]:
        """What runs, for those who look."""
        return tuple(attempt.view for attempt in self.attempts.values())

    def of_worker(self, path: str) -> Attempt | None:
        """Give the attempt that the worker of this path is at."""
        return next((each for each in self.attempts.values() if each.worker == path), None)

    def on_review(self, message: InReview | Reworked) -> None:
        """A worker and its reviewer are at it: the board shows with whom the work is."""
        attempt = self.attempts.get(message.task_id)
        if attempt is None or attempt.claim.fence != message.fence:
            return
        with contextlib.suppress(IllegalTransitionError):  # told twice
            if isinstance(message, InReview):
                made = self._board.review(attempt.claim)
            else:
                made = self._board.rework(attempt.claim, "; ".join(message.comments))
            if not isinstance(made, Late):
                self._note(made)
