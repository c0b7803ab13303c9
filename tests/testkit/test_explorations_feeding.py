"""Do senders and full mailboxes come to terms in every order, and would it be found if they did not?

As in test_explorations: each run in which one thread is interrupted once, at any line of the kernel.
"""

from __future__ import annotations

import pytest

from actors._core.abandonment import _give_up_place
from actors._core.dead_letters import DeadLetters
from actors._core.here import begin_wait
from actors._core.mailbox import BoundedQueue, Room
from actors.testkit import Priorities, explore, replay
from tests.testkit.feeding import (
    FEEDING,
    feed_against_ask,
    feed_against_feed,
    newcomer_against_who_waits,
    replay_against_replay,
    restart_against_who_waits,
    room_against_abandonment,
    room_and_abandonment_against_wait,
    room_while_two_wait,
    timeout_against_room,
    wait_against_abandonment,
)
from tests.testkit.guards import without
from tests.testkit.races import Scenario
from tests.testkit.simulated import seed_and_schedule
from tests.testkit.test_explorations import AGAIN, ONCE, Gap


@pytest.mark.parametrize("race", FEEDING, ids=lambda race: race.__name__)
def test_holds_in_every_order_of_the_lines(race: Scenario) -> None:
    exploration = explore(race, ONCE, policy=AGAIN)
    assert exploration.complete
    assert exploration.runs > 20


@pytest.mark.parametrize("race", FEEDING, ids=lambda race: race.__name__)
def test_holds_where_threads_are_interrupted_more_than_once(race: Scenario) -> None:
    assert explore(race, Priorities(depth=4, steps=150), runs=50, policy=AGAIN).runs == 50


GAPS = {
    "who begins to wait looks for a cycle": Gap(
        feed_against_feed, Room.wait_until, "begin_wait(sender, self, self.cycle_error)", "pass"
    ),
    "who begins to wait is seen by who asks it": Gap(
        feed_against_ask, Room.wait_until, "begin_wait(sender, self, self.cycle_error)", "pass"
    ),
    "who is refused gives up its place": Gap(
        feed_against_feed, BoundedQueue._outcome, "if self._withdraw(room):", "if True:"
    ),
    "whose time is over gives up its place": Gap(
        timeout_against_room, BoundedQueue._outcome, "self._withdraw(room)\n        return", "\n        return"
    ),
    "who was let in at the last moment is in": Gap(
        timeout_against_room, BoundedQueue._outcome, "room.get() if room.settled else Offer.FULL", "Offer.FULL"
    ),
    "who is abandoned gives up its place": Gap(
        wait_against_abandonment, _give_up_place, "if isinstance(target, Room):", "if False:"
    ),
    "who is abandoned does not begin to wait": Gap(
        wait_against_abandonment, begin_wait, "check_fence()", "pass"
    ),
    "who is abandoned and was let in before is in": Gap(
        room_and_abandonment_against_wait, BoundedQueue._wait, "if not room.is_in:", "if True:"
    ),
    "nobody who has given up is let in": Gap(
        room_against_abandonment, BoundedQueue._let_in, "if room.resolve(Offer.ACCEPTED):",
        "if room.resolve(Offer.ACCEPTED) or True:",
    ),
    "who waits is let in when there is room": Gap(
        restart_against_who_waits, BoundedQueue.popleft, "elif self._waiting", "elif False"
    ),
    "who has waited is overtaken by nobody": Gap(
        newcomer_against_who_waits, BoundedQueue.popleft, "elif self._waiting", "elif False"
    ),
    "who has waited longest is let in first": Gap(
        room_while_two_wait, BoundedQueue._let_in, "room = self._waiting.popleft()", "room = self._waiting.pop()"
    ),
    "one sends a dead letter again": Gap(
        replay_against_replay, DeadLetters._claim, "or number in self._claimed", "or False"
    ),
}  # fmt: skip


@pytest.mark.parametrize("gap", GAPS.values(), ids=GAPS)
def test_is_found_when_its_guard_is_missing(gap: Gap) -> None:
    with without(gap.function, gap.guard, gap.instead):
        with pytest.raises((AssertionError, RuntimeError)) as caught:
            explore(gap.race, ONCE, policy=AGAIN)
        seed, schedule = seed_and_schedule(caught.value)
        with pytest.raises(type(caught.value)):
            replay(gap.race, schedule, seed=seed, policy=AGAIN)
    replay(gap.race, "", policy=AGAIN)
