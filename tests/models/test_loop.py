"""How does a loop come to its answer, and what ends it without one?"""

import contextlib
from typing import Any

import pytest

from actors import AgentFuture, Cancelled
from actors.guard import NETWORK, Exhausted, LoopGuard, Manifest, Privacy, Quota, Stuck, Usage
from actors.memory import LocalMemory
from actors.models import (
    Answer,
    Around,
    ContentComplete,
    LoopEvent,
    LoopResult,
    ModelLoop,
    ModelNotFound,
    NetworkError,
    PhaseChange,
    Retrying,
    ScriptedDriver,
    TextDelta,
    Tool,
    ToolCall,
    ToolError,
    ToolResult,
    ToolUseEnd,
    ToolUseStart,
    Warned,
    calls,
)


def add(a: int, b: int) -> int:
    return a + b


def fail() -> None:
    raise OSError("disk full")


def looped(*steps: Any, tools: Any = (add, fail), **more: Any) -> tuple[ModelLoop, ScriptedDriver]:
    driver = ScriptedDriver(steps)
    return ModelLoop(driver, tools, **more), driver


def results(driver: ScriptedDriver) -> list[str]:
    """What the model was told of the tools that it has had called, in its last request."""
    return [message.text for message in driver.requests[-1].messages if message.role == "tool"]


ADD = calls(("add", {"a": 1, "b": 2}))


def test_an_answer_without_tools_is_the_result() -> None:
    loop, driver = looped("four")
    assert loop.run("2 + 2?") == LoopResult("four", Usage(10, 5), 1, 0)
    request = driver.requests[0]
    assert [(message.role, message.text) for message in request.messages] == [("user", "2 + 2?")]
    assert [tool.name for tool in request.tools] == ["add", "fail"]
    assert (request.max_tokens, request.temperature) == (4096, 0.3)


def test_the_model_is_told_what_its_tool_gave_and_the_usage_is_summed() -> None:
    loop, driver = looped(ADD, Answer("three", usage=Usage(20, 1, 0.5)))
    assert loop.run("1 + 2?") == LoopResult("three", Usage(30, 6, 0.5), 2, 1)
    messages = driver.requests[1].messages
    assert [message.role for message in messages] == ["user", "assistant", "tool"]
    assert messages[1].tool_calls == (ToolCall("call-1", "add", {"a": 1, "b": 2}),)
    assert (messages[2].text, messages[2].call_id) == ("3", "call-1")


def test_several_calls_of_one_answer_are_made_in_order() -> None:
    loop, driver = looped(calls(("add", {"a": 1, "b": 1}), ("add", {"a": 2, "b": 2})), "done")
    assert loop.run("?").tool_calls == 2
    assert results(driver) == ["2", "4"]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (("sub", {}), "error: there is no tool 'sub', only add, fail, fetch, recall"),
        (("fail", {}), "error: tool 'fail' failed: OSError: disk full"),
        (("add", {"a": 1}), "error: tool 'add' does not take this input: missing required field: b"),
        (ToolCall("c", "add", unreadable="{oops"), "it is no JSON object: {oops"),
        (("fetch", {}), "error: tool 'fetch' is not allowed: local is sovereign: nothing of it uses the network"),
        (("recall", {}), "error: tool 'recall' is not allowed: local has no capability 'archive'"),
    ],
    ids=["unknown", "raises", "wrong input", "unreadable input", "network", "capability"],
)
def test_a_call_that_gives_nothing_is_an_error_result_and_the_loop_goes_on(call: Any, told: str) -> None:
    tools = [
        add,
        fail,
        Tool.of(lambda: "page", name="fetch", needs=[NETWORK]),
        Tool.of(lambda: "text", name="recall", needs=["archive"]),
    ]
    manifest = Manifest(name="local", capabilities=frozenset({NETWORK}))
    loop, driver = looped(Answer(calls=(call,)), "so be it", tools=tools, manifest=manifest)
    assert loop.run("?").text == "so be it"
    assert told in results(driver)[0]
    assert results(driver)[0].startswith("error: ")


