"""Is a tree that is not as drawn found out, and one that is left in peace?"""

from collections.abc import Iterator
from typing import Any

import pytest

from actors import ActorSystem, Agent, AgentRef, AgentRestarted, ChildSpec, Supervisor
from actors.testkit import Events, VirtualClock, assert_tree


class Worker(Agent):
    """Fails with what it is sent if that is an error."""

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        return message


class Crew(Supervisor):
    """Three workers on two levels."""

    children = (
        ChildSpec(Worker, name="a"),
        ChildSpec(Supervisor, name="night", kwargs={"children": (ChildSpec(Worker, name="c"),)}),
        ChildSpec(Worker, name="b"),
    )


@pytest.fixture
def system() -> Iterator[ActorSystem]:
    with ActorSystem("test", clock=VirtualClock()) as system:
        yield system


@pytest.fixture
def crew(system: ActorSystem) -> AgentRef[Crew]:
    return system.spawn(Crew, name="crew")


def test_a_tree_is_as_printed(system: ActorSystem, crew: AgentRef[Crew]) -> None:
    assert_tree(system, str(system.tree()))
    assert_tree(system.tree(), str(system.tree()))


def test_a_drawing_is_indented_as_it_likes(system: ActorSystem, crew: AgentRef[Crew]) -> None:
    assert_tree(
        system,
        """
        test: 5 agents
        └─ ○ crew Crew idle #1
           ├─ ○ a Worker idle #1
           ├─ ○ night Supervisor idle #1
           │  └─ ○ c Worker idle #1
           └─ ○ b Worker idle #1
        """,
    )
    assert_tree(
        system,
        """test: 5 agents
           └─ ○ crew Crew idle #1
              ├─ ○ a Worker idle #1

              ├─ ○ night Supervisor idle #1
              │  └─ ○ c Worker idle #1
              └─ ○ b Worker idle #1""",
    )


def test_the_count_of_agents_may_be_left_out(system: ActorSystem) -> None:
    assert_tree(system, "")
    assert_tree(system, "test: 0 agents")
    system.spawn(Worker, name="a")
    assert_tree(system, "└─ ○ a Worker idle #1")


def test_a_drawing_of_a_ref_is_of_that_agent_and_those_below(crew: AgentRef[Crew]) -> None:
    assert_tree(
        crew,
        """
        ○ crew Crew idle #1
        ├─ ○ a Worker idle #1
        ├─ ○ night Supervisor idle #1
        │  └─ ○ c Worker idle #1
        └─ ○ b Worker idle #1
        """,
    )


def test_a_difference_is_shown_as_one(system: ActorSystem) -> None:
    for name in ("a", "b"):
        system.spawn(Worker, name=name)
    with pytest.raises(AssertionError) as caught:
        assert_tree(
            system,
            """
            test: 2 agents
            ├─ ○ a ...
            └─ ○ c Worker idle #1
            """,
        )
    assert str(caught.value).splitlines() == [
        "the tree is not as drawn:",
        "--- drawn",
        "+++ now",
        "@@ -1,3 +1,3 @@",
        " test: 2 agents",
        " ├─ ○ a ...",
        "-└─ ○ c Worker idle #1",
        "+└─ ○ b Worker idle #1",
    ]


@pytest.mark.parametrize(
    "drawn",
    [
        "test: 2 agents",
        "other: 1 agent\n└─ ○ a Worker idle #1",
        "└─ ○ a Worker idle #2",
        "└─ ○ ... #1\n└─ ○ ... #1",
        "",
        "└─ ○ a Worker\nidle #1",
        "└─ ○ ...Worker",
    ],
)
def test_a_tree_that_is_not_so_is_an_assertion_error(system: ActorSystem, drawn: str) -> None:
    system.spawn(Worker, name="a")
    with pytest.raises(AssertionError, match="not as drawn"):
        assert_tree(system, drawn)


def test_dots_stand_for_any_text_in_a_line(system: ActorSystem) -> None:
    events = Events(system)
    worker = system.spawn(Worker, name="a")
    worker.tell(ValueError("a long story (with signs)"))
    events.expect(AgentRestarted)
    worker.ask("barrier")
    assert_tree(system, "└─ ○ a ... #2 restarts=1 ... last failure: ValueError: ... story (...)")
    assert_tree(system, "...: 1 agent\n└─ ... #2 ...")


def test_lines_with_dots_are_each_for_the_line_in_their_place(system: ActorSystem) -> None:
    for name in ("a", "b"):
        system.spawn(Worker, name=name)
    assert_tree(system, "├─ ... #1\n└─ ... #1")
    assert_tree(system, "├─ ○ ... idle #1\n└─ ○ b Worker idle #1")
    with pytest.raises(AssertionError, match="not as drawn"):
        assert_tree(system, "└─ ... #1\n├─ ... #1")


class Drawing(Agent):
    """Looks at the tree two seconds into its own work."""

    def __init__(self, clock: VirtualClock, drawn: str) -> None:
        self.clock = clock
        self.drawn = drawn

    def on_receive(self, message: Any) -> None:
        self.clock.advance(2.0)
        assert " for 2.0 s" in str(self.context.system.tree())
        assert_tree(self.context.system, self.drawn)


def test_how_long_a_message_has_been_handled_and_where_it_lies_are_left_out() -> None:
    clock = VirtualClock()
    with ActorSystem("test", clock=clock) as system:
        drawn = "└─ ● a Drawing busy #1 in <object object at 0x1234> for 12.3 s"
        system.spawn(Drawing, clock, drawn, name="a").ask(object())


def test_an_agent_that_is_gone_is_not_drawn(system: ActorSystem) -> None:
    worker = system.spawn(Worker, name="a")
    worker.stop()
    with pytest.raises(AssertionError, match="there is no agent /a any more"):
        assert_tree(worker, "○ a Worker idle #1")
    system.spawn(Worker, name="a")
    with pytest.raises(AssertionError, match="there is no agent /a any more"):
        assert_tree(worker, "○ a Worker idle #1")


def test_what_is_no_tree_and_what_is_no_drawing_are_refused(system: ActorSystem) -> None:
    what: Any = "/a"
    with pytest.raises(ValueError, match="what: an ActorSystem, an AgentRef or a Tree, not '/a'"):
        assert_tree(what, "")
    drawn: Any = None
    with pytest.raises(ValueError, match="drawn: a str, not None"):
        assert_tree(system, drawn)
