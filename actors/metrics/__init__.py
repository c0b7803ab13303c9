"""How is a system watched by Prometheus?

`Metrics(system)` counts what happens and reads the rest when it is asked; needs the extra `prometheus`.
"""

from actors.metrics.metrics import Metrics

__all__ = ["Metrics"]
