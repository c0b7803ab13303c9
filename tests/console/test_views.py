"""Does each view show what is in a log, as text and as JSON?"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from actors.console import events_view, main
from actors.eventlog import SqliteLog
from actors.eventlog.kinds import KINDS, MissionEventRecord, MissionWorkAssignedRecord
from actors.eventlog.work_kinds import MissionWorkFailedRecord
from tests.console.runs import COMMAND, Audit

Said = Callable[..., list[str]]

TREE = [
    "audit: 3 agents",
    "└─ ○ crew Supervisor idle #1",
    "   ├─ ○ one Doer idle #2 restarts=1 (limit 3 in 5 s) last failure: Boom: crash of #1",
    "   └─ ● two Doer busy #1 mailbox=1/1 in Long() for 2.5 s",
]


LINE = re.compile(r"(?:\S+ )?\d\d:\d\d:\d\d\.\d{3} +(?P<seq>\d+)  (?P<kind>\S+) +(?P<who>.+?)(?:  (?P<said>.*))?$")


def part(name: str, lines: list[str]) -> list[str]:
    """One part of each line of events: seq, kind, who or said."""
    found = [LINE.match(line) for line in lines]
    assert None not in found, lines
    return [match[name] for match in found if match is not None]


def kinds(lines: list[str]) -> list[str]:
    return part("kind", lines)


def document(said: Said, *arguments: object) -> Any:
    (line,) = said(*arguments, "--json")
    return json.loads(line)


# -- tree ---------------------------------------------------------------------------------


def test_the_tree_is_that_of_the_system(audit: Audit, path: Path, said: Said) -> None:
    assert said("tree", path) == TREE


def test_the_tree_of_a_run_that_has_ended_shows_who_was_there(audit: Audit, path: Path, said: Said) -> None:
    audit.end()
    lines = said("tree", path)
    assert lines[0] == "audit: 0 agents, 4 ended, it has ended"
    assert sorted(line.split()[-1] for line in lines[1:]) == ["(requested)", "(shutdown)", "(shutdown)", "(shutdown)"]


def test_the_tree_can_be_seen_as_it_was_after_a_record(audit: Audit, path: Path, said: Said) -> None:
    (started,) = part("seq", said("events", path, "--agent", "/crew/one", "--kind", "agent_started"))
    lines = said("tree", path, "--at", started)
    assert lines[-1] == "   └─ ○ one Doer idle #1"
    assert said("tree", path, "--at", 0) == ["audit: 0 agents"]


def test_who_has_ended_is_shown_where_somebody_asks(audit: Audit, path: Path, said: Said) -> None:
    assert "   └─ ✕ three Doer stopped #1 (requested)" in said("tree", path, "--ended")


def test_the_tree_is_drawn_for_mermaid_and_graphviz(audit: Audit, path: Path, said: Said) -> None:
    assert said("tree", path, "--mermaid")[0] == "flowchart TD"
    assert said("tree", path, "--dot")[0] == 'digraph "audit" {'


def test_the_tree_as_json_has_all_agents(audit: Audit, path: Path, said: Said) -> None:
    found = document(said, "tree", path)
    assert [agent["path"] for agent in found["agents"]] == ["/crew", "/crew/one", "/crew/two"]
    assert found["agents"][2]["message"] == "Long()"


# -- events -------------------------------------------------------------------------------


def test_events_are_the_newest_in_the_order_in_which_they_came(audit: Audit, path: Path, said: Said) -> None:
    assert kinds(said("events", path, "-n", 3)) == ["agent_stopping", "agent_stopped", "overflow"]
    assert kinds(said("events", path))[0] == "system_started"


def test_the_filter_comes_before_the_limit(audit: Audit, path: Path, said: Said) -> None:
    assert kinds(said("events", path, "-n", 1, "--agent", "/crew/one")) == ["agent_restarted"]
    assert kinds(said("events", path, "-n", 1, "--kind", "agent_failed")) == ["agent_failed"]
    both = said("events", path, "--kind", "agent_stopped", "--kind", "overflow")
    assert kinds(both) == ["agent_stopped", "overflow"]


def test_a_cursor_is_exclusive_and_no_record_comes_twice(audit: Audit, path: Path, said: Said) -> None:
    every = said("events", path, "--after", 0)
    first = said("events", path, "--after", 0, "-n", 4)
    rest = said("events", path, "--after", *part("seq", first[-1:]))
    assert first + rest == every
    assert len(first) == 4
    failed = said("events", path, "--after", 0, "-n", 1, "--kind", "agent_failed")
    assert kinds(failed) == ["agent_failed"]


def test_events_of_a_mission_are_those_of_no_other(path: Path, said: Said) -> None:
    with SqliteLog(path) as log:
        for name in ("a", "b"):
            log.append(MissionEventRecord(message=f"of {name}").with_mission(name))
        log.flush()
        (line,) = said("events", path, "--mission", "b")
    assert line.endswith("mission_event           b  of b")


def test_every_kind_has_room_in_its_column(path: Path, said: Said) -> None:
    with SqliteLog(path) as log:
        for kind in KINDS.values():
            log.append(kind(path="/who"))
        log.flush()
        lines = said("events", path, "-n", len(KINDS))
    assert len({line.index("/who") for line in lines}) == 1
    assert sorted(kinds(lines)) == sorted(KINDS)


def test_the_steps_of_a_ticket_say_of_which(path: Path, said: Said) -> None:
    with SqliteLog(path) as log:
        log.append(MissionWorkFailedRecord(path="/conductor", incarnation=1, task_id="T1", message="no disk"))
        log.append(MissionWorkAssignedRecord(path="/conductor", task_id="T2").with_transition("ready", "in_progress"))
        log.flush()
        failed, assigned = said("events", path)
    assert failed.endswith("mission_work_failed     /conductor #1  T1  no disk")
    assert assigned.endswith("mission_work_assigned   /conductor  T2  ready -> in_progress")


COLOURS = {"red": "31", "yellow": "33", "green": "32", "dim": "2", "": None}


@pytest.mark.parametrize(
    ("kind", "state", "colour"),
    [
        ("agent_failed", None, "red"),
        ("task_failed", None, "red"),
        ("mission_work_failed", "exhausted", "red"),
        ("mission_work_blocked", "blocked", "yellow"),
        ("mission_work_returned", "ready", "yellow"),
        ("mission_help_needed", None, "yellow"),
        ("agent_interrupted", "paused", "yellow"),
        ("mission_work_completed", "completed", "green"),
        ("reviewer_approval", None, "green"),
        ("usage_reported", None, "dim"),
        ("mission_work_assigned", "in_progress", ""),
        ("mission_state_changed", "failed", "red"),
        ("mission_state_changed", "completed", "green"),
        ("mission_state_changed", "running", ""),
        ("approval_state_changed", "denied", "yellow"),
        ("breaker_state_changed", "open", "red"),
        ("breaker_state_changed", None, ""),
    ],
)
def test_what_somebody_has_to_look_at_is_loud_where_there_are_colours(
    path: Path, said: Said, monkeypatch: pytest.MonkeyPatch, kind: str, state: str | None, colour: str
) -> None:
    monkeypatch.setattr(events_view, "has_colours", lambda stream: True)
    with SqliteLog(path) as log:
        log.append(KINDS[kind](path="/who", new_state=state))
        log.flush()
        (line,) = said("events", path)
    found = re.search(r"\x1b\[(\d+)m(\w+) *\x1b\[0m", line)
    assert (found and found[1]) == COLOURS[colour]
    assert kind in line


def test_every_kind_that_has_a_colour_is_there_and_has_one() -> None:
    named = [kind for kinds in events_view._LOUD.values() for kind in kinds.split()]
    assert len(named) == len(set(named))
    assert {*named, *events_view._BY_STATE} <= set(KINDS)
    assert not set(named) & set(events_view._BY_STATE)


def test_events_as_json_are_one_record_on_each_line(audit: Audit, path: Path, said: Said) -> None:
    records = [json.loads(line) for line in said("events", path, "--json", "--kind", "overflow")]
    (record,) = records
    assert (record["path"], record["reason"], record["letter"]) == ("/crew/two", "full", "'too much'")
    assert datetime.fromisoformat(record["timestamp"]).tzinfo is not None


def test_an_event_says_when_who_and_what(audit: Audit, path: Path, said: Said) -> None:
    (line,) = said("events", path, "--kind", "agent_failed")
    assert part("who", [line]) == ["/crew/one #1"]
    assert "Boom: crash of #1" in part("said", [line])[0]


def test_what_would_steer_the_terminal_is_made_visible(path: Path, said: Said) -> None:
    with SqliteLog(path) as log:
        log.append(MissionEventRecord(message="red \x1b[31m and a bell \x07, two\nlines, \u202eturned"))
        log.flush()
        (line,) = said("events", path)
    assert line.endswith("red \\x1b[31m and a bell \\x07, two lines, \\u202eturned")


def test_nothing_found_is_explained(audit: Audit, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, hint in (
        (("--agent", "crew"), "agents are named by their paths"),
        (("--mission", "m"), "no such records of a mission m"),
        (("--kind", "AgentFailed"), "agent_failed"),
        (("--after", "1000"), "no records"),
    ):
        assert main(["events", str(path), *arguments]) == 0
        written = capsys.readouterr()
        assert written.out == ""
        assert hint in written.err


def test_a_number_beyond_all_records_is_refused_in_a_line(
    audit: Audit, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["events", str(path), "--after", f"{10**30}"]) == 2
    assert capsys.readouterr().err == f"actortree: after: the number of a record, or 0, not {10**30}\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to write to")
@pytest.mark.parametrize("view", ["runs", "events"])
def test_output_that_cannot_be_written_is_said_in_a_line(packages_folder: Path, path: Path, view: str) -> None:
    with SqliteLog(path) as log:
        for number in range(100):
            log.append(MissionEventRecord(message=f"{number} {'x' * 150}"))
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [*COMMAND, view, path, *(["--after", "0"] if view == "events" else [])],
            cwd=packages_folder,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ran.stderr == "actortree: standard output cannot be written: No space left on device\n"
    assert ran.returncode == 2


def test_a_standard_output_that_is_closed_is_no_mistake(
    audit: Audit, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", None)
    assert main(["runs", str(path)]) == 0


# -- dump, dead letters, runs ---------------------------------------------------------------


def test_a_dump_has_the_tree_the_busy_agents_and_the_last_failures(audit: Audit, path: Path, said: Said) -> None:
    lines = said("dump", path)
    assert lines[:4] == TREE
    assert "  /crew/two #1 Doer: in Long() for 2.5 s, mailbox 1/1" in lines
    assert lines[-2] == "last failures: 1 record"
    assert "/crew/one #1" in lines[-1]
    found = document(said, "dump", path)
    assert (found["busy"], [failure["path"] for failure in found["failures"]]) == (["/crew/two"], ["/crew/one"])


def test_a_dump_without_a_sample_says_so(path: Path, said: Said) -> None:
    with SqliteLog(path) as log:
        log.append(MissionEventRecord(message="alone"))
        log.flush()
        lines = said("dump", path)
    assert "in hand: the log has no sample of what the agents are doing" in lines
    assert lines[-1] == "last failures: none"


def test_dead_letters_are_counted_by_reason_and_the_newest_shown(audit: Audit, path: Path, said: Said) -> None:
    lines = said("dead-letters", path)
    assert lines[:4] == ["2 dead letters in the log", "       1  failed", "       1  full", "all of them:"]
    assert lines[-1].endswith("/crew/two #1  full: 'too much'")
    assert len(said("dead-letters", path, "-n", 1)) == 5
    assert said("dead-letters", path, "--agent", "/crew/one")[0] == "1 dead letter in the log"
    found = document(said, "dead-letters", path, "--reason", "full")
    assert found["by_reason"] == {"full": 1}
    assert found["newest"][0]["path"] == "/crew/two"


def test_runs_are_listed_and_each_can_be_read(audit: Audit, path: Path, said: Said) -> None:
    with SqliteLog(path) as other:
        other.append(MissionEventRecord(message="of the second run"))
        other.flush()
        first, second = (line.split()[0] for line in said("runs", path)[1:])
        assert (first, second) == (audit.log.run, other.run)
        assert said("events", path)[0].endswith("of the second run")
        assert said("tree", path, "--run", first) == TREE
        assert [run["run"] for run in document(said, "runs", path)] == [first, second]


# -- top, once --------------------------------------------------------------------------------


def test_top_without_a_terminal_is_one_picture_as_text(
    audit: Audit, path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    lines = said("top", path)
    assert lines[1] == "3 agents  1 ● busy  2 ○ idle"
    assert lines[3].split() == ["AGENT", "CLASS", "STATE", "RST", "MAIL", "TIME", "IN", "HAND", "LAST", "FAILURE"]
    assert lines[6].split() == ["└", "two", "Doer", "●", "busy", "0/3", "1/1", "2.5", "s", "Long()"]
    assert all(len(line) <= 100 for line in lines)


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 90, 100, 139, 140, 200])
def test_top_fits_every_width(
    audit: Audit, path: Path, said: Said, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for sort in ("tree", "path"):
        assert max(len(line) for line in said("top", path, "--sort", sort)) <= columns


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("tree", "crew"),
        ("mailbox", "two"),
        ("seconds", "two"),
        ("restarts", "one"),
        ("failures", "one"),
        ("path", "crew"),
    ],
)
def test_top_can_be_sorted(audit: Audit, path: Path, said: Said, sort: str, first: str) -> None:
    lines = said("top", path, "--once", "--sort", sort)
    assert lines[4].removeprefix("└").split()[0].rpartition("/")[2] == first


def test_top_as_json_has_tree_and_counts(audit: Audit, path: Path, said: Said) -> None:
    found = document(said, "top", path)
    assert found["records"]["agent_failed"] == 1
    assert [agent["path"] for agent in found["agents"]] == ["/crew", "/crew/one", "/crew/two"]
    assert found["run_ended"] == ""


def test_a_run_that_was_long_ago_shows_its_dates(path: Path, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    with SqliteLog(path) as log:
        log._stamping.clock = lambda: datetime(2001, 2, 3, tzinfo=UTC).timestamp()
        log.append(MissionEventRecord(message="long ago"))
        log.flush()
        assert re.match(r"2001-02-0[234] ", said("events", path)[0])
