"""What if none of the policies says what a failure means to me?"""

from actors import ActorSystem, Agent, AgentStoppedError
from policies import Decision, Failure, History, Policy, Restart, Stop, policy_to_json, simulate


class RestartIfUseful(Policy):
    """Restart an agent that has done some work since its start; one that fails at once is stopped.

    A policy is a frozen value: all that it may look at is the failure and the history it is given.
    """

    at_least: int = 1
    restart: Restart = Restart(max_restarts=100, within=60.0)

    def decide(self, failure: Failure, history: History) -> Decision:
        useful = failure.handled >= self.at_least
        return (self.restart if useful else Stop()).decide(failure, history)


class Taster(Agent):
    """Tastes dishes."""

    def on_receive(self, message: str) -> str:
        if message == "chili":
            raise RuntimeError("hot, hot, hot")
        return f"incarnation {self.context.incarnation} likes {message}"


def main() -> None:
    policy = RestartIfUseful(at_least=2)
    print(policy)
    print(policy_to_json(policy))

    print("\nWithout a system:")
    for handled in (5, 2, 1):
        (decision,) = simulate(policy, [Failure("/taster", RuntimeError(), handled=handled)])
        print(f"  a failure after {handled} messages -> {decision.directive}")

    print("\nWith one:")
    with ActorSystem("demo", policy=policy) as system:
        taster = system.spawn(Taster, name="taster")
        for dish in ("bread", "soup", "chili", "rice", "chili", "cake"):
            try:
                print(" ", taster.ask(dish))
            except RuntimeError as error:
                print("  failed:", error)
            except AgentStoppedError as error:
                print("  ended:", error.cause)


if __name__ == "__main__":
    main()
