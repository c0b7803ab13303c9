"""How do several agents share the work, whoever of them fails, is added or leaves?"""

from actors import ActorSystem, Agent, ChildSpec, ConsistentHashing, NoRouteesError, RouteePool, ScatterGather
from policies import Restart


class Thumbnailer(Agent):
    """Makes thumbnails; what is no picture crashes it."""

    def on_receive(self, file: str) -> str:
        if not file.endswith(".png"):
            raise ValueError(f"{file} is no picture")
        return f"{file} by {self.context.name}"


class Thumbnailers(RouteePool):
    """A pool is declared; it needs no code of its own."""

    routee = ChildSpec(Thumbnailer, "w")
    size = 3
    policy = Restart()  # the one that fails; by default a failure escalates, and all are renewed with the pool


def main() -> None:
    with ActorSystem("demo") as system:
        pool = system.spawn(Thumbnailers, name="pool")
        print("in turn:     ", [pool.ask(f"{number}.png") for number in range(4)])
        try:
            pool.ask("notes.txt")
        except ValueError as error:
            print("w-2 fails:   ", error)
        print("and is back: ", [pool.ask(f"{number}.png") for number in range(4, 7)])

        pool.resize(5)
        print("five of them:", [ref.name for ref in pool.routees])
        pool.resize(2)  # the others finish what they have, and end
        print("two of them: ", [ref.name for ref in pool.routees])
        print("to each:     ", pool.broadcast("all.png"))
        pool.resize(0)
        try:
            pool.tell("8.png")
        except NoRouteesError as error:
            print("nobody:      ", error)

        by_user = system.spawn(Thumbnailers, pick=ConsistentHashing(key=lambda file: file[:3]), name="by-user")
        print("by key:      ", [by_user.ask(file) for file in ("ann.png", "bob.png", "ann-2.png", "bob-2.png")])

        fastest = system.spawn(Thumbnailers, pick=ScatterGather(within=5.0), name="fastest")
        print("whoever is first:", fastest.ask("9.png").partition(" by ")[0])


if __name__ == "__main__":
    main()
