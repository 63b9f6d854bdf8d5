"""`scaling.data`: range, mean and standard deviation of every symmetry function in the training data.

Modes (keywords of `input.nn`), with S from scale_min_short to scale_max_short:
    none              G
    scale             S_min + (S_max - S_min) (G - G_min) / (G_max - G_min)
    centre            G - G_mean
    scale and centre  S_min + (S_max - S_min) (G - G_mean) / (G_max - G_min)
    sigma             S_min + (S_max - S_min) (G - G_mean) / G_sigma
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnp.core import errors
from nnp.learn.foreign import numbers
from nnp.learn.foreign.keywords import Settings
from nnp.learn.foreign.sources import File, Line

NAME = "scaling.data"
COLUMNS = (5, 6)
"""Element, function, minimum, maximum, mean, and sigma in newer files."""
ENERGIES = 2
"""Words of the lines after the rows: the least and largest energy."""

UNKNOWN = 1e30
"""Minimum and maximum of this size say that nobody knows the range; the writer here writes them so."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scaling:
    """x = (G - shift) · scale; arrays of one element's functions (n,).

    Attributes:
        shift, scale: the linear map.
        lower, upper: range of G in training; None where it is not known.
    """

    shift: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    lower: npt.NDArray[np.float64] | None
    upper: npt.NDArray[np.float64] | None


def read(file: File, settings: Settings, counts: Mapping[str, int]) -> dict[str, Scaling]:
    """The scaling of every element.

    Args:
        file: `scaling.data`.
        settings: keywords of `input.nn`.
        counts: number of symmetry functions of the elements, by atomic number.

    Raises:
        ForeignError: rows or columns are missing, superfluous or out of order, or a width to divide by is zero.
    """
    lines = file.lines("#")
    rows = [line for line in lines if len(line.words) > ENERGIES]
    _check_columns(file, rows)
    wanted = sum(counts.values())
    if len(rows) != wanted:
        last = lines[-1].number if lines else None
        raise errors.ForeignError(
            file=file.name,
            line=rows[wanted].number if len(rows) > wanted else last,
            reason=f"{len(rows)} rows where 'input.nn' has {wanted} symmetry functions ("
            + ", ".join(f"{element} {count}" for element, count in counts.items())
            + ")",
        )
    result = {}
    for number, (element, count) in enumerate(counts.items(), start=1):
        own, rows = rows[:count], rows[count:]
        result[element] = _element(file, own, settings, number)
    return result


def _check_columns(file: File, rows: Sequence[Line]) -> None:
    for row in rows:
        found, first = len(row.words), len(rows[0].words)
        if found not in COLUMNS:
            reason = f"{found} columns, not 5 (element, function, minimum, maximum, mean) or 6 (sigma too)"
        elif found != first:
            reason = f"{found} columns where the rows before have {first}: the file is damaged"
        else:
            continue
        raise errors.ForeignError(file=file.name, line=row.number, reason=reason)


def _element(file: File, rows: Sequence[Line], settings: Settings, number: int) -> Scaling:
    sigma = settings.one("scale_symmetry_functions_sigma") is not None
    values = np.zeros((len(rows), 4))
    for index, row in enumerate(rows, start=1):
        if row.words[:2] != (str(number), str(index)):
            raise errors.ForeignError(
                file=file.name,
                line=row.number,
                reason=f"function {index} of element {number} is expected here, not {' of '.join(row.words[1::-1])}",
            )
        found = numbers.reals(row.words[2:6], file=file.name, line=row.number)
        if sigma and len(found) < 4:
            raise errors.ForeignError(file=file.name, line=row.number, reason="the column of sigma is missing")
        values[index - 1, : len(found)] = found
        if found[1] < found[0]:
            raise errors.ForeignError(file=file.name, line=row.number, reason="the maximum is below the minimum")
    shift, scale = _map(file, rows, settings, values)
    lower, upper = values[:, 0], values[:, 1]
    known = bool(np.all(upper < UNKNOWN))
    return Scaling(shift=shift, scale=scale, lower=lower if known else None, upper=upper if known else None)


def _map(
    file: File, rows: Sequence[Line], settings: Settings, values: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Shift and scale of the mode that the keywords ask for; scaling and centring win over sigma as in n2p2."""
    lower, upper, mean, deviation = values.T
    scale = settings.one("scale_symmetry_functions") is not None
    centre = settings.one("center_symmetry_functions") is not None
    sigma = settings.one("scale_symmetry_functions_sigma") is not None
    if not scale and (centre or not sigma):
        return (mean if centre else np.zeros_like(mean)), np.ones_like(mean)
    width, what = (upper - lower, "range") if scale else (deviation, "sigma")
    origin = mean if centre or not scale else lower
    zero = np.flatnonzero(width <= 0.0)
    if zero.size:
        raise errors.ForeignError(
            file=file.name,
            line=rows[int(zero[0])].number,
            reason=f"the {what} of symmetry function {int(zero[0]) + 1} is zero: it cannot be scaled; "
            "remove the function and its weights, or scale it by other data",
        )
    least, most = _bound(settings, "scale_min_short", 0.0), _bound(settings, "scale_max_short", 1.0)
    if most == least:
        entry = settings.one("scale_max_short") or settings.needed("scale_min_short")
        raise settings.error(entry, "scale_min_short and scale_max_short are equal")
    slope = (most - least) / width
    return origin - least / slope, slope


def _bound(settings: Settings, keyword: str, default: float) -> float:
    entry = settings.one(keyword)
    if entry is None:
        return default
    return numbers.real(settings.with_arguments(entry, 1).words[0], file=settings.file, line=entry.line)
