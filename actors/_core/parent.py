"""How does an agent get children, and what does it say of them?"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from actors._core.abandonment import Abandoned
from actors._core.commands import Start
from actors._core.errors import AgentStoppedError, Cancelled, NameTakenError, StartFailedError
from actors._core.future import Ask
from actors._core.here import before_acting, begin_wait, end_wait, fence, here
from actors._core.life import begin, construct, new_context, run_code
from actors._core.path import check_name
from actors._core.place import DEEPEST, Place, making
from actors._core.ref import AgentRef
from actors._core.spec import ChildSpec
from actors._core.supervision import Down, Family, Rules
from policies import AutoShutdown, Policy, Restart, Strategy, check_significant

if TYPE_CHECKING:
    from actors._core.agent import Agent
    from actors._core.cell import Cell

_DEFAULT_POLICY = Restart()


class Parent(Place):
    """A place with places below it."""

    __slots__ = ()

    # -- children -----------------------------------------------------------------

    def own_family(self) -> Family:
        """Give the books of its children; raises AgentStoppedError once it has ended."""
        with making:
            if self.family is None:
                if self.final:
                    raise AgentStoppedError(f"{self.path} has stopped: it takes no children", path=self.path)
                self.family = Family(self.cell)
            return self.family

    def spawn(self, agent: Any, args: tuple[Any, ...], name: str | None, kwargs: Mapping[str, Any]) -> AgentRef[Any]:
        """Start a child from a class and its arguments, or from one spec."""
        if isinstance(agent, ChildSpec):
            if args or kwargs or name is not None:
                raise ValueError(f"spawn takes either a ChildSpec alone or a class with its arguments: {agent!r:.100}")
            spec = agent
        else:
            spec = ChildSpec.plain(agent, args, kwargs)
            if name is not None:
                check_name(name)
        return self.start_child(spec, name or spec.name, kept=False).ref

    def make_child(self, name: str | None, spec: ChildSpec[Any], kept: bool) -> Cell:
        """Make the cell of a child; it is in nobody's books yet."""
        cell: Any = type(self)
        child: Cell = cell(self.system, self, name or self._make_name(spec.agent), spec, kept)
        return child

    def _make_name(self, agent: type[Agent]) -> str:
        family = self.family
        while True:
            name = self.system.make_name(agent)
            # A sibling may have been given just that name.
            if family is None or family.get(name) is None:
                return name

    def start_static(self, spec: ChildSpec[Any]) -> None:
        """Start a child that the agent's class declares, unless it lived through the restart."""
        while spec.name is None or not isinstance(self.own_family().get(spec.name), Place):
            # Somebody else may be faster, and start a child of that name.
            with contextlib.suppress(NameTakenError):
                self.start_child(spec, spec.name, kept=True)
                return

    def start_child(self, spec: ChildSpec[Any], name: str | None, kept: bool) -> Cell:
        """Start a child and wait until its `on_start` has succeeded.

        Raises StartFailedError, or ValueError where it is significant and nothing would come of that.
        """
        if fence.raised:
            before_acting()
        agent = None if self.context is None else self.context.agent
        if self.family is None and agent is not None:
            agent._check_rules()
        family = self.own_family()
        if spec.significant:
            check_significant(spec.restart, True, self.auto_shutdown)
        child = self.make_child(name, spec, kept)
        child.revived = kept and isinstance(family.get(child.name), Down)
        family.admit(child, self.most_children)
        here_and_now = child.inline and here.depth < DEEPEST
        error = child._start_here() if here_and_now else child._start_elsewhere()
        if error is not None:
            if isinstance(error, KeyboardInterrupt):
                raise error
            raise StartFailedError(child.path, error) from error
        return child

    def start_unsupervised(self, spec: ChildSpec[Any]) -> Cell:
        """Start a child as Pykka does: `__init__` here, `on_start` on its own turn; nobody waits for it."""
        if fence.raised:
            before_acting()
        child = self.make_child(None, spec, False)
        self.own_family().admit(child)
        try:
            context = new_context(child, None)
            run_code(context, "__init__", construct, context)
            child.system.agent_begins(child)
        except Abandoned:
            # It has been ended meanwhile, on another thread.
            raise AgentStoppedError(f"{child.path} was abandoned while it started", path=child.path) from None
        except BaseException as error:
            child.first_start_failed(error)
            raise
        child.control_lane().append(Start())
        child.dispatcher.put(child)
        return child

    def _start_here(self) -> BaseException | None:
        outer = here.context
        if outer is not None:
            outer.cell.waiting = self.cell
        try:
            error = begin(self.cell, None)
        except Abandoned:
            return AgentStoppedError(f"{self.path} was abandoned while it started", path=self.path)
        finally:
            if outer is not None:
                end_wait(outer.cell, self.cell)
        if error is not None:
            self.cell.first_start_failed(error)
            return error
        self.give_back()
        return None

    def _start_elsewhere(self) -> BaseException | None:
        done: Ask[Any] = Ask(None, self.cell, here.context, None)
        context = here.context
        if context is not None:
            # Before it runs: if it asks this agent as it starts, it is the one that is told of the cycle.
            try:
                begin_wait(context.cell, done)
            except Cancelled as abandoned:
                # Just now, and the child is in the books already: nobody is to wait for it there.
                self.cell.first_start_failed(abandoned)
                raise
        try:
            self.control_lane().append(Start(done=done))
            self.dispatcher.put(self)
            self.system.pool.make_room()
            error = done.wait_quietly()
        finally:
            if context is not None:
                end_wait(context.cell, done)
        if error is None and not self.incarnation:
            # Not where it has ended by now: it may have started, and ended before this thread was awake.
            return AgentStoppedError(f"{self.path} was stopped before it had started", path=self.path)
        return error  # type: ignore[no-any-return]

    # -- what the agent says of its children --------------------------------------

    @property
    def _ruler(self) -> Agent | Rules | None:
        # In this order: the rules are kept before the agent is let go.
        agent = None if self.context is None else self.context.agent
        rules = None if self.family is None else self.family.rules
        return agent if rules is None else rules

    @property
    def family_policy(self) -> Policy:
        agent = self._ruler
        policy = agent.policy if agent is not None else self.spec.agent.policy
        return _DEFAULT_POLICY if policy is None else policy

    @property
    def known_policy(self) -> Policy | None:
        """What decides about its failures, for those who look; None where the parent cannot say."""
        policy = self.spec.policy
        parent = self.parent
        if policy is not None or parent is None:
            return policy
        try:
            return parent.family_policy
        except BaseException:  # the parent may compute it
            return None

    @property
    def family_strategy(self) -> Strategy:
        agent = self._ruler
        return Strategy(agent.strategy if agent is not None else self.spec.agent.strategy)

    @property
    def auto_shutdown(self) -> AutoShutdown:
        agent = self._ruler
        return AutoShutdown.NEVER if agent is None else AutoShutdown(agent.auto_shutdown)

    @property
    def most_children(self) -> int | None:
        agent = self._ruler
        return None if agent is None else agent.max_children
