"""Are tickets loaded all or none, and is everything that is wrong with them named?"""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from actors.tickets import Problem, Ticket, TicketsError, TicketState, generate_tickets, load_tickets
from actors.typed import Priority

A = {"id": "A", "description": "first"}
B = {"id": "B", "description": "second", "depends_on": ["A"]}


def problems(source: Any) -> list[str]:
    with pytest.raises(TicketsError) as refused:
        load_tickets(source if not isinstance(source, list) else json.dumps(source))
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.system_case("T70")
def test_a_list_in_json_is_loaded_with_defaults() -> None:
    first, second = load_tickets(json.dumps([A, B]))
    assert (first.id, first.description, first.title, first.depends_on) == ("A", "first", "", ())
    assert (first.status, first.assigned_to, first.step_mode) == (TicketState.TODO, "unassigned", False)
    assert (first.priority, first.model_override, first.retry_count, first.tier) == (Priority.MEDIUM, None, 0, "Tier 3")
    assert (first.context_requirements, first.target_file, first.target_symbols) == ((), None, ())
    assert (first.files, first.labels, dict(first.metadata)) == ((), (), {})
    assert (first.blocked_reason, first.manual_block) == (None, False)
    assert second.depends_on == ("A",)


def test_a_file_a_list_of_mappings_and_one_of_tickets_are_loaded_alike(tmp_path: Path) -> None:
    path = tmp_path / "tickets.json"
    path.write_text(json.dumps([A, B]), encoding="utf-8")
    tickets = load_tickets(path)
    assert tickets == load_tickets([A, B]) == load_tickets(tickets) == load_tickets(path.read_bytes())


def test_a_file_that_is_not_there_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_tickets(tmp_path / "tickets.json")


def test_an_empty_list_is_no_ticket_and_no_error() -> None:
    assert load_tickets("[]") == ()


@pytest.mark.system_case("D3.15")
@pytest.mark.system_case("T70")
def test_a_bad_second_item_is_named_with_its_field() -> None:
    assert problems([A, {"id": "B"}]) == ["item 2: description: it is missing"]


def test_all_problems_of_all_items_are_named() -> None:
    bad = [{"description": 1}, 7, {**A, "colour": "red", "priority": "urgent"}, {**B, "retry_count": -1}]
    assert problems(bad) == [
        "item 1: id: it is missing",
        "item 1: description: input should be a valid string, not 1",
        "item 2: not a ticket, but 7",
        "item 3: priority: input should be 'low', 'medium', 'high' or 'critical', not \"urgent\"",
        "item 3: colour: there is no such field",
        "item 4: retry_count: input should be greater than or equal to 0, not -1",
    ]


@pytest.mark.system_case("T70")
@pytest.mark.parametrize(
    ("item", "why"),
    [
        ({**B, "depends_on": "A"}, 'item 2: depends_on: input should be a valid array, not "A"'),
        ({**B, "depends_on": [1]}, "item 2: depends_on.0: input should be a valid string, not 1"),
        ({**B, "step_mode": "yes"}, 'item 2: step_mode: input should be a valid boolean, not "yes"'),
        ({**B, "id": ""}, 'item 2: id: string should have at least 1 character, not ""'),
        (None, "item 2: not a ticket, but null"),
        (["B"], 'item 2: not a ticket, but ["B"]'),
        ({**B, "status": "done"}, "item 2: status: "),
    ],
)
def test_a_field_of_the_wrong_kind_is_named(item: Any, why: str) -> None:
    (said,) = problems([A, item])
    assert said.startswith(why)


@pytest.mark.system_case("T70")
@pytest.mark.parametrize("text", ["", "nope", "[1,", '[{"id": "A"'])
def test_text_that_is_not_json_says_so(text: str) -> None:
    (said,) = problems(text)
    assert said.startswith("not JSON: ")


