"""What does a worker do with a ticket, and how is it told things, answered and stopped meanwhile?"""

from collections.abc import Generator
from typing import Any

from actors import ActorSystem, AdditionalContext, Agent, ChildSpec, Decision
from actors.tickets import Ticket
from actors.work import Assignment, Blocked, Job, Worker
from policies import Restart


class Lead(Agent):
    def on_receive(self, message: Any) -> Decision:
        return Decision(granted=True, reason="keep both")


def analyse(job: Job) -> Generator[Any, Any, str]:
    """Each `yield` lets the worker handle its mail; a future that is yielded is waited for with no thread blocked."""
    text = yield job.tool("read", lambda path: f"the text of {path}", path="a.py")
    job.spend(1200, 300)  # tokens in and out
    if job.attempt == 1:
        raise ConnectionError("the model went away")
    decision = yield job.decide("two functions have one name: which stays?")
    notes = [note.content for note in job.received()]
    return f"{text}: {decision.reason}, {notes}, before: {job.previous_attempt}"


def nap(job: Job) -> None:
    job.sleep(3600).get()


def main() -> None:
    ticket = Ticket(id="T1", description="Analyse a.py")
    with ActorSystem("demo") as system:
        lead = system.spawn(Lead, name="lead")
        ann = system.spawn(ChildSpec(Worker, name="ann", args=(analyse,), policy=Restart(3)))
        ann.tell(AdditionalContext(content="a.py was renamed"))
        try:
            ann.ask(Assignment(ticket=ticket, conductor=lead))
        except ConnectionError as error:
            print(f"attempt 1 failed: {error}")

        # The policy has restarted her. What she was told for the first attempt, she hears in the second, too.
        end = ann.ask(Assignment(ticket=ticket, conductor=lead, attempt=2, previous_attempt="ConnectionError"))
        print(f"attempt 2: {end.text}; used {end.usage['Tier 3'].total} tokens")

        bob = system.spawn(Worker, lambda job: Blocked("no key for the server"), name="bob")
        print("bob is blocked:", bob.ask(Assignment(ticket=ticket)).reason)

        # Giving up reaches work at once, wherever it waits: here in an hour's sleep.
        eve = system.spawn(Worker, nap, name="eve")
        sleeping = eve.ask(Assignment(ticket=ticket), block=False)
        eve.cancel("not needed any more")
        print("eve was stopped:", sleeping.get(timeout=1).reason)


if __name__ == "__main__":
    main()
