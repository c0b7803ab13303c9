"""What may a model have called, and what does it hear of what came of it?"""

import contextvars
import functools
import threading
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from pydantic import Field

from actors import ActorSystem, Agent, AgentFailed, AgentStopped, Cancelled, OrphanReturned
from actors.models import BadToolInput, Tool, Toolbox, ToolFailed, ToolTimeout, UnknownTool
from actors.testkit import Gate
from tests.core.helpers import EventLog

NUMBER: contextvars.ContextVar[int] = contextvars.ContextVar("NUMBER", default=0)


def add(a: int, b: Annotated[int, Field(description="how much more")] = 2) -> int:
    """Adds two numbers."""
    return a + b


def test_a_function_says_what_it_takes() -> None:
    spec = Tool.of(add).spec
    assert (spec.name, spec.description) == ("add", "Adds two numbers.")
    assert Tool.of(add).timeout == 120.0
    assert spec.parameters["required"] == ["a"]
    assert spec.parameters["properties"]["b"]["description"] == "how much more"
    assert spec.parameters["additionalProperties"] is False


@pytest.mark.parametrize(
    ("value", "text"),
    [("as it is", "as it is"), (3, "3"), ({"a": [1, "ü"]}, '{"a": [1, "ü"]}'), (None, "null"), ({1, 2}, "[1, 2]")],
)
def test_a_result_is_text_or_json(value: Any, text: str) -> None:
    assert Tool.of(lambda: value, name="give").call({}) == text


def test_what_json_cannot_write_is_printed() -> None:
    thing = object()
    assert Tool.of(lambda: thing, name="give").call({}) == repr(thing)


def test_an_input_that_is_wrong_is_refused_with_all_that_is_wrong() -> None:
    with pytest.raises(BadToolInput) as raised:
        Tool.of(add).call({"b": "x", "c": 1})
    assert raised.value.problems[0] == "missing required field: a"
    assert len(raised.value.problems) == 3


def test_an_input_comes_as_the_types_that_the_function_takes() -> None:
    assert Tool.of(add).call({"a": "3"}) == "5"


def test_a_tool_that_raises_says_what() -> None:
    def fail() -> None:
        raise KeyError("key")

    with pytest.raises(ToolFailed, match=r"tool 'fail' failed: KeyError: 'key'") as raised:
        Tool.of(fail).call({})
    assert isinstance(raised.value.cause, KeyError)


def test_a_tool_that_exits_ends_nothing_but_itself() -> None:
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(ToolFailed, match="SystemExit: 3"):
        Tool.of(leave).call({})


@pytest.mark.leaves_orphans
def test_a_tool_that_hangs_ends_in_time_outside_an_agent() -> None:
    release = threading.Event()
    with pytest.raises(ToolTimeout, match=r"tool 'wait' failed: it took longer than 0\.05 seconds"):
        Tool.of(release.wait, name="wait", timeout=0.05).call({})
    release.set()


class Calls(Agent):
    """Calls the tool that it is sent, and answers with what came of it."""

    def on_receive(self, message: Any) -> Any:
        try:
            return message.call({})
        except Exception as error:
            return error


@pytest.mark.leaves_orphans
def test_a_tool_that_hangs_is_an_orphan_of_its_agent_which_goes_on(
    system: ActorSystem, spec: Any, clock: Any, log: EventLog
) -> None:
    gate = Gate()
    agent = system.spawn(spec(Calls, "calls"))
    answer = agent.ask(Tool.of(gate.wait, name="hang", timeout=120.0), block=False)
    gate.reached()
    clock.advance(120.0)
    error = answer.get()
    assert (type(error), str(error)) == (ToolTimeout, "tool 'hang' failed: it took longer than 120 seconds")
    assert [orphan.message for orphan in system.orphans] == ["<call of tool hang>"]
    assert agent.ask(Tool.of(lambda: "well", name="well")) == "well"
    gate.open()
    log.wait(OrphanReturned)
    assert system.orphans == []


def test_a_tool_that_fails_is_no_failure_of_an_agent(system: ActorSystem, spec: Any, log: EventLog) -> None:
    agent = system.spawn(spec(Calls, "calls"))
    assert isinstance(agent.ask(Tool.of(lambda: 1 // 0, name="divide")), ToolFailed)
    assert agent.incarnation == 1
    assert log.of(AgentFailed) == []


def test_a_tool_leaves_no_child_behind(system: ActorSystem, spec: Any, log: EventLog) -> None:
    agent = system.spawn(spec(Calls, "calls"))
    for number in range(3):
        assert agent.ask(Tool.of(lambda: "well", name="well")) == "well"
        log.wait(AgentStopped, times=number + 1)
    assert len(agent.children()) == 0


def test_a_tool_without_a_limit_runs_on_the_thread_of_its_agent(system: ActorSystem, spec: Any) -> None:
    agent = system.spawn(spec(Calls, "calls"))
    threads: list[int] = []
    tool = Tool.of(lambda: threads.append(threading.get_ident()), name="note", timeout=None)
    agent.ask(tool)
    assert len(threads) == 1
    assert not agent.children()


def test_a_tool_sees_the_context_variables_of_whoever_calls_it() -> None:
    NUMBER.set(7)
    assert Tool.of(lambda: NUMBER.get(), name="number").call({}) == "7"


def test_what_gives_up_stays_that() -> None:
    def give_up() -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        Tool.of(give_up).call({})


class Named:
    """Something with a name that can be called."""

    name = "ask_me"
    description = "Answers."
    parameters = {"type": "object", "properties": {"q": {"type": "string"}}}  # noqa: RUF012
    timeout: float | None = None

    def __call__(self, q: str = "") -> str:
        return f"{q}!"


class Short:
    """Doubles."""

    def __call__(self, n: int) -> int:
        return 2 * n


def test_a_toolbox_takes_tools_functions_names_and_whatever_can_be_called() -> None:
    box = Toolbox([Tool.of(add), Named(), len_of])
    assert list(box) == ["add", "ask_me", "len_of"]
    assert box["ask_me"].timeout is None
    assert box["ask_me"].call({"q": "so"}) == "so!"
    assert [spec.name for spec in box.specs] == list(box)
    assert Toolbox({"double": Short()})["double"].call({"n": 4}) == "8"


def len_of(text: str) -> int:
    return len(text)


def test_a_name_that_no_tool_has_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownTool, match="there is no tool 'sub', only add, len_of"):
        Toolbox([add, len_of]).find("sub")
    with pytest.raises(UnknownTool, match="only none at all"):
        Toolbox().find("sub")


def positional(*values: int) -> None: ...


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Toolbox([add, add]), "two of the name 'add'"),
        (lambda: Toolbox([3]), "each a Tool or a function"),
        (lambda: Tool.of(positional), "keywords only"),
        (lambda: Tool("", add), "name"),
        (lambda: Tool("a", 3), "function"),
        (lambda: Tool("a", add, timeout=0), "timeout"),
    ],
)
def test_what_is_no_tool_is_refused(make: Callable[[], Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()


def test_a_tool_that_takes_anything_is_given_anything() -> None:
    assert Tool.of(lambda **given: given, name="echo").call({"a": 1, "b": [2]}) == '{"a": 1, "b": [2]}'


def test_what_a_partial_function_has_already_need_not_be_given() -> None:
    tool = Tool.of(functools.partial(add, b=10), name="add_ten")
    assert tool.spec.parameters["required"] == ["a"]
    assert tool.call({"a": "1"}) == "11"
