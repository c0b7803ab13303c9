"""What is on the screen of `actortree top`, in so many columns and lines?

A screen is lines, a line is pieces of text with a style each; the terminal paints them, a file gets the text alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from actors.console.columns import Column, columns_for
from actors.console.feed import Feed
from actors.console.text import STYLES, ago, clean, fitted, fitted_at_end, glyph, local_time, painted, plural, width
from actors.eventlog.fold import LoggedAgent, LoggedTree
from actors.eventlog.records import Record

Line = list[tuple[str, str]]

_ORDER = (
    "busy", "waiting", "idle", "starting", "suspended", "backing_off", "halted", "stopping", "stopped", "unknown",
)  # fmt: skip
_SILENT = timedelta(seconds=15)
_TALL = 20  # lines from which on there is room for the newest failures, too
_FAILURES = 4
_KEYS = ("q quit", "t tree", "m mailbox", "s seconds", "r restarts", "f failures", "p path", "e ended", "j/k scroll")

_SortKey = Callable[[LoggedAgent], object]
SORTS: dict[str, _SortKey | None] = {
    "tree": None,
    "mailbox": lambda agent: (-agent.mailbox, agent.path),
    "seconds": lambda agent: (-agent.seconds, agent.path),
    "restarts": lambda agent: (-agent.restarts, agent.path),
    "failures": lambda agent: (-(agent.failed_at.timestamp() if agent.failed_at else 0.0), agent.path),
    "path": lambda agent: agent.path,
}


@dataclass(slots=True)
class View:
    """What the user has chosen to see."""

    sort: str = "tree"
    ended: bool = False
    top: int = 0  # the first row that is shown


def draw(feed: Feed, view: View, columns: int, lines: int | None, now: datetime, keys: bool = False) -> list[Line]:
    """Give the screen; `lines` None is as many as it takes."""
    tree = feed.tree(ended=view.ended)
    head = [_title(feed, tree, now), _states(tree), _sums(feed, tree, now)]
    foot: list[Line] = []
    if lines is None or lines >= _TALL:
        foot += _failures(feed, now)
    if keys:
        foot.append(_keys(view, columns))
    rows = _rows(tree, view.sort)
    room = len(rows) if lines is None else max(1, lines - len(head) - len(foot) - 2)
    view.top = max(0, min(view.top, len(rows) - room))
    shown = rows[view.top : view.top + room]
    body = _table(shown, columns_for(columns, paths=view.sort != "tree"), columns, now)
    if len(shown) < len(rows):
        upto = f"{view.top + 1} to {view.top + len(shown)} of {len(rows)} agents"
        body.append([(upto, "dim")])
    return [_cut(line, columns) for line in [*head, *body, *foot]]


def as_text(screen: Sequence[Line], colours: bool = False) -> str:
    return "\n".join("".join(painted(text, style, colours) for text, style in line).rstrip() for line in screen)


# -- above the table ----------------------------------------------------------------


def _title(feed: Feed, tree: LoggedTree, now: datetime) -> Line:
    line: Line = [(tree.system, "bold"), (f"  run {tree.run}  ", "")]
    if tree.ended or feed.is_over:
        line.append((f"has ended: {clean(tree.failed)}" if tree.failed else "has ended", "red" if tree.failed else ""))
    elif feed.is_over:
        line.append(("has ended", ""))
    else:
        last = max((at for at in (tree.at, tree.sampled) if at is not None), default=None)
        silent = last is None or now - last > _SILENT
        line.append((f"last heard of {ago(last, now)}" if last else "nothing yet", "yellow" if silent else "green"))
    if tree.gaps:
        line.append((f"  records are missing in {plural(tree.gaps, 'place')}", "yellow"))
    return line


def _states(tree: LoggedTree) -> Line:
    counts = Counter(agent.state for agent in tree)
    line: Line = [(plural(len(tree) - counts["stopped"], "agent"), "bold")]
    for state in _ORDER:
        if counts[state]:
            line.append((f"  {counts[state]} {glyph(state)} {state}", STYLES[state]))
    return line


def _sums(feed: Feed, tree: LoggedTree, now: datetime) -> Line:
    counts = feed.counts
    failures = counts["agent_failed"] + counts["agent_start_failed"]
    line: Line = [(f"{plural(counts.total(), 'record')}, {feed.rate(now):.1f}/s", "")]
    for count, what, style in (
        (failures, "failure", "red"),
        (counts["agent_restarted"], "restart", "yellow"),
        (counts["agent_escalated"], "escalation", "red"),
        (feed.letters, "dead letter", "yellow"),
        (tree.orphans, "abandoned thread", "red"),
    ):
        line.append((f"  {plural(count, what)}", style if count else "dim"))
    return line


def _keys(view: View, columns: int) -> Line:
    """Give as many keys as there is room for; the one that is in force stands out."""
    line: Line = []
    for key in _KEYS:
        columns -= width(key) + 2
        if columns < 0:
            break
        word = key.partition(" ")[2]
        chosen = word == view.sort or (word == "ended" and view.ended)
        line += [(key, "bold" if chosen else "dim"), ("  ", "")]
    return line


def _failures(feed: Feed, now: datetime) -> list[Line]:
    newest = list(feed.failures)[-_FAILURES:]
    if not newest:
        return []
    return [[("newest failures", "bold")], *([(_failure(record, now), "red")] for record in newest)]


def _failure(record: Record, now: datetime) -> str:
    error = getattr(record, "error", None) or "?"
    directive = getattr(record, "directive", None)
    decided = f" -> {directive}" if directive else ""
    who = f"{record.path} #{record.incarnation}"
    return f"{local_time(record.timestamp, now)}  {clean(who)}{clean(decided)}  {clean(error)}"


# -- the table ----------------------------------------------------------------------


def _rows(tree: LoggedTree, sort: str) -> list[tuple[str, LoggedAgent]]:
    """Give the agents with what is in the first column: the branches of the tree, or the whole path."""
    key = SORTS[sort]
    if key is None:
        return list(_branches(tree))
    agents = [agent for agent in tree if isinstance(agent, LoggedAgent)]
    return [(clean(agent.path), agent) for agent in sorted(agents, key=key)]  # type: ignore[arg-type]


def _branches(tree: LoggedTree) -> Iterator[tuple[str, LoggedAgent]]:
    todo = [(child, "", at == len(tree.root.children) - 1) for at, child in enumerate(tree.root.children)][::-1]
    while todo:
        agent, lead, last = todo.pop()
        corner, beam = ("└ ", "  ") if last else ("├ ", "│ ")
        if isinstance(agent, LoggedAgent):
            yield lead + corner + clean(agent.name), agent
        final = len(agent.children) - 1
        todo.extend((child, lead + beam, at == final) for at, child in reversed([*enumerate(agent.children)]))


def _table(rows: list[tuple[str, LoggedAgent]], columns: Sequence[Column], total: int, now: datetime) -> list[Line]:
    cells = [[column.cell(name, agent, now) for column in columns] for name, agent in rows]
    widths = _widths(columns, cells, total)
    lines: list[Line] = [
        [(_padded(each.title, size, each), "reverse") for each, size in zip(columns, widths, strict=True)]
    ]
    for row in cells:
        line: Line = []
        for column, size, (text, style) in zip(columns, widths, row, strict=True):
            line.append((_padded(text, size, column), style))
        lines.append(line)
    return lines


def _widths(columns: Sequence[Column], cells: list[list[tuple[str, str]]], total: int) -> list[int]:
    """Give each column what its cells need, within its bounds; the elastic ones share what is left, or lacking."""
    sizes = []
    for at, column in enumerate(columns):
        needed = max((width(row[at][0]) for row in cells), default=0)
        sizes.append(min(max(needed, width(column.title)), column.most) + 1)
    wanted = [max((width(row[at][0]) for row in cells), default=0) + 1 for at in range(len(columns))]
    elastic = [at for at, column in enumerate(columns) if column.elastic]
    spare = total - sum(sizes)
    while spare > 0 and (poor := [at for at in elastic if sizes[at] < wanted[at]]):
        sizes[min(poor, key=lambda at: sizes[at])] += 1
        spare -= 1
    while spare < 0 and (rich := [at for at in elastic if sizes[at] > columns[at].least + 1]):
        sizes[max(rich, key=lambda at: sizes[at])] -= 1
        spare += 1
    return sizes


def _padded(text: str, size: int, column: Column) -> str:
    if column.right and width(text) < size:
        return " " * (size - 1 - width(text)) + text + " "
    return (fitted_at_end if column.keeps_end else fitted)(text, size - 1) + " "


def _cut(line: Line, columns: int) -> Line:
    found: Line = []
    for text, style in line:
        wide = width(text)
        if wide > columns:
            found.append((fitted(text, columns), style))
            break
        found.append((text, style))
        columns -= wide
    return found
