"""How do I test what takes minutes or hours, in milliseconds and without a sleep? Run it with pytest."""

from collections.abc import Iterator

import pytest

from actors import ActorSystem, Agent, AgentFuture, AgentRef, AskTimeout, ChildSpec, HandlerTimeout, Supervisor
from actors.testkit import Gate, VirtualClock
from policies import Backoff, Restart

HALF_AN_HOUR = 1800.0


class Feed(Agent):
    """Reads what it is sent; "cut" is a lost connection, a gate is a page that takes long."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def on_receive(self, page: str | Gate) -> list[str]:
        if isinstance(page, Gate):
            page.wait()
        elif page == "cut":
            raise ConnectionError("cut off")
        elif page != "which?":
            self.read.append(page)
        return self.read


class Reader(Agent):
    """Asks a feed every ten minutes, and gives it one minute to answer."""

    def __init__(self, feed: AgentRef[Feed]) -> None:
        self.feed = feed
        self.missed: list[float] = []

    def on_start(self) -> None:
        self.context.timers.every("look", 600.0, "look")

    def on_receive(self, message: str) -> list[float]:
        if message == "look":
            try:
                self.feed.ask("which?", timeout=60.0)
            except AskTimeout:
                self.missed.append(self.context.system.clock.now())
        return self.missed


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def system(clock: VirtualClock) -> Iterator[ActorSystem]:
    with ActorSystem("press", clock=clock) as system:
        yield system


def test_both_feeds_are_back_half_an_hour_after_one_was_cut(system: ActorSystem, clock: VirtualClock) -> None:
    patient = Restart(backoff=Backoff(HALF_AN_HOUR, cap=HALF_AN_HOUR))
    feeds = [ChildSpec(Feed, name="north"), ChildSpec(Feed, name="south")]
    system.spawn(Supervisor, name="feeds", children=feeds, strategy="one_for_all", policy=patient)
    north, south = system.select("/feeds/*")
    north.tell("cut")

    clock.settle()  # the failure has been decided about: both are down
    assert (north.incarnation, south.incarnation) == (1, 1)

    assert clock.run_until_idle() == HALF_AN_HOUR
    assert (north.incarnation, south.incarnation) == (2, 2)


def test_a_reader_looks_every_ten_minutes_and_waits_one(system: ActorSystem, clock: VirtualClock) -> None:
    feed = system.spawn(Feed)
    reader = system.spawn(Reader, feed)
    with Gate() as gate:
        feed.tell(gate)  # a page that takes very long
        clock.run_until_idle(limit=1500.0)  # a timer that repeats has no end: stop after 25 minutes
    clock.settle()
    assert reader.ask("missed?") == [660.0, 1260.0]


def test_a_feed_that_hangs_is_given_up_after_its_deadline(system: ActorSystem, clock: VirtualClock) -> None:
    feed = system.spawn(ChildSpec(Feed, deadline=3600.0))
    with Gate() as gate:
        stuck: AgentFuture[object] = feed.ask(gate, block=False)
        assert clock.run_until_idle() == 3600.0
        with pytest.raises(HandlerTimeout):
            stuck.get()


def test_an_agent_that_does_not_come_to_rest_is_named(system: ActorSystem, clock: VirtualClock) -> None:
    class Restless(Agent):
        def on_receive(self, message: str) -> None:
            if not self.context.cancelled:
                self.actor_ref.tell(message)

    restless = system.spawn(Restless, name="restless")
    restless.tell("again")
    with pytest.raises(AssertionError, match="still had something to do at <VirtualClock 0 s>:\n/restless #1"):
        clock.settle(within=0.01)
    restless.stop(drain=False)


def test_time_may_also_pass_bit_by_bit(system: ActorSystem, clock: VirtualClock) -> None:
    feed = system.spawn(Feed)
    reader = system.spawn(Reader, feed)
    with Gate() as gate:
        feed.tell(gate)
        clock.advance(659.0, settle=True)
        assert clock.next_due == 660.0
        clock.advance(1.0, settle=True)
    assert reader.ask("missed?") == [660.0]
