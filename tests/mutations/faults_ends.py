"""What could be wrong with how agents and systems end, and with what hangs?"""

from tests.mutations.fault import Fault

LIFE, SUPERVISION, WATCH = "actors/_core/life.py", "actors/_core/supervision.py", "actors/_core/watch.py"
ABANDONMENT = "actors/_core/abandonment.py"

ENDS = (
    Fault(
        "children-stop-in-start-order", "one loses what it depends on before it has stopped",
        SUPERVISION, "Family.stop_all", "in reversed(cells)", "in cells",
        "core/stop_order",
    ),
    Fault(
        "a-name-is-free-as-soon-as-its-agent-is-told-to-end", "two of that name run at the same time",
        SUPERVISION, "Family.admit", "not isinstance(self._children[child.name], Down)",
        "not (isinstance(at := self._children[child.name], Down) or at.final)",
        "core/dropin_mended",
    ),
    Fault(
        "a-brutal-childs-last-hook-runs", "its parent waits for code that it did not want to run",
        LIFE, "finish", "if not killed:", "if True:",
        "core/shutdown",
    ),
    Fault(
        "a-deadline-for-all-replaces-each-ones-own", "a child gets more time than its shutdown",
        SUPERVISION, "Family.stop", "left if allowed is None else min(allowed, left)", "left",
        "core/mutants_found",
    ),
)  # fmt: skip

WATCHES = (
    Fault(
        "a-watch-of-one-that-has-ended-is-silent", "the watcher waits for ever",
        WATCH, "watch", "if ended is not None:", "if False:",
        "core/watch",
    ),
    Fault(
        "a-restart-tells-the-watchers", "they take a new incarnation for the end",
        LIFE, "start_again", "    error = begin(cell, failure)\n",
        "    from actors._core.messages import Terminated\n\n"
        "    for watcher in tuple(cell.watchers or ()):\n"
        "        watcher.notify(cell, Terminated(cell.ref, StopReason.FAILED, None))\n"
        "    error = begin(cell, failure)\n",
        "core/watch",
    ),
    Fault(
        "a-notice-is-lost-while-the-watcher-is-down", "the next incarnation never learns of the end",
        LIFE, "_notify", "cell.open_queue().extendleft((command,))", "pass",
        "core/lifecycle_turns",
    ),
)  # fmt: skip

HANGS = (
    Fault(
        "an-orphans-answer-is-accepted", "it goes on in its replacement's place",
        "actors/_core/turn.py", "Turn._handle_special", "            return _GONE\n", "            pass\n",
        "core/context",
    ),
    Fault(
        "no-fence-is-raised", "an orphan goes on sending",
        "actors/_core/orphans.py", "Orphans.add", "context.fenced = True", "pass",
        "core/promises_orphans",
    ),
    Fault(
        "one-orphan-too-many-is-allowed", "a system stops too late",
        ABANDONMENT, "abandon", "count > system.max_orphans", "count > system.max_orphans + 1",
        "core/promises_orphans",
    ),
    Fault(
        "whatever-runs-is-abandoned", "the next message is given up in the place of a slow one that has returned",
        ABANDONMENT, "abandon", "baton.remove(since)", "baton.pop()",
        "core/lifecycle_abandonment",
    ),
    Fault(
        "nobody-answers-for-an-abandoned-handler", "its asker waits for ever",
        ABANDONMENT, "_answer_for", "replied = item.resolve(error=error)", "replied = False",
        "core/context",
    ),
    Fault(
        "a-stop-is-forgotten-with-the-hook-that-hangs-in-it", "the agent never ends",
        ABANDONMENT, "abandon", "cell.control_lane().appendleft(cell.obeying)", "pass",
        "core/shutdown",
    ),
    Fault(
        "a-heartbeat-does-not-put-the-deadline-off", "a handler that makes progress is abandoned",
        "actors/_core/context.py", "Context.heartbeat", "baton[0] = self.cell.system.clock.now()", "pass",
        "core/context",
    ),
)  # fmt: skip

FAULTS = (*ENDS, *WATCHES, *HANGS)
