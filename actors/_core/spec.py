"""How is a child made, kept and ended?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from actors._core.checks import is_seconds
from actors._core.mailbox import Mailbox
from actors._core.path import check_name
from policies import Policy, RestartType

if TYPE_CHECKING:
    from actors._core.agent import Agent

A = TypeVar("A", bound="Agent")
_DISPATCHERS = ("pool", "thread")


@dataclass(frozen=True, slots=True)
class ChildSpec(Generic[A]):
    """A recipe for a child, used for every incarnation; a value, checked when it is built.

    - `agent`, `args`, `kwargs`: the class and what its `__init__` gets, each time.
    - `name`: unique among its siblings; None makes one up.
    - `restart`: after which ends it is restarted: "permanent" every end, "transient" failures, "temporary" none.
    - `shutdown`: seconds its own code may take to end (the message in hand, then `on_stop`), "infinity" or "brutal".
    - `significant`: its end may end its parent, see `auto_shutdown`.
    - `policy`: what a failure of it means; None asks its parent's policy.
    - `mailbox`: its bounds; None is unbounded.
    - `dispatcher`: "pool", or "thread" for a thread of its own.
    - `deadline`: seconds one message (or its start) may take before the incarnation is abandoned and fails with
      `HandlerTimeout`; None is without limit.
    - `keep_children`: its children live on through its restarts.
    """

    agent: type[A]
    name: str | None = None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    restart: RestartType | str = RestartType.TRANSIENT
    shutdown: float | Literal["infinity", "brutal"] = 5.0
    significant: bool = False
    policy: Policy | None = None
    mailbox: Mailbox | None = None
    dispatcher: Literal["pool", "thread"] = "pool"
    deadline: float | None = None
    keep_children: bool = False

    def __post_init__(self) -> None:
        # Only an Agent has it; the class itself is defined above this module.
        if not isinstance(self.agent, type) or not hasattr(self.agent, "_supervises"):
            raise ValueError(f"agent: a subclass of Agent, not {self.agent!r}")
        if self.name is not None:
            check_name(self.name)
        if type(self.args) is not tuple:
            if not isinstance(self.args, (tuple, list)):
                raise ValueError(f"args: a tuple, not {self.args!r}")
            object.__setattr__(self, "args", tuple(self.args))
        if not isinstance(self.kwargs, Mapping) or not all(isinstance(name, str) for name in self.kwargs):
            raise ValueError(f"kwargs: a mapping of names to values, not {self.kwargs!r}")
        self._check_ends()
        if self.policy is not None and not isinstance(self.policy, Policy):
            raise ValueError(f"policy: a Policy or None, not {self.policy!r}")
        if self.mailbox is not None and not isinstance(self.mailbox, Mailbox):
            raise ValueError(f"mailbox: a Mailbox or None, not {self.mailbox!r}")
        if self.dispatcher not in _DISPATCHERS:
            raise ValueError(f"dispatcher: one of {', '.join(_DISPATCHERS)}, not {self.dispatcher!r}")
        if self.deadline is not None and not is_seconds(self.deadline, above=0.0):
            raise ValueError(f"deadline: seconds above 0, or None, not {self.deadline!r}")

    def _check_ends(self) -> None:
        try:
            object.__setattr__(self, "restart", RestartType(self.restart))
        except ValueError:
            raise ValueError(f"restart: one of {', '.join(RestartType)}, not {self.restart!r}") from None
        if self.shutdown not in ("infinity", "brutal") and not is_seconds(self.shutdown):
            raise ValueError(f"shutdown: seconds of 0 or more, 'infinity' or 'brutal', not {self.shutdown!r}")
        for flag in ("significant", "keep_children"):
            if not isinstance(getattr(self, flag), bool):
                raise ValueError(f"{flag}: True or False, not {getattr(self, flag)!r}")
        if self.significant and self.restart is RestartType.PERMANENT:
            raise ValueError("significant: a permanent child never ends by itself, so it cannot be significant")

    @classmethod
    def plain(cls, agent: type[A], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> ChildSpec[A]:
        """Give the spec of a child that is described by its class and arguments alone; checked once for a class."""
        template: ChildSpec[A] | None = getattr(agent, "__dict__", {}).get("_plain_spec")
        if template is None:
            template = cls(agent)
            agent._plain_spec = template  # type: ignore[attr-defined]
        if not args and not kwargs:
            return template
        spec: ChildSpec[A] = object.__new__(cls)
        for name in _FIELDS:
            object.__setattr__(spec, name, getattr(template, name))
        object.__setattr__(spec, "args", args)
        object.__setattr__(spec, "kwargs", kwargs)
        return spec

    @property
    def shutdown_seconds(self) -> float | None:
        """Seconds its code may take to end; None is without limit."""
        if self.shutdown == "infinity":
            return None
        return 0.0 if self.shutdown == "brutal" else float(self.shutdown)


_FIELDS = tuple(field.name for field in fields(ChildSpec))
