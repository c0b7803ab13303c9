"""What does an agent of a program do, and what does it say of itself?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors import Agent, ChildSpec, Mailbox, ReceiveTimeout, Reply, Supervisor
from actors.testkit.simulation.strands import Unwind
from tests.properties.accounts import Answer, Incarnation, Letter
from tests.properties.programs import ERRORS, MAILBOXES, POLICIES, Plan

if TYPE_CHECKING:
    from tests.properties.worlds import World

_FAILURES = tuple(ERRORS.values())
_INCARNATION = 2.0**-12  # seconds by which receive timeouts of one incarnation and the next differ


class Piped:
    """The result of an ask, as a message; `late` says that whoever it was for had ended when it came."""

    def __init__(self, late: bool) -> None:
        self.late = late


class Player(Agent):
    """Follows the script of each message, and tells the oracle about it. Has no last hooks."""

    def __init__(self, world: World, plan: Plan) -> None:
        self.world = world
        self.plan = plan
        self.policy = POLICIES[plan.rules]
        self.strategy = plan.strategy
        self.auto_shutdown = plan.auto_shutdown
        self.max_children = plan.max_children
        self.stash_capacity = plan.stash_capacity
        self.owes: list[tuple[Reply, Letter]] = []
        self.letter: Letter | None = None  # in hand
        self.stashed = False
        self.starting = True
        self.me = Incarnation(self.context)
        inside = world.enters(self, "__init__")
        try:
            self.break_if("init")
        finally:
            world.oracle.leaves(inside)

    def break_if(self, hook: str) -> None:
        """Fail, if the program says so; a few times, so that no tree fails for ever."""
        if (hook, self.me.incarnation) in self.plan.breaks and self.world.once_more(self.me.path, hook):
            raise ERRORS["oops"](f"{hook} of {self.me}")

    @property
    def is_waited_for(self) -> bool:
        """Whether others wait without limit until it goes on: then it is not to wait without limit itself."""
        return self.starting or self.plan.shutdown == "infinity"

    def on_start(self) -> None:
        world = self.world
        inside = world.enters(self, "on_start")
        try:
            world.knows(self)
            self.break_if("start")
            if world.once_more(self.me.path, "begins"):
                for act in self.plan.begins:
                    world.perform(act, self)
            if not self.plan.declared:
                for plan in self.plan.children:
                    world.perform(("spawn", plan), self)
            self.starting = False
        finally:
            world.oracle.leaves(inside)

    def on_receive(self, message: Any) -> Any:
        me = self.me
        oracle = self.world.oracle
        inside = self.world.enters(self, "handler")
        try:
            if isinstance(message, Letter):
                return self._play(message)
            if isinstance(message, ReceiveTimeout):
                oracle.result_arrived(me, (message.seconds % 0.25) != me.incarnation * _INCARNATION)
            elif isinstance(message, Piped):
                oracle.result_arrived(me, message.late)
            return None
        finally:
            oracle.leaves(inside)

    def behave(self, message: Any) -> Any:
        """Handle a message after `become`."""
        return Player.on_receive(self, message)

    def _play(self, letter: Letter) -> Answer:
        me = self.me
        oracle = self.world.oracle
        begun = oracle.began(letter, me, me.context.asked)
        self.letter = letter
        self.stashed = False
        try:
            for act in letter.script:
                self.world.perform(act, self)
        except Unwind:
            begun.end = "stashed" if self.stashed else None
            raise
        except BaseException as error:
            begun.end = "stashed" if self.stashed else "raised"
            if isinstance(error, _FAILURES) and not me.fenced:
                oracle.raised(me, error)
            raise
        begun.end = "stashed" if self.stashed else "done"
        return Answer(letter.number, me.path, me.incarnation, me.fenced)

    def idle_after(self, seconds: float) -> float:
        """Give a receive timeout of about so many seconds that no other incarnation has."""
        return seconds + self.me.incarnation * _INCARNATION


class Careful(Player):
    """A player with last hooks."""

    def on_stop(self) -> None:
        self._last("stop")

    def on_failure(self, *failure: Any) -> None:
        self._last("failure")

    def _last(self, hook: str) -> None:
        inside = self.world.enters(self, f"on_{hook}")
        try:
            self.break_if(hook)
        finally:
            self.world.oracle.leaves(inside)


class Boss(Careful, Supervisor):
    """A player with children that it declares."""

    def __init__(self, world: World, plan: Plan) -> None:
        self.children = [spec_of(child, world) for child in plan.children] if plan.declared else []
        super().__init__(world, plan)


_KINDS: dict[str, type[Player]] = {"leaf": Player, "careful": Careful, "boss": Boss}


def spec_of(plan: Plan, world: World) -> ChildSpec[Any]:
    """Give the spec of an agent of a program."""
    mailbox: Mailbox | None = MAILBOXES[plan.mailbox]
    return ChildSpec(
        _KINDS[plan.kind],
        plan.name,
        args=(world, plan),
        restart=plan.restart,
        shutdown=plan.shutdown,
        significant=plan.significant,
        policy=None if plan.policy is None else POLICIES[plan.policy],
        mailbox=mailbox,
        dispatcher=plan.dispatcher,
        deadline=plan.deadline,
        keep_children=plan.keep_children,
    )
