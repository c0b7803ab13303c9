"""Is a model asked again when that is worth it, when it is time, and never without end?"""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from actors import ActorSystem, Agent, Cancelled
from actors.models import (
    Answer,
    AuthFailed,
    ContentComplete,
    ContextOverflow,
    InferenceFailed,
    ModelDriver,
    ModelNotFound,
    NetworkError,
    Overloaded,
    RateLimited,
    Retrying,
    ScriptedDriver,
    StreamRestarted,
    TextDelta,
    ask,
    gathered,
)
from actors.testkit import Simulation
from actors.work import CancelToken
from tests.models.server import message, refused, whole

DOWN = Overloaded("down")


class Asks(Agent):
    """Asks its driver, and tells when the answer, or the error, came."""

    def __init__(self, driver: ModelDriver, streams: bool = False) -> None:
        self._driver = driver
        self._streams = streams

    def on_receive(self, message: Any) -> tuple[Any, float]:
        request = ask("?")
        try:
            answer = gathered(self._driver.stream(request)) if self._streams else self._driver.complete(request)
            said: Any = answer.text
        except Exception as error:
            said = error
        return said, self.context.system.clock.now()


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def asked(
    request: pytest.FixtureRequest, system: ActorSystem, spec: Callable[..., Any], clock: Any
) -> Callable[..., tuple[Any, float]]:
    """Has an agent ask a driver, in virtual time; gives what came, and when."""

    def have(driver: ModelDriver, until: float = 1000.0) -> tuple[Any, float]:
        answer = system.spawn(spec(Asks, "asks", args=(driver, request.param))).ask("?", block=False)
        clock.advance(until, settle=True)
        found: tuple[Any, float] = answer.get()
        return found

    return have


def test_four_attempts_after_one_two_and_four_seconds(asked: Any) -> None:
    driver = ScriptedDriver([DOWN, NetworkError("broken"), RateLimited("later"), "there"])
    assert asked(Retrying(driver)) == ("there", 7.0)
    assert len(driver.requests) == 4


def test_the_fourth_failure_is_raised_as_it_is(asked: Any) -> None:
    errors = [Overloaded(str(number)) for number in range(5)]
    driver = ScriptedDriver(errors)
    error, at = asked(Retrying(driver))
    assert error is errors[3]
    assert at == 7.0
    assert len(driver.requests) == 4


@pytest.mark.parametrize("kind", [ModelNotFound, InferenceFailed, ContextOverflow, AuthFailed])
def test_what_is_not_worth_it_fails_at_once(asked: Any, kind: Any) -> None:
    driver = ScriptedDriver([kind("no"), "never"])
    error, at = asked(Retrying(driver))
    assert type(error) is kind
    assert (at, len(driver.requests)) == (0.0, 1)


def test_an_error_of_no_model_is_none_to_retry(asked: Any) -> None:
    error, at = asked(Retrying(ScriptedDriver([ZeroDivisionError(), "never"])))
    assert type(error) is ZeroDivisionError
    assert at == 0.0


def test_the_server_says_how_long_to_wait(asked: Any) -> None:
    driver = ScriptedDriver([RateLimited("later", retry_after=30.0), RateLimited("later", retry_after=0.5), "there"])
    assert asked(Retrying(driver)) == ("there", 32.0)  # 30, and then the 2 that are more than 0.5


def test_what_would_take_too_long_is_not_waited_for(asked: Any) -> None:
    driver = ScriptedDriver([DOWN, RateLimited("tomorrow", retry_after=86_400.0), "never"])
    error, at = asked(Retrying(driver, longest=60.0))
    assert str(error) == "tomorrow"
    assert at == 1.0


def test_attempts_end_by_time_where_there_are_many(asked: Any) -> None:
    driver = ScriptedDriver([DOWN], repeat=True)
    error, at = asked(Retrying(driver, attempts=1000, delays=(10.0,), longest=95.0))
    assert error is DOWN
    assert (at, len(driver.requests)) == (90.0, 10)


def test_the_last_delay_holds_for_all_that_follow(asked: Any) -> None:
    driver = ScriptedDriver([DOWN, DOWN, DOWN, "there"])
    assert asked(Retrying(driver, delays=(1.0, 3.0))) == ("there", 7.0)


