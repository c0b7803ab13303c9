"""Who hands out the files, who decides about an inspector that fails, and who keeps the results?"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from actors import (
    Agent,
    AgentFailed,
    AgentFuture,
    AgentRef,
    AgentRestarted,
    AgentResumed,
    AgentStopped,
    AgentStoppedError,
    ChildSpec,
    Event,
    HandlerTimeout,
)
from auditing.examiners import Seen
from auditing.files import File, Kind
from auditing.inspectors import INSPECTORS, Inspector
from policies import ByError, Restart, Resume, Stop

SETTLING = (AgentFailed, AgentResumed, AgentRestarted, AgentStopped)
SPARES = 3
"""How many inspectors a crew may hire in place of those that were stopped."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Ask a crew to audit its files."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An inspector has done with a file, in whatever way."""

    inspector: AgentRef[Inspector]
    file: File
    answer: AgentFuture[Seen]


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that could not be audited."""

    file: File
    error: BaseException


class Crew(Agent):
    """A few inspectors of one kind, and the files that wait for them: one file for each inspector at a time.

    A file is lost only if no inspector is left and none may be hired any more; then all that wait are.
    """

    policy = ByError(
        {
            OSError: Resume(),  # the file cannot be read, the inspector is as good as before
            HandlerTimeout: Restart(max_restarts=None, within=None),  # its thread is left behind, another takes over
        },
        # Anything else may have left it in any state. One that crashes three times in a row does not come back.
        default=Restart(max_restarts=2, within=None, per="child", then=Stop()),
    )

    def __init__(self, kind: Kind, files: Sequence[File], size: int, deadline: float, ledger: AgentRef[Ledger]) -> None:
        self.inspector = INSPECTORS[kind]
        self.waiting = deque(files)
        self.size = size
        self.deadline = deadline
        self.ledger = ledger

    def on_start(self) -> None:
        self.idle: list[AgentRef[Inspector]] = []
        self.staff: set[AgentRef[Inspector]] = set()
        self.hired = 0

    def on_receive(self, message: Begin | Answered) -> None:
        if isinstance(message, Answered):
            self.take(message)
        self.hand_out()

    def take(self, message: Answered) -> None:
        try:
            result: Seen | Failed = message.answer.get()
        except AgentStoppedError:
            # The inspector was stopped over an earlier file and has not begun with this one.
            self.staff.discard(message.inspector)
            self.waiting.appendleft(message.file)
            return
        except BaseException as error:  # whatever came out of the inspector: the file is accounted for
            result = Failed(message.file, error)
        self.ledger.tell(result)
        self.idle.append(message.inspector)

    def hand_out(self) -> None:
        while self.waiting:
            if not self.idle and len(self.staff) < self.size and self.hired < self.size + SPARES:
                self.hire()
            if not self.idle:
                break
            self.give(self.idle.pop(), self.waiting.popleft())
        if not self.staff:
            while self.waiting:
                self.ledger.tell(Lost(self.waiting.popleft()))

    def hire(self) -> None:
        self.hired += 1
        name = f"inspector-{self.hired}"
        inspector = self.context.spawn(ChildSpec(self.inspector, name=name, deadline=self.deadline, shutdown=1.0))
        self.staff.add(inspector)
        self.idle.append(inspector)

    def give(self, inspector: AgentRef[Inspector], file: File) -> None:
        answer = inspector.ask(file, block=False)
        crew = self.actor_ref

        def settled() -> None:
            with contextlib.suppress(AgentStoppedError):  # the audit was interrupted
                crew.tell(Answered(inspector, file, answer))

        answer.add_done_callback(settled)


@dataclass(frozen=True, slots=True)
class Lost:
    """A file that no inspector was left for."""

    file: File


@dataclass(frozen=True, slots=True)
class Tick:
    """Time to say how far the audit is."""


@dataclass(frozen=True, slots=True)
class Result:
    """Ask the ledger for the results: answered when they are complete, or at once with `partial`."""

    partial: bool = False


@dataclass(slots=True)
class Results:
    """What came of the files; `decided` is what the supervisors decided, by the error."""

    seen: list[Seen] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    decided: dict[BaseException, AgentFailed] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return len(self.seen) + len(self.failed) + len(self.lost)


class Ledger(Agent):
    """Keeps the results. It does nothing that could fail, so that a crash elsewhere costs none of them.

    The events in `SETTLING` are told to it, too: what was decided about a failure, and that it is done.
    """

    def __init__(self, expected: int, progress: Callable[[int, int, int], None], interval: float) -> None:
        self.expected = expected
        self.progress = progress
        self.interval = interval

    def on_start(self) -> None:
        self.results = Results()
        self.unsettled: set[str] = set()
        self.context.timers.every("progress", self.interval, Tick())

    def on_receive(self, message: Any) -> Results | None:
        results = self.results
        match message:
            case Seen():
                results.seen.append(message)
            case Failed():
                results.failed.append(message)
            case Lost():
                results.lost.append(message)
            case AgentFailed(path=path, error=error):
                results.decided[error] = message
                self.unsettled.add(path)
            case Event(path=path):
                self.unsettled.discard(path)
            case Tick():
                self.progress(results.count, self.expected, len(results.failed))
            case Result(partial):
                if partial or self.is_complete:
                    return results
                self.context.stash()  # the answer has to wait
                return None
        if self.is_complete:
            self.context.unstash_all()
        return None

    @property
    def is_complete(self) -> bool:
        """Whether each file has its result, each failure the decision about it, and each decision is carried out."""
        results = self.results
        decided = all(failed.error in results.decided for failed in results.failed)
        return results.count == self.expected and decided and not self.unsettled
