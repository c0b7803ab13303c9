"""Is the tree whole although the log has dropped the oldest records of the run?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from actors import ActorSystem, ChildSpec, Supervisor
from actors.eventlog import EventLog, LoggedAgent, MemoryLog, Retention, fold, fold_log, record
from actors.eventlog.kept import all_records, read_kept
from actors.testkit import VirtualClock
from policies import Restart
from tests.core.doer import Doer, crash
from tests.eventlog.conftest import Backend
from tests.eventlog.samples import change, fill

Settle = Callable[[EventLog], None]
MANY = 500


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def system(clock: VirtualClock) -> Iterator[ActorSystem]:
    with ActorSystem("main", Restart(None, within=None), clock=clock) as made:
        yield made


def grow(system: ActorSystem, clock: VirtualClock) -> None:
    """A crew of which one has crashed, and one has ended."""
    children = [ChildSpec(Doer, name) for name in ("one", "two", "three")]
    system.spawn(ChildSpec(Supervisor, "crew", kwargs={"children": children}))
    for name, message in (("one", crash), ("two", "nothing")):
        ref = system.find(f"/crew/{name}")
        assert ref is not None
        ref.tell(message)
    clock.settle()
    three = system.find("/crew/three")
    assert three is not None
    three.stop()


def test_agents_that_live_quietly_are_in_the_tree_although_their_records_are_old(
    backend: Backend, settle: Settle, system: ActorSystem, clock: VirtualClock
) -> None:
    log = backend.log(Retention(system=10))
    record(system, log, sample=None)
    grow(system, clock)
    fill(log, range(MANY))
    settle(log)
    reader = backend.reader(log)
    seqs = [each.seq for each in read_kept(reader).records]
    assert (seqs[0] or 0) > 50  # else nothing of this is tested
    assert str(fold_log(reader)).splitlines() == [
        "main: 3 agents",
        "└─ ○ crew Supervisor idle #1",
        "   ├─ ○ one Doer idle #2 restarts=1 (limit 3 in 5 s) last failure: Boom: crash of #1",
        "   └─ ○ two Doer idle #1",
    ]


def test_without_the_views_of_the_agents_they_would_be_missing(system: ActorSystem, clock: VirtualClock) -> None:
    with MemoryLog(Retention(system=10)) as log:
        record(system, log, sample=None)
        grow(system, clock)
        fill(log, range(MANY))
        assert len(fold(all_records(log))) == 0
        assert len(fold_log(log)) == 3
        system.stop()


def test_an_agent_of_which_even_its_own_view_has_dropped_records_says_so(
    system: ActorSystem, clock: VirtualClock
) -> None:
    with MemoryLog(Retention(system=10, agent=4)) as log:
        record(system, log, sample=None)
        doer = system.spawn(Doer, name="a")
        for _ in range(3):
            doer.tell(crash)
        clock.settle()
        fill(log, range(MANY))
        agent = fold_log(log).find("/a")
        assert isinstance(agent, LoggedAgent)
        assert (agent.state, agent.incarnation, agent.restarts, agent.lost) == ("idle", 4, 3, True)
        system.stop()


def test_a_log_names_the_agents_that_have_a_view(backend: Backend, settle: Settle) -> None:
    log = backend.log()
    for name in ("/a", "/crew/b", "reviewer [*]", "ä"):
        log.append(change("x").with_agent(name))
    log.append(change("x").with_mission("m"))
    settle(log)
    assert sorted(backend.reader(log).agents()) == ["/a", "/crew/b", "reviewer [*]", "ä"]
    log.forget(agent="/a")
    settle(log)
    assert "/a" not in backend.reader(log).agents()


def test_a_log_with_nothing_in_it_is_an_empty_tree(backend: Backend) -> None:
    assert len(fold_log(backend.log())) == 0
