"""Does a tree that is rebuilt from records look as the live one did, and does it say what it does not know?"""

from __future__ import annotations

import importlib
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from actors.eventlog.fold import Fold, LoggedAgent, LoggedTree, fold
from actors.eventlog.kinds import KINDS
from actors.eventlog.log import Gap
from actors.eventlog.records import Record, UnknownRecord

BEGUN = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN = "20261120T120000-ab"


class Teller:
    """Makes the records of a run, with their numbers; one second passes between two of them."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.records: list[Record] = []

    def tell(self, kind: str, path: str | None = None, incarnation: int | None = 1, **fields: Any) -> Record:
        seq = next(self._numbers)
        head = {"seq": seq, "run": RUN, "timestamp": BEGUN + timedelta(seconds=seq)}
        if path is not None:
            head |= {"path": path, "agent_id": path, "incarnation": incarnation}
        made = KINDS[kind](**head, **fields)
        self.records.append(made)
        return made

    def skip(self, count: int = 1) -> None:
        """So many records that nobody will see."""
        for _ in range(count):
            next(self._numbers)

    def start(self, *paths: str, agent: str = "Worker", limit: str = "3 in 5 s") -> None:
        for path in paths:
            self.tell("agent_spawned", path, agent=agent, restart="transient", limit=limit)
            self.tell("agent_started", path, agent=agent)

    def crash(self, path: str, incarnation: int, error: str = "Boom: no") -> None:
        """The agent fails and is restarted."""
        self.tell("agent_suspended", path, incarnation, error=error, error_type="Boom")
        self.tell("agent_failed", path, incarnation, error=error, error_type="Boom", directive="restart")
        self.tell("agent_restarting", path, incarnation + 1)
        self.tell("agent_restarted", path, incarnation + 1, error=error, error_type="Boom")

    def end(self, *paths: str, reason: str = "requested") -> None:
        for path in paths:
            self.tell("agent_stopping", path, reason=reason)
            self.tell("agent_stopped", path, reason=reason)


@pytest.fixture
def run() -> Teller:
    made = Teller()
    made.tell("system_started", system="main", pid=7)
    return made


def at(tree: LoggedTree, path: str) -> LoggedAgent:
    found = tree.find(path)
    assert isinstance(found, LoggedAgent), f"no {path} in {tree}"
    return found


def lines(tree: LoggedTree) -> list[str]:
    return str(tree).splitlines()


# -- as the live one ------------------------------------------------------------------


def test_a_tree_from_records_is_drawn_as_the_live_one(run: Teller) -> None:
    run.start("/crew", agent="Supervisor")
    run.start("/crew/one", "/crew/two", "/alone")
    run.crash("/crew/one", 1)
    assert lines(fold(run.records)) == [
        "main: 4 agents",
        "├─ ○ crew Supervisor idle #1",
        "│  ├─ ○ one Worker idle #2 restarts=1 (limit 3 in 5 s) last failure: Boom: no",
        "│  └─ ○ two Worker idle #1",
        "└─ ○ alone Worker idle #1",
    ]


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("agent_suspended", "suspended"),
        ("agent_halted", "halted"),
        ("agent_backing_off", "backing_off"),
        ("agent_restarting", "starting"),
        ("agent_resumed", "idle"),
        ("agent_stopping", "stopping"),
    ],
)
def test_each_step_of_a_life_is_a_state_of_the_tree(run: Teller, kind: str, state: str) -> None:
    run.start("/a")
    step = run.tell(kind, "/a")
    agent = at(fold(run.records), "/a")
    assert (agent.state, agent.since) == (state, step.timestamp)


def test_who_has_ended_is_gone_and_can_be_shown_with_the_reason(run: Teller) -> None:
    run.start("/a", "/b")
    run.end("/a")
    assert lines(fold(run.records)) == ["main: 1 agent", "└─ ○ b Worker idle #1"]
    assert lines(fold(run.records, ended=True)) == [
        "main: 1 agent, 1 ended",
        "├─ ○ b Worker idle #1",
        "└─ ✕ a Worker stopped #1 (requested)",
    ]


def test_a_name_that_is_used_again_is_a_new_life(run: Teller) -> None:
    run.start("/a")
    run.crash("/a", 1)
    run.end("/a")
    run.start("/a", agent="Other")
    agent = at(fold(run.records, ended=True), "/a")
    assert (agent.agent, agent.incarnation, agent.restarts, agent.last_failure) == ("Other", 1, 0, "")


def test_a_start_that_failed_leaves_nothing_but_its_error(run: Teller) -> None:
    run.tell("agent_spawned", "/a", agent="Worker")
    run.tell("agent_start_failed", "/a", error="Boom: no", error_type="Boom")
    assert len(fold(run.records)) == 0
    agent = at(fold(run.records, ended=True), "/a")
    assert (agent.state, agent.reason, agent.last_failure) == ("stopped", "did not start", "Boom: no")


def test_the_system_tells_its_name_and_its_end(run: Teller) -> None:
    run.start("/a")
    run.end("/a", reason="failed")
    run.tell("system_stopped", "/", error="Boom: no", error_type="Boom")
    tree = fold(run.records)
    assert (tree.system, tree.run, tree.seq, tree.ended, tree.failed) == ("main", RUN, 6, True, "Boom: no")
    assert str(tree) == "main: 0 agents, it has ended: Boom: no"


def test_abandoned_threads_are_counted_until_they_return(run: Teller) -> None:
    run.start("/a")
    run.tell("agent_abandoned", "/a", in_hand="Job", seconds=3.0)
    assert str(fold(run.records)).startswith("main: 1 agent, 1 orphan")
    run.tell("agent_returned", "/a", seconds=9.0)
    assert fold(run.records).orphans == 0


def test_records_of_other_things_and_of_kinds_that_nobody_knows_change_nothing(run: Teller) -> None:
    run.start("/a")
    before = str(fold(run.records))
    run.tell("dead_letter", "/a", letter="'x'", reason="stopped")
    run.tell("agent_state_changed", agent_id="reviewer", old_state="idle", new_state="working")
    run.records.append(UnknownRecord(event_type="of_tomorrow", seq=6, path="/a"))
    assert str(fold(run.records)) == before


def test_a_tree_of_a_thousand_levels_is_rebuilt(run: Teller) -> None:
    path = ""
    for _ in range(1000):
        path += "/a"
        run.start(path)
    tree = fold(run.records)
    assert len(tree) == 1000
    assert len(lines(tree)) == 1001
    assert len(tree.to_json()["agents"]) == 1000


# -- what the agents have in hand ---------------------------------------------------------


def sample(run: Teller, **agents: Any) -> dict[str, Any]:
    """A sample that was taken after the last record."""
    taken = BEGUN + timedelta(seconds=len(run.records) + 5)
    return {"at": taken.isoformat(), "agents": {f"/{name}": figures for name, figures in agents.items()}}


def figures(**changed: Any) -> dict[str, Any]:
    found = {"state": "busy", "mailbox": 3, "capacity": 8, "message": "Job(1)", "seconds": 2.5, "waits_for": ""}
    return {**found, **changed}


def test_a_sample_tells_what_agents_have_in_hand_and_what_waits_for_them(run: Teller) -> None:
    run.start("/a", "/b")
    tree = fold(
        run.records, sample(run, a=figures(), b=figures(state="waiting", waits_for="/a", mailbox=0, capacity=None))
    )
    assert lines(tree)[1:] == [
        "├─ ● a Worker busy #1 mailbox=3/8 in Job(1) for 2.5 s",
        "└─ ◌ b Worker waiting for /a #1 in Job(1) for 2.5 s",
    ]
    assert tree.sampled == BEGUN + timedelta(seconds=10)


def test_a_sample_of_the_state_before_is_not_taken_for_that_of_now(run: Teller) -> None:
    run.start("/a")
    before = sample(run, a=figures())
    for _ in range(10):
        run.tell("member_joined", "/r", name="m")
    run.crash("/a", 1)
    agent = at(fold(run.records, before), "/a")
    assert (agent.state, agent.mailbox, agent.message) == ("idle", 0, "")


@pytest.mark.parametrize(
    "strange",
    [{}, {"at": "?", "agents": {"/a": figures()}}, {"at": None, "agents": None}, {"agents": {"/a": "?", "/gone": {}}}],
)
def test_a_sample_that_is_none_does_no_harm(run: Teller, strange: Any) -> None:
    run.start("/a")
    assert len(fold(run.records, strange)) == 1


# -- what is not known ----------------------------------------------------------------------


def test_after_a_gap_an_agent_is_unknown_until_its_next_record(run: Teller) -> None:
    run.start("/a", "/b")
    run.skip(5)
    run.tell("agent_restarted", "/a", 4)
    tree = fold(run.records)
    assert lines(tree) == [
        "main: 2 agents, records are missing in 1 place",
        "├─ ○ a Worker idle #4 restarts=3 (limit 3 in 5 s) (records are missing)",
        "└─ ? b Worker unknown #1 (records are missing)",
    ]


def test_a_gap_that_the_log_tells_is_one_as_well(run: Teller) -> None:
    run.start("/a")
    told = Gap(first_available=9, lost=4)
    assert at(fold([*run.records, told]), "/a").state == "unknown"
    run.tell("log_gap", from_seq=4, to_seq=8, count=5, reason="full")
    assert fold(run.records).gaps == 1


def test_what_comes_right_after_a_gap_that_was_told_is_no_second_gap(run: Teller) -> None:
    run.start("/a")
    run.skip(4)
    later = run.tell("agent_suspended", "/a", error="Boom: no")
    assert later.seq is not None
    assert fold([*run.records[:-1], Gap(later.seq, 4), later]).gaps == 1


def test_an_agent_whose_start_is_not_in_the_log_is_shown_as_far_as_it_is_known(run: Teller) -> None:
    run.start("/crew", "/crew/a")
    run.tell("agent_restarting", "/crew/a", 5)
    tree = fold(run.records[-1:], system="main")
    assert lines(tree) == [
        "main: 2 agents, records are missing in 1 place",
        "└─ ? crew ? unknown (records are missing)",
        "   └─ ◐ a ? starting #5 restarts=4 (records are missing)",
    ]


def test_the_end_of_a_parent_is_the_end_of_all_below_it_whatever_was_lost(run: Teller) -> None:
    run.start("/crew", "/crew/a", "/crew/a/b")
    run.skip(4)
    run.tell("agent_stopped", "/crew", reason="failed")
    assert len(fold(run.records)) == 0


def test_a_record_that_comes_twice_counts_once(run: Teller) -> None:
    run.start("/a")
    run.crash("/a", 1)
    assert str(fold([*run.records, *run.records])) == str(fold(run.records))


def test_a_tree_can_be_seen_after_each_record(run: Teller) -> None:
    run.start("/a")
    run.crash("/a", 1)
    run.end("/a")
    states = []
    growing = Fold()
    for record in run.records:
        growing.add(record)
        agent = growing.tree().find("/a")
        states.append(None if agent is None else agent.state)
    assert states == [None, "starting", "idle", "suspended", "suspended", "starting", "idle", "stopping", None]


def test_only_the_newest_of_those_who_have_ended_are_remembered(run: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("actors.eventlog.fold"), "ENDED", 3)
    for number in range(5):
        run.start(f"/a{number}")
        run.end(f"/a{number}")
    assert [agent.name for agent in fold(run.records, ended=True)] == ["a2", "a3", "a4"]


def test_json_has_the_facts_of_every_agent_parents_first(run: Teller) -> None:
    run.start("/crew", "/crew/a")
    run.crash("/crew/a", 1)
    found = fold(run.records).to_json()
    assert (found["system"], found["run"], found["seq"], found["ended"]) == ("main", RUN, 9, False)
    assert [agent["path"] for agent in found["agents"]] == ["/crew", "/crew/a"]
    crashed = found["agents"][1]
    assert (crashed["restarts"], crashed["last_failure"], crashed["lost"]) == (1, "Boom: no", False)
    assert crashed["failed_at"] == (BEGUN + timedelta(seconds=6)).isoformat()
