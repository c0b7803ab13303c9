"""What may a conductor be told when it is made, and what of that makes no sense?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from actors._core.agent import Agent
from actors._core.checks import is_seconds
from actors._core.ref import AgentRef
from actors._core.spec import ChildSpec
from actors.board import Board
from actors.guard import Quota
from actors.tickets import Track
from actors.work import Work, Worker
from policies import Policy, RetryableOnly

WorkersPolicy = RetryableOnly()
Place = str | Path | Board
DECISION_TIMEOUT = 60.0  # seconds that a decider has for an answer
HELP_AFTER = 180.0  # seconds without any step after which a track counts as stuck


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a conductor was given, checked: ValueError says what is wrong."""

    track: Track | str
    work: Work | type[Worker] | ChildSpec[Any]
    max_workers: int
    board: Place
    approver: AgentRef[Any] | None
    reviewer: AgentRef[Any] | ChildSpec[Any] | type[Agent] | None
    models: Sequence[str] | None
    policy: Policy
    deadline: float | None
    shutdown: float | Literal["infinity", "brutal"]
    quota: Quota | None
    max_reviews: int
    decider: AgentRef[Any] | Callable[..., Any] | None
    decision_timeout: float
    approval_timeout: float | None
    helper: AgentRef[Any] | None
    help_after: float | None

    def __post_init__(self) -> None:
        self._check_track()
        self._check_numbers()
        self._check_agents()
        if not isinstance(self.board, (str, Path, Board)) or not str(self.board):
            raise ValueError(f"board: a Board, the path of its file, or ':memory:', not {self.board!r}")
        if not isinstance(self.policy, Policy):
            raise ValueError(f"policy: a Policy, not {self.policy!r}")
        if self.quota is not None and not isinstance(self.quota, Quota):
            raise ValueError(f"quota: a Quota or None, not {self.quota!r}")
        self.worker_spec("w-0")

    def _check_track(self) -> None:
        if not isinstance(self.track, (Track, str)) or not self.track:
            raise ValueError(f"track: a Track, or the id of one on the board, not {self.track!r}")
        if self.models is not None:
            if isinstance(self.models, str) or not all(isinstance(name, str) and name for name in self.models):
                raise ValueError(f"models: names of models, the first attempt's first, not {self.models!r}")
            if not isinstance(self.track, Track):
                raise ValueError("models: of a track that is on the board already, the board knows the models")
            fields = {name: getattr(self.track, name) for name in Track.model_fields}
            object.__setattr__(self, "track", Track(**{**fields, "models": tuple(self.models)}))

    def _check_numbers(self) -> None:
        if type(self.max_workers) is not int or self.max_workers < 1:
            raise ValueError(f"max_workers: a whole number of at least 1, not {self.max_workers!r}")
        if type(self.max_reviews) is not int or self.max_reviews < 0:
            raise ValueError(f"max_reviews: a whole number, 0 or more, not {self.max_reviews!r}")
        if not is_seconds(self.decision_timeout, above=0.0):
            raise ValueError(f"decision_timeout: seconds above 0, not {self.decision_timeout!r}")
        for name in ("approval_timeout", "help_after"):
            seconds = getattr(self, name)
            if seconds is not None and not is_seconds(seconds, above=0.0):
                raise ValueError(f"{name}: seconds above 0, or None, not {seconds!r}")

    def _check_agents(self) -> None:
        for name in ("approver", "helper"):
            ref = getattr(self, name)
            if ref is not None and not isinstance(ref, AgentRef):
                raise ValueError(f"{name}: an AgentRef or None, not {ref!r}")
        decider = self.decider
        if decider is not None and not isinstance(decider, AgentRef) and not callable(decider):
            raise ValueError(f"decider: an AgentRef, a function or None, not {decider!r}")
        reviewer = self.reviewer
        if isinstance(reviewer, type) and issubclass(reviewer, Agent):
            reviewer = ChildSpec(reviewer)
            object.__setattr__(self, "reviewer", reviewer)
        if reviewer is not None and not isinstance(reviewer, (AgentRef, ChildSpec)):
            raise ValueError(f"reviewer: an AgentRef, a ChildSpec, a subclass of Agent or None, not {reviewer!r}")
        if reviewer is None and isinstance(self.track, Track) and self.track.reviewer_required:
            raise ValueError(f"reviewer: the track {self.track.id} requires one")

    @property
    def track_id(self) -> str:
        return self.track.id if isinstance(self.track, Track) else self.track

    def worker_spec(self, name: str) -> ChildSpec[Any]:
        """Give the spec of a worker: that which was given, or one with the settings of the conductor."""
        work = self.work
        if isinstance(work, ChildSpec):
            if not issubclass(work.agent, Worker):
                raise ValueError(f"work: the spec of a Worker, not {work!r}")
            return replace(work, name=name, policy=work.policy or self.policy, deadline=work.deadline or self.deadline)
        args: tuple[Any, ...] = ()
        kind: type[Worker] = Worker
        if isinstance(work, type):
            if not issubclass(work, Worker):
                raise ValueError(f"work: a function that takes a job, or a subclass of Worker, not {work!r}")
            kind = work
        elif callable(work):
            args = (work,)
        else:
            raise ValueError(f"work: a function that takes a job, or a subclass of Worker, not {work!r}")
        return ChildSpec(kind, name, args, policy=self.policy, deadline=self.deadline, shutdown=self.shutdown)
