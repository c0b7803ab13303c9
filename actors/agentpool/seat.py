"""What does an agent of a pool have from its pool?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.here import here
from actors.agentpool.entry import Entry, entry_of
from actors.agentpool.saying import record_of
from actors.agentpool.stream import StreamEvent
from actors.guard.cancel import CancelToken

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.context import Context
    from actors.agentpool.ref import AgentPoolRef


class Seat:
    """An agent's place in its pool; used by the agent, `stream` and `spend` also on threads that help it."""

    __slots__ = ("_context", "_entry", "pool")

    def __init__(self, pool: AgentPoolRef, context: Context, entry: Entry) -> None:
        self.pool = pool
        self._context = context
        self._entry = entry

    @property
    def id(self) -> int:
        """Its number in the pool, from 1 on."""
        return self._entry.id

    @property
    def name(self) -> str:
        return self._context.name

    @property
    def path(self) -> str:
        return self._context.path

    @property
    def context(self) -> Context:
        """The context of the agent: `check()`, `cancelled`, `heartbeat()`."""
        return self._context

    @property
    def query(self) -> Any:
        """What it was spawned for."""
        config = self._entry.config
        return None if config is None else config.query

    @property
    def key(self) -> Any:
        """The key of what it works on; None if it was given none."""
        config = self._entry.config
        return None if config is None else config.key

    @property
    def iterations(self) -> int | None:
        """How many turns its loop may take at most, by whoever spawned it; None leaves it to its own quota."""
        config = self._entry.config
        return None if config is None else config.iterations

    @property
    def depth(self) -> int:
        """How many agents of pools it comes from: 0 where it was spawned by none."""
        return self._entry.depth

    @property
    def memory(self) -> Any:
        """The pool's memory, of this agent alone where it can be scoped (`memory.of(scope)`); None without one.

        The scope is the path of an agent that was given a name, as were those of pools that it comes from: it finds
        there what one of that path remembered before, in an earlier run of the program as well. A number says nothing
        of who somebody is, so what nameless ones remember is of this run of the pool alone.
        """
        memory = self.pool.settings.memory
        return memory.of(self._scope) if hasattr(memory, "of") else memory

    @property
    def _scope(self) -> str:
        cell: Cell | None = self._context.cell
        while cell is not None:
            entry = entry_of(cell)
            if entry is not None and entry.config is not None and entry.config.name is None:
                return f"{self.path} of run {self.pool.run}"
            cell = cell.parent
        return self.path

    @property
    def tools(self) -> Any:
        """What the pool's `tool_builder(seat)` gave; built once, when the agent first asks, on its own thread."""
        entry, builder = self._entry, self.pool.settings.tool_builder
        if not entry.has_tools:
            entry.tools = () if builder is None else builder(self)
            entry.has_tools = True
        return entry.tools

    @property
    def token(self) -> CancelToken:
        """Cancelled when the agent is aborted, or its pool ends; what `token.hold(future)` holds ends with it."""
        return self._entry.token

    def stream(self, event: Any) -> None:
        """Say something while working: the pool's `on_stream` gets it as a StreamEvent, and the log its text, cut.

        Never blocks, whoever reads. Raises Cancelled once the agent has ended or was abandoned.
        """
        context = self._context
        told = {"path": self.path, "agent_id": self.path, "incarnation": context.incarnation}
        context.emit(record_of(event).model_copy(update=told))
        self.pool.stream(StreamEvent(self.id, self.path, context.incarnation, context.system.clock.now(), event))

    def spend(self, usage: Any) -> None:
        """Say what was used; the sum, by `+`, is the `usage` of the result, also of an agent that was aborted."""
        self.pool.books.spend(self._entry, usage)

    def own_pool(self, max_agents: int | None = None) -> AgentPoolRef:
        """Give the pool of this agent's own, below it, which is like the one it sits in; made when first asked for.

        It ends with the agent. Used on the agent's own turn. `max_agents` is by default that of the pool above.
        """
        present = self._context.children.get("pool")
        return self.pool.make_below(self._context, max_agents) if present is None else present  # type: ignore[return-value]

    def __repr__(self) -> str:
        return f"<Seat {self.id} {self.path}>"


def seat_of(context: Context) -> Seat | None:
    """Give the seat of an agent; None for one that no pool has spawned."""
    cell = context.cell
    entry, parent = entry_of(cell), cell.parent
    if entry is None or entry.config is None or parent is None:
        return None
    entry.cell = cell  # known to those that it speaks to, although its start may not be over
    return Seat(parent.ref, context, entry)  # type: ignore[arg-type]


def current_seat() -> Seat:
    """Give the seat of the agent whose code runs on this thread; for functions. Raises RuntimeError without one."""
    context = here.context
    seat = None if context is None else seat_of(context)
    if seat is None:
        raise RuntimeError("no agent that a pool has spawned runs on this thread")
    return seat


def nearest_entry(cell: Cell | None) -> Entry | None:
    """Give the entry of an agent, or of the first above it that a pool has spawned."""
    while cell is not None:
        entry = entry_of(cell)
        if entry is not None and entry.config is not None:
            return entry
        cell = cell.parent
    return None
