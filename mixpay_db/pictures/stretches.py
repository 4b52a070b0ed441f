"""First in, first out as a ruler: payments end to end, the oldest first, and what is taken."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Stretch:
    """One payment's stretch of a trade's money; taken: what the refund takes of it."""

    name: str
    start: int
    end: int
    taken: int


@dataclass(frozen=True)
class PlacedStretch:
    name: str
    units: int
    taken: int
    x: float
    width: float
    taken_width: float


def lay_out(stretches: Sequence[Stretch], width: float) -> list[PlacedStretch]:
    """Each as wide as its money, all together `width`; a refund takes from the left of each."""
    total = max([stretch.end for stretch in stretches], default=0)
    scale = width / total if total else 0
    return [
        PlacedStretch(
            stretch.name,
            stretch.end - stretch.start,
            stretch.taken,
            stretch.start * scale,
            (stretch.end - stretch.start) * scale,
            stretch.taken * scale,
        )
        for stretch in stretches
    ]
