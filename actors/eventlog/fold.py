"""What did the tree look like, by its records?

Rebuilds the tree from a log: after each record it is as the live one was, as far as records tell. What an agent has in
hand and how much waits for it is no record; that comes from a sample, where there is one. What was lost is not guessed:
an agent of which records are missing is `unknown` until the next one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from actors._core.tree import AgentSnapshot, Tree
from actors.eventlog.log import Gap
from actors.eventlog.records import Record

ENDED = 1000
"""So many of the agents that have ended are remembered, the newest."""

_STATES = {
    "agent_spawned": "starting",
    "agent_started": "idle",
    "agent_suspended": "suspended",
    "agent_halted": "halted",
    "agent_backing_off": "backing_off",
    "agent_restarting": "starting",
    "agent_restarted": "idle",
    "agent_resumed": "idle",
    "agent_stopping": "stopping",
}
_ENDS = frozenset({"agent_stopped", "agent_start_failed"})
_BEGINS = frozenset({"agent_spawned", "agent_started"})
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class LoggedAgent(AgentSnapshot):
    """One agent as its records tell. `since` is when it came into its state, `failed_at` when it last failed.

    `state` may also be unknown. `lost` says that records of it are missing: then `restarts` is the most there can have
    been. `reason` is why it has ended, if it has.
    """

    since: datetime | None = None
    failed_at: datetime | None = None
    reason: str = ""
    lost: bool = False

    def __str__(self) -> str:
        text = AgentSnapshot.__str__(self)
        if self.reason:
            text += f" ({self.reason})"
        return f"{text} (records are missing)" if self.lost else text

    def to_json(self) -> dict[str, Any]:
        """Give its facts as JSON values, without its children."""
        facts = {
            name: getattr(self, name)
            for name in ("path", "name", "agent", "state", "incarnation", "restarts", "limit", "mailbox", "capacity")
        }
        facts |= {name: getattr(self, name) for name in ("message", "seconds", "waits_for", "last_failure", "reason")}
        times = {"since": self.since, "failed_at": self.failed_at}
        return (
            facts | {name: None if at is None else at.isoformat() for name, at in times.items()} | {"lost": self.lost}
        )


@dataclass(frozen=True, slots=True)
class LoggedTree(Tree):
    """The tree after the record `seq`, which was made `at`; prints and draws as the live one.

    `ended` says that the system has ended, `failed` why if an escalation ended it. `gaps` counts the places at which
    records are missing. `sampled` is when it was looked at what the agents have in hand, if it was.
    """

    run: str = ""
    seq: int = 0
    at: datetime | None = None
    ended: bool = False
    failed: str = ""
    gaps: int = 0
    sampled: datetime | None = None

    def _title(self) -> str:
        count = sum(1 for agent in self if agent.state != "stopped")
        parts = [f"{self.system}: {count} agent{'' if count == 1 else 's'}"]
        gone = len(self) - count
        if gone:
            parts.append(f"{gone} ended")
        if self.orphans:
            parts.append(f"{self.orphans} orphan{'' if self.orphans == 1 else 's'}")
        if self.gaps:
            parts.append(f"records are missing in {self.gaps} place{'' if self.gaps == 1 else 's'}")
        if self.ended:
            parts.append(f"it has ended: {self.failed}" if self.failed else "it has ended")
        return ", ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Give the tree as JSON values; `agents` are in one list, parents first."""
        return {
            "system": self.system,
            "run": self.run,
            "seq": self.seq,
            "at": None if self.at is None else self.at.isoformat(),
            "ended": self.ended,
            "failed": self.failed,
            "gaps": self.gaps,
            "orphans": self.orphans,
            "sampled": None if self.sampled is None else self.sampled.isoformat(),
            "agents": [agent.to_json() for agent in self if isinstance(agent, LoggedAgent)],
        }


@dataclass(slots=True)
class _Node:
    """One agent's life so far."""

    path: str
    agent: str = "?"
    state: str = "unknown"
    incarnation: int = 0
    restarts: int = 0
    limit: str = ""
    last_failure: str = ""
    since: datetime | None = None
    failed_at: datetime | None = None
    reason: str = ""
    lost: bool = False
    children: dict[str, None] = field(default_factory=dict)  # their paths, in start order


