"""What have all messages between workers in common?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

E = TypeVar("E")


class Value(BaseModel):
    """A frozen value, strictly checked when it is made: pydantic's ValidationError names the field that is wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FrozenDict(dict[str, str]):
    """Text by name, which cannot be changed, so it may be shared among threads and hashed."""

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("it is part of a message, and cannot be changed")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __copy__(self) -> FrozenDict:
        return self

    def __deepcopy__(self, _: Any) -> FrozenDict:
        return self

    def __reduce__(self) -> Any:
        return FrozenDict, (dict(self),)


def _as_text(path: Any) -> Any:
    return path.as_posix() if isinstance(path, PurePath) else os.fspath(path) if hasattr(path, "__fspath__") else path


Count = Annotated[int, Field(ge=0)]
"""A whole number, 0 or more."""
Texts = Annotated[tuple[str, ...], Field(strict=False)]
"""Some texts; a list will do to make it."""
FilePaths = Annotated[tuple[Annotated[str, BeforeValidator(_as_text)], ...], Field(strict=False)]
"""Paths of files, as text with slashes; a list, and pathlib's paths, will do to make it."""
TextByName = Annotated[Mapping[str, str], AfterValidator(FrozenDict)]
"""Text by name, frozen."""
Named = Annotated[E, Field(strict=False)]
"""One of an Enum, or its value."""
