"""How does an agent of a pool answer its query with a model?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from actors._core.errors import printed
from actors._core.messages import FrameworkMessage
from actors.agentpool import PoolAgent
from actors.guard import LoopGuard, Manifest, Quota
from actors.models.driver import ModelDriver, check_driver
from actors.models.loop import Around, ModelLoop, Steps
from actors.models.tools import Toolbox
from actors.typed import AdditionalContext


class ModelAgent(PoolAgent):
    """Answers its query with a ModelLoop: `pool.spawn(SpawnConfig(ModelAgent, "why?", args=(driver,)))`.

    Its value is a `LoopResult`. All agents may share the driver; each has a guard of its own, by the manifest's quota,
    a new one for each incarnation; the `iterations` of its SpawnConfig bound that quota. Its tools are `tools` and what
    the pool's tool builder gives it, its memory is its part of the pool's, its events go to the pool's stream, and what
    it used is in the pool's result, however it ends. Text, or an AdditionalContext, that it is sent while it works is
    told to the model with the next turn.
    """

    def __init__(
        self,
        driver: ModelDriver,
        tools: Iterable[Any] | Mapping[str, Any] = (),
        manifest: Manifest | None = None,
        stream: bool = True,
    ) -> None:
        super().__init__()
        check_driver(driver)
        self._driver = driver
        self._tools = Toolbox(tools)
        self._manifest = manifest if manifest is not None else Manifest()
        self._stream = stream
        self._news: list[str] = []

    def run(self, query: Any) -> Steps:
        """Answer the query, which is text; between two turns the agent handles what it was sent."""
        seat = self.seat
        tools = Toolbox([*self._tools.values(), *Toolbox(seat.tools).values()])
        loop = ModelLoop(self._driver, tools, manifest=self._manifest, memory=seat.memory, stream=self._stream)
        guard = LoopGuard(self._quota(seat.iterations))
        return loop.steps(str(query), Around(guard, emit=seat.stream, book=seat.spend, news=self._take_news))

    def _quota(self, most: int | None) -> Quota:
        quota = self._manifest.quota
        return quota if most is None else quota.model_copy(update={"iterations": min(most, quota.iterations)})

    def on_receive(self, message: Any) -> Any:
        """Keep text for the model; anything else it does not know."""
        if isinstance(message, AdditionalContext):
            message = message.content
        if isinstance(message, FrameworkMessage) or not isinstance(message, str):
            return super().on_receive(message)
        self._news.append(message)
        return None

    def _take_news(self) -> list[str]:
        news, self._news = self._news, []
        return news

    def __repr__(self) -> str:
        return f"<ModelAgent {self._manifest.name} with {printed(self._driver, 100)}>"
