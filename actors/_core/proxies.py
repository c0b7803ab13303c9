"""How are an agent's methods and attributes used from outside?

A proxy holds a ref and no agent: what it offers is looked up in the present incarnation at each use, and what it sends
is a message like any other. A request that the agent cannot understand is its caller's error, not a failure.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from actors._core._pykka import (
    ActorDeadError,
    ActorProxy,
    AttrInfo,
    CallableProxy,
    ProxyCall,
    ProxyGetAttr,
    ProxySetAttr,
    get_attr_directly,
    introspect_attrs,
)
from actors._core.errors import AgentStoppedError

if TYPE_CHECKING:
    from actors._core.agent import Agent
    from actors._core.ref import AgentRef

A = TypeVar("A", bound="Agent")
AttrPath = tuple[str, ...]


class BadRequest(Exception):
    """The request asks for what the agent has not got; `error` is what its sender is told."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


def _call(agent: Any, message: ProxyCall) -> Any:
    callee = _walk(agent, message.attr_path)
    try:
        return callee(*message.args, **message.kwargs)
    except TypeError as error:
        if _is_the_callers(error, frames=1):
            raise BadRequest(error) from error
        raise


def _get(agent: Any, message: ProxyGetAttr) -> Any:
    return _walk(agent, message.attr_path)


def _set(agent: Any, message: ProxySetAttr) -> None:
    parent = _walk(agent, message.attr_path[:-1])
    try:
        setattr(parent, message.attr_path[-1], message.value)
    except AttributeError as error:
        if _is_the_callers(error, frames=1):
            raise BadRequest(error) from error
        raise


def _walk(agent: Any, path: AttrPath) -> Any:
    try:
        return get_attr_directly(agent, path)
    except AttributeError as error:
        if _is_the_callers(error, frames=2):
            raise BadRequest(error) from error
        raise


def _is_the_callers(error: BaseException, frames: int) -> bool:
    """Whether the error arose in the request itself: no frame of the agent's own code is below."""
    return sum(1 for _ in traceback.walk_tb(error.__traceback__)) <= frames


# What to do with each of Pykka's proxy messages.
HANDLERS: dict[type, Callable[[Any, Any], Any]] = {ProxyCall: _call, ProxyGetAttr: _get, ProxySetAttr: _set}


class AgentProxy(ActorProxy[A], Generic[A]):
    """A `pykka.ActorProxy` that pins no agent and goes on working through restarts."""

    actor_ref: AgentRef[A]
    _sub_proxies: dict[AttrPath, Any]

    def __init__(self, *, actor_ref: AgentRef[A], attr_path: AttrPath | None = None) -> None:
        if not actor_ref.is_alive():
            raise AgentStoppedError(f"{actor_ref} not found", path=actor_ref.path)
        self.actor_ref = actor_ref
        self._attr_path = attr_path or ()
        self._sub_proxies = {}
        self._known: tuple[int, dict[AttrPath, AttrInfo]] = (0, {})
        # Looked at once, so that a proxy to itself is warned of when it is made, as Pykka does.
        _ = self._known_attrs

    @property
    def _actor(self) -> Any:  # type: ignore[override]
        agent = self.actor_ref._actor_weakref()
        if agent is None:
            raise ActorDeadError(f"{self.actor_ref} has no running incarnation")
        return agent

    @property
    def _known_attrs(self) -> dict[AttrPath, AttrInfo]:  # type: ignore[override]
        incarnation = self.actor_ref.incarnation
        known_in, known = self._known
        if known_in != incarnation or not known:
            agent = self.actor_ref._actor_weakref()
            if agent is not None or not known:
                # Between two incarnations there is what the class gives any of them.
                root = object.__new__(self.actor_ref.actor_class) if agent is None else agent
                known = introspect_attrs(root=root, proxy=self)
            self._known = (incarnation if agent is not None else 0, known)
        return known

    def __eq__(self, other: object) -> bool:
        # Pykka's own kind of proxy may have been made for the same agent: it is equal, and `Agent` sees to its hash.
        if not isinstance(other, ActorProxy):
            return False
        return self.actor_ref is other.actor_ref and self._attr_path == other._attr_path

    def __hash__(self) -> int:
        return hash((self.actor_ref, self._attr_path))

    def __getattr__(self, name: str) -> Any:
        path: AttrPath = (*self._attr_path, name)
        info = self._known_attrs.get(path)
        if info is None:
            # It may have come since the last look.
            self._known = (0, {})
            info = self._known_attrs.get(path)
        if info is None:
            raise AttributeError(f"{self} has no attribute {name!r}")
        if info.callable:
            return self._sub(path, CallableProxy)
        if info.traversable:
            return self._sub(path, AgentProxy)
        return self.actor_ref.ask(ProxyGetAttr(attr_path=path), block=False)

    def _sub(self, path: AttrPath, kind: Any) -> Any:
        proxy = self._sub_proxies.get(path)
        if not isinstance(proxy, kind):
            proxy = self._sub_proxies[path] = kind(actor_ref=self.actor_ref, attr_path=path)
        return proxy
