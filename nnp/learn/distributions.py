"""Radial and angular distributions of a data set, and who is a direct neighbour of whom.

g_ab(r): density of neighbours b around atoms a in a shell, relative to their mean density within the cutoff. Angular
distributions count the angles between direct neighbours. j is a direct neighbour of i unless some atom k lies between
them: d_ik and d_jk both below 0.95 d_ij (the relative neighbourhood graph of Toussaint 1980 with a margin for thermal
motion). No radii are needed: O and O of a phosphate group are shielded by P, neighbouring atoms of silicon by none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnp.core import neighbours
from nnp.core.label import Frame
from nnp.learn import batches, portions

Array = npt.NDArray[np.float64]

SHIELDING = 0.95
"""k lies between i and j where both are nearer to it than this fraction of their distance."""
RADIAL_BINS = 120
ANGULAR_BINS = 60
MOST_ATOMS = 4000
"""Atoms whose surroundings are looked at, evenly taken from the structures."""
PORTION_ATOMS = 512


@dataclass(frozen=True, kw_only=True, eq=False)
class Distributions:
    """E elements, P pairs of elements (e <= e').

    Attributes:
        elements: chemical symbols.
        cutoff: Å.
        atoms: (E,) atoms looked at.
        radii: (B,) centres of the radial bins, Å.
        rdf: (E, E, B) g(r) of neighbours (second axis) around centres (first axis).
        direct: (E, E) direct neighbours per centre atom.
        shell: (E, E, 2) mean distance of direct neighbours and its standard deviation, Å; 0 where there are none.
        angles: (A,) centres of the angular bins, degrees.
        adf: (E, P, A) angles between direct neighbours of a pair of elements around centres, per atom and degree.
        pairs: the P pairs of neighbour elements, as indices.
    """

    elements: tuple[str, ...]
    cutoff: float
    atoms: npt.NDArray[np.int64]
    radii: Array
    rdf: Array
    direct: Array
    shell: Array
    angles: Array
    adf: Array
    pairs: tuple[tuple[int, int], ...]


def distributions(frames: Sequence[Frame], elements: Sequence[str], cutoff: float) -> Distributions:
    """The distributions of all atoms of some frames within a cutoff in Å."""
    E = len(elements)
    pairs = tuple((a, b) for a in range(E) for b in range(a, E))
    atoms = np.zeros(E, dtype=np.int64)
    counts, direct = np.zeros((E, E, RADIAL_BINS)), np.zeros((E, E))
    lengths, squares = np.zeros((E, E)), np.zeros((E, E))
    turned = np.zeros((E, len(pairs), ANGULAR_BINS))
    for part in portions.portions(portions.some(frames, MOST_ATOMS), PORTION_ATOMS):
        table = neighbours.neighbour_table([frame.structure for frame in part], cutoff)
        species = batches.species_of(part, elements)
        kinds, r = table.neighbour_species(species), np.linalg.norm(table.vectors, axis=1)
        near = _direct(table, r)
        atoms += np.bincount(species, minlength=E)
        bins = np.minimum((r / cutoff * RADIAL_BINS).astype(np.int64), RADIAL_BINS - 1)
        centres = np.broadcast_to(species[:, None], r.shape)
        np.add.at(counts, (centres[table.valid], kinds[table.valid], bins[table.valid]), 1.0)
        for total, weights in ((direct, np.ones_like(r)), (lengths, r), (squares, r**2)):
            np.add.at(total, (centres[near], kinds[near]), weights[near])
        _add_angles(turned, table, near, species, pairs)
    edges = np.linspace(0.0, cutoff, RADIAL_BINS + 1)
    shells = np.diff(edges**3)
    inside = np.maximum(counts.sum(axis=-1, keepdims=True), 1.0)
    mean = lengths / np.maximum(direct, 1.0)
    spread = np.sqrt(np.maximum(squares / np.maximum(direct, 1.0) - mean**2, 0.0))
    per_atom = np.maximum(atoms, 1)
    half = 90.0 / ANGULAR_BINS
    return Distributions(
        elements=tuple(elements),
        cutoff=cutoff,
        atoms=atoms,
        radii=0.5 * (edges[1:] + edges[:-1]),
        rdf=counts / inside / shells * cutoff**3,
        direct=direct / per_atom[:, None],
        shell=np.stack([mean, spread], axis=-1),
        angles=np.linspace(half, 180.0 - half, ANGULAR_BINS),
        adf=turned / per_atom[:, None, None] / (2.0 * half),
        pairs=pairs,
    )


def _direct(table: neighbours.NeighbourTable, r: Array) -> npt.NDArray[np.bool_]:
    """(N, K) which slots hold direct neighbours."""
    near = np.zeros(r.shape, dtype=bool)
    for atom, count in enumerate(table.counts):
        own = np.argsort(r[atom, :count], kind="stable")
        vectors, lengths = table.vectors[atom][:, own].T, r[atom, own]
        apart = np.linalg.norm(vectors[:, None] - vectors[None], axis=-1)
        farther = np.maximum(apart, lengths[None, :])  # of k from j and from i
        np.fill_diagonal(farther, np.inf)
        near[atom, own] = farther.min(axis=1, initial=np.inf) >= SHIELDING * lengths
    return near


def _add_angles(
    turned: Array,
    table: neighbours.NeighbourTable,
    near: npt.NDArray[np.bool_],
    species: npt.NDArray[np.int64],
    pairs: Sequence[tuple[int, int]],
) -> None:
    """Count the angles between direct neighbours of every atom, by element of the centre and pair of elements."""
    number = {pair: index for index, pair in enumerate(pairs)}
    for atom, slots in enumerate(near):
        vectors, own = table.vectors[atom][:, slots].T, species[table.neighbours[atom, slots]]
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        first, second = np.triu_indices(len(own), 1)
        degrees = np.degrees(np.arccos(np.clip((unit[first] * unit[second]).sum(axis=1), -1.0, 1.0)))
        bins = np.minimum((degrees / 180.0 * ANGULAR_BINS).astype(np.int64), ANGULAR_BINS - 1)
        kind = [number[min(a, b), max(a, b)] for a, b in zip(own[first], own[second], strict=True)]
        np.add.at(turned[species[atom]], (np.array(kind, dtype=np.int64), bins), 1.0)
