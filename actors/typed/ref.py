"""How are messages that an agent does not accept kept from its mailbox?

By its ref, on the sender's thread, before anything is enqueued. Agents that accept everything have plain refs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from actors._core.messages import Enclosing, FrameworkMessage
from actors._core.proxies import HANDLERS
from actors._core.ref import AgentRef
from actors.typed.accepted import Accepted
from actors.typed.asking import Asks, M_contra

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.future import AgentFuture

Q = TypeVar("Q")
R = TypeVar("R")
_EVERYTHING = Accepted("every agent", object)
# What proxies send, and what the framework tells: no agent has to declare these.
_PROXIED = tuple(HANDLERS)
_ALWAYS = (FrameworkMessage, *_PROXIED)


class TypedRef(AgentRef[Any], Generic[M_contra]):
    """The ref of an agent that declares what it accepts, messages of type M: it refuses everything else.

    Type checkers refuse it, too, and know the answers to messages that are `Asking[R]`. What proxies send always
    passes, and so does what the framework tells, such as `Terminated`.
    """

    __slots__ = ("_known", "accepted")

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self.accepted = accepted_by(cell.spec.agent) or _EVERYTHING
        # Most messages are of one of these very classes, and one look at a set is all that they cost.
        self._known = frozenset((*self.accepted.classes, *_PROXIED))

    def admit(self, message: Any) -> Any:
        """Give what is put into the mailbox for this message, or raise InvalidMessageError."""
        if isinstance(message, Enclosing):
            message = message.message
        accepted = self.accepted
        if type(message) in self._known or isinstance(message, accepted.classes):
            return message
        if not isinstance(message, _ALWAYS) and not accepted.fits(message):
            raise accepted.refusal(self.path, message)
        return message

    def tell(self, message: M_contra) -> None:
        """Send a message and go on, as `AgentRef.tell` does.

        Raises InvalidMessageError, naming path, field and value, for what the agent does not accept: then nothing is
        sent.
        """
        if type(message) not in self._known:
            message = self.admit(message)
        AgentRef.tell(self, message)

    @overload  # type: ignore[override]
    def ask(
        self: TypedRef[Q], message: Asks[Q, R], *, block: Literal[True] = True, timeout: float | None = None
    ) -> R: ...

    @overload
    def ask(
        self: TypedRef[Q], message: Asks[Q, R], *, block: Literal[False], timeout: float | None = None
    ) -> AgentFuture[R]: ...

    @overload
    def ask(self, message: M_contra, *, block: Literal[True] = True, timeout: float | None = None) -> Any: ...

    @overload
    def ask(self, message: M_contra, *, block: Literal[False], timeout: float | None = None) -> AgentFuture[Any]: ...

    @overload
    def ask(
        self: TypedRef[Q], message: Asks[Q, R], *, block: bool, timeout: float | None = None
    ) -> R | AgentFuture[R]: ...

    @overload
    def ask(self, message: M_contra, *, block: bool, timeout: float | None = None) -> Any | AgentFuture[Any]: ...

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any:
        """Send a message and give the answer, or with `block=False` a future of it, as `AgentRef.ask` does.

        Raises InvalidMessageError, with `block=False` as well, for what the agent does not accept.
        """
        if type(message) not in self._known:
            message = self.admit(message)
        return AgentRef.ask(self, message, block=block, timeout=timeout)


def accepted_by(kind: type) -> Accepted | None:
    """Give what the agents of a class accept; None where they accept everything."""
    form = getattr(kind, "accepts", None)
    if form is None:
        return None
    accepted: Accepted | None = vars(kind).get("_accepted")
    if accepted is None or accepted.declared is not form:
        accepted = Accepted(kind.__name__, form, _where(kind, form))
        kind._accepted = accepted  # type: ignore[attr-defined]
    return accepted


def _where(kind: type, form: Any) -> str:
    """Give the module whose names a form is written in: that of the class that declares it."""
    declaring = next((each for each in kind.__mro__ if vars(each).get("accepts") is form), kind)
    return declaring.__module__
