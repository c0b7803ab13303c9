"""How does anybody register, start and find the agents of an orchestrator?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from actors._core.admin import Outcome
from actors._core.errors import AgentStoppedError, AskTimeout, StartFailedError, TooManyChildren
from actors._core.path import check_name
from actors._core.ref import AgentRef
from actors.orchestrator.errors import AlreadyRunningError, NotRunningError
from actors.orchestrator.handle import AgentHandle
from actors.orchestrator.registrations import Registration, Registrations
from actors.orchestrator.seat import base_spec, check_factory

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.mailbox import Mailbox
    from actors._core.spec import ChildSpec
    from actors.orchestrator.orchestrator import Orchestrator  # noqa: F401 - named as text below
    from actors.orchestrator.seat import Factory
    from policies import Policy


class OrchestratorRef(AgentRef["Orchestrator"]):
    """The way to an orchestrator: what is registered belongs to it, and stays through its restarts.

    All methods may be called on any thread, also by the agents that it looks after.
    """

    __slots__ = ("_mailbox", "_registrations")

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self._registrations = Registrations(cell.path)
        self._mailbox: Mailbox | None = None  # what the present incarnation was given, if anything

    # -- names --------------------------------------------------------------------

    def add_agent(
        self,
        name: str,
        factory: Factory,
        *,
        policy: Policy | None = None,
        mailbox: Mailbox | None = None,
        deadline: float | None = None,
        shutdown: float | Literal["infinity", "brutal"] | None = None,
    ) -> None:
        """Register an agent; nothing is started, and the factory is not called.

        `factory` is a callable without arguments that gives a callable which handles requests, or a subclass of Agent,
        or a ChildSpec. `policy` is what a failure of this agent means, None asks its parent's; the others are as of a
        ChildSpec. Raises AlreadyRegisteredError, or ValueError for a bad name or factory.
        """
        self._register(name, None, factory, policy, mailbox=mailbox, deadline=deadline, shutdown=shutdown)

    def add_child(
        self,
        name: str,
        parent: str,
        factory: Factory,
        *,
        policy: Policy | None = None,
        mailbox: Mailbox | None = None,
        deadline: float | None = None,
        shutdown: float | Literal["infinity", "brutal"] | None = None,
    ) -> None:
        """Register an agent that runs as a child of another; as `add_agent`.

        Raises NotRegisteredError where the parent is unknown, which is looked at first.
        """
        check_name(parent)
        self._register(name, parent, factory, policy, mailbox=mailbox, deadline=deadline, shutdown=shutdown)

    def _register(self, name: str, parent: str | None, factory: Factory, policy: Policy | None, **options: Any) -> None:
        check_name(name)
        check_factory(name, factory)
        given = tuple((option, value) for option, value in options.items() if value is not None)
        registration = Registration(name, parent, factory, policy, given)
        self._spec_of(registration, None)  # which refuses what makes no sense
        self._registrations.add(registration)

    def parent_of(self, name: str) -> str | None:
        """Give the name of the parent; None at the top, and for a name that is not registered."""
        return self._registrations.parent_of(name)

    def children_of(self, name: str) -> tuple[str, ...] | None:
        """Give the names of the children in the order of registration; None for a name that is not registered."""
        return self._registrations.children_of(name)

    @property
    def names(self) -> tuple[str, ...]:
        """All registered names, in the order of registration; a snapshot."""
        return self._registrations.names()

    def contains(self, name: str) -> bool:
        """Whether an agent of that name is registered."""
        return name in self._registrations

    def remove(self, name: str) -> tuple[str, ...]:
        """End an agent and those registered under it, children first, and forget them; gives their names in that order.

        The requests in hand are cancelled, those that wait end with AgentStoppedError. Blocks until all have ended;
        each has its `shutdown` seconds. Raises NotRegisteredError.
        """
        names, handles = self._registrations.remove(name)
        for handle in handles:
            handle.cancel()
            handle.ref.stop()
        return names

    # -- agents that run ----------------------------------------------------------

    def spawn(self, name: str) -> AgentHandle:
        """Start the agent of that name, and none of its children; returns once its start has succeeded.

        Runs the factory on this thread, unless the agent has a thread or a deadline of its own. Raises
        NotRegisteredError, AlreadyRunningError, NotRunningError where its parent does not run, StartFailedError,
        TooManyChildren, or AgentStoppedError once the orchestrator has ended.
        """
        registration = self._registrations.get(name)
        parent = self._parent_for(registration)
        handle = AgentHandle(name, _start(parent, self._spec_of(registration, parent)))
        if not self._registrations.note_started(registration, handle):
            handle.cancel()
            self._registrations.get(name)
            raise AgentStoppedError(f"{handle.ref.path} was removed while it started", path=handle.ref.path)
        return handle

    def handle(self, name: str) -> AgentHandle:
        """Give the handle of the running agent of that name; raises NotRegisteredError or NotRunningError."""
        handle = self._registrations.handle(name)
        if handle is None or handle.is_done:
            raise NotRunningError(self._path_of(name), name)
        return handle

    def shutdown(self, timeout: float | None = None) -> bool:
        """Have each agent work off what waits for it and end, children before parents, then end the orchestrator.

        Blocks, at most `timeout` seconds for all together; what is not done by then is ended as by `stop(drain=False)`.
        Tells whether all was worked off in time.
        """
        clock = self._cell.system.clock
        deadline = None if timeout is None else clock.now() + timeout
        in_time = True
        for handle in self._registrations.handles():
            try:
                handle.ref.stop(timeout=None if deadline is None else max(0.0, deadline - clock.now()))
            except AskTimeout:
                in_time = False
                break
        self.stop(drain=False)
        return in_time

    # -- how they are started -----------------------------------------------------

    def _path_of(self, name: str) -> str:
        above: list[str] = [name]
        while (parent := self._registrations.parent_of(above[0])) is not None:
            above.insert(0, parent)
        return "/".join((self.path, *above))

    def _parent_for(self, registration: Registration) -> AgentRef[Any]:
        name = registration.parent
        if name is None:
            return self
        handle = self._registrations.handle(name)
        if handle is None or handle.is_done:
            raise NotRunningError(self._path_of(name), name, f"parent agent '{name}' is not running")
        return handle.ref

    def _spec_of(self, registration: Registration, parent: AgentRef[Any] | None) -> ChildSpec[Any]:
        """Give the spec of an agent that is to be a child of `parent`."""
        ours = self._cell.family_policy
        spec = base_spec(registration.name, registration.factory, ours)
        options: dict[str, Any] = dict(registration.options)
        options.setdefault("mailbox", spec.mailbox or self._mailbox or self.actor_class.mailbox)
        policy = registration.policy or spec.policy
        if policy is None and parent is not self and getattr(_instance(parent), "policy", None) is None:
            policy = ours  # the parent says nothing about its children: what holds for all holds for them
        return replace(spec, name=registration.name, policy=policy, **options)

    def __repr__(self) -> str:
        policy = self._cell.family_policy
        mailbox = self._mailbox or self.actor_class.mailbox
        return f"<OrchestratorRef {self.path} agents={list(self.names)} policy={policy} mailbox={mailbox}>"


def _instance(ref: AgentRef[Any] | None) -> Any:
    return None if ref is None else ref._actor_weakref()


def _start(parent: AgentRef[Any], spec: ChildSpec[Any]) -> AgentRef[Any]:
    name = str(spec.name)
    while True:
        result = parent.start_child(spec)
        match result.outcome:
            case Outcome.OK:
                assert result.ref is not None
                return result.ref
            case Outcome.ALREADY_PRESENT:
                # It ran before and has ended: what was kept of it may be out of date.
                parent.delete_child(name)
            case Outcome.MAX_CHILDREN:
                raise TooManyChildren(parent.path, parent._cell.most_children or 0)
            case Outcome.START_FAILED:
                assert isinstance(result.error, StartFailedError)
                raise result.error
            case _:
                raise AlreadyRunningError(f"{parent.path}/{name}", name)
