"""Which ends lead to a restart, which siblings go along, and when does a supervisor end by itself?

The rules are OTP's, as tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class Strategy(StrEnum):
    """Which siblings are restarted along with a failed child."""

    ONE_FOR_ONE = "one_for_one"
    ONE_FOR_ALL = "one_for_all"
    REST_FOR_ONE = "rest_for_one"

    def affected(self, names: Sequence[str], failed: str) -> tuple[str, ...]:
        """Give the children to restart, in start order: stop them in reverse, start them in order.

        `names` are the supervisor's children in start order; ValueError where `failed` is not one of them.
        """
        if failed not in names:
            raise ValueError(f"{failed!r} is not one of the children {list(names)!r}")
        first = names.index(failed)
        begin, end = {
            Strategy.ONE_FOR_ONE: (first, first + 1),
            Strategy.ONE_FOR_ALL: (0, len(names)),
            Strategy.REST_FOR_ONE: (first, len(names)),
        }[self]
        return tuple(names[begin:end])


class RestartType(StrEnum):
    """After which of its ends a child is brought back."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    TEMPORARY = "temporary"

    def restarts_after(self, failed: bool) -> bool:
        """Say whether a child is brought back after a failure (`failed`) or after a normal end."""
        return _RESTARTS[self, failed]


class AutoShutdown(StrEnum):
    """Which ends of significant children end their supervisor."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    ALL_SIGNIFICANT = "all_significant"

    def triggers(self, significant_left: int) -> bool:
        """Say whether the end of a significant child, by itself, ends the supervisor; so many are left."""
        return {
            AutoShutdown.NEVER: False,
            AutoShutdown.ANY_SIGNIFICANT: True,
            AutoShutdown.ALL_SIGNIFICANT: significant_left == 0,
        }[self]


def check_significant(restart: RestartType | str, significant: bool, auto_shutdown: AutoShutdown | str) -> None:
    """Raise ValueError where a child may not be significant under this supervisor.

    A permanent child never ends by itself, and a supervisor that never shuts down has no use for the flag.
    """
    restart, auto_shutdown = RestartType(restart), AutoShutdown(auto_shutdown)
    if significant and restart is RestartType.PERMANENT:
        raise ValueError("significant=True is refused with restart='permanent': it never ends by itself")
    if significant and auto_shutdown is AutoShutdown.NEVER:
        raise ValueError("significant=True is refused with auto_shutdown='never': nothing would come of it")


_RESTARTS = {
    (RestartType.PERMANENT, False): True,
    (RestartType.PERMANENT, True): True,
    (RestartType.TRANSIENT, False): False,
    (RestartType.TRANSIENT, True): True,
    (RestartType.TEMPORARY, False): False,
    (RestartType.TEMPORARY, True): False,
}
