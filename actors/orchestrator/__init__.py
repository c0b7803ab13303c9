"""How are agents registered by name, started under their parents, and spoken to through a handle?"""

from actors.orchestrator.actions import DefaultSupervisor, SupervisorAction, SupervisorPolicy
from actors.orchestrator.errors import AlreadyRegisteredError, AlreadyRunningError, NotRegisteredError, NotRunningError
from actors.orchestrator.handle import AgentHandle, AgentStatus
from actors.orchestrator.orchestrator import Orchestrator
from actors.orchestrator.ref import OrchestratorRef
from actors.orchestrator.seat import Request, UserMessage
from actors.orchestrator.sub_agent import SubAgent, ToolResult

__all__ = [
    "AgentHandle",
    "AgentStatus",
    "AlreadyRegisteredError",
    "AlreadyRunningError",
    "DefaultSupervisor",
    "NotRegisteredError",
    "NotRunningError",
    "Orchestrator",
    "OrchestratorRef",
    "Request",
    "SubAgent",
    "SupervisorAction",
    "SupervisorPolicy",
    "ToolResult",
    "UserMessage",
]
