"""Does a message fit what an agent says it accepts, and if not, what is wrong with it?

Classes are looked at with `isinstance`; what is no class (a Literal, a list[int], a constrained int) is checked by
pydantic, strictly. Nothing is converted: a message is sent as it is, or refused.
"""

from __future__ import annotations

import sys
import types
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Annotated, Any, ForwardRef, TypeVar, Union, get_args, get_origin

from pydantic import ConfigDict, Discriminator, Tag, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from actors._core.errors import InvalidMessageError, printed

_ANY_CLASS = ConfigDict(arbitrary_types_allowed=True)
_MOST_NAMED = 3  # things that are wrong with one message


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a message: `value`, in `field` of it."""

    field: str
    value: Any
    text: str

    def __str__(self) -> str:
        return f"{self.field}: {self.text}" if self.field else self.text


class Accepted:
    """The types of messages that agents of one class accept.

    - `classes`: whatever is an instance of one of these fits.
    - `others`: the types that are no classes; None where all are.
    """

    __slots__ = ("_members", "_reader", "_strict", "_strictly", "classes", "declared", "form", "others", "owner")

    def __init__(self, owner: str, form: Any, module: str = "") -> None:
        """Take the form apart; raises TypeError where it names what is no type of messages.

        Text in it is read by the names of `module`; raises NameError where these are not there, or not yet.
        """
        self.owner = owner
        self.declared = form
        form = _resolve(form, module)
        try:
            members = _members(form)
        except TypeError as error:
            raise TypeError(f"{owner}.accepts: {error}") from error
        self.form: Any = _union(form) if isinstance(form, tuple) else form
        self.classes = tuple(dict.fromkeys(kind for member in members for kind in _classes_of(member)))
        others = [member for member in members if not _is_class(member)]
        self.others: Any = _union(others) if others else None
        # How many types each of the two adapters tries; pydantic does not count None as one.
        self._members = sum(member is not type(None) for member in members)
        self._strictly = len(others)
        self._strict = None if self.others is None else self._adapter(self.others)
        self._reader: TypeAdapter[Any] | None = None

    def fits(self, message: Any) -> bool:
        """Tell whether the message is accepted as it is."""
        if isinstance(message, self.classes):
            return True
        if self._strict is None:
            return False
        try:
            read = self._strict.validate_python(message, strict=True)
        except ValidationError:
            return False
        # Where pydantic would have made something else of it, the agent would get what it does not expect.
        return bool(read is message or read == message)

    def refusal(self, path: str, message: Any, why: str = "") -> InvalidMessageError:
        """Give the error that says why the message does not fit."""
        return _refusal(path, message, self._problems(message), why)

    def read(self, text: str | bytes | bytearray) -> Any:
        """Make a message of JSON; raises InvalidMessageError, or TypeError where no message can be made of JSON."""
        reader = self._make_reader()
        try:
            return reader.validate_json(text, strict=True)
        except ValidationError as error:
            raise _refusal(self.owner, text, self._found_by(error, self._members)) from error

    # -- what is wrong -------------------------------------------------------------

    def _problems(self, message: Any) -> list[Problem]:
        expected = f"expected {self}, got {type(message).__name__}"
        try:
            if isinstance(message, Mapping):
                # Most likely meant for a model, so it is told what a model would not take of it.
                self._make_reader().validate_python(message)
            elif self._strict is None:
                return [Problem("", message, expected)]
            else:
                self._strict.validate_python(message, strict=True)
        except TypeError:
            return [Problem("", message, expected)]
        except ValidationError as error:
            problems = self._found_by(error, self._members if isinstance(message, Mapping) else self._strictly)
            named = [problem for problem in problems if problem.field]
            return named or [Problem("", message, "; ".join([expected, *(problem.text for problem in problems)]))]
        return [Problem("", message, f"{expected}; it would fit, but nothing is converted: see `decode`")]

    def _found_by(self, error: ValidationError, members: int) -> list[Problem]:
        found = error.errors(include_url=False)
        if members < 2:
            return [_problem(each, each["loc"]) for each in found]
        # The first part of each location says which member of the union was tried: the nearest one is meant.
        tried = Counter(str(each["loc"][0]) for each in found if each["loc"])
        with_fields = {str(each["loc"][0]) for each in found if len(each["loc"]) > 1}
        nearest = min(tried, key=lambda name: (name not in with_fields, tried[name]), default="")
        return [_problem(each, each["loc"][1:]) for each in found if not each["loc"] or str(each["loc"][0]) == nearest]

    # -- for JSON ------------------------------------------------------------------

    def _make_reader(self) -> TypeAdapter[Any]:
        if self._reader is None:
            try:
                self._reader = TypeAdapter(self.form)
            except PydanticUserError as error:
                raise TypeError(f"{self.owner} accepts {self}, which cannot all be made of JSON: {error}") from error
        return self._reader

    def _adapter(self, form: Any) -> TypeAdapter[Any]:
        try:
            return TypeAdapter(form)
        except PydanticUserError:
            # There is a class in it that pydantic does not know: what is an instance of that will do.
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # as for what is no type at all, which anything would fit
                try:
                    return TypeAdapter(form, config=_ANY_CLASS)
                except (PydanticUserError, Warning) as error:
                    raise TypeError(f"{self.owner}.accepts: {form!r} is no type of messages: {error}") from error

    def __str__(self) -> str:
        names = [kind.__name__ for kind in self.classes]
        if self.others is not None:
            names.append(str(self.others).removeprefix("typing.").replace("typing.", ""))
        return " or ".join(names) or "nothing"


def _problem(error: Any, location: tuple[int | str, ...]) -> Problem:
    value, field = error["input"], ".".join(str(part) for part in location)
    if error["type"].startswith("union_tag_"):
        # The field that says which message it is has no location of its own.
        tag = error["ctx"]["discriminator"].strip("'")
        field = f"{field}.{tag}" if field else tag
        value = value.get(tag) if isinstance(value, Mapping) else value
        return Problem(field, value, error["msg"])
    missing = error["type"] in ("missing", "json_invalid")
    return Problem(field, value, error["msg"] if missing else f"{error['msg']}, not {printed(value, 80)}")


def _refusal(path: str, message: Any, problems: list[Problem], why: str = "") -> InvalidMessageError:
    first = problems[0]
    texts = [str(problem) for problem in problems[:_MOST_NAMED]]
    more = len(problems) - len(texts)
    text = "; ".join([*texts, f"and {more} more"] if more else texts)
    return InvalidMessageError(path, message, why + text, field=first.field, value=first.value)


# -- taking a form apart ----------------------------------------------------------


def _union(forms: Iterable[Any]) -> Any:
    return reduce(or_, forms)


def _members(form: Any) -> list[Any]:
    """Give the types of a union, of unions in it, and of a tagged one."""
    origin = get_origin(form)
    if origin in (Union, types.UnionType):
        return [each for member in get_args(form) for each in _members(member)]
    if isinstance(form, tuple):
        return [each for member in form for each in _members(member)]
    if hasattr(form, "__value__") and hasattr(form, "__type_params__"):
        return _members(form.__value__)
    if origin is Annotated:
        inner, *notes = get_args(form)
        members = _members(inner)
        return members if all(map(_is_tag, notes)) and all(map(_is_class, members)) else [form]
    if form is None:
        return [type(None)]
    if form is Any or isinstance(form, TypeVar):
        return [object]
    _check(form)
    return [form]


def _is_tag(note: Any) -> bool:
    """Whether a note of an annotation only helps to tell messages apart."""
    if isinstance(note, FieldInfo):
        return note.discriminator is not None and not note.metadata
    return isinstance(note, (Discriminator, Tag, str))


def _is_class(form: Any) -> bool:
    return isinstance(form, type) and get_origin(form) is None and not _is_typed_dict(form)


def _is_typed_dict(form: type) -> bool:
    # That of typing or of typing_extensions, which is another one before Python 3.12, and the one that pydantic takes.
    return issubclass(form, dict) and hasattr(form, "__total__")


def _classes_of(form: Any) -> tuple[type, ...]:
    """Give the classes whose instances fit; an int is a float to type checkers, so it is one here."""
    if not _is_class(form):
        return ()
    return (float, int) if form is float else (form,)


def _check(form: Any) -> None:
    """Refuse what is not the form of a type."""
    if not isinstance(form, type) and get_origin(form) is None and not hasattr(form, "__supertype__"):
        raise TypeError(f"{form!r} is no type of messages")
    if _is_class(form):
        isinstance(None, form)  # raises TypeError for a Protocol that is not for run time


def _resolve(form: Any, module: str) -> Any:
    """Give what a form written as text stands for."""
    if isinstance(form, ForwardRef):
        form = form.__forward_arg__
    if isinstance(form, str):
        return eval(form, dict(vars(sys.modules[module])) if module in sys.modules else {})
    return form
