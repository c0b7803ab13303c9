"""What stays, and what is new, when an agent crashes and is restarted?"""

from actors import ActorSystem, Agent


class Shares(Agent):
    """Adds up shares of 100; an agent's fields are as old as its incarnation."""

    def on_start(self) -> None:
        self.total = 0

    def on_receive(self, message: int) -> int:
        self.total += 100 // message
        return self.total


def main() -> None:
    with ActorSystem("demo") as system:
        shares = system.spawn(Shares, name="shares")
        print("a quarter:", shares.ask(4))
        print("and a half:", shares.ask(2))

        shares.tell(0)  # ZeroDivisionError: by default its supervisor restarts it, 3 times in 5 seconds at most
        shares.tell(5)  # waits in the mailbox, which outlives the crash

        print("a fifth and a tenth, from zero:", shares.ask(10))
        print(f"the same ref, {shares.path}, now leads to incarnation {shares.incarnation}")


if __name__ == "__main__":
    main()
