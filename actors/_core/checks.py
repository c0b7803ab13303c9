"""What is a number of seconds?"""

from __future__ import annotations


def is_seconds(value: object, above: float = -1.0) -> bool:
    """Tell whether `value` is a finite number, at least 0 and more than `above`."""
    return (
        isinstance(value, (int, float)) and not isinstance(value, bool) and above < value < float("inf") and value >= 0
    )


def check_timeout(timeout: object) -> None:
    """Raise ValueError unless `timeout` is a number of seconds, also a negative or an infinite one, or None."""
    if timeout is None or (isinstance(timeout, (int, float)) and not isinstance(timeout, bool) and timeout == timeout):
        return
    raise ValueError(f"timeout: seconds, or None, not {timeout!r}")
