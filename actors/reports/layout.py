"""Where does each ticket of a graph stand? In layers from left to right, so that every line goes to the right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_SWEEPS = 4
"""So many times the layers are sorted by where their neighbours stand; more changes little."""


@dataclass(frozen=True, slots=True)
class Layout:
    """`layers` of names, the first without dependencies; `place` of each name: its layer, and its row in that."""

    layers: tuple[tuple[str, ...], ...]
    place: Mapping[str, tuple[int, int]]


def lay_out(depends_on: Mapping[str, Sequence[str]]) -> Layout:
    """Give each name the layer after the last of those it depends on, and within a layer the row near its neighbours.

    Names that are not keys are left out. A cycle, which a track never has, is cut where it is met first.
    """
    layer_of = _layers(depends_on)
    layers: list[list[str]] = [[] for _ in range(max(layer_of.values(), default=-1) + 1)]
    for name in depends_on:
        layers[layer_of[name]].append(name)
    before = {name: [each for each in needs if each in layer_of] for name, needs in depends_on.items()}
    after: dict[str, list[str]] = {name: [] for name in depends_on}
    for name, needs in before.items():
        for each in needs:
            after[each].append(name)
    for sweep in range(_SWEEPS):
        neighbours = after if sweep % 2 else before
        order = reversed(layers) if sweep % 2 else layers
        row = {name: place / len(layer) for layer in layers for place, name in enumerate(layer)}
        for layer in order:
            layer.sort(key=lambda name: _middle([row[each] for each in neighbours[name]], row[name]))
            row.update({name: place / len(layer) for place, name in enumerate(layer)})
    place = {name: (column, line) for column, layer in enumerate(layers) for line, name in enumerate(layer)}
    return Layout(tuple(map(tuple, layers)), place)


def _middle(rows: list[float], own: float) -> float:
    return sum(rows) / len(rows) if rows else own


def _layers(depends_on: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Longest paths, without recursion: a chain of tickets may be long."""
    layer_of: dict[str, int] = {}
    for start in depends_on:
        path = [start]
        under_way = {start}
        while path:
            name = path[-1]
            needs = [each for each in depends_on[name] if each in depends_on]
            missing = next((each for each in needs if each not in layer_of and each not in under_way), None)
            if missing is not None:
                path.append(missing)
                under_way.add(missing)
                continue
            layer_of[name] = 1 + max((layer_of[each] for each in needs if each in layer_of), default=-1)
            under_way.discard(path.pop())
    return layer_of
