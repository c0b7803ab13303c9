"""What is a router, as an agent?"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, ClassVar

from actors._core.agent import Agent
from actors._core.errors import ActorError, AgentNotFoundError, AgentStoppedError, NameTakenError, printed
from actors._core.future import AgentFuture
from actors._core.mailbox import Late
from actors._core.messages import Terminated
from actors._core.path import check_name
from actors._core.proxies import BadRequest
from actors._core.ref import Addressed, AgentRef
from actors._core.replies import Reply
from actors._core.system import ActorSystem
from actors.routing.directory import Directory
from actors.routing.endpoint import Endpoint
from actors.routing.protocol import (
    Broadcast,
    Join,
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
from actors.routing.ref import RouterRef, describe
from actors.routing.topics import check_pattern, check_topic, check_where, topic_matches


def check_system(system: object) -> None:
    """Raise ValueError for what is no system."""
    if not isinstance(system, ActorSystem):
        raise ValueError(f"system: an ActorSystem, not {printed(system)}")


class Router(Agent, Addressed[RouterRef]):
    """An agent that keeps a group of members and their subscriptions; its ref sends to them.

    Members that stop leave by themselves; members that are restarted stay. The group outlives the router's own
    restarts, and ends with it. Each change is an event, `MemberJoined` or `MemberLeft`, exactly once. A subclass may
    handle messages of its own: it gives what it does not know to `super().on_receive`, and calls `super().on_start`.
    """

    ref_class: ClassVar[type[AgentRef[Any]] | None] = RouterRef

    @classmethod
    def of(cls, system: ActorSystem) -> RouterRef:
        """Give the system's own router, at /router; the first who asks starts it.

        Raises NameTakenError if there is an agent of another kind.
        """
        check_system(system)
        while True:
            ref = system.find("/router")
            if isinstance(ref, RouterRef):
                return ref
            try:
                return system.spawn(cls, name="router")
            except NameTakenError:
                if ref is not None:
                    raise

    @property
    def directory(self) -> Directory:
        """The members; they belong to the ref, so that they are there through restarts."""
        ref = self.context.ref
        assert isinstance(ref, RouterRef)
        return ref.directory

    def on_start(self) -> None:
        """Watch the members that an earlier incarnation has left."""
        for ref in self.directory.refs():
            self.context.watch(ref)

    def on_receive(self, message: Any) -> Any:
        """Answer the requests of the protocol; see there."""
        answer = _ANSWERS.get(type(message))
        if answer is None or (isinstance(message, Terminated) and not self._concerns(message.ref)):
            return super().on_receive(message)
        return answer(self, message)

    # -- members ------------------------------------------------------------------

    def _join(self, message: Join) -> Member:
        name, ref = message.name, message.ref
        topics = _checked(_check_join, name, ref, message.topics)
        known = self.directory.members.get(name)
        if known is not None:
            if known.ref.is_alive():
                raise BadRequest(NameTakenError(name))
            # It takes no more messages, and its cleanup or the news of its end are on the way.
            self._let_go(known, LeaveReason.STOPPED)
        if not ref.is_alive():
            raise BadRequest(AgentStoppedError(f"{name}: {ref} not found", path=ref.path))
        self.context.watch(ref)
        endpoint = Endpoint(name, ref)
        for topic in topics:
            self.directory.subscribe(endpoint, topic, None)
        self.directory.join(endpoint)
        self._say_joined(endpoint, None)
        for topic in self._watched_topics(endpoint):
            self._say_joined(endpoint, topic)
        return describe(endpoint)

    def _leave(self, message: Leave) -> Any:
        endpoint = self.directory.find(message.name)
        if endpoint is None:
            return False
        return self._answer_after(self._let_go(endpoint, LeaveReason.LEFT), True)

    def _let_go(self, endpoint: Endpoint, reason: LeaveReason) -> list[AgentFuture[None]]:
        aloft = endpoint.leave()
        topics = self._watched_topics(endpoint)
        another = self.directory.leave(endpoint)
        if not another and endpoint.ref not in self.directory.watchers:
            self.context.unwatch(endpoint.ref)
        for topic in topics:
            self._say_left(endpoint, reason, topic)
        self._say_left(endpoint, reason, None)
        return aloft

    def _answer_after(self, aloft: list[AgentFuture[None]], answer: bool) -> Any:
        """Answer once these are settled: then nothing more is on its way that does not know of the change."""
        if aloft and self.context.asked:
            _when_all(aloft, self.context.defer(), answer)
        return answer

    def _terminated(self, message: Terminated) -> None:
        self.directory.watchers.pop(message.ref, None)
        for endpoint in self.directory.of(message.ref):
            self._let_go(endpoint, LeaveReason.STOPPED)

    def _concerns(self, ref: AgentRef[Any]) -> bool:
        return ref in self.directory.watchers or bool(self.directory.of(ref))

    # -- subscriptions ------------------------------------------------------------

    def _subscribe(self, message: Subscribe) -> Member:
        topic = _checked(check_pattern, message.topic)
        _checked(check_where, message.where)
        endpoint = self._member(message.name)
        before = self._watched_topics(endpoint)
        self.directory.subscribe(endpoint, topic, message.where)
        for watched in self._watched_topics(endpoint):
            if watched not in before:
                self._say_joined(endpoint, watched)
        return describe(endpoint)

    def _unsubscribe(self, message: Unsubscribe) -> Any:
        endpoint = self.directory.find(message.name)
        if endpoint is None or not isinstance(message.topic, str) or message.topic not in endpoint.subscriptions:
            return False
        before = self._watched_topics(endpoint)
        aloft = self.directory.unsubscribe(endpoint, message.topic)
        after = self._watched_topics(endpoint)
        for topic in before:
            if topic not in after:
                self._say_left(endpoint, LeaveReason.UNSUBSCRIBED, topic)
        return self._answer_after(aloft, True)

    def _member(self, name: str) -> Endpoint:
        endpoint = self.directory.find(name)
        if endpoint is None:
            raise BadRequest(AgentNotFoundError(name, f"there is no member {printed(name)} in {self.context.path}"))
        return endpoint

    # -- watchers -----------------------------------------------------------------

    def _watch_members(self, message: WatchMembers) -> tuple[Member, ...]:
        ref, topic = message.ref, message.topic
        _checked(_check_ref, ref)
        if topic is not None:
            _checked(check_topic, topic)
        if not ref.is_alive():
            raise BadRequest(AgentStoppedError(f"{ref} not found", path=ref.path))
        self.context.watch(ref)
        self.directory.watchers.setdefault(ref, {})[topic] = None
        me = self.context.ref
        assert isinstance(me, RouterRef)
        return me.members(topic)

    def _unwatch_members(self, message: UnwatchMembers) -> bool:
        if not isinstance(message.ref, AgentRef) or not isinstance(message.topic, str | None):
            return False
        topics = self.directory.watchers.get(message.ref, {})
        if message.topic not in topics:
            return False
        del topics[message.topic]
        if not topics:
            del self.directory.watchers[message.ref]
            if not self.directory.of(message.ref):
                self.context.unwatch(message.ref)
        return True

    def _watched_topics(self, endpoint: Endpoint) -> list[str]:
        """Give the topics that somebody watches and to which the member is subscribed."""
        watched = {topic: None for topics in self.directory.watchers.values() for topic in topics if topic is not None}
        return [topic for topic in watched if any(topic_matches(topic, own) for own in endpoint.subscriptions)]

    def _say_joined(self, endpoint: Endpoint, topic: str | None) -> None:
        context = self.context
        now = context.system.clock.now()
        self._say(MemberJoined(context.path, context.incarnation, now, endpoint.name, endpoint.ref, topic))

    def _say_left(self, endpoint: Endpoint, reason: LeaveReason, topic: str | None) -> None:
        context = self.context
        now = context.system.clock.now()
        self._say(MemberLeft(context.path, context.incarnation, now, endpoint.name, endpoint.ref, reason, topic))

    def _say(self, event: MemberJoined | MemberLeft) -> None:
        for ref, topics in self.directory.watchers.items():
            if event.topic in topics:
                ref._cell.queue_tick(Late(lambda: event))
        if event.topic is None:
            self.context.system.events.publish(event)

    # -- messages to members that came by the mailbox, such as a timer's -----------

    def _send_on(self, message: Send | Broadcast | Members) -> Any:
        ref = self.context.ref
        if self.context.asked:
            try:
                return ref.ask(message)
            except (ActorError, ValueError) as error:
                raise BadRequest(error) from None
        ref.tell(message)
        return None


_ANSWERS: dict[type, Callable[[Any, Any], Any]] = {
    Join: Router._join,
    Leave: Router._leave,
    Subscribe: Router._subscribe,
    Unsubscribe: Router._unsubscribe,
    WatchMembers: Router._watch_members,
    UnwatchMembers: Router._unwatch_members,
    Terminated: Router._terminated,
    Send: Router._send_on,
    Broadcast: Router._send_on,
    Members: Router._send_on,
}


def _when_all(futures: list[AgentFuture[None]], reply: Reply, answer: bool) -> None:
    if futures:
        futures[0].add_done_callback(lambda: _when_all(futures[1:], reply, answer))
    else:
        reply.set(answer)


def _checked(check: Callable[..., Any], *values: Any) -> Any:
    """Check what somebody sent: what makes no sense is that one's error, and no failure of the router."""
    try:
        return check(*values)
    except ValueError as error:
        raise BadRequest(error) from None


def _check_ref(ref: object) -> None:
    if not isinstance(ref, AgentRef):
        raise ValueError(f"ref: an AgentRef, not {printed(ref)}")


def _check_join(name: object, ref: object, topics: object) -> tuple[str, ...]:
    check_name(name)
    _check_ref(ref)
    if isinstance(topics, str) or not isinstance(topics, Collection):
        raise ValueError(f"topics: several, as a set or list, not {printed(topics)}")
    return tuple(check_pattern(topic) for topic in topics)
