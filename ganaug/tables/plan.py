"""How the rows of each class will be made, and how long training takes, from the counts alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ganaug.recipe import Recipe


INTERPOLATE_BELOW = 10
"""Class size below which ``auto`` interpolates between real rows; larger classes are anchored.

At ten rows the two methods were level. A generator that starts from noise was ahead of them by more
than chance at no size up to 3,200 rows (docs/research.md).
"""


def plan_methods(counts: Sequence[int], recipe: Recipe) -> list[str]:
    """Return the method that makes each class, from its number of rows.

    A recipe with ``small_classes="gan"`` makes every class from noise. Only a single row is
    duplicated, because it has no distribution to learn.
    """
    return [_method(count, recipe.small_classes == "auto") for count in counts]


def _method(count: int, adaptive: bool) -> str:
    if count <= 1:
        return "duplicate"
    if adaptive and count < INTERPOLATE_BELOW:
        return "interpolate"
    return "anchored" if adaptive else "gan"


def auto_steps(n_rows: int) -> int:
    """Return the number of generator steps, which grows with the square root of the rows.

    Two thirds of these steps did about as well, and four times as many did worse
    (docs/research.md). The number does not depend on time, so that a fit on a busy machine gives
    the same model.
    """
    return int(min(max(10 * math.sqrt(n_rows), 200), 3000))
