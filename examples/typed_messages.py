"""What if only some messages make sense to an agent, and each question has to be answered?"""

from typing import Any

from pydantic import BaseModel

from actors import Accepting, ActorSystem, Answered, Asking, Decision, Enveloped, InvalidMessageError
from actors.typed import Questions, TimedOut, decode


class Deploy(BaseModel, Asking[Decision], frozen=True):  # answered with a Decision: type checkers know it, too
    version: int


class Chief(Enveloped, Accepting[Deploy]):
    def on_receive(self, message: Deploy) -> Decision:
        if message.version == 13:
            self.context.defer()  # to be answered later, and never is
        if message.version % 2 == 0:
            return Decision(granted=True)
        # Who sent it is on its envelope, set by the framework: nobody sends in the name of another.
        sender = self.envelope and self.envelope.sender
        return Decision(granted=False, reason=f"odd versions are for tests, {sender.path if sender else 'stranger'}")


class Worker(Accepting[Deploy]):
    def on_start(self) -> None:
        self.chief = self.context.spawn(Chief, name="chief")
        self.questions = Questions(self.context)

    def on_receive(self, message: Deploy | Answered[Decision] | TimedOut) -> None:
        match message:
            case Deploy():
                self.questions.ask(self.chief, message, timeout=0.2)  # and goes on at once
            case Answered(question=question, answer=decision):
                print(f"{question.version}: {'granted' if decision.granted else f'refused, {decision.reason}'}")
            case TimedOut(question=question, error=error):
                print(f"{question.version}: {error}")
                self.stop()


def main() -> None:
    wrong: list[Any] = ["deploy", {"version": "two"}]  # were they not Any, a type checker would refuse them
    with ActorSystem("demo") as system:
        worker = system.spawn(Worker, name="worker")
        for message in wrong:
            try:
                worker.tell(message)
            except InvalidMessageError as error:
                print(error)
        worker.tell(Deploy(version=2))
        worker.tell(decode(Worker, '{"version": 3}'))
        worker.tell(Deploy(version=13))
        worker.actor_stopped.wait()


if __name__ == "__main__":
    main()
