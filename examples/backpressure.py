"""What if messages come faster than an agent handles them?"""

import threading

from actors import ActorSystem, Agent, AgentRef, ChildSpec, Mailbox, MailboxFullError, SendCycleError


class Printer(Agent):
    def __init__(self, busy: threading.Event, paper: threading.Event) -> None:
        self.busy, self.paper = busy, paper

    def on_receive(self, page: int) -> None:
        self.busy.set()
        self.paper.wait()
        print("  printed:", page)


def print_pages(system: ActorSystem, overflow: str) -> None:
    print(f"{overflow}:")
    busy, paper = threading.Event(), threading.Event()
    mailbox = Mailbox(capacity=2, overflow=overflow)
    printer = system.spawn(ChildSpec(Printer, f"printer-{overflow}", args=(busy, paper), mailbox=mailbox))
    printer.tell(1)
    busy.wait()  # it has the first in its hands, and room for two
    if overflow == "block":
        threading.Timer(0.1, paper.set).start()  # until then the fourth makes us wait
    for page in (2, 3, 4):
        try:
            printer.tell(page)
        except MailboxFullError as error:
            print("  refused:", page, "-", error)
    paper.set()
    printer.stop()
    for letter in system.dead_letters.list(printer.path):
        print("  dead letter:", letter.message, "-", letter.reason)


class Waiter(Agent):
    def on_receive(self, cook: AgentRef[Agent]) -> str:
        try:
            cook.tell("an order")
        except SendCycleError as error:
            return f"we would wait for each other for ever: {' -> '.join(error.cycle)}"
        return "the order is in"


class Cook(Agent):
    def on_receive(self, waiter: AgentRef[Waiter]) -> None:
        self.actor_ref.tell(waiter)  # what it sends to itself never waits; now others have no room
        print("  the waiter says:", waiter.ask(self.actor_ref))
        self.stop()


if __name__ == "__main__":
    with ActorSystem("demo") as system:
        for overflow in ("reject", "drop_newest", "drop_oldest", "block"):
            print_pages(system, overflow)
        print("two that wait for each other:")
        cook = system.spawn(ChildSpec(Cook, "cook", mailbox=Mailbox(capacity=1, overflow="block")))
        cook.ask(system.spawn(Waiter, name="waiter"))
