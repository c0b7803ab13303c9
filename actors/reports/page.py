"""How is a report read in a browser? As one page that needs nothing else: no server, no network, no other file."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files

from actors.reports.drawing import draw_graph, draw_times
from actors.reports.text import sum_of
from actors.reports.values import GLYPHS, Report, TicketLine


def to_html(report: Report) -> str:
    """Give the report as one HTML page: the graph of tickets, the time line of agents, tables, the tree.

    Without scripts it reads the same; with them, tickets can be selected. Whatever the tickets say is text: nothing in
    them is ever run, and the page's policy allows its own script and style only.
    """
    style, script = _part("page.css"), _part("page.js")
    policy = f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'"
    return "".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            f"<title>{escape(report.title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n",
            *_head(report),
            *_section("Tickets and what they stand on", draw_graph(report.tickets)),
            *_section("What the agents did", draw_times(report), _KEY),
            *_section("Tickets", _tickets(report.tickets)),
            *_section("Usage", _usage(report)),
            *_section("The tree at the end", f"<pre>{escape(report.tree)}</pre>" if report.tree else ""),
            f"</main>\n<script>{script}</script>\n</body>\n</html>\n",
        ]
    )


_KEY = (
    '<p class="key">A grey bar is an agent that lives, a dashed one waits to be started again; on it are the attempts '
    "it made. A triangle is a failure, a review or an escalation: its text says which.</p>"
)


def _head(report: Report) -> Iterable[str]:
    yield f"<h1>{escape(report.title)}</h1>\n"
    facts = [report.outcome, f"{report.seconds:.1f} s", sum_of(report), f"{len(report.agents)} agents"]
    facts.append(f"{report.events:,} events")
    if report.lost:
        facts.append(f"{report.lost:,} records are not kept any more")
    yield f'<p class="facts">{escape(" · ".join(fact for fact in facts if fact))}</p>\n<div class="chips">'
    for state, number in report.counts.items():
        yield (
            f'<button class="chip s-{escape(state)}" data-state="{escape(state)}" aria-pressed="false">'
            f"{GLYPHS.get(state, '?')} {number} {escape(state.replace('_', ' '))}</button>"
        )
    yield "</div>\n"
    yield from (f"<p>{escape(note)}</p>\n" for note in report.notes)


def _section(title: str, body: str, after: str = "") -> Iterable[str]:
    if body:
        yield f'<h2>{escape(title)}</h2>\n<div class="card">{body}</div>{after}\n'


def _tickets(tickets: Iterable[TicketLine]) -> str:
    rows = [
        f'<tr class="s-{escape(ticket.state)}" data-id="{escape(ticket.id)}" data-state="{escape(ticket.state)}">'
        f'<td>{escape(ticket.id)}</td><td class="state">{ticket.glyph} {escape(ticket.state.replace("_", " "))}</td>'
        f"<td>{escape(ticket.title)}{_reason(ticket)}</td><td>{_tried(ticket)}</td></tr>"
        for ticket in tickets
    ]
    if not rows:
        return ""
    head = "<tr><th>id</th><th>state</th><th>what</th><th>attempts</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def _reason(ticket: TicketLine) -> str:
    return f'<br><span class="tried">{escape(ticket.reason)}</span>' if ticket.reason else ""


def _tried(ticket: TicketLine) -> str:
    lines = (
        f"{attempt.number}. {escape(attempt.outcome)} by {escape(attempt.worker.rpartition('/')[2])}"
        + (f' <span class="tried">{escape(attempt.reason)}</span>' if attempt.reason else "")
        for attempt in ticket.attempts
    )
    return "<br>".join(lines)


def _usage(report: Report) -> str:
    rows = "".join(
        f'<tr><td>{escape(each.tier)}</td><td class="number">{each.tokens_in:,}</td>'
        f'<td class="number">{each.tokens_out:,}</td></tr>'
        for each in report.usage
    )
    head = '<tr><th>tier</th><th class="number">tokens in</th><th class="number">tokens out</th></tr>'
    return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>" if rows else ""


@cache
def _part(name: str) -> str:
    return (files("actors.reports") / name).read_text("utf-8")


def _digest(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()
