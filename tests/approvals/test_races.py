"""If several do something to one request at once, is one of them first, and are the others told so?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from actors import ActorSystem, Agent
from actors.approvals import (
    LEGAL,
    ApprovalClosedError,
    ApprovalState,
    Approve,
    Approver,
    ApproverRef,
    Begin,
    Deny,
    Withdraw,
)
from actors.approvals.owner import Owner
from actors.approvals.store import Store
from actors.testkit import Simulation
from tests.approvals.asking import DIGEST, asked, asking, given, steps
from tests.core.helpers import EventLog

S = ApprovalState
SEEDS = 60


class Doing(Agent):
    """Says one thing to an approver, and keeps what came of it."""

    def __init__(self, approver: ApproverRef, message: Any) -> None:
        self.approver = approver
        self.message = message

    def on_receive(self, go: Any) -> Any:
        try:
            return self.approver.ask(self.message)
        except ApprovalClosedError as error:
            return error


def raced(seed: int, first: Any, second: Any) -> tuple[list[Any], str, list[Any]]:
    """Have two agents say something about ap-1 at once, in the order of a seed.

    Gives what each got, the outcome, and the steps.
    """
    with Simulation(seed) as system:
        approver = system.spawn(Approver, deadline=10.0, name="approver")
        log = EventLog(system)
        number, answer = asked(approver)
        if isinstance(first, Begin):
            approver.approve(number)
        doing = [system.spawn(Doing, approver, message) for message in (first, second)]
        futures = [each.ask("go", block=False) for each in doing]
        got = [each.get() for each in futures]
        return got, given(answer).outcome, steps(log)


def is_error(result: Any) -> bool:
    return isinstance(result, ApprovalClosedError)


def agree(told: list[Any]) -> None:
    """Each step is a legal one, from where the last had led."""
    assert told[0] == (None, "pending")
    for (_, before), (old, new) in pairwise(told):
        assert old == before
        assert S(new) in LEGAL[S(old)]


@pytest.mark.parametrize(
    ("first", "second", "outcomes"),
    [
        pytest.param(
            Approve(approval_id="ap-1", by="a"), Approve(approval_id="ap-1", by="b"), {"approved"}, id="two approvers"
        ),
        pytest.param(
            Approve(approval_id="ap-1"), Deny(approval_id="ap-1"), {"approved", "refused"}, id="approve and deny"
        ),
        pytest.param(
            Deny(approval_id="ap-1"), Deny(approval_id="ap-1", abort=True), {"refused", "aborted"}, id="two no"
        ),
        pytest.param(
            Begin(approval_id="ap-1", digest=DIGEST),
            Begin(approval_id="ap-1", digest=DIGEST),
            {"approved"},
            id="begun twice",
        ),
    ],
)
def test_of_two_one_is_first_and_the_other_is_told(first: Any, second: Any, outcomes: set[str]) -> None:
    seen = set()
    winners = set()
    for seed in range(SEEDS):
        got, outcome, told = raced(seed, first, second)
        assert sum(is_error(each) for each in got) == 1, got
        agree(told)
        seen.add(outcome)
        winners.add(is_error(got[0]))
    assert seen == outcomes
    assert winners == {True, False}, "each was first in some order"


def test_approve_against_withdraw() -> None:
    seen = set()
    for seed in range(SEEDS):
        got, outcome, told = raced(seed, Approve(approval_id="ap-1"), Withdraw(task_id="t-1"))
        agree(told)
        assert [new for _, new in told][-1] == "cancelled", "also what was approved and not begun"
        assert is_error(got[0]) == (outcome == "withdrawn"), "who was told yes had been first"
        assert len(got[1]) == 1
        seen.add(outcome)
    assert seen == {"approved", "withdrawn"}


class Later(Agent):
    """Approves ap-1 after so many seconds, and answers with what came of it."""

    def __init__(self, approver: ApproverRef, seconds: float) -> None:
        self.approver = approver
        self.seconds = seconds

    def on_receive(self, message: Any) -> Any:
        if message == "go":
            self.reply = self.context.defer()
            self.context.timers.once("now", self.seconds, "now")
            return None
        try:
            self.reply.set(self.approver.approve("ap-1"))
        except ApprovalClosedError as error:
            self.reply.set(error)
        return None


@pytest.mark.parametrize(("seconds", "outcome"), [(9.999, "approved"), (10.0, "expired"), (10.001, "expired")])
def test_approve_against_the_deadline(seconds: float, outcome: str) -> None:
    """The time decides, in whatever order the timer and the answer come to the approver."""
    for seed in range(SEEDS):
        with Simulation(seed) as system:
            approver = system.spawn(Approver, deadline=10.0, name="approver")
            log = EventLog(system)
            _, answer = asked(approver)
            got = system.spawn(Later, approver, seconds).ask("go")
            assert is_error(got) == (outcome == "expired")
            assert given(answer).outcome == outcome
            assert [new for _, new in steps(log)] == ["pending", outcome]


def test_an_answer_at_the_very_deadline_is_too_late(tmp_path: Path) -> None:
    store = Store(tmp_path / "crew.approvals", Owner(None))
    number = store.request(asking(), 100.0, 10.0).id
    with pytest.raises(ApprovalClosedError, match="expired"):
        store.approve(number, None, "", "", 110.0)
    assert store.get(number).state is S.EXPIRED, "whoever comes first after that ends it"
    other = store.request(asking(), 100.0, 10.0).id
    assert store.approve(other, None, "", "", 109.999).state is S.APPROVED
    store.expire(200.0)
    assert store.get(other).state is S.APPROVED
    store.close()


@pytest.mark.parametrize("what", ["approve", "begin"])
def test_of_many_on_as_many_connections_one_is_first(tmp_path: Path, what: str) -> None:
    """As of many processes, which have nothing in common but the file."""
    path, workers, rounds = tmp_path / "crew.approvals", 4, 25
    owner = Owner(None)
    first = Store(path, owner)
    numbers = [first.request(asking(), 0.0, None).id for _ in range(rounds)]
    if what == "begin":
        for number in numbers:
            first.approve(number, None, "", "", 1.0)
    together = threading.Barrier(workers)
    won: list[tuple[str, int]] = []
    lost: list[tuple[str, int]] = []

    def work(worker: int) -> None:
        store = Store(path, owner)
        acts: dict[str, Callable[[str], object]] = {
            "approve": lambda number: store.approve(number, None, f"{worker}", "", 2.0),
            "begin": lambda number: store.begin(number, DIGEST, 2.0),
        }
        for number in numbers:
            together.wait(30)
            try:
                acts[what](number)
                won.append((number, worker))
            except ApprovalClosedError:
                lost.append((number, worker))
        store.close()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(number for number, _ in won) == sorted(numbers)
    assert len(lost) == (workers - 1) * rounds
    if what == "approve":
        assert {(number, int(first.get(number).by)) for number in numbers} == set(won)
    first.close()


def test_threads_that_ask_with_one_key_ask_one_thing() -> None:
    with ActorSystem("test") as system:
        approver = system.spawn(Approver, name="approver")
        together = threading.Barrier(4)
        answers: list[Any] = []

        def ask() -> None:
            together.wait(30)
            answers.append(approver.request(asking(key="same")))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        (pending,) = approver.pending()
        approver.approve(pending.id)
        assert [given(each).approval_id for each in answers] == [pending.id] * 4
