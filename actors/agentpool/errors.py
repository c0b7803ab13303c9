"""Why does a pool of agents take no more of them?"""

from __future__ import annotations

from actors._core.errors import ActorError, TooManyChildren


class PoolFullError(TooManyChildren):
    """The pool at `path` runs `running` agents and may run `most`; nothing was started, and no id was used.

    `waiting` is how many wait for their turn, None for a pool without a queue.
    """

    def __init__(self, path: str, running: int, most: int, waiting: int | None = None) -> None:
        super().__init__(path, most)
        self.running = running
        self.waiting = waiting
        queue = "" if waiting is None else f", and {waiting} wait"
        self.args = (f"agent pool at capacity ({running}/{most}){queue}",)


class KeyTakenError(ActorError, ValueError):
    """The pool at `path` works on that `key` already."""

    def __init__(self, path: str, key: object) -> None:
        super().__init__(f"{path} works on {key!r} already")
        self.path = path
        self.key = key


class SpawnDepthError(ActorError):
    """An agent `depth` levels below the first pool may not spawn any: `most` is the limit."""

    def __init__(self, path: str, depth: int, most: int) -> None:
        super().__init__(f"spawn depth limit reached ({depth}/{most})")
        self.path = path
        self.depth = depth
        self.most = most
