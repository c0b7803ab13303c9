"""Which messages did nobody handle, and can they be sent once more?

The newest are kept, each in one place: once it has been sent again, or discarded, it is not here any more. What is
not kept, or kept no longer, is an event all the same.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors._core.commands import Stop
from actors._core.errors import ActorError, AgentNotFoundError, Cancelled, printed
from actors._core.events import DeadLetter
from actors._core.messages import DeadLetterReason, Inquiry
from actors._core.path import path_matches, split
from actors._core.ref import AgentRef

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.system import ActorSystem

Letters = list[DeadLetter]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of sending dead letters again: `refused` are still among the dead letters, each with the reason."""

    accepted: tuple[DeadLetter, ...]
    refused: tuple[tuple[DeadLetter, ActorError], ...]


@dataclass(slots=True)
class _AtHand:
    """What a thread is sending, and the dead letter that has become of it meanwhile."""

    message: Any
    silent: bool = False  # it is recorded nowhere if there is no room for it
    refusal: DeadLetter | None = None


class _Here(threading.local):
    at_hand: _AtHand | None = None


class DeadLetters:
    """The newest dead letters of one system, oldest first: to be looked at, sent again, or discarded.

    Its length is how many are kept, `dropped` how many were not: when one more comes than there is room for, the oldest
    goes. All methods may be called on any thread; where several send the same letter again, one of them does.
    """

    def __init__(self, system: ActorSystem, most: int) -> None:
        self.dropped = 0
        self._system = system
        self._most = most
        self._count = 0
        self._letters: OrderedDict[int, DeadLetter] = OrderedDict()  # by number
        self._claimed: set[int] = set()  # those that somebody sends again just now
        self._here = _Here()
        # Guards the count, the letters, the claims and `dropped`. Nothing is sent, reported or compared under it.
        self._lock = threading.Lock()

    # -- looking ------------------------------------------------------------------

    def list(self, path: str | None = None, reason: DeadLetterReason | str | None = None) -> Letters:
        """Give those of the recipients at `path`, a pattern as for `system.select`, and of that reason, oldest first.

        None is any.
        """
        fits = _filter(path, reason)
        return [letter for letter in self if fits(letter)]

    def __iter__(self) -> Iterator[DeadLetter]:
        with self._lock:
            return iter([*self._letters.values()])

    def __len__(self) -> int:
        return len(self._letters)

    # -- sending again, or not ----------------------------------------------------

    def replay(
        self,
        letter: DeadLetter | None = None,
        *,
        path: str | None = None,
        reason: DeadLetterReason | str | None = None,
        to: AgentRef[Any] | None = None,
    ) -> Replayed:
        """Tell the message of one letter again, or those of all that `path` and `reason` name, and say what came of it.

        Each goes to the agent that lives at its path now, or to `to`. What is accepted is a dead letter no more; what
        is refused, or dropped at once by a full mailbox, stays as it was. A late reply was for an asker that has given
        up, so it needs a `to`. Whoever had asked has an error already and gets no answer. Blocks where a mailbox makes
        its senders wait. Raises ValueError for a letter that is not kept any more.
        """
        if to is not None and not isinstance(to, AgentRef):
            raise ValueError(f"to: an AgentRef or None, not {to!r}")
        accepted: Letters = []
        refused: list[tuple[DeadLetter, ActorError]] = []
        for one in self._meant(letter, path, reason):
            if self._claim(one):
                error = self._send(one, to)
                if error is None:
                    accepted.append(one)
                else:
                    refused.append((one, error))
            elif one is letter:
                raise _gone(letter)
        return Replayed(tuple(accepted), tuple(refused))

    def discard(
        self,
        letter: DeadLetter | None = None,
        *,
        path: str | None = None,
        reason: DeadLetterReason | str | None = None,
    ) -> int:
        """Keep one letter no longer, or all that `path` and `reason` name, and give how many those were."""
        found = self._meant(letter, path, reason)
        with self._lock:
            return sum(self._letters.pop(one.number, None) is not None for one in found)

    def _meant(self, letter: DeadLetter | None, path: str | None, reason: DeadLetterReason | str | None) -> Letters:
        if letter is None:
            return self.list(path, reason)
        if not isinstance(letter, DeadLetter):
            raise ValueError(f"letter: a DeadLetter or None, not {letter!r}")
        if path is not None or reason is not None:
            raise ValueError("letter: either one letter or those of a path and reason, not both")
        return [letter]

    def _claim(self, letter: DeadLetter) -> bool:
        """Tell whether this thread is the one to send the letter."""
        number = letter.number
        with self._lock:
            if number not in self._letters or number in self._claimed:
                return False
            self._claimed.add(number)
            return True

    def _send(self, letter: DeadLetter, to: AgentRef[Any] | None) -> ActorError | None:
        error: ActorError | None = None
        delivered = False
        try:
            error = self._tell(letter, to)
            delivered = error is None
        finally:
            with self._lock:
                self._claimed.discard(letter.number)
                if delivered:
                    self._letters.pop(letter.number, None)
        return error

    def _tell(self, letter: DeadLetter, to: AgentRef[Any] | None) -> ActorError | None:
        if to is None and letter.reason is DeadLetterReason.LATE_REPLY:
            return AgentNotFoundError(letter.path, f"nobody waits for this answer of {letter.path} any more")
        ref = self._system.find(letter.path) if to is None else to
        if ref is None:
            return AgentNotFoundError(letter.path)
        try:
            with self._sending(letter.message) as at_hand:
                ref.tell(letter.message)
        except Cancelled:
            raise
        except ActorError as error:
            return error
        refusal = at_hand.refusal
        if refusal is None:
            return None
        why = refusal.error
        return why if isinstance(why, ActorError) else ActorError(f"{ref.path} did not get it: {refusal.why}")

    @contextmanager
    def withheld(self, message: Any) -> Iterator[None]:
        """Record it nowhere if the message finds no room, on this thread: its sender has others to turn to."""
        with self._sending(message) as at_hand:
            at_hand.silent = True
            yield

    @contextmanager
    def _sending(self, message: Any) -> Iterator[_AtHand]:
        outer = self._here.at_hand
        at_hand = self._here.at_hand = _AtHand(message)
        try:
            yield at_hand
        finally:
            self._here.at_hand = outer

    # -- recording ----------------------------------------------------------------

    def lose(
        self,
        cell: Cell,
        message: Any,
        reason: DeadLetterReason,
        error: BaseException | None = None,
        detail: str | None = None,
        incarnation: int | None = None,
    ) -> None:
        """Record a message to that agent; the log is quiet while an end that was asked for is under way."""
        if isinstance(message, Inquiry):
            return
        number = cell.incarnation if incarnation is None else incarnation
        quiet = _ends_as_planned(cell)
        self.record(cell.path, message, reason, error, incarnation=number, detail=detail, quiet=quiet)

    def record(
        self,
        path: str,
        message: Any,
        reason: DeadLetterReason,
        error: BaseException | None = None,
        *,
        incarnation: int = 0,
        detail: str | None = None,
        quiet: bool = False,
    ) -> None:
        """Keep, log and publish a message that nobody handles; `quiet` leaves the log out."""
        at_hand = self._refused_at_hand(message, reason)
        if at_hand is not None and at_hand.silent and reason is DeadLetterReason.FULL:
            return
        now = self._system.clock.now()
        with self._lock:
            self._count += 1
            letter = DeadLetter(path, incarnation, now, message, reason, error, detail, self._count)
            if at_hand is None or at_hand.silent:
                self._keep(letter)
        if at_hand is not None:
            at_hand.refusal = letter
        if not quiet:
            self._system.reports.dead_letter(letter)
        self._system.events.publish(letter)

    def _refused_at_hand(self, message: Any, reason: DeadLetterReason) -> _AtHand | None:
        """Give what this thread is sending if that is what is refused: it is no dead letter yet, or is one already."""
        at_hand = self._here.at_hand
        if at_hand is None or at_hand.message is not message or at_hand.refusal is not None:
            return None
        return None if reason is DeadLetterReason.DROPPED_OLDEST else at_hand

    def _keep(self, letter: DeadLetter) -> None:
        self._letters[letter.number] = letter
        if len(self._letters) > self._most:
            self._letters.popitem(last=False)
            self.dropped += 1

    def __repr__(self) -> str:
        return f"<DeadLetters {self._system.name}: {len(self)} kept, {self.dropped} dropped>"


def _ends_as_planned(cell: Cell) -> bool:
    """Whether the agent, or one of those above it, is about to end because somebody asked for it."""
    if cell.system.is_stopping:
        return not cell.system.has_failed
    node: Cell | None = cell
    while node is not None:
        command = node.obeying
        if isinstance(command, Stop) and command.asked:
            return True
        node = node.parent
    return False


def _filter(path: str | None, reason: DeadLetterReason | str | None) -> Callable[[DeadLetter], bool]:
    pattern = None if path is None else split(path)
    try:
        wanted = None if reason is None else DeadLetterReason(reason)
    except ValueError:
        raise ValueError(f"reason: one of {', '.join(DeadLetterReason)}, or None, not {reason!r}") from None

    def fits(letter: DeadLetter) -> bool:
        if wanted is not None and letter.reason != wanted:
            return False
        return pattern is None or path_matches(split(letter.path), pattern)

    return fits


def _gone(letter: DeadLetter) -> ValueError:
    return ValueError(f"letter: not kept any more, or just being sent: {printed(letter, 200)}")
