"""How is a policy checked when it is built, and how does it print?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

# Strict, because pydantic would otherwise read True as 1 and "5" as 5.
Seconds = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
"""A finite time above zero, in seconds."""
Count = Annotated[int, Field(strict=True, ge=0)]
"""A whole number, zero or more."""


class Frozen(BaseModel):
    """An immutable value that refuses unknown fields and prints as the call that builds it again.

    A wrong value raises pydantic's `ValidationError`, a `ValueError` that names the field and the value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    _always_printed: ClassVar[frozenset[str]] = frozenset()

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Give the fields to print: those always printed, and those that differ from their default."""
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if name in self._always_printed or value != field.get_default(call_default_factory=True):
                yield name, value

    @classmethod
    def _refuse_without(cls, field: str, data: Any) -> None:
        """Refuse a mapping without `field` by a ValueError, where the constructor would raise TypeError."""
        if isinstance(data, Mapping) and field not in data:
            raise ValueError(f"{cls.__name__} needs {field}, and {dict(data)!r} has none")

    def __str__(self) -> str:
        return repr(self)
