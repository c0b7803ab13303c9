"""What has to be true of every run of a crew, whatever happens to it?

Each function takes what was seen of one run, and gives what is wrong with it, as sentences: none of them if nothing is.
They compare accounts of different witnesses: the records among the events, the steps that the board's own file notes,
its receipts, and a ledger that the work itself keeps.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from actors.board import Receipt
from actors.conductor import TrackOutcome, TrackResult
from actors.conductor.telling import KIND_OF
from actors.eventlog.records import Record
from actors.guard import Usage
from actors.tickets import LEGAL, TicketState
from actors.tickets.states import RUNNING

Wrong = list[str]
NOTHING = Usage()


@dataclass(frozen=True)
class Line:
    """One line of the ledger of those that work: "begin", "end" or "spend"."""

    what: str
    ticket: str
    attempt: int
    path: str
    incarnation: int
    text: str = ""  # how it ended, and with what; or the tier
    used: Usage = NOTHING


@dataclass(frozen=True)
class Step:
    """One step of a ticket as the board's file has it."""

    ticket: str
    old: TicketState
    new: TicketState
    attempt: int


@dataclass
class Seen:
    """All that was seen of one run."""

    max_workers: int
    conductor: str
    records: Sequence[Record]
    ledger: Sequence[Line]
    steps: Sequence[Step]
    states: Mapping[str, TicketState]  # in the end
    receipts: Mapping[str, Sequence[Receipt]]
    usage: Mapping[str, Usage]
    results: Sequence[TrackResult] = ()
    asked: Sequence[tuple[str, Any]] = ()  # what was asked, and the future of the answer
    accepted: Sequence[str] = ()  # texts that agents have accepted, each once
    handled: Sequence[str] = ()
    dead: Sequence[str] = ()
    threads: Sequence[str] = ()  # that are left
    happened: Counter[str] = field(default_factory=Counter)

    @property
    def pool(self) -> str:
        return f"{self.conductor}/pool"

    @property
    def abandoned(self) -> set[tuple[str, int]]:
        """The incarnations whose code was left behind."""
        return {(str(each.path), each.incarnation or 0) for each in self.records if each.event_type == LEFT_BEHIND}

    def walk(self) -> Iterator[tuple[Line, list[Line]]]:
        """Give each begin and end in the ledger with what is open after it, without what was left behind."""
        gone = self.abandoned
        inside: list[Line] = []
        for line in self.ledger:
            if line.what == "spend" or (line.path, line.incarnation) in gone:
                continue
            if line.what == "begin":
                inside.append(line)
            else:
                inside = [each for each in inside if (each.ticket, each.attempt) != (line.ticket, line.attempt)]
            yield line, inside


LEFT_BEHIND = "agent_abandoned"
# What says that an incarnation takes messages, and that it does not any more.
BEGINS = frozenset({"agent_started", "agent_restarted"})
ENDS = frozenset({"agent_stopped", "agent_backing_off", "agent_restarting", "agent_halted"})


def i1_no_more_work_than_allowed(seen: Seen) -> Wrong:
    """I1: so many workers at most, in the pool, on the board and at work."""
    wrong = []
    for line, inside in seen.walk():
        if len(inside) > seen.max_workers:
            wrong.append(f"I1: {len(inside)} at work with {line.ticket}: {_names(inside)}")
    in_progress: set[str] = set()
    for step in seen.steps:
        (in_progress.add if step.new in RUNNING else in_progress.discard)(step.ticket)
        if len(in_progress) > seen.max_workers:
            wrong.append(f"I1: {len(in_progress)} in progress on the board: {sorted(in_progress)}")
    alive: set[str] = set()
    for record in seen.records:
        if _parent(record.path) == seen.pool:
            if record.event_type == "agent_started":
                alive.add(str(record.path))
            elif record.event_type == "agent_stopped":
                alive.discard(str(record.path))
            if len(alive) > seen.max_workers:
                wrong.append(f"I1: {len(alive)} in the pool: {sorted(alive)}")
    return wrong


def _names(lines: Iterable[Line]) -> list[str]:
    return [f"{line.ticket}/{line.attempt} in {line.path}" for line in lines]


def _parent(path: str | None) -> str | None:
    return None if path is None else path.rpartition("/")[0]


def i2_one_at_a_time(seen: Seen) -> Wrong:
    """I2: one live incarnation of each path, and one attempt at a ticket at a time; none is begun twice."""
    wrong = []
    for line, inside in seen.walk():
        if line.what == "begin":
            for what, key in (("ticket", line.ticket), ("path", line.path)):
                same = [each for each in inside if getattr(each, what) == key]
                if len(same) > 1:
                    wrong.append(f"I2: {len(same)} attempts at once in {what} {key}: {_names(same)}")
    # Each round of a review is worked on by the one who has the attempt.
    begun: defaultdict[tuple[str, int], set[tuple[str, int]]] = defaultdict(set)
    for line in seen.ledger:
        if line.what == "begin":
            begun[line.ticket, line.attempt].add((line.path, line.incarnation))
    wrong += [
        f"I2: attempt {n} of {ticket} was begun by {sorted(who)}" for (ticket, n), who in begun.items() if len(who) > 1
    ]
    return wrong + _lives(seen)


