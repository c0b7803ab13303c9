"""What is an orchestrator?"""

from __future__ import annotations

from typing import Any, ClassVar

from actors._core.agent import Agent
from actors._core.mailbox import Mailbox
from actors._core.ref import Addressed, AgentRef
from actors.orchestrator.actions import DefaultSupervisor
from actors.orchestrator.ref import OrchestratorRef
from policies import Policy


class Orchestrator(Agent, Addressed[OrchestratorRef]):
    """A supervisor of agents that are registered by name, and started when they are asked for.

    Names are unique over the whole tree; an agent registered with a parent runs as a child of that parent, so what
    ends the parent ends it first, and what it escalates reaches the parent. There is one running agent of each name.

    Declared by class attributes, or arguments of the same names, which hold for all agents, whenever registered:

    - `policy`: what a failure of an agent means, unless its registration, or its parent's own `policy`, says otherwise.
    - `mailbox`: that of each agent, unless its registration says otherwise: by default 32 requests may wait, and
      one more is refused with MailboxFullError; `Mailbox(32, "block")` has its sender wait for room.
    - `max_children`: how many agents may run at the top.

    A restart of the orchestrator ends its agents and starts none; what is registered stays.
    """

    ref_class: ClassVar[type[AgentRef[Any]] | None] = OrchestratorRef
    _supervises: ClassVar[bool] = True
    policy: Policy | None = DefaultSupervisor()
    mailbox: Mailbox = Mailbox(32)

    def __init__(
        self, policy: Policy | None = None, mailbox: Mailbox | None = None, max_children: int | None = None
    ) -> None:
        super().__init__()
        if policy is not None:
            self.policy = policy
        if max_children is not None:
            self.max_children = max_children
        if mailbox is not None and not isinstance(mailbox, Mailbox):
            raise ValueError(f"mailbox: a Mailbox or None, not {mailbox!r}")
        self._check_rules()
        ref = self.context.ref
        assert isinstance(ref, OrchestratorRef)
        ref._mailbox = mailbox
