"""How are agents tested without waiting?"""

from actors.testkit.clock import VirtualClock

__all__ = ["VirtualClock"]
