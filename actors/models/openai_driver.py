"""How is a model asked whose server speaks the OpenAI-compatible chat API?

The only file that imports the client, and only when a driver is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, get_args

from actors._core.checks import is_seconds
from actors.models.errors import InferenceFailed, ModelError, NetworkError
from actors.models.openai_errors import error_in_stream, error_of_status
from actors.models.openai_stream import AnswerSoFar
from actors.models.openai_wire import Prices, TokenLimit, body_of, read_completion
from actors.models.stream import DriverEvent
from actors.models.talk import Completion, Request

_END = object()
_TRANSPORTS = frozenset({"httpx", "httpx2", "httpcore", "httpcore2"})


class OpenAIDriver:
    """Asks `model` of any server that speaks the OpenAI-compatible chat API, with the client of the extra `openai`.

    `base_url` and `api_key` are the client's own where they are None: from OPENAI_BASE_URL and OPENAI_API_KEY; without
    a key "none" is sent, which servers of one's own take. `timeout` is how many seconds it waits for a connection, and
    then for each next piece of the answer: a server that sends nothing for longer is a NetworkError. How long the whole
    answer may take is for the deadline of the agent to say. `prices` are dollars for a million tokens, in and out; with
    them `Usage.cost` is known. `extra` goes into the body of each request as it is.

    `token_limit` is the field in which a request's limit of tokens is sent. Models that think before they answer want
    "max_completion_tokens", and most of them refuse a temperature: with `send_temperature=False` they get none.

    It asks once and never again by itself: put `Retrying` around it. One driver, with its pool of connections, serves
    any number of threads; `close` it, or use it in a `with` block. Raises ImportError, which says what to install,
    without the extra.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout: float = 60.0,
        prices: Prices | None = None,
        extra: Mapping[str, Any] | None = None,
        token_limit: TokenLimit = "max_tokens",
        send_temperature: bool = True,
    ) -> None:
        if not isinstance(model, str) or not model:
            raise ValueError(f"model: its name, not {model!r}")
        if not is_seconds(timeout, above=0.0):
            raise ValueError(f"timeout: seconds, more than 0, not {timeout!r}")
        if token_limit not in get_args(TokenLimit):
            raise ValueError(f"token_limit: {' or '.join(map(repr, get_args(TokenLimit)))}, not {token_limit!r}")
        self.model = model
        self.timeout = timeout
        self.prices = prices
        self._extra = dict(extra or {})
        self._token_limit = token_limit
        self._send_temperature = send_temperature
        self._client = _connect(base_url, api_key, timeout)

    def complete(self, request: Request) -> Completion:
        """Give the whole answer; blocks until it is there. Raises a ModelError; see `timeout`."""
        request.caller.check()
        with self._errors():
            answer = self._create(request, stream=False)
        return read_completion(answer, self.prices)

    def stream(self, request: Request) -> Iterator[DriverEvent]:
        """Give the answer piece by piece; the connection is closed when the iterator is, also in the middle."""
        request.caller.check()
        with self._errors():
            answer = self._create(request, stream=True, stream_options={"include_usage": True})
        try:
            yield from self._pieces(request, answer)
        finally:
            answer.close()

    def close(self) -> None:
        """Close the connections; what is being asked meanwhile fails with a NetworkError."""
        self._client.close()

    def _create(self, request: Request, **more: Any) -> Any:
        body = body_of(request, self.model, self._token_limit, self._send_temperature)
        return self._client.chat.completions.create(**body, **more, extra_body=self._extra or None)

    def _pieces(self, request: Request, answer: Any) -> Iterator[DriverEvent]:
        so_far = AnswerSoFar(self.prices)
        chunks = iter(answer)
        while True:
            # Not around the yield: what the reader of the stream raises is none of the server's errors.
            with self._errors():
                chunk = next(chunks, _END)
            if chunk is _END:
                yield from so_far.end()
                return
            events = so_far.add(chunk)
            if events:  # the end of an answer says what it cost: who gives up by then has that booked
                request.caller.check()
            yield from events

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn all that the client raises for the server, or the way there, into ModelErrors, without the key."""
        try:
            yield
        except Exception as error:
            meant = _meaning(error, self.timeout)
            if meant is None:
                raise
            key = str(self._client.api_key)
            if len(key) <= 8 or key not in str(error):
                raise meant from error
            meant.args = tuple(str(arg).replace(key, "***") for arg in meant.args)
            raise meant from None  # some servers repeat it, so the client's error is not shown

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<OpenAIDriver {self.model} at {self._client.base_url}>"


def _connect(base_url: str | None, api_key: str | None, timeout: float) -> Any:
    try:
        import openai
    except ImportError as error:
        raise ImportError(
            "the driver of the chat API needs the extra openai: pip install 'actortree[openai]'"
        ) from error
    try:
        # Its own retries could not be cancelled, and would multiply with those around it.
        return openai.OpenAI(base_url=base_url, api_key=api_key, timeout=timeout, max_retries=0)
    except openai.OpenAIError:
        if api_key is not None:
            raise
        return openai.OpenAI(base_url=base_url, api_key="none", timeout=timeout, max_retries=0)


def _meaning(error: Exception, timeout: float) -> ModelError | None:
    """Give what the client's error means; None for an error that is neither the server's nor of the way there."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return error_of_status(error.status_code, error.code or error.type, error.message, error.response.headers)
    if isinstance(error, openai.APITimeoutError):
        return NetworkError(_too_late(timeout))
    if isinstance(error, openai.APIConnectionError):
        return NetworkError(f"{error.message} {error.__cause__ or ''}".strip())
    if isinstance(error, openai.APIResponseValidationError):
        return InferenceFailed(f"the server's answer cannot be read: {error.message}")
    if isinstance(error, openai.APIError):
        return error_in_stream(error.code or error.type, error.message)
    if isinstance(error, ValueError):  # JSON that is none, or text that is no UTF-8
        return InferenceFailed(f"the server's answer cannot be read: {error}")
    if type(error).__module__.partition(".")[0] in _TRANSPORTS:  # from clients that leave a stream's errors as they are
        timed_out = "Timeout" in type(error).__name__
        return NetworkError(_too_late(timeout) if timed_out else f"{type(error).__name__}: {error}")
    return None


def _too_late(timeout: float) -> str:
    return f"no answer within {timeout:g} seconds"
