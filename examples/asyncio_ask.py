"""How do I ask agents from asyncio, without blocking the loop?"""

import asyncio
import time

from actors import ActorSystem, Agent, AskTimeout


class Archive(Agent):
    """Looks things up, and blocks its thread while it does: that is allowed."""

    def on_receive(self, message: str) -> str:
        time.sleep(0.3)
        return message.upper()


async def tick(ticks: list[float]) -> None:
    while True:
        ticks.append(time.monotonic())
        await asyncio.sleep(0.05)


async def main() -> None:
    with ActorSystem("demo") as system:
        archives = [system.spawn(Archive, name=f"archive-{number}") for number in range(20)]
        ticks: list[float] = []
        ticking = asyncio.create_task(tick(ticks))

        began = time.monotonic()
        answers = await asyncio.gather(*(ref.ask(f"file {ref.name[8:]}", block=False) for ref in archives))
        took = time.monotonic() - began
        print(f"{len(answers)} answers, the last is {answers[-1]}")
        print(f"one after the other, 20 lookups of 0.3 s take 6 s; together: {'less than 2 s' if took < 2 else took}")
        print("the loop went on meanwhile:", len(ticks) > 3)

        try:
            await archives[0].ask("in a hurry", block=False, timeout=0.1)
        except AskTimeout as error:
            print(error)
        ticking.cancel()


if __name__ == "__main__":
    asyncio.run(main())
