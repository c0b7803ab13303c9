"""How do threads and agents that know each other by name talk, and what if one is slow, or gone?"""

from actors import ActorSystem, Agent, AgentNotFoundError, AgentStoppedError, Lagged, MailboxFullError, MessageBus


class Worker(Agent):
    """An agent on the bus: what is sent to its name arrives in its mailbox."""

    def __init__(self, bus: MessageBus) -> None:
        self.bus = bus

    def on_receive(self, task: str) -> None:
        self.bus.send("main", f"{task} done by {self.context.name}")
        self.bus.broadcast(f"{self.context.name} has time")  # to all but itself


def main() -> None:
    with ActorSystem("demo") as system, MessageBus(system, 4, 2, name="bus") as bus:
        # Room for 4 broadcasts, and for 2 messages to one alone; by default 64 and 32.
        inbox = bus.subscribe("main")  # for this thread
        bus.subscribe("ada", system.spawn(Worker, bus, name="ada"))

        bus.send("ada", "cooking")
        print(inbox.recv(timeout=5))
        print(inbox.recv(timeout=5))
        bus.remove_subscriber("ada")  # the agent lives on

        slow = bus.subscribe("slow")
        # Broadcasts never wait for the slow; it learns how many it has lost.
        for number in range(10):
            bus.broadcast(f"news {number}")
            inbox.recv(timeout=5)
        news = None
        while not isinstance(news, Lagged):
            news = slow.recv(timeout=5)
            print("slow:", news)

        # Neither does a message to one: its sender gets the error.
        try:
            for number in range(3):
                bus.send("slow", f"letter {number}")
        except MailboxFullError as error:
            print("refused:", error)

        bus.remove_subscriber("slow")
        try:
            bus.send("slow", "are you there?")
        except AgentNotFoundError as error:
            print("refused:", error)
        print("slow:", slow.recv(), "and", slow.recv())  # delivered before it was removed
        try:
            slow.recv()
        except AgentStoppedError as error:
            print("slow:", error)


if __name__ == "__main__":
    main()
