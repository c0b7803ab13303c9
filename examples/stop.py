"""What if an agent that fails is not worth a restart?"""

from actors import ActorSystem, Agent, AgentStoppedError, ChildSpec
from policies import Stop


class Session(Agent):
    """Talks to one visitor; if it breaks, the visitor has to come again."""

    def __init__(self, visitor: str) -> None:
        self.visitor = visitor

    def on_receive(self, message: str) -> str:
        if not message:
            raise ValueError(f"{self.visitor} said nothing")
        return f"{self.visitor}: {message}"


def main() -> None:
    with ActorSystem("demo", policy=Stop()) as system:
        ann = system.spawn(Session, "Ann", name="ann")
        bob = system.spawn(ChildSpec(Session, name="bob", args=("Bob",)))

        ann.tell("")  # a failure: the policy says Stop, so this is the end of Ann's session
        try:
            ann.ask("Is anybody there?")
        except AgentStoppedError as error:
            print(f"{error.path} has ended, because of {error.cause!r}")

        print(bob.ask("I am still here."))
        ann.stop()  # returns once the end is over, and so the name is free
        ann = system.spawn(Session, "Ann", name="ann")
        print(ann.ask("So am I."))


if __name__ == "__main__":
    main()
