"""Does a viewer keep up with a log, also one that drops records before they were seen?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from actors import ActorSystem
from actors.console.feed import Feed
from actors.console.screen import SORTS, View, as_text, draw
from actors.eventlog import MemoryLog, Retention, record
from actors.testkit import VirtualClock
from policies import Restart
from tests.core.doer import Doer, crash
from tests.eventlog.samples import fill


def test_what_came_too_fast_is_made_up_for() -> None:
    clock = VirtualClock()
    with MemoryLog(Retention(system=10)) as log, ActorSystem("main", Restart(None, within=None), clock=clock) as system:
        record(system, log, sample=None)
        doer = system.spawn(Doer, name="a")
        feed = Feed(log)
        doer.tell(crash)
        clock.settle()
        system.spawn(Doer, name="b")
        fill(log, range(500))
        feed.catch_up()
        assert str(feed.tree()).splitlines() == [
            "main: 2 agents",
            "├─ ○ a Doer idle #2 restarts=1 last failure: Boom: crash of #1",
            "└─ ○ b Doer idle #1",
        ]
        system.spawn(Doer, name="c")
        feed.catch_up()
        assert [agent.name for agent in feed.tree()] == ["a", "b", "c"]
        assert feed.counts["agent_spawned"] == 2  # of those that it has seen
        feed.catch_up()
        assert feed.counts["agent_spawned"] == 2


def test_the_rate_is_that_of_the_last_ten_seconds() -> None:
    with MemoryLog() as log:
        fill(log, range(50))
        feed = Feed(log)
        now = datetime.now(UTC)
        assert feed.rate(now) == 5.0
        assert feed.rate(now + timedelta(seconds=20)) == 0.0


def test_a_picture_of_nothing_is_a_picture() -> None:
    with MemoryLog() as log:
        feed = Feed(log)
        for sort in SORTS:
            text = as_text(draw(feed, View(sort), 80, 24, datetime.now(UTC)))
            assert "0 agents" in text
            assert "nothing yet" in text


def test_a_tiny_terminal_shows_at_least_one_agent() -> None:
    clock = VirtualClock()
    with MemoryLog() as log, ActorSystem("main", clock=clock) as system:
        record(system, log, sample=None)
        for name in "abc":
            system.spawn(Doer, name=name)
        screen = draw(Feed(log), View(), 30, 6, datetime.now(UTC))
        assert any("├ a" in text for line in screen for text, _ in line)
        assert "1 to 1 of 3 agents" in as_text(screen)
