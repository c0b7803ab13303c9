"""May this tool run, and what does the work hear of it?"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors._core.errors import printed, said
from actors._core.future import AgentFuture, Derived
from actors.approvals import ApprovalError, ApproverRef
from actors.guard import Block, Stuck, Verdict
from actors.typed import ApprovalAnswer
from actors.work.waits import settled

if TYPE_CHECKING:
    from actors.work.job import Job

_CUT = 500  # characters of a result that are told to those who follow the run


@dataclass(frozen=True, slots=True)
class ToolRefused:
    """The result of a tool that was not run, because of `reason`."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"tool {self.name!r} was not run: {self.reason}"


class ToolCall:
    """One call of a tool by the work."""

    def __init__(self, job: Job, name: str, function: Callable[..., Any], input: Mapping[str, Any]) -> None:
        self._job = job
        self._name = name
        self._function = function
        self._input = input

    @classmethod
    def of(
        cls, job: Job, name: str, function: Callable[..., Any], input: Mapping[str, Any], ask: bool
    ) -> AgentFuture[Any]:
        """Give a future of the call's result; whoever gets it has the tool run, unless it may not."""
        if not isinstance(name, str) or not name:
            raise ValueError(f"name: that of the tool, not {name!r}")
        if not callable(function):
            raise ValueError(f"function: what tool {name} calls, not {function!r}")
        job.check()
        call = cls(job, name, function, input)
        verdict: Verdict = job.guard.enforce(job.guard.tool_call(name, dict(input)))
        if isinstance(verdict, Block):
            return settled(call.refused(verdict.reason))
        if not ask:
            return Derived((settled(None),), lambda _: call.run(input))
        approval = job.approve(name, written(input), editable=True)
        return Derived((approval,), lambda answers: call.run_if_approved(answers[0]))

    def run_if_approved(self, answer: ApprovalAnswer) -> Any:
        """Run it with the input as it was approved, or say why not; once, whatever becomes of it."""
        job = self._job
        job.check()
        if answer.outcome == "aborted":
            raise Stuck(answer.reason or f"{self._name} was refused, and all of the work with it")
        if not answer.approved:
            return self.refused(answer.reason or answer.outcome)
        try:
            payload = written(self._input) if answer.payload is None else answer.payload
            input = read(payload, self._input)
            once = self._once(answer, payload)
            with once:
                return self.run(input)
        except ApprovalError as error:
            return self.refused(said(error))

    def _once(self, answer: ApprovalAnswer, payload: Mapping[str, str]) -> AbstractContextManager[Any]:
        approver = self._job.assignment.approver
        if answer.approval_id is None or not isinstance(approver, ApproverRef):
            return nullcontext()
        return approver.executing(answer.approval_id, self._name, payload)

    def run(self, input: Mapping[str, Any]) -> Any:
        """Run it, on this thread, and tell of it."""
        job = self._job
        job.check()
        job.say(f"{self._name}({_shown(input)})")
        try:
            result = self._function(**input)
        except Exception as error:
            job.say(f"{self._name} failed: {said(error, _CUT)}")
            job.guard.enforce(job.guard.tool_failed(error))
            raise
        job.guard.tool_succeeded()
        job.say(f"{self._name} -> {cut(result)}")
        return result

    def refused(self, reason: str) -> ToolRefused:
        self._job.say(f"{self._name} refused: {reason}")
        return ToolRefused(self._name, reason)


def written(input: Mapping[str, Any]) -> dict[str, str]:
    """Give a tool's input as text by name, for whoever approves it: text as it is, all else as JSON."""
    return {
        name: value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=printed)
        for name, value in input.items()
    }


def read(payload: Mapping[str, str], original: Mapping[str, Any]) -> dict[str, Any]:
    """Give the input that a payload stands for; what was not edited is as it was.

    What was text stays text, all else is read as JSON, or taken as text where it is none.
    """
    shown = written(original)
    return {
        name: original[name] if shown.get(name) == text else _read(text, original.get(name, ""))
        for name, text in payload.items()
    }


def _read(text: str, was: Any) -> Any:
    if isinstance(was, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def cut(result: Any) -> str:
    """Give a result as text, cut at 500 characters for those who follow the run."""
    text = result if isinstance(result, str) else printed(result)
    return text if len(text) <= _CUT else f"{text[:_CUT]}... (truncated)"


def _shown(input: Mapping[str, Any]) -> str:
    return cut(", ".join(f"{name}={printed(value)}" for name, value in input.items()))
