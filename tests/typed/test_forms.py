"""What may an agent say that it accepts, and what fits that?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, ClassVar, Generic, Literal, NewType, Protocol, TypeVar, runtime_checkable

import pytest
from annotated_types import Gt
from pydantic import BaseModel, Field
from typing_extensions import TypeAliasType, TypedDict

from actors import Accepting, ActorSystem, Addressed, Agent, AgentRef, Enveloped, InvalidMessageError, TypedRef
from actors.typed import EnvelopedRef
from actors.typed.accepted import Accepted
from actors.typed.generics import argument_of
from actors.typed.ref import accepted_by
from tests.typed.counting import Counter, Get, Incr, LooseCounter, Reset

T = TypeVar("T")
S = TypeVar("S")


class Model(BaseModel):
    kind: Literal["model"] = "model"
    by: int


class Other(BaseModel):
    kind: Literal["other"] = "other"
    name: str


class Color(Enum):
    RED = "red"


class Person(TypedDict):
    name: str


@runtime_checkable
class Named(Protocol):
    name: str


class Unseen(Protocol):
    name: str


@dataclass
class Box(Generic[T]):
    content: T


class Pair(BaseModel, Generic[T]):
    content: T


class Plain(Generic[T]):
    """Pydantic cannot look into it."""


Alias = TypeAliasType("Alias", Incr | str)
Id = NewType("Id", str)
Tagged = Annotated[Model | Other, Field(discriminator="kind")]
Positive = Annotated[int, Gt(0)]

FORMS: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "dataclass": (Incr, [Incr(1)], [Incr, {"by": 1}, 1]),
    "model": (Model, [Model(by=1)], [{"by": 1}, '{"by": 1}']),
    "plain class": (Reset, [Reset()], [Reset, None]),
    "union": (Incr | Model, [Incr(1), Model(by=1)], [1]),
    "tuple": ((Incr, str), [Incr(1), "x"], [1]),
    "tagged union": (Tagged, [Model(by=1), Other(name="a")], [{"kind": "model", "by": 1}, Incr(1)]),
    "union with a tagged one": (Tagged | str, [Model(by=1), "x"], [1]),
    "str": (str, ["x"], [b"x", 1]),
    "int": (int, [1, True], ["1", 1.0]),
    "float, and an int is one": (float, [1.0, 1], ["1.0"]),
    "None": (str | None, ["x", None], [0]),
    "literal": (Literal["on", "off"], ["on", "off"], ["up", 1]),
    "classes and literals": (Incr | Literal["off"], [Incr(1), "off"], ["on", {"by": 1}]),
    "enum": (Color, [Color.RED], ["red"]),
    "list": (list[int], [[], [1, 2]], [[1, "2"], (1,), 1]),
    "list of models": (list[Model], [[Model(by=1)]], [[{"by": 1}], [{"by": "x"}]]),
    "constrained": (Positive, [1], [0, -1, "1"]),
    "typed dict": (Person, [{"name": "a"}], [{"name": 1}, {}, "a"]),
    "new type": (Id, ["x"], [1]),
    "protocol": (Named, [Other(name="a")], [Incr(1)]),
    "generic dataclass": (Box[int], [Box(1)], [1, {"content": 1}]),
    "generic model": (Pair[int], [Pair[int](content=1)], [Pair[str](content="x")]),
    "generic class": (Plain[int], [Plain()], [1, Plain]),
    "list of a plain class": (list[Reset], [[Reset()]], [[1], Reset()]),
    "an alias": (Alias, [Incr(1), "x"], [1]),
    "an alias in a union": (Alias | int, [Incr(1), 1], [None]),
    "None alone": (None, [None], [0]),
    "everything": (Any, [1, None, Incr], []),
    "a type variable": (T, [1, None], []),
}


@pytest.mark.parametrize("name", list(FORMS))
def test_what_is_of_the_type_fits_and_nothing_else(name: str) -> None:
    form, fitting, wrong = FORMS[name]
    accepted = Accepted("Agent", form)
    assert [each for each in fitting if not accepted.fits(each)] == []
    assert [each for each in wrong if accepted.fits(each)] == []


@pytest.mark.parametrize("name", list(FORMS))
def test_a_refusal_names_the_path_what_is_expected_or_the_field(name: str) -> None:
    form, _, wrong = FORMS[name]
    accepted = Accepted("Agent", form)
    for message in wrong:
        error = accepted.refusal("/a", message)
        assert error.path == "/a"
        assert str(error).startswith("/a does not accept ")
        assert error.field or "expected " in str(error)
        assert error.message is message


@pytest.mark.parametrize(
    ("form", "message", "field", "value"),
    [
        (list[int], [1, "two"], "1", "two"),
        (list[Model], [Model(by=1), {"by": "x"}], "1.by", "x"),
        (Person, {"name": 7}, "name", 7),
        (Person | None, {"name": 7}, "name", 7),
        (dict[str, int] | list[int], [1, "two"], "1", "two"),
        (Model, {"by": "x"}, "by", "x"),
        (Model, {"kind": "model"}, "by", {"kind": "model"}),
        (Model | Incr, {"by": "x"}, "by", "x"),
        (Tagged, {"kind": "model", "by": "x"}, "by", "x"),
        (Tagged, {"kind": "none", "by": 1}, "kind", "none"),
        (Tagged, {"by": 1}, "kind", None),
        (Positive, -1, "", -1),
        (Literal["on"], "off", "", "off"),
        (Reset, {"by": 1}, "", {"by": 1}),
    ],
)
def test_a_refusal_names_the_field_and_its_value(form: Any, message: Any, field: str, value: Any) -> None:
    error = Accepted("Agent", form).refusal("/a", message)
    assert (error.field, error.value) == (field, value)


def test_a_refusal_of_what_is_no_class_says_what_is_wrong_with_it() -> None:
    assert str(Accepted("Agent", Positive).refusal("/a", -1)).endswith("Input should be greater than 0, not -1")
    texts = str(Accepted("Agent", list[int]).refusal("/a", ["a", "b", "c", "d", "e"]))
    assert texts.endswith("2: Input should be a valid integer, not 'c'; and 2 more")


def test_what_it_says_of_itself_is_what_it_expects() -> None:
    assert str(Accepted("Agent", Incr | Model | None)) == "Incr or Model or NoneType"
    assert str(Accepted("Agent", Literal["on"] | Incr)) == "Incr or Literal['on']"
    assert str(Accepted("Agent", list[int])) == "list[int]"


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (5, r"Wrong\.accepts: 5 is no type of messages"),
        ((Incr, 5), r"Wrong\.accepts: 5 is no type of messages"),
        ([Incr], r"is no type of messages"),
        (len, r"Wrong\.accepts: <built-in function len> is no type of messages"),
        (ClassVar[int], r"Wrong\.accepts: typing\.ClassVar\[int\] is no type of messages"),
        (Unseen, r"Wrong\.accepts: .*runtime_checkable"),
    ],
)
def test_what_is_no_type_is_refused_when_the_class_is_defined(form: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        type("Wrong", (Agent,), {"accepts": form})


def test_a_type_may_be_written_before_its_names_are_there(system: ActorSystem) -> None:
    class Early(Accepting["LateName | Incr"]):  # type: ignore[name-defined]
        pass

    class Earlier(Agent):
        accepts = "LateName | Incr"

    with pytest.raises(NameError, match="LateName"):
        system.spawn(Early, name="early")
    assert system.find("/early") is None
    globals()["LateName"] = Model
    try:
        for kind in (Early, Earlier):
            ref: Any = system.spawn(kind, name="early")
            ref.tell(Model(by=1))
            with pytest.raises(InvalidMessageError, match="expected Model or Incr, got str"):
                ref.tell("x")
            ref.stop()
    finally:
        del globals()["LateName"]


# -- what classes say, and those below them -----------------------------------------


def test_a_subclass_accepts_what_its_base_does_unless_it_says_otherwise(system: ActorSystem) -> None:
    class Same(Counter):
        pass

    class More(LooseCounter):
        accepts = LooseCounter.accepts | str

    class All(LooseCounter):
        accepts = None

    assert accepted_by(Same).classes == (Incr, Get, Reset)  # type: ignore[union-attr]
    assert accepted_by(More).classes == (Incr, Get, Reset, str)  # type: ignore[union-attr]
    assert accepted_by(All) is None
    assert type(system.spawn(All)) is AgentRef
    with pytest.raises(InvalidMessageError, match="expected Incr or Get or Reset or str"):
        system.spawn(More).tell(7)


def test_a_generic_agent_accepts_what_it_is_made_for(system: ActorSystem) -> None:
    class Keeper(Accepting[T | Reset], Generic[T]):
        pass

    class Words(Keeper[str]):
        pass

    class Anything(Keeper[T], Generic[T]):
        pass

    words = system.spawn(Words)
    words.tell("a")
    words.tell(Reset())
    with pytest.raises(InvalidMessageError, match=r"expected (str or Reset|Reset or str), got int"):
        words.tell(7)  # type: ignore[arg-type]

    class Silent(Accepting, Generic[T]):  # type: ignore[type-arg]
        pass

    system.spawn(Anything).tell(7)
    assert system.spawn(Silent).ask(7) is None
    assert system.spawn(Accepting).ask(7) is None  # says nothing, so it accepts all


def test_what_a_generic_base_was_made_for_is_found_through_those_between() -> None:
    class Base(Generic[T, S]): ...

    class Half(Base[int, S]): ...

    class Bare(Half): ...  # type: ignore[type-arg]

    class Full(Half[str], Reset): ...

    class Direct(Reset, Base[list[T], str]): ...

    class Unrelated(Incr): ...

    class Swapped(Base[S, T]): ...

    class Named(Swapped[str, int]): ...

    class Mixed(Addressed, Base[str, int]): ...  # type: ignore[type-arg]

    class Unsaid(Base): ...  # type: ignore[type-arg]

    class Said(Unsaid, Base[int, str]): ...

    class Open(Generic[T], Base[T, T]): ...

    class Closed(Open[bytes]): ...

    assert argument_of(Named, Base) is str
    assert argument_of(Mixed, Base) is str
    assert argument_of(Closed, Base) is bytes
    assert argument_of(Said, Base) is int
    assert argument_of(Full, Base) is int
    assert argument_of(Bare, Base) is int
    assert argument_of(Direct, Base) == list[T]
    assert argument_of(Unrelated, Base) is None
    assert argument_of(Base, Base) is None


def test_what_the_class_body_says_goes_before_what_the_base_was_made_for(system: ActorSystem) -> None:
    class Both(Accepting[Incr | str]):
        accepts = Incr

    with pytest.raises(InvalidMessageError):
        system.spawn(Both).tell("x")


def test_an_agent_with_refs_of_its_own_cannot_accept_some_messages_only() -> None:
    class OwnRef(AgentRef[Any]):
        __slots__ = ()

    class Own(Agent, Addressed[OwnRef]):
        ref_class = OwnRef

    with pytest.raises(TypeError, match="Picky accepts some messages only, but its refs do not look: OwnRef is no Ty"):
        type("Picky", (Own,), {"accepts": str})


def test_its_own_refs_may_be_typed_ones(system: ActorSystem) -> None:
    class OwnRef(TypedRef[Incr]):
        __slots__ = ()

    class Own(Agent):
        ref_class = OwnRef
        accepts = Incr

    own = system.spawn(Own)
    assert type(own) is OwnRef
    with pytest.raises(InvalidMessageError):
        own.tell("x")


@pytest.mark.parametrize("bases", [(Counter, Enveloped), (Enveloped, Counter)], ids=["after", "before"])
def test_an_agent_may_be_both_typed_and_enveloped(system: ActorSystem, bases: Any) -> None:
    both: Callable[..., Any] = type("Both", bases, {})
    ref: Any = system.spawn(both)  # type: ignore[call-overload]
    assert type(ref) is EnvelopedRef
    assert ref.ask(Get()) == 0
    with pytest.raises(InvalidMessageError):
        ref.tell("x")