def test_a_tool_that_needs_the_network_runs_where_it_may() -> None:
    fetch = Tool.of(lambda: "page", name="fetch", needs=[NETWORK])
    manifest = Manifest(privacy=Privacy.STANDARD, capabilities=frozenset({NETWORK}))
    loop, driver = looped(calls("fetch"), "read", tools=[fetch], manifest=manifest)
    loop.run("?")
    assert results(driver) == ["page"]


@pytest.mark.leaves_orphans
def test_a_tool_that_takes_too_long_is_an_error_result() -> None:
    import threading

    release = threading.Event()
    loop, driver = looped(calls("wait"), "without", tools=[Tool.of(release.wait, name="wait", timeout=0.05)])
    assert loop.run("?").text == "without"
    assert results(driver) == ["error: tool 'wait' failed: it took longer than 0.05 seconds"]
    release.set()


def test_a_blocked_call_is_an_error_result_and_the_loop_goes_on() -> None:
    other = calls(("add", {"a": 5, "b": 5}))
    loop, driver = looped(ADD, ADD, other, ADD, "enough")
    assert loop.run("?").text == "enough"
    assert results(driver) == ["3", "3", "10", "error: ping-pong detected: tool 'add' called 3 times with same input"]


def test_four_equal_calls_in_a_row_end_the_loop_as_a_failure() -> None:
    loop, _ = looped(*[ADD] * 5)
    with pytest.raises(Exhausted, match="4 times in a row") as raised:
        loop.run("?")
    assert raised.value.limit == "in_a_row"


