"""How is a message made of JSON?"""

from __future__ import annotations

from typing import Any, TypeVar, overload

from actors._core.agent import Agent
from actors._core.ref import AgentRef
from actors.typed.accepted import Accepted
from actors.typed.accepting import Accepting
from actors.typed.ref import accepted_by

M = TypeVar("M")
_MOST_KEPT = 128
# By id, as many of them cannot be hashed; the type is kept beside, so that its id stays its own.
_kept: dict[int, tuple[Any, Accepted]] = {}


@overload
def decode(what: type[Accepting[M]], text: str | bytes | bytearray) -> M: ...


@overload
def decode(what: Any, text: str | bytes | bytearray) -> Any: ...


def decode(what: Any, text: str | bytes | bytearray) -> Any:
    """Make a message of JSON: one that an agent accepts, given its class or its ref, or one of a type.

    Strict: a number in quotes is no number. Raises InvalidMessageError, naming the field and the value, for what does
    not fit, and TypeError for an agent that does not say what it accepts, or accepts what cannot be made of JSON.
    """
    kind = what.actor_class if isinstance(what, AgentRef) else what
    if isinstance(kind, type) and issubclass(kind, Agent):
        accepted = accepted_by(kind)
        if accepted is None:
            raise TypeError(f"{kind.__name__} does not say what it accepts")
        return accepted.read(text)
    known = _kept.get(id(what))
    if known is None:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        name = what.__name__ if isinstance(what, type) else "the reader"
        known = _kept[id(what)] = (what, Accepted(name, what))
    return known[1].read(text)
