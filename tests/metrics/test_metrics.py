"""What do the metrics of a system say, and do they say just what the page promises?"""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from actors import (
    ActorSystem,
    Agent,
    ChildSpec,
    Enveloped,
    Mailbox,
    MailboxFullError,
    ReplyError,
    RouteePool,
    Supervisor,
)
from actors.eventlog import MemoryLog
from actors.eventlog.log import LogStats
from actors.metrics import Metrics
from actors.metrics.counting import MOST_ERRORS
from actors.metrics.histogram import BOUNDS, Histogram
from actors.testkit import Gate, VirtualClock
from policies import Escalate, Restart, Resume

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
ROW = re.compile(r"^\| `(actortree_\w+)` \|", re.MULTILINE)


class Boom(Exception):
    """What agents fail with here."""


class Worker(Agent):
    """Does what its message says."""

    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else message


class Letters(Enveloped):
    """Gets its messages in envelopes."""

    def on_receive(self, message: Any) -> Any:
        return message


class Sink:
    """Stands for a log of which the figures are known."""

    def __init__(self, stats: LogStats) -> None:
        self.stats = stats


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def system(clock: VirtualClock) -> Iterator[ActorSystem]:
    made = ActorSystem("test", Restart(None, within=None), clock=clock)
    yield made
    made.stop()


