"""What refunds take back of the shares of a split: the first smallest units of all of them."""

from collections.abc import Sequence
from fractions import Fraction

# So many parts of one are told apart, in whole numbers: fractions take seven times as long.
ONE = 2**119


def first_units(
    amounts: Sequence[int], most: Sequence[int], least: Sequence[int], total: int
) -> list[int]:
    """So many units of all amounts, those first that stand, by their middle, first in theirs.

    Of each amount, most at most, and at least least.
    """

    def up_to(part: int) -> list[int]:
        """What stands before this part of its amount, its middle included."""
        bounds = zip(amounts, most, least, strict=True)
        return [max(low, min(high, (2 * part * a + ONE) // (2 * ONE))) for a, high, low in bounds]

    low, high = 0, 2 * ONE
    while high - low > 1:
        middle = (low + high) // 2
        if sum(up_to(middle)) <= total:
            low = middle
        else:
            high = middle
    taken = up_to(low)
    while sum(taken) < total:
        able = [i for i, t in enumerate(taken) if t < most[i]]
        taken[min(able, key=lambda i: Fraction(2 * taken[i] + 1, amounts[i]))] += 1
    return taken
