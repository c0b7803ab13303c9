"""How does a type checker know what a message is answered with?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

R_co = TypeVar("R_co", covariant=True)
Q_co = TypeVar("Q_co", covariant=True)
M_contra = TypeVar("M_contra", contravariant=True)


class Asking(Generic[R_co]):
    """Says what a message is answered with: `class Get(Asking[int])` makes `ref.ask(Get())` an int to type checkers.

    A base beside pydantic's or none; it adds nothing to the message.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        def _asks(self) -> tuple[Self, R_co]: ...


class Asks(Protocol[Q_co, R_co]):
    """A message of type Q that is answered with R, to type checkers."""

    def _asks(self) -> tuple[Q_co, R_co]: ...


class Target(Protocol[M_contra]):
    """Whatever messages of a type can be told."""

    def tell(self, message: M_contra, /) -> None:
        """Send a message and go on."""
        ...
