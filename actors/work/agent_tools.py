"""What may a model have its agent do with others: delegate, send a message, and look how far they are?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actors._core.errors import ActorError, said
from actors._core.ref import AgentRef
from actors.typed import AdditionalContext, ReviewFeedback, ReviewRequest
from actors.work.telling import QueryStatus

if TYPE_CHECKING:
    from actors.work.job import Job

Tool = Callable[..., str]
_SECONDS = 30.0  # to wait for what others know


def agent_tools(job: Job) -> dict[str, Tool]:
    """Give these tools by name, for one attempt; none where nobody conducts it.

    Each gives text, also of what went wrong, so that the model can react; only `Cancelled` is raised.
    """
    if job.assignment.conductor is None:
        return {}
    tools = _Tools(job)
    return {
        "spawn_sub_agent": tools.spawn_sub_agent,
        "send_message": tools.send_message,
        "query_agent_status": tools.query_agent_status,
    }


class _Tools:
    def __init__(self, job: Job) -> None:
        self._job = job

    def spawn_sub_agent(self, description: str, profile: str = "coder") -> str:
        """Have a part of the work done as a ticket of its own."""
        try:
            identity = self._job.delegate(description, profile=profile).get(timeout=_SECONDS)
        except (ActorError, ValueError, TypeError) as error:
            self._job.check()
            return f"not delegated: {said(error)}"
        return f"ticket {identity} is to be done by a {profile}"

    def send_message(self, to: str, type: str, content: str = "", **fields: Any) -> str:
        """Send review_request, review_feedback or additional_context to an agent, by its path or a sibling's name."""
        job = self._job
        ref = self._find(to)
        if ref is None:
            return f"there is no agent {to}"
        try:
            message = self._message(type, content, fields)
            if message is None:
                return f"unknown message_type {type!r}: review_request, review_feedback or additional_context"
            ref.tell(message)
        except (ActorError, ValueError, TypeError) as error:
            job.check()
            return f"not sent to {to}: {said(error)}"
        return f"sent to {to}"

    def _message(self, type: str, content: str, fields: dict[str, Any]) -> Any:
        work = fields.get("work_package_id", self._job.key)
        if type == "additional_context":
            return AdditionalContext(content=content)
        if type == "review_request":
            return ReviewRequest(work_package_id=work, changed_files=fields.get("changed_files", ()))
        if type == "review_feedback":
            comments = (content,) if content else ()
            given = {key: value for key, value in fields.items() if key == "approved"}
            return ReviewFeedback.model_validate({"work_package_id": work, "comments": comments, **given})
        return None

    def _find(self, to: str) -> AgentRef[Any] | None:
        system, here = self._job.agent_context.system, self._job.path
        path = to if str(to).startswith("/") else f"{here.rpartition('/')[0]}/{to}"
        return system.find(path)

    def query_agent_status(self, agent: str = "") -> str:
        """Tell what an agent is at, by its path or name; by default this one."""
        conductor = self._job.assignment.conductor
        assert conductor is not None
        try:
            question = QueryStatus(agent or self._job.path)
            answer = self._job.ask_of(conductor, question, timeout=_SECONDS).get()
        except ActorError as error:
            self._job.check()
            return f"not known: {said(error)}"
        return str(answer) if answer else "no tasks found for this agent"
