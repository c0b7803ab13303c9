"""Where does each ticket of a graph stand? In layers from left to right, so that every line goes to the right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_SWEEPS = 8
"""So many times the layers are sorted by where their neighbours stand; more changes little."""

Place = tuple[int, int]
Node = str | tuple[str, str, int]
"""A name, or where the line between two names crosses a layer."""


@dataclass(frozen=True, slots=True)
class Layout:
    """`place` of each name: its layer, and its row in that. `sizes`: the rows of each layer.

    `ways`: for each line, by (from, to), the places that it goes through. A line across several layers has a row of its
    own in each, so that no name lies on it.
    """

    sizes: tuple[int, ...]
    place: Mapping[str, Place]
    ways: Mapping[tuple[str, str], tuple[Place, ...]]


def lay_out(depends_on: Mapping[str, Sequence[str]]) -> Layout:
    """Give each name the layer after the last of those it depends on, and within a layer the row near its neighbours.

    Names that are not keys are left out. A cycle, which a track never has, is cut where it is met first.
    """
    layer_of = _layers(depends_on)
    before = {name: [need for need in needs if layer_of.get(need, len(layer_of)) < layer_of[name]]
              for name, needs in depends_on.items()}  # fmt: skip
    ways = {(need, name): _way(need, name, layer_of) for name, needs in before.items() for need in needs}
    layers: list[list[Node]] = [[] for _ in range(max(layer_of.values(), default=-1) + 1)]
    for name in depends_on:
        layers[layer_of[name]].append(name)
    left: dict[Node, list[Node]] = {}
    right: dict[Node, list[Node]] = {}
    for (need, _), way in ways.items():
        for number, node in enumerate(way[:-1]):
            layers[layer_of[need] + 1 + number].append(node)
        for source, target in zip((need, *way), way, strict=False):
            right.setdefault(source, []).append(target)
            left.setdefault(target, []).append(source)
    _sort(layers, left, right)
    place = {node: (column, row) for column, layer in enumerate(layers) for row, node in enumerate(layer)}
    return Layout(
        tuple(map(len, layers)),
        {node: where for node, where in place.items() if isinstance(node, str)},
        {ends: tuple(place[node] for node in (ends[0], *way)) for ends, way in ways.items()},
    )


def _way(need: str, name: str, layer_of: Mapping[str, int]) -> tuple[Node, ...]:
    return (*((need, name, layer) for layer in range(layer_of[need] + 1, layer_of[name])), name)


def _sort(layers: list[list[Node]], left: Mapping[Node, list[Node]], right: Mapping[Node, list[Node]]) -> None:
    """Put each node in the row nearest to the middle of its neighbours, from left to right and back."""
    row = {node: _part(place, layer) for layer in layers for place, node in enumerate(layer)}
    for sweep in range(_SWEEPS):
        neighbours = right if sweep % 2 else left
        order: Iterable[list[Node]] = reversed(layers) if sweep % 2 else layers
        for layer in order:
            layer.sort(key=lambda node: _middle([row[each] for each in neighbours.get(node, ())], row[node]))
            row.update({node: _part(place, layer) for place, node in enumerate(layer)})


def _part(place: int, layer: Sequence[Node]) -> float:
    return (place + 0.5) / len(layer)


def _middle(rows: Sequence[float], own: float) -> float:
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
