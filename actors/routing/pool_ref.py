"""How does anybody speak to a pool of routees?

What is sent to a pool goes straight into a routee's mailbox, on the sender's thread. The pool's own mailbox is for what
comes while the pool itself is restarted. Who owns what:

- The children are the kernel's: each child of a pool that has started is a routee.
- Which of them senders know, and who chooses among them, is in the `Register`.
- Whether one takes messages is in its `Routee`: not any more from the moment at which its mailbox closes or at which it
  was retired. So a sender may know one too many, but gives nothing to who is gone.
- How many there should be is the `Sizing`'s: one thread at a time starts and retires.
"""

from __future__ import annotations

from collections import deque
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, overload

from actors._core.admin import AdminResult
from actors._core.checks import check_timeout
from actors._core.commands import State, Stop
from actors._core.errors import (
    ActorError,
    AskCycleError,
    InvalidMessageError,
    MailboxFullError,
    NoRouteesError,
    SendCycleError,
)
from actors._core.future import AgentFuture, Ask
from actors._core.here import before_acting, fence, here
from actors._core.messages import DeadLetterReason, StopReason
from actors._core.ref import CLOSED, AgentRef
from actors.routing.gathering import AllAnswers, FirstAnswer, Gathered, pass_on
from actors.routing.picking import Pick, ScatterGather
from actors.routing.protocol import Delivered
from actors.routing.resizing import Resizer
from actors.routing.roster import Register, Roster
from actors.routing.routees import DROPPED, FULL, LEFT, REFUSED, YES, Kept, Routee, Taken, handed_on, sender_of
from actors.routing.sizing import Sizing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors._core.cell import Cell
    from actors._core.spec import ChildSpec
    from actors.routing.pool import RouteePool  # noqa: F401 - named as text below


