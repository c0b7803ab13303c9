"""What should a supervisor do about a failure? Values that decide and never act."""

from policies.backoff import Backoff
from policies.branches import ByError, RetryableOnly
from policies.codec import policy_from_json, policy_to_json
from policies.policy import Escalate, Policy, Restart, Resume, Stop
from policies.simulation import simulate
from policies.tables import AutoShutdown, RestartType, Strategy, check_significant
from policies.values import Decision, Directive, Failure, History, Mark, Phase

__actortree__ = "0.1.0"  # tells these policies from another package of that name

__all__ = [
    "AutoShutdown",
    "Backoff",
    "ByError",
    "Decision",
    "Directive",
    "Escalate",
    "Failure",
    "History",
    "Mark",
    "Phase",
    "Policy",
    "Restart",
    "RestartType",
    "Resume",
    "RetryableOnly",
    "Stop",
    "Strategy",
    "check_significant",
    "policy_from_json",
    "policy_to_json",
    "simulate",
]
