"""What if a failure is more than a supervisor can judge?"""

from actors import ActorSystem, Agent, AgentFailed, ChildSpec, Escalated, Supervisor, SystemFailed
from policies import ByError, Escalate, Restart


class Ledger(Agent):
    """Books amounts; a lost connection is nothing new to it, a damaged book is."""

    def on_receive(self, message: str) -> str:
        if message == "timeout":
            raise TimeoutError("the bank does not answer")
        if message == "damage":
            raise RuntimeError("the sums do not agree")
        return f"booked {message}, incarnation {self.context.incarnation}"


class Office(Supervisor):
    """Tries again after a timeout; anything else is for its own supervisor to decide."""

    policy = ByError({TimeoutError: Restart(max_restarts=5, within=60.0)}, default=Escalate())
    children = (ChildSpec(Ledger, name="ledger"),)


def show(event: AgentFailed | Escalated) -> None:
    decided = event.directive if isinstance(event, AgentFailed) else f"a failure of {event.parent}"
    print(f"  {event.path}: {event.error} -> {decided}")


def main() -> None:
    try:
        with ActorSystem("demo", policy=Escalate()) as system:
            system.events.subscribe(show, AgentFailed, Escalated)
            system.spawn(Office, name="office")
            (ledger,) = system.select("/office/ledger")
            ledger.tell("timeout")
            print(ledger.ask("7 euros"))
            ledger.tell("damage")
            system.wait()  # until the system has ended
    except SystemFailed as failed:
        print("the end:", failed)


if __name__ == "__main__":
    main()
