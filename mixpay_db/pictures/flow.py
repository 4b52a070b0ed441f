"""Where a trade's money came from and where it is, laid out to scale.

A `Flow` is nodes in columns from left to right, and bands between them; `lay_out` says where each
stands. Nothing here knows the database or draws: a template draws what is laid out.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Node:
    """Something that has money: its units are what its bands bring in, or take out if more."""

    key: tuple[str, str]
    column: int
    # What is still to be paid of it: an outline, for nothing of it is there.
    lacking: int = 0


@dataclass(frozen=True)
class Band:
    source: tuple[str, str]
    target: tuple[str, str]
    units: int


@dataclass
class Flow:
    nodes: list[Node] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)

    def node(self, kind: str, number: str, column: int, lacking: int = 0) -> tuple[str, str]:
        """The node of that name; the same one if it is there already."""
        key = kind, number
        if all(node.key != key for node in self.nodes):
            self.nodes.append(Node(key, column, lacking))
        return key

    def band(self, source: tuple[str, str], target: tuple[str, str], units: int) -> None:
        """As many units more from the one to the other; none: there is no band."""
        for i, band in enumerate(self.bands):
            if (band.source, band.target) == (source, target):
                self.bands[i] = Band(source, target, band.units + units)
                return
        if units > 0:
            self.bands.append(Band(source, target, units))

    def units(self, key: tuple[str, str]) -> int:
        came_in = sum(band.units for band in self.bands if band.target == key)
        return came_in or sum(band.units for band in self.bands if band.source == key)


@dataclass(frozen=True)
class PlacedNode:
    key: tuple[str, str]
    column: int
    units: int
    lacking: int
    x: float
    y: float
    width: float
    height: float
    lacking_height: float
    # Where its name stands, and whether it ends or begins there.
    label_x: float
    label_y: float
    anchor: str
    # How much room the name has.
    label_width: float

    @property
    def kind(self) -> str:
        return self.key[0]

    @property
    def number(self) -> str:
        return self.key[1]


@dataclass(frozen=True)
class PlacedBand:
    source: tuple[str, str]
    target: tuple[str, str]
    units: int
    x0: float
    y0: float
    x1: float
    y1: float
    thickness: float

    @property
    def path(self) -> str:
        """An outline of the same thickness from end to end."""
        middle = (self.x0 + self.x1) / 2
        top0, top1 = self.y0, self.y1
        low0, low1 = self.y0 + self.thickness, self.y1 + self.thickness
        return (
            f"M{self.x0:.2f},{top0:.2f}"
            f"C{middle:.2f},{top0:.2f} {middle:.2f},{top1:.2f} {self.x1:.2f},{top1:.2f}"
            f"V{low1:.2f}"
            f"C{middle:.2f},{low1:.2f} {middle:.2f},{low0:.2f} {self.x0:.2f},{low0:.2f}Z"
        )


@dataclass(frozen=True)
class Shape:
    """How wide a picture is, and what it needs beside the money."""

    width: float
    # What the tallest column's money takes, without gaps.
    body: float
    bar: float
    # From the top of one node to that of the next, at least: a name has to fit.
    pitch: float
    gap: float
    # Room for names beside the outer columns; 0: they stand inside, over the bands.
    left: float
    right: float
    top: float = 28
    # How much more room the last gap has than the others: names stand there from both sides.
    last_gap: float = 1
    # How large the letters of names are, in the units of the picture.
    letter: float = 13.5


WIDE = Shape(width=1120, body=380, bar=12, pitch=46, gap=18, left=190, right=190)
NARROW = Shape(width=350, body=330, bar=8, pitch=40, gap=14, left=0, right=0, last_gap=2.4,
    letter=11.5,
)  # fmt: skip


@dataclass(frozen=True)
class Picture:
    width: float
    height: float
    scale: float
    nodes: Sequence[PlacedNode]
    bands: Sequence[PlacedBand]
    # Where each column begins, for its heading.
    columns: Mapping[int, float]
    letter: float


def lay_out(flow: Flow, shape: Shape) -> Picture:
    """Every height is `scale` times its units; bands leave and arrive in the order of the nodes."""
    columns: dict[int, list[Node]] = defaultdict(list)
    for node in flow.nodes:
        columns[node.column].append(node)
    used = sorted(columns)
    totals = [sum(flow.units(node.key) + node.lacking for node in columns[c]) for c in used]
    scale = shape.body / max([*totals, 1])
    first, last = shape.left, shape.width - shape.right - shape.bar
    gaps = max(len(used) - 1, 1)
    # Of two columns, the one gap is between names from both sides, too.
    step = (last - first) / (gaps - 1 + shape.last_gap)
    xs = {column: first + step * place for place, column in enumerate(used)}
    if len(used) > 1:
        xs[used[-1]] = last
    placed: dict[tuple[str, str], PlacedNode] = {}
    bottom = shape.top
    for place, column in enumerate(used):
        y = shape.top
        for node in columns[column]:
            units = flow.units(node.key)
            height, lacking_height = units * scale, node.lacking * scale
            placed[node.key] = PlacedNode(
                node.key, column, units, node.lacking, xs[column], y, shape.bar, height,
                lacking_height, *_label(shape, xs, place, y),
            )  # fmt: skip
            whole = height + lacking_height
            bottom = max(bottom, y + max(whole, shape.pitch))
            y += max(whole + shape.gap, shape.pitch)
    bands = list(_bands(flow, placed, scale, shape.bar))
    return Picture(shape.width, bottom + 4, scale, list(placed.values()), bands, xs, shape.letter)


def _label(
    shape: Shape, columns: Mapping[int, float], place: int, y: float
) -> tuple[float, float, str, float]:
    """Names of the first column stand to its left, if there is room; of the last, to its right."""
    xs = list(columns.values())
    x, is_last = xs[place], place == len(xs) - 1
    room = 10.0 if shape.right else 5.0
    if place == 0 and shape.left:
        return x - room, y, "end", shape.left - room
    if is_last and place > 0:
        if shape.right:
            return x + shape.bar + room, y, "start", shape.right - room
        return x - room, y, "end", (x - xs[place - 1] - shape.bar) / 2 - room
    end = xs[place + 1] if not is_last else shape.width
    width = end - x - shape.bar
    if place == len(xs) - 2 and not shape.right:
        width /= 2
    return x + shape.bar + room, y, "start", width - room


def _bands(
    flow: Flow, placed: Mapping[tuple[str, str], PlacedNode], scale: float, bar: float
) -> Iterable[PlacedBand]:
    place = {key: i for i, key in enumerate(placed)}
    leaves: dict[Band, float] = {}
    arrives: dict[Band, float] = {}
    for key, node in placed.items():
        for offsets, bands in (
            (leaves, sorted((b for b in flow.bands if b.source == key), key=_order(place, 1))),
            (arrives, sorted((b for b in flow.bands if b.target == key), key=_order(place, 0))),
        ):
            y = node.y
            for band in bands:
                offsets[band] = y
                y += band.units * scale
    for band in flow.bands:
        source, target = placed[band.source], placed[band.target]
        yield PlacedBand(
            band.source, band.target, band.units, source.x + bar, leaves[band], target.x,
            arrives[band], band.units * scale,
        )  # fmt: skip


def _order(place: Mapping[tuple[str, str], int], end: int) -> Callable[[Band], int]:
    return lambda band: place[(band.source, band.target)[end]]


def shares(
    arrived: Mapping[str, int],
    wanted: Mapping[str, int],
    known: Mapping[tuple[str, str], int],
) -> dict[tuple[str, str], int]:
    """How much of each order each payment pays, so that both sides sum exactly.

    `known` is what the log says of a payment and an order. What was moved from one order to another
    names no payment, so what is left open is laid out in order and cut where either ends, as the
    database does when it un-applies money.
    """
    found = {pair: max(units, 0) for pair, units in known.items()}
    for order, units in wanted.items():
        _lower(found, [(p, order) for p in arrived], units)
    for payment, units in arrived.items():
        _lower(found, [(payment, o) for o in reversed(list(wanted))], units)
    rows = {p: units - sum(found.get((p, o), 0) for o in wanted) for p, units in arrived.items()}
    for order, units in wanted.items():
        lacks = units - sum(found.get((p, order), 0) for p in arrived)
        for payment, left in rows.items():
            takes = min(lacks, left)
            if takes > 0:
                found[payment, order] = found.get((payment, order), 0) + takes
                rows[payment] -= takes
                lacks -= takes
    return {pair: units for pair, units in found.items() if units > 0}


def _lower(found: dict[tuple[str, str], int], pairs: list[tuple[str, str]], limit: int) -> None:
    """Takes from these in turn until they are no more than the limit together."""
    above = sum(found.get(pair, 0) for pair in pairs) - limit
    for pair in pairs:
        takes = min(found.get(pair, 0), max(above, 0))
        if takes:
            found[pair] -= takes
            above -= takes
