"""The physics contract of a trained potential: ``nnp.core.contract`` on both of its files, and "ONNX equals torch".

The same graph evaluated by torch from the parameters and by ONNX Runtime from the file must agree within 1e-6 eV/atom
and 1e-5 of the forces' rms in single precision, and within 1e-9 of both in double precision.
"""

from collections.abc import Sequence

import numpy as np

from nnp.core import contract, transformations
from nnp.core import potential as potentials
from nnp.core.contract import Check, ContractReport, Tolerances
from nnp.core.structure import Structure
from nnp.learn.evaluation import evaluate
from nnp.learn.potential import Potential

__all__ = ["Check", "ContractReport", "Tolerances", "check", "evaluate"]

ROUNDINGS = 10.0
"""Torch and ONNX Runtime add up in other orders than one of them does for a turned structure."""
FORCES_FLOAT64 = 1e-9
"""Of the forces' rms, in double precision."""


def check(
    potential: Potential,
    *,
    onnx_float32: bytes,
    onnx_float64: bytes,
    structures: Sequence[Structure],
    tolerances: Tolerances | None = None,
    seed: int = 0,
) -> ContractReport:
    """Check a trained potential and its two files on a few structures of up to about a hundred atoms.

    Args:
        potential: the parameters.
        onnx_float32: the file of ``export.to_onnx`` in single precision.
        onnx_float64: the same in double precision.
        structures: such as the potential was trained for; at least one.
        tolerances: None takes the defaults.
        seed: of displacements, directions and rotations.
    """
    limits = tolerances or Tolerances()
    files = (onnx_float32, onnx_float64)
    float32, float64 = (potentials.Potential.load(file, threads=1, kernel=False) for file in files)
    report = contract.check(float64=float64, float32=float32, structures=structures, tolerances=limits, seed=seed)
    random = np.random.default_rng(seed)
    displaced = [
        transformations.moved(s, random.normal(scale=contract.DISPLACEMENT, size=(len(s), 3))) for s in structures
    ]
    single = contract.allowing_for_rounding(limits, float64, displaced, seed)
    checks = []
    for file in (float32, float64):
        dtype = file.manifest.dtype
        by_torch = evaluate(potential, displaced, dtype)
        by_onnx = file.evaluate(displaced, ("energy", "forces"), deterministic=True)
        energy, force = contract.deviation(by_torch, by_onnx, relative=True)
        at_most = single.energy_float32, single.batch_float32
        if dtype == "float64":
            at_most = limits.invariance_float64 * ROUNDINGS, FORCES_FLOAT64
        checks += [
            Check(name=f"onnx energy {dtype}", value=energy, tolerance=at_most[0], unit="eV/atom"),
            Check(name=f"onnx forces {dtype}", value=force, tolerance=at_most[1], unit="of the force rms"),
        ]
    return ContractReport(checks=(*report.checks, *checks))