def _lives(seen: Seen) -> Wrong:
    wrong = []
    alive: dict[str, int] = {}
    for record in seen.records:
        path, incarnation = str(record.path), record.incarnation or 0
        if record.event_type in BEGINS:
            if path in alive:
                wrong.append(f"I2: {path} #{incarnation} has started while #{alive[path]} lives")
            alive[path] = incarnation
        elif record.event_type in ENDS:
            alive.pop(path, None)
    return wrong


def i3_every_ask_ends(seen: Seen) -> Wrong:
    """I3: all that was asked has a value or an error in the end."""
    return [f"I3: {what} was never answered" for what, answer in seen.asked if not answer.settled]


def i4_every_message_is_accounted_for(seen: Seen) -> Wrong:
    """I4: what was accepted is handled or a dead letter, once; nothing else is either."""
    accepted, handled, dead = Counter(seen.accepted), Counter(seen.handled), Counter(seen.dead)
    ended = handled + dead
    lost = [f"I4: {text} was accepted, and is neither handled nor a dead letter" for text in (accepted - ended)]
    twice = [f"I4: {text} was handled {handled[text]} times, dead {dead[text]} times" for text in (ended - accepted)]
    return lost + twice


def i5_transitions_are_legal(seen: Seen) -> Wrong:
    """I5: the steps of each ticket follow the table, each from where the last one led, to what the board has."""
    wrong = []
    at: dict[str, TicketState] = {}
    for step in seen.steps:
        if step.new not in LEGAL[step.old]:
            wrong.append(f"I5: {step.ticket} went from {step.old} to {step.new}")
        if at.get(step.ticket, step.old) is not step.old:
            wrong.append(f"I5: {step.ticket} was {at[step.ticket]}, and a step begins at {step.old}")
        at[step.ticket] = step.new
    wrong += [
        f"I5: {ticket} is {seen.states[ticket]}, and its last step led to {state}"
        for ticket, state in at.items()
        if seen.states[ticket] is not state
    ]
    owner = seen.conductor
    for record in _work(seen):
        if owner not in (record.agent_id, record.parent_agent_id):
            wrong.append(f"I5: {record.task_id} was moved by {record.agent_id}")
    return wrong


def i6_every_run_ends(seen: Seen) -> Wrong:
    """I6: each run ends done, blocked with the reasons, or stopped, and nothing is in progress then."""
    wrong = []
    for result in seen.results:
        counts = {state: number for state, number in result.counts.items() if number}
        if any(state in RUNNING for state in counts):
            wrong.append(f"I6: ended with {counts}")
        if result.outcome is TrackOutcome.DONE and set(counts) - {TicketState.COMPLETED}:
            wrong.append(f"I6: done with {counts}")
        if result.outcome is TrackOutcome.BLOCKED:
            bad = sum(number for state, number in counts.items() if state is not TicketState.COMPLETED)
            if not bad or len(result.reasons) != bad or not all(result.reasons.values()):
                wrong.append(f"I6: blocked with {counts}, because of {dict(result.reasons)}")
    running = [ticket for ticket, state in seen.states.items() if state in RUNNING]
    return wrong + [f"I6: {ticket} is in progress in the end" for ticket in running]


def _work(seen: Seen) -> list[Record]:
    return [record for record in seen.records if record.event_type.startswith("mission_work_")]


def i7_each_transition_is_told_once(seen: Seen) -> Wrong:
    """I7: one event of the right kind for each step, in order; the numbers of records grow by one."""
    wrong = []
    told: defaultdict[str, list[tuple[str | None, str | None]]] = defaultdict(list)
    made: defaultdict[str, list[tuple[str | None, str | None]]] = defaultdict(list)
    for record in _work(seen):
        told[str(record.task_id)].append((record.old_state, record.new_state))
        kind = KIND_OF.get((TicketState(str(record.old_state)), TicketState(str(record.new_state))))
        if kind is None or kind.model_fields["event_type"].default != record.event_type:
            wrong.append(f"I7: {record.event_type} tells of {record.old_state} to {record.new_state}")
    for step in seen.steps:
        made[step.ticket].append((str(step.old), str(step.new)))
    for ticket in sorted({*told, *made}):
        if told[ticket] != made[ticket]:
            wrong.append(f"I7: {ticket} took {_route(made[ticket])}, and was told to take {_route(told[ticket])}")
    numbers = [record.seq or 0 for record in seen.records]
    if any(later != earlier + 1 for earlier, later in pairwise(numbers)):
        wrong.append("I7: the numbers of the records do not grow by one")
    return wrong


