"""In which order can tickets be done, and what is together?"""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.tickets import Ticket, TicketsError, Track, cycles, in_order, work_packages
from actors.typed import Priority
from tests.board.crews import ticket


def ids(tickets: tuple[Ticket, ...]) -> str:
    return "".join(each.id for each in tickets)


def test_each_ticket_comes_after_those_it_depends_on_else_in_the_order_given() -> None:
    assert (
        ids(in_order([ticket("D", "B", "C"), ticket("C", "A"), ticket("B", "A"), ticket("A"), ticket("E")])) == "AECBD"
    )


def test_dependencies_that_are_not_among_them_are_left_out_of_account() -> None:
    assert ids(in_order([ticket("B", "Z")])) == "B"


def test_an_order_of_a_cycle_is_refused_and_the_cycle_named() -> None:
    with pytest.raises(TicketsError, match="a cycle: B -> C -> B"):
        in_order([ticket("A", "B"), ticket("B", "C"), ticket("C", "B")])


def test_cycles_apart_from_one_another_are_all_named_and_what_waits_for_them_is_none() -> None:
    tickets = [
        ticket("A", "B"),
        ticket("B", "A"),
        ticket("C", "A"),
        ticket("D", "E"),
        ticket("E", "F"),
        ticket("F", "D"),
    ]
    assert cycles(tickets) == [("A", "B", "A"), ("D", "E", "F", "D")]


def test_a_chain_of_many_needs_no_recursion() -> None:
    chain = [ticket(str(number), str(number + 1)) for number in range(20_000)]
    assert cycles(chain) == []
    assert cycles([*chain, ticket("20000", "0")])[0][:2] == ("0", "1")


@given(st.lists(st.lists(st.integers(0, 7), max_size=3, unique=True), max_size=8))
def test_there_is_an_order_exactly_where_there_is_no_cycle(needs: list[list[int]]) -> None:
    tickets = [ticket(str(at), *map(str, of)) for at, of in enumerate(needs)]
    found = cycles(tickets)
    by_id = {each.id: each for each in tickets}
    for cycle in found:
        assert cycle[0] == cycle[-1]
        assert all(after in by_id[before].depends_on for before, after in pairwise(cycle))
    if not found:
        order = ids(in_order(tickets))
        assert sorted(order) == sorted(by_id)
        for each in tickets:
            assert all(order.index(need) < order.index(each.id) for need in each.depends_on if need in by_id)


# -- tracks --------------------------------------------------------------------------------


def test_a_track_of_a_cycle_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="a cycle: A -> B -> A"):
        Track(id="track", tickets=(ticket("A", "B"), ticket("B", "A")))


@pytest.mark.parametrize(("retries", "model"), [(0, "small"), (1, "middle"), (2, "large"), (7, "large")])
def test_each_retry_has_the_next_model_and_then_the_last(retries: int, model: str) -> None:
    track = Track(id="track", models=("small", "middle", "large"))
    assert track.model_for(ticket("A", retry_count=retries)) == model
    assert track.model_for(ticket("A", retry_count=retries, model_override="own")) == "own"


def test_a_track_has_the_models_of_three_levels() -> None:
    assert Track(id="track").models == ("gemini-2.5-flash-lite", "gemini-2.5-flash", "gemini-3.1-pro-preview")


@pytest.mark.parametrize("wrong", [{"models": ()}, {"max_retries": -1}, {"id": ""}, {"auto_queue": 1}, {"max": 2}])
def test_a_track_with_a_wrong_setting_cannot_be_made(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Track(**{"id": "track", **wrong})  # type: ignore[arg-type]


# -- packages ------------------------------------------------------------------------------


def test_tickets_with_a_file_in_common_and_those_that_need_one_another_are_one_package() -> None:
    tickets = [
        ticket("A", files=["a.py"]),
        ticket("B", files=["b.py", "a.py"]),
        ticket("C", "B"),
        ticket("D", "Z", files=["d.py"]),
    ]
    first, second = work_packages(tickets, Random(1))
    assert (first.tickets, first.files) == (("A", "B", "C"), ("a.py", "b.py"))
    assert (second.tickets, second.files) == (("D",), ("d.py",))
    assert first.id.startswith("wp-")
    assert first.id != second.id


def test_a_package_has_the_most_common_profile_and_the_highest_priority() -> None:
    tickets = [
        ticket("A", priority=Priority.LOW, metadata={"profile": "tester"}),
        ticket("B", "A", priority=Priority.HIGH),
        ticket("C", "B", metadata={"profile": "tester"}),
    ]
    (package,) = work_packages(tickets)
    assert (package.profile, package.priority) == ("tester", Priority.HIGH)
    assert work_packages(tickets[1:2])[0].profile == "coder"


@pytest.mark.parametrize(
    ("files", "complexity"), [(0, "small"), (2, "small"), (3, "medium"), (6, "medium"), (7, "large")]
)
def test_a_package_is_as_complex_as_it_has_files(files: int, complexity: str) -> None:
    (package,) = work_packages([ticket("A", files=[f"{number}.py" for number in range(files)])])
    assert package.complexity == complexity
