"""What if an agent does not crash, but hangs?"""

import threading

from actors import ActorSystem, Agent, ChildSpec, HandlerTimeout


class Reader(Agent):
    """Reads pages; one of them never arrives."""

    def on_receive(self, message: str) -> str:
        if message == "page 13":
            threading.Event().wait()  # for ever; no program can end a thread that does not end itself
        return f"{message}, read by incarnation {self.context.incarnation}"


def main() -> None:
    with ActorSystem("demo") as system:
        reader = system.spawn(ChildSpec(Reader, name="reader", deadline=0.3))  # seconds for each message
        print(reader.ask("page 12"))
        try:
            reader.ask("page 13")
        except HandlerTimeout as error:
            print(error)

        # The thread is left behind. What hangs in it can no longer send, reply or spawn; a new incarnation goes on.
        print(reader.ask("page 14"))
        (orphan,) = system.orphans
        print(f"left behind: {orphan.path} #{orphan.incarnation} in {orphan.message}")
        print("it hangs at:", next(line.strip() for line in orphan.stack.splitlines() if "Event()" in line))


if __name__ == "__main__":
    main()
