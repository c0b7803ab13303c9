"""How do agents work with a language model, which is limited, fails at times and has tools called?"""

from actors import ActorSystem
from actors.agentpool import AgentPool, SpawnConfig, StreamEvent
from actors.guard import Exhausted, Manifest, Quota
from actors.memory import LocalMemory
from actors.models import LoopResult, ModelAgent, Overloaded, Retrying, ScriptedDriver, ToolResult, calls

STOCK = {"apples": 12, "pears": 0}


def in_stock(fruit: str) -> int:
    """How many of a fruit are there?"""
    return STOCK[fruit]


# A model that says what a script says. Of a real one: OpenAIDriver("a-model", base_url="http://localhost:8000/v1").
script = ScriptedDriver(
    [
        Overloaded("the server is busy"),
        calls(("in_stock", {"fruit": "apples"}), ("in_stock", {"fruit": "figs"})),
        "There are 12 apples; of figs I do not know.",
    ]
)


def main() -> None:
    said: list[StreamEvent] = []
    with ActorSystem("demo") as system:
        pool = system.spawn(AgentPool, max_agents=2, memory=LocalMemory(), on_stream=said.append, name="pool")
        busy = Retrying(script, delays=(0.01,))
        question = pool.spawn(SpawnConfig(ModelAgent, "What is in stock?", args=(busy, [in_stock])))
        answer: LoopResult = pool.join(question).get()
        print(f"{answer.text} ({answer.iterations} turns, {answer.tool_calls} calls, {answer.usage.total} tokens)")

        # One that never comes to an end: its quota ends it, which is no answer.
        again = ScriptedDriver([calls(("in_stock", {"fruit": fruit})) for fruit in STOCK], repeat=True)
        manifest = Manifest(name="curious", quota=Quota(iterations=3))
        curious = SpawnConfig(ModelAgent, "And now?", args=(again, [in_stock], manifest))
        result = pool.join(pool.spawn(curious))
        assert isinstance(result.error, Exhausted)
        print(f"{result.status}: {result.error}, {result.usage.total} tokens were used")
    for each in said:
        if isinstance(each.event, ToolResult):
            print(f"  {each.path} called {each.event.name}: {each.event.text}")


if __name__ == "__main__":
    main()
