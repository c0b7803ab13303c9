"""What does a test's system do with the failures, and dead letters, that another would log?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.events import DeadLetter
from actors._core.report import CrashReports
from policies import Decision, Failure

if TYPE_CHECKING:
    from actors._core.ref import AgentRef


class Unlogged(CrashReports):
    """Reports that go nowhere: the events say it, and whoever runs the test looks at these."""

    def failed(self, ref: AgentRef[Any], failure: Failure, decision: Decision, message: str, restarts: int) -> None:
        """The event says it."""

    def dead_letter(self, letter: DeadLetter) -> None:
        """The event says it."""

    def hook_failed(self, ref: AgentRef[Any], incarnation: int, error: BaseException) -> None:
        """The event says it."""
