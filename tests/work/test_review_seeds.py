"""Does every ticket that is handed to a reviewer end once, in whatever order they run and the reviewer fails?"""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import pytest
from loguru import logger

from actors import ChildSpec, Emitted
from actors.eventlog.work_kinds import ReviewerApprovalRecord, ReviewerHandoffRecord, ReviewerRejectionRecord
from actors.testkit import Simulation
from actors.typed import NeedsDecision
from actors.work import Blocked, Completed, InReview, Reworked
from policies import Restart, Stop
from tests.core.helpers import Boom, EventLog, answer, result
from tests.work.reviews import Stage

WORKERS = 4


@pytest.mark.system_case("T87")
@pytest.mark.system_case("T88")
def test_every_ticket_ends_once_and_its_events_add_up_over_many_seeds() -> None:
    logger.disable("actors")
    ends = set()
    try:
        for seed in range(200):
            ends |= ended(seed)
    finally:
        logger.enable("actors")
    assert ends == {Completed, Blocked}


def ended(seed: int) -> set[type]:
    draw = random.Random(seed)
    system = Simulation(seed, policy=Stop())
    with system:
        log = EventLog(system)
        stage = Stage(system, partial(ChildSpec, policy=Restart(None, within=None)))
        conductor = stage.conductor(granted=draw.random() < 0.5)
        options: dict[str, Any] = {"policy": Restart(2, within=None, then=Stop())}
        script = [draw.choice([Boom("crashed"), "mend it", True]) for _ in range(WORKERS * 8)]
        reviewer = stage.reviewer(*script, **options)
        workers = [stage.worker(name=f"w-{number}") for number in range(WORKERS)]
        begin = partial(stage.begin, reviewer=reviewer, conductor=conductor, max_reviews=2)
        futures = [begin(worker, worker.name) for worker in workers]
        found = [result(future) for future in futures]
        answer(conductor, "all that was told is heard")
        for worker, end in zip(workers, found, strict=True):
            told = [note for note in stage.told.notes if getattr(note, "task_id", None) == worker.name]
            kinds = [type(note) for note in told]
            rounds = kinds.count(InReview)
            # Each round is handed over once; all but the last came back, and nobody else was asked but at the end.
            assert kinds[: 2 * rounds - 1] == [InReview, Reworked] * (rounds - 1) + [InReview]
            assert kinds[2 * rounds - 1 :] in ([], [NeedsDecision])
            assert worker.incarnation == 1
            if isinstance(end, Completed):
                assert end.text.startswith(f"/{worker.name} #{rounds} ")
            records = [
                type(event.record) for event in log.of(Emitted, worker.path) if event.record.task_id == worker.name
            ]
            assert records.count(ReviewerHandoffRecord) == rounds
            assert records.count(ReviewerRejectionRecord) >= rounds - 1
            assert records.count(ReviewerApprovalRecord) == (kinds[-1] is InReview)
    return {type(end) for end in found}
