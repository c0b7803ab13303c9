"""Who are the routees of a pool at present?

The kernel keeps the children. Senders see a snapshot of them, the roster, with the chooser that was made for it; it is
replaced as a whole, by whoever sends first after the children have changed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actors._core.commands import State
from actors._core.mailbox import ClosedQueue
from actors._core.ref import CLOSED
from actors.routing.picking import Chooser, Pick, RoundRobin
from actors.routing.routees import Routee

if TYPE_CHECKING:
    from actors._core.cell import Cell

_NOT_STARTED = frozenset({State.NEW, State.STARTING})
_OUT_OF_DATE = -1


class Roster:
    """The routees that there are, in start order, and who chooses among them; a value that nobody changes.

    `choose` is None where there is nobody to choose, or all are meant.
    """

    __slots__ = ("choose", "chooser", "edition", "routees")

    def __init__(self, edition: int, routees: tuple[Routee, ...], chooser: Chooser | None) -> None:
        self.edition = edition
        self.routees = routees
        self.chooser = chooser
        self.choose: Callable[[Any], Routee] | None = None if chooser is None else chooser.choose


class Register:
    """The rosters of one pool, one after the other; may be used on any thread."""

    __slots__ = ("_known", "_roster_lock", "cell", "family", "pick", "roster")

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.family = cell.own_family()
        self.pick: Pick = RoundRobin()
        self.roster = Roster(_OUT_OF_DATE, (), None)
        self._known: dict[Cell, Routee] = {}  # all children that have started and take messages, or took some
        # Guards the making of rosters: each is made of what its edition has, and of the one before. The locks of the
        # family and of routees are taken under it, and strategies compute; nothing is sent, nobody waits.
        self._roster_lock = threading.Lock()

    @property
    def is_up(self) -> bool:
        """Whether the pool has the routees that it is to have: not while it is restarted."""
        context = self.cell.context
        if self.cell.state is not State.RUNNING or context is None or context.ending:
            return False
        return context.agent is not None  # else the next incarnation has not begun to start

    def present(self) -> Roster:
        """Give the roster of now."""
        roster = self.roster
        return roster if roster.edition == self.family.edition else self.renew()

    def renew(self) -> Roster:
        """Make it anew, also where its edition is that of now: somebody on it may have gone."""
        with self._roster_lock:
            edition, children = self.family.register()
            known = {}
            complete = True
            for child in children:
                routee = self._known.get(child)
                if routee is None and child.gate != CLOSED:
                    if child.incarnation > 1 or child.state not in _NOT_STARTED:
                        routee = Routee(child)
                    else:
                        complete = False
                if routee is not None and not isinstance(routee.queue, ClosedQueue):
                    known[child] = routee
            self._known = known
            before = self.roster
            routees = tuple(routee for routee in known.values() if not routee.left)
            roster = Roster(edition if complete else _OUT_OF_DATE, routees, self._chooser(before, routees))
            self.roster = roster
        return roster

    def _chooser(self, before: Roster, routees: tuple[Routee, ...]) -> Chooser | None:
        if not routees or self.pick.to_all:
            return None
        if routees == before.routees and before.chooser is not None:
            return before.chooser
        return self.pick.chooser(routees, before.chooser, self.cell.system.random)

    def of(self, child: Cell) -> Routee | None:
        """Give the routee that a child is; None for one that has never been one."""
        with self._roster_lock:
            return self._known.get(child)

    def choose_with(self, pick: Pick) -> None:
        """Choose in this way from now on."""
        with self._roster_lock:
            if pick != self.pick:
                self.pick = pick
                self.roster = Roster(_OUT_OF_DATE, (), None)
