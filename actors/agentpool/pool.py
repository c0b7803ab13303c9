"""How does a program have agents do one piece of work each, so many at a time?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from actors._core.agent import Agent
from actors._core.ref import Addressed, AgentRef
from actors.agentpool.ref import AgentPoolRef
from actors.agentpool.settings import Reader, Settings
from actors.agentpool.stream import Flush
from actors.agentpool.values import KEPT, POLICY
from policies import Policy


class AgentPool(Agent, Addressed[AgentPoolRef]):
    """A supervisor of agents that each do one piece of work and end, never more than `max_agents` at a time.

    All is done with its ref, see `AgentPoolRef`; its own turn only calls `on_stream`.

    - `max_agents`: how many may run; children of any kind count, those of `start_child` too. 0 refuses all.
    - `when_full`: "reject" refuses what has no place, "queue" has it wait, at most `queue` of them (None: any number).
      What an agent of the pool itself spawns never waits: it would wait for a place that its own asker has.
    - `memory`: what agents remember with; each gets its own part, by its path if it has a name, see `Seat.memory`.
    - `tool_builder`: a callable that takes a Seat and gives that agent's tools.
    - `on_stream`: a callable, or the ref of an agent, that gets each StreamEvent; one at a time, on the pool's turn.
      What is slow, or fails, loses events, and holds up nobody.
    - `max_depth`: how many agents an agent of the pool may come from, one spawned by the other; None is no limit.
    - `policy`: what a failure means. By default an error that is `retryable`, a TimeoutError or a ConnectionError
      restarts the agent, which then runs its query again, at most 3 times an hour; any other ends it. One that has
      used up what it may use (`guard.Exhausted`) ends by itself then: that is no failure.
    - `keep_results`: how many results it keeps that nobody has collected; then the oldest are lost, which the log says
      once, and `lost_results` counts.

    A pool that is restarted ends what runs (stopped), and goes on with what waits; its ids go on growing.
    """

    ref_class: ClassVar[type[AgentRef[Any]] | None] = AgentPoolRef
    _supervises: ClassVar[bool] = True
    policy: Policy | None = POLICY

    def __init__(
        self,
        max_agents: int = 4,
        when_full: Literal["reject", "queue"] = "reject",
        queue: int | None = None,
        memory: Any = None,
        tool_builder: Callable[[Any], Any] | None = None,
        on_stream: Reader | AgentRef[Any] | None = None,
        max_depth: int | None = None,
        policy: Policy | None = None,
        keep_results: int = KEPT,
    ) -> None:
        super().__init__()
        if policy is not None:
            self.policy = policy
        self._settings = Settings(
            max_agents, when_full, queue, memory, tool_builder, on_stream, max_depth, policy, keep_results
        )
        self._ref.begin(self.context, self._settings)

    @property
    def _ref(self) -> AgentPoolRef:
        ref = self.context.ref
        assert isinstance(ref, AgentPoolRef)
        return ref

    @property
    def max_children(self) -> int | None:  # type: ignore[override]
        """The bound at present, for the kernel, which knows of children that are none of the ref's, too.

        Whoever has a place already is let in, although there may be fewer by now.
        """
        return max(self._ref.max_agents, self._ref.active_count)

    def on_start(self) -> None:
        self._ref.go_on()

    def on_receive(self, message: Any) -> Any:
        """Hand what agents have said to the reader; a pool understands nothing else."""
        if not isinstance(message, Flush):
            return super().on_receive(message)
        self._flush()
        return None

    def on_stop(self) -> None:
        self._flush()

    def _flush(self) -> None:
        reader = self._settings.reader
        if reader is not None:
            self._ref.hand_over(reader)
