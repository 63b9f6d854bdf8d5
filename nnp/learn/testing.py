"""A small potential with random weights, for tests of what stores, serves and calls potentials."""

from collections.abc import Sequence

import torch

from nnp.core.calibration import Calibration, Record
from nnp.learn import export, network, potential, radial, symmetry_functions

RECORD = Record(count=100, coverage_68=0.68, coverage_95=0.95, miscalibration_area=0.01, spearman=0.9)


def small_onnx(
    elements: Sequence[str] = ("Si",),
    *,
    cutoff: float = 4.0,
    members: int = 3,
    replicas: int = 2,
    seed: int = 0,
    calibrated: bool = True,
) -> dict[str, bytes]:
    """ONNX files of an untrained potential that offers every property; the physics is smooth and meaningless.

    Args:
        elements: chemical symbols.
        cutoff: Å.
        members: committee size.
        replicas: number of replicas.
        seed: of the weights; other seeds give other potentials.
        calibrated: with a calibration of the committee's spread.

    Returns:
        "float32" and "float64" -> the bytes of the file.
    """
    channels = tuple(radial.Radial(eta=eta, shift=0.0) for eta in (0.05, 0.2, 0.8))
    functions = symmetry_functions.SymmetryFunctions(elements=tuple(elements), cutoff=cutoff, radial=channels)
    generator = torch.Generator().manual_seed(seed)
    scale = torch.full((len(elements), functions.size), 0.3)

    def head(width: int) -> potential.Head:
        return potential.Head([network.Network.random(functions.size, (width,), generator=generator) for _ in elements])

    small = potential.Potential(
        symmetry_functions=functions,
        shift=torch.ones_like(scale),
        scale=scale,
        members=[head(6 + index) for index in range(members)],
        replicas=[head(4 + index) for index in range(replicas)],
        reference_energies={element: -1.0 - index for index, element in enumerate(elements)},
        lower=torch.zeros_like(scale),
        upper=torch.full_like(scale, 6.0),
    )
    one = Calibration(factor=1.2, power=1.0, floor=0.001, lowest=0.0, highest=10.0, record=RECORD).to_dict()
    calibration = {"force": one, "energy": one} if calibrated else None
    return {
        dtype: export.to_onnx(small, export.describe(small, dtype, name="small", calibration=calibration))
        for dtype in ("float32", "float64")
    }
