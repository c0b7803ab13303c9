"""How do agents talk by name, and all at once, and what becomes of what one of them has no time for?"""

from actors import ActorSystem, Agent, AgentNotFoundError, ChildSpec, ControlMessage, Lagged, Mailbox, Router, RouterRef
from actors.testkit import Gate


class Cancel(ControlMessage):
    """Arrives ahead of all that waits, however much that is."""


class Worker(Agent):
    def __init__(self, router: RouterRef) -> None:
        self.router = router

    def on_receive(self, message: object) -> None:
        print(f"{self.context.name}: {message}")
        if message == "anybody for lunch?":
            self.router.broadcast("I am")  # the others get it


class Slow(Agent):
    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def on_receive(self, message: object) -> None:
        if message == "a long job":
            self.gate.wait()
        if isinstance(message, Lagged):
            message = f"I have missed {message.count}"
        print(f"slow: {'cancelled' if isinstance(message, Cancel) else message}")


def main() -> None:
    with ActorSystem("demo") as system, Gate() as gate:
        router = system.spawn(Router, name="router")
        ann, bob = (system.spawn(Worker, router, name=name) for name in ("ann", "bob"))
        slow = system.spawn(ChildSpec(Slow, name="slow", args=(gate,), mailbox=Mailbox(capacity=2)))
        router.join("ann", ann)
        router.join("bob", bob)
        router.send("ann", "anybody for lunch?")
        ann.stop()  # after what it has in hand; who stops leaves by itself
        bob.stop()
        try:
            router.send("eve", "hello")
        except AgentNotFoundError as error:
            print("refused:", error)

        router.join("slow", slow)
        router.send("slow", "a long job")
        gate.reached()
        for number in range(1, 7):
            print(router.broadcast(f"news {number}"))
        router.send("slow", Cancel())
        gate.open()
        slow.stop()


if __name__ == "__main__":
    main()