def _route(steps: Iterable[tuple[Any, Any]]) -> str:
    return ", ".join(f"{old}-{new}" for old, new in steps) or "no step"


def i8_children_end_first(seen: Seen) -> Wrong:
    """I8: whoever has ended has no child that lives; in the end nobody lives, and no thread is left."""
    wrong = []
    alive: set[str] = set()
    for record in seen.records:
        path = str(record.path)
        if record.event_type == "agent_started":
            alive.add(path)
        elif record.event_type == "agent_stopped":
            alive.discard(path)
            orphans = sorted(each for each in alive if each.startswith(f"{path}/"))
            if orphans:
                wrong.append(f"I8: {path} has ended before {orphans}")
    wrong += [f"I8: {path} lives when all is over" for path in sorted(alive)]
    return wrong + [f"I8: thread {name} is left" for name in seen.threads]


def i9_usage_adds_up(seen: Seen) -> Wrong:
    """I9: what the workers have used, by tier, is what the receipts say, and what the track says."""
    spent: dict[tuple[str, int, str], Usage] = {}
    for line in seen.ledger:
        if line.what == "spend":
            key = (line.ticket, line.attempt, line.text)
            spent[key] = spent.get(key, Usage()) + line.used
    booked = {
        (ticket, receipt.attempt, tier): used
        for ticket, receipts in seen.receipts.items()
        for receipt in receipts
        for tier, used in receipt.usage.items()
        if used != Usage()
    }
    wrong = [
        f"I9: {ticket}/{attempt} has used {spent.get((ticket, attempt, tier))} of {tier}, and its receipt says"
        f" {booked.get((ticket, attempt, tier))}"
        for ticket, attempt, tier in sorted({*spent, *booked})
        if spent.get((ticket, attempt, tier)) != booked.get((ticket, attempt, tier))
    ]
    for tier in sorted({*seen.usage, *(tier for _, _, tier in spent)}):
        total = sum((used for (_, _, each), used in spent.items() if each == tier), Usage())
        if seen.usage.get(tier, Usage()) != total:
            wrong.append(f"I9: {total} of {tier} was used, and the track says {seen.usage.get(tier)}")
    return wrong


def i10_what_is_over_changes_nothing(seen: Seen) -> Wrong:
    """I10: each result is that of its own attempt, attempts are numbered as they are claimed, nothing ended runs."""
    wrong = []
    ends = {(line.ticket, line.attempt): line.text for line in seen.ledger if line.what == "end"}
    for ticket, receipts in seen.receipts.items():
        for receipt in receipts:
            if receipt.outcome == "completed" and ends.get((ticket, receipt.attempt)) != f"completed {receipt.text}":
                said = ends.get((ticket, receipt.attempt), "nothing")
                wrong.append(f"I10: {ticket}/{receipt.attempt} is completed as {receipt.text}; it has said {said}")
            if receipt.outcome == "running":
                wrong.append(f"I10: the receipt of {ticket}/{receipt.attempt} is open")
        done = [receipt.attempt for receipt in receipts if receipt.outcome == "completed"]
        if len(done) > 1 or (done and done[0] != receipts[-1].attempt):
            wrong.append(f"I10: {ticket} is completed by {done} of {len(receipts)} attempts")
    claims: Counter[str] = Counter()
    for step in seen.steps:
        if (step.old, step.new) == (TicketState.READY, TicketState.IN_PROGRESS):
            claims[step.ticket] += 1
        if step.new in RUNNING and step.attempt != claims[step.ticket]:
            wrong.append(
                f"I10: {step.ticket} runs as attempt {step.attempt}, and was claimed {claims[step.ticket]} times"
            )
    for line in seen.ledger:
        if line.what == "begin" and line.attempt > claims[line.ticket]:
            wrong.append(f"I10: {line.ticket}/{line.attempt} was begun, and never claimed")
    return wrong


INVARIANTS: tuple[Callable[[Seen], Wrong], ...] = (
    i1_no_more_work_than_allowed,
    i2_one_at_a_time,
    i3_every_ask_ends,
    i4_every_message_is_accounted_for,
    i5_transitions_are_legal,
    i6_every_run_ends,
    i7_each_transition_is_told_once,
    i8_children_end_first,
    i9_usage_adds_up,
    i10_what_is_over_changes_nothing,
)


def violations(seen: Seen) -> Wrong:
    """Give all that is wrong with a run."""
    return [text for invariant in INVARIANTS for text in invariant(seen)]
