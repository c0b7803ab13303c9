"""Is each record in every view that it belongs to, once, and does each view keep its own number?"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from actors.eventlog.log import EventLog, Retention
from tests.eventlog.conftest import Backend
from tests.eventlog.samples import change, fill, texts

Settle = Callable[[EventLog], None]


@pytest.mark.system_case("T91")
@pytest.mark.system_case("D4.5")
@pytest.mark.parametrize(
    ("agent", "parent", "child"), [("a", "a", "b"), ("a", "b", "c"), ("a", "b", "b"), ("a", "a", "a"), (None, "a", "a")]
)
def test_one_append_is_once_in_the_view_of_each_whom_it_names(
    log: EventLog, settle: Settle, agent: str | None, parent: str, child: str
) -> None:
    log.append(change("one", agent_id=agent, parent_agent_id=parent, child_agent_id=child, mission_id="m"))
    settle(log)
    views = [log.read(agent=name) for name in {agent, parent, child} - {None}]
    for view in (log.read(), log.read(mission="m"), *views):
        assert [record.event_id for record in view] == [f"{log.run}-1"]


def test_an_agent_and_a_mission_of_one_name_are_two_views(log: EventLog, settle: Settle) -> None:
    log.append(change("agent", agent_id="x"))
    log.append(change("mission", mission_id="x"))
    log.append(change("odd", agent_id="a:x ☃\n", mission_id=""))
    settle(log)
    assert texts(log.read(agent="x")) == ["agent"]
    assert texts(log.read(mission="x")) == ["mission"]
    assert texts(log.read(agent="a:x ☃\n")) == ["odd"]
    assert texts(log.read(mission="")) == ["odd"]


@pytest.mark.system_case("T92")
@pytest.mark.system_case("D4.10")
def test_each_view_keeps_the_newest_of_its_own_number(backend: Backend, settle: Settle) -> None:
    log = backend.log()
    fill(log, range(1, 3001), agent_id="a", mission_id="m")
    settle(log)
    counts = []
    for view in ({}, {"agent": "a"}, {"mission": "m"}):
        kept = log.read(0, 5000, **view)
        assert [record.seq for record in kept] == list(range(3001 - len(kept), 3001)), "the newest are kept"
        counts.append(len(kept))
    if backend.exact:
        assert counts == [1000, 100, 500]
    else:
        assert all(bound <= count <= bound + 200 for bound, count in zip((1000, 100, 500), counts, strict=True))


@pytest.mark.system_case("T92")
def test_a_quiet_agent_keeps_its_records_whatever_the_others_do(log: EventLog, settle: Settle) -> None:
    log.append(change("rare", agent_id="quiet"))
    fill(log, range(3000), agent_id="loud")
    settle(log)
    assert texts(log.read(agent="quiet")) == ["rare"]
    assert texts(log.recent(1, agent="quiet")) == ["rare"]


def test_all_records_are_kept_where_the_bound_is_none(backend: Backend, settle: Settle) -> None:
    log = backend.log(Retention(None, None, None))
    fill(log, range(2500), agent_id="a")
    settle(log)
    assert len(log.read(0, 5000)) == len(log.read(0, 5000, agent="a")) == 2500


@pytest.mark.system_case("T100")
def test_a_view_that_is_not_there_is_empty(log: EventLog, settle: Settle) -> None:
    log.append(change("x"))
    settle(log)
    for view in ({"agent": "nobody"}, {"mission": "none"}):
        page = log.read(**view)
        assert (page.records, page.gap, page.cursor) == ((), None, 0)
        assert log.recent(**view) == []


@pytest.mark.system_case("T100")
@pytest.mark.system_case("D4.9")
def test_forgetting_a_view_leaves_the_others(log: EventLog, settle: Settle) -> None:
    log.append(change("both", agent_id="a", mission_id="m"))
    log.append(change("other", agent_id="b", mission_id="m"))
    log.forget(agent="a")
    settle(log)
    assert texts(log.read(agent="a")) == []
    assert texts(log.read(agent="b")) == ["other"]
    assert texts(log.read()) == texts(log.read(mission="m")) == ["both", "other"]
    log.forget(mission="m")
    settle(log)
    assert (texts(log.read(mission="m")), texts(log.read(agent="b"))) == ([], ["other"])


@pytest.mark.system_case("T100")
def test_a_forgotten_view_begins_anew_with_the_next_record(log: EventLog, settle: Settle) -> None:
    fill(log, range(150), agent_id="a")
    log.forget(agent="a")
    log.append(change("again", agent_id="a"))
    settle(log)
    page = log.read(agent="a")
    assert texts(page) == ["again"]
    log.forget(agent="nobody")
    settle(log)
