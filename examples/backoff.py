"""What if a restart at once would only fail again?"""

from actors import ActorSystem, Agent, AgentBackingOff, AgentFailed
from policies import Backoff, Restart


class Mirror(Agent):
    """Keeps a connection to a server that goes away and needs a while to come back."""

    def on_start(self) -> None:
        if 1 < self.context.incarnation < 5:
            raise ConnectionError(f"attempt {self.context.incarnation - 1}: refused")

    def on_receive(self, message: str) -> str:
        if self.context.incarnation == 1:
            raise ConnectionError("connection lost")
        return f"{message} fetched by incarnation {self.context.incarnation}"


def failed(event: AgentFailed) -> None:
    print(f"{event.error} ({event.phase})")


def backs_off(event: AgentBackingOff) -> None:
    print(f"  next attempt in {event.delay:g} s")


def main() -> None:
    # Seconds, made short for the example. Give a jitter, such as 0.2, where many agents might come back at one moment.
    policy = Restart(max_restarts=10, within=60.0, backoff=Backoff(0.05, cap=0.15))
    with ActorSystem("demo", policy=policy) as system:
        system.events.subscribe(failed, AgentFailed)
        system.events.subscribe(backs_off, AgentBackingOff)
        mirror = system.spawn(Mirror, name="mirror")
        mirror.tell("page 1")  # fails, and is not handled again
        print(mirror.ask("page 2"))  # waits in the mailbox until there is a connection


if __name__ == "__main__":
    main()
