"""How are agents tested without waiting?"""

from actors.testkit.clock import VirtualClock
from actors.testkit.waiting import dilation, set_dilation, wait

__all__ = ["VirtualClock", "dilation", "set_dilation", "wait"]