def crash(agent: Agent) -> None:
    raise Boom


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Give the value of the one sample with these labels, as a scrape sees it."""
    return metrics.registry.get_sample_value(f"actortree_{name}", labels)


def asked(ref: Any, message: Any) -> None:
    """Ask for something that raises, and let that pass."""
    with pytest.raises((Boom, ReplyError)):
        ref.ask(message)


# -- what is counted ----------------------------------------------------------------


def test_starts_failures_restarts_and_stops_are_counted_by_class_and_reason(system: ActorSystem) -> None:
    metrics = Metrics(system)
    worker = system.spawn(Worker, name="w")
    asked(worker, crash)
    worker.ask("barrier")
    worker.stop()
    assert sample(metrics, "actor_starts_total", actor_class="Worker", reason="spawned") == 1
    assert sample(metrics, "actor_starts_total", actor_class="Worker", reason="restarted") == 1
    assert sample(metrics, "actor_failures_total", actor_class="Worker", error_type="Boom") == 1
    assert sample(metrics, "actor_restarts_total", actor_class="Worker", policy="Restart") == 1
    assert sample(metrics, "actor_stops_total", actor_class="Worker", reason="requested") == 1


def test_a_first_start_that_fails_is_a_failure_and_no_start(system: ActorSystem) -> None:
    class Broken(Agent):
        def on_start(self) -> None:
            raise Boom

    metrics = Metrics(system)
    with pytest.raises(Exception, match="did not start"):
        system.spawn(Broken)
    assert sample(metrics, "actor_failures_total", actor_class="Broken", error_type="Boom") == 1
    assert sample(metrics, "actor_starts_total", actor_class="Broken", reason="spawned") is None


def test_an_escalation_is_counted_by_the_policy_that_escalates(system: ActorSystem, clock: VirtualClock) -> None:
    class Crew(Supervisor):
        policy = Escalate()
        children = (ChildSpec(Worker, "w"),)

    metrics = Metrics(system)
    system.spawn(Crew, name="crew")
    worker = system.find("/crew/w")
    assert worker is not None
    asked(worker, crash)
    clock.settle()
    assert sample(metrics, "actor_escalations_total", actor_class="Worker", policy="Escalate") == 1


def test_types_of_errors_beyond_a_bound_are_other(system: ActorSystem) -> None:
    metrics = Metrics(system)
    worker = system.spawn(ChildSpec(Worker, "w", policy=Resume()))

    def fail(number: int) -> Any:
        error = type(f"Error{number}", (Boom,), {})

        def act(agent: Agent) -> None:
            raise error

        return act

    for number in range(MOST_ERRORS + 3):
        asked(worker, fail(number))
    worker.ask("barrier")
    assert sample(metrics, "actor_failures_total", actor_class="Worker", error_type="Error0") == 1
    assert sample(metrics, "actor_failures_total", actor_class="Worker", error_type="other") == 3


def test_what_a_full_mailbox_refuses_is_a_dead_letter_and_dropped(system: ActorSystem) -> None:
    metrics = Metrics(system)
    worker = system.spawn(ChildSpec(Worker, "w", mailbox=Mailbox(1)))
    gate = Gate()
    worker.tell(lambda _: gate.wait())
    gate.reached()
    worker.tell("waits")
    with pytest.raises(MailboxFullError):
        worker.tell("too much")
    assert sample(metrics, "dead_letters_total", reason="mailbox full") == 1
    assert sample(metrics, "actor_messages_dropped_total", actor_class="Worker", overflow="reject") == 1
    gate.open()


# -- what is looked at ---------------------------------------------------------------


def test_states_mailboxes_and_stuck_agents_are_those_of_the_moment(system: ActorSystem, clock: VirtualClock) -> None:
    metrics = Metrics(system, stuck_after=30.0)
    first, second = (system.spawn(Worker, name=name) for name in "ab")
    gate = Gate()
    first.tell(lambda _: gate.wait())
    gate.reached()
    for number in range(3):
        first.tell(number)
    assert sample(metrics, "actors", actor_class="Worker", state="busy") == 1
    assert sample(metrics, "actors", actor_class="Worker", state="idle") == 1
    assert sample(metrics, "actor_mailbox_messages", actor_class="Worker") == 3
    assert sample(metrics, "actor_mailbox_messages_max", actor_class="Worker") == 3
    assert sample(metrics, "actor_stuck", actor_class="Worker") == 0
    clock.advance(31.0)
    assert sample(metrics, "actor_stuck", actor_class="Worker") == 1
    gate.open()
    first.ask("barrier")
    assert sample(metrics, "actor_mailbox_messages", actor_class="Worker") == 0
    second.stop()
    assert sample(metrics, "actors", actor_class="Worker", state="idle") == 1


@pytest.mark.leaves_orphans
def test_abandoned_threads_are_counted_until_they_return(system: ActorSystem, clock: VirtualClock) -> None:
    metrics = Metrics(system, messages=True)
    worker = system.spawn(ChildSpec(Worker, "w", deadline=1.0))
    gate = Gate()
    worker.tell(lambda _: gate.wait())
    gate.reached()
    clock.advance(2.0)
    worker.ask("barrier")
    assert sample(metrics, "threads_abandoned") == 1
    assert sample(metrics, "actor_messages_total", actor_class="Worker", outcome="expired") == 1
    gate.open()
    clock.settle()
    assert sample(metrics, "threads_abandoned") == 0
    # What comes back too late has been counted.
    assert sample(metrics, "actor_messages_total", actor_class="Worker", outcome="ok") == 1


def test_a_pool_tells_of_its_routees_their_jobs_and_what_it_refused(system: ActorSystem) -> None:
    metrics = Metrics(system, messages=True)
    pool = system.spawn(RouteePool, ChildSpec(Worker, mailbox=Mailbox(1)), 1, name="pool")
    gate = Gate()
    pool.tell(lambda _: gate.wait())
    gate.reached()
    waiting = pool.ask("waits", block=False)
    with pytest.raises(MailboxFullError):
        pool.tell("too much")
    assert sample(metrics, "pool_workers", pool="pool", state="busy") == 1
    assert sample(metrics, "pool_queue_items", pool="pool") == 1
    assert sample(metrics, "pool_rejected_total", pool="pool", reason="mailbox full") == 1
    gate.open()
    waiting.get()
    assert sample(metrics, "pool_job_seconds_count", pool="pool") == 2


# -- messages ------------------------------------------------------------------------


def test_messages_are_measured_only_where_somebody_asked_for_it(system: ActorSystem) -> None:
    assert "actor_messages_total" not in Metrics(system).text()
    assert system.interceptors is None


def test_messages_are_counted_by_how_they_ended(system: ActorSystem) -> None:
    def refuse(agent: Agent) -> None:
        raise ReplyError("no")

    metrics = Metrics(system, messages=True)
    worker = system.spawn(Worker, name="w")
    worker.ask("fine")
    asked(worker, refuse)
    asked(worker, crash)
    assert sample(metrics, "actor_messages_total", actor_class="Worker", outcome="ok") == 2
    assert sample(metrics, "actor_messages_total", actor_class="Worker", outcome="error") == 1
    assert sample(metrics, "actor_message_processing_seconds_count", actor_class="Worker") == 3


def test_how_long_a_handler_took_is_by_the_systems_clock(system: ActorSystem, clock: VirtualClock) -> None:
    metrics = Metrics(system, messages=True)
    worker = system.spawn(Worker, name="w")
    gate = Gate()
    answer = worker.ask(lambda _: gate.wait(), block=False)
    gate.reached()
    clock.advance(3.0)
    gate.open()
    answer.get()
    assert sample(metrics, "actor_message_processing_seconds_sum", actor_class="Worker") == 3.0
    assert sample(metrics, "actor_message_processing_seconds_bucket", actor_class="Worker", le="2.5") == 0
    assert sample(metrics, "actor_message_processing_seconds_bucket", actor_class="Worker", le="5.0") == 1


def test_an_envelope_tells_how_long_its_message_has_waited(system: ActorSystem, clock: VirtualClock) -> None:
    metrics = Metrics(system, messages=True)
    letters = system.spawn(Letters, name="l")
    gate = Gate()
    with system.intercept(lambda delivery: (gate.wait(), delivery.proceed()), "/l", nth=1):
        letters.tell("first")
        gate.reached()
        answer = letters.ask("second", block=False)
        clock.advance(4.0)
        gate.open()
        answer.get()
    assert sample(metrics, "actor_mailbox_wait_seconds_sum", actor_class="Letters") == 4.0
    assert sample(metrics, "actor_mailbox_wait_seconds_count", actor_class="Letters") == 2


def test_nothing_is_counted_after_the_end_and_what_was_counted_stays(system: ActorSystem) -> None:
    metrics = Metrics(system, messages=True)
    worker = system.spawn(Worker, name="w")
    worker.ask(1)
    metrics.close()
    metrics.close()
    worker.ask(2)
    asked(worker, crash)
    assert sample(metrics, "actor_messages_total", actor_class="Worker", outcome="ok") == 1
    assert sample(metrics, "actor_failures_total", actor_class="Worker", error_type="Boom") is None


# -- logs ----------------------------------------------------------------------------


def test_a_log_is_told_of_by_its_name_with_what_it_has_lost(system: ActorSystem) -> None:
    log: Any = Sink(LogStats(100, 80, 15, {"full": 3, "closed": 2}, failed=1, up=False))
    metrics = Metrics(system, logs={"main": log})
    assert sample(metrics, "events_total", sink="main") == 100
    assert sample(metrics, "events_dropped_total", sink="main", reason="full") == 3
    assert sample(metrics, "event_sink_lag_events", sink="main") == 15
    assert sample(metrics, "event_sink_up", sink="main") == 0


def test_logs_without_names_are_called_by_their_classes(system: ActorSystem) -> None:
    logs: list[Any] = [Sink(LogStats(1, 1, 0)), Sink(LogStats(2, 2, 0))]
    metrics = Metrics(system, logs=logs)
    assert sample(metrics, "events_total", sink="sink") == 1
    assert sample(metrics, "events_total", sink="sink_2") == 2


# -- the names -----------------------------------------------------------------------


def test_every_metric_of_the_page_exists_and_no_other(system: ActorSystem) -> None:
    log: Any = Sink(LogStats(1, 1, 0))
    text = Metrics(system, messages=True, logs=[log]).text()
    families = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    assert families == set(ROW.findall(PAGE.read_text(encoding="utf-8")))


def test_the_text_is_what_prometheus_reads(system: ActorSystem) -> None:
    metrics = Metrics(system, "mine", messages=True)
    system.spawn(Worker, name="w").ask(1)
    families = {family.name: family.type for family in text_string_to_metric_families(metrics.text())}
    assert families["mine_actors"] == "gauge"
    assert families["mine_actor_starts"] == "counter"
    assert families["mine_actor_message_processing_seconds"] == "histogram"


def test_two_systems_do_not_mix(system: ActorSystem) -> None:
    with ActorSystem("other") as other:
        ours, theirs = Metrics(system), Metrics(other)
        system.spawn(Worker)
        assert sample(ours, "actor_starts_total", actor_class="Worker", reason="spawned") == 1
        assert sample(theirs, "actor_starts_total", actor_class="Worker", reason="spawned") is None


@pytest.mark.parametrize("namespace", ["", "1st", "a-b", "a b", None])
def test_a_namespace_that_prometheus_does_not_know_is_refused(system: ActorSystem, namespace: Any) -> None:
    with pytest.raises(ValueError, match="namespace"):
        Metrics(system, namespace)


def test_what_is_no_system_and_no_log_is_refused(system: ActorSystem) -> None:
    with pytest.raises(ValueError, match="system: an ActorSystem, not None"):
        Metrics(None)  # type: ignore[arg-type]
    for logs, said in (
        (5, "logs: event logs, by name or in a list, not 5"),
        ([5], "logs: event logs, not 5"),
        ({"file": "run.db"}, "logs: event logs, not 'run.db'"),
        ({5: MemoryLog()}, "logs: names are texts, not 5"),
        (MemoryLog(), "logs: event logs, by name or in a list, not <MemoryLog"),
    ):
        with pytest.raises(ValueError, match=said):
            Metrics(system, logs=logs)  # type: ignore[arg-type]


@pytest.mark.parametrize("port", ["x", -1, 65536, True])
def test_what_is_no_port_is_refused(system: ActorSystem, port: Any) -> None:
    with Metrics(system) as metrics, pytest.raises(ValueError, match="port: a number from 0 to 65535, not"):
        metrics.serve(port)


def test_a_time_that_is_none_is_refused(system: ActorSystem) -> None:
    with pytest.raises(ValueError, match="stuck_after"):
        Metrics(system, stuck_after=-1.0)


# -- how they are asked for ------------------------------------------------------------


def test_they_are_served_over_http_until_closed(system: ActorSystem) -> None:
    metrics = Metrics(system)
    with (
        metrics.serve() as served,
        urllib.request.urlopen(f"http://127.0.0.1:{served.port}/metrics", timeout=10) as answer,
    ):
        assert "actortree_actors" in answer.read().decode()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{served.port}/metrics", timeout=10)


def test_a_web_application_can_mount_them(system: ActorSystem) -> None:
    said: list[str] = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/metrics", "QUERY_STRING": ""}
    body = Metrics(system).wsgi()(environ, lambda status, headers: said.append(status))
    assert said == ["200 OK"]
    assert b"actortree_actors" in b"".join(body)


# -- histograms -----------------------------------------------------------------------


def test_each_duration_is_in_every_bucket_that_reaches_up_to_it() -> None:
    histogram = Histogram()
    for seconds in (0.001, 0.005, 0.3, 700.0):
        histogram.observe("a", seconds)
    ((label, buckets, total),) = histogram.read()
    below = dict(buckets)
    assert (label, total) == ("a", pytest.approx(700.306))
    assert (below["0.005"], below["0.25"], below["0.5"], below["600.0"], below["+Inf"]) == (2, 2, 3, 3, 4)
    assert len(buckets) == len(BOUNDS) + 1
