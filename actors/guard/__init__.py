"""How much may an agent use, and what happens when it is used up?"""

from actors.guard.breakers import Breaker, Breakers, CircuitOpenError
from actors.guard.cancel import CancelToken
from actors.guard.loop import LoopGuard
from actors.guard.manifest import NETWORK, Manifest, ManifestError, Privacy
from actors.guard.quota import Quota
from actors.guard.usage import TIERS, Usage, UsageByTier
from actors.guard.verdicts import Allow, Block, CircuitBreak, Exhausted, Stuck, Verdict, Warn, enforce

__all__ = [
    "NETWORK",
    "TIERS",
    "Allow",
    "Block",
    "Breaker",
    "Breakers",
    "CancelToken",
    "CircuitBreak",
    "CircuitOpenError",
    "Exhausted",
    "LoopGuard",
    "Manifest",
    "ManifestError",
    "Privacy",
    "Quota",
    "Stuck",
    "Usage",
    "UsageByTier",
    "Verdict",
    "Warn",
    "enforce",
]
