"""What a type checker says of messages: `# error` where it refuses, `# is T` where it knows a type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, reveal_type

from pydantic import BaseModel

from actors import (
    Accepting,
    ActorSystem,
    Agent,
    Asking,
    ChildSpec,
    Decision,
    Enveloped,
    NeedsDecision,
    Questions,
    ReviewRequest,
    TypedRef,
    decode,
    post,
)


@dataclass(frozen=True)
class Incr:
    by: int


@dataclass(frozen=True)
class Get(Asking[int]):
    pass


class Name(BaseModel, Asking[str]):
    short: bool = False


class Other(Asking[int]):
    pass


class Counter(Accepting[Incr | Get | Name]):
    def __init__(self, total: int = 0) -> None:
        self.total = total

    def on_receive(self, message: Incr | Get | Name) -> Any:
        self.actor_ref.tell(Incr(1))
        self.actor_ref.tell("x")  # error
        return self.total


class Switch(Accepting[Literal["on", "off"]]):
    pass


class Careless(Accepting[Incr | Get]):
    def on_receive(self, message: Incr) -> Any:  # error
        return None


system = ActorSystem()
counter = system.spawn(Counter, 3, name="counter")
reveal_type(counter)  # is TypedRef[Incr | Get | Name]

counter.tell(Incr(1))
counter.tell(Get())
counter.tell(Other())  # error
counter.tell("x")  # error
counter.tell({"by": 1})  # error

reveal_type(counter.ask(Get()))  # is int
reveal_type(counter.ask(Name(short=True)))  # is str
reveal_type(counter.ask(Get(), timeout=1.0))  # is int
reveal_type(counter.ask(Get(), block=False))  # is AgentFuture[int]
reveal_type(counter.ask(Get(), block=False).get())  # is int
reveal_type(counter.ask(Get(), block=bool(1)))  # is int | AgentFuture[int]
reveal_type(counter.ask(Incr(1)))  # is Any
reveal_type(counter.ask(Incr(1), block=False))  # is AgentFuture[Any]
counter.ask(Other())  # error
counter.ask("x")  # error
counter.ask(Get(), block=3)  # error

switch = system.spawn(Switch)
switch.tell("on")
switch.tell("up")  # error


class Parent(Agent):
    def on_start(self) -> None:
        child = self.context.spawn(Counter)
        reveal_type(child)  # is TypedRef[Incr | Get | Name]
        child.tell("x")  # error


# A ref is as good where less is sent, and not where more is.


def only_gets(ref: TypedRef[Get]) -> int:
    return ref.ask(Get())


def anything(ref: TypedRef[Incr | Get | Name | Other]) -> None: ...


only_gets(counter)
anything(counter)  # error

reveal_type(Counter.start())  # is TypedRef[Incr | Get | Name]
reveal_type(system.spawn(ChildSpec(Counter)))  # is AgentRef[Counter]


# -- what comes with a message, and questions --------------------------------------

post(counter, Incr(1), correlation_id="c")
post(counter, "x")  # error
reveal_type(decode(Counter, "{}"))  # is Incr | Get | Name


class Chief(Enveloped, Accepting[NeedsDecision | ReviewRequest]):
    def on_receive(self, message: NeedsDecision | ReviewRequest) -> Any:
        return Decision(granted=True)


chief = system.spawn(Chief)


def decide(needs: NeedsDecision, questions: Questions) -> None:
    reveal_type(chief.ask(needs))  # is Decision
    reveal_type(questions.ask(chief, needs, 5.0))  # is str
    questions.ask(chief, Get(), 5.0)  # error
