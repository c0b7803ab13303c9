"""What if agents build on those that were started before them, but not the other way round?"""

from actors import ActorSystem, Agent, ChildSpec, Supervisor


class Stage(Agent):
    """One stage of a pipeline; it uses the stage before it, so it cannot outlive that."""

    def on_start(self) -> None:
        print(f"  {self.context.name} opens, incarnation {self.context.incarnation}")

    def on_receive(self, message: str) -> str:
        if message == "leak":
            raise OSError("no pressure")
        return f"{self.context.name}: {message}"


class Pipeline(Supervisor):
    """A failed stage is restarted together with the stages after it."""

    strategy = "rest_for_one"
    children = tuple(ChildSpec(Stage, name=name) for name in ("well", "pump", "tap"))


def main() -> None:
    with ActorSystem("demo") as system:
        print("start:")
        system.spawn(Pipeline, name="pipeline")
        well, pump, tap = system.select("/pipeline/*")

        print("the pump leaks:")
        pump.tell("leak")
        pump.ask("ready?")  # answered by the next incarnation; the tap was stopped before that one was started
        print(tap.ask("water"))
        print(f"the well did not notice, it is still incarnation {well.incarnation}")


if __name__ == "__main__":
    main()
