"""How do agents do one piece of work each, so many at a time, and how is what comes of it collected?"""

from actors.agentpool.agent import FunctionAgent, PoolAgent
from actors.agentpool.errors import KeyTakenError, PoolFullError, SpawnDepthError
from actors.agentpool.pool import AgentPool
from actors.agentpool.ref import AgentPoolRef
from actors.agentpool.seat import Seat, current_seat
from actors.agentpool.spawning import SpawnAgentTool, SpawnToolError, spawn_agent
from actors.agentpool.stream import StreamEvent, StreamLagged
from actors.agentpool.values import INBOX, Joined, PoolResult, SpawnConfig, Status

__all__ = [
    "INBOX",
    "AgentPool",
    "AgentPoolRef",
    "FunctionAgent",
    "Joined",
    "KeyTakenError",
    "PoolAgent",
    "PoolFullError",
    "PoolResult",
    "Seat",
    "SpawnAgentTool",
    "SpawnConfig",
    "SpawnDepthError",
    "SpawnToolError",
    "Status",
    "StreamEvent",
    "StreamLagged",
    "current_seat",
    "spawn_agent",
]