@pytest.mark.system_case("T70")
@pytest.mark.parametrize("text", ["{}", '"A"', "1", "null"])
def test_json_that_is_no_list_says_so(text: str) -> None:
    assert problems(text) == ["not a list of tickets"]


@pytest.mark.parametrize("source", [A, 1, None], ids=repr)
def test_what_is_no_list_at_all_says_so(source: Any) -> None:
    (said,) = problems(source)
    assert said.startswith("not a list of tickets, but ")


@pytest.mark.system_case("T70")
def test_an_id_that_comes_twice_is_named_with_both_items() -> None:
    assert problems([A, B, A]) == ["item 3: id: the id A is that of item 1, too"]


@pytest.mark.system_case("T69")
def test_a_cycle_is_named_as_the_path() -> None:
    assert problems([{**A, "depends_on": ["B"]}, B]) == ["item 1: depends_on: a cycle: A -> B -> A"]


@pytest.mark.system_case("D3.14")
@pytest.mark.system_case("T69")
def test_unknown_and_self_dependencies_are_named_with_both_ids() -> None:
    assert problems([{**A, "depends_on": ["A"]}, {**B, "depends_on": ["A", "Z", "A"]}]) == [
        "item 1: depends_on: ticket A depends on itself",
        "item 2: depends_on: ticket B depends on Z, which there is not",
        "item 2: depends_on: ticket B depends on A twice",
    ]


def test_a_long_list_of_problems_is_cut_where_it_is_shown_only() -> None:
    with pytest.raises(TicketsError) as refused:
        load_tickets([{}] * 20)
    assert len(refused.value.problems) == 40
    assert str(refused.value).endswith("\nand 20 more")


def test_an_error_keeps_its_problems_on_the_way_to_another_process() -> None:
    error = TicketsError([Problem("it is missing", 2, "id")])
    assert pickle.loads(pickle.dumps(error)).problems == (Problem("it is missing", 2, "id"),)


def test_a_value_that_is_no_json_is_shown_as_python_shows_it() -> None:
    with pytest.raises(TicketsError, match=r"item 1: description: input should be a valid string, not \{1\}"):
        load_tickets([{"id": "A", "description": {1}}])


def test_a_long_value_is_cut_where_it_is_shown() -> None:
    (said,) = problems([{**A, "labels": "x" * 100}])
    assert said.endswith("xxx...")


# -- tickets that are written by a model ---------------------------------------------------


def test_text_that_is_wrong_is_written_again_with_what_was_wrong() -> None:
    told: list[str | None] = []
    texts = ["nope", json.dumps([{"id": "A"}]), json.dumps([B, A])]

    def write(feedback: str | None) -> str:
        told.append(feedback)
        return texts[len(told) - 1]

    assert [ticket.id for ticket in generate_tickets(write)] == ["A", "B"]
    assert told[0] is None
    assert told[1] is not None
    assert told[1].startswith("not JSON: ")
    assert told[2] == "item 1: description: it is missing"


def test_after_three_tries_in_vain_the_last_problems_are_raised() -> None:
    tries: list[str | None] = []

    def write(feedback: str | None) -> str:
        tries.append(feedback)
        return "{}"

    with pytest.raises(TicketsError, match="not a list of tickets"):
        generate_tickets(write)
    assert len(tries) == 3


@pytest.mark.parametrize("tries", [0, -1, True, 1.5])
def test_a_number_of_tries_that_is_none_is_refused(tries: Any) -> None:
    with pytest.raises(ValueError, match="tries: a whole number of at least 1"):
        generate_tickets(lambda _: "[]", tries)


def test_a_ticket_is_frozen_and_a_copy_with_changes_is_another() -> None:
    ticket = Ticket(id="A", description="first")
    with pytest.raises(ValueError, match="frozen"):
        ticket.id = "B"  # type: ignore[misc]
    assert ticket.model_copy(update={"title": "x"}).title == "x"
    assert pickle.loads(pickle.dumps(ticket)) == ticket
    assert Ticket.model_validate_json(ticket.model_dump_json()) == ticket
