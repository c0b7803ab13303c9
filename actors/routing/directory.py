"""Who is a member, and who wants what of a topic?

Written by the router alone, on its turn; read by whoever sends, on its own thread. So a send waits neither for the
router nor for its mailbox, and the members are there while the router is restarted.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from actors.routing.endpoint import Endpoint
from actors.routing.topics import Subscription, is_pattern, topic_matches

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors._core.future import AgentFuture
    from actors._core.ref import AgentRef
    from actors.routing.protocol import Where

Route = tuple[Endpoint, tuple[Subscription, ...]]
"""One member, with those of its subscriptions that a topic meets."""

_MOST_TOPICS = 1024  # whose routes are kept


class Directory:
    """The members of one router, in the order in which they joined, and their subscriptions.

    A change is seen by every send that begins after it. `members` may be read on any thread without a lock, one item at
    a time; what needs all of it takes `everybody`, a tuple that is made again when it is first needed after a change.
    """

    __slots__ = ("_everybody", "_exact", "_lock", "_names", "_patterns", "_routes", "members", "watchers")

    def __init__(self) -> None:
        self.members: dict[str, Endpoint] = {}
        self.watchers: dict[AgentRef[Any], dict[str | None, None]] = {}  # the router's alone
        self._names: dict[AgentRef[Any], dict[str, None]] = {}  # the router's alone
        self._everybody: tuple[Endpoint, ...] | None = ()
        self._exact: dict[str, dict[Subscription, None]] = {}
        self._patterns: dict[str, dict[Subscription, None]] = {}
        self._routes: dict[str, tuple[Route, ...]] = {}
        # Guards the members and subscriptions while they change, or while all of them are looked at. Nothing else under
        # it, and no code of users.
        self._lock = threading.Lock()

    # -- for whoever sends --------------------------------------------------------

    @property
    def everybody(self) -> tuple[Endpoint, ...]:
        """All members."""
        everybody = self._everybody
        if everybody is None:
            with self._lock:
                everybody = self._everybody = tuple(self.members.values())
        return everybody

    def find(self, name: object) -> Endpoint | None:
        """Give the member of that name; None also for what can be no name, be it hashable or not."""
        return self.members.get(name) if isinstance(name, str) else None

    def routes(self, topic: str) -> tuple[Route, ...]:
        """The members that subscribe to a topic, each once; those of exact subscriptions first."""
        routes = self._routes.get(topic)
        if routes is None:
            with self._lock:
                routes = self._find(topic)
                if len(self._routes) >= _MOST_TOPICS:
                    self._routes.clear()
                self._routes[topic] = routes
        return routes

    def _find(self, topic: str) -> tuple[Route, ...]:
        found: dict[Endpoint, list[Subscription]] = {}
        for subscription in self._exact.get(topic, ()):
            found[subscription.endpoint] = [subscription]
        for pattern, subscriptions in self._patterns.items():
            if topic_matches(topic, pattern):
                for subscription in subscriptions:
                    found.setdefault(subscription.endpoint, []).append(subscription)
        return tuple((endpoint, tuple(matching)) for endpoint, matching in found.items())

    # -- for the router, on its turn ----------------------------------------------

    def join(self, endpoint: Endpoint) -> None:
        """Add a member; its name is free."""
        with self._lock:
            self.members[endpoint.name] = endpoint
            self._everybody = None
        self._names.setdefault(endpoint.ref, {})[endpoint.name] = None

    def leave(self, endpoint: Endpoint) -> bool:
        """Take out a member; tells whether its agent is one under another name. Its endpoint has been closed."""
        with self._lock:
            del self.members[endpoint.name]
            self._everybody = None
            for subscription in endpoint.subscriptions.values():
                self._forget(subscription)
        names = self._names[endpoint.ref]
        del names[endpoint.name]
        if not names:
            del self._names[endpoint.ref]
        return bool(names)

    def subscribe(self, endpoint: Endpoint, topic: str, where: Where | None) -> bool:
        """Add a subscription, or change what it wants; tells whether it is new."""
        subscription = Subscription(endpoint, topic, where)
        known = endpoint.subscriptions.get(topic)
        if known is not None:
            known.wants = subscription.wants
            return False
        index = self._patterns if is_pattern(topic) else self._exact
        with self._lock:
            endpoint.subscriptions = {**endpoint.subscriptions, topic: subscription}
            index.setdefault(topic, {})[subscription] = None
            self._changed(topic)
        return True

    def unsubscribe(self, endpoint: Endpoint, topic: str) -> list[AgentFuture[None]]:
        """Take out a subscription that there is; it holds once what this gives is settled."""
        subscription = endpoint.subscriptions[topic]
        with self._lock:
            endpoint.subscriptions = {name: each for name, each in endpoint.subscriptions.items() if name != topic}
            self._forget(subscription)
        return endpoint.end(subscription)

    def _forget(self, subscription: Subscription) -> None:
        topic = subscription.topic
        index = self._patterns if is_pattern(topic) else self._exact
        del index[topic][subscription]
        if not index[topic]:
            del index[topic]
        self._changed(topic)

    def _changed(self, topic: str) -> None:
        if is_pattern(topic):
            self._routes.clear()
        else:
            self._routes.pop(topic, None)

    def of(self, ref: AgentRef[Any]) -> list[Endpoint]:
        """Give the memberships of an agent."""
        return [self.members[name] for name in self._names.get(ref, ())]

    def refs(self) -> Iterable[AgentRef[Any]]:
        """Give all agents whose end matters."""
        return {**dict.fromkeys(self._names), **dict.fromkeys(self.watchers)}
