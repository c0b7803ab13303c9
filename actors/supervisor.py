"""What is an agent that only supervises?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from actors._core.agent import Agent
from actors._core.spec import ChildSpec
from policies import AutoShutdown, Policy, RestartType, Strategy, check_significant


class Supervisor(Agent):
    """An agent with children by declaration: class attributes, or arguments of the same names.

    Its children start in order, before its start is over; if one does not start, those before it are stopped in
    reverse and the supervisor's start fails with the child's StartFailedError. A restart starts the declared children
    again, and none that were added.

    - `children`: the specs, in start order.
    - `policy`: what a failure of a child means; None is `Restart()`.
    - `strategy`: one_for_one, one_for_all or rest_for_one.
    - `auto_shutdown`: never, any_significant or all_significant: whether the end of significant children ends it.
    - `max_children`: how many children it may have, see `TooManyChildren`; None is without limit.
    """

    _supervises: ClassVar[bool] = True
    children: Sequence[ChildSpec[Any]] = ()

    def __init__(
        self,
        children: Sequence[ChildSpec[Any]] | None = None,
        strategy: Strategy | str | None = None,
        policy: Policy | None = None,
        auto_shutdown: AutoShutdown | str | None = None,
        max_children: int | None = None,
    ) -> None:
        super().__init__()
        if children is not None:
            self.children = children
        if strategy is not None:
            self.strategy = strategy
        if policy is not None:
            self.policy = policy
        if auto_shutdown is not None:
            self.auto_shutdown = auto_shutdown
        if max_children is not None:
            self.max_children = max_children

    @property
    def _child_specs(self) -> Sequence[ChildSpec[Any]]:  # type: ignore[override]
        if not isinstance(self.children, Sequence):
            # An iterator would be empty at the next restart.
            raise ValueError(f"children: a list or tuple of ChildSpecs, not {self.children!r}")
        specs = tuple(self.children)
        self._check(specs)
        return specs

    def _check(self, specs: tuple[Any, ...]) -> None:
        """Refuse what makes no sense before anything starts."""
        self._check_rules()
        names: set[str] = set()
        for spec in specs:
            if not isinstance(spec, ChildSpec):
                raise ValueError(f"children: each a ChildSpec, not {spec!r}")
            if spec.name is not None and spec.name in names:
                raise ValueError(f"children: two are named {spec.name!r}")
            names.add(spec.name or "")
            check_significant(RestartType(spec.restart), spec.significant, AutoShutdown(self.auto_shutdown))
