"""How do I test what happens while an agent is busy, without a sleep?"""

from actors import ActorSystem, Agent, AgentRestarted, ChildSpec
from actors.testkit import Gate, VirtualClock


class Printer(Agent):
    """Prints one page at a time; in a test, a page may be a gate, and printing takes until it is open."""

    def __init__(self) -> None:
        self.printed: list[str] = []

    def on_receive(self, page: str | Gate) -> list[str]:
        if isinstance(page, Gate):
            page.wait()
        elif page != "which?":
            self.printed.append(page)
        return self.printed


def test_pages_that_arrive_while_it_prints_are_printed_afterwards_in_order() -> None:
    with ActorSystem("test") as system, Gate() as gate:
        printer = system.spawn(Printer)
        printer.tell(gate)
        gate.reached()  # now it is busy, for certain

        printer.tell("one")
        printer.tell("two")
        gate.open()

        assert printer.ask("which?") == ["one", "two"]


def test_several_printers_are_busy_at_the_same_time() -> None:
    with ActorSystem("test") as system, Gate() as gate:
        printers = [system.spawn(Printer) for _ in range(3)]
        for printer in printers:
            printer.tell(gate)

        gate.reached(3)  # if they waited for one another, this would say: 1 of 3 came

        assert gate.waiting == 3


def test_a_printer_that_hangs_is_replaced_after_its_deadline() -> None:
    clock = VirtualClock()
    with ActorSystem("test", clock=clock) as system, Gate() as gate:
        printer = system.spawn(ChildSpec(Printer, name="printer", deadline=60.0))
        printer.tell(gate)
        gate.reached()

        clock.advance(60.0)  # takes no time at all

        assert printer.ask("which?", timeout=1.0) == []
        assert [event.path for event in system.events.recent(100, AgentRestarted)] == ["/printer"]
        assert [orphan.path for orphan in system.orphans] == ["/printer"]
    # The block of the gate has ended first: it is open, and the printer that hung has returned.
