"""What is a model told to do?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.tickets import Ticket
    from actors.typed import ReviewFeedback


def prompt_of(
    ticket: Ticket,
    context: str = "",
    *,
    previous_attempt: str | None = None,
    feedback: ReviewFeedback | None = None,
    notes: Iterable[str] = (),
) -> str:
    """Give the text that describes a ticket to a model: what to do, what there is to read, and what went before.

    It asks for no word by which an answer would count as blocked: work says that with `Blocked`.
    """
    parts = [f"Ticket {ticket.id}{f': {ticket.title}' if ticket.title else ''}", ticket.description]
    if previous_attempt:
        parts.append(f"An earlier attempt has failed:\n{previous_attempt}")
    if feedback is not None and not feedback.approved:
        parts.append("The reviewer wants this changed:\n" + "\n".join(f"- {each}" for each in feedback.comments))
    parts += [f"To know: {note}" for note in notes]
    if context:
        parts.append(f"Context:\n{context}")
    return "\n\n".join(part for part in parts if part)
