"""How do I test a crew that waits half an hour for its restart, in ten lines and a few milliseconds?"""

from actors import ActorSystem, Agent, ChildSpec, Supervisor
from actors.testkit import VirtualClock
from policies import Backoff, Restart


class Feed(Agent):
    """Reads news; "cut" is a lost connection."""

    def on_receive(self, news: str) -> str:
        if news == "cut":
            raise ConnectionError("cut off")
        return f"{news}, read by #{self.context.incarnation}"


def test_both_feeds_are_back_half_an_hour_after_one_was_cut() -> None:
    clock = VirtualClock()
    with ActorSystem("press", clock=clock) as system:
        feeds = [ChildSpec(Feed, name="north"), ChildSpec(Feed, name="south")]
        patient = Restart(backoff=Backoff(1800.0, cap=1800.0))
        system.spawn(Supervisor, feeds, strategy="one_for_all", policy=patient, name="feeds")
        north, south = system.select("/feeds/*")
        north.tell("cut")
        assert clock.run_until_idle() == 1800.0
        assert (north.incarnation, south.incarnation) == (2, 2)
