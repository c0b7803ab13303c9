"""Do the events of each agent make a life, and do children end before their parents?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors import (
    AgentBackingOff,
    AgentRestarted,
    AgentResumed,
    AgentStarted,
    AgentStopped,
    Event,
    StartFailed,
    SystemStopped,
)
from actors._core.ref import CLOSED
from tests.properties.accounts import Incarnation

_LIFE = (AgentStarted, AgentRestarted, AgentResumed, AgentBackingOff, AgentStopped, StartFailed)


class Life:
    """One agent from its first start to its end: a ref."""

    def __init__(self, ref: Any, path: str) -> None:
        self.ref = ref
        self.path = path
        self.up = 0  # the incarnation that has come up last
        self.tried = 0  # the incarnation that has begun last
        self.at = 0.0
        self.over = False

    @property
    def is_open(self) -> bool:
        return self.up > 0 and not self.over

    @property
    def is_closed(self) -> bool:
        """Whether it takes no messages any more, although the event of its end may be on its way."""
        return bool(self.ref._cell.gate == CLOSED)


class Lives:
    """The lives of all agents of a system, by path, in the order in which they began."""

    def __init__(self, violated: Callable[[str, str], None], exact: bool) -> None:
        self._violated = violated
        self.exact = exact
        self._lives: dict[str, list[Life]] = {}
        self._by_ref: dict[Any, Life] = {}
        self._order: dict[Any, int] = {}
        self._stopped = 0

    # -- what the agents say ------------------------------------------------------

    def enters(self, who: Incarnation, what: str) -> None:
        """Code of an incarnation begins."""
        life = self._by_ref.get(who.ref)
        if life is None:
            life = self._by_ref[who.ref] = Life(who.ref, who.path)
            life.over = who.fenced  # abandoned before its own code had begun
            self._order[who.ref] = len(self._order)
            self._lives.setdefault(who.path, []).append(life)
        number = who.incarnation
        if life.over and not who.fenced:
            self._violated("I7", f"{what} of {life.path} #{number} after the event of its end")
        if what == "__init__":
            if number <= life.tried:
                self._violated("I7", f"{life.path} #{number} begins after #{life.tried}")
            life.tried = number
        elif what == "handler" and life.up != number:
            self._violated("I7", f"{life.path} #{number} handles a message, but the last that is up is #{life.up}")
        elif what in ("on_stop", "on_failure") and not who.keeps_children:
            for child in self._open_below(life.path):
                self._violated("I8", f"{what} of {life.path} #{number} before the end of {child.path}")

    def is_earlier(self, ref: Any, other: Any) -> bool:
        return self._order.get(ref, len(self._order)) < self._order.get(other, len(self._order))

    def is_open(self, ref: Any) -> bool:
        life = self._by_ref.get(ref)
        return life is not None and life.is_open

    def _open_below(self, path: str) -> list[Life]:
        inside = f"{path}/"
        return [
            life
            for at, lives in self._lives.items()
            if at.startswith(inside)
            for life in lives
            # Where threads are interrupted anywhere, the event of its end may come after that of its parent's.
            if life.is_open and (self.exact or not life.is_closed)
        ]

    # -- what the system says -----------------------------------------------------

    def hear(self, event: Event, inside: list[Any]) -> None:
        """Check an event; `inside` is the code that runs at this moment and was not abandoned."""
        if isinstance(event, SystemStopped):
            self._stopped += 1
            self._check_all_over("when the system says that it has stopped")
        if not isinstance(event, _LIFE) or event.path == "/":
            return
        life = self._life_of(event)
        if life is None:
            if not (isinstance(event, (StartFailed, AgentStopped)) and event.incarnation <= 1):
                self._violated("I7", f"{event} of nobody who has begun")
            return
        # The time of a failure is when it happened, all others are told as they happen.
        if event.at < life.at:
            self._violated("I7", f"{event} at {event.at:g} after one at {life.at:g}")
        life.at = max(life.at, event.at)
        self._step(life, event, inside)

    def _life_of(self, event: Event) -> Life | None:
        if isinstance(event, AgentStopped) and event.incarnation == 0:
            return None  # stopped before it had begun
        lives = self._lives.get(event.path, [])
        open_ones = [life for life in lives if not life.over]
        if len(open_ones) > 1 and self.exact and not isinstance(event, StartFailed):
            self._violated("I7", f"{event} while there are {len(open_ones)} lives of that path")
        if isinstance(event, (AgentStarted, StartFailed)):
            # An agent whose start fails may have done nothing that could be told.
            return next((life for life in open_ones if life.up == 0), None)
        return open_ones[0] if open_ones else (lives[-1] if lives else None)

    def _step(self, life: Life, event: Event, inside: list[Any]) -> None:
        number = event.incarnation
        if life.over:
            self._violated("I7", f"{event} after the end of its life")
        elif isinstance(event, AgentStarted):
            if life.up or number != 1:
                self._violated("I7", f"{event} after #{life.up} was up")
            life.up = number
        elif isinstance(event, AgentRestarted):
            if not life.up or number <= life.up:
                self._violated("I7", f"{event} after #{life.up} was up")
            life.up = number
        elif isinstance(event, StartFailed):
            if life.up:
                self._violated("I7", f"{event} after #{life.up} was up")
            life.over = True
        elif isinstance(event, AgentStopped):
            self._ends(life, event, inside)
        elif number < life.up:
            self._violated("I7", f"{event} when #{life.up} was up")

    def _ends(self, life: Life, event: AgentStopped, inside: list[Any]) -> None:
        life.over = True
        for child in self._open_below(life.path):
            self._violated("I8", f"{life.path} has stopped before {child.path}")
        for code in inside:
            if code.who.path.startswith(f"{life.path}/") or code.who.ref is life.ref:
                self._violated("I8", f"{life.path} has stopped during {code}")

    # -- the end ------------------------------------------------------------------

    def _check_all_over(self, when: str) -> None:
        for lives in self._lives.values():
            for life in lives:
                if not life.over:
                    self._violated("I6", f"{life.path} has not ended {when}")

    def conclude(self) -> None:
        """Check that all have ended, and the system just once."""
        self._check_all_over("in the end")
        if self._stopped != 1:
            self._violated("I6", f"the system says {self._stopped} times that it has stopped")
