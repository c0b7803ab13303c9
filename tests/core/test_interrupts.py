"""Is everything in order after Ctrl-C, wherever in an ask that an idle agent answers on the asker's thread it comes?"""

from __future__ import annotations

import contextlib
import dis
import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import pytest

from actors import ActorSystem, Agent
from actors._core.here import here
from actors._core.ref import AgentRef
from actors._core.turn import Turn
from policies import Restart
from tests.core.helpers import Boom


class Echo(Agent):
    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        return message


class Interrupter:
    """Raises KeyboardInterrupt at the nth of the places where CPython may: after a call, and as a function begins."""

    def __init__(self, nth: int, *codes: CodeType) -> None:
        self.left = nth
        self.codes = codes
        self.calls = {code: _calls(code) for code in codes}
        self.last: dict[FrameType, int] = {}
        self.came = False

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code not in self.codes:
            return None
        if event == "call":
            frame.f_trace = self  # from 3.13 on it has to be there before the next line
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
            self._perhaps()
        elif event == "exception":
            self.last.pop(frame, None)
        elif event == "opcode":
            last = self.last.get(frame)
            self.last[frame] = frame.f_lasti
            if last is not None and last in self.calls[frame.f_code]:
                self._perhaps()
        return self

    def _perhaps(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.came = True
            raise KeyboardInterrupt


def _calls(code: CodeType) -> set[int]:
    return {each.offset for each in dis.get_instructions(code) if each.opname.startswith("CALL")}


@contextmanager
def interrupted(nth: int, *codes: CodeType) -> Iterator[Interrupter]:
    interrupter = Interrupter(nth, *codes)
    outer = sys.gettrace()
    sys.settrace(interrupter)
    try:
        yield interrupter
    finally:
        sys.settrace(outer)


CODES = (AgentRef.ask.__code__, Turn.answer.__code__)


class Passing(Agent):
    """Answers with what another agent answers, on the same thread."""

    def __init__(self, ref: AgentRef[Any]) -> None:
        self.ref = ref

    def on_receive(self, message: Any) -> Any:
        return self.ref.ask(message)


def is_in_order_after_interrupt(nth: int, fails: bool, passed: bool) -> bool:
    """Interrupt an ask at the nth place; False if there is no such place."""
    system = ActorSystem("interrupted", policy=Restart(None, within=None))
    echo = system.spawn(Echo, name="echo")
    ref = system.spawn(Passing, echo, name="passing") if passed else echo
    with interrupted(nth, *CODES) as interrupter, contextlib.suppress(KeyboardInterrupt, Boom):
        ref.ask(Boom("over") if fails else "hello")
    assert here.context is None
    assert here.depth == 0
    for each in {ref, echo}:
        assert each.ask("by the pool", timeout=20.0) == "by the pool"
        assert each.ask("inline") == "inline"
    assert system.stop(timeout=20.0).complete
    return interrupter.came


@pytest.mark.parametrize("passed", [False, True], ids=["at once", "by way of another"])
@pytest.mark.parametrize("fails", [False, True], ids=["answered", "failed"])
def test_an_agent_goes_on_wherever_the_ask_that_it_answers_is_interrupted(fails: bool, passed: bool) -> None:
    places = next(nth for nth in itertools.count(1) if not is_in_order_after_interrupt(nth, fails, passed)) - 1
    assert places >= (18 if passed else 9)
