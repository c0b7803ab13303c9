"""What does each failure of a server, and of the way there, become? Over real HTTP."""

import json
import socket
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from actors.models import (
    AuthFailed,
    ContextOverflow,
    InferenceFailed,
    ModelError,
    ModelNotFound,
    NetworkError,
    OpenAIDriver,
    Overloaded,
    RateLimited,
    TextDelta,
    ask,
    gathered,
)
from tests.models.server import DONE, USED, broken, chunk, message, raw, refused, silent, streamed, whole

Asking = Callable[..., Any]
WAYS = {"whole": lambda driver: driver.complete(ask("?")), "streamed": lambda driver: gathered(driver.stream(ask("?")))}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Callable[[OpenAIDriver], Any]:
    """Asks, in either way."""
    return WAYS[request.param]


@pytest.mark.parametrize(
    ("status", "code", "text", "kind"),
    [
        (400, None, "no", InferenceFailed),
        (400, "context_length_exceeded", "no", ContextOverflow),
        (400, None, "This model's maximum context length is 10 tokens", ContextOverflow),
        (401, "invalid_api_key", "no", AuthFailed),
        (403, None, "no", AuthFailed),
        (404, "model_not_found", "no", ModelNotFound),
        (404, None, "no", ModelNotFound),
        (408, None, "no", NetworkError),
        (409, None, "no", Overloaded),
        (413, None, "no", ContextOverflow),
        (422, None, "no", InferenceFailed),
        (429, "rate_limit_exceeded", "no", RateLimited),
        (429, "insufficient_quota", "no", AuthFailed),
        (500, None, "no", Overloaded),
        (501, None, "no", InferenceFailed),
        (502, None, "no", Overloaded),
        (503, None, "no", Overloaded),
        (529, None, "no", Overloaded),
    ],
)
def test_a_refusal_says_what_it_means(
    asking: Asking, way: Any, status: int, code: str | None, text: str, kind: type[ModelError]
) -> None:
    driver, _ = asking(refused(status, text, code))
    with pytest.raises(ModelError) as raised:
        way(driver)
    assert type(raised.value) is kind
    assert str(status) in str(raised.value)
    assert raised.value.retryable is (kind in (RateLimited, Overloaded, NetworkError))
    assert raised.value.__cause__ is not None


def in_an_hour() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"retry_after": "7"}, 7.0, 7.0),
        ({"retry_after": "0.5"}, 0.5, 0.5),
        ({"retry_after": "-3"}, 0.0, 0.0),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0, 0.0),
        ({"retry_after_ms": "1500", "retry_after": "9"}, 1.5, 1.5),
    ],
)
def test_a_rate_limit_says_how_long_to_wait(
    asking: Asking, way: Any, headers: dict[str, str], least: float, most: float
) -> None:
    driver, _ = asking(refused(429, **headers))
    with pytest.raises(RateLimited) as raised:
        way(driver)
    assert raised.value.retry_after is not None
    assert least <= raised.value.retry_after <= most


def test_a_date_to_wait_for_is_counted_from_now(asking: Asking) -> None:
    driver, _ = asking(refused(503, retry_after=in_an_hour()))
    with pytest.raises(Overloaded) as raised:
        driver.complete(ask("?"))
    assert raised.value.retry_after is not None
    assert 3500 < raised.value.retry_after <= 3600


@pytest.mark.parametrize("said", ["soon", "nan", "inf", ""])
def test_a_time_to_wait_that_is_none_is_left_out(asking: Asking, said: str) -> None:
    driver, _ = asking(refused(429, retry_after=said))
    with pytest.raises(RateLimited) as raised:
        driver.complete(ask("?"))
    assert raised.value.retry_after is None


def test_a_server_that_is_not_there_is_a_network_error(way: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens: refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with OpenAIDriver("small", base_url=url) as driver, pytest.raises(NetworkError, match="Connection") as raised:
            way(driver)
    assert raised.value.retryable


def test_a_server_that_says_nothing_is_a_network_error_in_time(asking: Asking, way: Any) -> None:
    driver, _ = asking(silent(), timeout=0.2)
    with pytest.raises(NetworkError, match=r"no answer within 0\.2 seconds"):
        way(driver)


def test_a_server_that_falls_silent_in_the_middle_is_one_too(asking: Asking) -> None:
    driver, _ = asking(silent(chunk({"content": "once"})), timeout=0.2)
    pieces = driver.stream(ask("?"))
    assert next(pieces) == TextDelta("once")
    with pytest.raises(NetworkError, match=r"no answer within 0\.2 seconds"):
        next(pieces)


def test_a_connection_that_breaks_before_the_answer_is_a_network_error(asking: Asking, way: Any) -> None:
    driver, _ = asking(broken)
    with pytest.raises(NetworkError):
        way(driver)


@pytest.mark.parametrize("end", [True, False], ids=["ended", "broken"])
def test_a_stream_that_ends_in_the_middle_is_a_network_error(asking: Asking, end: bool) -> None:
    driver, _ = asking(streamed(chunk({"content": "once"}), chunk({"content": " upon"}), end=end))
    pieces = driver.stream(ask("?"))
    assert [next(pieces), next(pieces)] == [TextDelta("once"), TextDelta(" upon")]
    with pytest.raises(NetworkError):
        next(pieces)


def test_an_answer_that_breaks_off_in_its_body_is_a_network_error(asking: Asking) -> None:
    def answer(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"id": "chat-1", "cho')
        handler.hang_up()

    driver, _ = asking(answer)
    with pytest.raises(NetworkError):
        driver.complete(ask("?"))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(raw(b'{"id": "chat-1", '), id="JSON that ends too early"),
        pytest.param(raw(b"<html>sign in</html>", kind="text/html"), id="a page"),
        pytest.param(raw(b"[]"), id="a list"),
        pytest.param(raw(b"null"), id="null"),
        pytest.param(raw(b'"hello"'), id="a text"),
        pytest.param(whole({"choices": []}), id="no choice"),
        pytest.param(whole({"choices": [{"index": 0}]}), id="no message"),
        pytest.param(raw(b'{"choices": "\xff"}'), id="no UTF-8"),
    ],
)
def test_an_answer_that_is_none_is_a_failure(asking: Asking, answer: Any) -> None:
    driver, _ = asking(answer)
    with pytest.raises(InferenceFailed) as raised:
        driver.complete(ask("?"))
    assert not raised.value.retryable


