"""How does an agent get only what it wants, and how does one learn who else is there?"""

from dataclasses import dataclass
from typing import Any

from actors import ActorSystem, Agent, MemberJoined, MemberLeft, Router


@dataclass(frozen=True)
class Built:
    project: str
    ok: bool = True


class Desk(Agent):
    """Keeps what it gets, and gives it to whoever asks."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def on_receive(self, message: Any) -> list[str]:
        if isinstance(message, Built):
            self.notes.append(message.project)
        elif isinstance(message, (MemberJoined, MemberLeft)):
            what = "has left" if isinstance(message, MemberLeft) else "is there"
            self.notes.append(f"{message.name} {what}")
        return self.notes


def main() -> None:
    with ActorSystem("demo") as system:
        router = Router.of(system)  # the system's own, /router
        porter, linux, builds, broken = (system.spawn(Desk, name=name) for name in ("porter", "linux", "builds", "red"))
        router.watch_members(porter, topic="builds.linux")

        router.join("linux", linux, topics=["builds.linux"])
        router.join("builds", builds, topics=["builds.**"])  # whatever comes after builds
        router.join("broken", broken)
        router.subscribe("broken", "builds.*", where=lambda built: not built.ok)

        print("linux:", router.broadcast(Built("kernel"), "builds.linux"))
        print("linux:", router.broadcast(Built("driver", ok=False), "builds.linux"))
        print("mac:  ", router.broadcast(Built("app"), "builds.mac.arm"))
        router.unsubscribe("builds", "builds.**")
        router.leave("linux")
        print("linux:", router.broadcast(Built("shell"), "builds.linux"))

        for member in router.members():
            print(f"{member.name} {member.topics}: {member.ref.ask('what is there?')}")
        print(f"porter: {porter.ask('who is there?')}")


if __name__ == "__main__":
    main()
