"""How is a model reached, whichever it is?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from actors.models.stream import DriverEvent
from actors.models.talk import Completion, Request


@runtime_checkable
class ModelDriver(Protocol):
    """Asks a model. One driver serves many agents: both methods may be called from any thread, at the same time.

    Both block until there is something to give, and raise a `ModelError`, whose `retryable` says whether to try again,
    or `Cancelled` when the caller gives up.
    """

    def complete(self, request: Request) -> Completion:
        """Give the whole answer."""
        ...

    def stream(self, request: Request) -> Iterator[DriverEvent]:
        """Give the answer piece by piece; a `ContentComplete` with the whole of it is the last."""
        ...


def check_driver(driver: object) -> None:
    """Raise ValueError for what no model can be reached with, such as its name, or the class of a driver."""
    if isinstance(driver, type) or not isinstance(driver, ModelDriver):
        raise ValueError(f"driver: a ModelDriver, such as OpenAIDriver(model), not {driver!r}")
