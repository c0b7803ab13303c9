"""Do a track's promises hold whatever the order in which its agents happen to run?"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from actors.conductor import Conductor
from actors.guard import Usage
from actors.testkit import Simulation
from actors.tickets import LEGAL, TicketState
from actors.work import Blocked, Job
from policies import ByError, Escalate, Restart, Stop
from tests.conductor.tracks import Fatal, Throttled, Told, ticket, track
from tests.core.helpers import Trace, result


class Hopeless(Exception):
    """More than a pool can judge."""


POLICY = ByError({Hopeless: Escalate(), Throttled: Restart(max_restarts=20, within=1e9)}, default=Stop())


@pytest.mark.parametrize("seed", range(60))
def test_every_run_ends_with_legal_steps_one_record_each_and_all_usage_booked(seed: int) -> None:
    random = Random(seed)
    running: Counter[str] = Counter()
    most = Trace()
    spent = Trace()

    def work(job: Job) -> Any:
        name = job.ticket.id
        running[name] += 1
        most.note((sum(running.values()), running[name]))
        try:
            job.book(Usage(1, 1))
            spent.note(1)
            yield job.sleep(random.random())
            chance = random.random()
            if chance < 0.15:
                raise Throttled("429")
            if chance < 0.3:
                raise Fatal("no")
            if chance < 0.33:
                raise Hopeless("fire")
            if chance < 0.4:
                return Blocked("key")
            return None
        finally:
            running[name] -= 1

    names = [f"T{number}" for number in range(12)]
    tickets = [ticket(name, *random.sample(names[:at], min(at, random.randrange(3)))) for at, name in enumerate(names)]
    with Simulation(seed=seed, policy=Restart(max_restarts=50, within=1e9)) as system:
        told = Told(system)
        conductor = system.spawn(Conductor, track(*tickets), work, max_workers=3, policy=POLICY, name="conductor")
        run = conductor.run(block=False)
        for _ in range(6):
            system.advance(random.random())
            act = random.randrange(4)
            if act == 0:
                conductor.kill(random.choice(names), "chaos")
            elif act == 1:
                conductor.pause()
            elif act == 2:
                conductor.resume()
        conductor.resume()
        end = result(run)
        usage = conductor.usage()
        final = {view.id: view.state for view in conductor.snapshot().tickets}
    assert sum(end.counts.values()) == len(names)
    assert all(state in (TicketState.COMPLETED, *HOPELESS) for state in final.values()), final
    assert max(total for total, _ in most.notes) <= 3  # never more at work than there are places
    assert max(of_one for _, of_one in most.notes) == 1  # and never two at one ticket
    assert usage["Tier 3"] == Usage(len(spent.notes), len(spent.notes))
    for name in names:
        steps = told.steps(name)
        assert all(TicketState(str(new)) in LEGAL[TicketState(str(old))] for old, new in steps)
        assert all(step[1] == after[0] for step, after in pairwise(steps)), steps
        assert not steps or steps[-1][1] == final[name]


HOPELESS = (TicketState.FAILED, TicketState.EXHAUSTED, TicketState.BLOCKED, TicketState.KILLED)