class Fold:
    """A tree that is rebuilt one record at a time: of one run, all of them or from any prefix on, in their order."""

    def __init__(self, system: str = "?") -> None:
        self._system = system
        self._run = ""
        self._seq = 0
        self._at: datetime | None = None
        self._stopped = False
        self._failed = ""
        self._gaps = 0
        self._orphans = 0
        self._root = _Node("/", "Guardian", "idle", 1)
        self._nodes: dict[str, _Node] = {"/": self._root}
        self._ended: dict[str, _Node] = {}  # by path, in the order in which they ended

    def begin(self, earlier: Iterable[Record], lost: Collection[str], seq: int) -> None:
        """Begin with what is kept of the agents' own views from before the record `seq + 1`, oldest first.

        `lost` are those agents of whom even that is not all.
        """
        for record in earlier:
            self._take(record)
        for path in lost:
            node = self._nodes.get(path)
            if node is not None:
                node.lost = True
                node.restarts = max(node.restarts, node.incarnation - 1)
        self._seq = seq

    def add(self, record: Record | Gap) -> None:
        """Go one record further, or over a gap."""
        if isinstance(record, Gap):
            self._lose()
            self._seq = max(self._seq, record.first_available - 1)
            return
        if record.seq is not None:
            if record.seq <= self._seq:
                return  # known already
            if record.seq > self._seq + 1:
                self._lose()
            self._seq = record.seq
        self._take(record)

    def _take(self, record: Record) -> None:
        self._run = record.run or self._run
        self._at = record.timestamp or self._at
        kind = record.event_type
        if kind in _STATES:
            self._step(record, _STATES[kind])
        elif kind in _ENDS:
            self._end(record)
        elif kind == "log_gap":
            self._lose()
        elif kind == "system_started":
            self._system = getattr(record, "system", None) or self._system
        elif kind == "system_stopped":
            self._stopped = True
            self._failed = getattr(record, "error", None) or ""
        elif kind == "agent_abandoned":
            self._orphans += 1
        elif kind == "agent_returned":
            self._orphans = max(0, self._orphans - 1)
        if kind == "agent_suspended" or kind == "agent_failed":
            self._fail(record)

    def tree(self, sample: Mapping[str, Any] | None = None, *, ended: bool = False) -> LoggedTree:
        """Give the tree as it is now; with `ended` those that have ended are in it, too, as `stopped`.

        `sample` is what `Reader.sample` gives: what agents had in hand at that moment.
        """
        shown = dict(self._nodes)
        if ended:
            for path, node in self._ended.items():
                shown.setdefault(path, node)
        figures, at = _figures(sample)
        return LoggedTree(
            self._system,
            _build(shown, figures, at),
            self._orphans,
            run=self._run,
            seq=self._seq,
            at=self._at,
            ended=self._stopped,
            failed=self._failed,
            gaps=self._gaps,
            sampled=at if figures else None,
        )

    # -- steps --------------------------------------------------------------------

    def _step(self, record: Record, state: str) -> None:
        path = record.path
        if path is None or path == "/":
            return
        kind = record.event_type
        node = self._nodes.get(path)
        if node is None or kind == "agent_spawned":
            node = self._begin(path, kind in _BEGINS)
        node.agent = getattr(record, "agent", None) or node.agent
        node.limit = getattr(record, "limit", None) or node.limit
        node.state = state
        node.since = record.timestamp
        if record.incarnation is not None:
            node.incarnation = record.incarnation
        if kind == "agent_restarted":
            node.restarts = node.incarnation - 1 if node.lost else node.restarts + 1
        elif node.lost:
            node.restarts = max(node.restarts, node.incarnation - 1, 0)

    def _begin(self, path: str, known: bool) -> _Node:
        """A life begins, or is heard of for the first time."""
        self._drop(path)
        node = self._nodes[path] = _Node(path, lost=not known)
        above = _parent(path)
        if above not in self._nodes:
            self._begin(above, known=False)
        self._nodes[above].children[path] = None
        return node

    def _end(self, record: Record) -> None:
        path = record.path
        if path is None or path == "/":
            return
        node = self._nodes.get(path) or self._begin(path, known=False)
        self._drop(path)
        node.state = "stopped"
        node.since = record.timestamp
        node.reason = getattr(record, "reason", None) or ("did not start" if record.event_type in _ENDS else "")
        error = getattr(record, "error", None)
        if error:
            node.last_failure, node.failed_at = error, record.timestamp
        self._ended.pop(path, None)
        self._ended[path] = node
        if len(self._ended) > ENDED:
            del self._ended[next(iter(self._ended))]

    def _drop(self, path: str) -> None:
        """Take an agent out, with all below it: children end before their parents, so of those a record was lost."""
        node = self._nodes.pop(path, None)
        if node is None:
            return
        above = self._nodes.get(_parent(path))
        if above is not None:
            above.children.pop(path, None)
        todo = list(node.children)
        while todo:
            below = self._nodes.pop(todo.pop(), None)
            if below is not None:
                todo.extend(below.children)

    def _fail(self, record: Record) -> None:
        """Remember the last failure, which is told when it stops the agent; what is decided says it once more."""
        node = self._nodes.get(record.path or "")
        error = getattr(record, "error", None)
        if node is not None and error and (record.event_type == "agent_suspended" or node.lost):
            node.last_failure, node.failed_at = error, record.timestamp

    def _lose(self) -> None:
        """Records are missing here: whatever lives may be in another state by now, or gone."""
        self._gaps += 1
        for node in self._nodes.values():
            if node is not self._root:
                node.lost = True
                node.state = "unknown"


