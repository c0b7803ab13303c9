"""What should a supervisor do about a failure? Values that decide and never act."""

from policies.backoff import Backoff
from policies.branches import ByError, RetryableOnly
from policies.breaker import Admission, CallEnd, Circuit, CircuitBreaker, CircuitState, simulate_calls
from policies.codec import breaker_from_json, breaker_to_json, policy_from_json, policy_to_json
from policies.policy import Escalate, Policy, Restart, Resume, Stop
from policies.simulation import simulate
from policies.tables import AutoShutdown, RestartType, Strategy, check_significant
from policies.values import Decision, Directive, Failure, History, Mark, Phase

__actortree__ = "0.1.0"  # tells these policies from another package of that name

__all__ = [
    "Admission",
    "AutoShutdown",
    "Backoff",
    "ByError",
    "CallEnd",
    "Circuit",
    "CircuitBreaker",
    "CircuitState",
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
    "breaker_from_json",
    "breaker_to_json",
    "check_significant",
    "policy_from_json",
    "policy_to_json",
    "simulate",
    "simulate_calls",
]
