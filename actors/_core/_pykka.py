"""Which names of Pykka does the kernel rely on?

All of them are imported here and nowhere else, private seams included, so that a new Pykka is one file to check.
Tested with Pykka 4.5. The private seams are:

- `pykka.messages._ActorStop`: what `pykka.Actor.stop` tells an actor; an agent that is told one stops.
- `pykka._introspection`: how a proxy finds the attributes of an actor and how an actor walks to one.
- `ActorRef._actor_weakref`, `Future._get_hook`: read by Pykka's own proxies and futures, so ours have them.
"""

from __future__ import annotations

from pykka import (
    Actor,
    ActorDeadError,
    ActorProxy,
    ActorRef,
    ActorRegistry,
    CallableProxy,
    Future,
    Timeout,
    traversable,
)
from pykka._introspection import AttrInfo, get_attr_directly, introspect_attrs
from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr
from pykka.messages import _ActorStop as ActorStop

__all__ = [
    "Actor",
    "ActorDeadError",
    "ActorProxy",
    "ActorRef",
    "ActorRegistry",
    "ActorStop",
    "AttrInfo",
    "CallableProxy",
    "Future",
    "ProxyCall",
    "ProxyGetAttr",
    "ProxySetAttr",
    "Timeout",
    "get_attr_directly",
    "introspect_attrs",
    "traversable",
]
