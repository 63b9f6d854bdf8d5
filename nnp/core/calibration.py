"""Calibration of a committee's spread: a monotone map to an expected error, with the record that justifies it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class Record:
    """How well calibrated values met the errors of labels that were not trained on.

    Attributes:
        count: number of errors looked at (force components; structures for the energy).
        coverage_68: fraction of errors within 1 σ; 0.683 would be ideal.
        coverage_95: fraction of errors within 1.96 σ; 0.95 would be ideal.
        miscalibration_area: area between expected and observed coverage over all levels; 0 is ideal, 0.5 the worst.
        spearman: rank correlation between σ and the absolute error; None where one of them does not vary.
    """

    count: int
    coverage_68: float
    coverage_95: float
    miscalibration_area: float
    spearman: float | None


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """σ = sqrt(floor² + (factor · s^power)²) of a raw committee standard deviation s; monotone for power > 0.

    Attributes:
        factor: a, in units of σ per unit of s^power.
        power: b, dimensionless.
        floor: σ at s = 0, in the units of σ (eV/Å per force component, or eV/atom).
        lowest: smallest raw standard deviation among the labels it was fitted to.
        highest: largest one; beyond it the potential is extrapolating.
        record: the check on those labels.
    """

    factor: float
    power: float
    floor: float
    lowest: float
    highest: float
    record: Record

    def apply(self, spread: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Map raw committee standard deviations (any shape) to calibrated ones of the same shape."""
        raw = np.asarray(spread, dtype=np.float64)
        return np.sqrt(self.floor**2 + (self.factor * raw**self.power) ** 2)

    def extrapolating(self, spread: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether raw standard deviations (any shape) lie above all that the calibration has seen."""
        return np.asarray(spread) > self.highest

    def to_dict(self) -> dict[str, Any]:
        """JSON-like data for the manifest."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Calibration":
        """The inverse of `to_dict`."""
        return cls(**{**data, "record": Record(**data["record"])})
