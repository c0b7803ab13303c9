"""Is a question answered once, in whatever order answers, timeouts, stops and withdrawals come?"""

from __future__ import annotations

import threading
from typing import Any

import pytest

from actors import ActorSystem, Agent, Answer, Answered, AnswerFailed, DeadLetter, Questions, Reply, TimedOut
from actors.testkit import Simulation, explore, wait
from policies import Restart
from tests.core.helpers import PATIENCE


class Asker(Agent):
    """Asks as often as it is told, and keeps what comes of it.

    "withdraw" has it give its oldest question up, "last" is answered once all questions are.
    """

    def __init__(self, other: Any, timeout: float) -> None:
        self.other = other
        self.timeout = timeout
        self.came: list[Answer] = []
        self.withdrawn: list[str] = []
        self.last: Reply | None = None
        self.asked = 0
        self.questions = Questions(self.context)

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Answer):
            self.came.append(message)
            self.say_if_that_is_all()
        elif message == "last":
            self.last = self.context.defer()
            self.say_if_that_is_all()
        elif message == "withdraw":
            for number in self.questions.open[:1]:
                if self.questions.withdraw(number):
                    self.withdrawn.append(number)
        elif message == "fail":
            raise ValueError(message)
        elif message != "look":
            self.asked += 1
            return self.questions.ask(self.other, message, self.timeout)
        return list(self.came), list(self.withdrawn), self.questions.open

    def say_if_that_is_all(self) -> None:
        if self.last is not None and len(self.came) + len(self.withdrawn) >= self.asked:
            self.last.set()


class Helper(Agent):
    """Defers what it is asked, and answers all of that once it is told to, if it lives."""

    def __init__(self) -> None:
        self.owed: list[Any] = []

    def on_receive(self, message: Any) -> None:
        if message == "answer":
            for reply in self.owed:
                reply.set(reply.message)
            self.owed.clear()
        else:
            self.owed.append(self.context.defer())


def accounted(asker: Any, numbers: list[str]) -> set[type]:
    """See that each question has one answer, or was withdrawn; gives what kinds of answers came."""
    came, withdrawn, still_open = asker.ask("look")
    assert sorted([*(answer.correlation_id for answer in came), *withdrawn]) == sorted(numbers)
    assert still_open == ()
    return {type(answer) for answer in came}


def answer_and_timeout(simulation: Simulation) -> set[type]:
    helper = simulation.spawn(Helper, name="helper")
    asker = simulation.spawn(Asker, helper, 1.0, name="asker")
    # At the very time at which the questions are over, and just before that is noticed.
    simulation.clock.call_at(simulation.clock.now() + 1.0, lambda: helper.tell("answer"))
    numbers = [asker.ask(f"q{n}") for n in range(2)]
    simulation.advance(1.0)
    simulation.settle()
    return accounted(asker, numbers)


def answer_stop_and_withdraw(simulation: Simulation) -> set[type]:
    helper = simulation.spawn(Helper, name="helper")
    asker = simulation.spawn(Asker, helper, 60.0, name="asker")
    numbers = [asker.ask(f"q{n}", block=False) for n in range(3)]
    asker.tell("withdraw")
    helper.tell("answer")
    helper.stop(block=False)
    simulation.settle()
    return accounted(asker, [number.get() for number in numbers])


@pytest.mark.system_case("T17")
@pytest.mark.parametrize("scenario", [answer_and_timeout, answer_stop_and_withdraw])
def test_in_every_order_that_is_tried_each_question_has_one_answer(scenario: Any) -> None:
    kinds: set[type] = set()
    explore(lambda simulation: kinds.update(scenario(simulation)), "random", runs=150)
    assert Answered in kinds
    assert kinds & {TimedOut, AnswerFailed}


def test_a_restart_of_the_asker_loses_answers_to_the_dead_letters_only() -> None:
    def scenario(simulation: Simulation) -> None:
        letters: list[Any] = []
        simulation.events.subscribe(letters.append, DeadLetter)
        helper = simulation.spawn(Helper, name="helper")
        asker = simulation.spawn(Asker, helper, 60.0, name="asker")
        number = asker.ask("q")
        helper.tell("answer")
        asker.tell("fail")
        simulation.settle()
        came, _, _ = asker.ask("look")
        assert came == []  # what the first incarnation got has gone with it
        late = [letter.message for letter in letters if isinstance(letter.message, Answered)]
        assert [each.correlation_id for each in late] in ([], [number])

    explore(scenario, "random", runs=100, policy=Restart())


@pytest.mark.stress
def test_on_real_threads_ten_thousand_questions_have_an_answer_each() -> None:
    """Four agents ask a helper that answers half of it by the skin of its teeth, and the clock is the machine's."""
    with ActorSystem("storm") as system:
        helper = system.spawn(Helper, name="helper")
        askers: list[Any] = [system.spawn(Asker, helper, 0.02, name=f"asker-{n}") for n in range(4)]
        numbers: list[list[str]] = [[] for _ in askers]

        def ask(index: int) -> None:
            for n in range(2_500):
                numbers[index].append(askers[index].ask(f"q{n}"))
                if n % 50 == 0:
                    helper.tell("answer")
                if n % 100 == 0:
                    askers[index].tell("withdraw")

        threads = [threading.Thread(target=ask, args=(index,)) for index in range(len(askers))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE * 6)
        helper.tell("answer")
        for asker, own in zip(askers, numbers, strict=True):
            assert wait(asker.ask("last", block=False), PATIENCE), "some have no answer"
            accounted(asker, own)