@pytest.mark.parametrize("piece", ["data: {broken\n\n", 'data: "text"\n\n', "data: []\n\n", "data: null\n\n"])
def test_a_piece_that_is_none_is_a_failure(asking: Asking, piece: str) -> None:
    driver, _ = asking(streamed(chunk({"content": "once"}), piece, chunk({}, "stop"), DONE))
    with pytest.raises(InferenceFailed):
        gathered(driver.stream(ask("?")))


@pytest.mark.parametrize(
    ("code", "kind"), [("server_error", Overloaded), ("rate_limit_exceeded", RateLimited), (None, InferenceFailed)]
)
def test_an_error_told_in_a_stream_says_what_it_means(asking: Asking, code: str | None, kind: type[ModelError]) -> None:
    told = (
        f'data: {{"error": {{"message": "went wrong", "code": {f"{chr(34)}{code}{chr(34)}" if code else "null"}}}}}\n\n'
    )
    driver, _ = asking(streamed(chunk({"content": "once"}), told))
    with pytest.raises(kind, match="in the stream: went wrong"):
        gathered(driver.stream(ask("?")))


def test_an_answer_that_was_withheld_is_a_failure(asking: Asking, way: Any) -> None:
    answers = [whole(message("", reason="content_filter")), streamed(chunk({}, "content_filter"), DONE)]
    driver, _ = asking(answers[way is WAYS["streamed"]])
    with pytest.raises(InferenceFailed, match="content_filter"):
        way(driver)


def test_the_key_is_in_no_error(asking: Asking) -> None:
    driver, _ = asking(refused(401, "Incorrect API key provided: sk-secret-key"), api_key="sk-secret-key")
    with pytest.raises(AuthFailed) as raised:
        driver.complete(ask("?"))
    assert "sk-secret-key" not in str(raised.value)
    assert "***" in str(raised.value)
    assert "sk-secret-key" not in "".join(traceback.format_exception(raised.value))


def test_what_the_reader_of_a_stream_raises_stays_what_it_is(asking: Asking) -> None:
    driver, _ = asking(streamed(chunk({"content": "once"}), chunk({}, "stop"), DONE))
    pieces = driver.stream(ask("?"))
    next(pieces)
    with pytest.raises(ZeroDivisionError):
        pieces.throw(ZeroDivisionError())


def test_an_error_can_be_sent_to_another_process(asking: Asking) -> None:
    import pickle

    driver, _ = asking(refused(429, retry_after="7"))
    with pytest.raises(RateLimited) as raised:
        driver.complete(ask("?"))
    again = pickle.loads(pickle.dumps(raised.value))
    assert (type(again), str(again), again.retry_after) == (RateLimited, str(raised.value), 7.0)


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Each place in a JSON value."""
    yield path
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from places(value, (*path, key))


def with_junk(node: Any, path: tuple[Any, ...], junk: Any) -> Any:
    if not path:
        return junk
    node = node.copy()
    node[path[0]] = with_junk(node[path[0]], path[1:], junk)
    return node


JUNK: list[Any] = [None, [], {}, "x", 1, -1.5, True, [None], {"x": None}]
WHOLE = message("once", [("c1", "add", "{}")])
PIECE = json.loads(chunk({"content": "once", "tool_calls": [{"index": 0, "id": "c", "function": {"name": "a"}}]})[5:])


@pytest.mark.parametrize("streaming", [False, True], ids=WAYS)
def test_whatever_a_server_sends_is_an_answer_or_an_error_of_the_model(asking: Asking, streaming: bool) -> None:
    good = PIECE if streaming else WHOLE
    bad = [with_junk(good, place, junk) for place in places(good) for junk in JUNK]
    answers = [
        streamed(f"data: {json.dumps(junk)}\n\n", chunk({}, "stop"), USED, DONE) if streaming else whole(junk)
        for junk in bad
    ]
    driver, server = asking(*answers)
    read, failed = 0, 0
    for _ in bad:
        try:
            WAYS["streamed" if streaming else "whole"](driver)
            read += 1
        except ModelError:
            failed += 1
    assert read + failed == len(server.asked) == len(bad) > 100
    assert min(read, failed) > 10


def of_module(name: str, module: str) -> type[Exception]:
    return type(name, (Exception,), {"__module__": module})


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (of_module("RemoteProtocolError", "httpx")("peer closed"), NetworkError, "RemoteProtocolError: peer closed"),
        (of_module("ReadTimeout", "httpx")("timed out"), NetworkError, "no answer within 10 seconds"),
        (ZeroDivisionError("ours"), ZeroDivisionError, "ours"),
    ],
    ids=["broken", "too late", "none of its"],
)
def test_an_error_that_the_client_leaves_as_it_is_means_the_same(
    asking: Asking, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[Exception], text: str
) -> None:
    driver, _ = asking(whole(message()))

    def fail(*args: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(driver, "_create", fail)
    with pytest.raises(kind, match=text):
        driver.complete(ask("?"))
