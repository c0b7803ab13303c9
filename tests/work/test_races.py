"""Does an attempt end once, whoever is first: what it waits for, who gives it up, or the end of its worker?"""

from __future__ import annotations

from typing import Any

import pytest
from loguru import logger

from actors import ActorSystem, Agent, AgentFuture, ChildSpec
from actors.guard import UsageByTier
from actors.testkit import Simulation
from actors.typed import AdditionalContext
from actors.work import Assignment, CancelledEnd, CancelToken, Completed, Job, Spent, Worker
from policies import Stop
from tests.core.helpers import PATIENCE, Trace
from tests.core.scripted import FOREVER, at_once
from tests.work.tickets import in_steps, plainly, ticket

ROUNDS = 150


@pytest.mark.usefixtures("quick_switches")
@pytest.mark.parametrize("written", [plainly, in_steps], ids=["function", "generator"])
def test_an_answer_and_a_cancel_at_the_same_moment_give_one_end(real: ActorSystem, written: Any) -> None:
    ends = []
    for number in range(ROUNDS):
        future: AgentFuture[str] = AgentFuture()
        token = CancelToken()

        def steps(job: Job, future: AgentFuture[str] = future) -> Any:
            yield
            return (yield job.token.hold(future))

        ref = real.spawn(Worker, written(steps), name=f"w-{number}")
        end = ref.ask(Assignment(ticket=ticket(), cancel=token), block=False)
        at_once(
            lambda future=future: future.resolve("done"),
            lambda token=token: token.cancel("enough"),
            lambda ref=ref: ref.tell(AdditionalContext(content="more")),
        )
        ends.append(type(end.get(timeout=PATIENCE)))
        assert ref.incarnation == 1
        ref.stop()
    assert set(ends) <= {Completed, CancelledEnd}
    assert len(ends) == ROUNDS


@pytest.mark.usefixtures("quick_switches")
def test_many_cancel_a_token_and_one_of_them_has_done_so() -> None:
    for _ in range(ROUNDS):
        whole = CancelToken()
        part = CancelToken(whole)
        called = Trace()
        part.on_cancel(lambda called=called: called.note("cancelled"))
        won = at_once(
            lambda whole=whole: whole.cancel("one"),
            lambda whole=whole: whole.cancel("two"),
            lambda part=part: part.hold(AgentFuture()),
            lambda part=part: part.cancel("three"),
        )
        assert [won[0], won[1]].count(True) == 1
        with pytest.raises(Exception, match="given up"):
            won[2].get(timeout=PATIENCE)
        assert called.notes == ["cancelled"]


@pytest.mark.usefixtures("quick_switches")
def test_a_worker_that_is_stopped_in_the_middle_leaves_nobody_waiting(real: ActorSystem) -> None:
    def work(job: Job) -> Any:
        for _ in range(3):
            yield
        yield job.sleep(3600.0)

    for number in range(ROUNDS):
        ref = real.spawn(Worker, work, name=f"w-{number}")
        end = ref.ask(Assignment(ticket=ticket()), block=False)
        at_once(lambda ref=ref: ref.stop(drain=False), lambda ref=ref: ref.cancel("enough"))
        try:
            assert isinstance(end.get(timeout=PATIENCE), CancelledEnd)
        except Exception as error:
            assert type(error).__name__ in ("AgentStoppedError", "Cancelled")  # noqa: PT017 - which end is a race


class Listening(Agent):
    """Notes what it is told; does what can be called, and answers None."""

    def __init__(self, told: list[Any]) -> None:
        self.told = told

    def on_receive(self, message: Any) -> None:
        message() if callable(message) else self.told.append(message)


def two_attempts(seed: int) -> type:
    """A worker crashes in its first attempt, is told something meanwhile, and is given up somewhere in its second."""
    told: list[Any] = []
    token = CancelToken()

    def work(job: Job) -> Any:
        job.spend(10, 5)
        yield
        if job.attempt == 1:
            raise OSError("crashed")
        for _ in range(3):
            yield job.approve("deploy")
            job.spend(10, 5)
        return str([note.content for note in job.received()])

    with Simulation(seed, policy=Stop()) as system:
        conductor = system.spawn(Listening, told, name="conductor")
        approver = system.spawn(Listening, [], name="approver")
        killer = system.spawn(Listening, [], name="killer")
        ref = system.spawn(ChildSpec(Worker, name="worker", args=(work,), policy=FOREVER))
        whom = {"track": "t", "conductor": conductor, "approver": approver}
        first = ref.ask(Assignment(ticket=ticket(), fence=1, **whom), block=False)
        second = ref.ask(Assignment(ticket=ticket(), attempt=2, fence=2, cancel=token, **whom), block=False)
        ref.tell(AdditionalContext(content="more"))

        def later(turns: int) -> None:
            killer.tell(lambda: later(turns - 1)) if turns else token.cancel("enough")

        later(seed % 20)
        with pytest.raises(OSError, match="crashed"):
            first.get()
        end = second.get()
        conductor.ask(lambda: None)  # all that was told is heard
        used = {each.fence: each.used for each in told if isinstance(each, Spent)}
        assert used[1].total.total == 15
        assert used.get(2, UsageByTier()) == end.usage
        assert ref.incarnation == 2
    assert isinstance(end, CancelledEnd) or end.text == "['more']"
    return type(end)


def test_two_attempts_end_once_each_and_add_up_in_whatever_order_agents_run() -> None:
    logger.disable("actors")
    try:
        assert {two_attempts(seed) for seed in range(300)} == {Completed, CancelledEnd}
    finally:
        logger.enable("actors")
