"""Scaling of the symmetry functions, per centre element, that never amplifies what hardly varies.

Divided by one number for all functions of a kind, functions that vary little count little from the start: networks
first explain the labels by what varies most, as a kernel of the functions would. Divided by its own deviation, every
function counts alike, and rare environments throw the small ones far outside of their range.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from nnp.core import errors
from nnp.learn.moments import Moments

NEARLY_CONSTANT = 1e-3
"""Functions whose standard deviation is below this fraction of the median of their kind are dropped."""

ROUNDING = 1e-9
"""So are those whose standard deviation is below this fraction of their mean: a rigid host varies by rounding alone."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scaling:
    """Networks see (G - shift) * scale; shapes (E, D) for E centre elements and D functions.

    Attributes:
        shift: mean of each function over the training atoms of the element.
        scale: reciprocal of the bounded standard deviation; exactly 0 for dropped functions.
        lowest: smallest value of each function among the training atoms of the element.
        highest: largest value.
        dropped: (element, function) of every function that was dropped because it hardly varies.
    """

    shift: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    lowest: npt.NDArray[np.float64]
    highest: npt.NDArray[np.float64]
    dropped: tuple[tuple[str, str], ...]


def fit(
    moments: Moments,
    elements: Sequence[str],
    names: Sequence[Sequence[str]],
    *,
    by: Literal["kind", "function"],
    floor: float,
    centres: Sequence[str] | None = None,
) -> Scaling:
    """Fit shift and scale: scale = 1 / rms std of the functions of the kind, or 1 / max(std, floor * median std of it).

    The bound of the latter matters: a function that hardly varies in training, divided by its tiny standard deviation,
    is thrown far outside of the trained range by the first unusual atom, and takes the force on it along.

    Args:
        moments: of the symmetry functions of the training atoms.
        elements: the E symbols.
        names: of each element, the names of its functions, at most D; the first word of a name is its kind. Columns
            without a name are padding.
        by: one number for a kind, or one for each function.
        floor: where each function has its own, the least standard deviation that is divided by, as a fraction of the
            median of its kind.
        centres: elements that have networks, None = all; functions of the others need not vary.

    Raises:
        InputError: an element has no atom in the data, or no function varies for it.
    """
    shift, scale, lowest, highest = (np.zeros(moments.mean.shape) for _ in range(4))
    deviations = moments.deviation()
    dropped: list[tuple[str, str]] = []
    for number, element in enumerate(elements):
        kinds = np.array([name.split()[0] for name in names[number]])
        size = len(kinds)
        if moments.counts[number] == 0:
            raise errors.InputError(f"no training structure has the element {element}")
        deviation = deviations[number, :size]
        typical = np.zeros(size)
        for kind in np.unique(kinds):
            typical[kinds == kind] = np.median(deviation[kinds == kind])
        typical[typical == 0.0] = np.median(deviation)
        least = np.maximum(NEARLY_CONSTANT * typical, ROUNDING * np.abs(moments.mean[number, :size]))
        keep = deviation > least
        if not keep.any() and (centres is None or element in centres):
            raise errors.InputError(
                f"no symmetry function varies around {element}: all its atoms have the same environment; "
                "add displaced or strained structures"
            )
        shift[number, :size] = moments.mean[number, :size]
        bounded = _by_kind(deviation, kinds, keep) if by == "kind" else np.maximum(deviation, floor * typical)
        scale[number, :size][keep] = 1.0 / bounded[keep]
        lowest[number, :size], highest[number, :size] = moments.lowest[number, :size], moments.highest[number, :size]
        dropped += [(element, names[number][int(column)]) for column in np.flatnonzero(~keep)]
    return Scaling(shift=shift, scale=scale, lowest=lowest, highest=highest, dropped=tuple(dropped))


def _by_kind(
    deviation: npt.NDArray[np.float64], kinds: npt.NDArray[np.str_], keep: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """For every function the root mean square of the deviations of the kept functions of its kind."""
    result = np.ones_like(deviation)
    for kind in np.unique(kinds[keep]):
        result[kinds == kind] = np.sqrt((deviation[keep & (kinds == kind)] ** 2).mean())
    return result
