"""How does an agent say what it accepts?

Either way it is checked by whoever sends::

    class Counter(Accepting[Incr | Get]):   # by type checkers, and when it runs
        ...

    class Counter(Agent):                   # when it runs
        accepts = Incr | Get
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from actors._core.agent import Agent, class_hooks
from actors._core.ref import Addressed
from actors.typed.generics import argument_of
from actors.typed.ref import TypedRef, accepted_by

M = TypeVar("M")


class Accepting(Agent, Addressed[TypedRef[M]], Generic[M]):
    """An agent that accepts messages of type M only; its refs are `TypedRef[M]`, to type checkers, too.

    M is a class (pydantic's, a dataclass or a plain one), a union of them, a Literal, or another type that pydantic
    can check. An instance of an accepted class is accepted as it is: what its fields hold is for the class to check.
    """

    if TYPE_CHECKING:

        @classmethod
        def start(cls, *args: Any, **kwargs: Any) -> TypedRef[M]: ...

        @property
        def actor_ref(self) -> TypedRef[M]: ...

        def on_receive(self, message: M) -> Any: ...


def _declare(kind: type[Agent]) -> None:
    """See that the refs of the class refuse what it does not accept; raises TypeError for what is no type."""
    own = vars(kind)
    if "accepts" not in own and "__orig_bases__" in own and issubclass(kind, Accepting):
        form = argument_of(kind, Accepting)
        if form is not None:
            kind.accepts = form
    if kind.accepts is None:
        if kind.ref_class is TypedRef:
            kind.ref_class = None
        return
    if kind.ref_class is None or kind.ref_class is TypedRef:
        kind.ref_class = _ref_class_of(kind)
    elif not issubclass(kind.ref_class, TypedRef):
        text = f"{kind.__name__} accepts some messages only, but its refs do not look: {kind.ref_class.__name__}"
        raise TypeError(f"{text} is no TypedRef")
    try:
        accepted_by(kind)
    except NameError:
        # Written as text, of names that come later: looked at when the first of them is started.
        return


def _ref_class_of(kind: type[Agent]) -> type[TypedRef[Any]]:
    """Give the class of refs that a base has, if that checks messages and does more."""
    named = (vars(base).get("ref_class") for base in kind.__mro__)
    return next((each for each in named if each not in (None, TypedRef) and issubclass(each, TypedRef)), TypedRef)


class_hooks.append(_declare)
