"""What becomes of a message that nobody handles?"""

import threading

from actors import ActorSystem, Agent, AgentStoppedError, DeadLetter


class Clerk(Agent):
    """Files letters once the office has opened."""

    def __init__(self, opened: threading.Event) -> None:
        self.opened = opened

    def on_receive(self, message: str) -> None:
        self.opened.wait()
        if message == "a bill":
            raise ValueError("it cannot be paid")
        if message == "a better offer":
            self.actor_ref.stop(block=False, drain=False)  # at once; without drain=False, after what waits
        print("filed:", message)


def show(letter: DeadLetter) -> None:
    because = f", {letter.error}" if letter.reason == "failed" else ""
    print(f"dead letter to {letter.path}: {letter.message} ({letter.reason}{because})")


def main() -> None:
    opened = threading.Event()
    with ActorSystem("demo") as system:
        system.events.subscribe(show, DeadLetter)
        clerk = system.spawn(Clerk, opened, name="clerk")
        for letter in ("a card", "a bill", "a form", "a better offer", "a map"):
            clerk.tell(letter)
        opened.set()

        clerk.stop()  # returns once the clerk has ended
        try:
            clerk.tell("a poem")
        except AgentStoppedError as error:
            print("refused:", error)

        kept = system.dead_letters  # the newest of them
        successor = system.spawn(Clerk, opened, name="clerk")
        kept.replay(path="/clerk", reason="stopped")
        successor.stop()
        print("not sent again:", *(letter.message for letter in kept))
        kept.discard()


if __name__ == "__main__":
    main()
