"""What can be learned of a run that is over, from its log alone?"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from loguru import logger

from actors import ActorSystem, Agent, ChildSpec, Supervisor
from actors.eventlog import Fold, Record, SqliteLog, fold, open_log, record
from policies import Restart


class Parser(Agent):
    def on_receive(self, message: Any) -> int:
        return int(message)


def run(path: Path) -> None:
    """Work, and write down what happens; the log is opened first, so that it also has the end."""
    parsers = [ChildSpec(Parser, name) for name in ("left", "right")]
    crew = ChildSpec(Supervisor, "crew", kwargs={"children": parsers, "policy": Restart(max_restarts=5, within=60.0)})
    with SqliteLog(path) as log, ActorSystem("reader") as system:
        record(system, log)
        system.spawn(crew)
        left = system.find("/crew/left")
        assert left is not None
        for text in ("1", "two", "3", "four"):
            left.tell(text)
        left.ask("5")


def main() -> None:
    logger.remove()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "run.db"
        run(path)
        with open_log(path) as reader:
            records = reader.read(count=1000).records
    print("After the run:", fold(records))
    print("\nBefore anybody was told to stop:", fold(before("agent_stopping", records)))
    print("\nWhen it had crashed for the first time:", fold(before("agent_restarting", records)))
    print("\nThe life of /crew/left, state by state:")
    growing, states = Fold(), list[str]()
    for each in records:
        growing.add(each)
        agent = growing.tree(ended=True).find("/crew/left")
        state = "" if agent is None else f"{agent.state} #{agent.incarnation}"
        if state and state not in states[-1:]:
            states.append(state)
    print(", ".join(states))


def before(kind: str, records: tuple[Record, ...]) -> list[Record]:
    """Those before the first of a kind."""
    return list(records[: [each.event_type for each in records].index(kind)])


if __name__ == "__main__":
    main()
