"""A potential from an ONNX file, evaluated by ONNX Runtime: structures in, predictions out.

E = Σ_i (E_i + reference energy of the element), in float64; forces and stress from the pair gradients dE_i/dr_ij
(``assembly``). Blocks of atoms small enough for the cache run through the graph one after the other, or beside each
other in several threads; the bits of an answer do not depend on the number of threads. Structures are joined to
batches unless ``deterministic`` is asked for.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ase.data import atomic_numbers, chemical_symbols

from nnp.core import assembly, errors, neighbours, onnx_graph
from nnp.core.calibration import Calibration
from nnp.core.kernel import choice
from nnp.core.manifest import Manifest
from nnp.core.prediction import PROPERTIES, Domain, Prediction
from nnp.core.sessions import Sessions
from nnp.core.structure import Structure

__all__ = ["PROPERTIES", "Domain", "Potential", "Prediction"]

BATCH_ATOMS = 16384
"""Structures are joined up to this many atoms; a larger structure is a batch of its own."""
SHORTEST_DISTANCE = 0.1
"""Å; atoms closer than this are refused as coincident."""
DENSITY_SLACK = 1e-3
"""Densities this much (in ln) below the least of training still count as met: more than rounding."""
OUTPUTS: dict[str, tuple[str, ...]] = {
    "energy": ("atomic_energies",),
    "energies": ("atomic_energies",),
    "forces": ("pair_gradients",),
    "stress": ("atomic_virials",),
    "virials": ("atomic_virials",),
    "energy_novelties": ("energy_novelties",),
    "energy_spread": ("member_atomic_energies",),
    "energy_uncertainty": ("member_atomic_energies",),
    "force_spreads": ("member_pair_gradients",),
    "force_uncertainties": ("member_pair_gradients",),
    "domain": ("range_excess", "range_violations", "log_density"),
}
"""Property -> the outputs of the graph that it is made from."""

Arrays = dict[str, npt.NDArray[Any]]


class Potential:
    """An ONNX file of a potential, ready to evaluate. Made by ``load``.

    Attributes:
        manifest: what the file says about itself.
        threads: blocks of atoms that run beside each other.
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, sessions: Sessions, manifest: Manifest, *, threads: int, device: str) -> None:
        self.manifest = manifest
        self.threads = threads
        self.device = device
        self._sessions = sessions
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="nnp-block")
        self._species = np.full(len(chemical_symbols), -1, dtype=np.int64)
        self._references = np.zeros(len(manifest.elements))
        for index, element in enumerate(manifest.elements):
            self._species[atomic_numbers[element]] = index
            self._references[index] = manifest.reference_energies.get(element, 0.0)
        lowest = (manifest.density or {}).get("lowest", {})
        self._lowest_densities = np.array([lowest.get(element, -np.inf) for element in manifest.elements])
        calibration = manifest.calibration or {}
        self._calibration = {key: Calibration.from_dict(value) for key, value in calibration.items() if value}

    @classmethod
    def load(
        cls, source: bytes | Path, *, threads: int | None = None, device: str = "cpu", kernel: bool | None = None
    ) -> "Potential":
        """A potential from the bytes or the path of an ONNX file.

        Args:
            source: the file.
            threads: None takes as many as this process may use cores.
            device: ``cpu`` or ``cuda``.
            kernel: whether the compiled kernel evaluates the symmetry functions (``nnp.core.kernel``); None where it
                knows them and numba is installed.

        Raises:
            errors.ManifestError: no potential of nnpd, damaged, or written by newer code.
            errors.DeviceError: the device is unknown or not available, or the kernel asked for is not.
        """
        file, manifest = onnx_graph.read(source)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return cls(choice.sessions(file, manifest, device, kernel), manifest, threads=threads or cores, device=device)

    @property
    def engine(self) -> str:
        """What evaluates it: ONNX Runtime alone or with compiled symmetry functions."""
        return self._sessions.engine

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols that the potential covers."""
        return self.manifest.elements

    @property
    def block_atoms(self) -> int:
        """Atoms that go through the graph together: more with many elements, whose networks see a part of them each."""
        return self._sessions.block_atoms * min(max(len(self.manifest.elements) - 1, 1), 4)

    def session(self, outputs: Collection[str]) -> Any:
        """The ONNX Runtime session that computes exactly these outputs of the graph (docs/onnx.md)."""
        return self._sessions.session(tuple(sorted(outputs)))

    def run(self, outputs: Collection[str], inputs: dict[str, npt.NDArray[Any]]) -> Arrays:
        """Outputs of the graph by name for inputs by name (docs/onnx.md), computed by ``engine``."""
        return self._sessions.run(tuple(outputs), inputs)

    def evaluate(
        self,
        structures: Sequence[Structure],
        properties: Collection[str] = ("energy", "forces", "stress"),
        *,
        block_atoms: int | None = None,
        deterministic: bool = False,
    ) -> list[Prediction]:
        """Predictions, one for each structure.

        Args:
            structures: of any sizes, cells and periodicities.
            properties: of ``PROPERTIES``.
            block_atoms: atoms that go through the graph together; None takes the device's default.
            deterministic: evaluate every structure alone, so that its bits do not depend on its neighbours in the list.

        Raises:
            ValueError: an unknown property.
            errors.CoverageError: an element that the potential was not trained with.
            errors.StructureError: atoms on top of each other.
        """
        unknown = sorted(set(properties) - set(PROPERTIES))
        if unknown:
            raise ValueError(f"unknown properties {', '.join(unknown)}; known: {', '.join(PROPERTIES)}")
        for structure in structures:
            self._check_elements(structure)
        missing = {name: reason for name in properties if (reason := self._reason(name)) is not None}
        wanted = [name for name in properties if name not in missing]
        predictions: list[Prediction] = []
        for batch in _batches(structures, 1 if deterministic else BATCH_ATOMS):
            predictions += self._evaluate_batch(batch, wanted, missing, block_atoms or self.block_atoms)
        return predictions

    def _check_elements(self, structure: Structure) -> None:
        if (self._species[structure.numbers] < 0).any():
            known = set(self.elements)
            absent = [element for element in structure.elements if element not in known]
            raise errors.CoverageError(elements=absent, covered=self.elements)

    def _reason(self, name: str) -> str | None:
        """Why a property is not available from this potential, or None."""
        if name == "energy_novelties" and self.manifest.n_replicas < 2:
            return "the potential was trained without replicas"
        if name in ("energy_spread", "energy_uncertainty", "force_spreads", "force_uncertainties"):
            if self.manifest.n_members < 2:
                return "the potential has one network and no committee"
            kind = name.split("_", maxsplit=1)[0]
            if not name.startswith(f"{kind}_spread") and kind not in self._calibration:
                return "the committee's spread has not been calibrated"
        if name == "domain" and "range_excess" not in self.manifest.outputs:
            return "the file does not hold the range of its training data"
        return None

    def _evaluate_batch(
        self, structures: list[Structure], wanted: list[str], missing: dict[str, str], block_atoms: int
    ) -> list[Prediction]:
        table = neighbours.neighbour_table(structures, self.manifest.cutoff, dtype=self.manifest.dtype)
        numbers = structures[0].numbers if len(structures) == 1 else np.concatenate([s.numbers for s in structures])
        species = self._species.take(numbers)
        outputs = sorted({output for name in wanted for output in OUTPUTS[name]} & self.manifest.outputs.keys())
        found = self._run(table, species, outputs, block_atoms)
        if "pair_gradients" in outputs:
            found["forces"] = assembly.forces(found.pop("pair_gradients"), table.reverse)
        if "member_pair_gradients" in outputs:
            members = found.pop("member_pair_gradients")
            every = [assembly.forces(member, table.reverse) for member in members]
            found["force_spreads"] = assembly.force_spreads(np.stack(every))
        if "log_density" in outputs:
            found["density_margins"] = found.pop("log_density") - self._lowest_densities.take(species)
        if "atomic_energies" in outputs:
            found["energies"] = found.pop("atomic_energies") + self._references.take(species)
        return [
            self._prediction(structure, {key: value[start:stop] for key, value in found.items()}, wanted, missing)
            for structure, start, stop in zip(structures, table.starts[:-1], table.starts[1:], strict=True)
        ]

    def _run(
        self, table: neighbours.NeighbourTable, species: npt.NDArray[np.int64], outputs: list[str], block_atoms: int
    ) -> Arrays:
        """The outputs of the graph for all atoms of a table, block by block."""
        if not outputs:
            return {}
        starts = range(0, len(table), block_atoms)
        several = len(self.manifest.elements) > 1
        found: Arrays = {}

        def evaluate(start: int) -> Arrays:
            rows = slice(start, start + block_atoms)
            vectors = table.vectors[rows]
            _check_distances(table, vectors, start)
            neighbours_here = table.neighbours[rows]
            feeds = {
                "vectors": vectors,
                "neighbour_species": species.take(neighbours_here) if several else np.zeros_like(neighbours_here),
                "species": species[rows],
            }
            return self._sessions.run(outputs, feeds)

        def keep(start: int, block: Arrays) -> None:
            if len(starts) == 1:
                found.update(block)
                return
            for name, value in block.items():
                axis = 1 if name.startswith("member_pair") else 0
                if name not in found:
                    shape = list(value.shape)
                    shape[axis] = len(table)
                    found[name] = np.empty(shape, dtype=value.dtype)
                found[name][(slice(None),) * axis + (slice(start, start + block_atoms),)] = value

        if self.threads == 1 or len(starts) == 1:
            for start in starts:
                keep(start, evaluate(start))
        else:
            for start, block in zip(starts, self._pool.map(evaluate, starts), strict=True):
                keep(start, block)
        return found

    def _prediction(
        self, structure: Structure, arrays: Arrays, wanted: list[str], missing: dict[str, str]
    ) -> Prediction:
        answer: dict[str, Any] = {}
        unavailable = dict(missing)
        for name in wanted:
            if name == "energy":
                answer[name] = float(arrays["energies"].sum(dtype=np.float64))
            elif name in ("energies", "forces", "energy_novelties", "force_spreads"):
                answer[name] = arrays[name].astype(np.float64, copy=False)
            elif name == "virials":
                answer[name] = arrays["atomic_virials"].astype(np.float64)
            elif name == "stress":
                if structure.volume is None:
                    unavailable[name] = "the structure is not periodic in all three directions"
                else:
                    answer[name] = assembly.stress(arrays["atomic_virials"], structure.volume)
            elif name == "energy_spread":
                answer[name] = assembly.energy_spread(arrays["member_atomic_energies"])
            elif name == "energy_uncertainty":
                spread = assembly.energy_spread(arrays["member_atomic_energies"]) / len(structure)
                answer[name] = float(self._calibration["energy"].apply(spread)) * len(structure)
            elif name == "force_uncertainties":
                answer[name] = self._calibration["force"].apply(arrays["force_spreads"])
            elif name == "domain":
                answer[name] = self._domain(arrays)
        return Prediction(**answer, unavailable=unavailable)

    def _domain(self, arrays: Arrays) -> Domain:
        """Outside of the training range, emptier than all of training, or spreads beyond those that were calibrated."""
        counts, margins = arrays["range_violations"].astype(np.int64), arrays.get("density_margins")
        beyond = bool(counts.any()) or (margins is not None and bool((margins < -DENSITY_SLACK).any()))
        if "force" in self._calibration and "force_spreads" in arrays:
            beyond |= bool(self._calibration["force"].extrapolating(arrays["force_spreads"]).any())
        if "energy" in self._calibration and "member_atomic_energies" in arrays:
            spread = assembly.energy_spread(arrays["member_atomic_energies"]) / len(counts)
            beyond |= bool(self._calibration["energy"].extrapolating(spread))
        excess = arrays["range_excess"].astype(np.float64)
        return Domain(counts=counts, excess=excess, extrapolating=beyond, density_margins=margins)


def _batches(structures: Sequence[Structure], most_atoms: int) -> Iterator[list[Structure]]:
    batch: list[Structure] = []
    atoms = 0
    for structure in structures:
        if batch and atoms + len(structure) > most_atoms:
            yield batch
            batch, atoms = [], 0
        batch.append(structure)
        atoms += len(structure)
    if batch:
        yield batch


def _check_distances(table: neighbours.NeighbourTable, vectors: npt.NDArray[np.floating], start: int) -> None:
    squares = np.einsum("nck,nck->nk", vectors, vectors)
    if squares.min(initial=np.inf) < SHORTEST_DISTANCE**2:
        row, slot = np.unravel_index(int(squares.argmin()), squares.shape)
        first = start + int(row)
        second = int(table.neighbours[first, slot])
        begin = int(table.starts[table.structure_index[first]])
        raise errors.StructureError(
            f"atoms {first - begin} and {second - begin} are {np.sqrt(squares[row, slot]):.3g} Å apart: "
            f"closer than {SHORTEST_DISTANCE} Å is taken for coincident",
            atom=first - begin,
        )
