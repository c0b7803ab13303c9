"""What if a service is down, and all agents keep calling it?"""

from actors import ActorSystem, Agent, AgentRef, Emitted, Event
from actors.guard import Breakers, CircuitOpenError
from actors.testkit import VirtualClock
from policies import CircuitBreaker, Resume


class Service:
    """Something on the network."""

    up = False
    calls = 0

    def page(self) -> str:
        self.calls += 1
        if not self.up:
            raise ConnectionError("no route")
        return "the page"


class Fetcher(Agent):
    def __init__(self, service: Service, breakers: Breakers) -> None:
        self.service, self.breakers = service, breakers

    def on_receive(self, message: str) -> str:
        with self.breakers["service"]:  # refused at once while the circuit is open
            return self.service.page()


def show(event: Event) -> None:
    if isinstance(event, Emitted):
        change = event.record
        print(f"   {change.scope}: {change.old_state} -> {change.new_state}, {change.message}")


def fetch(fetcher: AgentRef[Fetcher]) -> None:
    try:
        print(f"{fetcher.name}: {fetcher.ask('fetch')}")
    except (ConnectionError, CircuitOpenError) as error:
        print(f"{fetcher.name}: {type(error).__name__}: {error}")


def main() -> None:
    clock, service = VirtualClock(), Service()
    with ActorSystem("demo", policy=Resume(), clock=clock) as system:
        system.events.subscribe(show)
        breakers = Breakers(system, CircuitBreaker(failures=2, open_for=30.0))
        crew = [system.spawn(Fetcher, service, breakers, name=f"fetcher-{number}") for number in (1, 2, 3)]
        for fetcher in crew:
            fetch(fetcher)
        print("the service was called", service.calls, "times; half a minute later it is up again")
        service.up = True
        clock.advance(30.0)
        for fetcher in crew:
            fetch(fetcher)


if __name__ == "__main__":
    main()
