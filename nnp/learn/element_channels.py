"""Element channels: a few weights for every element, fixed by the periodic table or learned from the data.

With H channels an atom's inputs do not depend on the number of elements (the open problem of the paper's section 6).
The first channel counts every neighbour alike; the others start as the leading principal components of covalent radius,
group and period. ``learned`` then trains them together with small networks on energies and forces; what follows
(scaling, committee) sees fixed weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from ase.data import atomic_numbers, covalent_radii

from nnp.core import neighbours
from nnp.core.label import Frame
from nnp.learn import batches, potential, symmetry_functions
from nnp.learn.reference_energies import ReferenceEnergies
from nnp.learn.symmetry_functions import SymmetryFunctions

STEPS = 400
"""Steps of Adam in which the weights are learned."""
BATCH_ATOMS = 96
"""About as many atoms are in each step."""
WIDTH = 24
"""Hidden units of the networks that the weights are learned with; they are thrown away."""
RATE = 0.05
ENERGY = 5.0
"""Weight of squared energy errors per atom against squared forces, both in units of the force scale."""

NOBLE = (2, 10, 18, 36, 54, 86, 118)


def weighted(elements: Sequence[str], count: int) -> tuple[tuple[float, ...], ...] | None:
    """Rows of weights (H, E), each with mean square 1; None where elements are as few as the channels.

    Args:
        elements: chemical symbols.
        count: H.
    """
    if len(elements) <= count:
        return None
    features = np.array([_features(atomic_numbers[symbol]) for symbol in elements])
    spread = features.std(axis=0)
    features = (features - features.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    left, sizes, _ = np.linalg.svd(features, full_matrices=False)
    found = left.T[: count - 1][sizes[: count - 1] > 1e-6]
    found *= np.sign(found[np.arange(len(found)), np.abs(found).argmax(1)])[:, None]
    return _rounded(_normalised(np.concatenate([np.ones((1, len(elements))), found])))


def learned(
    functions: SymmetryFunctions, frames: Sequence[Frame], references: ReferenceEnergies, seed: int, steps: int = STEPS
) -> SymmetryFunctions:
    """The same functions with element channels that were trained on labelled frames.

    Args:
        functions: with the channels to start from.
        frames: the training frames.
        references: reference energies.
        seed: of the networks and the order of the frames.
        steps: of the optimiser.
    """
    data = [_data(frame, functions, references) for frame in frames if frame.label is not None]
    unit = float(np.sqrt(np.mean([float((one.forces**2).mean()) for one in data if one.forces is not None] or [1.0])))
    generator = torch.Generator().manual_seed(seed)
    weights = torch.tensor(functions.element_channels).requires_grad_()
    shift, scale = _scaling(functions, data)
    layers = [
        (torch.randn(shape, generator=generator) / shape[1] ** 0.5).requires_grad_()
        for shape in ((len(functions.elements), functions.size, WIDTH), (len(functions.elements), WIDTH, 1))
    ]
    optimiser = torch.optim.Adam([weights, *layers], lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    random = np.random.default_rng(seed)
    for _ in range(steps):
        errors = []
        for one in _drawn(data, random):
            vectors = one.vectors.clone().requires_grad_(one.forces is not None)
            geometry = symmetry_functions.geometry(functions, vectors, one.kinds, weights)
            inputs = (symmetry_functions.values(functions, geometry) - shift) * scale
            errors.append(_error(one, vectors, _energies(inputs, one.species, layers), unit))
        optimiser.zero_grad()
        torch.stack(errors).mean().backward()
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            weights /= (weights * weights).mean(1, keepdim=True).sqrt()
    return replace(functions, element_channels=_rounded(weights.detach().double().numpy()))


@dataclass(frozen=True, eq=False)
class _Data:
    vectors: torch.Tensor  # (N, 3, K)
    kinds: torch.Tensor  # (N, K)
    species: torch.Tensor  # (N,)
    reverse: torch.Tensor  # (N, K)
    energy: float  # eV per atom, without reference energies
    forces: torch.Tensor | None  # (N, 3) eV/Å


def _data(frame: Frame, functions: SymmetryFunctions, references: ReferenceEnergies) -> _Data:
    assert frame.label is not None
    table = neighbours.neighbour_table([frame.structure], functions.cutoff, dtype="float32")
    species = batches.species_of([frame], functions.elements)
    forces = frame.label.forces
    energy = (frame.label.energy - references.of(frame.structure.symbols)) / len(frame.structure)
    return _Data(
        torch.from_numpy(table.vectors),
        torch.from_numpy(table.neighbour_species(species)),
        torch.from_numpy(species),
        torch.from_numpy(table.reverse),
        energy,
        None if forces is None else torch.from_numpy(forces.astype(np.float32)),
    )


def _drawn(data: Sequence[_Data], random: np.random.Generator) -> list[_Data]:
    """Frames at random, until they have ``BATCH_ATOMS`` atoms."""
    found: list[_Data] = []
    while sum(len(one.species) for one in found) < BATCH_ATOMS:
        found.append(data[int(random.integers(len(data)))])
    return found


def _scaling(functions: SymmetryFunctions, data: Sequence[_Data]) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean (D,) and reciprocal deviation (D,) of the functions with the first weights, over some of the frames."""
    some = [data[int(i)] for i in np.linspace(0, len(data) - 1, min(len(data), 50))]
    values = [functions.values(functions.geometry(one.vectors, one.kinds, one.species)) for one in some]
    joined = torch.cat(values)
    deviation = joined.std(0, correction=0)
    return joined.mean(0), 1.0 / torch.clamp(deviation, min=max(float(deviation.median()) * 0.1, 1e-6))


def _energies(inputs: torch.Tensor, species: torch.Tensor, layers: Sequence[torch.Tensor]) -> torch.Tensor:
    """Atomic energies (N, 1, 1) from scaled functions (N, D), each element by its own network."""
    hidden = torch.nn.functional.silu(torch.bmm(inputs.unsqueeze(1), layers[0][species]))
    return torch.bmm(hidden, layers[1][species])


def _error(one: _Data, vectors: torch.Tensor, energies: torch.Tensor, unit: float) -> torch.Tensor:
    """Squared error of energy per atom and forces of a frame, in units of the force scale."""
    error = ENERGY * (energies.mean() - one.energy / unit) ** 2
    if one.forces is None:
        return error
    (gradient,) = torch.autograd.grad(energies.sum(), vectors, create_graph=True)
    forces = potential.assembled_forces(gradient, one.reverse)
    return error + ((forces - one.forces / unit) ** 2).mean()


def _features(number: int) -> tuple[float, float, float]:
    """Covalent radius in Å, group (noble gases 0, alkali metals 1 and on) and period of an element."""
    period = 1 + sum(number > last for last in NOBLE)
    before = 0 if period == 1 else NOBLE[period - 2]
    return float(covalent_radii[number]), float(number - before), float(period)


def _normalised(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.sqrt((rows**2).mean(axis=1, keepdims=True)))


def _rounded(rows: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in rows.round(6).tolist())
