"""A report with one ticket of each end, and an agent that was started twice."""

from __future__ import annotations

from actors.reports import AgentLine, Attempt, Mark, Report, Span, TicketLine, Tokens

EVIL = "</title><script>document.title = 'taken over'</script>"

A = TicketLine("A", "take stock", "completed", attempts=(Attempt(1, "/c/pool/w-1", 0.1, 0.9, "completed"),))
B = TicketLine(
    "B",
    EVIL,
    "completed",
    ("A",),
    attempts=(
        Attempt(1, "/c/pool/w-2", 1.0, 1.5, "failed", f"Throttled: {EVIL}"),
        Attempt(2, "/c/pool/w-2", 1.7, 2.5, "completed"),
    ),
)
C = TicketLine("C", "look at toml", "killed", ("A",), "by hand")
D = TicketLine("D", "add up", "blocked", ("B", "C"), "blocked by killed task C")
E = TicketLine("E", "links", "failed", reason="boom", attempts=(Attempt(1, "/c/pool/w-3", 0.2, 0.4, "failed", "boom"),))
F = TicketLine("F", "sum of links", "blocked", ("E",), "blocked by failed task E")

AGENTS = (
    AgentLine("/c", "Conductor", (Span(0.0, 3.0, "running", 1),)),
    AgentLine("/c/pool/w-1", "Worker", (Span(0.1, 0.9, "running", 1),), (), (("A", A.attempts[0]),)),
    AgentLine(
        "/c/pool/w-2",
        "Worker",
        (Span(1.0, 1.5, "running", 1), Span(1.5, 1.7, "waiting", 1), Span(1.7, 2.6, "running", 2)),
        (Mark(1.5, "failed", "Throttled"),),
        tuple(("B", attempt) for attempt in B.attempts),
    ),
)
REPORT = Report(
    "Audit of <here>",
    "audit",
    "blocked",
    3.0,
    (A, B, C, D, E, F),
    AGENTS,
    (Tokens("Tier 3", 400, 200),),
    "/\n└── c",
    321,
)
