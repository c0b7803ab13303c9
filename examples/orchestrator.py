"""How are agents registered by name, supervised by one policy, and spoken to through handles?"""

from actors import ActorSystem, AgentStoppedError
from actors.orchestrator import AlreadyRegisteredError, Orchestrator, SupervisorAction, SupervisorPolicy, UserMessage
from policies import Stop


class Throttled(Exception):
    """The model is busy: worth another try."""


class Editors(SupervisorPolicy):
    """What a failure means here, by its error; `name` is who failed."""

    def on_agent_error(self, name: str, error: BaseException) -> SupervisorAction:
        return SupervisorAction.RESTART if isinstance(error, Throttled) else SupervisorAction.ESCALATE


class Notes:
    """A factory gives something that handles requests; this one keeps what it is told."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def __call__(self, messages: tuple[UserMessage, ...]) -> str:
        for message in messages:
            if message.text == "busy":
                raise Throttled("try again")
            if message.text == "broken":
                raise ValueError("cannot go on")
            self.kept.append(message.text)
        return ", ".join(self.kept)


def main() -> None:
    with ActorSystem("demo") as system:
        desk = system.spawn(Orchestrator, policy=Editors(max_restarts=3), name="desk")
        desk.add_agent("writer", Notes, policy=Stop())
        desk.add_child("checker", "writer", Notes)
        try:
            desk.add_agent("checker", Notes)
        except AlreadyRegisteredError as error:
            print("refused:    ", error)
        writer, checker = desk.spawn("writer"), desk.spawn("checker")
        print("running:    ", writer.ref.path, checker.ref.path)
        print("it keeps:   ", writer.send_message("a line"), "/", checker.send_messages(["two", "more"]))
        for text in ("busy", "another line", "broken"):
            try:
                print("fresh state:", checker.send_message(text))
            except Exception as error:
                print(f"{text + ':':<12}", repr(error))
        try:
            checker.await_result()
        except AgentStoppedError as error:
            print("the end:    ", error, "/", checker.status)


if __name__ == "__main__":
    main()
