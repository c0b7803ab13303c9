"""How do three agents work through a small track of tickets, and what is known when they have?"""

from actors import ActorSystem, Priority
from actors.conductor import Conductor, TrackResult
from actors.eventlog import MemoryLog, record
from actors.tickets import Ticket, Track
from actors.work import Blocked, Job

TRACK = Track(
    id="release",
    tickets=(
        Ticket(id="code", description="Write the feature", priority=Priority.HIGH),
        Ticket(id="docs", description="Describe the feature"),
        Ticket(id="sign", description="Sign the package"),
        Ticket(id="test", description="Test the feature", depends_on=("code",)),
        Ticket(id="ship", description="Publish it", depends_on=("test", "sign")),
    ),
    models=("small", "large"),  # of the first attempt, and of all further ones
)


class Flaky(Exception):
    """A test that fails now and then: worth another try."""

    retryable = True


def work(job: Job) -> str | Blocked:
    """What each of the three does with a ticket; plain Python."""
    job.spend(input_tokens=100, output_tokens=50)
    if job.ticket.id == "sign":
        return Blocked("the key is in the safe")
    if job.ticket.id == "test" and job.attempt == 1:
        raise Flaky("a timing")
    return f"{job.prompt}: done with the {job.model} model"


def show(result: TrackResult) -> None:
    print(result)
    for ticket, why in result.reasons.items():
        print(f"  {ticket}: {why}")


def main() -> None:
    with ActorSystem("crew") as system, MemoryLog() as log:
        record(system, log)
        conductor = system.spawn(Conductor, TRACK, work, max_workers=3, name="conductor")
        show(conductor.run())
        conductor.complete("sign")  # somebody has signed it by hand
        result = conductor.run()
        show(result)
        print("used:", result.usage["Tier 3"])
        log.flush()
        for each in log.read(count=1000).records:
            if each.task_id == "test" and each.event_type.startswith(("mission_work", "task_failed")):
                print(f"  test: {each.event_type} {each.new_state or each.message}")


if __name__ == "__main__":
    main()
