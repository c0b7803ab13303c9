"""What does one scrape say?

The only module that imports prometheus_client. Counters and histograms were kept as things happened; gauges are read
from the tree at the moment of the scrape, so they are never stale.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from actors.metrics.counting import Counts
from actors.metrics.timing import Timing
from actors.routing.pool_ref import PoolRef

try:
    from prometheus_client import CollectorRegistry, generate_latest, make_wsgi_app, start_http_server
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
except ImportError as error:  # pragma: no cover - depends on what is installed
    raise ImportError("metrics need the extra prometheus: pip install 'actortree[prometheus]'") from error

if TYPE_CHECKING:
    from actors._core.system import ActorSystem
    from actors._core.tree import AgentSnapshot
    from actors.eventlog.log import EventLog

COUNTERS = {
    "actor_starts": ("incarnations that have started", ("actor_class", "reason")),
    "actor_stops": ("agents that have ended for good", ("actor_class", "reason")),
    "actor_failures": ("failures, of first starts too", ("actor_class", "error_type")),
    "actor_restarts": ("incarnations after the first", ("actor_class", "policy")),
    "actor_escalations": ("failures that became the parent's", ("actor_class", "policy")),
    "actor_messages_dropped": ("messages for which a mailbox had no room", ("actor_class", "overflow")),
    "dead_letters": ("messages that nobody handled", ("reason",)),
    "pool_rejected": ("messages that a pool had no routee, or no room, for", ("pool", "reason")),
}

_Values = Mapping[Any, int]
"""How much, by the values of the labels."""

__all__ = ["CollectorRegistry", "Families", "generate_latest", "make_wsgi_app", "start_http_server"]


class Families:
    """The collector of one system's metrics, for a registry."""

    def __init__(
        self,
        system: ActorSystem,
        namespace: str,
        counts: Counts,
        timing: Timing | None,
        logs: Mapping[str, EventLog],
        stuck_after: float,
    ) -> None:
        self._system = system
        self._namespace = namespace
        self._counts = counts
        self._timing = timing
        self._logs = logs
        self._stuck_after = stuck_after

    def collect(self) -> Iterator[Any]:
        """Give all families; costs microseconds per agent and stops none."""
        yield from self._counters()
        agents = list(self._system.tree())
        yield from self._agents(agents)
        yield from self._pools(agents)
        if self._timing is not None:
            yield from self._messages(self._timing)
        if self._logs:
            yield from self._sinks()

    def _counters(self) -> Iterator[Any]:
        for name, (text, labels) in COUNTERS.items():
            yield self._counter(name, text, labels)

    def _agents(self, agents: list[AgentSnapshot]) -> Iterator[Any]:
        states = Counter((agent.agent, agent.state) for agent in agents)
        yield self._gauge("actors", "agents in the tree, and kept specs", ("actor_class", "state"), states)
        depth: Counter[tuple[str, ...]] = Counter()
        deepest: Counter[tuple[str, ...]] = Counter()
        stuck: Counter[tuple[str, ...]] = Counter()
        for agent in agents:
            kind = (agent.agent,)
            depth[kind] += agent.mailbox
            deepest[kind] = max(deepest[kind], agent.mailbox)
            stuck[kind] += agent.seconds > self._stuck_after
        kinds = ("actor_class",)
        yield self._gauge("actor_mailbox_messages", "messages that wait, of all mailboxes together", kinds, depth)
        yield self._gauge("actor_mailbox_messages_max", "messages that wait, in the fullest mailbox", kinds, deepest)
        text = f"agents whose code has been running for more than {self._stuck_after:g} seconds"
        yield self._gauge("actor_stuck", text, kinds, stuck)
        lost = {(): len(self._system.orphans_list)}
        yield self._gauge("threads_abandoned", "abandoned threads that have not returned", (), lost)

    def _pools(self, agents: list[AgentSnapshot]) -> Iterator[Any]:
        pools = {ref.path for ref in self._system.select("/**") if isinstance(ref, PoolRef)}
        workers: Counter[tuple[str, ...]] = Counter()
        queued: Counter[tuple[str, ...]] = Counter()
        for agent in agents:
            if agent.path in pools:
                queued[(agent.name,)] += agent.mailbox + sum(routee.mailbox for routee in agent.children)
                workers.update((agent.name, routee.state) for routee in agent.children)
        yield self._gauge("pool_workers", "routees of a pool", ("pool", "state"), workers)
        yield self._gauge("pool_queue_items", "messages that wait for a pool and its routees", ("pool",), queued)

    def _messages(self, timing: Timing) -> Iterator[Any]:
        yield self._counter("actor_messages", "messages that were handled, or not in time", ("actor_class", "outcome"))
        for name, text, label, histogram in (
            ("actor_message_processing_seconds", "how long handlers took", "actor_class", timing.processing),
            (
                "actor_mailbox_wait_seconds",
                "from sent to handled, where an envelope tells",
                "actor_class",
                timing.waiting,
            ),
            ("pool_job_seconds", "how long the routees of a pool took", "pool", timing.jobs),
        ):
            family = HistogramMetricFamily(self._named(name), text, labels=(label,))
            for value, buckets, total in histogram.read():
                family.add_metric((value,), buckets, total)
            yield family

    def _sinks(self) -> Iterator[Any]:
        stats = {name: log.stats for name, log in self._logs.items()}
        appended = {(name,): each.appended for name, each in stats.items()}
        dropped = {(name, why): count for name, each in stats.items() for why, count in each.dropped.items()}
        yield self._counter("events", "records that a log was given", ("sink",), appended)
        yield self._counter("events_dropped", "records that a log has lost", ("sink", "reason"), dropped)
        up = {(name,): int(each.up) for name, each in stats.items()}
        yield self._gauge("event_sink_up", "whether the last write to a log succeeded", ("sink",), up)
        lag = {(name,): each.waiting for name, each in stats.items()}
        yield self._gauge("event_sink_lag_events", "records that wait to be written", ("sink",), lag)

    # -- building -----------------------------------------------------------------

    def _named(self, name: str) -> str:
        return f"{self._namespace}_{name}"

    def _counter(self, name: str, text: str, labels: tuple[str, ...], values: _Values | None = None) -> Any:
        family = CounterMetricFamily(self._named(name), text, labels=labels)
        for value, count in self._counts.read(name) if values is None else values.items():
            family.add_metric(value, count)
        return family

    def _gauge(self, name: str, text: str, labels: tuple[str, ...], values: _Values) -> Any:
        family = GaugeMetricFamily(self._named(name), text, labels=labels)
        for value, count in values.items():
            family.add_metric(value, count)
        return family
