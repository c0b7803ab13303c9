"""Does the driver of the chat API say what was asked, and give what was answered? Over real HTTP."""

import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from actors import Cancelled
from actors.guard import Manifest, Usage
from actors.models import (
    ChatMessage,
    Completion,
    ContentComplete,
    ModelDriver,
    ModelLoop,
    OpenAIDriver,
    Request,
    TextDelta,
    ToolCall,
    ToolSpec,
    ToolUseEnd,
    ToolUseStart,
    ask,
    gathered,
)
from tests.models.server import DONE, USED, chunk, message, streamed, text_chunks, whole

Asking = Callable[..., Any]
ADD = ToolSpec("add", "Adds.", {"type": "object", "properties": {"a": {"type": "integer"}}})


def part(index: Any = None, id: str | None = None, name: str | None = None, arguments: str | None = None) -> Any:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    found = {"index": index, "id": id, "type": "function", "function": function}
    return {"tool_calls": [{key: value for key, value in found.items() if value is not None}]}


def test_an_answer_has_its_text_its_usage_and_the_model_that_gave_it(asking: Asking) -> None:
    driver, server = asking(whole(message("four")))
    assert driver.complete(ask("2 + 2?", "Be brief.")) == Completion("four", (), Usage(1000, 500), False, "small-1")
    path, body, key = server.asked[0]
    assert (path, key) == ("/v1/chat/completions", "Bearer none")
    assert body == {
        "model": "small",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"}],
        "stream": False,
    }
    assert isinstance(driver, ModelDriver)


def test_a_request_says_its_own_model_its_limits_and_the_key(asking: Asking) -> None:
    driver, server = asking(whole(message()), api_key="sk-secret-key", extra={"top_k": 3})
    driver.complete(ask("?", model="large", max_tokens=9, temperature=0.5))
    _, body, key = server.asked[0]
    assert (body["model"], body["max_tokens"], body["temperature"], body["top_k"]) == ("large", 9, 0.5, 3)
    assert key == "Bearer sk-secret-key"
    assert "sk-secret-key" not in repr(driver)


def test_the_limit_of_tokens_is_sent_in_the_field_that_the_model_wants(asking: Asking) -> None:
    driver, server = asking(
        whole(message()),
        streamed(*text_chunks("a")),
        whole(message()),
        token_limit="max_completion_tokens",
        send_temperature=False,
    )
    driver.complete(ask("?", max_tokens=9, temperature=0.5))
    list(driver.stream(ask("?", max_tokens=8, temperature=0.5)))
    driver.complete(ask("?"))
    assert [body.get("max_completion_tokens") for body in server.bodies] == [9, 8, None]
    assert not [body for body in server.bodies if "max_tokens" in body or "temperature" in body]


def test_a_manifest_for_a_model_that_thinks_reaches_it_as_it_wants(asking: Asking) -> None:
    driver, server = asking(streamed(*text_chunks("a")), token_limit="max_completion_tokens")
    assert ModelLoop(driver, manifest=Manifest(max_tokens=100, temperature=1.0)).run("?").text == "a"
    body = server.bodies[0]
    assert (body["max_completion_tokens"], body["temperature"], "max_tokens" in body) == (100, 1.0, False)


def test_a_field_for_the_limit_that_no_server_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="token_limit: 'max_tokens' or 'max_completion_tokens', not 'tokens'"):
        OpenAIDriver("small", token_limit="tokens")  # type: ignore[arg-type]


def test_tools_their_calls_and_their_results_are_said_as_the_api_has_them(asking: Asking) -> None:
    driver, server = asking(whole(message(None, [("c1", "add", '{"a": 1}')])))
    call = ToolCall("c0", "add", {"a": 0})
    talk = (ChatMessage("user", "?"), ChatMessage("assistant", "", (call,)), ChatMessage("tool", "0", call_id="c0"))
    answer = driver.complete(Request(talk, (ADD,)))
    assert answer.tool_calls == (ToolCall("c1", "add", {"a": 1}),)
    assert answer.text == ""
    body = server.bodies[0]
    assert body["tools"] == [
        {"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": ADD.parameters}}
    ]
    assert body["messages"][1]["tool_calls"] == [
        {"id": "c0", "type": "function", "function": {"name": "add", "arguments": '{"a": 0}'}}
    ]
    assert body["messages"][2] == {"role": "tool", "content": "0", "tool_call_id": "c0"}


@pytest.mark.parametrize("arguments", ["{broken", "[1]", "null"])
def test_a_call_whose_arguments_are_no_object_says_what_they_are(asking: Asking, arguments: str) -> None:
    driver, _ = asking(whole(message(None, [("c1", "add", arguments)])))
    assert driver.complete(ask("?")).tool_calls == (ToolCall("c1", "add", unreadable=arguments),)


def test_an_answer_that_was_cut_off_says_so(asking: Asking) -> None:
    driver, _ = asking(whole(message("once upon", reason="length")), streamed(chunk({"content": "a"}, "length"), DONE))
    assert driver.complete(ask("?")).truncated
    assert gathered(driver.stream(ask("?"))).truncated


def test_the_cost_is_known_where_the_prices_are(asking: Asking) -> None:
    driver, _ = asking(whole(message()), prices=(2.0, 8.0))
    assert driver.complete(ask("?")).usage == Usage(1000, 500, 0.006)


def test_a_server_that_does_not_say_what_was_used_used_nothing(asking: Asking) -> None:
    driver, _ = asking(whole({**message(), "usage": None}))
    assert driver.complete(ask("?")).usage == Usage()


