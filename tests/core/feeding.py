"""How does a test have agents feed one another, where there is little room?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors import ActorSystem, AgentRef, Mailbox, MailboxFullError
from actors.testkit import Gate
from policies import Restart
from tests.core.doer import Doer
from tests.core.helpers import Trace

NARROW = Mailbox(capacity=1, overflow="block")
AGAIN = Restart(max_restarts=50, within=None)


def narrow(system: ActorSystem, spec: Any, name: str, trace: Trace, mailbox: Mailbox = NARROW) -> AgentRef[Any]:
    ref: AgentRef[Any] = system.spawn(spec(Doer, name=name, args=(trace,), mailbox=mailbox, policy=AGAIN))
    return ref


def tells(ref: AgentRef[Any], message: Any, trace: Trace, gate: Gate) -> Callable[[Doer], None]:
    """Give a message that has an agent tell another something once the gate is open, and note what comes of it."""

    def tell(agent: Doer) -> None:
        gate.wait()
        try:
            ref.tell(message)
            trace.note(f"{agent.context.name} told")
        except MailboxFullError as error:
            trace.note((agent.context.name, error))

    return tell


def errors(trace: Trace) -> list[tuple[str, Any]]:
    return [note for note in trace.notes if isinstance(note, tuple)]
