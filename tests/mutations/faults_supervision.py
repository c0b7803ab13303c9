"""What could be wrong with what is decided about a failure, and with how that is carried out?"""

from tests.mutations.fault import Fault

SUPERVISION, SIBLINGS, LIFE = "actors/_core/supervision.py", "actors/_core/siblings.py", "actors/_core/life.py"
LIMITS, POLICY, BACKOFF = "policies/limits.py", "policies/policy.py", "policies/backoff.py"

LIMIT = (
    Fault(
        "a-restart-as-old-as-the-window-counts-no-longer", "one restart more than allowed",
        LIMITS, "_counts", "<= within", "< within",
        "core/limits",
    ),
    Fault(
        "one-restart-more-is-allowed", "a supervisor gives up too late",
        POLICY, "Restart._is_spent", ">= self.max_restarts", "> self.max_restarts",
        "policies/restart core/limits",
    ),
    Fault(
        "a-handled-message-does-not-end-a-row-of-failures", "an agent that works well in between is given up",
        LIMITS, "_counts", "(mark.path != failure.path or not failure.handled)", "True",
        "policies/restart core/limits",
    ),
    Fault(
        "restarts-spent-on-a-child-stay-with-its-name", "its successor starts with a limit that is half spent",
        SUPERVISION, "Family.remove", "self._restarts.forget(child)", "pass",
        "core/limits",
    ),
    Fault(
        "jitter-is-added-above-the-cap", "a restart waits longer than its cap",
        BACKOFF, "Backoff.delay",
        "min(self.cap, self._grown(step) * spread)", "min(self.cap, self._grown(step)) * spread",
        "policies/backoff",
    ),
    Fault(
        "the-wait-for-a-restart-counts-as-a-quiet-period", "the delay never grows beyond the period",
        LIMITS, "next_step", "failure.at - mark.at - mark.delay", "failure.at - mark.at",
        "policies/backoff",
    ),
)  # fmt: skip

DECISIONS = (
    Fault(
        "a-policy-that-raises-is-taken-to-say-stop", "its mistake is never seen",
        SUPERVISION, "Family._decide",
        "return raised, Decision(Directive.ESCALATE, history=history)",
        "return failure.error, Decision(Directive.STOP, history=history)",
        "core/promises_failure",
    ),
    Fault(
        "an-abandoned-child-is-resumed", "it goes on with the state that its orphan has",
        SUPERVISION, "Family._decide", "failure.phase in (Phase.START, Phase.DEADLINE)", "failure.phase is Phase.START",
        "core/lifecycle_abandonment",
    ),
    Fault(
        "a-permanent-child-that-was-stopped-from-outside-comes-back", "nobody can stop it",
        LIFE, "_stop", "command.reason is StopReason.NORMAL and cell.comes_back()", "cell.comes_back()",
        "core/restart_types",
    ),
    Fault(
        "a-stale-decision-restarts-the-next-incarnation", "one failure costs two incarnations",
        "actors/_core/commands.py", "Halt.is_late", "failure.incarnation != cell.incarnation", "False",
        "core/lifecycle_supervision",
    ),
    Fault(
        "an-escalation-is-judged-on-the-lane-it-came-from", "the lane waits for itself when the parent is restarted",
        SUPERVISION, "Family._escalate",
        "system.pool.put(Job(partial(grandparent.family.submit, partial(grandparent.family.judge, parent, raised))))",
        "grandparent.family.submit(partial(grandparent.family.judge, parent, raised))",
        "core/lifecycle_supervision",
    ),
    Fault(
        "the-child-whose-failure-reached-a-resumed-parent-is-left-suspended", "it never handles a message again",
        LIFE, "_resume", "cell.family.resume_escalated()", "pass",
        "core/resumed_escalations",
    ),
    Fault(
        "an-unhandled-notice-of-a-death-is-ignored", "a watcher goes on without what it needs",
        "actors/_core/agent.py", "Agent.on_receive",
        "raise DeathPactError(message.ref.path, message.reason.value)", "return",
        "core/watch",
    ),
)  # fmt: skip

GROUPS = (
    Fault(
        "one_for_all-leaves-the-last-sibling-out", "it goes on with what the others have forgotten",
        "policies/tables.py", "Strategy.affected", "(0, len(names))", "(0, len(names) - 1)",
        "policies/tables core/strategies",
    ),
    Fault(
        "a-group-goes-on-after-one-that-did-not-start", "those after it start without it",
        SIBLINGS, "Siblings._start_group", "is not None:\n                return", "is not None:\n                pass",
        "core/strategies",
    ),
    Fault(
        "a-group-whose-parent-was-restarted-meanwhile-comes-up", "a backoff of the old children starts the new ones",
        SIBLINGS, "Siblings._start_when_due", "if restarts is self._restarts:", "if True:",
        "core/strategies",
    ),
)  # fmt: skip

RESTARTS = (
    Fault(
        "the-last-hook-runs-before-the-children-have-ended", "it takes away what they still use",
        LIFE, "end_incarnation",
        "    if cell.family is not None and not cell.spec.keep_children:\n"
        "        cell.family.stop_all(None, final=False)\n"
        "    if not killed:\n        _last_hook(cell, context, error)\n",
        "    if not killed:\n        _last_hook(cell, context, error)\n"
        "    if cell.family is not None and not cell.spec.keep_children:\n"
        "        cell.family.stop_all(None, final=False)\n",
        "core/promises_restart",
    ),
    Fault(
        "a-restart-that-does-not-start-is-left-at-that", "nobody decides about it, and the agent is never back",
        LIFE, "start_again", "cell.failing = cell.record_failure(error, Phase.START)", "pass",
        "core/promises_restart",
    ),
    Fault(
        "the-stash-is-lost-at-a-restart", "accepted messages vanish",
        "actors/_core/context.py", "Context.end", "self.return_stash()", "pass",
        "core/stash_timers",
    ),
    Fault(
        "a-tick-that-waits-is-delivered-although-its-timer-has-ended", "an earlier incarnation's reaches the next",
        "actors/_core/timers.py", "Tick.take", "stands = self._timers.stands(self)", "stands = True",
        "core/stash_timers",
    ),
    Fault(
        "a-result-piped-by-an-earlier-incarnation-is-delivered", "the next one gets an answer it never asked for",
        "actors/_core/context.py", "Context._deliver_result", "if self.is_current:", "if True:",
        "core/context",
    ),
)  # fmt: skip

FAULTS = (*LIMIT, *DECISIONS, *GROUPS, *RESTARTS)
