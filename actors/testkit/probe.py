"""How does a test play an agent itself: see what that is sent, and answer?"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from actors._core.errors import printed
from actors._core.messages import StopReason, Terminated
from actors._core.ref import AgentRef
from actors._core.replies import Reply
from actors.testkit.matching import MOST, difference, matches, shown, wanted
from actors.testkit.receiving import Autopilot, Call, Inbox, ProbeAgent, Received
from actors.testkit.waiting import PATIENCE, Within, dilated, wait

if TYPE_CHECKING:
    from actors._core.system import ActorSystem

T = TypeVar("T")
_LATEST: Any = type("Latest", (), {"__repr__": lambda self: "the message taken last"})()
_LAST_LOOK = 0.5  # seconds that may be needed, after the time is over, to see what was told before
_SHOWN = 10  # messages of one list in an error
_REMEMBERED = 5  # messages that were taken, for errors


class ProbeError(AssertionError):
    """A probe was not sent what the test expects; the text shows what came, and what still waits."""


class Probe:
    """An agent in the hands of a test: it keeps what it is sent until the test takes it, and answers when told to.

    `ref` is given to the agents under test. What is *expected* may be a type (or a union of types), a predicate, or a
    value that is equal. `within` is seconds, by default `PATIENCE`: real ones, times the dilation, or virtual ones in
    a simulation; what was told before the call is seen in any case. Failures are AssertionErrors. The agent never
    fails, and ends with its system. A probe is used by one thread of the test.
    """

    def __init__(self, system: ActorSystem, name: str | None = None) -> None:
        """Start the probe's agent as a top-level agent of the system, by default /Probe-1; raises what `spawn` does."""
        self.skipped: list[Any] = []  # what the last `fish` took and did not want, oldest first
        self._system = system
        self._inbox = inbox = Inbox()
        self._agent: type[ProbeAgent] = type("Probe", (ProbeAgent,), {"inbox": inbox})
        self._ignored: list[tuple[object]] = []
        self._watched: set[AgentRef[Any]] = set()
        self._last: Received | None = None
        self._taken: deque[Received] = deque(maxlen=_REMEMBERED)
        self._unanswered: list[Received] = []
        self.ref: AgentRef[ProbeAgent] = system.spawn(self._agent, name=name)

    @property
    def path(self) -> str:
        """The path of the agent behind `ref`."""
        return self.ref.path

    @property
    def agent(self) -> type[ProbeAgent]:
        """A class for further agents whose messages come to this probe, such as a child: `ChildSpec(probe.agent)`.

        It takes any arguments, so it can stand for a class of the program.
        """
        return self._agent

    # -- what comes ---------------------------------------------------------------

    @overload
    def expect(self, what: type[T], within: float | None = None) -> T: ...

    @overload
    def expect(self, what: Any = object, within: float | None = None) -> Any: ...

    def expect(self, what: Any = object, within: float | None = None) -> Any:
        """Take the next message, which must match, and give it; blocks. Raises ProbeError."""
        _check(what)
        limit = Within(within, self._system)
        received = self._await(lambda items: items[0] if items else None, limit)
        if received is None:
            raise self._error(f"expected {wanted(what)} within {_seconds(limit)}, and nothing came")
        self._take(received)
        if matches(what, received.message):
            return received.message
        why = difference(what, received.message)
        raise self._error(
            f"expected {wanted(what)}, and this came:", [received], [f"the difference: {why}"] if why else []
        )

    def expect_none(self, within: float = 0.0) -> None:
        """See that nothing waits and nothing comes for so long, no end of a watched agent either; blocks.

        Raises ProbeError.
        """
        limit = Within(within, self._system)
        came = self._await(lambda items: [*items, *self._inbox.ends()] or None, limit)
        if came is not None:
            raise self._error("expected nothing, and this came:", came, waiting=False)
        if not self._has_caught_up():
            raise self._busy()

    @overload
    def fish(self, what: type[T], within: float | None = None) -> T: ...

    @overload
    def fish(self, what: Any, within: float | None = None) -> Any: ...

    def fish(self, what: Any, within: float | None = None) -> Any:
        """Take messages until one matches, and give that; blocks. `skipped` are the others. Raises ProbeError."""
        _check(what)
        limit = Within(within, self._system)
        skipped: list[Received] = []

        def hooked(items: list[Received]) -> Received | None:
            for received in items:
                self._take(received)
                if matches(what, received.message):
                    return received
                skipped.append(received)
            return None

        received = self._await(hooked, limit)
        self.skipped = [other.message for other in skipped]
        if received is not None:
            return received.message
        those = f"all that came is something else ({len(skipped)}):" if skipped else "nothing came"
        raise self._error(f"expected {wanted(what)} within {_seconds(limit)}, and {those}", skipped)

    def receive_n(self, count: int, within: float | None = None) -> list[Any]:
        """Take so many messages, whatever they are, and give them; blocks, once for all. Raises ProbeError."""
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ValueError(f"count: a whole number, 0 or more, not {count!r}")
        limit = Within(within, self._system)
        found = self._await(lambda items: items[:count] if len(items) >= count else None, limit)
        if found is None:
            items = self._look()
            raise self._error(
                f"expected {count} messages within {_seconds(limit)}, and {len(items)} came:", items, waiting=False
            )
        self._take(*found)
        return [received.message for received in found]

    @property
    def messages(self) -> list[Any]:
        """What waits to be taken, oldest first; whatever the probe was told before is among it."""
        if not self._has_caught_up():
            raise self._busy()
        return [received.message for received in self._look()]

    def ignore(self, what: Any) -> Callable[[], None]:
        """Drop all messages that match, those that wait too; gives back what ends it. Nobody answers such an ask."""
        entry = (what,)
        self._ignored.append(entry)

        def stop() -> None:
            self._ignored[:] = [other for other in self._ignored if other is not entry]

        return stop

    # -- answers ------------------------------------------------------------------

    def reply(self, value: Any = None, *, to: Any = _LATEST) -> bool:
        """Answer the message that was taken last, or an earlier one, `to`, that is not answered yet.

        Tells whether the asker still waited; if not, the answer is a dead letter. Raises ProbeError where there is
        nothing to answer: the message was told, or is answered already.
        """
        return self._take_reply(to).set(value)

    def reply_error(self, error: BaseException, *, to: Any = _LATEST) -> bool:
        """Answer with an error that the asker is raised; otherwise as `reply`."""
        if not isinstance(error, BaseException):
            raise ValueError(f"error: an exception, not {error!r}")
        return self._take_reply(to).set_exception(error)

    def autopilot(self, answer: Callable[[Any], Any] | None, on: Any = object) -> None:
        """Have every ask that matches `on` answered at once with `answer(message)`, or with the error it raises.

        It holds for what comes from now on, in place of an earlier one; None switches it off. The messages are taken
        by the test as ever. `answer` runs on the probe's turn, and blocks it while it blocks.
        """
        if answer is not None and not callable(answer):
            raise ValueError(f"answer: a callable that takes a message, or None, not {answer!r}")
        self._inbox.autopilot = None if answer is None else Autopilot(answer, on)

    def _take_reply(self, to: Any) -> Reply:
        received = self._last if to is _LATEST else self._find_unanswered(to)
        if received is None and to is _LATEST:
            raise self._error("there is nothing to reply to: no message was taken yet")
        if received is None:
            raise self._error(f"there is nothing to reply to: no ask that was taken and waits is {shown(to)}")
        if received.reply is None or received.answered:
            raise self._error("there is nothing to reply to, nobody waits for an answer to:", [received])
        received.answered = "replied"
        self._unanswered.remove(received)
        return received.reply

    def _find_unanswered(self, to: Any) -> Received | None:
        same = [received for received in self._unanswered if received.message is to]
        return next(iter(same or [received for received in self._unanswered if received.message == to]), None)

    # -- the ends of others -------------------------------------------------------

    def watch(self, ref: AgentRef[Any]) -> None:
        """Have the end of an agent come to this probe, for `expect_terminated` and `expect_none`."""
        if not isinstance(ref, AgentRef):
            raise ValueError(f"ref: an AgentRef, not {ref!r}")
        watching = self.ref.ask(Call("watch", lambda context: context.watch(ref)), block=False)
        if not wait(watching, PATIENCE):
            raise self._busy()
        watching.get()
        self._watched.add(ref)

    def expect_terminated(
        self, ref: AgentRef[Any], reason: StopReason | str | None = None, within: float | None = None
    ) -> Terminated:
        """See that the agent has ended, for this reason if one is given, and give its `Terminated`; blocks.

        Watches it if it is not watched yet. The messages that wait stay: ends overtake them. Raises ProbeError.
        """
        expected = None if reason is None else StopReason(reason)
        limit = Within(within, self._system)
        if ref not in self._watched:
            self.watch(ref)
        end = self._await(lambda _: next((end for end in self._inbox.ends() if end.ref is ref), None), limit)
        if end is None:
            state = f"{ref._cell.state.name.lower()}, #{ref.incarnation}"
            raise self._error(f"expected the end of {ref.path} within {_seconds(limit)}, and it is {state}")
        self._inbox.take(end)
        self._watched.discard(ref)
        if expected not in (None, end.reason):
            raise self._error(f"expected the end of {ref.path} ({expected}), and this came:", [end])
        return end

    # -- behind the scenes --------------------------------------------------------

    def _await(self, find: Callable[[list[Received]], T | None], limit: Within) -> T | None:
        """Wait until `find` finds something in what waits, looking anew whenever something has come."""
        while not limit.is_over:
            changed = self._inbox.changed
            found = find(self._look())
            if found is not None:
                return found
            limit.wait(changed)
        self._has_caught_up(_LAST_LOOK)
        return find(self._look())

    def _look(self) -> list[Received]:
        """Give what waits, without what is ignored."""
        items = self._inbox.items()
        if self._ignored:
            dropped = [item for item in items if any(matches(what, item.message) for (what,) in self._ignored)]
            self._inbox.take(*dropped)
            items = [item for item in items if item not in dropped]
        return items

    def _take(self, *items: Received) -> None:
        self._inbox.take(*items)
        for received in items:
            self._last = received
            self._taken.append(received)
            if received.reply is not None and not received.answered:
                self._unanswered.append(received)

    def _has_caught_up(self, seconds: float | None = None) -> bool:
        """Wait until the agents of the probe have recorded what they were sent before; False: they are busy."""
        seen = [ref.ask(Call("catch up", _nothing), block=False) for ref in list(self._inbox.refs) if ref.is_alive()]
        return all(wait(answer, PATIENCE if seconds is None else seconds) for answer in seen)

    def _busy(self) -> ProbeError:
        return self._error(f"it has been busy for {dilated(PATIENCE):g} s, with its autopilot")

    def _error(
        self, headline: str, came: Iterable[object] = (), more: Iterable[str] = (), waiting: bool = True
    ) -> ProbeError:
        came = list(came)
        lines = [f"{self.path}: {headline}", *self._listed(came), *(f"  {line}" for line in more)]
        rest: list[object] = [*self._inbox.items(), *self._inbox.ends()] if waiting else []
        if rest:
            lines += ["  still waiting:", *self._listed(rest)]
        before = [received for received in self._taken if received not in came]
        if before:
            lines += ["  taken before:", *self._listed(before)]
        return ProbeError("\n".join(lines))

    def _listed(self, items: list[Any]) -> list[str]:
        lines = [f"    {self._row(item)}" for item in items[:_SHOWN]]
        return lines if len(items) <= _SHOWN else [*lines, f"    ... and {len(items) - _SHOWN} more"]

    def _row(self, item: Received | Terminated) -> str:
        if isinstance(item, Received):
            return str(item) if item.path == self.path else f"{item} to {item.path}"
        error = "" if item.error is None else f": {printed(item.error, MOST)}"
        return f"the end of {item.ref.path} ({item.reason}{error})"

    def __repr__(self) -> str:
        return f"<Probe {self.path}, {len(self._inbox.items())} waiting>"


def _check(what: object) -> None:
    if what is Terminated or isinstance(what, Terminated):
        raise ValueError("what: ends are no messages, see expect_terminated")


def _seconds(limit: Within) -> str:
    return f"{dilated(limit.seconds):g} s"


def _nothing(_: object) -> None:
    """Nothing is to be done: what came before is recorded."""
