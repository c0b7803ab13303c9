"""What does a user write?"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from actors._core._pykka import Actor
from actors._core.errors import DeathPactError
from actors._core.future import AgentFuture
from actors._core.messages import Terminated
from policies import AutoShutdown, Policy, Strategy

if TYPE_CHECKING:
    import threading

    from actors._core.context import Context, Handler
    from actors._core.ref import AgentRef, Inbox
    from actors._core.spec import ChildSpec

# How `Agent.start` starts an agent under the default system; set by the module that has one.
_start_unsupervised: list[Callable[..., Any]] = []
# What features do with each class of agents when it is defined, such as to name the class of its refs.
class_hooks: list[Callable[[type[Agent]], None]] = []


class Agent(Actor):
    """An agent: one incarnation of it, with state that only its own turn touches.

    Handles one message at a time. A new instance is made for every incarnation, by calling `__init__` with the same
    arguments. Bound to its ref before `__init__` runs, so `super().__init__()` is optional. The hooks are Pykka's:
    `on_start`, `on_receive`, `on_stop`, `on_failure`.

    Class attributes: `policy` (what the failure of a child means; None is `Restart()`), `strategy` (which siblings go
    along), `stash_capacity` (None is without limit), `use_daemon_thread` (whether an agent made with `start` lets the
    program end under it), `ref_class` (the class of its refs, a subclass of AgentRef; None is AgentRef itself),
    `accepts` (the types of the messages that it may be sent; None is any).
    """

    policy: Policy | None = None
    strategy: Strategy | str = Strategy.ONE_FOR_ONE
    auto_shutdown: AutoShutdown | str = AutoShutdown.NEVER
    max_children: int | None = None
    stash_capacity: ClassVar[int | None] = None
    use_daemon_thread: ClassVar[bool] = False
    ref_class: ClassVar[type[AgentRef[Any]] | None] = None
    accepts: ClassVar[Any] = None

    _supervises: ClassVar[bool] = False
    _child_specs: Sequence[ChildSpec[Any]] = ()
    _context: Context | None = None
    _urn: str | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for hook in class_hooks:
            hook(cls)

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        """Make an instance; to be overridden freely, and without a call of this one."""

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> AgentRef[Self]:
        """Start an agent without a supervisor, as Pykka does, under the default system.

        `__init__` runs here and may raise, `on_start` runs later on the agent's turn. An error that an asker got leaves
        the agent alive, any other stops it. `pykka.ActorRegistry` knows the agent.
        """
        ref: AgentRef[Self] = _start_unsupervised[0](cls, args, kwargs)
        return ref

    # -- what it knows of itself --------------------------------------------------

    @property
    def context(self) -> Context:
        """What the agent can do and know about itself; raises RuntimeError on an instance that no system started."""
        if self._context is None:
            raise RuntimeError(f"{type(self).__name__} was not started by a system, so it has no context")
        return self._context

    @property
    def actor_ref(self) -> AgentRef[Self]:
        """The agent's own ref."""
        return self.context.ref

    @property
    def actor_urn(self) -> str:  # type: ignore[override]
        """Pykka's unique name of the agent."""
        if self._context is not None:
            return self._context.cell.urn
        if self._urn is None:
            self._urn = uuid.uuid4().urn
        return self._urn

    @property
    def actor_inbox(self) -> Inbox:  # type: ignore[override]
        """Pykka's view of the mailbox."""
        return self.actor_ref.actor_inbox

    @property
    def actor_stopped(self) -> threading.Event:  # type: ignore[override]
        """An event that is set once the agent takes no more messages."""
        return self.actor_ref.actor_stopped

    # -- hooks: Pykka's, with Pykka's defaults ------------------------------------

    def on_start(self) -> None:
        """Run before the first message of each incarnation; what it raises is a failed start."""

    def on_stop(self) -> None:
        """Run after the last message of an incarnation that ends without having failed."""

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Run instead of `on_stop` when the incarnation has failed and is to be replaced or stopped."""

    def on_receive(self, message: Any) -> Any:
        """Handle a message; the return value answers an ask.

        This one makes a dead letter of the message, and answers None, as Pykka's does; to answer with an error, see
        `Context.unhandled`. A `Terminated` that nobody handles is a failure: the agent watched another and cannot go on
        without it.
        """
        if isinstance(message, Terminated):
            raise DeathPactError(message.ref.path, message.reason.value)
        if self._context is not None and not self._context.cell.system.is_default:
            self._context.lose_unhandled(message)
            return None
        return super().on_receive(message)

    def stop(self) -> None:
        """End after the messages that wait already: a normal end. Never blocks."""
        self.actor_ref.stop(block=False)

    def __hash__(self) -> int:
        # That of its ref: Pykka's proxies hash their actor, and are to be equal to ours, which outlive it.
        return object.__hash__(self) if self._context is None else hash(self._context.cell.ref)

    def __str__(self) -> str:
        if self._context is None or self._context.cell.system.is_default:
            return f"{type(self).__name__} ({self.actor_urn})"
        return f"{type(self).__name__} {self._context.path} #{self._context.incarnation}"

    def _around(self, handler: Handler) -> Handler:
        """Give what receives the messages for a handler of this agent: by default the handler itself."""
        return handler

    def _check_rules(self) -> None:
        """Refuse rules for children that make no sense; asked before the first child starts."""
        for name, kind in (("strategy", Strategy), ("auto_shutdown", AutoShutdown)):
            try:
                kind(getattr(self, name))
            except ValueError:
                raise ValueError(f"{name}: one of {', '.join(kind)}, not {getattr(self, name)!r}") from None
        if self.policy is not None and not isinstance(self.policy, Policy):
            raise ValueError(f"policy: a Policy or None, not {self.policy!r}")
        most = self.max_children
        if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 0):
            raise ValueError(f"max_children: a whole number, 0 or more, or None, not {most!r}")

    # -- what pykka.Actor asks of a runtime ---------------------------------------

    @staticmethod
    def _create_actor_inbox() -> Any:
        raise RuntimeError("an agent's mailbox belongs to its cell")

    @staticmethod
    def _create_future() -> AgentFuture[Any]:
        return AgentFuture()

    def _start_actor_loop(self) -> None:
        raise RuntimeError("an agent is run by its system's dispatcher")