def fold(
    records: Iterable[Record | Gap],
    sample: Mapping[str, Any] | None = None,
    *,
    system: str = "?",
    ended: bool = False,
) -> LoggedTree:
    """Give the tree after these records of one run, in their order; see `Fold`."""
    folding = Fold(system)
    for record in records:
        folding.add(record)
    return folding.tree(sample, ended=ended)


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _figures(sample: Mapping[str, Any] | None) -> tuple[Mapping[str, Any], datetime | None]:
    if sample is None:
        return _NOTHING, None
    at = sample.get("at")
    agents = sample.get("agents")
    try:
        when = datetime.fromisoformat(at) if isinstance(at, str) else None
    except ValueError:
        when = None
    return agents if isinstance(agents, Mapping) else _NOTHING, when


def _build(shown: Mapping[str, _Node], figures: Mapping[str, Any], at: datetime | None) -> AgentSnapshot:
    # Deepest first, so that children are there before their parents; without recursion, as trees may be deep.
    below: dict[str, list[AgentSnapshot]] = {}
    order = list(shown.values())
    for node in _missing_parents(shown):
        order.append(node)
    for node in sorted(order, key=lambda each: each.path.count("/") if each.path != "/" else 0, reverse=True):
        made = _snap(node, figures.get(node.path), at, tuple(below.pop(node.path, ())))
        if node.path == "/":
            return made
        below.setdefault(_parent(node.path), []).append(made)
    raise AssertionError("a tree has a root")


def _missing_parents(shown: Mapping[str, _Node]) -> list[_Node]:
    """Give stand-ins for those above an agent that has ended that are not remembered themselves."""
    found: dict[str, _Node] = {}
    for path in shown:
        above = _parent(path)
        while above not in shown and above not in found:
            found[above] = _Node(above, lost=True)
            above = _parent(above)
    return list(found.values())


def _snap(node: _Node, figures: Any, at: datetime | None, children: tuple[AgentSnapshot, ...]) -> LoggedAgent:
    seen: Mapping[str, Any] = figures if isinstance(figures, Mapping) and _is_of(node, figures, at) else _NOTHING
    state = node.state
    if state in ("idle", "unknown") and seen.get("state") in ("busy", "waiting"):
        state = seen["state"]
    return LoggedAgent(
        path=node.path,
        name=node.path.rpartition("/")[2] or "/",
        agent=node.agent,
        state=state,
        incarnation=node.incarnation,
        restarts=node.restarts,
        limit=node.limit,
        mailbox=seen.get("mailbox", 0),
        capacity=seen.get("capacity"),
        message=seen.get("message", ""),
        seconds=seen.get("seconds", 0.0),
        waits_for=seen.get("waits_for", ""),
        last_failure=node.last_failure,
        thread=0,
        children=children,
        since=node.since,
        failed_at=node.failed_at,
        reason=node.reason,
        lost=node.lost,
    )


def _is_of(node: _Node, figures: Mapping[str, Any], at: datetime | None) -> bool:
    """Whether the figures are those of the state that the agent is in, and not of one before."""
    if node.state == "stopped" or figures.get("incarnation", node.incarnation) != node.incarnation:
        return node.state == "unknown"
    return at is None or node.since is None or node.since <= at
