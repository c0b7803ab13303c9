"""How does an agent work with a language model, whichever it is?"""

from actors.models.agent import ModelAgent
from actors.models.driver import ModelDriver
from actors.models.errors import (
    AuthFailed,
    BadToolInput,
    CapabilityDenied,
    ContextOverflow,
    InferenceFailed,
    ModelError,
    ModelNotFound,
    NetworkError,
    Overloaded,
    RateLimited,
    ToolError,
    ToolFailed,
    ToolTimeout,
    UnknownTool,
)
from actors.models.loop import Around, LoopResult, ModelLoop
from actors.models.openai_driver import OpenAIDriver
from actors.models.retrying import Retrying
from actors.models.scripted import Answer, ScriptedDriver, ScriptOver, calls
from actors.models.stream import (
    ContentComplete,
    DriverEvent,
    LoopEvent,
    PhaseChange,
    StreamRestarted,
    TextDelta,
    ToolResult,
    ToolUseEnd,
    ToolUseStart,
    Warned,
    gathered,
    pieces_of,
    shortened,
)
from actors.models.talk import Caller, ChatMessage, Completion, Request, ToolCall, ToolSpec, ask
from actors.models.tools import Tool, Toolbox
from actors.models.working import model_work

__all__ = [
    "Answer",
    "Around",
    "AuthFailed",
    "BadToolInput",
    "Caller",
    "CapabilityDenied",
    "ChatMessage",
    "Completion",
    "ContentComplete",
    "ContextOverflow",
    "DriverEvent",
    "InferenceFailed",
    "LoopEvent",
    "LoopResult",
    "ModelAgent",
    "ModelDriver",
    "ModelError",
    "ModelLoop",
    "ModelNotFound",
    "NetworkError",
    "OpenAIDriver",
    "Overloaded",
    "PhaseChange",
    "RateLimited",
    "Request",
    "Retrying",
    "ScriptOver",
    "ScriptedDriver",
    "StreamRestarted",
    "TextDelta",
    "Tool",
    "ToolCall",
    "ToolError",
    "ToolFailed",
    "ToolResult",
    "ToolSpec",
    "ToolTimeout",
    "ToolUseEnd",
    "ToolUseStart",
    "Toolbox",
    "UnknownTool",
    "Warned",
    "ask",
    "calls",
    "gathered",
    "model_work",
    "pieces_of",
    "shortened",
]
