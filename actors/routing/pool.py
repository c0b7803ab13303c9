"""What is a pool of routees?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from actors._core.agent import Agent
from actors._core.messages import FrameworkMessage
from actors._core.ref import Addressed, AgentRef
from actors._core.spec import ChildSpec
from actors.routing.picking import Pick, RoundRobin
from actors.routing.pool_ref import PoolRef
from actors.routing.resizing import Resizer
from policies import AutoShutdown, Escalate, Policy, RestartType, Strategy, check_significant


class RouteePool(Agent, Addressed[PoolRef]):
    """A supervisor of agents that do the same work: what is sent to the pool one of them handles, or all do.

    Declared by class attributes, or arguments of the same names. Its routees are children named after the spec: w-1,
    w-2, ... They start in order, before the pool's start is over; a child that is added with `start_child` is one more.
    A restart of the pool starts `size` new ones.

    - `routee`: the spec of each, or its class.
    - `size`: how many to start with; None is the resizer's `lower`.
    - `pick`: who gets a message, see `RoundRobin`, `Random`, `SmallestMailbox`, `ConsistentHashing`, `Broadcasting` and
      `ScatterGather`.
    - `resizer`: whether there are to be more and fewer as the work does, see `Resizer`.
    - `policy`: what a failure of a routee means. By default it escalates, so the pool's supervisor restarts the pool
      with all its routees, and what waited for them is lost; `Restart()` restarts the one that failed, which keeps its
      messages.
    - `strategy`, `max_children`: as of any agent with children.

    A routee that has ended for good gets nothing more and is not replaced; one that is being restarted keeps its
    messages and gets more, unless the strategy looks for somebody better. The pool ends with its last routee, unless it
    has a resizer or that one was taken from it: by `resize` or `terminate_child`. `stop` lets the routees first handle
    what was sent to them; `stop(drain=False)`, and the end of the pool's supervisor, do not.
    """

    ref_class: ClassVar[type[AgentRef[Any]] | None] = PoolRef
    _supervises: ClassVar[bool] = True
    policy: Policy | None = Escalate()
    routee: ChildSpec[Any] | type[Agent] | None = None
    size: int | None = None
    pick: Pick = RoundRobin()
    resizer: Resizer | None = None

    def __init__(
        self,
        routee: ChildSpec[Any] | type[Agent] | None = None,
        size: int | None = None,
        pick: Pick | None = None,
        resizer: Resizer | None = None,
        policy: Policy | None = None,
        strategy: Strategy | str | None = None,
        max_children: int | None = None,
    ) -> None:
        super().__init__()
        given = {
            "routee": routee, "size": size, "pick": pick, "resizer": resizer,
            "policy": policy, "strategy": strategy, "max_children": max_children,
        }  # fmt: skip
        for name, value in given.items():
            if value is not None:
                setattr(self, name, value)

    @property
    def _child_specs(self) -> Sequence[ChildSpec[Any]]:  # type: ignore[override]
        """The routees to start with; asked for by the kernel when the incarnation starts, before the first of them."""
        self._check_rules()
        spec = ChildSpec(self.routee) if isinstance(self.routee, type) else self.routee
        if not isinstance(spec, ChildSpec):
            raise ValueError(f"routee: a ChildSpec or a subclass of Agent, not {spec!r}")
        check_significant(RestartType(spec.restart), spec.significant, AutoShutdown(self.auto_shutdown))
        if not isinstance(self.pick, Pick):
            raise ValueError(f"pick: a strategy such as RoundRobin(), not {self.pick!r}")
        if self.resizer is not None and not isinstance(self.resizer, Resizer):
            raise ValueError(f"resizer: a Resizer or None, not {self.resizer!r}")
        size = self._first_size()
        ref = self.context.ref
        assert isinstance(ref, PoolRef)
        return ref.begin(spec, size, self.pick, self.resizer)

    def _first_size(self) -> int:
        size, resizer = self.size, self.resizer
        if size is None and resizer is not None:
            return resizer.lower
        if type(size) is not int or size < 0:
            raise ValueError(f"size: a whole number of at least 0, not {size!r}")
        if resizer is not None and not resizer.lower <= size <= resizer.upper:
            raise ValueError(f"size: {size} is not between {resizer.lower} and {resizer.upper}, as the resizer has it")
        return size

    def on_receive(self, message: Any) -> Any:
        """Hand on what came while the pool was restarted; everything else goes straight to the routees."""
        if isinstance(message, FrameworkMessage):
            return super().on_receive(message)
        ref = self.context.ref
        assert isinstance(ref, PoolRef)
        # With its ask, if it has one: whoever handles it answers that.
        waited: list[Any] = []
        self.context.set_aside(waited.append)
        ref.hand_on(waited[0])
        return None