def test_a_stream_that_breaks_begins_anew_and_says_so() -> None:
    script = [DOWN, Answer(("on", "ce"), error=NetworkError("broken")), Answer(("tw", "ice"))]
    events = list(Retrying(ScriptedDriver(script), delays=(0.0,)).stream(ask("?")))
    said = [event for event in events if not isinstance(event, ContentComplete)]
    pieces = ["on", "ce", StreamRestarted("broken"), "tw", "ice"]
    assert said == [TextDelta(piece) if isinstance(piece, str) else piece for piece in pieces]
    assert [event.completion.text for event in events if isinstance(event, ContentComplete)] == ["twice"]


class HeldBy:
    """A caller whose token gives up for it."""

    def __init__(self, token: CancelToken) -> None:
        self._token = token

    def check(self) -> None:
        self._token.check()

    def wait(self, future: Any) -> None:
        self._token.hold(future).get()


class AsksForToken(Agent):
    def __init__(self, driver: ModelDriver, token: CancelToken) -> None:
        self._driver = driver
        self._token = token

    def on_receive(self, message: Any) -> tuple[str, float]:
        try:
            self._driver.complete(ask("?", caller=HeldBy(self._token)))
        except Cancelled as error:
            return str(error), self.context.system.clock.now()
        raise AssertionError("it was to be cancelled")


def test_a_wait_ends_at_once_when_the_caller_gives_up(
    system: ActorSystem, spec: Callable[..., Any], clock: Any
) -> None:
    token = CancelToken()
    driver = ScriptedDriver([RateLimited("later", retry_after=100.0), "never"])
    agent = system.spawn(spec(AsksForToken, "asks", args=(Retrying(driver), token)))
    answer = agent.ask("?", block=False)
    clock.advance(50.0, settle=True)
    token.cancel("enough")
    assert answer.get() == ("given up: enough", 50.0)
    assert len(driver.requests) == 1


def test_an_agent_that_is_to_end_asks_no_more(system: ActorSystem, spec: Callable[..., Any], clock: Any) -> None:
    driver = ScriptedDriver([DOWN, "never"])
    agent = system.spawn(spec(Asks, "asks", args=(Retrying(driver),)))
    agent.tell("?")
    clock.advance(0.5, settle=True)
    agent.stop(drain=False, block=False)
    clock.advance(2.0, settle=True)
    agent.stop()
    assert len(driver.requests) == 1


def test_outside_an_agent_the_machine_tells_the_time() -> None:
    driver = ScriptedDriver([DOWN, DOWN, "there"])
    assert Retrying(driver, delays=(0.01, 0.0)).complete(ask("?")).text == "there"


def test_outside_the_agents_of_a_simulation_its_time_holds() -> None:
    with Simulation(seed=1) as system:
        assert Retrying(ScriptedDriver([DOWN, DOWN, "there"])).complete(ask("?")).text == "there"
        assert system.clock.now() == 3.0


def test_a_wait_outside_an_agent_ends_at_once_too_when_the_caller_gives_up() -> None:
    token = CancelToken()
    driver = ScriptedDriver([RateLimited("later", retry_after=60.0), "never"])
    threading.Timer(0.02, token.cancel, ("enough",)).start()
    with pytest.raises(Cancelled, match="enough"):
        Retrying(driver).complete(ask("?", caller=HeldBy(token)))
    assert len(driver.requests) == 1


def test_a_rate_limited_server_is_asked_again_over_http(asking: Any) -> None:
    answers = (refused(429, retry_after="0.05"), refused(503), whole(message("there")))
    driver, server = asking(*answers)
    assert Retrying(driver, delays=(0.0,)).complete(ask("?")).text == "there"
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"attempts": 0}, "attempts"),
        ({"attempts": True}, "attempts"),
        ({"delays": ()}, "delays"),
        ({"delays": (-1.0,)}, "delays"),
        ({"longest": -1.0}, "longest"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Retrying(ScriptedDriver([]), **options)


def test_it_says_what_it_is() -> None:
    assert repr(Retrying(ScriptedDriver([]))) == "<Retrying <ScriptedDriver scripted, asked 0 times>, 4 attempts>"
