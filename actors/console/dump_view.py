"""`actortree dump LOG`: all that a log tells about a tree in trouble, on one page."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime

from actors._core.tree import AgentSnapshot
from actors.console.events_view import Lines
from actors.console.feed import Feed
from actors.console.opening import opened
from actors.console.text import ago, clean, lasting, plural
from actors.console.tree_view import write_tree
from actors.eventlog.fold import LoggedTree


def show(options: argparse.Namespace) -> int:
    with opened(options.log, options.run) as reader:
        feed = Feed(reader)
        tree = feed.tree()
        if tree.ended:
            tree = feed.tree(ended=True)
        found = feed.to_json() if options.json else {}
    failures = list(feed.failures)[-options.count :]
    busy = [agent for agent in tree if agent.message or agent.mailbox]
    if options.json:
        found = {
            **found,
            "busy": [agent.path for agent in busy],
            "failures": [record.to_fields() for record in failures],
        }
        print(json.dumps(found, ensure_ascii=False, default=repr))
        return 0
    write_tree(tree)
    _write_busy(tree, busy)
    print(f"\nlast failures: {plural(len(failures), 'record')}" if failures else "\nlast failures: none")
    Lines(as_json=False).write(failures)
    return 0


def _write_busy(tree: LoggedTree, busy: list[AgentSnapshot]) -> None:
    if tree.sampled is None:
        print("\nin hand: the log has no sample of what the agents are doing")
        return
    print(f"\nin hand, {ago(tree.sampled, datetime.now(UTC))}: {plural(len(busy), 'agent')}")
    for agent in busy:
        room = f"{agent.mailbox}/{agent.capacity}" if agent.capacity else f"{agent.mailbox}"
        doing = f"in {clean(agent.message)} for {lasting(agent.seconds)}" if agent.message else agent.state
        waits = f", waits for {agent.waits_for}" if agent.waits_for else ""
        print(f"  {agent.path} #{agent.incarnation} {agent.agent}: {doing}{waits}, mailbox {room}")
