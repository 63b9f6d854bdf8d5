"""Batches of structures: scaled symmetry functions, the geometry that the adjoint needs, and labels.

The composition of a batch is drawn once and stays; only the order of the batches changes from epoch to epoch. So
nothing about the geometry is computed or copied during the training, as long as there is room for it; what has no room
is prepared anew at every use, so memory grows with the size of a batch and not with that of the data set.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, partial
from typing import Any, overload

import numpy as np
import torch

from nnp.core import neighbours
from nnp.core.label import Frame
from nnp.learn import reference_energies, scaling
from nnp.learn.descriptor import Descriptor

CACHE_BYTES = 1_500_000_000
"""Batches of the training part beyond this are prepared anew at every use instead of being kept."""
VALUES_ATOMS = 2048
"""Atoms whose symmetry functions are computed at once outside of batches."""
BLOCK_ATOMS = 64
"""Atoms whose pair gradients are contracted at once for a committee: the intermediate arrays stay in the cache."""

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
"""Components in Voigt order: xx, yy, zz, yz, xz, xy."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """S structures with N atoms, K neighbour slots, D functions. Float32; energies in units of the training's scale ε.

    Where energies of centres alone are fitted, N counts the centres: no other atom has a row. `neighbours` and
    `reverse`, which forces need, are then those of the whole structures.

    Attributes:
        functions: the symmetry functions.
        vectors: (N, 3, K) r_j - r_i, Å.
        neighbour_species: (N, K) int64.
        neighbours: (N, K) int64, index in the batch.
        reverse: (N, K) int64, flat index of the reversed edge.
        species: (N,) int64, index of each atom's element.
        structure: (N,) int64, the structure of each atom.
        atoms: (S,) atoms of each structure, with a row or not.
        volumes: (S,) volume per atom, Å^3; 0 where not periodic in three directions.
        members: for each element, the atoms of that element, int64.
        inputs: (N, D) scaled symmetry functions.
        scale: (N, D) by which they were scaled.
        weights: (S,) weight of each structure in the loss.
        energies: (S,) energy per atom without reference energies, ε.
        forces: (N, 3), ε/Å; zero where there is no label.
        has_forces: (N, 1) 1 where forces are labelled.
        atom_weights: (N, 1) weight of each atom in the force loss, beside that of its structure.
        atomic: (N, 1) atomic energies without reference energies, ε; zero where there is no label.
        has_atomic: (N, 1) 1 where atomic energies are labelled.
        virials: (S, 6) stress times volume per atom, Voigt order, ε; zero where there is no label.
        has_virials: (S, 1) 1 where the stress is labelled.
        only_energies: no structure has forces or stress: the adjoint is not needed.
    """

    functions: Descriptor
    vectors: torch.Tensor
    neighbour_species: torch.Tensor
    neighbours: torch.Tensor
    reverse: torch.Tensor
    species: torch.Tensor
    structure: torch.Tensor
    atoms: torch.Tensor
    volumes: torch.Tensor
    members: tuple[torch.Tensor, ...]
    inputs: torch.Tensor
    scale: torch.Tensor
    weights: torch.Tensor
    energies: torch.Tensor
    forces: torch.Tensor
    has_forces: torch.Tensor
    atom_weights: torch.Tensor
    atomic: torch.Tensor
    has_atomic: torch.Tensor
    virials: torch.Tensor
    has_virials: torch.Tensor
    only_energies: bool

    def blocks(self) -> Iterator[tuple[slice, Any]]:
        """Rows of `BLOCK_ATOMS` atoms at a time and what the descriptor needs of them; computed at the first call."""
        for start, kept in zip(range(0, len(self.structure), BLOCK_ATOMS), self._kept, strict=True):
            yield slice(start, start + BLOCK_ATOMS), kept

    @cached_property
    def _kept(self) -> tuple[Sequence[Any], ...]:
        starts = range(0, len(self.structure), BLOCK_ATOMS)
        parts = ([t[start : start + BLOCK_ATOMS] for t in self._environment()] for start in starts)
        return tuple(self.functions.keep(*part) for part in parts)

    def _environment(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return self.vectors, self.neighbour_species, self.species

    def bytes(self) -> int:
        """Memory that it takes, with its geometry if there are forces or stresses to fit."""
        own = [getattr(self, field.name) for field in fields(self)]
        return _bytes(own) + (0 if self.only_energies else _bytes(self._kept))


def _bytes(found: Any) -> int:
    """Memory of all tensors of a nested sequence."""
    if isinstance(found, torch.Tensor):
        return found.nbytes
    return sum(_bytes(part) for part in found) if isinstance(found, list | tuple) else 0


class Batches(Sequence[Batch]):
    """Batches in a row: the first ones are kept as long as there is room, the others prepared anew at every use.

    Attributes:
        atoms: number of atoms with rows in all of them.
    """

    def __init__(
        self, groups: Sequence[Sequence[Frame]], make: Callable[[Sequence[Frame]], Batch], room: int, atoms: int
    ) -> None:
        self.atoms = atoms
        self._groups, self._make = groups, make
        self._kept: list[Batch] = []
        for group in groups:
            batch = make(group)
            room -= batch.bytes()
            if room < 0:
                break
            self._kept.append(batch)

    def __len__(self) -> int:
        return len(self._groups)

    @overload
    def __getitem__(self, index: int) -> Batch: ...
    @overload
    def __getitem__(self, index: slice) -> list[Batch]: ...
    def __getitem__(self, index: int | slice) -> Batch | list[Batch]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        return self._kept[index] if index < len(self._kept) else self._make(self._groups[index])


def species_of(frames: Sequence[Frame], elements: Sequence[str]) -> np.ndarray:
    """(N,) int64 index of each atom's element, all frames in a row."""
    index = {element: number for number, element in enumerate(elements)}
    return np.array([index[symbol] for frame in frames for symbol in frame.structure.symbols], dtype=np.int64)


