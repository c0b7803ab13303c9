"""Does each kind of memory keep, find, rank and forget in the same way, for each agent its own?"""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.memory import SHARED, LocalMemory, Memory, SqliteMemory

system_case = pytest.mark.system_case
texts = st.text(st.sampled_from("aAbBßSsİi\0 é"), max_size=6)


def found(memory: Memory, agent: str, query: str, **options: Any) -> list[str]:
    return [each.text for each in memory.recall(agent, query, **options)]


def test_a_text_is_found_whatever_the_case_of_its_letters(memory: Memory) -> None:
    memory.remember("a", "The Key is under the MAT")

    assert found(memory, "a", "key IS") == ["The Key is under the MAT"]
    assert found(memory, "a", "keys") == []


def test_the_text_of_which_the_query_is_most_comes_first(memory: Memory) -> None:
    for text in ("a key, and a lot besides", "key", "the key"):
        memory.remember("a", text)

    assert [(each.text, round(each.score, 3)) for each in memory.recall("a", "Key")] == [
        ("key", 1.0),
        ("the key", 0.429),
        ("a key, and a lot besides", 0.125),
    ]


def test_of_equals_the_latest_comes_first_and_an_empty_query_finds_the_latest(memory: Memory) -> None:
    for text in ("one key", "two key", "a key"):
        memory.remember("a", text)

    assert found(memory, "a", "key") == ["a key", "two key", "one key"]
    assert found(memory, "a", "", limit=2) == ["a key", "two key"]
    assert [each.score for each in memory.recall("a", "", limit=1)] == [0.0]


def test_five_are_found_unless_more_are_asked_for(memory: Memory) -> None:
    for number in range(8):
        memory.remember("a", f"fact {number}")

    assert len(memory.recall("a", "fact")) == 5
    assert len(memory.recall("a", "fact", limit=7)) == 7
    assert len(memory.recall("a", "fact", limit=70)) == 8


def test_only_texts_with_those_values_are_found(memory: Memory) -> None:
    memory.remember("a", "key of the cellar", role="user", turn=1)
    memory.remember("a", "key", role="agent", turn=1)
    memory.remember("a", "key without a role")

    assert found(memory, "a", "key", where={"role": "user"}) == ["key of the cellar"]
    assert found(memory, "a", "key", where={"turn": 1}) == ["key", "key of the cellar"]
    assert found(memory, "a", "key", where={"turn": 1}, limit=1) == ["key"]
    assert found(memory, "a", "key", where={"role": "user"}, limit=1) == ["key of the cellar"]
    assert found(memory, "a", "key", where={"role": None}) == []
    assert found(memory, "a", "key", where={}) == ["key", "key of the cellar", "key without a role"]
    assert dict(memory.recall("a", "cellar")[0].meta) == {"role": "user", "turn": 1}


@system_case("D1.13")
def test_no_agent_finds_what_another_remembers(memory: Memory) -> None:
    kept = memory.remember("a", "my password")
    memory.set("a", "plan", "mine")

    assert found(memory, "b", "password") == found(memory, "b", "") == []
    assert memory.get("b", "plan") is None
    assert not memory.of("b").forget(kept)
    assert found(memory, "a", "password") == ["my password"]
    assert memory.of("a").forget(kept)
    assert found(memory, "a", "") == []


@system_case("D1.13")
def test_what_is_shared_is_found_only_where_it_is_asked_for(memory: Memory) -> None:
    first, second = memory.of("a"), memory.of("b")
    first.shared.remember("the build is broken")
    first.shared.set("branch", "main")
    first.remember("my own")

    assert [each.text for each in second.shared.recall("")] == ["the build is broken"]
    assert second.shared.get("branch") == "main"
    assert second.recall("build") == []
    assert second.get("branch") is None
    assert [each.agent for each in memory.recall(SHARED, "build")] == [SHARED]


def test_an_agents_own_view_does_what_the_memory_does_for_it(memory: Memory) -> None:
    mine = memory.of("a")
    kept = mine.remember("a fact", source="b.py")
    mine.set("turn", 3)

    assert [each.id for each in mine.recall("FACT", limit=1, where={"source": "b.py"})] == [kept]
    assert (mine.get("turn"), mine.get("none"), mine.get("none", 7)) == (3, None, 7)
    assert mine.forget(kept)
    assert not mine.forget(kept)
    assert (repr(mine), repr(mine.shared)) == ("<AgentMemory of a>", "<AgentMemory of all>")


