"""What are the threads of a simulation, and where do its agents' tasks wait?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from actors._core.clock import Timer
from actors._core.dispatcher import OwnThread, Pool, Task
from actors.testkit.simulation.labels import key_of

if TYPE_CHECKING:
    from actors._core.context import Context
    from actors.testkit.simulation.scheduler import Scheduler

FOR_EVER = float("inf")


class Unwind(BaseException):
    """Ends what a thread still does when its simulation is over; no test sees it."""


class Strand:
    """A thread that the simulation runs: the test's own, or one that carries tasks."""

    __slots__ = (
        "context",
        "deadline",
        "failure",
        "ident",
        "idly",
        "job",
        "key",
        "label",
        "outer_tracer",
        "over",
        "parked",
        "target",
        "thread",
        "traced",
        "unwound",
    )

    def __init__(self, key: str) -> None:
        self.key = key
        self.label = key
        self.context: Context | None = None  # the incarnation that waits
        # Held while the strand may not run; whoever gives it the run releases it.
        self.parked = threading.Lock()
        self.parked.acquire()
        self.thread: threading.Thread | None = None
        self.ident: int | None = None
        self.job: Callable[[], None] | None = None
        self.target: Any = None  # whom it waits for, where that is known
        self.over: Callable[[], bool] | None = None  # what it waits for; None: it was interrupted
        self.deadline: float = FOR_EVER
        self.idly = False  # goes on only when nobody else can
        self.failure: BaseException | None = None
        self.traced = False
        self.outer_tracer: Any = None  # what traced it before
        self.unwound = 0

    def take(self, job: Callable[[], None]) -> None:
        """Begin something new, under its name."""
        self.job = None
        self.label = getattr(job, "label", "clock")
        self.key = self.label.partition(":")[0]

    def clear(self) -> None:
        """Keep no agent alive while there is nothing to do."""
        self.context = self.target = self.over = None


class Step:
    __slots__ = ("label", "run")

    def __init__(self, label: str, run: Callable[[], None]) -> None:
        self.label = label
        self.run = run

    def __call__(self) -> None:
        self.run()


class SimulatedPool(Pool):
    """The pool of a simulated system: its tasks may run in any order, as on threads that are fast or slow."""

    def __init__(self, name: str, scheduler: Scheduler) -> None:
        super().__init__(name)
        self._scheduler = scheduler

    def put(self, task: Task | None) -> None:
        """Have the task run some time. Never blocks."""
        if task is not None:
            self._scheduler.put(task, None)

    def make_room(self) -> None:
        """Nothing waits for a thread here."""

    def close(self) -> None:
        """The scheduler ends its threads."""

    def join(self, deadline: float, but: frozenset[int] = frozenset()) -> None:
        """The scheduler joins its threads."""


class SimulatedThread(OwnThread):
    """An agent's own thread in a simulation: its tasks run in order, one at a time."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.running = False

    def put(self, task: Task | None) -> None:
        if task is not None:
            self._scheduler.put(task, self)

    def run_one(self, task: Task) -> None:
        try:
            task.run()
        finally:
            self.running = False

    def join(self, deadline: float, but: frozenset[int] = frozenset()) -> None:
        """The scheduler joins its threads."""


class Names(Sequence[str]):
    """Who could go on, by name; a name is made when it is looked at."""

    __slots__ = ("_able",)

    def __init__(self, able: list[Any]) -> None:
        self._able = able

    def __len__(self) -> int:
        return len(self._able)

    def __getitem__(self, index: Any) -> Any:
        item = self._able[index]
        if isinstance(item, Strand):
            return item.key
        return "clock" if isinstance(item, Timer) else key_of(item[0])
