"""How does the cost of one agent change with their number?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import scale
from benchmarks.runner import Results, run_turns

_PANELS = (
    ("spawn", "seconds to spawn one agent"),
    ("bytes", "resident bytes of one agent"),
    ("stop", "seconds to stop one agent"),
)

Curves = dict[str, dict[str, list[tuple[int, float]]]]
"""`{cost: {peer: [(number of agents, median cost of one), ...]}}`, fewest agents first."""


def measure(peers: Sequence[str], runs: int, quick: bool, say: Callable[[str], None]) -> tuple[Curves, Results]:
    """Measure each number of agents, 10 to 1,000,000 (10,000 when quick), with the peers in turns."""
    curves: Curves = {cost: {} for cost, _ in _PANELS}
    everything = Results()
    for size in scale.SIZES[:4] if quick else scale.SIZES:
        results = Results()
        able = {peer: size for peer in peers if size <= scale.LARGEST.get(peer, 0)}
        run_turns(results, "scale", able, runs, say)
        everything.failures += results.failures
        _add(curves, results, size)
    return curves, everything


def _add(curves: Curves, results: Results, size: int) -> None:
    for cost, by_peer in curves.items():
        for peer in results.samples["scale"]:
            value = results.median("scale", peer, cost)
            if value is not None and (cost != "bytes" or size >= scale.RESOLVED):
                by_peer.setdefault(peer, []).append((size, value))


def draw(curves: Curves, path: str) -> None:
    """Write three panels with logarithmic axes as an image; ImportError says which extra to install."""
    pyplot = load_pyplot()
    figure, panels = pyplot.subplots(1, len(_PANELS), figsize=(15, 4.5))
    for panel, (cost, title) in zip(panels, _PANELS, strict=True):
        for peer, points in curves[cost].items():
            panel.plot(*zip(*points, strict=True), marker="o", label=peer)
        panel.set(title=title, xlabel="agents", xscale="log", yscale="log")
        panel.grid(True, which="major", alpha=0.3)
        panel.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def load_pyplot() -> Any:
    """Import matplotlib's pyplot with a backend that needs no screen."""
    try:
        import matplotlib
    except ImportError as error:
        raise ImportError("--plot needs matplotlib: pip install 'actortree[plot]'") from error
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot
