"""What is a ticket, and what is a track of them?"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from actors.tickets.graph import graph_problems
from actors.tickets.problems import TicketsError
from actors.tickets.states import TicketState
from actors.typed.graph import Priority
from actors.typed.values import Count, FilePaths, FrozenDict, Named, TextByName, Texts, Value

Name = Annotated[str, Field(min_length=1)]

UNASSIGNED = "unassigned"
MODELS = ("gemini-2.5-flash-lite", "gemini-2.5-flash", "gemini-3.1-pro-preview")
_NOTHING = FrozenDict()


class Ticket(Value):
    """A piece of work, and what it depends on; frozen: a board keeps how far it is.

    `files` are those that the work changes: no two tickets of a track that have one in common run at a time.
    """

    id: Name
    description: str
    title: str = ""
    depends_on: Texts = ()
    priority: Named[Priority] = Priority.MEDIUM
    status: Named[TicketState] = TicketState.TODO
    assigned_to: str = UNASSIGNED
    step_mode: bool = False
    model_override: str | None = None
    context_requirements: Texts = ()
    target_file: str | None = None
    target_symbols: Texts = ()
    files: FilePaths = ()
    labels: Texts = ()
    metadata: TextByName = _NOTHING
    retry_count: Count = 0
    blocked_reason: str | None = None
    manual_block: bool = False
    tier: Name = "Tier 3"

    def model_post_init(self, context: Any, /) -> None:
        # Which fields were given is of no interest, and a set of its own would make each ticket a third larger.
        object.__setattr__(self, "__pydantic_fields_set__", _FIELDS)


_FIELDS = set(Ticket.model_fields)


class Track(Value):
    """Tickets that one goal needs, and how they are worked on. Its graph is checked when it is made.

    `auto_queue`: a ticket starts as soon as it is ready; else somebody approves each start. `models`: the one of the
    first attempt, of the second, and so on; the last is that of all further ones.
    """

    id: Name
    description: str = ""
    tickets: Annotated[tuple[Ticket, ...], Field(strict=False)] = ()
    reviewer_required: bool = False
    auto_queue: bool = True
    max_retries: Count = 2
    models: Annotated[tuple[Name, ...], Field(strict=False, min_length=1)] = MODELS

    @model_validator(mode="after")
    def _is_a_graph(self) -> Track:
        problems = graph_problems(self.tickets)
        if problems:
            raise TicketsError(problems)
        return self

    def model_for(self, ticket: Ticket) -> str:
        """Name the model of the ticket's next attempt: its own, or that of as many retries as there were."""
        return ticket.model_override or self.models[min(ticket.retry_count, len(self.models) - 1)]
