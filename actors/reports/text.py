"""How does a report read in a terminal?"""

from __future__ import annotations

from actors.reports.values import Report, TicketLine


def to_text(report: Report) -> str:
    """Give the report as lines of text: what ended how, why, what it has used, and the tree as it was at the end."""
    lines = [f"{report.title}: {report.outcome or 'ended'} after {report.seconds:.1f} s", ""]
    lines += [f"  {ticket_line(ticket, _widest(report))}" for ticket in report.tickets]
    lines += ["", f"  {sum_of(report)}"]
    if report.usage:
        lines += ["", "  usage           in        out"]
        lines += [f"  {each.tier:<10} {each.tokens_in:>7,} {each.tokens_out:>10,}" for each in report.usage]
    if report.lost:
        lines += ["", f"  {report.lost:,} records of the run are not kept any more"]
    if report.notes:
        lines += ["", *(f"  {note}" for note in report.notes)]
    if report.tree:
        lines += ["", *(f"  {line}" for line in report.tree.splitlines())]
    return "\n".join(lines) + "\n"


def sum_of(report: Report) -> str:
    """Give one line: how many tickets ended how."""
    counts = ", ".join(f"{number} {state.replace('_', ' ')}" for state, number in report.counts.items())
    return f"{len(report.tickets)} tickets: {counts}" if counts else "no tickets"


def ticket_line(ticket: TicketLine, width: int) -> str:
    """Give one line for a ticket; `width` columns for its id."""
    tries = len(ticket.attempts)
    said = ticket.reason or ticket.title
    more = f" ({tries} attempts)" if tries > 1 else ""
    return f"{ticket.glyph} {ticket.id:<{width}}  {ticket.state.replace('_', ' '):<17}{said}{more}".rstrip()


def _widest(report: Report) -> int:
    return max((len(ticket.id) for ticket in report.tickets), default=0)