@pytest.mark.parametrize(
    ("quota", "steps", "limit"),
    [
        (Quota(iterations=2), [calls(("add", {"a": n, "b": n})) for n in range(3)], "iterations"),
        (Quota(tool_calls=2), [calls(("add", {"a": n, "b": n})) for n in range(3)], "tool_calls"),
        (Quota(tokens=20), [calls(("add", {"a": n, "b": n})) for n in range(3)], "tokens"),
        (Quota(cost=1.0), [Answer("x", usage=Usage(1, 1, 2.0))], "cost"),
        (Quota(), [Answer("x", truncated=True)] * 5, "truncations"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_running_out_is_no_answer(quota: Quota, steps: list[Any], limit: str) -> None:
    loop, _ = looped(*steps, manifest=Manifest(quota=quota))
    with pytest.raises(Exhausted) as raised:
        loop.run("?")
    assert raised.value.limit == limit
    assert not getattr(raised.value, "retryable", False)


def test_an_answer_that_was_cut_off_goes_on_where_it_stopped() -> None:
    loop, driver = looped(Answer("once ", truncated=True), Answer("upon ", truncated=True), "a time")
    assert loop.run("?").text == "once upon a time"
    roles = [message.role for message in driver.requests[-1].messages]
    assert roles == ["user", "assistant", "user", "assistant", "user"]


def test_three_failures_of_the_model_in_a_row_end_as_stuck() -> None:
    down = NetworkError("down")
    loop, driver = looped(down, down, down, "never")
    with pytest.raises(Stuck, match="3 model failures in a row, the last: NetworkError: down") as raised:
        loop.run("?")
    assert raised.value.__cause__ is down
    assert len(driver.requests) == 3


def test_a_failure_of_the_model_between_good_answers_is_survived() -> None:
    down = NetworkError("down")
    loop, _ = looped(down, down, ADD, down, down, "there")
    assert loop.run("?").text == "there"


def test_a_failure_that_is_not_worth_another_try_is_raised_as_it_is() -> None:
    gone = ModelNotFound("no such model")
    loop, driver = looped(gone, "never")
    with pytest.raises(ModelNotFound) as raised:
        loop.run("?")
    assert raised.value is gone
    assert len(driver.requests) == 1


def test_three_failures_of_tools_in_a_row_end_as_stuck() -> None:
    loop, _ = looped(calls("fail"), calls("sub"), calls(("add", {})), "never")
    with pytest.raises(Stuck, match="3 tool failures in a row"):
        loop.run("?")


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_the_stream_tells_of_each_step(stream: bool) -> None:
    loop, _ = looped(ADD, "three", stream=stream)
    events: list[LoopEvent] = []
    loop.run("1 + 2?", emit=events.append)
    call = ToolCall("call-1", "add", {"a": 1, "b": 2})
    kept = [event for event in events if not isinstance(event, ContentComplete)]
    assert kept == [
        PhaseChange("perceive"),
        PhaseChange("reason"),
        ToolUseStart("call-1", "add"),
        ToolUseEnd(call),
        PhaseChange("act", "add"),
        ToolResult("call-1", "add", "3"),
        PhaseChange("reason"),
        TextDelta("three"),
        PhaseChange("done"),
    ]
    assert [event.completion.text for event in events if isinstance(event, ContentComplete)] == ["", "three"]


def test_a_long_result_is_cut_for_those_who_watch_and_whole_for_the_model() -> None:
    loop, driver = looped(calls("long"), "read", tools=[Tool.of(lambda: "x" * 501, name="long")])
    events: list[LoopEvent] = []
    loop.run("?", emit=events.append)
    shown = next(event for event in events if isinstance(event, ToolResult))
    assert shown.text == "x" * 500 + "... (truncated)"
    assert results(driver) == ["x" * 501]


def test_a_stream_that_nobody_reads_any_more_ends_no_work(lines: list[str]) -> None:
    loop, _ = looped(ADD, "three")
    heard: list[LoopEvent] = []

    def closed(event: LoopEvent) -> None:
        heard.append(event)
        raise BrokenPipeError("closed")

    assert loop.run("?", emit=closed).text == "three"
    assert len(heard) == 1
    assert lines == ["unnamed-agent: nobody listens to its stream any more: BrokenPipeError: closed"]


def test_a_warning_of_the_guard_is_told() -> None:
    loop, _ = looped(ADD, "three", manifest=Manifest(quota=Quota(iterations=2)))
    events: list[LoopEvent] = []
    loop.run("?", emit=events.append)
    assert [event.reason for event in events if isinstance(event, Warned)] == ["iteration 1 of 2", "iteration 2 of 2"]


def test_what_was_used_is_booked_though_the_loop_ends_without_an_answer() -> None:
    loop, _ = looped(ADD, Answer("x", usage=Usage(1000, 1)), manifest=Manifest(quota=Quota(tokens=100)))
    booked: list[Usage] = []
    with pytest.raises(Exhausted):
        loop.run("?", book=booked.append)
    assert booked == [Usage(10, 5), Usage(1000, 1)]


def test_a_guard_of_ones_own_counts() -> None:
    guard = LoopGuard(Quota(iterations=3))
    loop, _ = looped(ADD, "three")
    loop.run("?", Around(guard=guard))
    assert (guard.iterations, guard.tool_calls, guard.usage.total) == (2, 1, 30)


def test_each_run_has_a_guard_of_its_own() -> None:
    loop, _ = looped(*["ok"] * 10, manifest=Manifest(quota=Quota(iterations=1)))
    assert [loop.run("?").iterations for _ in range(5)] == [1] * 5


def test_what_it_remembers_of_the_question_is_in_the_prompt_five_at_most() -> None:
    memory = LocalMemory()
    for number in range(7):
        memory.remember("me", f"paris {'x' * number}")
    memory.remember("other", "paris, but not mine")
    loop, driver = looped("a city", memory=memory.of("me"), manifest=Manifest(system_prompt="Be brief."))
    loop.run("Paris")
    system = driver.requests[0].messages[0]
    assert system.role == "system"
    remembered = [f"- paris {'x' * number}" for number in range(5)]
    assert system.text == "\n".join(["Be brief.\n\nYou remember:", *remembered])
    assert memory.recall("me", "a city")[0].text == "Paris\na city"


def test_without_the_capability_nothing_is_remembered() -> None:
    memory = LocalMemory()
    memory.remember("me", "paris")
    loop, driver = looped("a city", memory=memory.of("me"), manifest=Manifest(capabilities=frozenset()))
    loop.run("paris")
    assert [message.role for message in driver.requests[0].messages] == ["user"]
    assert len(memory.recall("me", "paris", limit=10)) == 1


def test_an_answer_is_not_lost_because_it_cannot_be_remembered() -> None:
    memory = LocalMemory()

    def answer(request: Any) -> str:
        memory.close()
        return "four"

    loop, _ = looped(answer, memory=memory.of("me"))
    events: list[LoopEvent] = []
    assert loop.run("2 + 2?", emit=events.append).text == "four"
    warned = [event.reason for event in events if isinstance(event, Warned)]
    assert warned == ["the answer was not remembered: RuntimeError: the memory is closed"]


class GivesUp:
    """A caller that gives up at the n-th look."""

    def __init__(self, at: int) -> None:
        self._left = at

    def check(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Cancelled("enough")

    def wait(self, future: Any) -> None:
        future.get()


def test_whoever_gives_up_is_heard_before_each_step() -> None:
    seen: set[tuple[int, int]] = set()
    for at in range(12):
        called: list[int] = []
        tools = [Tool.of(lambda called=called: called.append(1), name="act")]
        driver = ScriptedDriver([calls("act"), "done"])
        with contextlib.suppress(Cancelled):
            ModelLoop(driver, tools).run("?", caller=GivesUp(at))
        seen.add((len(driver.requests), len(called)))
    # Before the model, after it and before the tool, before the model again, and after it.
    assert seen == {(0, 0), (1, 0), (1, 1), (2, 1)}


def test_news_is_told_with_the_next_turn() -> None:
    news = [["first"], [], ["late", "later"]]
    loop, driver = looped(ADD, calls(("add", {"a": 3, "b": 4})), "done")
    loop.run("?", news=lambda: news.pop(0))
    said = [message.text for message in driver.requests[-1].messages if message.role == "user"]
    assert said == ["?", "first", "late", "later"]


def test_a_model_that_is_named_is_asked_for() -> None:
    loop, driver = looped("a", "b", manifest=Manifest(privacy=Privacy.STANDARD, remote_model="big"))
    loop.run("?")
    loop.run("?", model="bigger")
    assert [request.model for request in driver.requests] == ["big", "bigger"]


def test_a_driver_that_retries_hides_a_failure_from_the_guard() -> None:
    driver = ScriptedDriver([NetworkError("down"), NetworkError("down"), NetworkError("down"), "there"])
    loop = ModelLoop(Retrying(driver, delays=(0.0,)))
    assert loop.run("?") == LoopResult("there", Usage(10, 5), 1, 0)


def test_it_says_what_it_is() -> None:
    loop, _ = looped()
    assert repr(loop) == "<ModelLoop unnamed-agent with <ScriptedDriver scripted, asked 0 times>, tools: add, fail>"


@pytest.mark.parametrize("late", [False, True], ids=["at once", "a future"])
def test_whoever_calls_the_tools_gives_what_the_model_hears(late: bool) -> None:
    asked: list[tuple[str, Any]] = []

    def call(tool: Tool, input: Any) -> Any:
        asked.append((tool.name, dict(input)))
        failed = len(asked) == 2
        if not late:
            if failed:
                raise ToolError("add", "refused")
            return 42
        future: AgentFuture[Any] = AgentFuture()
        future.resolve(42, error=ToolError("add", "refused") if failed else None)
        return future

    loop, driver = looped(ADD, ADD, "done")
    assert loop.run("?", call=call).text == "done"
    assert asked == [("add", {"a": 1, "b": 2})] * 2
    assert results(driver) == ["42", "error: refused"]


def test_a_reader_that_gives_up_ends_the_loop() -> None:
    loop, driver = looped("never")

    def gone(event: LoopEvent) -> None:
        raise Cancelled("the agent has ended")

    with pytest.raises(Cancelled):
        loop.run("?", emit=gone)
    assert driver.requests == ()