class PoolRef(AgentRef["RouteePool"]):
    """The way to the routees of a pool: what is sent to it one of them handles, or all do, as the pool's `pick` says.

    Nobody at all is an error at once, NoRouteesError, and the message a dead letter; but while the pool itself is being
    restarted, messages wait for its next routees. Where any routee will do and the one that was picked has no room, the
    next that has some gets the message; when there is none, MailboxFullError names the pool.
    """

    __slots__ = ("_register", "_sizing", "_stops", "_unobeyed")

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self._register = Register(cell)
        self._sizing = Sizing(self._register, self._routee_started)
        self._stops: list[Stop] = []  # that the pool was sent
        self._unobeyed: deque[Stop] = deque()  # those of them that wait for the last routee to end

    def begin(self, spec: ChildSpec[Any], size: int, pick: Pick, resizer: Resizer | None) -> Sequence[ChildSpec[Any]]:
        """An incarnation of the pool starts: note what it says, and give the specs of its first routees."""
        self._register.choose_with(pick)
        self._sizing.spec = spec
        self._sizing.resizer = resizer
        return [self._sizing.spec_of(number) for number in range(1, size + 1)]

    @property
    def routees(self) -> tuple[AgentRef[Any], ...]:
        """The routees that take messages, in start order; a snapshot."""
        return tuple(routee.ref for routee in self._register.renew().routees)

    def _actor_weakref(self) -> Any:  # type: ignore[override]
        # A proxy sends to the routees, so it offers what they have.
        routees = self._register.present().routees
        return routees[0].ref._actor_weakref() if routees else super()._actor_weakref()

    # -- messages -----------------------------------------------------------------

    def tell(self, message: Any) -> None:
        """Send a message to the routee that is picked, or to all, and go on.

        Blocks only where there is no room and the mailboxes have `overflow="block"`. Raises NoRouteesError,
        AgentStoppedError once the pool has stopped, or MailboxFullError.
        """
        if fence.raised:
            before_acting()
        if self._sizing.resizer is not None:
            self._sizing.count()
        register = self._register
        roster = register.roster
        if roster.edition != register.family.edition:
            roster = register.renew()
        if roster.choose is None:
            self._place(message, message)
            return
        routee = roster.choose(message)
        append = routee.append
        if append is None:
            taken = routee.offer(message, message)
            if taken in REFUSED:
                self._place(message, message, routee, taken)
            return
        # As `offer`, in full: it is what most tells are.
        flight = routee.flight
        try:
            flight.append(None)  # in here: Ctrl-C comes right behind it, or not at all
            left = routee.left
            if not left:
                append(message)
        finally:
            flight.pop()
        if flight is not routee.flight:
            routee.landed(flight)
        if left:
            self._place(message, message)
        elif routee.cell.gate:
            routee.cell.knock(routee.queue)

    @overload  # type: ignore[override]
    def ask(self, message: Any, *, block: Literal[True] = True, timeout: float | None = None) -> Any: ...

    @overload
    def ask(self, message: Any, *, block: Literal[False], timeout: float | None = None) -> AgentFuture[Any]: ...

    @overload
    def ask(self, message: Any, *, block: bool, timeout: float | None = None) -> Any | AgentFuture[Any]: ...

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any | AgentFuture[Any]:
        """Ask the routee that is picked, or all, and give the answer, or with `block=False` a future of it.

        As `AgentRef.ask`; where all are asked, `Broadcasting` and `ScatterGather` say what the answer is. Raises
        NoRouteesError, too.
        """
        if fence.raised:
            before_acting()
        if timeout is None:
            timeout = self._cell.system.ask_timeout
        else:
            check_timeout(timeout)
        if self._sizing.resizer is not None:
            self._sizing.count()
        choose = self._register.present().choose
        routee = None if choose is None else choose(message)
        if routee is not None and block and timeout is None:
            flight = routee.enter_idle()
            if flight is not None:
                try:
                    return routee.cell.answer(message)
                finally:
                    routee.leave(flight)
        ask, timeout = self._make_ask(message, timeout)
        self._place_ask(ask, routee)
        if not block:
            return ask
        speaker = self if isinstance(ask, Gathered) else ask.cell.ref
        return speaker._wait_for(ask, timeout)

    def broadcast(self, message: Any) -> Delivered:
        """Send a message to all routees, whatever the pool's strategy, and tell how many got it. Never blocks.

        Who has no room loses it, which is a dead letter. Raises NoRouteesError or AgentStoppedError.
        """
        if fence.raised:
            before_acting()
        while (roster := self._register.renew()).routees:
            delivered = self._tell_all(message, roster)
            if delivered is not None:
                return delivered
        raise self._refuse(message, self._why_nobody())

    # -- how they get there -------------------------------------------------------

    def _make_ask(self, message: Any, timeout: float | None) -> tuple[Ask[Any], float | None]:
        cell = self._cell
        pick = self._register.pick
        kind: type[Ask[Any]] = AllAnswers if pick.to_all else Ask
        if isinstance(pick, ScatterGather):
            kind = FirstAnswer
            timeout = pick.within if timeout is None else min(pick.within, timeout)
        deadline = None if timeout is None else cell.system.clock.now() + timeout
        return kind(message, cell, here.context, deadline), timeout

    def _place_ask(self, ask: Ask[Any], routee: Routee | None = None) -> None:
        try:
            self._place(ask, ask.message, routee, LEFT if routee is None else _offer(routee, ask, ask.message))
        except MailboxFullError as error:
            ask.resolve(error=error)

    def _place(self, item: Any, message: Any, routee: Routee | None = None, taken: Taken = LEFT) -> None:
        """Put a message, or an ask, where it belongs; `routee` is who was picked and has not taken it."""
        while taken in REFUSED:
            if taken is FULL and routee is not None:
                try:
                    taken = self._make_do(item, message, routee)
                except MailboxFullError as error:
                    self._refuse(item, copy(error))
                    raise
                continue
            roster = self._register.renew()
            if roster.choose is not None:
                routee = roster.choose(message)
                taken = _offer(routee, item, message)
            elif self._to_all(item, roster) if roster.routees else self._do_without(item):
                return

    def _make_do(self, item: Any, message: Any, picked: Routee) -> Taken:
        """The routee that was picked has no room: find another, or wait for room, or raise MailboxFullError."""
        routees = self._register.present().routees
        if not self._register.pick.any_will_do or picked not in routees:
            return picked.wait_for_room(item, message)
        at = routees.index(picked)
        for other in (*routees[at + 1 :], *routees[:at]):
            if (taken := _offer(other, item, message)) not in REFUSED:
                return taken
        try:
            if isinstance(item, Ask):
                item.cell = picked.cell
            return picked.wait_for_room(item, message)
        except SendCycleError:
            raise
        except MailboxFullError as error:
            room = sum(routee.capacity for routee in routees)
            raise MailboxFullError(self.path, room) from error

    def _to_all(self, item: Any, roster: Roster) -> bool:
        """Send to all of the roster; False if nobody of it is there any more."""
        if not isinstance(item, Ask):
            return self._tell_all(item, roster) is not None
        branches = []
        refused = []
        for routee in roster.routees:
            branch: Ask[Any] = Ask(item.message, routee.cell, item.asker, item.deadline)
            if isinstance(item, FirstAnswer) and item.asker is not None and item.asker.cell is routee.cell:
                # It waits for this answer, so it will not be the one that gives it.
                branch.resolve(error=AskCycleError((routee.cell.path, routee.cell.path)))
                branches.append(branch)
                continue
            try:
                taken = routee.offer(branch, item.message)
            except InvalidMessageError as error:
                refused.append(error)
                branch.resolve(error=error)
                branches.append(branch)
                continue
            if taken is FULL:
                branch.resolve(error=MailboxFullError(routee.cell.path, routee.capacity))
            if taken is not LEFT:
                branches.append(branch)
        if branches:
            if len(refused) == len(branches):
                raise refused[0]  # by all, so nothing is sent
            assert isinstance(item, Gathered)
            item.gather(branches)
        return bool(branches)

    def _tell_all(self, message: Any, roster: Roster) -> Delivered | None:
        count = 0
        lost: list[tuple[str, ActorError]] = []
        refused: list[tuple[Routee, InvalidMessageError]] = []
        for routee in roster.routees:
            try:
                taken = routee.offer(message, message)
            except InvalidMessageError as error:
                refused.append((routee, error))
                lost.append((routee.name, error))
                continue
            count += taken is YES
            if taken is FULL or taken is DROPPED:
                full = MailboxFullError(routee.cell.path, routee.capacity)
                if taken is FULL:
                    routee.cell.dead_letter(message, DeadLetterReason.FULL, full)
                lost.append((routee.name, full))
        if refused and len(refused) == len(lost) and not count:
            raise refused[0][1]  # by all, so nothing is sent
        for routee, refusal in refused:
            routee.cell.dead_letter(message, DeadLetterReason.REFUSED, refusal)
        return Delivered(count, len(lost), tuple(lost)) if count or lost else None

    def _do_without(self, item: Any) -> bool:
        """Nobody takes messages: refuse it, or keep it for the next routees; False if there are some after all."""
        cell = self._cell
        context = cell.context
        if not self._has_ended:
            if not self._register.is_up:
                self._keep(item)
                return True
            if self._register.renew().routees or cell.context is not context or not self._register.is_up:
                return False
            if self._sizing.resizer is not None:
                self._sizing.look()
        error = self._refuse(item, self._why_nobody())
        if isinstance(item, Ask):
            return True
        raise error

    @property
    def _has_ended(self) -> bool:
        """Whether it takes no messages any more, though it may have some."""
        # In this order: a stop is settled when the gate has been closed.
        return any(not stop.settled for stop in self._stops) or self._cell.gate == CLOSED

    def _why_nobody(self) -> ActorError:
        return self._gone() if self._has_ended else NoRouteesError(self.path)

    def _refuse(self, item: Any, error: ActorError) -> ActorError:
        """Record what nobody will handle, and tell its asker, if it has one."""
        reason = DeadLetterReason.STOPPED
        if isinstance(error, NoRouteesError):
            reason = DeadLetterReason.NO_ROUTEES
        elif isinstance(error, MailboxFullError):
            reason = DeadLetterReason.FULL
        self._cell.dead_letter(item, reason, error)
        return error

    def _keep(self, item: Any) -> None:
        """Put it into the pool's own mailbox; once that is closed, the kernel refuses it."""
        if not isinstance(item, Ask):
            super().tell(Kept(item, sender_of(item)))
            return
        ask: Ask[Any] = item
        if isinstance(item, Gathered):
            ask = Ask(item.message, self._cell, item.asker, item.deadline)
            AgentFuture.add_done_callback(ask, partial(pass_on, ask, item))
        ask.cell = self._cell
        self._enqueue(ask)

    def hand_on(self, item: Any) -> None:
        """Give what waited in the pool's mailbox to the routees; called by the pool, on its turn."""
        outer = handed_on.kept
        try:
            if isinstance(item, Kept):
                handed_on.kept = item
                self._place(item.message, item.message)
            elif not isinstance(item, Ask):
                self._place(item, item)
            elif self._register.pick.to_all:
                gathered, _ = self._make_ask(item.message, None)
                gathered.asker = item.asker
                gathered.deadline = gathered.deadline if item.deadline is None else item.deadline
                gathered.add_done_callback(partial(pass_on, gathered, item))
                self._place_ask(gathered)
            else:
                self._place_ask(item)
        except (NoRouteesError, MailboxFullError):
            return  # recorded
        except Exception as error:
            self._cell.dead_letter(item, DeadLetterReason.REFUSED, error)
        finally:
            handed_on.kept = outer

    # -- how many -----------------------------------------------------------------

    def resize(self, size: int) -> None:
        """Have so many routees: start some more, on this thread, or retire those that were started last.

        Who is retired takes nothing more from now on, handles what it has, and then ends. Blocks while routees start,
        unless another thread is resizing the pool: that one does this, too. A pool with a resizer goes on from there.
        Raises StartFailedError, or AgentStoppedError while the pool is restarted and once it has been stopped.
        """
        if type(size) is not int or size < 0:
            raise ValueError(f"size: a whole number of at least 0, not {size!r}")
        if fence.raised:
            before_acting()
        self._cell.check_not_ended()
        if self._has_ended:
            raise self._gone()
        self._sizing.resize(size)

    def start_child(self, spec: ChildSpec[Any]) -> AdminResult:
        result = super().start_child(spec)
        self._routee_started()
        return result

    def restart_child(self, name: str) -> AdminResult:
        result = super().restart_child(name)
        self._routee_started()
        return result

    def _routee_started(self) -> None:
        """Whoever starts one looks whether the pool ends; whoever ends it has said so before looking at its routees."""
        if self._has_ended:
            self._sizing.retire_all()

    # -- ends ---------------------------------------------------------------------

    def _queue_stop(self, stop: Stop) -> None:
        if self._cell.state is not State.RUNNING:
            super()._queue_stop(stop)
            return
        # What was sent before the stop is with the routees, and goes first.
        self._stops.append(stop)
        self._unobeyed.append(stop)
        self._sizing.retire_all()
        self._stop_if_empty()

    def _stop_if_empty(self) -> None:
        family = self._register.family
        while self._unobeyed and not family.live():
            try:
                stop = self._unobeyed.popleft()
            except IndexError:
                return
            super()._queue_stop(stop)

    def _child_closes(self, child: Cell) -> None:
        routee = self._register.of(child)
        if routee is not None:
            routee.close()

    def _child_ended(self, child: Cell, reason: StopReason) -> None:
        retired = self._sizing.forget(child, reason)
        cell = self._cell
        family = self._register.family
        if self._unobeyed:
            self._stop_if_empty()
        elif not (retired or reason is StopReason.SHUTDOWN or self._sizing.resizer or family.closed or family.live()):
            cell.post(Stop(StopReason.NORMAL), cell.spec.shutdown_seconds)


def _offer(routee: Routee, item: Any, message: Any) -> Taken:
    if isinstance(item, Ask):
        item.cell = routee.cell
    return routee.offer(item, message)
