"""Who is an agent that works with a model, and what may it do?"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from actors._core.errors import ActorError, printed
from actors.guard.quota import AtLeastOne, Quota
from policies.frozen import Frozen

NETWORK = "network"
"""The capability that a tool needs in order to reach other machines."""


class Privacy(StrEnum):
    """How far what an agent works on may go."""

    SOVEREIGN = "sovereign"
    """It stays on this machine: no remote model, no tool that uses the network."""
    STANDARD = "standard"
    """It may leave this machine, where model and capabilities say so."""


class ManifestError(ActorError, ValueError):
    """A manifest is not one; `problems` are all that is wrong with it, one sentence each, its text names them all."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class _Fields(Frozen):
    name: Annotated[str, Field(min_length=1)] = "unnamed-agent"
    system_prompt: str = ""
    model_repo: str | None = None
    model_path: str | None = None
    remote_model: str | None = None
    max_tokens: AtLeastOne = 4096
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = 0.3
    capabilities: frozenset[str] = frozenset({"rag", "memory"})
    privacy: Privacy = Privacy.SOVEREIGN
    quota: Quota = Quota()


class Manifest(_Fields):
    """What is known of an agent before it runs; a frozen value, with all its fields by keyword.

    The model is at `model_path` on this machine, in `model_repo`, from where it is fetched, or it is the
    `remote_model` of a server; none of them leaves the choice to the driver. `max_tokens` are those of one answer.
    Building one raises one `ManifestError` that names everything that is wrong.
    """

    def __init__(self, /, **fields: Any) -> None:
        problems = type(self).problems(**fields)
        if problems:
            raise ManifestError(problems)
        super().__init__(**fields)

    @classmethod
    def problems(cls, /, **fields: Any) -> tuple[str, ...]:
        """Give everything that is wrong with these fields, in the order of the fields; nothing where they are right."""
        return (*_wrong_fields(fields), *_wrong_together(fields))

    def refusal(self, capability: str) -> str | None:
        """Give why a tool that needs `capability` may not be called, `None` where it may."""
        if capability not in self.capabilities:
            return f"{self.name} has no capability '{capability}'"
        if capability == NETWORK and self.privacy is Privacy.SOVEREIGN:
            return f"{self.name} is sovereign: nothing of it uses the network"
        return None


def _wrong_fields(fields: dict[str, Any]) -> tuple[str, ...]:
    try:
        _Fields.model_validate(fields)
    except ValidationError as error:
        return tuple(_sentence(found) for found in error.errors(include_url=False))
    return ()


def _wrong_together(fields: dict[str, Any]) -> tuple[str, ...]:
    """Give what is wrong between fields, whatever each of them is by itself."""
    wrong = []
    if fields.get("privacy", Privacy.SOVEREIGN) == Privacy.SOVEREIGN and fields.get("remote_model") is not None:
        wrong.append(f"privacy: sovereign forbids the remote_model {printed(fields['remote_model'], 100)}")
    if fields.get("model_repo") is not None and fields.get("model_path") is not None:
        wrong.append("model_repo and model_path exclude each other: give one of them")
    return tuple(wrong)


def _sentence(found: ErrorDetails) -> str:
    field = ".".join(str(part) for part in found["loc"])
    return f"{field}: {found['msg']}, not {printed(found['input'], 100)}"
