"""What does an error of the chat API mean: is another attempt worth it, and when?"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from actors.models.errors import (
    AuthFailed,
    ContextOverflow,
    InferenceFailed,
    ModelError,
    ModelNotFound,
    NetworkError,
    Overloaded,
    RateLimited,
)

LONGEST = 500
_BY_STATUS: dict[int, type[ModelError]] = {
    401: AuthFailed,
    403: AuthFailed,
    404: ModelNotFound,
    408: NetworkError,
    409: Overloaded,
    413: ContextOverflow,
    425: Overloaded,
    429: RateLimited,
    501: InferenceFailed,
    505: InferenceFailed,
}
_BY_CODE: dict[str, type[ModelError]] = {
    "context_length_exceeded": ContextOverflow,
    "insufficient_quota": AuthFailed,  # The account has no money left: as with a wrong key, waiting does not help.
    "invalid_api_key": AuthFailed,
    "model_not_found": ModelNotFound,
    "overloaded_error": Overloaded,
    "rate_limit_exceeded": RateLimited,
    "server_error": Overloaded,
}
_TOO_LONG = ("context length", "context window", "maximum context", "too many tokens", "prompt is too long")


def error_of_status(status: int, code: str | None, text: str, headers: Any) -> ModelError:
    """Give the error for an answer with a status of 400 or more."""
    kind = _by_words(code, text if status in (400, 413, 422) else "") or _BY_STATUS.get(status)
    if kind is None:
        kind = Overloaded if status >= 500 else InferenceFailed
    return kind(f"{status}: {_short(text)}", retry_after=retry_after(headers))


def error_in_stream(code: str | None, text: str) -> ModelError:
    """Give the error that a server tells in the middle of a stream, where there is no status any more."""
    return (_by_words(code, text) or InferenceFailed)(f"in the stream: {_short(text)}")


def _by_words(code: str | None, text: str) -> type[ModelError] | None:
    if code in _BY_CODE:
        return _BY_CODE[code]
    return ContextOverflow if any(words in text.lower() for words in _TOO_LONG) else None


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


def retry_after(headers: Any) -> float | None:
    """Give how many seconds the server wants to be left alone, said in seconds, in milliseconds or as a date (UTC)."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        seconds = _number(headers.get(name))
        if seconds is not None:
            return max(0.0, seconds / unit)
    return _until(headers.get("retry-after"))


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _until(text: str | None) -> float | None:
    try:
        when = parsedate_to_datetime(text or "")
    except (ValueError, TypeError, IndexError):
        return None
    # A date without a zone means UTC in HTTP.
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
