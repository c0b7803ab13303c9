"""Does the board do what a few lines say that it should, whatever happens in whatever order?

The model knows of each ticket only what was done to it; all else, as what is blocked or ready, it works out anew from
the whole graph. The board does so step by step, and must come to the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.board import Board, Claim, FileOwnedError, Late, Transitions
from actors.guard import Usage, UsageByTier
from actors.testkit import VirtualClock
from actors.tickets import LEGAL, IllegalTransitionError, Ticket, TicketState
from actors.typed import Priority
from tests.board.crews import TRACK, ticket, track
from tests.board.model import HOPELESS, OPEN, RUNNING, Model

S = TicketState


NAMES = [f"t{number}" for number in range(12)]
names = st.sampled_from(NAMES)
FILES = ["a.py", "b.py", "c.py"]
some_files = st.lists(st.sampled_from(FILES), unique=True, max_size=2)


class BoardMachine(RuleBasedStateMachine):
    """Does to a board whatever may be done to it."""

    most_needs = 3
    files = st.one_of(st.just([]), some_files)

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock()
        self.board = Board(clock=self.clock)
        self.model = Model()
        self.seen: dict[str, TicketState] = {}
        self.claims: list[Claim] = []
        self.usage: defaultdict[tuple[str, int, str], Usage] = defaultdict(Usage)
        self.owners = {name: self.board.join(name) for name in ("one", "two")}

    def teardown(self) -> None:
        self.board.close()

    # -- tickets come ----------------------------------------------------------------------

    @initialize(data=st.data(), number=st.integers(1, 8))
    def load(self, data: st.DataObject, number: int) -> None:
        tickets: list[Ticket] = []
        for _ in range(number):
            tickets.append(self.new(data, [each.id for each in tickets]))
        assert self.board.add_track(track(*tickets, max_retries=1)) == ()
        self.take_in(tickets, ())

    def new(self, data: st.DataObject, others: list[str]) -> Ticket:
        name = NAMES[len(others)]
        needs = data.draw(st.lists(st.sampled_from(others), unique=True, max_size=self.most_needs)) if others else []
        return ticket(
            name,
            *needs,
            files=data.draw(self.files),
            step_mode=data.draw(st.booleans()) and data.draw(st.booleans()),
            priority=data.draw(st.sampled_from(Priority)),
        )

    def take_in(self, tickets: list[Ticket], made: Transitions) -> None:
        for each in tickets:
            self.model.add(each)
        # What is blocked from the beginning was not so when it came.
        blocked = {step.ticket for step in made}
        for each in tickets:
            self.seen[each.id] = S.TODO if each.id in blocked else self.model.state(each.id)
        self.note(made)

    @precondition(lambda self: len(self.model.tickets) < len(NAMES))
    @rule(data=st.data())
    def add(self, data: st.DataObject) -> None:
        new = self.new(data, list(self.model.tickets))
        self.take_in([new], self.board.add(TRACK, [new]))

    # -- attempts --------------------------------------------------------------------------

    @rule(who=st.sampled_from(["one", "two"]), limit=st.integers(1, 4))
    def claim(self, who: str, limit: int) -> None:
        claims = self.board.claim(self.owners[who], TRACK, limit)
        for claim in claims:
            name = claim.ticket.id
            assert name == self.model.claimable()[0]
            known = self.model.tickets[name]
            known.attempt += 1
            known.fact, known.owner, known.files = S.IN_PROGRESS, who, set(known.ticket.files)
            assert (claim.attempt, claim.ticket.retry_count, claim.owner) == (known.attempt, known.retries, who)
            self.note((claim.transition,))
        assert len(claims) == limit or not self.model.claimable()
        self.claims += claims

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), way=st.sampled_from(["complete", "fail", "exhaust", "block_attempt", "give_back"]))
    def end(self, data: st.DataObject, way: str) -> None:
        claim = self.some_claim(data)
        runs = self.runs(claim)
        arguments = () if way == "complete" else ("why",)
        made = getattr(self.board, way)(claim, *arguments)
        if self.is_late(made, runs):
            return
        name, known = claim.ticket.id, self.model.tickets[claim.ticket.id]
        if way == "fail" and known.retries < 1:
            known.retries += 1
            self.model.end(name, OPEN)
        else:
            ends = {"complete": S.COMPLETED, "fail": S.FAILED, "exhaust": S.EXHAUSTED, "block_attempt": S.BLOCKED}
            self.model.end(name, ends.get(way, OPEN))
        self.note(made)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def review(self, data: st.DataObject) -> None:
        claim = self.some_claim(data)
        known, runs = self.model.tickets[claim.ticket.id], self.runs(claim)
        to, way = (S.IN_PROGRESS, "rework") if known.fact == S.REVIEW else (S.REVIEW, "review")
        made = getattr(self.board, way)(claim)
        if not self.is_late(made, runs):
            known.fact = to
            self.note(made)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), files=some_files)
    def widen(self, data: st.DataObject, files: list[str]) -> None:
        claim = self.some_claim(data)
        name, runs = claim.ticket.id, self.runs(claim)
        others = {file for each, known in self.model.tickets.items() if each != name for file in known.files}
        if runs and others & set(files):
            with pytest.raises(FileOwnedError) as refused:
                self.board.widen(claim, files)
            assert refused.value.file in others & set(files)
        elif not self.is_late(self.board.widen(claim, files), runs):
            self.model.tickets[name].files |= set(files)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), tokens=st.integers(0, 9), tier=st.sampled_from(["Tier 3", "Tier 9"]), late=st.booleans())
    def spend(self, data: st.DataObject, tokens: int, tier: str, late: bool) -> None:
        claim = self.some_claim(data)
        key = (claim.ticket.id, claim.attempt, tier)
        before = self.usage[key]
        so_far = Usage(before.input_tokens + tokens, before.output_tokens, before.cost + tokens / 4)
        self.board.spend(claim, tier, so_far)
        self.usage[key] = so_far
        if late:
            self.board.spend(claim, tier, before)

    def some_claim(self, data: st.DataObject) -> Claim:
        running = [claim for claim in self.claims if self.runs(claim)]
        late = not running or data.draw(st.integers(0, 9)) == 0
        return data.draw(st.sampled_from(self.claims if late else running))

    def runs(self, claim: Claim) -> bool:
        known = self.model.tickets[claim.ticket.id]
        return known.fact in RUNNING and known.attempt == claim.attempt

    def is_late(self, made: Any, runs: bool) -> bool:
        assert isinstance(made, Late) is not runs
        return not runs

    # -- by hand ---------------------------------------------------------------------------

    @rule(data=st.data(), name=names)
    def by_hand(self, data: st.DataObject, name: str) -> None:
        ways = (self.kill, self.block, self.complete_by_hand, self.unblock, self.retry, self.hold, self.decide)
        data.draw(st.sampled_from(ways))(name)

    def kill(self, name: str) -> None:
        made = self.board.kill(TRACK, name, "not wanted")
        ended = (S.COMPLETED, S.KILLED, S.FAILED, S.EXHAUSTED)
        if name not in self.model.tickets or self.model.state(name) in ended:
            assert made == ()
        else:
            self.model.end(name, S.KILLED)
            self.note(made)

    def block(self, name: str) -> None:
        self.step(name, S.BLOCKED, lambda: self.board.block(TRACK, name, "wait"), S.BLOCKED)

    def complete_by_hand(self, name: str) -> None:
        self.step(name, S.COMPLETED, lambda: self.board.complete_by_hand(TRACK, name), S.COMPLETED)

    def unblock(self, name: str) -> None:
        may = self.is_there(name) and self.model.tickets[name].fact == S.BLOCKED and not self.is_blocked_behind(name)
        self.step(name, S.READY, lambda: self.board.unblock(TRACK, name), OPEN, may=may)

    def retry(self, name: str) -> None:
        may = self.is_there(name) and self.model.state(name) in (S.FAILED, S.EXHAUSTED)
        self.step(name, S.READY, lambda: self.board.retry(TRACK, name), OPEN, may=may)

    def hold(self, name: str) -> None:
        if self.is_there(name) and self.model.state(name) is S.READY:
            self.model.tickets[name].gated = True
        self.step(name, S.AWAITING_APPROVAL, lambda: self.board.hold(TRACK, name), S.AWAITING_APPROVAL)

    @rule(limit=st.integers(1, 3))
    def hold_next(self, limit: int) -> None:
        made = self.board.hold_next(TRACK, limit)
        gated = [name for name, state in self.model.states().items() if state is S.READY and self.gated(name)]
        assert len(made) == min(limit, len(gated))
        for step in made:
            assert step.ticket in gated
            self.model.end(step.ticket, S.AWAITING_APPROVAL)
        self.note(made)

    def decide(self, name: str) -> None:
        """Approve some, refuse the others."""
        yes, may = name < NAMES[6], self.is_there(name) and self.model.state(name) is S.AWAITING_APPROVAL
        if yes and may:
            self.model.tickets[name].gated = False
        act = (lambda: self.board.release(TRACK, name)) if yes else (lambda: self.board.refuse(TRACK, name, "no"))
        self.step(name, S.READY if yes else S.BLOCKED, act, OPEN if yes else S.BLOCKED, may=may)

    def step(self, name: str, new: TicketState, act: Any, fact: str, may: bool | None = None) -> None:
        if not self.is_there(name):
            return
        old = self.model.state(name)
        if new in LEGAL[old] if may is None else may:
            made = act()
            self.model.end(name, fact)
            self.note(made)
        else:
            with pytest.raises(IllegalTransitionError) as refused:
                act()
            assert (refused.value.ticket, refused.value.old) == (name, old)

    def is_there(self, name: str) -> bool:
        return name in self.model.tickets

    def gated(self, name: str) -> bool:
        return self.model.tickets[name].gated

    def is_blocked_behind(self, name: str) -> bool:
        return any(self.model.state(each) in HOPELESS for each in self.model.tickets[name].ticket.depends_on)

    # -- owners ----------------------------------------------------------------------------

    @rule(who=st.sampled_from(["one", "two"]), how=st.sampled_from(["leaves", "is restarted", "hangs"]))
    def owner_goes(self, who: str, how: str) -> None:
        other = "two" if who == "one" else "one"
        if how == "leaves":
            made = self.board.leave(self.owners[who])
        elif how == "hangs":
            self.clock.advance(20.0)
            self.board.renew(self.owners[other])
            self.clock.advance(20.0)
            made = self.board.renew(self.owners[other])
        if how != "hangs":
            self.owners[who] = self.board.join(who)
        if how == "is restarted":
            made = self.board.renew(self.owners[who])
        for name, known in self.model.tickets.items():
            if known.owner == who:
                self.model.end(name, OPEN)
        self.note(made)
        self.note(self.board.renew(self.owners["one"]))

    # -- what always holds -----------------------------------------------------------------

    def note(self, made: Transitions) -> None:
        """Each step follows the table, and begins where the last one of its ticket ended."""
        for step in made:
            assert step.old is self.seen[step.ticket]
            assert step.new in LEGAL[step.old]
            assert step.attempt == self.model.tickets[step.ticket].attempt
            self.seen[step.ticket] = step.new

    @invariant()
    def it_is_as_the_model_says(self) -> None:
        if not self.model.tickets:
            return
        snapshot, expected = self.board.snapshot(TRACK), self.model.states()
        assert {each.id: each.status for each in snapshot.tickets} == expected == self.seen
        assert {state: count for state, count in snapshot.counts.items() if count} == Counter(expected.values())
        for each in snapshot.tickets:
            known = self.model.tickets[each.id]
            assert each.retry_count == known.retries
            assert each.assigned_to == (known.owner or "unassigned")
            assert self.is_rightly_said(each, expected)

    def is_rightly_said(self, each: Ticket, states: dict[str, TicketState]) -> bool:
        if states[each.id] is not S.BLOCKED:
            return each.blocked_reason is None or states[each.id] in HOPELESS
        if self.model.tickets[each.id].fact == S.BLOCKED:
            return each.blocked_reason in ("[MANUAL] wait", "why", "no")
        behind = {
            f"blocked by {states[name]} task {name}"
            for name in self.roots(each.id, states)
            if self.model.tickets[name].fact != OPEN
        }
        return each.blocked_reason in behind

    def roots(self, name: str, states: dict[str, TicketState]) -> set[str]:
        """All because of which it may be blocked: reached from it by way of others that are blocked for that."""
        found: set[str] = set()
        for each in self.model.tickets[name].ticket.depends_on:
            if states[each] in HOPELESS:
                found |= {each} if self.model.tickets[each].fact != OPEN else self.roots(each, states)
        return found

    @invariant()
    def the_counts_of_each_ticket_are_right(self) -> None:
        states = self.model.states()
        rows = self.board._connection.execute("SELECT id, waiting, hopeless FROM ticket").fetchall()
        for name, waiting, hopeless in rows:
            needs = [states[each] for each in self.model.tickets[name].ticket.depends_on]
            assert waiting == sum(state is not S.COMPLETED for state in needs)
            assert hopeless == sum(state in HOPELESS for state in needs)

    @invariant()
    def no_file_has_two_owners(self) -> None:
        owned = [file for known in self.model.tickets.values() for file in known.files]
        assert len(owned) == len(set(owned))

    @invariant()
    def usage_adds_up(self) -> None:
        if not self.model.tickets:
            return
        expected = UsageByTier()
        for (_, _, tier), usage in self.usage.items():
            expected = expected.with_usage(tier, usage)
        assert dict(self.board.usage(TRACK)) == dict(expected)


class FilesMachine(BoardMachine):
    """The same with tickets that wait for one another's files, and for little else."""

    most_needs = 1
    files = st.lists(st.sampled_from(FILES), unique=True, min_size=1, max_size=2)


SETTINGS = settings(max_examples=80, stateful_step_count=40, deadline=None)
BoardMachine.TestCase.settings = FilesMachine.TestCase.settings = SETTINGS
TestBoardModel = BoardMachine.TestCase
TestFilesModel = FilesMachine.TestCase