def networks(frame: Frame, centres: Sequence[str] | None) -> int:
    """Atoms of a structure that have networks: those of the centres, None = all."""
    symbols = frame.structure.symbols
    return len(symbols) if centres is None else sum(symbols.count(centre) for centre in centres)


def values(
    functions: Descriptor, vectors: np.ndarray, neighbour_species: np.ndarray, species: np.ndarray
) -> np.ndarray:
    """(N, D) float64 symmetry functions of N atoms, in blocks.

    Args:
        functions: the symmetry functions.
        vectors: (N, 3, K) r_j - r_i, Å, as in a neighbour table.
        neighbour_species: (N, K) element of each neighbour.
        species: (N,) element of each atom.
    """
    blocks = [np.zeros((0, functions.size))]
    for start in range(0, len(species), VALUES_ATOMS):
        rows = slice(start, start + VALUES_ATOMS)
        kinds, own = torch.from_numpy(neighbour_species[rows]), torch.from_numpy(species[rows])
        geometry = functions.geometry(torch.from_numpy(np.ascontiguousarray(vectors[rows], np.float64)), kinds, own)
        blocks.append(functions.values(geometry).numpy())
    return np.concatenate(blocks)


def functions_of(functions: Descriptor, frames: Sequence[Frame]) -> tuple[np.ndarray, np.ndarray]:
    """Symmetry functions (N, D) float64 of all atoms of frames, and their elements (N,) int64."""
    species = species_of(frames, functions.elements)
    table = neighbours.neighbour_table([frame.structure for frame in frames], functions.cutoff)
    return values(functions, table.vectors, table.neighbour_species(species), species), species


def divide(frames: Sequence[Frame], size: int, random: np.random.Generator | None) -> list[list[int]]:
    """Indices of the frames in batches of about `size`: shuffled once, or in order where `random` is None."""
    order = np.arange(len(frames)) if random is None else random.permutation(len(frames))
    count = max(1, round(len(frames) / size))
    return [sorted(int(i) for i in part) for part in np.array_split(order, count)]


def prepare(
    frames: Sequence[Frame],
    groups: Sequence[Sequence[int]],
    *,
    functions: Descriptor,
    scaled: scaling.Scaling,
    references: reference_energies.ReferenceEnergies,
    unit: float,
    weigh: Callable[[Frame], float],
    weigh_atoms: Callable[[Frame], np.ndarray],
    room: int = CACHE_BYTES,
    centres: Sequence[str] | None = None,
) -> Batches:
    """Prepare batches for the training.

    Args:
        frames: the structures with their labels (or without: then only inputs are meaningful).
        groups: indices of the frames of each batch, as from `divide`.
        functions: the symmetry functions.
        scaled: their scaling.
        references: reference energies that are subtracted from the energies.
        unit: ε in eV; energies, forces and virials are divided by it.
        weigh: weight of a structure in the loss.
        weigh_atoms: weights (N,) of the atoms of a structure in the force loss.
        room: bytes that may be kept.
        centres: elements whose atoms alone have rows; forces and stresses are then not fitted. None = all.
    """
    make = partial(
        _batch,
        functions=functions,
        scaled=scaled,
        references=references,
        unit=unit,
        weigh=weigh,
        weigh_atoms=weigh_atoms,
        centres=centres,
    )
    chosen = [[frames[i] for i in group] for group in groups]
    return Batches(chosen, make, room, sum(networks(frame, centres) for group in chosen for frame in group))


