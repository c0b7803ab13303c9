"""May this loop of an agent take its next step?"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import deque
from typing import Any

from actors._core.errors import printed, said
from actors.guard.quota import Quota
from actors.guard.usage import Usage
from actors.guard.verdicts import Allow, Block, CircuitBreak, LimitName, Verdict, Warn, enforce

ROUNDING = 1e-9  # relative: ten times 0.1 is not more than 1.0


class LoopGuard:
    """Counts what one loop does, and says to each step whether it may be taken.

    Each loop has a guard of its own. Once it has ended the loop it stays so: every later step gets the same
    `CircuitBreak`, and usage is still counted. Methods never block and may be called from any thread.
    """

    def __init__(self, quota: Quota | None = None) -> None:
        self.quota = quota if quota is not None else Quota()
        # Guards all that follows, so that steps from two threads are counted one by one. Nothing foreign under it.
        self._lock = threading.Lock()
        self._iterations = 0
        self._tool_calls = 0
        self._usage = Usage()
        self._calls: deque[bytes] = deque(maxlen=self.quota.window)
        self._in_a_row = 0
        self._truncations = 0
        self._model_failures = 0
        self._tool_failures = 0
        self._warned_of_tokens = False
        self._broken: CircuitBreak | None = None

    # -- what it has counted ------------------------------------------------------

    @property
    def iterations(self) -> int:
        """The iterations that were begun, one that was refused included."""
        return self._iterations

    @property
    def tool_calls(self) -> int:
        """The tool calls that were asked for, blocked ones included."""
        return self._tool_calls

    @property
    def usage(self) -> Usage:
        """What was spent, also after the end."""
        return self._usage

    @property
    def broken(self) -> CircuitBreak | None:
        """Why the loop was ended, `None` while it may go on."""
        return self._broken

    # -- its steps ----------------------------------------------------------------

    def iteration(self) -> Verdict:
        """Ask to begin the next iteration; warns from four fifths of the quota on."""
        with self._lock:
            if self._broken is not None:
                return self._broken
            self._iterations += 1
            used, most = self._iterations, self.quota.iterations
            if used > most:
                return self._break(f"max iterations reached ({most})", "iterations", used, most)
            return Warn(f"iteration {used} of {most}") if used >= _near(most) else Allow()

    def tool_call(self, name: str, input: object = None) -> Verdict:
        """Ask to call a tool; two calls are equal where the tool is, and the input written as JSON with sorted keys."""
        call = _digest(name, input)
        with self._lock:
            if self._broken is not None:
                return self._broken
            self._truncations = 0
            self._tool_calls += 1
            used, most = self._tool_calls, self.quota.tool_calls
            if used > most:
                return self._break(f"max tool calls reached ({most})", "tool_calls", used, most)
            return self._repeated(name, call)

    def answer(self, truncated: bool = False) -> Verdict:
        """Say that the model has answered, and whether the answer was cut off."""
        with self._lock:
            if self._broken is not None:
                return self._broken
            self._model_failures = 0
            self._truncations = self._truncations + 1 if truncated else 0
            used, most = self._truncations, self.quota.truncations
            if used >= most:
                return self._break(f"{used} truncated answers in a row", "truncations", used, most)
            return Allow()

    def spend(self, usage: Usage) -> Verdict:
        """Count what was used; warns once at four fifths of the tokens."""
        with self._lock:
            self._usage += usage
            return self._broken or self._over_budget()

    def model_failed(self, error: BaseException | None = None) -> Verdict:
        """Say that a call of the model has failed for good, and why."""
        with self._lock:
            self._model_failures += 1
            return self._failed("model", "model_failures", self._model_failures, self.quota.model_failures, error)

    def tool_failed(self, error: BaseException | None = None) -> Verdict:
        """Say that a tool has failed, and why."""
        with self._lock:
            self._tool_failures += 1
            return self._failed("tool", "tool_failures", self._tool_failures, self.quota.tool_failures, error)

    def tool_succeeded(self) -> None:
        """Say that a tool has given its result: the row of failures ends."""
        with self._lock:
            self._tool_failures = 0

    def enforce(self, verdict: Verdict) -> Verdict:
        """Give the verdict back, or raise `Exhausted` (`Stuck` after failures in a row) where it ends the loop."""
        return enforce(verdict)

    def __repr__(self) -> str:
        state = "open" if self._broken is None else f"ended: {self._broken.reason}"
        return f"<LoopGuard {state}, {self._iterations} iterations, {self._tool_calls} tool calls, {self._usage}>"

    # -- its rules, all under the lock --------------------------------------------

    def _break(self, reason: str, limit: LimitName, used: float, allowed: float) -> CircuitBreak:
        self._broken = CircuitBreak(reason, limit, used, allowed)
        return self._broken

    def _repeated(self, name: str, call: bytes) -> Verdict:
        self._in_a_row = self._in_a_row + 1 if self._calls and self._calls[-1] == call else 1
        self._calls.append(call)
        times, most = self._calls.count(call), self.quota.in_a_row
        if self._in_a_row >= most:
            reason = f"ping-pong detected: tool '{name}' called {most} times in a row with same input"
            return self._break(reason, "in_a_row", self._in_a_row, most)
        if times >= self.quota.repeats:
            return Block(f"ping-pong detected: tool '{name}' called {times} times with same input")
        return Allow()

    def _over_budget(self) -> Verdict:
        used, most = self._usage.total, self.quota.tokens
        if most is not None and used > most:
            return self._break(f"token budget exhausted: {used} > {most}", "tokens", used, most)
        cost, dollars = self._usage.cost, self.quota.cost
        if dollars and cost > dollars * (1 + ROUNDING):
            reason = f"cost budget exceeded: {_dollars(cost)} > {_dollars(dollars)}"
            return self._break(reason, "cost", cost, dollars)
        if most is None or self._warned_of_tokens or used < _near(most):
            return Allow()
        self._warned_of_tokens = True
        return Warn(f"{used} of {most} tokens used")

    def _failed(self, what: str, limit: LimitName, used: int, most: int, error: BaseException | None) -> Verdict:
        if self._broken is not None:
            return self._broken
        if used < most:
            return Allow()
        last = "" if error is None else f", the last: {said(error)}"
        return self._break(f"{used} {what} failures in a row{last}", limit, used, most)


def _near(most: int) -> int:
    """Give four fifths of a limit, rounded down, without a float between."""
    return most * 4 // 5


def _digest(name: str, input: Any) -> bytes:
    try:
        text = json.dumps(input, sort_keys=True, default=printed)
    except (TypeError, ValueError, RecursionError):  # keys that cannot be sorted, or a value that holds itself
        text = printed(input)
    return hashlib.sha256(f"{name}\0{text}".encode("utf-8", "surrogatepass")).digest()


def _dollars(amount: float) -> str:
    """Write an amount with two decimals, with more where it has more, six at most."""
    whole, decimals = f"{amount:.6f}".split(".")
    return f"${whole}.{decimals[:2]}{decimals[2:].rstrip('0')}"
