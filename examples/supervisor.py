"""How is a crew of children declared, and how is it looked after while it runs?"""

from actors import ActorSystem, Agent, ChildSpec, Supervisor
from policies import Restart, Stop


class Fetcher(Agent):
    """Fetches from one source."""

    def __init__(self, source: str) -> None:
        self.source = source

    def on_receive(self, message: str) -> str:
        return f"{message} from {self.source}, incarnation {self.context.incarnation}"


class Crew(Supervisor):
    """A supervisor is declared; it needs no code of its own."""

    policy = Restart(max_restarts=5, within=60.0)  # for all children that have no policy of their own
    children = (
        ChildSpec(Fetcher, name="news", args=("the agency",), restart="permanent"),
        ChildSpec(Fetcher, name="gossip", args=("the pub",), policy=Stop(), shutdown=2.0),
    )


def main() -> None:
    with ActorSystem("demo") as system:
        crew = system.spawn(Crew, name="crew")

        added = crew.start_child(ChildSpec(Fetcher, name="weather", args=("the roof",)))
        print("start weather:", added.outcome)
        print("start it again:", crew.start_child(ChildSpec(Fetcher, name="weather", args=("the cellar",))).outcome)

        print("terminate gossip:", crew.terminate_child("gossip").outcome)
        print("terminate music:", crew.terminate_child("music").outcome)
        for child in crew.children():
            print(f"  {child.name:8} {child.status:8} {child.restart}")
        print(crew.count_children())

        print("restart gossip:", crew.restart_child("gossip").outcome)  # from the spec that was kept
        print("restart news:", crew.restart_child("news").outcome)  # one that runs gets a planned restart
        print("delete news:", crew.delete_child("news").outcome)  # refused: it runs

        for fetcher in system.select("/crew/*"):
            print(" ", fetcher.ask("all"))


if __name__ == "__main__":
    main()
