"""Does a scripted model say what its script says?"""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from actors import ActorSystem, Agent
from actors.guard import Usage
from actors.models import (
    Answer,
    Completion,
    ContentComplete,
    InferenceFailed,
    ModelDriver,
    NetworkError,
    RateLimited,
    ScriptedDriver,
    ScriptOver,
    TextDelta,
    ToolCall,
    ToolUseEnd,
    ToolUseStart,
    ask,
    calls,
    gathered,
    pieces_of,
)


def test_each_request_gets_the_next_step_and_is_kept() -> None:
    driver = ScriptedDriver(["one", Answer("two", usage=Usage(1, 2), truncated=True)])
    assert isinstance(driver, ModelDriver)
    assert driver.complete(ask("a")) == Completion("one", (), Usage(10, 5), False, "scripted")
    assert driver.complete(ask("b", model="large")) == Completion("two", (), Usage(1, 2), True, "large")
    assert [request.messages[-1].text for request in driver.requests] == ["a", "b"]
    assert repr(driver) == "<ScriptedDriver scripted, asked 2 times>"


def test_a_script_that_is_over_says_so() -> None:
    driver = ScriptedDriver(["one"])
    driver.complete(ask("a"))
    with pytest.raises(ScriptOver, match="no answer to request 2"):
        driver.complete(ask("b"))


def test_a_script_may_begin_again() -> None:
    driver = ScriptedDriver(["one", "two"], repeat=True)
    assert [driver.complete(ask("?")).text for _ in range(5)] == ["one", "two", "one", "two", "one"]


def test_an_error_is_raised_and_a_function_decides_by_the_request() -> None:
    driver = ScriptedDriver([RateLimited("later", retry_after=3.0), lambda request: request.messages[0].text.upper()])
    with pytest.raises(RateLimited) as raised:
        driver.complete(ask("a"))
    assert raised.value.retry_after == 3.0
    assert driver.complete(ask("b")).text == "B"


def test_a_stream_comes_in_its_pieces_and_may_break_in_the_middle() -> None:
    driver = ScriptedDriver([Answer(("a", "b")), Answer(("c", "d"), error=NetworkError("broken"))])
    assert list(driver.stream(ask("?")))[:2] == [TextDelta("a"), TextDelta("b")]
    pieces = driver.stream(ask("?"))
    assert [next(pieces), next(pieces)] == [TextDelta("c"), TextDelta("d")]
    with pytest.raises(NetworkError):
        next(pieces)


def test_tool_calls_get_ids_in_the_order_of_the_script() -> None:
    driver = ScriptedDriver([calls("a", ("b", {"x": 1})), calls("c")])
    first, second = ToolCall("call-1", "a"), ToolCall("call-2", "b", {"x": 1})
    completion = Completion("", (first, second), Usage(10, 5), False, "scripted")
    events = [
        ToolUseStart("call-1", "a"),
        ToolUseEnd(first),
        ToolUseStart("call-2", "b"),
        ToolUseEnd(second),
        ContentComplete(completion),
    ]
    assert list(driver.stream(ask("?"))) == events == list(pieces_of(completion))
    assert driver.complete(ask("?")).tool_calls == (ToolCall("call-3", "c"),)


def test_many_threads_share_a_script_and_each_step_is_given_once() -> None:
    driver = ScriptedDriver([str(number) for number in range(200)])
    said: list[str] = []
    together = threading.Barrier(8)

    def work() -> None:
        together.wait()
        said.extend(driver.complete(ask("?")).text for _ in range(25))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, said)) == list(range(200))
    assert len(driver.requests) == 200


@pytest.mark.parametrize("steps", [[3], [None], [Answer("a", delay=-1)], [Answer("a", delay="1")]])  # type: ignore[arg-type]
def test_a_script_that_is_none_is_refused(steps: Any) -> None:
    with pytest.raises(ValueError, match=r"steps|delay"):
        ScriptedDriver(steps)


def test_nothing_cannot_be_repeated() -> None:
    with pytest.raises(ValueError, match="one or more"):
        ScriptedDriver([], repeat=True)


def test_a_stream_without_an_end_is_an_error() -> None:
    with pytest.raises(InferenceFailed, match="without a ContentComplete"):
        gathered([TextDelta("a")])


class Asks(Agent):
    """Asks its driver, and tells when the answer came."""

    def __init__(self, driver: ScriptedDriver) -> None:
        self._driver = driver

    def on_receive(self, message: str) -> tuple[str, float]:
        return self._driver.complete(ask(message)).text, self.context.system.clock.now()


def test_a_delay_goes_by_the_clock_of_the_agent_that_asks(
    system: ActorSystem, spec: Callable[..., Any], clock: Any
) -> None:
    agent = system.spawn(spec(Asks, "asks", args=(ScriptedDriver([Answer("slow", delay=600.0)]),)))
    answer = agent.ask("?", block=False)
    clock.advance(601.0, settle=True)
    assert answer.get() == ("slow", 600.0)