def _batch(
    frames: Sequence[Frame],
    *,
    functions: Descriptor,
    scaled: scaling.Scaling,
    references: reference_energies.ReferenceEnergies,
    unit: float,
    weigh: Callable[[Frame], float],
    weigh_atoms: Callable[[Frame], np.ndarray],
    centres: Sequence[str] | None,
) -> Batch:
    table = neighbours.neighbour_table([frame.structure for frame in frames], functions.cutoff)
    every = species_of(frames, functions.elements)
    rows = slice(None) if centres is None else _rows(every, functions.elements, centres)
    species, vectors, kinds = every[rows], table.vectors[rows], every.take(table.neighbours[rows])
    raw = values(functions, vectors, kinds, species)
    forces, has_forces = _forces(frames)
    virials, has_virials = _virials(frames)
    atomic, has_atomic = _atomic(frames, references)
    atom_weights = np.concatenate([weigh_atoms(frame) for frame in frames])
    labelled = centres is None and bool(has_forces.any() or has_virials.any())
    return Batch(
        functions=functions,
        vectors=torch.from_numpy(vectors.astype(np.float32)),
        neighbour_species=torch.from_numpy(kinds),
        neighbours=torch.from_numpy(table.neighbours[rows]),
        reverse=torch.from_numpy(table.reverse[rows]),
        species=torch.from_numpy(species),
        structure=torch.from_numpy(table.structure_index[rows]),
        atoms=torch.tensor([len(frame.structure) for frame in frames], dtype=torch.float32),
        volumes=torch.tensor([(f.structure.volume or 0.0) / len(f.structure) for f in frames], dtype=torch.float32),
        members=tuple(torch.from_numpy(np.flatnonzero(species == e)) for e in range(len(functions.elements))),
        inputs=torch.from_numpy(((raw - scaled.shift[species]) * scaled.scale[species]).astype(np.float32)),
        scale=torch.from_numpy(scaled.scale[species].astype(np.float32)),
        weights=torch.tensor([weigh(frame) for frame in frames], dtype=torch.float32),
        energies=torch.tensor([_energy(frame, references) / unit for frame in frames], dtype=torch.float32),
        forces=torch.from_numpy((forces[rows] / unit).astype(np.float32)),
        has_forces=torch.from_numpy(has_forces[rows].astype(np.float32)),
        atom_weights=torch.from_numpy(atom_weights[rows].astype(np.float32))[:, None],
        atomic=torch.from_numpy((atomic[rows] / unit).astype(np.float32)),
        has_atomic=torch.from_numpy(has_atomic[rows].astype(np.float32)),
        virials=torch.from_numpy((virials / unit).astype(np.float32)),
        has_virials=torch.from_numpy(has_virials.astype(np.float32)),
        only_energies=not labelled,
    )


def _rows(species: np.ndarray, elements: Sequence[str], centres: Sequence[str]) -> np.ndarray:
    """Numbers of the atoms of centre elements."""
    return np.flatnonzero(np.isin(species, [elements.index(centre) for centre in centres]))


def _energy(frame: Frame, references: reference_energies.ReferenceEnergies) -> float:
    """Energy per atom without the reference energies, eV; 0 without a label."""
    if frame.label is None:
        return 0.0
    return (frame.label.energy - references.of(frame.structure.symbols)) / len(frame.structure)


def _atomic(frames: Sequence[Frame], references: reference_energies.ReferenceEnergies) -> tuple[np.ndarray, np.ndarray]:
    """Atomic energies (N, 1) without the reference energies, eV, and where there are any."""
    given = [None if frame.label is None else frame.label.atomic_energies for frame in frames]
    energies = [
        np.zeros(len(f.structure)) if g is None else g - [references.of((s,)) for s in f.structure.symbols]
        for f, g in zip(frames, given, strict=True)
    ]
    has = [np.full((len(f.structure), 1), g is not None) for f, g in zip(frames, given, strict=True)]
    return np.concatenate(energies)[:, None], np.concatenate(has)


def _forces(frames: Sequence[Frame]) -> tuple[np.ndarray, np.ndarray]:
    given = [None if frame.label is None else frame.label.forces for frame in frames]
    forces = [np.zeros((len(f.structure), 3)) if g is None else g for f, g in zip(frames, given, strict=True)]
    has = [np.full((len(f.structure), 1), g is not None) for f, g in zip(frames, given, strict=True)]
    return np.concatenate(forces), np.concatenate(has)


def _virials(frames: Sequence[Frame]) -> tuple[np.ndarray, np.ndarray]:
    virials, has = np.zeros((len(frames), 6)), np.zeros((len(frames), 1))
    for row, frame in enumerate(frames):
        volume = frame.structure.volume
        if frame.label is not None and frame.label.stress is not None and volume is not None:
            virials[row] = frame.label.stress * volume / len(frame.structure)
            has[row] = 1.0
    return virials, has
