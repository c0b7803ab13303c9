"""Is a guard of the kernel that is missing found by the programs of few seeds?

Each fault takes one guard away; the programs have to show it as the invariant that it is there for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actors import AgentRestarted, DeadLetter
from actors._core import (
    context,
    here,
    interceptors,
    mailbox,
    orphans,
    place,
    supervision,
    timers,
)
from actors._core.events import EventStream
from tests.properties.scripts import write_program
from tests.properties.worlds import WORLDS

SEEDS = 1500  # within which a fault is found

Patch = pytest.MonkeyPatch


def any_number_of_children_is_admitted(patch: Patch) -> None:
    admit = supervision.Family.admit
    patch.setattr(supervision.Family, "admit", lambda self, child, most=None: admit(self, child))


def a_bounded_mailbox_always_has_room(patch: Patch) -> None:
    patch.setattr(mailbox.BoundedQueue, "_has_room", lambda self: True)


def who_is_abandoned_is_not_fenced(patch: Patch) -> None:
    add = orphans.Orphans.add

    def forget(self: Any, incarnation: Any, orphan: Any) -> Any:
        count = add(self, incarnation, orphan)
        incarnation.fenced = False
        return count

    patch.setattr(orphans.Orphans, "add", forget)


def what_is_owed_is_not_settled_at_the_end(patch: Patch) -> None:
    patch.setattr(context, "settle_owed", lambda context, cause: None)


def a_dropped_ask_is_not_ended_with_its_agent(patch: Patch) -> None:
    patch.setattr(interceptors.Interceptors, "lose", lambda self, cell, ask, error: None)


def mail_is_lost_at_the_end(patch: Patch) -> None:
    patch.setattr(
        place.Place, "_drain", lambda self, queue, text=None: queue.clear() if hasattr(queue, "clear") else None
    )


def a_failed_message_is_no_dead_letter(patch: Patch) -> None:
    publish = EventStream.publish

    def quietly(self: Any, event: Any) -> None:
        if not (isinstance(event, DeadLetter) and event.reason == "failed"):
            publish(self, event)

    patch.setattr(EventStream, "publish", quietly)


def the_stash_is_lost_with_its_incarnation(patch: Patch) -> None:
    patch.setattr(context.Context, "return_stash", lambda self: setattr(self, "_stash", None))


def commands_for_one_that_has_ended_are_not_settled(patch: Patch) -> None:
    patch.setattr(place.Place, "drop_control", lambda self: None)


def a_restart_is_not_told(patch: Patch) -> None:
    publish = EventStream.publish
    patch.setattr(
        EventStream,
        "publish",
        lambda self, event: None if isinstance(event, AgentRestarted) else publish(self, event),
    )


def a_restart_is_told_twice(patch: Patch) -> None:
    publish = EventStream.publish

    def twice(self: Any, event: Any) -> None:
        publish(self, event)
        if isinstance(event, AgentRestarted):
            publish(self, event)

    patch.setattr(EventStream, "publish", twice)


def a_parent_does_not_wait_for_its_children(patch: Patch) -> None:
    def stop(self: Any, child: Any, stop: Any, waiter: Any) -> None:
        child.post(stop, child.spec.shutdown_seconds)
        with self._lock:
            self._children.pop(child.name, None)

    patch.setattr(supervision.Family, "stop", stop)
    patch.setattr(supervision.Family, "remove", lambda self, child, keep_spec: None)


def who_is_abandoned_may_act(patch: Patch) -> None:
    patch.setattr(here, "check_fence", lambda: None)
    patch.setattr(context.Context, "_may_act", lambda self: None)


def a_tick_outlives_its_incarnation(patch: Patch) -> None:
    patch.setattr(timers.Timers, "cancel_all", lambda self: None)
    patch.setattr(timers.Timers, "stands", lambda self, tick: True)


def a_result_outlives_its_incarnation(patch: Patch) -> None:
    patch.setattr(context.Context, "is_current", property(lambda self: True))


FAULTS: list[tuple[str, Callable[[Patch], None]]] = [
    ("I1", any_number_of_children_is_admitted),
    ("I1", a_bounded_mailbox_always_has_room),
    ("I2", who_is_abandoned_is_not_fenced),
    ("I3", what_is_owed_is_not_settled_at_the_end),
    ("I3", a_dropped_ask_is_not_ended_with_its_agent),
    ("I3", mail_is_lost_at_the_end),
    ("I4", mail_is_lost_at_the_end),
    ("I4", a_failed_message_is_no_dead_letter),
    ("I4", the_stash_is_lost_with_its_incarnation),
    ("I6", commands_for_one_that_has_ended_are_not_settled),
    ("I7", a_restart_is_not_told),
    ("I7", a_restart_is_told_twice),
    ("I8", a_parent_does_not_wait_for_its_children),
    ("I10", who_is_abandoned_may_act),
    ("I10", a_tick_outlives_its_incarnation),
    ("I10", a_result_outlives_its_incarnation),
]


@pytest.mark.parametrize(
    ("invariant", "fault"), [pytest.param(*row, id=f"{row[0]} {row[1].__name__}") for row in FAULTS]
)
def test_a_guard_that_is_missing_is_found(monkeypatch: Patch, invariant: str, fault: Callable[[Patch], None]) -> None:
    fault(monkeypatch)

    for seed in range(SEEDS):
        oracle = WORLDS["simulated"](write_program(seed)).run()
        if any(violation.invariant == invariant for violation in oracle.violations):
            return
    pytest.fail(f"not found in {SEEDS} seeds")
