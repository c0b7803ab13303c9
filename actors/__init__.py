"""Supervised actor trees on threads, on Pykka: the names that most programs need."""

from actors._shadow import check_policies

check_policies()

from actors._core.admin import AdminResult, ChildCount, ChildInfo, Outcome
from actors._core.agent import Agent
from actors._core.clock import Clock
from actors._core.commands import State
from actors._core.context import Context
from actors._core.delivery import Delivery
from actors._core.errors import (
    ActorError,
    AgentNotFoundError,
    AgentStoppedError,
    AskCycleError,
    AskDropped,
    AskTimeout,
    Cancelled,
    DeathPactError,
    DeferError,
    HandlerTimeout,
    InterceptionError,
    InvalidMessageError,
    MailboxFullError,
    NameTakenError,
    ReplyError,
    RestartLimitExceeded,
    StartFailedError,
    StashError,
    SystemFailed,
    TooManyChildren,
    TooManyOrphans,
)
from actors._core.events import (
    AgentAbandoned,
    AgentBackingOff,
    AgentFailed,
    AgentRestarted,
    AgentResumed,
    AgentStarted,
    AgentStopped,
    DeadLetter,
    Escalated,
    Event,
    EventStream,
    HookFailed,
    OrphanReturned,
    StartFailed,
    SystemStopped,
)
from actors._core.future import AgentFuture, get_all
from actors._core.interceptors import Interception
from actors._core.mailbox import Mailbox, Overflow
from actors._core.messages import ControlMessage, PipeFailed, ReceiveTimeout, StopReason, Terminated
from actors._core.orphans import Orphan
from actors._core.proxies import AgentProxy
from actors._core.ref import Addressed, AgentRef
from actors._core.replies import Reply
from actors._core.spec import ChildSpec
from actors._core.system import ActorSystem, StopReport
from actors._core.tree import AgentSnapshot, Tree
from actors._core.unsupervised import PykkaRule, default_system, stop_all
from actors.routing import (
    Broadcast,
    Delivered,
    Join,
    Lagged,
    Leave,
    LeaveReason,
    Member,
    MemberJoined,
    MemberLeft,
    Members,
    Router,
    RouterRef,
    Send,
    Subscribe,
    Unsubscribe,
    UnwatchMembers,
    WatchMembers,
)
from actors.supervisor import Supervisor

__version__ = "0.1.0"

__all__ = [
    "ActorError",
    "ActorSystem",
    "Addressed",
    "AdminResult",
    "Agent",
    "AgentAbandoned",
    "AgentBackingOff",
    "AgentFailed",
    "AgentFuture",
    "AgentNotFoundError",
    "AgentProxy",
    "AgentRef",
    "AgentRestarted",
    "AgentResumed",
    "AgentSnapshot",
    "AgentStarted",
    "AgentStopped",
    "AgentStoppedError",
    "AskCycleError",
    "AskDropped",
    "AskTimeout",
    "Broadcast",
    "Cancelled",
    "ChildCount",
    "ChildInfo",
    "ChildSpec",
    "Clock",
    "Context",
    "ControlMessage",
    "DeadLetter",
    "DeathPactError",
    "DeferError",
    "Delivered",
    "Delivery",
    "Escalated",
    "Event",
    "EventStream",
    "HandlerTimeout",
    "HookFailed",
    "Interception",
    "InterceptionError",
    "InvalidMessageError",
    "Join",
    "Lagged",
    "Leave",
    "LeaveReason",
    "Mailbox",
    "MailboxFullError",
    "Member",
    "MemberJoined",
    "MemberLeft",
    "Members",
    "NameTakenError",
    "Orphan",
    "OrphanReturned",
    "Outcome",
    "Overflow",
    "PipeFailed",
    "PykkaRule",
    "ReceiveTimeout",
    "Reply",
    "ReplyError",
    "RestartLimitExceeded",
    "Router",
    "RouterRef",
    "Send",
    "StartFailed",
    "StartFailedError",
    "StashError",
    "State",
    "StopReason",
    "StopReport",
    "Subscribe",
    "Supervisor",
    "SystemFailed",
    "SystemStopped",
    "Terminated",
    "TooManyChildren",
    "TooManyOrphans",
    "Tree",
    "Unsubscribe",
    "UnwatchMembers",
    "WatchMembers",
    "default_system",
    "get_all",
    "stop_all",
]
