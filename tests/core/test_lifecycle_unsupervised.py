"""What if an agent that nobody supervises cannot start, or its start does not come back?"""

import pytest

from actors import Agent, AgentStoppedError
from actors._core.unsupervised import default_system
from actors.testkit import Gate
from tests.core.helpers import Boom, elsewhere


def test_a_constructor_that_outlives_the_default_system_raises_for_its_caller_and_holds_up_nothing() -> None:
    gate = Gate()

    class Slow(Agent):
        def __init__(self) -> None:
            gate.wait()

    starting = elsewhere(Slow.start)
    gate.reached()
    system = default_system()
    (path,) = (ref.path for ref in system.select("/*"))
    report = system.stop(timeout=0.05)
    gate.open()

    assert report.abandoned == (path,)
    with pytest.raises(AgentStoppedError, match="abandoned"):
        starting.get()
    assert system.orphans == []


def test_a_constructor_that_raises_leaves_no_agent_behind() -> None:
    class Broken(Agent):
        def __init__(self) -> None:
            raise Boom

    with pytest.raises(Boom):
        Broken.start()
    assert default_system().select("/*") == []
    default_system().stop()
