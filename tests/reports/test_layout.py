"""Where tickets stand in the picture of a graph."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from actors.reports import to_text
from actors.reports.drawing import draw_graph
from actors.reports.layout import lay_out
from tests.reports.samples import REPORT


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    size = draw(st.integers(0, 12))
    return {
        f"t{number}": [f"t{need}" for need in sorted(draw(st.sets(st.integers(0, number - 1))))] if number else []
        for number in range(size)
    }


@given(graphs())
def test_each_ticket_stands_to_the_right_of_all_that_it_stands_on(graph: dict[str, list[str]]) -> None:
    place = lay_out(graph).place
    assert sorted(place) == sorted(graph)
    assert all(place[need][0] < place[name][0] for name, needs in graph.items() for need in needs)


@given(graphs())
def test_no_two_tickets_have_one_place(graph: dict[str, list[str]]) -> None:
    layout = lay_out(graph)
    assert len(set(layout.place.values())) == len(graph)
    assert all(row < layout.sizes[column] for column, row in layout.place.values())


@given(graphs())
def test_no_line_goes_through_a_ticket_that_is_not_its_end(graph: dict[str, list[str]]) -> None:
    layout = lay_out(graph)
    assert sorted(layout.ways) == sorted((need, name) for name, needs in graph.items() for need in needs)
    taken = set(layout.place.values())
    for (need, name), way in layout.ways.items():
        assert (way[0], way[-1]) == (layout.place[need], layout.place[name])
        assert [column for column, _ in way] == list(range(way[0][0], way[-1][0] + 1))
        assert not taken & set(way[1:-1])


def test_a_chain_of_ten_thousand_is_laid_out_without_recursion() -> None:
    chain = {str(number): [str(number - 1)] if number else [] for number in range(10_000)}
    assert lay_out(dict(reversed(chain.items()))).place["9999"] == (9_999, 0)


def test_a_cycle_is_cut_rather_than_followed_for_ever() -> None:
    assert sorted(lay_out({"a": ["b"], "b": ["a"]}).place) == ["a", "b"]


def test_a_dependency_that_is_not_drawn_is_left_out() -> None:
    assert lay_out({"a": ["elsewhere"]}).place == {"a": (0, 0)}


def test_of_a_track_that_is_too_large_to_see_the_first_tickets_are_drawn() -> None:
    from actors.reports import TicketLine

    drawn = draw_graph([TicketLine(f"t{number}", "", "todo") for number in range(1_000)])
    assert drawn.count('class="ticket') == 400


def test_the_text_names_each_ticket_with_its_state_and_its_reason() -> None:
    lines = to_text(REPORT).splitlines()
    assert lines[0] == "Audit of <here>: blocked after 3.0 s"
    assert "  ✗ E  failed           boom" in lines
    assert "  6 tickets: 2 completed, 1 failed, 2 blocked, 1 killed" in lines
    assert any(line.split() == ["Tier", "3", "400", "200"] for line in lines)


def test_a_report_is_plain_json_values() -> None:
    fields = json.loads(json.dumps(REPORT.to_fields()))
    assert fields["counts"] == {"completed": 2, "failed": 1, "blocked": 2, "killed": 1}
    assert fields["tickets"][1]["attempts"][0]["outcome"] == "failed"
