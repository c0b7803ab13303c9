"""What can a model have called, what does it take, and may this agent call it?"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic_core import ErrorDetails, to_jsonable_python

from actors._core.checks import is_seconds
from actors._core.errors import Cancelled, printed
from actors.models.errors import BadToolInput, ToolError, ToolFailed, UnknownTool
from actors.models.talk import ToolSpec
from actors.models.timed import run_timed

TIME_LIMIT = 120.0


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that a model can have called; `Tool.of(function)` makes one from a function.

    `parameters` is the JSON schema of the input. `needs` are the capabilities that an agent must have to call it,
    "network" for one that reaches other machines. `timeout` is how many seconds a call may take, None is without limit.
    The function gets the input as keywords and gives text, or anything that can be written as JSON.
    """

    name: str
    function: Callable[..., Any]
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})
    needs: frozenset[str] = frozenset()
    timeout: float | None = TIME_LIMIT
    model: type[BaseModel] | None = None  # checks the input; None takes any

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"name: of the tool, as the model calls it, not {self.name!r}")
        if not callable(self.function):
            raise ValueError(f"function: what does the work, not {self.function!r}")
        if self.timeout is not None and not is_seconds(self.timeout, above=0.0):
            raise ValueError(f"timeout: seconds, more than 0, or None, not {self.timeout!r}")

    @classmethod
    def of(
        cls,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        needs: Iterable[str] = (),
        timeout: float | None = TIME_LIMIT,
    ) -> Tool:
        """Make a tool from a function: its name, its docstring, and its annotations as the schema of the input."""
        name = name or str(getattr(function, "__name__", type(function).__name__))
        said = inspect.getdoc(function) if inspect.isroutine(function) else None
        model = _input_model(name, function)
        schema = model.model_json_schema()
        schema.pop("title", None)
        return cls(name, function, description or said or "", schema, frozenset(needs), timeout, model)

    @property
    def spec(self) -> ToolSpec:
        """What a model is told of it."""
        return ToolSpec(self.name, self.description, self.parameters)

    def checked(self, input: Mapping[str, Any]) -> dict[str, Any]:
        """Give the input as the function takes it; raises BadToolInput, which names all that is wrong."""
        if self.model is None:
            return dict(input)
        try:
            found = self.model.model_validate(dict(input))
        except ValidationError as error:
            raise BadToolInput(self.name, [_sentence(one) for one in error.errors(include_url=False)]) from error
        return {name: value for name, value in found if name in found.model_fields_set}

    def call(self, input: Mapping[str, Any]) -> str:
        """Call it, and give its result as text; blocks, at most `timeout` seconds. Raises a ToolError, or Cancelled."""
        arguments = self.checked(input)
        try:
            return as_text(run_timed(self.name, lambda: self.function(**arguments), self.timeout))
        except (ToolError, Cancelled):
            raise
        except (Exception, SystemExit) as error:
            raise ToolFailed(self.name, error) from error


class Toolbox(Mapping[str, Tool]):
    """The tools of one loop by name; made from tools, functions, or objects with a `name` that can be called."""

    def __init__(self, tools: Iterable[Any] | Mapping[str, Any] = ()) -> None:
        named = tools.items() if isinstance(tools, Mapping) else ((None, tool) for tool in tools)
        self._tools: dict[str, Tool] = {}
        for name, tool in named:
            made = as_tool(tool, name)
            if made.name in self._tools:
                raise ValueError(f"tools: there are two of the name {made.name!r}")
            self._tools[made.name] = made

    def find(self, name: str) -> Tool:
        """Give the tool of that name; raises UnknownTool."""
        if name not in self._tools:
            raise UnknownTool(name, self._tools.keys())
        return self._tools[name]

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What a model is told of them."""
        return tuple(tool.spec for tool in self._tools.values())

    def __getitem__(self, name: str) -> Tool:
        return self._tools[name]

    def __iter__(self) -> Any:
        return iter(self._tools)

    def __len__(self) -> int:
        return len(self._tools)


def as_tool(tool: Any, name: str | None = None) -> Tool:
    """Give what can be called as a Tool: one as it is, else by its name, description, parameters or its signature."""
    if isinstance(tool, Tool):
        return tool
    if not callable(tool):
        raise ValueError(f"tools: each a Tool or a function, not {tool!r}")
    said = name or getattr(tool, "name", None)
    parameters = getattr(tool, "parameters", None)
    if isinstance(parameters, Mapping) and said:
        needs = frozenset(getattr(tool, "needs", ()))
        timeout = getattr(tool, "timeout", TIME_LIMIT)
        return Tool(said, tool, getattr(tool, "description", "") or "", parameters, needs, timeout)
    return Tool.of(tool, name=said, description=getattr(tool, "description", None))


def as_text(value: Any) -> str:
    """Give a tool's result as a model reads it: text as it is, anything else as JSON, or as it prints itself."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(to_jsonable_python(value), ensure_ascii=False)
    except Exception:  # whatever a value of the user's own raises
        return printed(value)


def _input_model(name: str, function: Callable[..., Any]) -> type[BaseModel]:
    code = function.func if isinstance(function, functools.partial) else function
    hints = get_type_hints(code if inspect.isroutine(code) else type(code).__call__, include_extras=True)
    fields: dict[str, Any] = {}
    extra: Any = "forbid"
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            extra = "allow"
        elif parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            raise ValueError(f"function: {name} takes {parameter}, and a tool is called with keywords only")
        else:
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[parameter.name] = (hints.get(parameter.name, Any), default)
    return create_model(name, __config__=ConfigDict(extra=extra, arbitrary_types_allowed=True), **fields)


def _sentence(found: ErrorDetails) -> str:
    field = ".".join(str(part) for part in found["loc"])
    if found["type"] == "missing":
        return f"missing required field: {field}"
    return f"{field}: {found['msg']}" if field else found["msg"]
