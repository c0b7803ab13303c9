"""What does the tree look like now?

A snapshot is frozen and is taken without stopping anybody: each fact is read once, from fields that their owner
writes. So two facts of one busy agent may be a message apart.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from actors._core.abandonment import running_since
from actors._core.commands import State
from actors._core.context import describe
from actors._core.errors import said
from actors._core.frames import current_frames
from actors._core.supervision import Down
from policies import Policy, Restart

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.spec import ChildSpec
    from actors._core.system import ActorSystem

GLYPHS = {
    "idle": "○",
    "busy": "●",
    "waiting": "◌",
    "starting": "◐",
    "suspended": "◑",
    "backing_off": "◔",
    "halted": "◑",
    "stopping": "◓",
    "stopped": "✕",
    "down": "-",
    "unknown": "?",  # of a tree that was rebuilt from a log with gaps
}
# What means something in the text of a Mermaid node, as entities of Mermaid's own.
_MERMAID = str.maketrans({"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;"})


@dataclass(frozen=True, slots=True)
class AgentSnapshot:
    """One agent at one moment.

    `state` is one of idle, busy, waiting, starting, suspended, backing_off, halted, stopping, stopped, down;
    `waits_for` is the path it asks. `limit` is its parent's restart limit as text. `seconds` is how long its code
    has been running, `message` what it handles; `children` are in start order.
    """

    path: str
    name: str
    agent: str
    state: str
    incarnation: int
    restarts: int
    limit: str
    mailbox: int
    capacity: int | None
    message: str
    seconds: float
    waits_for: str
    last_failure: str
    thread: int
    children: tuple[AgentSnapshot, ...] = field(default=(), repr=False)

    def walk(self) -> Iterator[AgentSnapshot]:
        """Give this agent and all below it, parents first."""
        todo = [self]
        while todo:
            agent = todo.pop()
            yield agent
            todo.extend(reversed(agent.children))

    def __str__(self) -> str:
        text = f"{GLYPHS[self.state]} {self.name} {self.agent} {self.state}"
        if self.waits_for:
            text += f" for {self.waits_for}"
        if self.incarnation:
            text += f" #{self.incarnation}"
        if self.restarts:
            text += f" restarts={self.restarts}{f' (limit {self.limit})' if self.limit else ''}"
        if self.mailbox or self.capacity:
            text += f" mailbox={self.mailbox}{f'/{self.capacity}' if self.capacity else ''}"
        if self.message:
            text += f" in {self.message} for {self.seconds:.1f} s"
        if self.last_failure:
            text += f" last failure: {self.last_failure}"
        return text


@dataclass(frozen=True, slots=True)
class Tree:
    """A system's agents at one moment, and the specs kept of agents that are down.

    Prints as text, and draws as Mermaid or DOT.
    """

    system: str
    root: AgentSnapshot
    orphans: int = 0

    def __iter__(self) -> Iterator[AgentSnapshot]:
        """Give all agents, parents first, without the root."""
        agents = self.root.walk()
        next(agents)
        return agents

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def find(self, path: str) -> AgentSnapshot | None:
        """Give the agent at that path, or None."""
        return next((agent for agent in self.root.walk() if agent.path == path), None)

    def __str__(self) -> str:
        lines = [self._title()]
        _draw(self.root, "", lines)
        return "\n".join(lines)

    def _title(self) -> str:
        down = sum(1 for agent in self if agent.state == "down")
        count = len(self) - down
        kept = f", {down} down" if down else ""
        orphans = f", {self.orphans} orphan{'' if self.orphans == 1 else 's'}" if self.orphans else ""
        return f"{self.system}: {count} agent{'' if count == 1 else 's'}{kept}{orphans}"

    def __repr__(self) -> str:
        return f"<Tree {self._title()}>"

    def to_mermaid(self) -> str:
        """Give the tree as a Mermaid flowchart."""
        lines = ["flowchart TD"]
        for number, agent, parent in self._numbered():
            name, kind = agent.name.translate(_MERMAID), agent.agent.translate(_MERMAID)
            lines.append(f'    a{number}["{name}<br/>{kind} #{agent.incarnation}<br/>{agent.state}"]')
            if parent is not None:
                lines.append(f"    a{parent} --> a{number}")
        return "\n".join(lines)

    def to_dot(self) -> str:
        """Give the tree as a graph for Graphviz."""
        lines = [f"digraph {_quoted(self.system)} {{", "    node [shape=box];"]
        for number, agent, parent in self._numbered():
            label = _quoted(f"{agent.name}\n{agent.agent} #{agent.incarnation}\n{agent.state}")
            lines.append(f"    a{number} [label={label}];")
            if parent is not None:
                lines.append(f"    a{parent} -> a{number};")
        return "\n".join([*lines, "}"])

    def _numbered(self) -> Iterator[tuple[int, AgentSnapshot, int | None]]:
        todo: list[tuple[AgentSnapshot, int | None]] = [(self.root, None)]
        number = 0
        while todo:
            agent, parent = todo.pop()
            yield number, agent, parent
            todo.extend((child, number) for child in reversed(agent.children))
            number += 1


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _draw(agent: AgentSnapshot, indent: str, lines: list[str]) -> None:
    todo: list[tuple[AgentSnapshot, str, str]] = []
    _queue_children(agent, indent, todo)
    while todo:
        child, lead, below = todo.pop()
        lines.append(f"{lead}{child}")
        _queue_children(child, below, todo)


def _queue_children(agent: AgentSnapshot, indent: str, todo: list[tuple[AgentSnapshot, str, str]]) -> None:
    last = len(agent.children) - 1
    for position in range(last, -1, -1):
        corner, beam = ("└─ ", "   ") if position == last else ("├─ ", "│  ")
        todo.append((agent.children[position], indent + corner, indent + beam))


def snapshot(system: ActorSystem) -> Tree:
    """Take the snapshot; costs microseconds per agent and stops none."""
    return Tree(system.name, _snap_all(system.guardian), len(system.orphans_list))


def dump(system: ActorSystem) -> str:
    """Give the tree, and the stacks of the agents whose code runs now and of the orphans."""
    tree = snapshot(system)
    frames = current_frames()
    parts = [str(tree)]
    for agent in tree:
        frame = frames.get(agent.thread) if agent.message else None
        if frame is not None:
            parts.append(f"{agent.path} #{agent.incarnation} has been in {agent.message} for {agent.seconds:.1f} s:")
            parts.append("".join(traceback.format_stack(frame)).rstrip())
    for orphan in system.orphans:
        parts.append(f"orphan {orphan.path} #{orphan.incarnation}, {orphan.seconds:.1f} s in {orphan.message}:")
        parts.append(orphan.stack.rstrip())
    return "\n".join(parts)


def _snap_all(root: Cell) -> AgentSnapshot:
    # Children before parents, without recursion: a tree may be deeper than Python's stack.
    top: list[AgentSnapshot] = []
    order: list[tuple[Cell | Down, Cell, str, list[AgentSnapshot], list[AgentSnapshot]]] = []
    todo: list[tuple[Cell | Down, Cell, str, list[AgentSnapshot]]] = [(root, root, "/", top)]
    while todo:
        child, parent, name, siblings = todo.pop()
        below: list[AgentSnapshot] = []
        order.append((child, parent, name, siblings, below))
        if not isinstance(child, Down) and child.family is not None:
            todo.extend((found, child, given, below) for given, found in child.family.entries())
    for child, parent, name, siblings, below in reversed(order):
        if isinstance(child, Down):
            siblings.append(_snap_down(child.spec, parent, name))
        else:
            siblings.append(_snap(child, tuple(below)))
    return top[0]


def _snap_down(spec: ChildSpec[Any], parent: Cell, name: str) -> AgentSnapshot:
    path = f"{parent.path.rstrip('/')}/{name}"
    return AgentSnapshot(path, name, spec.agent.__name__, "down", 0, 0, "", 0, None, "", 0.0, "", "", 0)


def _snap(cell: Cell, children: tuple[AgentSnapshot, ...]) -> AgentSnapshot:
    started = running_since(cell.context)
    waits_for = cell.waiting
    failure = cell.failure
    return AgentSnapshot(
        path=cell.path,
        name=cell.name,
        agent=cell.spec.agent.__name__,
        state=_state(cell, started is not None, waits_for is not None),
        incarnation=cell.incarnation,
        restarts=cell.restarts,
        limit=_limit(cell),
        mailbox=len(cell.queue) if cell.queue is not None else 0,
        capacity=cell.spec.mailbox.capacity if cell.spec.mailbox is not None else None,
        message=describe(cell.in_hand) if started is not None else "",
        seconds=cell.system.clock.now() - started if started is not None else 0.0,
        waits_for=waits_for.cell.path if waits_for is not None else "",
        last_failure=said(failure.error) if failure is not None else "",
        thread=cell.context.thread if cell.context is not None else 0,
        children=children,
    )


def _state(cell: Cell, running: bool, waiting: bool) -> str:
    if cell.state is State.RUNNING:
        return "waiting" if waiting else "busy" if running else "idle"
    if cell.state is State.NEW:
        return "starting"
    return cell.state.name.lower()


def _limit(cell: Cell) -> str:
    policy = cell.spec.policy
    if policy is None and cell.parent is not None:
        policy = cell.parent.family_policy
    return limit_text(policy)


def limit_text(policy: Policy | None) -> str:
    """Say how many restarts a policy allows; "" where there is no limit, or the policy cannot tell."""
    if policy is None:
        return ""
    try:
        restart = policy if isinstance(policy, Restart) else policy.for_exit()
    except Exception:  # it is the program's
        return ""
    if restart.max_restarts is None:
        return ""
    return f"{restart.max_restarts}" + (f" in {restart.within:g} s" if restart.within is not None else " in a row")
