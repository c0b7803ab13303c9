"""How does an agent learn that another has ended?"""

from typing import Any

from actors import ActorSystem, Agent, AgentRef, Terminated
from policies import Restart


class Pilot(Agent):
    """Steers until told otherwise."""

    def on_receive(self, message: str) -> str:
        if message == "storm":
            raise RuntimeError("off course")
        if message == "land":
            self.stop()
        return f"{message}, says incarnation {self.context.incarnation}"


class Tower(Agent):
    """Watches pilots. A restart is not an end: the watch stays, and nothing is delivered."""

    def on_start(self) -> None:
        self.log: list[str] = []

    def on_receive(self, message: Any) -> list[str]:
        match message:
            case AgentRef():
                self.context.watch(message)
            case Terminated(ref, reason, error):
                self.log.append(f"{ref.name}: {reason}{f', {error}' if error else ''}")
        return self.log


def main() -> None:
    with ActorSystem("demo", policy=Restart(max_restarts=1, within=60.0)) as system:
        tower = system.spawn(Tower, name="tower")
        pilots = [system.spawn(Pilot, name=name) for name in ("amelia", "charles")]
        for pilot in pilots:
            tower.ask(pilot)
        amelia, charles = pilots

        amelia.tell("storm")  # restarted: no news for the tower
        print(amelia.ask("steady"))
        print(tower.ask("log"))

        print(amelia.ask("land"))  # ends itself
        amelia.stop()  # ended already, or about to: returns once it has
        charles.stop()  # ended by us
        for line in tower.ask("log"):
            print(line)


if __name__ == "__main__":
    main()
