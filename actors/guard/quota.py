"""How much may one loop of an agent use before it is ended?"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from policies.frozen import Frozen

AtLeastOne = Annotated[int, Field(strict=True, ge=1)]
AtLeastTwo = Annotated[int, Field(strict=True, ge=2)]
Dollars = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]


class Quota(Frozen):
    """The limits of one loop; a frozen value that refuses what is no limit with a `ValidationError`, naming it.

    `iterations` and `tool_calls` are how many there may be. `tokens` is a budget, `None` is without one;
    `cost` is a budget in dollars, 0.0 is without one. The `repeats`-th call of one tool with one input among the
    last `window` calls is blocked, and the `in_a_row`-th without another call between ends the loop. So do
    `truncations` answers that were cut off, `model_failures` and `tool_failures`, each in a row.
    """

    iterations: AtLeastOne = 20
    tool_calls: AtLeastOne = 50
    tokens: AtLeastOne | None = None
    cost: Dollars = 0.0
    repeats: AtLeastTwo = 3
    window: AtLeastTwo = 10
    in_a_row: AtLeastTwo = 4
    truncations: AtLeastOne = 5
    model_failures: AtLeastOne = 3
    tool_failures: AtLeastOne = 3

    @model_validator(mode="after")
    def _window_holds_the_repeats(self) -> Self:
        if self.window < self.repeats:
            raise ValueError(f"window={self.window} never holds repeats={self.repeats} equal calls")
        return self
