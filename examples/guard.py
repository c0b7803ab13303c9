"""What if an agent that works in a loop repeats itself, or comes to no end?"""

from actors import ActorSystem, Agent
from actors.guard import Block, Exhausted, LoopGuard, Quota, Usage
from policies import Stop

SCRIPTS = {
    "find the bug": ["read main.py", "run tests", "read main.py", "done"],
    "find the key": ["search key", "search key", "search key", "search lock", "done"],
    "find the point": ["think", "think more", "think again", "think still", "and so on", "and on"],
}


class Reasoner(Agent):
    """Asks a model what to do, does it, and so on; here a script stands for the model."""

    quota = Quota(iterations=5, tokens=1000)

    def on_receive(self, query: str) -> str:
        guard = LoopGuard(self.quota)  # a loop of its own for each query, so a guard of its own
        for call in SCRIPTS[query]:
            guard.enforce(guard.iteration())
            guard.enforce(guard.spend(Usage(input_tokens=100, output_tokens=20)))
            if call == "done":
                return f"done after {guard.iterations} turns and {guard.usage.total} tokens"
            tool, _, given = call.partition(" ")
            verdict = guard.enforce(guard.tool_call(tool, given))
            # What is blocked is told to the model instead of a result, and the loop goes on.
            print("  ", call, "->", verdict.reason if isinstance(verdict, Block) else "a result")
        return "done"


def main() -> None:
    with ActorSystem("demo", policy=Stop()) as system:
        reasoner = system.spawn(Reasoner, name="reasoner")
        for query in SCRIPTS:
            print(query)
            try:
                print("  ", reasoner.ask(query))
            except Exhausted as error:  # an outcome of its own: neither a result nor worth another try
                print("   exhausted:", error, f"({error.limit})")


if __name__ == "__main__":
    main()
