"""How long does a restart wait?"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler

from policies.frozen import Frozen, Seconds

Factor = Annotated[float, Field(strict=True, ge=1, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]


class Backoff(Frozen):
    """Delays that grow from `initial` by `factor` up to `cap` seconds, and start over after a quiet period.

    `jitter` is the share by which a delay may be shorter or longer, 0 to 1. A child that has run for more
    than `reset` seconds since its last restart starts over at `initial`; `None` stands for `cap`.
    """

    _always_printed: ClassVar[frozenset[str]] = frozenset({"initial", "cap"})

    initial: Seconds
    cap: Seconds = 30.0
    factor: Factor = 2.0
    jitter: Share = 0.0
    reset: Seconds | None = None

    def __init__(
        self,
        /,  # so that even a field named self in JSON is refused as unknown
        initial: float,
        cap: float = cap,
        factor: float = factor,
        jitter: float = jitter,
        reset: float | None = reset,
        **unknown: Any,  # handed on, so that a misspelt field in JSON is refused like every other error
    ) -> None:
        unknown.update(initial=initial, cap=cap, factor=factor, jitter=jitter, reset=reset)
        super().__init__(**unknown)

    @property
    def quiet_period(self) -> float:
        """The seconds a child has to run, more than these, for its next delay to be `initial` again."""
        return self.cap if self.reset is None else self.reset

    def delay(self, step: int, draw: float = 0.5) -> float:
        """Give the seconds to wait before a restart that follows `step` others, never above `cap`.

        `draw` is a random number in [0, 1); 0.5 gives the delay without jitter.
        """
        if step < 0:
            raise ValueError(f"step must be 0 or more, not {step}")
        spread = 1 + self.jitter * (2 * draw - 1)
        return max(0.0, min(self.cap, self._grown(step) * spread))

    def _grown(self, step: int) -> float:
        try:
            return min(self.cap, self.initial * self.factor**step)
        except OverflowError:  # a power beyond what a float holds is beyond any cap
            return self.cap

    @model_validator(mode="wrap")  # a "before" would run after the constructor
    @classmethod
    def _initial_is_given(cls, data: Any, build: ModelWrapValidatorHandler[Self]) -> Self:
        cls._refuse_without("initial", data)
        return build(data)

    @model_validator(mode="after")
    def _cap_is_not_below_initial(self) -> Self:
        if self.cap < self.initial:
            raise ValueError(f"cap={self.cap} is below initial={self.initial}")
        return self
