"""The page, in a real browser: what it shows, what can be done with it, and that nothing in it takes over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.reports import Report, to_html
from tests.reports.browser import Browser, find
from tests.reports.samples import REPORT


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    binary = find()
    if binary is None:
        pytest.skip("there is no browser on this machine; `python -m tests.reports.browser` gets one")
    with Browser(binary) as made:
        yield made


def show(browser: Browser, folder: Path, report: Report) -> None:
    page = folder / "report.html"
    page.write_text(to_html(report), "utf-8")
    browser.problems.clear()
    browser.open(page)


def names(browser: Browser, selector: str) -> list[str]:
    found = browser.evaluate(f"[...document.querySelectorAll('{selector}')].map((one) => one.dataset.id)")
    assert isinstance(found, list)
    return found


def test_the_page_shows_each_ticket_once_in_the_graph_and_once_in_the_table(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, REPORT)
    assert names(browser, "g.ticket") == list("ABCDEF")
    assert names(browser, "tbody tr[data-id]") == list("ABCDEF")
    assert browser.evaluate("document.querySelectorAll('.edge').length") == 5
    assert names(browser, ".bar") == ["A", "B", "B"]


def test_what_a_ticket_says_is_text_and_never_runs(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, REPORT)
    assert browser.evaluate("document.title") == "Audit of <here>"
    assert "</title><script>" in browser.evaluate("document.querySelector('tr[data-id=B]').textContent")
    assert browser.evaluate("document.querySelectorAll('script').length") == 1


def test_the_page_asks_for_nothing_and_complains_of_nothing(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, REPORT)
    browser.click("g.ticket[data-id=B]")
    assert browser.problems == []


def test_a_click_on_a_ticket_leaves_what_it_stands_on_and_what_stands_on_it(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, REPORT)
    browser.click("g.ticket[data-id=C]")
    assert names(browser, "g.ticket.on") == ["C"]
    assert names(browser, "g.ticket.faded") == ["B", "E", "F"]
    assert browser.evaluate("document.querySelectorAll('.edge.on').length") == 2
    browser.click("g.ticket[data-id=C]")
    assert names(browser, ".faded") == []


def test_a_bar_of_the_time_line_selects_its_ticket_in_the_graph(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, REPORT)
    browser.click(".bar[data-id=B]")
    assert names(browser, "g.ticket.on") == ["B"]


def test_a_chip_leaves_the_tickets_of_one_state_in_the_table(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, REPORT)
    browser.click(".chip[data-state=blocked]")
    assert names(browser, "tr[data-id]:not(.faded)") == ["D", "F"]
    browser.click(".chip[data-state=blocked]")
    assert names(browser, "tr.faded") == []


def test_a_ticket_is_selected_by_key_too(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, REPORT)
    browser.evaluate("document.querySelector('g.ticket[data-id=A]').focus()")
    browser.press("Enter")
    assert names(browser, "g.ticket.on") == ["A"]
    browser.press("Escape")
    assert names(browser, "g.ticket.on") == []


def test_no_two_tickets_of_the_graph_lie_on_one_another(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, REPORT)
    boxes = browser.evaluate(
        "[...document.querySelectorAll('g.ticket rect')].map((one) => one.getBoundingClientRect().toJSON())"
    )
    assert len(boxes) == 6
    for number, one in enumerate(boxes):
        for other in boxes[number + 1 :]:
            apart = one["right"] <= other["left"] or other["right"] <= one["left"]
            assert apart or one["bottom"] <= other["top"] or other["bottom"] <= one["top"]


def test_a_report_of_nothing_is_a_page_that_says_so(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, Report("empty", "empty", "done", 0.0, ()))
    assert "no tickets" in browser.evaluate("document.body.textContent")
    assert browser.evaluate("document.querySelectorAll('svg').length") == 0
    assert browser.problems == []
