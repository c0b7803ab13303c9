"""How does a message reach agents by name, all of a group, or those that want its topic?"""

from actors.routing.bus import MessageBus, Subscription
from actors.routing.directory import Directory
from actors.routing.endpoint import Endpoint
from actors.routing.picking import (
    Broadcasting,
    Chooser,
    ConsistentHashing,
    Pick,
    Random,
    RoundRobin,
    ScatterGather,
    SmallestMailbox,
)
from actors.routing.pool import RouteePool
from actors.routing.pool_ref import PoolRef
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
from actors.routing.resizing import Resizer
from actors.routing.routees import Routee
from actors.routing.router import Router

__all__ = [
    "Broadcast",
    "Broadcasting",
    "Chooser",
    "ConsistentHashing",
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
    "MessageBus",
    "Pick",
    "PoolRef",
    "Random",
    "Resizer",
    "RoundRobin",
    "Routee",
    "RouteePool",
    "Router",
    "RouterRef",
    "ScatterGather",
    "Send",
    "SmallestMailbox",
    "Subscribe",
    "Subscription",
    "Unsubscribe",
    "UnwatchMembers",
    "WatchMembers",
]
