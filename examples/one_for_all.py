"""What if agents only make sense together, so that one crash means a new start for all?"""

from actors import ActorSystem, Agent, ChildSpec, Supervisor


class Player(Agent):
    """One of a band: nobody can go on with a song from where another has lost it."""

    def on_start(self) -> None:
        print(f"  {self.context.name} begins")

    def on_stop(self) -> None:
        print(f"  {self.context.name} stops")

    def on_failure(self, *_error: object) -> None:
        print(f"  {self.context.name} breaks off")

    def on_receive(self, message: str) -> str:
        if message == "a wrong note":
            raise ValueError(message)
        return f"{self.context.name} plays {message}"


class Band(Supervisor):
    """Starts its children in order, stops them in reverse."""

    strategy = "one_for_all"
    children = tuple(ChildSpec(Player, name=name) for name in ("drums", "bass", "piano"))


def main() -> None:
    with ActorSystem("demo") as system:
        print("the first time:")
        system.spawn(Band, name="band")
        drums, _, piano = system.select("/band/*")

        print("the piano plays a wrong note:")
        piano.tell("a wrong note")
        print(piano.ask("a chord"))  # piano starts last, so by now all have started
        print(f"incarnations: drums {drums.incarnation}, piano {piano.incarnation}")

        print("the end:")


if __name__ == "__main__":
    main()
