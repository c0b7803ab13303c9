"""What became of a track, for people and programs: as text, as JSON, and as a page with a graph and a time line."""

from actors.reports.gathering import make_report
from actors.reports.page import to_html
from actors.reports.text import to_text
from actors.reports.values import AgentLine, Attempt, Mark, Report, Span, TicketLine, Tokens

__all__ = [
    "AgentLine",
    "Attempt",
    "Mark",
    "Report",
    "Span",
    "TicketLine",
    "Tokens",
    "make_report",
    "to_html",
    "to_text",
]