def test_a_stream_gives_the_text_piece_by_piece_then_the_whole(asking: Asking) -> None:
    driver, server = asking(streamed(*text_chunks("fo", "ur")))
    whole_answer = Completion("four", (), Usage(7, 3), False, "small-1")
    assert list(driver.stream(ask("?"))) == [TextDelta("fo"), TextDelta("ur"), ContentComplete(whole_answer)]
    assert server.bodies[0]["stream"] is True
    assert server.bodies[0]["stream_options"] == {"include_usage": True}


def test_the_first_piece_is_there_while_the_server_still_writes(asking: Asking) -> None:
    go_on = threading.Event()

    def answer(handler: Any) -> None:
        handler.begin_stream()
        handler.send_piece(chunk({"content": "first"}))
        go_on.wait(10)
        handler.send_piece("".join(text_chunks("last")))
        handler.end_stream()

    driver, _ = asking(answer)
    pieces = driver.stream(ask("?"))
    assert next(pieces) == TextDelta("first")
    go_on.set()
    assert [piece.text for piece in pieces if isinstance(piece, TextDelta)] == ["last"]


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param(
            [
                part(0, "c1", "add", ""),
                part(0, arguments='{"a"'),
                part(0, arguments=": 1}"),
                part(1, "c2", "sub", "{}"),
            ],
            id="by their index",
        ),
        pytest.param([part(0, "c1", "add", '{"a": 1}'), part(0, "c2", "sub", "{}")], id="all at index 0"),
        pytest.param([part(None, "c1", "add", '{"a": 1}'), part(None, "c2", "sub")], id="without an index"),
        pytest.param(
            [part(0, "c1", "add", '{"a"'), part(0, "c1", arguments=": 1}"), part(1, "c2", "sub", "")],
            id="with the id each time",
        ),
    ],
)
def test_tool_calls_of_a_stream_are_put_together(asking: Asking, pieces: list[Any]) -> None:
    driver, _ = asking(streamed(*map(chunk, pieces), chunk({}, "tool_calls"), USED, DONE))
    add, sub = ToolCall("c1", "add", {"a": 1}), ToolCall("c2", "sub")
    assert list(driver.stream(ask("?"))) == [
        ToolUseStart("c1", "add"),
        ToolUseStart("c2", "sub"),
        ToolUseEnd(add),
        ToolUseEnd(sub),
        ContentComplete(Completion("", (add, sub), Usage(7, 3), False, "small-1")),
    ]


def test_a_stream_that_is_left_closes_its_connection(asking: Asking) -> None:
    closed = threading.Event()

    def answer(handler: Any) -> None:
        handler.begin_stream()
        handler.send_piece(chunk({"content": "first"}))
        handler.rfile.read(1)  # until the other side has closed
        closed.set()
        handler.close_connection = True

    driver, _ = asking(answer)
    pieces = driver.stream(ask("?"))
    assert next(pieces) == TextDelta("first")
    pieces.close()
    assert closed.wait(10)


def test_one_driver_serves_many_threads(asking: Asking) -> None:
    driver, server = asking(lambda handler: whole(message(handler.server.bodies[-1]["model"]))(handler))
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(driver.complete(ask("?")).text)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers == ["small"] * 8
    assert len(server.asked) == 8


def test_the_client_asks_once_only(asking: Asking) -> None:
    from actors.models import Overloaded
    from tests.models.server import refused

    driver, server = asking(refused(503))
    with pytest.raises(Overloaded):
        driver.complete(ask("?"))
    assert len(server.asked) == 1


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ImportError, match=r"needs the extra openai: pip install 'actortree\[openai\]'"):
        OpenAIDriver("small")


def test_the_package_needs_no_client_to_be_imported() -> None:
    import subprocess

    program = "import sys; sys.modules['openai'] = None; import actors.models; print('there')"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout == "there\n", ran.stderr


@pytest.mark.parametrize(
    ("options", "text"),
    [({"model": ""}, "model: its name"), ({"timeout": 0}, "timeout: seconds"), ({"timeout": "1"}, "timeout: seconds")],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        OpenAIDriver(**{"model": "small", **options})


class GivesUp:
    """A caller that has given up once it was told so."""

    given_up = False

    def check(self) -> None:
        if self.given_up:
            raise Cancelled("enough")

    def wait(self, future: Any) -> None:
        future.get()


def test_whoever_gives_up_hears_no_more_of_a_stream(asking: Asking) -> None:
    driver, _ = asking(streamed(*text_chunks("a", "b")))
    caller = GivesUp()
    pieces = driver.stream(ask("?", caller=caller))
    assert next(pieces) == TextDelta("a")
    caller.given_up = True
    with pytest.raises(Cancelled):
        next(pieces)


def test_whoever_gives_up_at_the_end_of_an_answer_still_hears_what_it_has_used(asking: Asking) -> None:
    driver, _ = asking(streamed(*text_chunks("a")))
    caller = GivesUp()
    pieces = driver.stream(ask("?", caller=caller))
    assert next(pieces) == TextDelta("a")
    caller.given_up = True
    assert gathered(pieces).usage == Usage(7, 3)


def test_whoever_has_given_up_asks_nothing(asking: Asking) -> None:
    driver, server = asking(whole(message()))
    caller = GivesUp()
    caller.given_up = True
    with pytest.raises(Cancelled):
        driver.complete(ask("?", caller=caller))
    with pytest.raises(Cancelled):
        next(driver.stream(ask("?", caller=caller)))
    assert server.asked == []
