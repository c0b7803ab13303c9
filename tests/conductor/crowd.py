"""What do workers and reviewers do that are not to be relied on? Each attempt something else, as its seed says."""

from __future__ import annotations

import random
import threading
from collections.abc import Generator
from typing import Any

from actors import AgentFuture
from actors._core.errors import said
from actors.guard import Usage
from actors.testkit import Gate, wait
from actors.tickets import Ticket
from actors.typed import AdditionalContext, ReviewRequest
from actors.work import Blocked, Completed, ExhaustedEnd, Job, Reviewer, Worker
from tests.conductor.witnesses import Ledger

KINDS = (
    "quick", "quick", "quick", "steps", "steps", "steps", "throttled", "throttled", "fatal", "blocked", "exhausted",
    "spends all", "decides", "approves", "tool", "delegates", "adds", "hangs", "stubborn", "escalates", "stops itself",
)  # fmt: skip
GENTLE = ("quick", "quick", "steps", "steps", "tool", "adds", "delegates", "stubborn")


Doing = Generator[Any, Any, Any]


class Throttled(Exception):
    """An error that is worth another try."""

    retryable = True


class Fatal(Exception):
    """An error that is not."""


class Harsh(Exception):
    """An error that is more than the pool can deal with."""


class Crowd:
    """What the workers of one run do: each attempt something else, by the seed."""

    def __init__(
        self, seed: int, ledger: Ledger, gate: Gate, kinds: tuple[str, ...] = KINDS, escalations: int = 2
    ) -> None:
        self._seed = seed
        self._ledger = ledger
        self._gate = gate
        self._kinds = kinds
        self._left = escalations
        self._lock = threading.Lock()

    def work(self, job: Job) -> Any:
        """Note that it began, do it, and note how it ended."""
        dice = random.Random(f"{self._seed}/{job.key}")
        kind = dice.choice(self._kinds)
        if kind == "escalates" and not self._may_escalate():
            kind = "fatal"
        self._ledger.note("begin", job)
        self._ledger.count(kind)
        end = "left"
        try:
            value = yield from self._do(kind, job, dice)
            end = f"completed {job.key}" if isinstance(value, Completed) else type(value).__name__
            return value
        except Exception as error:
            end = said(error)
            raise
        finally:
            self._ledger.note("end", job, end)

    def _may_escalate(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left >= 0

    def _do(self, kind: str, job: Job, dice: random.Random) -> Doing:
        if dice.random() < 0.7:
            self.spend(job, dice.randrange(1, 500))
        act = getattr(self, "_" + kind.replace(" ", "_"))
        value = yield from act(job, dice)
        return Completed(job.key) if value is None else value

    def spend(self, job: Job, tokens: int, tier: str | None = None) -> None:
        self._ledger.note("spend", job, tier or job.tier, Usage(tokens, tokens // 2))
        job.spend(tokens, tokens // 2, tier=tier)

    # -- what may happen in an attempt ---------------------------------------------

    def _quick(self, job: Job, dice: random.Random) -> Doing:
        yield from ()

    def _steps(self, job: Job, dice: random.Random) -> Doing:
        for number in range(dice.randrange(1, 5)):
            job.progress(f"step {number}")
            yield job.sleep(dice.choice([0.0, 0.5, 2.0, 7.0]))
            self.spend(job, dice.randrange(1, 100), dice.choice([None, "Tier 1", "Tier 9"]))

    def _throttled(self, job: Job, dice: random.Random) -> Doing:
        yield job.sleep(dice.choice([0.0, 1.0]))
        raise Throttled(f"429 for {job.key}")

    def _fatal(self, job: Job, dice: random.Random) -> Doing:
        yield None
        raise Fatal(f"no {job.key}")

    def _blocked(self, job: Job, dice: random.Random) -> Doing:
        yield job.sleep(1.0)
        return Blocked("a key is missing")

    def _exhausted(self, job: Job, dice: random.Random) -> Doing:
        yield job.sleep(0.0)
        return ExhaustedEnd("no time left")

    def _spends_all(self, job: Job, dice: random.Random) -> Doing:
        while True:
            self.spend(job, 2_000)
            yield job.sleep(0.5)

    def _decides(self, job: Job, dice: random.Random) -> Doing:
        answer = yield self._ledger.hold(f"decide {job.key}", job.decide("this or that?", timeout=30.0))
        return None if answer.granted else Blocked(answer.reason or "refused")

    def _approves(self, job: Job, dice: random.Random) -> Doing:
        answer = yield self._ledger.hold(f"approve {job.key}", job.approve("deploy", {"where": job.ticket.id}))
        if not answer.approved:
            return Blocked(f"not approved: {answer.outcome}")

    def _tool(self, job: Job, dice: random.Random) -> Doing:
        for number in range(2):
            yield job.tool("look", lambda number: number, number=number)
            yield job.sleep(0.5)

    def _delegates(self, job: Job, dice: random.Random) -> Doing:
        if "." in job.ticket.id:
            return
        yield self._ledger.hold(f"delegate {job.key}", job.delegate(f"a part of {job.ticket.id}"))

    def _adds(self, job: Job, dice: random.Random) -> Doing:
        if "+" in job.ticket.id:
            return
        name = f"{job.ticket.id}+"
        more = Ticket(id=name, description=f"after {job.ticket.id}", depends_on=(job.ticket.id,))
        yield self._ledger.hold(f"add {job.key}", job.add_tickets([more], known_too=True))

    def _hangs(self, job: Job, dice: random.Random) -> Doing:
        yield job.sleep(0.5)
        self._gate.wait()

    def _stubborn(self, job: Job, dice: random.Random) -> Doing:
        """Looks at nothing for a while: neither a Cancel nor an end of its worker is heard."""
        over: AgentFuture[None] = AgentFuture()
        clock = job.agent_context.system.clock
        clock.call_at(clock.now() + dice.choice([1.0, 4.0, 9.0]), lambda: _settle(over))
        wait(over, None)
        yield job.sleep(0.0)

    def _escalates(self, job: Job, dice: random.Random) -> Doing:
        yield job.sleep(1.0)
        raise Harsh(f"all over with {job.key}")

    def _stops_itself(self, job: Job, dice: random.Random) -> Doing:
        job.agent_context.ref.stop(block=False, drain=False)
        yield job.sleep(1e4)


def _settle(future: AgentFuture[None]) -> None:
    future.resolve()


class Hand(Worker):
    """A worker that notes what it is told."""

    def __init__(self, crowd: Crowd, ledger: Ledger) -> None:
        super().__init__(crowd.work)
        self._ledger = ledger

    def on_message(self, message: Any) -> Any:
        super().on_message(message)
        if isinstance(message, AdditionalContext) and message.content.startswith("note "):
            self._ledger.handle(message.content)


class Critic(Reviewer):
    """A reviewer that rejects some work, and falls over some."""

    def __init__(self, seed: int, ledger: Ledger) -> None:
        super().__init__(lambda _: True)
        self._seed = seed
        self._ledger = ledger

    def review(self, request: ReviewRequest) -> Any:
        self._ledger.count("review")
        number = self._ledger.happened["review"]
        chance = random.Random(f"{self._seed}/{request.work_package_id}/{number}").random()
        if chance < 0.1:
            raise Fatal(f"cannot review {request.work_package_id}")
        return "mend it" if chance < 0.35 else True
