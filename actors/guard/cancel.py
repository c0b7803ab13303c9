"""How is a piece of work given up, wherever it waits?"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from actors._core.errors import Cancelled
from actors._core.future import AgentFuture, Ask

F = TypeVar("F", bound=AgentFuture[Any])


class CancelToken:
    """Says of one piece of work whether it was given up, and ends what that waits for.

    Cancelled once, by whoever is first, for good; all methods may be called on any thread and never block. A token made
    with a `parent` is cancelled with it, and by itself without it.
    """

    __slots__ = ("__weakref__", "_callbacks", "_children", "_lock", "_reason")

    def __init__(self, parent: CancelToken | None = None) -> None:
        # Guards all three; a callback, and what resolves a future, is called outside it.
        self._lock = threading.Lock()
        self._reason: str | None = None
        self._callbacks: dict[object, Callable[[], None]] = {}
        # Weak: whoever holds a part of the work keeps its token, the whole does not.
        self._children: weakref.WeakSet[CancelToken] = weakref.WeakSet()
        if parent is not None:
            parent._adopt(self)

    # -- cancelling ---------------------------------------------------------------

    def cancel(self, reason: str = "cancelled") -> bool:
        """Give the work up; tells whether it was not given up before. Runs what `on_cancel` was given, here."""
        with self._lock:
            if self._reason is not None:
                return False
            self._reason = reason
            callbacks, children = list(self._callbacks.values()), list(self._children)
            self._callbacks.clear()
        for callback in callbacks:
            callback()
        for child in children:
            child.cancel(reason)
        return True

    @property
    def cancelled(self) -> bool:
        return self._reason is not None

    @property
    def reason(self) -> str:
        """Why it was cancelled; "" while it is not."""
        return self._reason or ""

    @property
    def error(self) -> Cancelled:
        """What is raised where the work looks or waits; a new one each time."""
        return Cancelled(f"given up: {self.reason}")

    def check(self) -> None:
        """Raise `Cancelled` if it was cancelled."""
        if self._reason is not None:
            raise self.error

    # -- what is to end with it ---------------------------------------------------

    def on_cancel(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back once when it is cancelled, on the thread that does that, at once if it is; gives what forgets it.

        The callback must neither block nor raise.
        """
        key = object()
        with self._lock:
            if self._reason is None:
                self._callbacks[key] = callback
                return lambda: self._forget(key)
        callback()
        return _nothing

    def hold(self, future: F) -> F:
        """Have the future end with `Cancelled` when the work is given up before it is settled; gives it back."""

        def give_up() -> None:
            if isinstance(future, Ask):
                future.given_up = True  # nobody begins with it any more
            future.resolve(error=self.error)

        # As of a plain future: that it can be cancelled does not make an ask end in time.
        AgentFuture.add_done_callback(future, self.on_cancel(give_up))
        return future

    def _forget(self, key: object) -> None:
        with self._lock:
            self._callbacks.pop(key, None)

    def _adopt(self, child: CancelToken) -> None:
        with self._lock:
            if self._reason is None:
                self._children.add(child)
                return
        child.cancel(self._reason)

    def __repr__(self) -> str:
        return f"<CancelToken cancelled: {self._reason}>" if self.cancelled else "<CancelToken>"


def _nothing() -> None:
    return
