"""Potentials with seeded random weights: everything but training, in milliseconds."""

import numpy as np
import torch

from nnp.learn import densities, export, network
from nnp.learn.angular import Angular, ChebyshevAngular, PowerSpectrum, WideAngular
from nnp.learn.baseline import Baseline
from nnp.learn.descriptor import Descriptor
from nnp.learn.four_body import FourBody
from nnp.learn.potential import Head, Potential
from nnp.learn.radial import Channel, Chebyshev, Radial
from nnp.learn.repulsion import Repulsion
from nnp.learn.symmetry_functions import SymmetryFunctions

RADIAL = (Radial(), Radial(eta=0.2), Radial(eta=1.0, shift=2.0), Radial(eta=2.0, shift=3.0))
CHANNELS = (Radial(eta=0.1), Radial(eta=0.5, shift=1.5))
WIDE = WideAngular(channels=CHANNELS, zetas=(1, 2, 4))
SPECTRUM = PowerSpectrum(channels=CHANNELS, l_max=3)
FOUR_BODY = PowerSpectrum(channels=CHANNELS, l_max=3, four_body=FourBody(l_max=3))
POLYNOMIALS = tuple(Chebyshev(order=order) for order in range(4))
CHEBYSHEV = ChebyshevAngular(channels=POLYNOMIALS[:2], order=3)
DEFAULT_MEMBERS = (((8, 8), "silu"), ((7, 6), "silu"), ((5,), "tanh"))
DEFAULT_REPLICAS = (((4, 4), "silu"), ((6,), "softplus"), ((3,), "gelu"))


def make(
    elements: tuple[str, ...] = ("Si",),
    *,
    angular: Angular | None = WIDE,
    radial: tuple[Channel, ...] = RADIAL,
    element_channels: tuple[tuple[float, ...], ...] | None = None,
    cutoff: float = 5.0,
    cutoff_function: str = "polynomial",
    members=DEFAULT_MEMBERS,
    replicas=DEFAULT_REPLICAS,
    ranges: bool = True,
    dense: bool = False,
    repulsion: Repulsion | None = None,
    baseline: Baseline | None = None,
    seed: int = 0,
) -> Potential:
    functions = SymmetryFunctions(
        elements=elements,
        cutoff=cutoff,
        cutoff_function=cutoff_function,
        radial=radial,
        angular=angular,
        element_channels=element_channels,
    )
    generator = torch.Generator().manual_seed(seed)
    shape = (len(elements), functions.size)

    return Potential(
        symmetry_functions=functions,
        shift=torch.rand(shape, generator=generator),
        scale=torch.rand(shape, generator=generator),
        members=[head(functions, *topology, generator) for topology in members],
        replicas=[head(functions, *topology, generator) for topology in replicas],
        reference_energies={element: -100.0 * (1 + i) for i, element in enumerate(elements)},
        lower=torch.zeros(shape) if ranges else None,
        upper=torch.full(shape, 1.5) if ranges else None,
        density=density(shape, generator) if dense else None,
        repulsion=repulsion,
        baseline=baseline,
    )


def head(functions: Descriptor, hidden: tuple[int, ...], activation: str, generator: torch.Generator) -> Head:
    inputs = functions.size
    return Head([network.Network.random(inputs, hidden, activation, generator=generator) for _ in functions.elements])


def density(shape: tuple[int, int], generator: torch.Generator) -> densities.Density:
    inputs = torch.randn((40 * shape[0], shape[1]), generator=generator, dtype=torch.float64).numpy()
    return densities.fit(inputs, np.arange(len(inputs)) % shape[0], shape[0], count=20)


def file(potential: Potential, dtype: str = "float64", **fields) -> bytes:
    return export.to_onnx(potential, export.describe(potential, dtype, **fields))
