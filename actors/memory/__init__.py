"""What does an agent remember, and who else sees it?"""

from actors.memory.local import LocalMemory
from actors.memory.memory import SHARED, AgentMemory, Memory, Recollection
from actors.memory.sqlite import NotAMemoryError, SqliteMemory

__all__ = [
    "SHARED",
    "AgentMemory",
    "LocalMemory",
    "Memory",
    "NotAMemoryError",
    "Recollection",
    "SqliteMemory",
]
