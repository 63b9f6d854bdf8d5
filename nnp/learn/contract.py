"""The physics contract of a trained potential: ``nnp.core.contract`` on both of its files, and "ONNX equals torch".

The same graph evaluated by torch from the parameters and by ONNX Runtime from the file must agree, in each precision,
within 1e-6 eV/atom and 1e-5 of the forces' rms.
"""

import copy
from collections.abc import Sequence

import numpy as np
import torch

from nnp.core import contract, neighbours, transformations
from nnp.core import potential as potentials
from nnp.core.contract import Check, ContractReport, Tolerances
from nnp.core.prediction import Prediction
from nnp.core.structure import Structure
from nnp.learn.potential import Potential

__all__ = ["Check", "ContractReport", "Tolerances", "check", "evaluate"]

DTYPES = {"float32": torch.float32, "float64": torch.float64}


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
    float32, float64 = (potentials.Potential.load(file, threads=1) for file in (onnx_float32, onnx_float64))
    report = contract.check(float64=float64, float32=float32, structures=structures, tolerances=limits, seed=seed)
    random = np.random.default_rng(seed)
    displaced = [
        transformations.moved(s, random.normal(scale=contract.DISPLACEMENT, size=(len(s), 3))) for s in structures
    ]
    checks = []
    for file in (float32, float64):
        dtype = file.manifest.dtype
        by_torch = evaluate(potential, displaced, dtype)
        by_onnx = file.evaluate(displaced, ("energy", "forces"), deterministic=True)
        energy, force = contract.deviation(by_torch, by_onnx, relative=True)
        checks += [
            Check(name=f"onnx energy {dtype}", value=energy, tolerance=limits.energy_float32, unit="eV/atom"),
            Check(name=f"onnx forces {dtype}", value=force, tolerance=limits.batch_float32, unit="of the force rms"),
        ]
    return ContractReport(checks=(*report.checks, *checks))


def evaluate(potential: Potential, structures: Sequence[Structure], dtype: str = "float64") -> list[Prediction]:
    """Energies and forces by torch, each structure alone.

    Args:
        potential: the parameters; they are not changed.
        structures: of the potential's elements.
        dtype: ``float32`` or ``float64``.
    """
    cast = copy.deepcopy(potential).to(DTYPES[dtype]).requires_grad_(False)
    index = {element: i for i, element in enumerate(potential.elements)}
    predictions = []
    for structure in structures:
        table = neighbours.neighbour_table([structure], potential.cutoff, dtype=dtype)
        species = np.array([index[symbol] for symbol in structure.symbols], dtype=np.int64)
        arrays = (table.vectors, table.neighbour_species(species), species, table.reverse)
        outputs = cast(*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays))
        reference = sum(potential.reference_energies[symbol] for symbol in structure.symbols)
        predictions.append(
            Prediction(
                energy=float(outputs["atomic_energies"].to(torch.float64).sum()) + reference,
                forces=outputs["forces"].to(torch.float64).numpy(),
            )
        )
    return predictions