def test_a_value_is_replaced_and_none_is_a_value(memory: Memory) -> None:
    memory.set("a", "key", {"rows": [1, 2]})
    memory.set("a", "other", 1)
    memory.set("a", "key", None)

    assert memory.get("a", "key", "default") is None
    assert memory.get("a", "other") == 1


def test_what_is_kept_is_not_changed_with_what_was_given(memory: Memory) -> None:
    rows, tags = [1], ["x"]
    memory.set("a", "rows", rows)
    memory.remember("a", "fact", tags=tags)
    rows.append(2)
    tags.append("y")
    memory.get("a", "rows").append(3)

    assert memory.get("a", "rows") == [1]
    assert memory.recall("a", "fact")[0].meta == {"tags": ["x"]}


def test_an_id_is_never_given_again(memory: Memory) -> None:
    first = memory.remember("a", "one")
    second = memory.remember("b", "two")
    assert memory.forget(second)

    assert first < second < memory.remember("b", "three")
    assert not memory.forget(second)
    assert [memory.forget(id) for id in (2**70, 0, -1)] == [False] * 3


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        pytest.param(lambda m: m.remember(1, "text"), "agent", id="an agent that is no name"),
        pytest.param(lambda m: m.remember("a", None), "text", id="no text"),
        pytest.param(lambda m: m.remember("a", "\ud800"), "surrogates", id="half a character"),
        pytest.param(lambda m: m.remember("a", "text", at=object()), "meta", id="meta that JSON cannot write"),
        pytest.param(lambda m: m.set("a", "key", float("nan")), "value", id="a value that is no number"),
        pytest.param(lambda m: m.set("a", 3, "value"), "key", id="a key that is no text"),
        pytest.param(lambda m: m.get(None, "key"), "agent", id="nobody's value"),
        pytest.param(lambda m: m.recall("a", b"key"), "query", id="bytes as query"),
        pytest.param(lambda m: m.recall("a", "key", 0), "limit", id="no limit"),
        pytest.param(lambda m: m.recall("a", "key", True), "limit", id="a bool as limit"),
        pytest.param(lambda m: m.recall("a", "key", where={"x": {1}}), "where", id="a filter that JSON cannot write"),
        pytest.param(lambda m: m.forget("1"), "id", id="an id that is a text"),
        pytest.param(lambda m: m.forget(True), "id", id="a bool as id"),
        pytest.param(lambda m: m.forget(1, 1), "agent", id="forgotten for no name"),
        pytest.param(lambda m: m.of(1), "agent", id="the view of no name"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(memory: Memory, wrong: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        wrong(memory)

    assert memory.recall("a", "") == []


def test_a_closed_memory_says_so(memory: Memory) -> None:
    memory.remember("a", "fact")
    memory.close()
    memory.close()

    for use in (
        lambda: memory.remember("a", "b"),
        lambda: memory.recall("a", "b"),
        lambda: memory.set("a", "b", 1),
        lambda: memory.get("a", "b"),
        lambda: memory.forget(1),
    ):
        with pytest.raises(RuntimeError, match="closed"):
            use()


def test_many_threads_at_once_lose_nothing_and_find_their_own(memory: Memory) -> None:
    ids: list[int] = []
    wrong: list[object] = []
    start = threading.Barrier(4)

    def work(agent: str) -> None:
        start.wait()
        for number in range(50):
            ids.append(memory.remember(agent, f"fact {number} of {agent}"))
            memory.set(agent, "last", number)
            if any(each.agent != agent for each in memory.recall(agent, "fact")):
                wrong.append(agent)

    threads = [threading.Thread(target=work, args=(f"agent-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert sorted(ids) == list(range(1, 201))
    assert [len(memory.recall(f"agent-{number}", "", 100)) for number in range(4)] == [50] * 4
    assert [memory.get(f"agent-{number}", "last") for number in range(4)] == [49] * 4


@given(st.lists(st.tuples(st.sampled_from("xy"), texts, st.booleans()), max_size=12), texts, st.integers(1, 5))
def test_both_kinds_find_the_same_in_the_same_order(kept: list[tuple[str, str, bool]], query: str, limit: int) -> None:
    answers = []
    with LocalMemory() as local, SqliteMemory(":memory:") as sqlite:
        for memory in (local, sqlite):
            for agent, text, gone in kept:
                id = memory.remember(agent, text)
                if gone:
                    memory.forget(id)
            answers.append([memory.recall(agent, query, limit) for agent in "xy"])

    assert answers[0] == answers[1]
    for each in answers[0][0]:
        assert query.casefold() in each.text.casefold()
        assert 0 <= each.score <= 1
