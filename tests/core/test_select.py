"""Which agents does a path or a pattern name?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem, AgentBackingOff, ChildSpec, Supervisor
from actors.testkit import Gate
from policies import Backoff, Restart
from tests.core.doer import Doer, crash, start, stop
from tests.core.helpers import EventLog, answer

ALL = ["/crew", "/crew/a-1", "/crew/a-1/x", "/crew/a-2", "/crew/b", "/other", "/other/a-1"]


@pytest.fixture
def grown(system: ActorSystem) -> ActorSystem:
    children = [ChildSpec(Doer, name) for name in ("a-1", "a-2", "b")]
    system.spawn(ChildSpec(Supervisor, "crew", kwargs={"children": children}))
    first = system.find("/crew/a-1")
    assert first is not None
    answer(first, start(Doer, name="x"))
    answer(system.spawn(Doer, name="other"), start(Doer, name="a-1"))
    return system


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("/", []),
        ("/crew", ["/crew"]),
        ("/crew/", ["/crew"]),
        ("//crew//b", ["/crew/b"]),
        ("/nobody", []),
        ("/crew/b/deeper", []),
        ("/*", ["/crew", "/other"]),
        ("/crew/*", ["/crew/a-1", "/crew/a-2", "/crew/b"]),
        ("/crew/a-?", ["/crew/a-1", "/crew/a-2"]),
        ("/crew/a-[2-9]", ["/crew/a-2"]),
        ("/crew/[!a]*", ["/crew/b"]),
        ("/CREW", []),
        ("/*/a-1", ["/crew/a-1", "/other/a-1"]),
        ("/**", ALL),
        ("/**/**", ALL),
        ("/crew/**", ["/crew", "/crew/a-1", "/crew/a-1/x", "/crew/a-2", "/crew/b"]),
        ("/**/a-1", ["/crew/a-1", "/other/a-1"]),
        ("/**/a-1/**", ["/crew/a-1", "/crew/a-1/x", "/other/a-1"]),
        ("/**/x", ["/crew/a-1/x"]),
        ("/crew/**/*", ["/crew/a-1", "/crew/a-2", "/crew/b", "/crew/a-1/x"]),
    ],
)
def test_a_pattern_gives_each_agent_once_parents_first_in_start_order(
    grown: ActorSystem, pattern: str, paths: list[str]
) -> None:
    assert [ref.path for ref in grown.select(pattern)] == paths


@pytest.mark.parametrize("path", ALL)
def test_a_path_names_one_agent(grown: ActorSystem, path: str) -> None:
    found = grown.find(path)
    assert found is not None
    assert found.path == path
    assert grown.select(path) == [found]


@pytest.mark.parametrize("path", ["/", "/nobody", "/crew/nobody", "/crew/b/x", "/*", "/crew/a-?"])
def test_a_path_that_names_nobody_gives_none(grown: ActorSystem, path: str) -> None:
    assert grown.find(path) is None


def test_a_name_with_unusual_characters_is_found(system: ActorSystem) -> None:
    for name in ("a.b", "Jürgen", "a b", "-", "a:1", "日本"):
        ref = system.spawn(Doer, name=name)
        assert system.find(f"/{name}") is ref
        assert system.select(f"/{name}") == [ref]


def test_who_has_ended_or_is_down_is_not_found(grown: ActorSystem) -> None:
    other, crew = grown.find("/other"), grown.find("/crew")
    assert other is not None
    assert crew is not None
    stop(other)
    assert crew.terminate_child("b")
    assert grown.find("/other") is None
    assert grown.find("/other/a-1") is None
    assert grown.find("/crew/b") is None
    assert [ref.path for ref in grown.select("/**")] == ["/crew", "/crew/a-1", "/crew/a-1/x", "/crew/a-2"]
    assert crew.restart_child("b")
    assert grown.find("/crew/b") is not None


def test_who_waits_for_its_restart_is_found_by_the_same_ref(system: ActorSystem, log: EventLog) -> None:
    ref = system.spawn(ChildSpec(Doer, "a", policy=Restart(backoff=Backoff(5.0))))
    ref.tell(crash)
    log.wait(AgentBackingOff)
    assert system.find("/a") is ref
    assert system.select("/*") == [ref]


def test_who_is_about_to_end_is_found_until_it_has(system: ActorSystem) -> None:
    gate = Gate()

    class Slow(Doer):
        def on_stop(self) -> None:
            gate.wait()

    ref = system.spawn(Slow, name="a")
    stopping = ref.stop(block=False)
    gate.reached()
    assert system.find("/a") is ref
    gate.open()
    assert stopping.get(timeout=10) is True
    assert system.find("/a") is None


def test_a_pattern_may_be_asked_for_by_an_agent(grown: ActorSystem) -> None:
    def count(agent: Any) -> int:
        return len(agent.context.system.select("/crew/*"))

    ref = grown.find("/crew/b")
    assert ref is not None
    assert answer(ref, count) == 3
