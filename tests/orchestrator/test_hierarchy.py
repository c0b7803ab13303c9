"""Who runs under whom, and how do those reach one another?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import AgentStopped, InvalidMessageError
from actors.orchestrator import NotRunningError, OrchestratorRef
from tests.core.helpers import EventLog, Trace
from tests.core.scripted import get
from tests.orchestrator.deeds import looking, work


def test_an_agent_is_started_as_a_child_of_its_parent(crew: OrchestratorRef) -> None:
    crew.add_agent("a", work())
    crew.add_child("b", "a", looking())
    crew.add_child("c", "b", work())
    handles = [crew.spawn(name) for name in ("a", "b", "c")]
    assert [handle.ref.path for handle in handles] == ["/crew/a", "/crew/a/b", "/crew/a/b/c"]
    assert get(crew._cell.system, "/crew/a/b/c") is handles[2].ref


def test_an_agent_is_not_started_without_its_parent(crew: OrchestratorRef, log: EventLog) -> None:
    crew.add_agent("a", work())
    crew.add_child("b", "a", work())
    with pytest.raises(NotRunningError, match=r"^parent agent 'a' is not running$") as refused:
        crew.spawn("b")
    assert (refused.value.agent, refused.value.path) == ("a", "/crew/a")
    parent = crew.spawn("a")
    child = crew.spawn("b")
    parent.await_result()
    assert child.is_done
    with pytest.raises(NotRunningError, match=r"^agent not running: b$") as refused:
        crew.handle("b")
    assert refused.value.path == "/crew/a/b"
    assert [event.path for event in log.of(AgentStopped)] == ["/crew/a/b", "/crew/a"]


@pytest.mark.system_case("D2.10")
def test_a_parent_reaches_its_child_by_name_and_gives_it_work(crew: OrchestratorRef, trace: Trace) -> None:
    def make() -> Any:
        def delegate(messages: Any) -> Any:
            return crew.handle("child").send_messages(messages)

        return delegate

    crew.add_agent("parent", make)
    crew.add_child("child", "parent", work(trace))
    crew.add_agent("agent", looking())
    crew.add_child("its-child", "agent", looking())
    for name in ("parent", "child", "agent", "its-child"):
        crew.spawn(name)
    assert crew.handle("parent").send_message("do it") == ["do it"]
    children = crew.handle("agent").send_messages([lambda agent: list(agent.context.children)])
    assert children == ["its-child"]


def test_what_is_no_request_is_told_so_and_the_agent_lives_on(crew: OrchestratorRef) -> None:
    crew.add_agent("a", work())
    handle = crew.spawn("a")
    with pytest.raises(InvalidMessageError):
        handle.ref.ask("no request")
    assert handle.send_message("still there") == ["still there"]
