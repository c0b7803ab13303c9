"""What is true of an approval after `kill -9` of the program that asked, and when another process answers it?"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from actors import ActorSystem
from actors._store import doorbell
from actors.approvals import ApprovalClosedError, ApprovalState, Approver, digest_of, read_all
from actors.approvals.owner import Owner
from actors.approvals.store import Store
from tests.approvals.approving_process import PAYLOAD, REQUEST
from tests.approvals.asking import OTHER, given
from tests.core.helpers import Trace

S = ApprovalState
PROGRAM = Path(__file__).with_name("approving_process.py")
DIGEST = digest_of("run", PAYLOAD)
Begin = Callable[[str], subprocess.Popen[str]]
PATIENCE = 30.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "crew.approvals"


@pytest.fixture
def begin(path: Path, packages_folder: Path) -> Iterator[Begin]:
    """Starts the program, and waits until it has brought its request into a state."""
    made: list[subprocess.Popen[str]] = []

    def start(state: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(path), state],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": str(packages_folder)},
        )
        made.append(process)
        wanted = "pending" if state == "answered" else state
        while (line := said(process)) != wanted:
            assert line, "the program has ended"
        return process

    yield start
    for process in made:
        process.kill()
        process.communicate(timeout=PATIENCE)


def said(process: subprocess.Popen[str]) -> str:
    """The next line that the program writes."""
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def killed(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    assert process.wait(PATIENCE) == -signal.SIGKILL


# -- after kill -9 ----------------------------------------------------------------------------


def test_pending_stays_pending_and_is_answered_by_another_process(begin: Begin, path: Path) -> None:
    killed(begin("pending"))
    with ActorSystem("next") as system:
        approver = system.spawn(Approver, store=path, name="approver")
        (pending,) = approver.pending()
        answer = approver.request(REQUEST)
        approver.approve(pending.id, OTHER, by="ann")
        assert (given(answer).approval_id, given(answer).payload) == (pending.id, OTHER)


def test_an_answer_to_what_nobody_waits_for_is_there_when_the_program_comes_back(begin: Begin, path: Path) -> None:
    killed(begin("pending"))
    with closing(Store(path)) as store:
        (pending,) = store.all(S.PENDING)
        store.approve(pending.id, None, "ann", "", pending.created)
    with ActorSystem("next") as system:
        approver = system.spawn(Approver, store=path, name="approver")
        assert given(approver.request(REQUEST)).by == "ann"
        assert approver.begin(pending.id, DIGEST).state is S.EXECUTING


def test_approved_stays_approved_and_is_begun_once(begin: Begin, path: Path) -> None:
    killed(begin("approved"))
    with ActorSystem("next") as system:
        approver = system.spawn(Approver, store=path, name="approver")
        said = given(approver.request(REQUEST))
        assert said.approved
        assert said.approval_id is not None
        approver.begin(said.approval_id, DIGEST)
        with pytest.raises(ApprovalClosedError):
            approver.begin(said.approval_id, DIGEST)


def test_executing_is_reported_as_interrupted_and_never_run_again(begin: Begin, path: Path, lines: list[str]) -> None:
    process = begin("executing")
    (running,) = read_all(path)
    assert (running.state, running.interrupted) == (S.EXECUTING, False)
    killed(process)
    (left,) = read_all(path)
    assert (left.state, left.interrupted) == (S.EXECUTING, True)
    for _ in range(2):
        with ActorSystem("next") as system:
            approver = system.spawn(Approver, store=path, name="approver", decider=lambda approval: True)
            assert [each.id for each in approver.interrupted()] == [left.id]
            answer = given(approver.request(REQUEST))
            assert (answer.outcome, answer.approved) == ("interrupted", False)
            with pytest.raises(ApprovalClosedError, match="an approval is used once"):
                approver.begin(left.id, DIGEST)
            assert approver.withdraw(key="k") == ()
    assert [line for line in lines if "interrupted" in line] == [f"/approver: {left.id} was interrupted: run"] * 2
    assert Path(f"{path}.done").read_text() == "done\n"


def test_consumed_stays_consumed(begin: Begin, path: Path) -> None:
    killed(begin("consumed"))
    with ActorSystem("next") as system:
        approver = system.spawn(Approver, store=path, name="approver", decider=lambda approval: True)
        answer = given(approver.request(REQUEST))
        assert (answer.outcome, answer.approved) == ("consumed", False)
        assert answer.approval_id is not None
        with pytest.raises(ApprovalClosedError, match="is consumed"):
            approver.begin(answer.approval_id, DIGEST)
        assert approver.interrupted() == ()


def test_a_program_that_is_stopped_in_order_leaves_what_is_pending_to_the_next(begin: Begin, path: Path) -> None:
    process = begin("pending")
    process.communicate("go\n", timeout=PATIENCE)
    assert process.returncode == 0
    assert sorted(each.name for each in path.parent.iterdir()) == ["crew.approvals"]
    assert [each.state for each in read_all(path)] == [S.PENDING]


# -- while it runs ----------------------------------------------------------------------------


def test_another_process_answers_and_the_program_goes_on(begin: Begin, path: Path) -> None:
    process = begin("answered")
    with closing(Store(path)) as store:
        (pending,) = store.all(S.PENDING)
        store.approve(pending.id, OTHER, "ann", "go on", pending.created)
    assert said(process) == "approved by ann: go on {'command': 'rm -r dist'}"


def test_of_two_programs_with_one_file_one_is_told_what_the_other_said(begin: Begin, path: Path) -> None:
    process = begin("answered")
    with ActorSystem("other") as system:
        approver = system.spawn(Approver, store=path, name="approver")
        answer = approver.request(REQUEST)
        (pending,) = approver.pending()
        approver.deny(pending.id, "no", by="bob")
        assert given(answer).by == "bob"
    assert said(process) == "refused by bob: no {}"


def test_an_approver_notices_another_process_without_sockets_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorbell, "_AF_UNIX", None)
    answered = Trace()
    with ActorSystem("program") as system:
        approver = system.spawn(Approver, store=path, name="approver")
        answer = approver.request(REQUEST)
        answer.add_done_callback(lambda: answered.note(answer.get().by))
        (pending,) = approver.pending()
        with closing(Store(path)) as store:
            store.approve(pending.id, None, "ann", "", pending.created)
        answered.wait_for("ann")


# -- who is there -----------------------------------------------------------------------------


def test_an_owner_is_there_until_it_closes_or_is_forgotten(path: Path) -> None:
    one, two = Owner(path), Owner(path)
    assert (one.is_alive(two.run), two.is_alive(one.run), one.is_alive(one.run)) == (True, True, True)
    two.close()
    assert (one.is_alive(two.run), two.is_alive(two.run)) == (False, False)
    run = Owner(path).run
    assert not one.is_alive(run)
    one.close()
    assert list(path.parent.iterdir()) == []


def test_those_who_look_at_once_do_not_take_one_another_for_the_owner(path: Path) -> None:
    """As of a program that was killed, whose file two others look at."""
    one = Owner(path)
    left = path.with_name(f"{path.name}-owners") / "left"
    left.touch()
    with left.open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        assert not one.is_alive("left")
    two = Owner(path)
    assert sorted(each.name for each in left.parent.iterdir()) == sorted([one.run, two.run]), "and it is tidied away"
    one.close()
    two.close()


def test_the_last_owner_may_remove_the_folder_while_another_comes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, times = os.open, []

    def gone_at_first(place: Path, flags: int, mode: int = 0o777) -> int:
        times.append(place)
        if len(times) == 1:
            Path(place).parent.rmdir()
        return make(place, flags, mode)

    monkeypatch.setattr(os, "open", gone_at_first)
    one = Owner(path)
    assert times[0] == times[1]
    monkeypatch.undo()
    assert Owner(path).is_alive(one.run)
    one.close()


def test_an_owner_that_has_no_folder_to_be_in_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(place: Path, *_: object) -> int:
        raise FileNotFoundError(place)

    monkeypatch.setattr(os, "open", gone)
    with pytest.raises(FileNotFoundError):
        Owner(path)


def test_whose_lock_may_not_be_looked_at_is_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = Owner(path), Owner(path)

    def refuse(*_: object) -> int:
        raise PermissionError("it is somebody else's")

    monkeypatch.setattr(os, "open", refuse)
    assert one.is_alive(two.run)
    monkeypatch.undo()
    one.close()
    two.close()
