"""How does a message reach agents by name, all of a group, or those that want its topic?"""

from actors.routing.directory import Directory
from actors.routing.endpoint import Endpoint
from actors.routing.protocol import (
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
    Send,
    Subscribe,
    Unsubscribe,
    UnwatchMembers,
    WatchMembers,
)
from actors.routing.ref import RouterRef
from actors.routing.router import Router

__all__ = [
    "Broadcast",
    "Delivered",
    "Directory",
    "Endpoint",
    "Join",
    "Lagged",
    "Leave",
    "LeaveReason",
    "Member",
    "MemberJoined",
    "MemberLeft",
    "Members",
    "Router",
    "RouterRef",
    "Send",
    "Subscribe",
    "Unsubscribe",
    "UnwatchMembers",
    "WatchMembers",
]
