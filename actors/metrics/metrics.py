"""Where does one ask for the metrics of a system?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from actors._core.checks import is_seconds
from actors._core.system import ActorSystem
from actors.eventlog.log import LogStats
from actors.metrics.counting import Counts
from actors.metrics.timing import Timing

if TYPE_CHECKING:
    from actors.eventlog.log import EventLog

_LAST_PORT = 65535
_NAMESPACE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")


class Served:
    """A small HTTP server of one system's metrics, on a thread of its own; `close` ends both."""

    def __init__(self, server: Any, thread: Any) -> None:
        self._server = server
        self._thread = thread
        self.port: int = server.server_port

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Metrics:
    """Counts what happens in a system from now on, and reads the rest of it whenever it is asked; on any thread.

    It has a registry of its own (`registry`), so systems do not mix, nor the metrics of the program that has them.

    - `namespace`: what all names begin with.
    - `messages`: also count messages by outcome, and measure how long they take; costs each message some microseconds.
    - `logs`: the event logs of which to tell, by the name that is to be their label; or only the logs.
    - `stuck_after`: seconds after which an agent whose code still runs counts as stuck.

    Raises ImportError, which says what to install, without the extra `prometheus`.
    """

    def __init__(
        self,
        system: ActorSystem,
        namespace: str = "actortree",
        *,
        messages: bool = False,
        logs: Mapping[str, EventLog] | Iterable[EventLog] = (),
        stuck_after: float = 30.0,
    ) -> None:
        if not isinstance(system, ActorSystem):
            raise ValueError(f"system: an ActorSystem, not {system!r}")
        if not isinstance(namespace, str) or not _NAMESPACE.match(namespace):
            raise ValueError(f"namespace: letters, digits and underscores, not {namespace!r}")
        if not is_seconds(stuck_after):
            raise ValueError(f"stuck_after: seconds, 0 or more, not {stuck_after!r}")
        named = _named(logs)
        from actors.metrics import families

        self._families = families
        counts = Counts(system, messages)
        timing = Timing(system, counts) if messages else None
        self.registry = families.CollectorRegistry()
        self.registry.register(families.Families(system, namespace, counts, timing, named, stuck_after))
        self._unsubscribe = system.events.subscribe(counts, *counts.kinds)
        self._interception = None if timing is None else system.intercept(timing)

    def text(self) -> str:
        """Give all metrics in Prometheus' text format."""
        return self._families.generate_latest(self.registry).decode()

    def wsgi(self) -> Any:
        """Give a WSGI application that answers with the metrics, to be mounted in a web application."""
        return self._families.make_wsgi_app(self.registry)

    def serve(self, port: int = 0, host: str = "127.0.0.1") -> Served:
        """Answer at http://host:port/metrics on a thread of its own, until `close` of what this gives; 0 is any port.

        Raises OSError where the port is taken, and ValueError for what is no port.
        """
        if type(port) is not int or not 0 <= port <= _LAST_PORT:
            raise ValueError(f"port: a number from 0 to {_LAST_PORT}, not {port!r}")
        return Served(*self._families.start_http_server(port, host, self.registry))

    def close(self) -> None:
        """Count nothing more; what was counted stays. May be called twice."""
        self._unsubscribe()
        if self._interception is not None:
            self._interception.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _named(logs: Mapping[str, EventLog] | Iterable[EventLog]) -> dict[str, EventLog]:
    """Call each by its class, where it has no name: memory, sqlite, redis; a second one of a class redis_2."""
    if not isinstance(logs, Iterable):
        raise ValueError(f"logs: event logs, by name or in a list, not {logs!r}")
    if isinstance(logs, Mapping):
        if wrong := [name for name in logs if not isinstance(name, str)]:
            raise ValueError(f"logs: names are texts, not {wrong[0]!r}")
        named = {**logs}
    else:
        named = _by_class(logs)
    if strange := [log for log in named.values() if not isinstance(getattr(log, "stats", None), LogStats)]:
        raise ValueError(f"logs: event logs, not {strange[0]!r}")
    return named


def _by_class(logs: Iterable[EventLog]) -> dict[str, EventLog]:
    named: dict[str, EventLog] = {}
    for log in logs:
        kind = type(log).__name__.removesuffix("Log").lower() or "log"
        count = 1 + sum(1 for name in named if name == kind or name.startswith(f"{kind}_"))
        named[kind if count == 1 else f"{kind}_{count}"] = log
    return named
