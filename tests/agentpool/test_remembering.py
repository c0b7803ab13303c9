"""Which agent of a pool finds what was remembered, and when?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actors import ActorSystem
from actors.agentpool import AgentPool, PoolAgent, SpawnConfig, current_seat, spawn_agent
from actors.memory import LocalMemory, SqliteMemory

case = pytest.mark.system_case


def remember(query: str) -> list[str]:
    """Gives what it remembered before, and remembers its query."""
    mine = current_seat().memory
    found = [each.text for each in mine.recall("")]
    mine.remember(query)
    return found


def have_part_done(query: str) -> Any:
    return current_seat().tools[0](query=query, name="part")


class Twice(PoolAgent):
    """Fails the first time, in a way that is worth another try."""

    def run(self, query: str) -> list[str]:
        found = remember(query)
        if self.context.incarnation == 1:
            raise ConnectionError("cut off")
        return found


def run_of_a_program(path: Path, *configs: SpawnConfig, **options: Any) -> list[Any]:
    with SqliteMemory(path) as memory, ActorSystem("desk") as system:
        pool = system.spawn(AgentPool, memory=memory, name="pool", **options)
        return [pool.join(pool.spawn(config)).get() for config in configs]


@case("D1.13")
def test_an_agent_with_a_name_finds_in_the_next_run_what_it_remembered(tmp_path: Path) -> None:
    path = tmp_path / "desk.memory"
    alice, bob = SpawnConfig(remember, "tea", name="alice"), SpawnConfig(remember, "cake", name="bob")
    assert run_of_a_program(path, alice, bob, alice) == [[], [], ["tea"]]
    assert run_of_a_program(path, bob, alice) == [["cake"], ["tea", "tea"]]


@case("D1.13")
def test_an_agent_with_a_number_never_finds_what_another_of_that_number_remembered(tmp_path: Path) -> None:
    path = tmp_path / "desk.memory"
    for _ in range(2):
        assert run_of_a_program(path, SpawnConfig(remember, "tea"), SpawnConfig(remember, "cake")) == [[], []]


@case("D1.13")
def test_a_name_below_a_number_is_of_this_run_too_and_below_a_name_it_is_not(tmp_path: Path) -> None:
    path = tmp_path / "desk.memory"
    nameless, named = SpawnConfig(have_part_done, "tea"), SpawnConfig(have_part_done, "cake", name="alice")
    options = {"tool_builder": spawn_agent(remember)}
    assert run_of_a_program(path, nameless, named, **options) == [[], []]
    assert run_of_a_program(path, nameless, named, **options) == [[], ["cake"]]


def test_an_agent_that_is_restarted_remembers_though_it_has_no_name(pool: Any, config: Any) -> None:
    one = pool(1, memory=LocalMemory())
    assert one.join(one.spawn(config(Twice, "tea"))).value == ["tea"]
    assert one.join(one.spawn(config(remember, "cake"))).value == []
