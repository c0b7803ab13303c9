"""Does an interrupted worker take each step once, whoever interrupts, resumes, cancels or stops it at one moment?"""

from __future__ import annotations

from typing import Any

import pytest
from loguru import logger

from actors import ActorSystem, AgentStoppedError, Cancelled, ChildSpec
from actors.testkit import Simulation
from actors.work import CancelledEnd, CancelToken, Completed, Job, Worker, WorkerRef
from policies import Stop
from tests.core.helpers import PATIENCE, EventLog
from tests.core.scripted import FOREVER, at_once
from tests.work.standing import outcome, steps_of, stood
from tests.work.tickets import assignment, in_steps, plainly

ROUNDS = 150


WRITTEN = pytest.mark.parametrize("written", [plainly, in_steps], ids=["function", "generator"])


def looks_often(job: Job) -> Any:
    for _ in range(5):
        yield
        job.check()


def _interrupts(ref: WorkerRef) -> Any:
    """Interrupt a worker; gives whether it could be."""
    try:
        return ref.interrupt()
    except AgentStoppedError:
        return None


def has_come_to_rest(log: EventLog, path: str) -> bool:
    """Whether it was told that the worker has worked, was interrupted, and is idle again."""
    states = [record.new_state for record in stood(log, path)]
    return {"working", "paused"} <= set(states) and states[-1] == "idle"


@pytest.mark.usefixtures("quick_switches")
@WRITTEN
def test_interrupts_and_the_end_of_an_attempt_at_one_moment_leave_no_step_out(real: ActorSystem, written: Any) -> None:
    log = EventLog(real)
    for number in range(ROUNDS):
        ref = real.spawn(Worker, written(looks_often), name=f"w-{number}")
        assert isinstance(ref, WorkerRef)
        end = ref.ask(assignment(), block=False)
        won = at_once(lambda ref=ref: ref.interrupt("one"), lambda ref=ref: ref.interrupt("two"))
        assert sorted(won) == [False, True]
        ref.resume()
        assert isinstance(end.get(timeout=PATIENCE), Completed)
        log.wait_until(lambda _, ref=ref: has_come_to_rest(log, ref.path))
        kinds = [kind for kind, _, _ in steps_of(log, ref.path)]
        assert kinds.count("agent_interrupted") == 1
        # One less where the attempt had no further step: it ended while the worker was paused, which that stays.
        assert len(kinds) in (3, 4)
        assert ref.work_state == "idle"
        ref.stop()


@pytest.mark.usefixtures("quick_switches")
@WRITTEN
def test_an_interrupt_and_a_stop_at_one_moment_never_hang(real: ActorSystem, written: Any) -> None:
    for number in range(ROUNDS):
        ref = real.spawn(Worker, written(looks_often), name=f"w-{number}")
        end = ref.ask(assignment(), block=False)
        at_once(
            lambda ref=ref, drain=number % 2 == 0: ref.stop(block=False, drain=drain).get(timeout=PATIENCE),
            lambda ref=ref: _interrupts(ref),
        )
        assert not ref.is_alive()
        ended = outcome(end)
        assert isinstance(ended, (Completed, CancelledEnd, Cancelled, AgentStoppedError))


@pytest.mark.usefixtures("quick_switches")
@WRITTEN
def test_a_resume_and_a_cancel_at_one_moment_give_one_end(real: ActorSystem, written: Any) -> None:
    ends = set()
    for number in range(ROUNDS):
        ref = real.spawn(Worker, written(looks_often), name=f"w-{number}")
        token = CancelToken()
        ref.interrupt()
        first = ref.ask(assignment("A", cancel=token), block=False)
        second = ref.ask(assignment("B"), block=False)
        at_once(ref.resume, lambda token=token: token.cancel("enough"), lambda ref=ref: ref.tell("mail"))
        ends.add(type(first.get(timeout=PATIENCE)))
        assert isinstance(second.get(timeout=PATIENCE), Completed)
        assert (ref.incarnation, ref.work_state) == (1, "idle")
        ref.stop()
    assert ends <= {Completed, CancelledEnd}


def two_tickets(seed: int) -> tuple[str, ...]:
    """A worker is interrupted and resumed somewhere in its work, fails once, and may be given up."""
    token = CancelToken()

    def work(job: Job) -> Any:
        for _ in range(4):
            yield
        if job.attempt == 1 and job.ticket.id == "A":
            raise OSError("crashed")

    with Simulation(seed, policy=Stop()) as system:
        log = EventLog(system)
        ref = system.spawn(ChildSpec(Worker, name="worker", args=(work,), policy=FOREVER))
        hand = system.spawn(ChildSpec(Worker, name="hand", args=(lambda job: None,), kwargs={}))
        assert isinstance(ref, WorkerRef)
        ends = [ref.ask(given, block=False) for given in (assignment("A"), assignment("B", cancel=token))]

        def around(turns: int, act: Any) -> None:
            done = hand.ask(assignment(f"{turns}"), block=False)
            done.add_done_callback(lambda: around(turns - 1, act) if turns else act())

        def interrupt() -> None:
            ref.interrupt()
            around(seed % 5, ref.resume)

        around(seed % 11, interrupt)
        if seed % 3 == 0:
            around(seed % 13, lambda: token.cancel("enough"))
        with pytest.raises(OSError, match="crashed"):
            ends[0].get()
        end = ends[1].get()
        log.wait_until(
            lambda _: ref.work_state == "idle" and "agent_interrupted" in [kind for kind, *_ in steps_of(log)]
        )
        kinds = [kind for kind, _, _ in steps_of(log)]
        assert kinds.count("agent_interrupted") == 1
        assert stood(log)[-1].new_state == "idle"
        told = [(each.old_state, each.new_state) for each in stood(log)]
    interrupted = told[[new for _, new in told].index("paused")][0]
    return type(end).__name__, str(interrupted)


@pytest.mark.system_case("T99")
def test_two_tickets_end_once_each_and_every_step_is_told_in_whatever_order_agents_run() -> None:
    logger.disable("actors")
    try:
        seen = {two_tickets(seed) for seed in range(200)}
    finally:
        logger.enable("actors")
    assert {end for end, _ in seen} == {"Completed", "CancelledEnd"}
    assert {state for _, state in seen} == {"idle", "working"}
