"""Fit the calibration of a committee's spread to errors on labels that the networks were not fitted to."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from nnp.core import calibration
from nnp.core.label import Frame
from nnp.core.prediction import Prediction

POWERS = (0.3, 2.0)
"""Range of the exponent b."""
ENOUGH = 200
"""Errors below this number do not determine the exponent: it is 1, so that nothing steep is extrapolated."""
FEWEST = 8
"""Errors below this number say nothing about coverage; no calibration is fitted."""


def fit(spread: npt.ArrayLike, error: npt.ArrayLike) -> calibration.Calibration | None:
    """Fit σ = sqrt(c² + (a s^b)²) by the likelihood of the errors under N(0, σ²).

    Args:
        spread: (n,) raw committee standard deviation s of each error.
        error: (n,) prediction minus label.

    Returns:
        The calibration with its record, or None where there are too few errors or no spread.
    """
    raw, residual = np.asarray(spread, dtype=np.float64), np.asarray(error, dtype=np.float64)
    if len(raw) < FEWEST or not raw.max(initial=0.0) > 0.0 or not np.any(residual):
        return None
    unit, scale = float(np.median(raw[raw > 0.0])), float(np.sqrt(np.mean(residual**2)))
    s, e = raw / unit, residual / scale

    def cost(parameters: npt.NDArray[np.float64]) -> float:
        a, b, c = np.exp(parameters[0]), parameters[1], np.exp(parameters[2])
        variance = c * c + (a * s**b) ** 2
        return float(np.mean(np.log(variance) + e * e / variance))

    powers, starts = (POWERS, (0.7, 1.0)) if len(raw) >= ENOUGH else ((1.0, 1.0), (1.0,))
    bounds = [(-7.0, 5.0), powers, (-7.0, 1.0)]
    guesses = [(np.log(slope), power, np.log(0.1)) for slope in (0.3, 1.0) for power in starts]
    found = min(
        (optimize.minimize(cost, start, bounds=bounds, method="L-BFGS-B") for start in guesses), key=lambda r: r.fun
    )
    a, b, c = float(np.exp(found.x[0])), float(found.x[1]), float(np.exp(found.x[2]))
    factor, floor = a * scale / unit**b, c * scale
    return calibration.Calibration(
        factor=factor,
        power=b,
        floor=floor,
        lowest=float(raw.min()),
        highest=float(raw.max()),
        record=check(np.sqrt(floor**2 + (factor * raw**b) ** 2), residual),
    )


def of(frames: Sequence[Frame], predictions: Sequence[Prediction]) -> dict[str, Any] | None:
    """Calibrate a committee on held-out labels: the manifest's `calibration`, or None where nothing can be fitted.

    Args:
        frames: labelled frames that the networks were not fitted to.
        predictions: of these, with energy_spread and force_spreads.
    """
    maps: dict[str, Any] = {}
    for kind, (spread, error) in _errors(frames, predictions, "spread").items():
        found = fit(spread, error)
        if found is not None:
            maps[kind] = found.to_dict()
    return maps or None


def check_all(frames: Sequence[Frame], predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Records of the served uncertainties on other labels, {"force": ..., "energy": ...}; absent where not served."""
    pairs = _errors(frames, predictions, "uncertainty")
    return {kind: asdict(check(sigma, error)) for kind, (sigma, error) in pairs.items() if len(sigma)}


def _errors(
    frames: Sequence[Frame], predictions: Sequence[Prediction], signal: str
) -> dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """For forces (each component) and energies per atom: the signal and the error, where both are known."""
    forces: list[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]] = []
    energies: list[tuple[float, float]] = []
    for frame, prediction in zip(frames, predictions, strict=True):
        label, atoms = frame.label, len(frame.structure)
        by_force = prediction.force_spreads if signal == "spread" else prediction.force_uncertainties
        by_energy = prediction.energy_spread if signal == "spread" else prediction.energy_uncertainty
        if label is None:
            continue
        if by_force is not None and label.forces is not None and prediction.forces is not None:
            forces.append((np.repeat(by_force, 3), (prediction.forces - label.forces).ravel()))
        if by_energy is not None and prediction.energy is not None:
            energies.append((by_energy / atoms, (prediction.energy - label.energy) / atoms))
    columns = np.array(energies, dtype=np.float64).reshape(-1, 2)
    joined = [np.concatenate([pair[i] for pair in forces]) if forces else np.zeros(0) for i in (0, 1)]
    return {"force": (joined[0], joined[1]), "energy": (columns[:, 0], columns[:, 1])}


def check(sigma: npt.ArrayLike, error: npt.ArrayLike) -> calibration.Record:
    """Coverage, miscalibration area and rank correlation of calibrated σ (n,) against errors (n,), n >= 1."""
    expected, observed = np.asarray(sigma, dtype=np.float64), np.abs(np.asarray(error, dtype=np.float64))
    ratio = observed / np.maximum(expected, np.finfo(np.float64).tiny)
    levels = np.linspace(0.0, 1.0, 101)[1:-1]
    reach = np.sort(ratio)
    coverage = np.searchsorted(reach, np.sqrt(2.0) * special.erfinv(levels), side="right") / len(reach)
    varies = len(observed) > 2 and np.ptp(expected) > 0.0 and np.ptp(observed) > 0.0
    return calibration.Record(
        count=len(observed),
        coverage_68=float(np.mean(ratio <= 1.0)),
        coverage_95=float(np.mean(ratio <= 1.959964)),
        miscalibration_area=float(np.mean(np.abs(coverage - levels))),
        spearman=float(stats.spearmanr(expected, observed).statistic) if varies else None,
    )
