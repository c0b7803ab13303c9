"""Who decides, reviews, approves, and intervenes while an audit runs?"""

from __future__ import annotations

import sys
from typing import Any

from actors import Agent, Decision, NeedsDecision, ReviewRequest
from actors.approvals import Approval
from actors.conductor import ConductorRef
from actors.eventlog import Record
from actors.memory import SHARED, LocalMemory
from actors.typed import ApprovalAnswer
from actors.work import Reviewer
from auditing.files import Kind


def decide(question: NeedsDecision) -> Decision:
    """Answer what a worker cannot decide: yes."""
    return Decision(task_id=question.task_id, granted=True)


class Editor(Reviewer):
    """Reads the result of each ticket, and wants to know of an inventory how large it is, too."""

    def __init__(self, memory: LocalMemory) -> None:
        super().__init__()
        self.memory = memory

    def review(self, request: ReviewRequest) -> list[str]:
        ticket = request.work_package_id.split("/")[1]
        result = self.memory.get(SHARED, f"result/{ticket}", "")
        if ticket == "inventory" and "bytes" not in result:
            return ["say how many bytes they are"]
        return []


class Approving:
    """Answers requests for approval: by itself, or as whoever sits at the terminal says."""

    def __init__(self, ask: bool, drill: bool) -> None:
        self.ask = ask
        self.drill = drill
        self.tools = 0

    def __call__(self, approval: Approval) -> ApprovalAnswer | bool | None:
        if self.ask:
            return self._asked(approval)
        if "prompt" in approval.asked:
            edited = {**approval.asked, "prompt": "Mend what is worst first"}
            return ApprovalAnswer(task_id=approval.task_id, outcome="approved", payload=edited)
        self.tools += 1
        # In a drill the second is left open: so the ticket is waiting when it is killed.
        return None if self.drill and self.tools > 1 else True

    def _asked(self, approval: Approval) -> bool:
        about = ", ".join(f"{name}: {value}" for name, value in approval.asked.items())
        sys.stderr.write(f"approve {approval.action} for {approval.task_id} ({about})? [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")


KINDS = frozenset(kind.value for kind in Kind)
ENDS = frozenset({"task_completed", "task_failed", "task_blocked", "task_exhausted", "task_killed", "task_lost"})


class Director(Agent):
    """Intervenes as the drill has it: pauses once a kind of file is done, resumes, and kills the plan as it waits."""

    def __init__(self, conductor: ConductorRef) -> None:
        self.conductor = conductor

    def on_start(self) -> None:
        self.paused = False
        self.resumed = False
        self.requests = 0

    def on_receive(self, message: Any) -> None:
        if not isinstance(message, Record):
            super().on_receive(message)
        elif message.event_type == "approval_state_changed":
            self._approval(message)
        elif message.event_type in ENDS:
            self._ended(message)

    def _approval(self, record: Record) -> None:
        if record.new_state == "pending" and record.task_id == "plan":
            self.requests += 1
            if self.requests == 3:  # the start, the first tool, and this one, which nobody answers
                self.conductor.kill("plan", "the plan takes too long")

    def _ended(self, record: Record) -> None:
        if self.paused:
            self._resume()
        elif record.event_type == "task_completed" and record.task_id in KINDS and not self.resumed:
            self.paused = True
            self.conductor.pause("look at the first result")
            if not self.conductor.snapshot().running:
                self._resume()  # nobody is left whose end would be told

    def _resume(self) -> None:
        self.paused, self.resumed = False, True
        self.conductor.resume()
