"""What can go wrong with names?"""

from __future__ import annotations

from actors._core.errors import AgentNotFoundError, NameTakenError


class AlreadyRegisteredError(NameTakenError):
    """The orchestrator has an agent of that `agent` name already; nothing was changed."""

    def __init__(self, path: str, agent: str) -> None:
        super().__init__(path)
        self.args = (f"agent '{agent}' already registered",)
        self.agent = agent


class AlreadyRunningError(NameTakenError):
    """The agent of that name runs: there is one of each name at a time."""

    def __init__(self, path: str, agent: str) -> None:
        super().__init__(path)
        self.args = (f"agent '{agent}' is already running at {path}",)
        self.agent = agent


class NotRegisteredError(AgentNotFoundError):
    """The orchestrator knows no agent of that name; `agent` is the name."""

    def __init__(self, path: str, agent: str, text: str | None = None) -> None:
        super().__init__(path, text or f"agent not registered: {agent}")
        self.agent = agent


class NotRunningError(AgentNotFoundError):
    """The agent is registered and does not run; `agent` is its name."""

    def __init__(self, path: str, agent: str, text: str | None = None) -> None:
        super().__init__(path, text or f"agent not running: {agent}")
        self.agent = agent
