"""What if the answer to an ask is not known yet when its handler returns?"""

from actors import ActorSystem, Agent, AgentStoppedError, Reply


class Counter(Agent):
    """Hands out numbered tables; who comes while all are taken waits for one, and the counter serves on."""

    def __init__(self, tables: int) -> None:
        self.free = list(range(1, tables + 1))
        self.waiting: list[Reply] = []

    def on_receive(self, message: str | int) -> int | str | None:
        if message == "how many wait?":
            return len(self.waiting)
        if isinstance(message, int):
            self.take_back(message)
        elif self.free:
            return self.free.pop(0)
        else:
            self.waiting.append(self.context.defer())  # the return value is no answer any more
        return None

    def take_back(self, table: int) -> None:
        while self.waiting:
            reply = self.waiting.pop(0)
            if not reply.cancelled and reply.set(table):  # else that guest has left
                return
        self.free.append(table)


def main() -> None:
    with ActorSystem("demo") as system:
        counter = system.spawn(Counter, tables=1, name="counter")
        print("Ann sits at table", counter.ask("Ann"))

        bob = counter.ask("Bob", block=False)
        eve = counter.ask("Eve", block=False)
        print("waiting:", counter.ask("how many wait?"))

        counter.tell(1)
        print("Bob sits at table", bob.get())

        counter.stop()  # an answer that is still owed is settled, too
        try:
            eve.get()
        except AgentStoppedError as error:
            print("Eve leaves:", error)


if __name__ == "__main__":
    main()
