"""How do I test what happens when one message fails, hangs, is late or is lost?"""

from collections.abc import Iterator

import pytest

from actors import ActorSystem, Agent, AgentFailed, AgentRestarted, AskTimeout, ChildSpec, Mailbox, MailboxFullError
from actors.testkit import Events, Fault, Faults, FullMailbox, Hang, InjectedFault, VirtualClock


class Till(Agent):
    """Adds up what is paid in."""

    def __init__(self) -> None:
        self.sum = 0

    def on_receive(self, paid: int) -> int:
        self.sum += paid
        return self.sum


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def system(clock: VirtualClock) -> Iterator[ActorSystem]:
    with ActorSystem("shop", clock=clock) as system:
        yield system


@pytest.fixture
def faults(system: ActorSystem) -> Iterator[Faults]:
    with Faults(system) as faults:  # cleared before the system stops
        yield faults


def test_the_third_payment_crashes_the_till(system: ActorSystem, faults: Faults) -> None:
    till = system.spawn(Till, name="till")
    crash = faults.crash("/till", on=int, nth=3, error=OSError("no paper"))
    for paid in (1, 2, 3, 4):
        till.tell(paid)
    assert till.ask(5) == 9  # a new till, which knows of the fourth and the fifth
    assert crash.hits == 1


def test_the_first_restart_fails_and_the_second_does_not(system: ActorSystem, faults: Faults) -> None:
    events = Events(system)
    till = system.spawn(Till, name="till")
    faults.crash("/till", on="on_start", nth=1)  # counted from now on: the start that is there was before
    faults.crash("/till", on=int, nth=1)
    till.tell(1)
    events.expect(AgentFailed, "/till", error=InjectedFault)  # as no other error was asked for
    assert events.expect(AgentRestarted, "/till").incarnation == 3


def test_a_till_that_hangs_is_replaced(system: ActorSystem, clock: VirtualClock, faults: Faults) -> None:
    till = system.spawn(ChildSpec(Till, name="till", deadline=5.0))
    hang: Hang = faults.hang("/till", on=int)
    till.tell(1)
    hang.reached()  # blocks until it hangs
    clock.advance(5.0)
    assert till.ask(2, timeout=1.0) == 2


def test_a_payment_that_is_lost_is_not_waited_for_longer_than_a_minute(
    system: ActorSystem, clock: VirtualClock, faults: Faults
) -> None:
    till = system.spawn(Till, name="till")
    lost: Fault = faults.drop("/till")
    asked = till.ask(1, block=False, timeout=60.0)
    lost.reached()
    clock.advance(60.0)
    with pytest.raises(AskTimeout):
        asked.get()


def test_a_payment_that_comes_twice_is_counted_twice(system: ActorSystem, faults: Faults) -> None:
    till = system.spawn(Till, name="till")
    twice = faults.duplicate("/till")
    till.tell(10)
    twice.reached()
    assert till.ask(0) == 20  # so this till had better be told to look at numbers of receipts


def test_nobody_can_pay_while_the_queue_is_full(system: ActorSystem, faults: Faults) -> None:
    till = system.spawn(ChildSpec(Till, name="till", mailbox=Mailbox(capacity=2)))
    full: FullMailbox = faults.fill_mailbox(till)
    with pytest.raises(MailboxFullError):
        till.tell(1)
    full.release()
