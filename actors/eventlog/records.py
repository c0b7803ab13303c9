"""What does every record of a run say, and what does a reader do with what it does not know?

On the wire a record is one JSON object: names in snake case, fields that are absent left out. A kind that a reader does
not know becomes an `UnknownRecord`; fields that it does not know are kept in `more`, and written again.
"""

from __future__ import annotations

import re
from datetime import UTC
from enum import Enum, StrEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

VERSION = 1
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class BadEntryError(ValueError):
    """An entry of a log that is no record: `entry` is its text, cut, and `why` what is wrong with it."""

    def __init__(self, entry: object, why: str) -> None:
        self.entry = (entry if isinstance(entry, str) else repr(entry))[:200]
        self.why = why
        super().__init__(f"not a record: {why}: {self.entry}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.entry, self.why)


class SpawnMode(StrEnum):
    """What a new agent knows: nothing, what its parent knew, or what it knew itself when it was interrupted."""

    FRESH = "fresh"
    FORKED_CONTEXT = "forked_context"
    RESUMED = "resumed"


def snake(name: Any) -> Any:
    """Give a name, or the name of a member of an enum, in snake case: "BackingOff" is "backing_off"."""
    if isinstance(name, Enum):
        name = name.name
    if not isinstance(name, str):
        return name
    return _HUMP.sub("_", name).replace("-", "_").replace(" ", "_").lower()


Timestamp = Annotated[AwareDatetime, AfterValidator(lambda time: time.astimezone(UTC))]
StateName = Annotated[str, BeforeValidator(snake)]
Mode = Annotated[SpawnMode, BeforeValidator(snake)]


class Record(BaseModel):
    """The head of every record; None is absent. A kind of one's own is a subclass with its own `event_type`.

    `seq` counts the records of one `run` without gaps, and orders them; `timestamp` (UTC) informs. These, `run` and
    `event_id` are given by the log. `path`, `incarnation`: of the agent that the record is about. `agent_id`,
    `parent_agent_id`, `child_agent_id` and `mission_id` say in which views of the log it is found; the kernel's
    records have their path as `agent_id`. States are in snake case. `more` are fields of a later version.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Whether a log on this machine must not drop it, however much there is to write.
    lifecycle: ClassVar[bool] = False

    version: int = Field(default=VERSION, ge=1)
    event_type: str = Field(min_length=1)
    event_id: str | None = None
    seq: int | None = Field(default=None, ge=1)
    run: str | None = None
    timestamp: Timestamp | None = None
    path: str | None = None
    agent_id: str | None = None
    incarnation: int | None = None
    task_id: str | None = None
    mission_id: str | None = None
    parent_agent_id: str | None = None
    child_agent_id: str | None = None
    correlation_id: str | None = None
    old_state: StateName | None = None
    new_state: StateName | None = None
    scope: str | None = None
    spawn_mode: Mode | None = None
    message: str | None = None
    more: dict[str, JsonValue] = Field(default_factory=dict, exclude=True)

    # -- builders: each gives another record ---------------------------------------

    def with_agent(self, agent_id: str) -> Self:
        return self._with(agent_id=agent_id)

    def with_task(self, task_id: str) -> Self:
        return self._with(task_id=task_id)

    def with_mission(self, mission_id: str) -> Self:
        return self._with(mission_id=mission_id)

    def with_transition(self, old_state: str | Enum, new_state: str | Enum) -> Self:
        return self._with(old_state=old_state, new_state=new_state)

    def with_parent_agent(self, parent_agent_id: str) -> Self:
        return self._with(parent_agent_id=parent_agent_id)

    def with_child_agent(self, child_agent_id: str) -> Self:
        return self._with(child_agent_id=child_agent_id)

    def with_scope(self, scope: str) -> Self:
        return self._with(scope=scope)

    def with_spawn_mode(self, spawn_mode: SpawnMode | str) -> Self:
        return self._with(spawn_mode=spawn_mode)

    def _with(self, **changes: Any) -> Self:
        own = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self)(**{**own, **changes})

    # -- for those who look --------------------------------------------------------

    def to_fields(self) -> dict[str, Any]:
        """Give it as on the wire: plain JSON values, absent fields left out, what is in `more` beside the others."""
        return {**self.more, **self.model_dump(mode="json", exclude_none=True)}

    @property
    def details(self) -> dict[str, Any]:
        """The fields of its kind alone, without the head and what is absent; with those of `more`."""
        return {name: value for name, value in self.to_fields().items() if name not in HEAD}

    @property
    def text(self) -> str:
        """One line for people: its message, or what its fields say."""
        if self.message is not None:
            return self.message
        states = f"{self.old_state or '?'} -> {self.new_state}" if self.new_state is not None else ""
        facts = ", ".join(f"{name} {value}" for name, value in self.details.items())
        return ": ".join(part for part in (states, facts) if part)


HEAD = frozenset(Record.model_fields) - {"more"}


class UnknownRecord(Record):
    """A record of a kind that this reader does not know; what is not in the head is in `more`."""


class Lasting(Record):
    """A transition, of an agent, a task, a mission, a system: never dropped while a local log is there."""

    lifecycle: ClassVar[bool] = True


class Failing(Lasting):
    """Says why: `error` is one line, cut at 200 characters, and `error_type` the name of its class."""

    error: str | None = None
    error_type: str | None = None
