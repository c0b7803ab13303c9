"""How do the graph of tickets and the time line of agents look, as SVG?

Every text is escaped. Colours are classes, so that the page says what they are, by day and by night.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise

from actors.reports.layout import Place, lay_out
from actors.reports.values import AgentLine, Attempt, Report, TicketLine

_BOX = (168, 40)
_GAP = (56, 14)
_ROW = 20
_LABEL = 210
_CHART = 900
_MOST_TICKETS = 400
_MOST_AGENTS = 200
_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)


def short(text: str, most: int) -> str:
    """Give at most so many characters of a text."""
    return text if len(text) <= most else text[: most - 1] + "…"


def draw_graph(tickets: Sequence[TicketLine]) -> str:
    """Give the graph of tickets, which goes from left to right; "" where there are none.

    Of a track that nobody could see as a whole, the first tickets are drawn.
    """
    drawn = tickets[:_MOST_TICKETS]
    if not drawn:
        return ""
    layout = lay_out({ticket.id: ticket.depends_on for ticket in drawn})
    tallest = max(layout.sizes)
    width = len(layout.sizes) * (_BOX[0] + _GAP[0]) - _GAP[0] + 2
    height = tallest * (_BOX[1] + _GAP[1]) - _GAP[1] + 2

    def corner(place: Place) -> tuple[float, float]:
        column, row = place
        missing = tallest - layout.sizes[column]
        return column * (_BOX[0] + _GAP[0]) + 1, (row + missing / 2) * (_BOX[1] + _GAP[1]) + 1

    parts = [
        f'<svg class="graph" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="The graph of {len(drawn)} tickets">'
    ]
    parts.extend(_edge(*ends, [corner(place) for place in way]) for ends, way in layout.ways.items())
    parts.extend(_box(ticket, corner(layout.place[ticket.id])) for ticket in drawn)
    return "".join([*parts, "</svg>"])


def _edge(need: str, name: str, corners: Sequence[tuple[float, float]]) -> str:
    """From the right side of one box to the left side of another; straight through the layers between them."""
    middle = _BOX[1] / 2
    path = f"M{corners[0][0] + _BOX[0]:g},{corners[0][1] + middle:g}"
    for (x1, y1), (x2, y2) in pairwise(corners):
        x1 += _BOX[0]
        bend = (x2 - x1) / 2
        path += f" C{x1 + bend:g},{y1 + middle:g} {x2 - bend:g},{y2 + middle:g} {x2:g},{y2 + middle:g}"
        path += f" h{_BOX[0]}" if (x2, y2) != corners[-1] else ""
    return f'<path class="edge" data-from="{escape(need)}" data-to="{escape(name)}" d="{path}"/>'


def _box(ticket: TicketLine, corner: tuple[float, float]) -> str:
    x, y = corner
    name = escape(ticket.id)
    tries = len(ticket.attempts)
    says = f"{ticket.glyph} {ticket.state}" + (f", {tries} attempts" if tries > 1 else "")
    tip = "\n".join(part for part in (f"{ticket.id}: {ticket.title}", says, ticket.reason) if part)
    return (
        f'<g class="ticket s-{escape(ticket.state)}" data-id="{name}" tabindex="0" role="button" '
        f'aria-label="{escape(ticket.id)}, {escape(says)}"><title>{escape(tip)}</title>'
        f'<rect x="{x:g}" y="{y:g}" width="{_BOX[0]}" height="{_BOX[1]}" rx="6"/>'
        f'<text x="{x + 10:g}" y="{y + 17:g}" class="name">{escape(short(ticket.id, 22))}</text>'
        f'<text x="{x + 10:g}" y="{y + 32:g}" class="says">{escape(short(says, 26))}</text></g>'
    )


def draw_times(report: Report) -> str:
    """Give the time line: one row for each agent, with what it did when; "" where nothing is known of agents.

    Where there are more agents than anybody could look at, those that something happened to come first.
    """
    agents = list(report.agents)
    if not agents:
        return ""
    if len(agents) > _MOST_AGENTS:
        agents = sorted(agents, key=lambda each: not each.marks)[:_MOST_AGENTS]
    seconds = max(report.seconds, 0.001)
    scale = _CHART / seconds
    height = len(agents) * _ROW + 30
    width = _LABEL + _CHART + 20
    parts = [
        f'<svg class="times" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="What {len(agents)} agents did in {seconds:.1f} seconds">'
    ]
    parts.extend(_axis(seconds, scale, height))
    for row, agent in enumerate(agents):
        parts.append(_agent(agent, row * _ROW + 24, scale, seconds))
    return "".join([*parts, "</svg>"])


def _axis(seconds: float, scale: float, height: int) -> Iterable[str]:
    step = next((step for step in _STEPS if seconds / step <= 10), seconds / 10)
    for number in range(int(seconds / step) + 1):
        x = _LABEL + number * step * scale
        yield f'<line class="grid" x1="{x:.1f}" y1="16" x2="{x:.1f}" y2="{height}"/>'
        yield f'<text class="tick" x="{x:.1f}" y="11">{number * step:g} s</text>'


def _agent(agent: AgentLine, y: float, scale: float, seconds: float) -> str:
    tip = f"{agent.path} ({agent.kind})" if agent.kind else agent.path
    parts = [
        f'<g class="agent" data-path="{escape(agent.path)}"><title>{escape(tip)}</title>',
        f'<text class="path" x="{_LABEL - 8}" y="{y + 9}">{escape(_tail(agent.path))}</text>',
    ]
    for span in agent.spans:
        parts.append(
            f'<rect class="span {span.state}" {_across(span.began, span.ended, scale)} y="{y + 2}" height="8">'
            f"<title>{escape(agent.path)}: {escape(span.state)}, incarnation {span.incarnation}</title></rect>"
        )
    for ticket, attempt in agent.tasks:
        parts.append(_bar(ticket, attempt, y, scale, seconds))
    for mark in agent.marks:
        x = _LABEL + mark.at * scale
        text = f"{mark.at:.2f} s: {mark.kind.replace('_', ' ')}" + (f": {mark.text}" if mark.text else "")
        parts.append(
            f'<path class="mark m-{escape(mark.kind)}" d="M{x:.1f},{y + 6} l5,9 l-10,0 z">'
            f"<title>{escape(text)}</title></path>"
        )
    return "".join([*parts, "</g>"])


def _bar(ticket: str, attempt: Attempt, y: float, scale: float, seconds: float) -> str:
    ended = seconds if attempt.ended is None else attempt.ended
    text = f"{ticket}, attempt {attempt.number}: {attempt.outcome}" + (f": {attempt.reason}" if attempt.reason else "")
    return (
        f'<rect class="bar o-{escape(attempt.outcome)}" data-id="{escape(ticket)}" '
        f'{_across(attempt.began, ended, scale)} y="{y}" height="12" rx="2"><title>{escape(text)}</title></rect>'
    )


def _across(began: float, ended: float, scale: float) -> str:
    return f'x="{_LABEL + began * scale:.1f}" width="{max((ended - began) * scale, 2):.1f}"'


def _tail(path: str) -> str:
    return path if len(path) <= 30 else "…" + path[-29:]
