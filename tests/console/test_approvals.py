"""Does `actortree approvals` show what is to be approved, and does what a person says there reach the program?"""

from __future__ import annotations

import getpass
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actors import ActorSystem
from actors.approvals import ApprovalRequest, ApprovalState, Approver, ApproverRef, digest_of
from actors.console import main
from tests.console.runs import actortree

Said = Callable[..., list[str]]
PAYLOAD = {"command": "rm -r build", "why": "it is old\nand large"}
DIGEST = digest_of("run", PAYLOAD)


def asking(**fields: Any) -> ApprovalRequest:
    return ApprovalRequest(**{"task_id": "t-1", "action": "run", "payload": PAYLOAD, **fields})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "crew.approvals"


@pytest.fixture
def approver(path: Path) -> Iterator[ApproverRef]:
    """One of a program that runs."""
    with ActorSystem("program") as system:
        yield system.spawn(Approver, store=path, name="approver")


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Gives the command, which cannot be done, and gives what it says to that."""

    def give(*arguments: object) -> str:
        code = main([*map(str, arguments)])
        written = capsys.readouterr()
        assert (code, written.out) == (2, ""), written
        return written.err

    return give


# -- what there is ---------------------------------------------------------------------------


def test_it_shows_all_of_what_is_asked(approver: ApproverRef, path: Path, said: Said) -> None:
    approver.request(asking(editable=True, mission_id="m-1", agent_id="/crew/w-1", deadline=7200))
    approver.pending()
    first, second, facts, *payload = said("approvals", path)
    assert first == "1 approval: 1 pending"
    assert second == "ap-1  pending  run"
    assert facts.startswith("    asked 0.")
    assert facts.endswith(" s ago by /crew/w-1 for task t-1 of m-1, may be edited, denied in 2.0 h")
    assert payload == ["    command: rm -r build", "    why: it is old", "        and large"]


def test_it_shows_what_is_not_over_or_all(approver: ApproverRef, path: Path, said: Said) -> None:
    for key in "abcd":
        approver.request(asking(key=key, payload={}))
    approver.deny("ap-1", "no", by="ann")
    approver.approve("ap-2", by="bob", reason="go on")
    approver.approve("ap-3")
    approver.begin("ap-3", digest_of("run", {}))
    heads = [line for line in said("approvals", path) if line.startswith("ap-")]
    assert heads == ["ap-2  approved  run", "ap-3  executing  run", "ap-4  pending  run"]
    lines = said("approvals", path, "--all")
    assert lines[:2] == ["4 approvals: 1 denied, 1 approved, 1 executing, 1 pending", "ap-1  denied  run"]
    assert lines[2].endswith("ago by ann: no")
    assert lines[4].endswith("ago by bob: go on")


def test_as_json_it_is_one_document(approver: ApproverRef, path: Path, said: Said) -> None:
    approver.request(asking(key="k"))
    approver.pending()
    (line,) = said("approvals", path, "--json")
    (found,) = json.loads(line)
    assert {name: found[name] for name in ("id", "key", "state", "task_id", "action", "payload", "digest")} == {
        "id": "ap-1", "key": "k", "state": "pending", "task_id": "t-1", "action": "run", "payload": PAYLOAD,
        "digest": DIGEST,
    }  # fmt: skip
    approver.deny("ap-1")
    assert said("approvals", path, "--json") == ["[]"]
    (line,) = said("approvals", path, "--all", "--json")
    assert [each["state"] for each in json.loads(line)] == ["denied"]


def test_nothing_that_is_asked_can_steer_the_terminal(approver: ApproverRef, path: Path, said: Said) -> None:
    evil = "\x1b[2Jrm -r /\r\x9bH"
    approver.request(asking(task_id=evil, action=evil, payload={evil: evil}, agent_id=evil, mission_id=evil, key="k"))
    approver.pending()
    text = "\n".join(said("approvals", path)) + "\n".join(said("approvals", path, "deny", "ap-1", "--reason", evil))
    assert all(letter.isprintable() or letter == "\n" for letter in text)


def test_a_file_without_any_says_so(approver: ApproverRef, path: Path, said: Said) -> None:
    assert said("approvals", path) == ["0 approvals"]


# -- yes and no --------------------------------------------------------------------------------


def test_approve_reaches_the_program_at_once(approver: ApproverRef, path: Path, said: Said) -> None:
    answer = approver.request(asking())
    approver.pending()
    assert said("approvals", path, "approve", "ap-1", "--reason", "go on", "--by", "ann") == [
        "ap-1 is approved: run, task t-1"
    ]
    got = answer.get(timeout=10)
    assert (got.outcome, got.by, got.reason, got.payload, got.digest) == ("approved", "ann", "go on", None, DIGEST)


def test_what_is_edited_reaches_the_program(approver: ApproverRef, path: Path, said: Said) -> None:
    answer = approver.request(asking(editable=True))
    approver.pending()
    edit = ("--edit", "command=ls build", "--edit", "why=a=b")
    assert said("approvals", path, "approve", "1", *edit) == ["ap-1 is approved, edited: run, task t-1"]
    assert answer.get(timeout=10).payload == {"command": "ls build", "why": "a=b"}
    assert said("approvals", path)[3:] == ["    command (edited): ls build", "    why (edited): a=b"]


@pytest.mark.parametrize(
    ("options", "outcome", "state"), [((), "refused", "denied"), (("--abort",), "aborted", "cancelled")]
)
def test_deny_reaches_the_program_with_its_reason(
    approver: ApproverRef, path: Path, said: Said, options: tuple[str, ...], outcome: str, state: str
) -> None:
    answer = approver.request(asking())
    approver.pending()
    (line,) = said("approvals", path, "deny", "ap-1", "--reason", "too much", *options, "--json")
    assert (json.loads(line)["state"], json.loads(line)["by"]) == (state, getpass.getuser())
    got = answer.get(timeout=10)
    assert (got.outcome, got.reason, got.by) == (outcome, "too much", getpass.getuser())


def test_the_command_works_as_a_process_of_its_own(approver: ApproverRef, path: Path, packages_folder: Path) -> None:
    answer = approver.request(asking())
    approver.pending()
    ran = actortree(packages_folder, "approvals", path, "approve", "ap-1", "--by", "ann")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "ap-1 is approved: run, task t-1\n", "")
    assert answer.get(timeout=10).by == "ann"


def test_an_answer_without_a_program_is_there_for_the_next(path: Path, said: Said) -> None:
    with ActorSystem("first") as system:
        first = system.spawn(Approver, store=path)
        first.request(asking(key="k"))
        first.pending()
    said("approvals", path, "approve", "ap-1", "--by", "ann")
    with ActorSystem("next") as system:
        assert system.spawn(Approver, store=path).request(asking(key="k")).get(timeout=10).by == "ann"


def test_what_was_interrupted_is_shown_and_settled(path: Path, said: Said, refused: Callable[..., str]) -> None:
    with ActorSystem("first") as system:
        approver = system.spawn(Approver, store=path)
        for number, key in enumerate("ab", 1):
            approver.request(asking(key=key))
            approver.approve(f"ap-{number}")
            approver.begin(f"ap-{number}", DIGEST)
        text = "actortree: ap-1 is being executed: only the program that does so knows how that ends\n"
        assert refused("approvals", path, "done", "ap-1") == text
        assert refused("approvals", path, "give-up", "ap-1", "--reason", "x") == text
    lines = said("approvals", path)
    assert lines[:2] == ["2 approvals: 2 interrupted", "ap-1  interrupted  run"]
    assert "begun 0." in lines[2]
    assert said("approvals", path, "done", "ap-1") == ["ap-1 is consumed: run, task t-1"]
    assert said("approvals", path, "give-up", "ap-2", "--reason", "half") == ["ap-2 is cancelled: run, task t-1"]
    assert said("approvals", path) == ["2 approvals: 1 consumed, 1 cancelled"]


# -- what cannot be done -----------------------------------------------------------------------


def test_an_answer_that_comes_too_late_is_told_so(
    approver: ApproverRef, path: Path, refused: Callable[..., str]
) -> None:
    approver.request(asking())
    approver.deny("ap-1", "no", by="bob")
    assert refused("approvals", path, "approve", "ap-1") == (
        "actortree: ap-1 is denied by bob (no): the answer comes too late and changes nothing\n"
    )
    assert approver.get("ap-1").state is ApprovalState.DENIED


def test_an_answer_after_the_deadline_is_too_late_also_where_nobody_has_noticed(
    path: Path, refused: Callable[..., str], said: Said
) -> None:
    with ActorSystem("first") as system:
        approver = system.spawn(Approver, store=path)
        approver.request(asking(key="k", deadline=3600))
        approver.pending()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE approval SET deadline = created - 1")
    connection.close()
    assert said("approvals", path)[2].endswith(", its time is over")
    text = "actortree: ap-1 is expired (nobody answered in time): the answer comes too late and changes nothing\n"
    assert refused("approvals", path, "approve", "ap-1") == text
    assert said("approvals", path) == ["1 approval: 1 expired"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("approve", "ap-9"), "there is no approval ap-9"),
        (("deny", "x\x1b", "--reason", "no"), "there is no approval x\\x1b"),
        (("approve", "ap-1", "--edit", "command"), "--edit: NAME=VALUE, not command"),
        (("approve", "ap-1", "--edit", "comand=ls"), "--edit: ap-1 has no comand; it has command, why"),
        (("approve", "ap-1", "--edit", "command=ls"), "ap-1 may be approved or denied, but not changed"),
        (("done", "ap-1"), "ap-1 is pending: it is not being executed"),
    ],
)
def test_what_cannot_be_done_is_exit_code_2_and_says_why(
    approver: ApproverRef, path: Path, refused: Callable[..., str], arguments: tuple[str, ...], text: str
) -> None:
    approver.request(asking())
    approver.pending()
    assert refused("approvals", path, *arguments) == f"actortree: {text}\n"
    assert approver.get("ap-1").state is ApprovalState.PENDING


@pytest.mark.parametrize("arguments", [(), ("approve", "ap-1"), ("deny", "ap-1", "--reason", "no")])
def test_a_file_that_is_none_is_not_made_or_written(
    tmp_path: Path, refused: Callable[..., str], arguments: tuple[str, ...]
) -> None:
    other = tmp_path / "text"
    other.write_text("no database")
    assert "there is no file" in refused("approvals", tmp_path / "nowhere", *arguments)
    assert "is no file of approvals" in refused("approvals", other, *arguments)
    assert "is no file of approvals" in refused("approvals", tmp_path, *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["text"]
    assert other.read_text() == "no database"


def test_a_no_needs_a_reason(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["approvals", str(path), "deny", "ap-1"])
    assert ended.value.code == 2
    assert "--reason" in capsys.readouterr().err


def test_a_user_without_a_name_says_so_without_one(
    approver: ApproverRef, path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(getpass, "getuser", nobody)
    answer = approver.request(asking())
    approver.pending()
    said("approvals", path, "approve", "ap-1")
    assert answer.get(timeout=10).by == ""
