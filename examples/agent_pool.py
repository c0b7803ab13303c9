"""How do agents do one piece of work each, two at a time, and what becomes of one that fails, or has others help?"""

from collections.abc import Generator

from loguru import logger

from actors import ActorSystem
from actors.agentpool import AgentPool, PoolAgent, PoolFullError, SpawnConfig, current_seat, spawn_agent


class Reader(PoolAgent):
    """Waits for what it is told to read, while its mailbox goes on."""

    def on_start(self) -> None:
        self.pages: list[str] = []

    def run(self, query: str) -> Generator[None, None, str]:
        while len(self.pages) < 2:
            yield
        return f"{query}: {' and '.join(self.pages)}"

    def on_receive(self, page: str) -> None:
        self.pages.append(page)


def count(text: str) -> int:
    return len(text.split())


def divide(text: str) -> int:
    ask_another = current_seat().tools[0]
    return sum(ask_another(query=part, name="part") for part in text.split(". "))


def lose(text: str) -> None:
    raise LookupError(f"no {text}")


def main() -> None:
    logger.remove()  # why an agent fails is in its result
    with ActorSystem("desk") as system:
        pool = system.spawn(AgentPool, max_agents=2, tool_builder=spawn_agent(count), max_depth=1, name="pool")
        reader, _ = pool.fan_out([SpawnConfig(Reader, "the report"), SpawnConfig(Reader, "a letter", name="second")])
        try:
            pool.spawn(SpawnConfig(count, "one too many"))
        except PoolFullError as full:
            print(full)
        pool.send(reader, "page 1")
        pool.send(reader, "page 2")
        print(pool.join(reader).get())
        pool.abort_all()
        print({result.name: result.status.value for result in pool.join_all().results.values()})
        for id in pool.fan_out([SpawnConfig(divide, "It was late. Nobody came."), SpawnConfig(lose, "key")]):
            result = pool.join(id)
            print(result.id, result.status.value, result.value, repr(result.error))


if __name__ == "__main__":
    main()
