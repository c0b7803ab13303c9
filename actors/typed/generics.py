"""What was a generic class made for, by a class below it?"""

from __future__ import annotations

from typing import Any, TypeVar, get_args, get_origin


def argument_of(kind: type, base: type) -> Any:
    """Give what `kind` has made `base` for, itself or through the classes between them; None where it has not."""
    for parent in vars(kind).get("__orig_bases__", kind.__bases__):
        origin = get_origin(parent) or parent
        if origin is base:
            return next(iter(get_args(parent)), None)
        if isinstance(origin, type) and issubclass(origin, base):
            found = argument_of(origin, base)
            if found is not None:
                return _fill_in(found, dict(zip(getattr(origin, "__parameters__", ()), get_args(parent), strict=False)))
    return None


def _fill_in(form: Any, arguments: dict[Any, Any]) -> Any:
    if isinstance(form, TypeVar):
        return arguments.get(form, form)
    open_ones = getattr(form, "__parameters__", ())
    return form[tuple(arguments.get(each, each) for each in open_ones)] if open_ones else form
