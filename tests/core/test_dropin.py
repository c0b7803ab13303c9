"""Does an agent that nobody supervises live as a Pykka actor does? Promise 29."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pykka
import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentRestarted,
    AskTimeout,
    default_system,
    stop_all,
)
from actors.testkit import Gate
from policies import Restart
from tests.core.helpers import PATIENCE, EventLog, Trace, answer


class Plain(Agent):
    """Written as for Pykka: nothing in it knows of systems."""

    def __init__(self, trace: Trace | None = None) -> None:
        super().__init__()
        self.trace = trace or Trace()
        self.count = 0

    def on_start(self) -> None:
        self.trace.note("on_start")

    def on_stop(self) -> None:
        self.trace.note("on_stop")

    def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        self.trace.note(("on_failure", exception_type, exception_value, traceback is not None))

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        self.trace.note(message)
        return message

    def add(self, number: int) -> int:
        self.count += number
        return self.count


class Daemon(Plain):
    use_daemon_thread = True


@pytest.fixture(autouse=True)
def unsupervised() -> Iterator[ActorSystem]:
    """The default system, which is ended after the test with its threads."""
    yield default_system()
    default_system().stop(timeout=PATIENCE)
    assert pykka.ActorRegistry.get_all() == []


# -- promise 29 --------------------------------------------------------------------------------------------------------


def test_an_agent_and_its_ref_are_pykkas() -> None:
    ref = Plain.start()
    assert issubclass(Plain, pykka.Actor)
    assert isinstance(ref, pykka.ActorRef)
    assert isinstance(ref.proxy(), pykka.ActorProxy)
    assert isinstance(ref.ask("a", block=False), pykka.Future)
    assert uuid.UUID(ref.actor_urn).version == 4
    assert str(ref) == f"Plain ({ref.actor_urn})"


def test_the_hooks_run_in_pykkas_order(trace: Trace) -> None:
    ref = Plain.start(trace)
    ref.tell("first")
    assert ref.ask("second") == "second"
    assert ref.stop() is True
    assert trace.notes == ["on_start", "first", "second", "on_stop"]
    assert ref.stop() is False
    assert not ref.is_alive()


def test_messages_before_a_stop_are_handled_and_asks_behind_it_are_answered_with_an_error() -> None:
    gate, seen = Gate(), Trace()

    class Busy(Plain):
        def on_receive(self, message: Any) -> Any:
            if message == "wait":
                gate.wait()
            return super().on_receive(message)

    ref = Busy.start(seen)
    ref.tell("wait")
    gate.reached()
    ref.tell("before")
    stopped = ref.stop(block=False)
    behind = ref.ask("behind", block=False)
    gate.open()
    assert stopped.get(timeout=PATIENCE) is True
    with pytest.raises(pykka.ActorDeadError, match="stopped before handling the message"):
        behind.get(timeout=PATIENCE)
    assert seen.notes == ["on_start", "wait", "before", "on_stop"]


def test_an_error_that_was_replied_leaves_the_agent_alive(trace: Trace) -> None:
    ref = Plain.start(trace)
    with pytest.raises(KeyError):
        ref.ask(KeyError("no such thing"))
    with pytest.raises(KeyError):
        answer(ref, KeyError("no such thing"))
    assert ref.ask("still here") == "still here"
    assert trace.notes == ["on_start", "still here"]


def test_an_error_that_nobody_got_stops_the_agent_after_on_failure(trace: Trace) -> None:
    ref = Plain.start(trace)
    error = KeyError("no such thing")
    ref.tell(error)
    ref.actor_stopped.wait(PATIENCE)
    ref.stop()
    assert trace.notes == ["on_start", ("on_failure", KeyError, error, True)]
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("anybody there?")
    with pytest.raises(pykka.ActorDeadError):
        ref.tell("anybody there?")


def test_an_error_behind_an_ask_that_was_given_up_was_replied_to_nobody_and_stops_the_agent() -> None:
    gate = Gate()

    class Late(Agent):
        def on_receive(self, message: Any) -> None:
            gate.wait()
            raise KeyError(message)

    ref = Late.start()
    with pytest.raises(AskTimeout):
        ref.ask("slow", timeout=0.05)
    gate.open()
    assert ref.actor_stopped.wait(PATIENCE)


def test_start_raises_what_init_raises_and_registers_nothing() -> None:
    class Broken(Agent):
        def __init__(self, number: int) -> None:
            raise LookupError(number)

    with pytest.raises(LookupError, match="3"):
        Broken.start(3)
    assert pykka.ActorRegistry.get_all() == []


def test_pykkas_registry_knows_an_unsupervised_agent_until_it_ends() -> None:
    first, second = Plain.start(), Daemon.start()
    registry = pykka.ActorRegistry
    assert registry.get_all() == [first, second]
    assert registry.get_by_class(Plain) == [first, second]
    assert registry.get_by_class_name("Daemon") == [second]
    assert registry.get_by_urn(first.actor_urn) is first
    first.stop()
    assert registry.get_all() == [second]


def test_pykkas_registry_does_not_know_a_supervised_agent(system: ActorSystem) -> None:
    system.spawn(Plain)
    default_system().spawn(Plain)
    assert pykka.ActorRegistry.get_all() == []


def test_pykkas_broadcast_reaches_every_unsupervised_agent(trace: Trace) -> None:
    Plain.start(trace)
    Daemon.start(trace)
    pykka.ActorRegistry.broadcast("news")
    trace.wait_for("news", times=2)


def test_pykkas_stop_all_stops_the_last_one_first() -> None:
    order = Trace()

    class Noted(Agent):
        def __init__(self, name: str) -> None:
            self.name = name

        def on_stop(self) -> None:
            order.note(self.name)

    for name in ("a", "b", "c"):
        Noted.start(name)
    assert pykka.ActorRegistry.stop_all() == [True, True, True]
    assert order.notes == ["c", "b", "a"]


def test_an_unsupervised_agent_may_have_supervised_children(unsupervised: ActorSystem) -> None:
    log = EventLog(unsupervised)

    class Parent(Agent):
        policy = Restart()

        def on_start(self) -> None:
            self.child = self.context.spawn(Plain, name="child")

    parent = Parent.start()
    child = parent.proxy().child.get(timeout=PATIENCE)
    child.tell(OSError())
    log.wait(AgentRestarted)
    assert child.ask("again") == "again"
    assert parent.stop()
    assert not child.is_alive()


def test_a_message_for_which_there_is_no_handler_is_logged_as_pykka_does(caplog: pytest.LogCaptureFixture) -> None:
    class Deaf(Agent):
        pass

    ref = Deaf.start()
    assert ref.ask("hello?") is None
    assert [record.getMessage() for record in caplog.records] == [f"Unexpected message received by {ref}: hello?"]


# -- stop_all: one deadline --------------------------------------------------------------------------------------------


def test_stop_all_tells_every_agent_to_stop_although_the_last_one_hangs() -> None:
    gate = Gate()

    class Hanging(Agent):
        def on_receive(self, message: Any) -> None:
            gate.wait()

    others = [Plain.start() for _ in range(3)]
    hanging = Hanging.start()
    hanging.tell("hang")
    gate.reached()
    with pytest.raises(AskTimeout, match=r"within 0\.05 seconds"):
        stop_all(timeout=0.05)
    for ref in others:
        assert ref.actor_stopped.wait(PATIENCE)
    assert hanging.is_alive()
    gate.open()
    assert hanging.actor_stopped.wait(PATIENCE)


def test_stop_all_gives_an_answer_for_each_agent_and_may_give_futures() -> None:
    Plain.start(), Plain.start()
    assert stop_all() == [True, True]
    Plain.start()
    assert [future.get(timeout=PATIENCE) for future in stop_all(block=False)] == [True]
    assert stop_all() == []


def test_an_agent_that_calls_stop_all_is_told_of_the_cycle_and_all_end() -> None:
    class Caller(Agent):
        def on_receive(self, message: Any) -> str:
            try:
                stop_all()
            except pykka.ActorDeadError:
                raise
            except Exception as error:
                return type(error).__name__
            return "no error"

    other, caller = Plain.start(), Caller.start()
    assert caller.ask("now") == "AskCycleError"
    assert other.actor_stopped.wait(PATIENCE)
    assert caller.actor_stopped.wait(PATIENCE)


# -- how long the program lives ----------------------------------------------------------------------------------------

PROGRAM = """
import threading, time
from actors import ActorSystem, Agent, ChildSpec, stop_all

class Talker(Agent):
    use_daemon_thread = {daemon}
    def on_receive(self, message):
        print("handled", message, flush=True)
        self.stop()
    def on_stop(self):
        print("stopped", flush=True)

def main():
    {main}

main()
print("end of main", flush=True)
"""


def run_program(packages: Path, main: str, daemon: bool = False) -> str:
    program = PROGRAM.format(daemon=daemon, main=textwrap.dedent(main).strip().replace("\n", "\n    "))
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_program_does_not_end_before_its_unsupervised_agents_have(packages_folder: Path) -> None:
    printed = run_program(
        packages_folder,
        """
        ref = Talker.start()
        def later():
            threading.main_thread().join()
            ref.tell("late")
        threading.Thread(target=later, daemon=True).start()
        """,
    )
    assert printed.splitlines() == ["end of main", "handled late", "stopped"]


def test_use_daemon_thread_lets_the_program_end_and_on_stop_still_runs(packages_folder: Path) -> None:
    printed = run_program(packages_folder, "Talker.start()", daemon=True)
    assert printed.splitlines() == ["end of main", "stopped"]


def test_a_handler_of_a_supervised_agent_that_hangs_does_not_keep_the_program(packages_folder: Path) -> None:
    """The threads are daemons, and the system is stopped in order when the program ends."""
    printed = run_program(
        packages_folder,
        """
        reached = threading.Event()
        class Hanging(Talker):
            def on_receive(self, message):
                reached.set()
                threading.Event().wait()
        global system
        system = ActorSystem("main")
        system.spawn(Talker)
        system.spawn(ChildSpec(Hanging, shutdown=0.1)).tell("hang")
        reached.wait()
        """,
    )
    assert printed.splitlines() == ["end of main", "stopped"]


def test_the_default_system_is_made_anew_after_it_was_stopped() -> None:
    first = default_system()
    Plain.start()
    assert first.stop(timeout=PATIENCE).complete
    ref = Plain.start()
    assert default_system() is not first
    assert ref.ask("hello") == "hello"


def test_where_no_thread_can_be_had_start_raises_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pykka registers the actor first, and then cannot run it."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            Plain.start()
    assert pykka.ActorRegistry.get_all() == []
    assert len(default_system().tree()) == 0
    assert Plain.start().ask("better now") == "better now"
