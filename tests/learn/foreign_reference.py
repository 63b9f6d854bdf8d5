"""Potentials of ours with what n2p2 and SIMPLE-NN's pair style compute for them (`benchmarks/foreign`)."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from nnp.core import neighbours
from nnp.core.kernel import compiled, definition
from nnp.core.structure import Structure
from nnp.core.units import BOHR
from nnp.learn import foreign, runner
from nnp.learn.potential import Potential


class Deviation(NamedTuple):
    """Largest over the structures.

    Attributes:
        energy: error over the sum of |E_i|, or over |E| where that is more.
        force: error of a component, native unit.
        force_over_rms: the same over the rms of all components.
    """

    energy: float
    force: float
    force_over_rms: float


def read(path: Path) -> list[dict[str, Any]]:
    """The potentials of a file of `benchmarks/foreign/reference.py`."""
    entries: list[dict[str, Any]] = json.loads(gzip.decompress(path.read_bytes()))
    return entries


class Case:
    """One potential.

    Args:
        entry: of ``read``.
        spelled: files to be read in place of those of the same name: the same potential in other words.
    """

    def __init__(self, entry: Mapping[str, Any], spelled: Mapping[str, str] | None = None) -> None:
        n2p2 = "input.nn" in entry["files"]
        files = {name: text.encode() for name, text in {**entry["files"], **(spelled or {})}.items()}
        self.name = entry["name"] + (", RuNNer's words" if spelled else "")
        self.imported = foreign.read(files, "bohr,hartree" if n2p2 else None)
        self.results = entry["results"]
        given = entry["structures"]
        self.structures = of_input_data(given) if n2p2 else [Structure.from_symbols(**one) for one in given]

    def deviation(self, engine: str, dtype: str) -> Deviation:
        """How far an engine is from the program."""
        energies, forces, known = [0.0], [0.0], []
        for one, result in zip(runner.run(self.imported, self.structures, dtype, engine), self.results, strict=True):
            energies.append(abs(one["energy"] - result["energy"]) / max(abs(result["energy"]), result["scale"]))
            if result["forces"] is not None:
                forces.append(float(np.abs(np.array(one["forces"]) - result["forces"]).max()))
                known.append(np.ravel(result["forces"]))
        force = max(forces)
        return Deviation(max(energies), force, force / float(np.sqrt(np.mean(np.concatenate(known) ** 2))))

    def functions(self) -> dict[str, float]:
        """Largest |G - G_n2p2| / (|G_n2p2| + 0.01) by torch and by the kernel in float64."""
        worst = {"torch": 0.0, "kernel": 0.0}
        for structure, result in zip(self.structures, self.results, strict=True):
            for name, values in functions(self.imported.potential, structure).items():
                for row, raw in zip(values, result["raw"], strict=True):
                    known = np.array(raw)
                    error = np.abs(row[: len(known)] - known) / (np.abs(known) + 0.01)
                    worst[name] = max(worst[name], float(error.max()))
        return worst


def functions(potential: Potential, structure: Structure) -> dict[str, npt.NDArray[np.float64]]:
    """Symmetry functions G (N, D) of a structure in float64: by ``torch``, and by the ``kernel``."""
    descriptor, fields = potential.symmetry_functions, potential.symmetry_functions.to_dict()
    table = neighbours.neighbour_table([structure], potential.cutoff, dtype="float64")
    species = np.array([potential.elements.index(symbol) for symbol in structure.symbols])
    arrays = [np.ascontiguousarray(a) for a in (table.vectors, table.neighbour_species(species), species)]
    G = np.zeros((len(species), definition.size(fields)))
    compiled.evaluate("passes")(
        *arrays, definition.tables(fields, "float64"), G, np.zeros((0, *table.vectors.shape[1:]))
    )
    geometry = descriptor.geometry(*(torch.from_numpy(array) for array in arrays))
    return {"torch": descriptor.values(geometry).numpy(), "kernel": G}


def of_input_data(text: str) -> list[Structure]:
    """The structures of an `input.data` in Bohr."""
    found = []
    for block in text.split("begin\n")[1:]:
        rows = [line.split() for line in block.splitlines()]
        cell = np.array([row[1:4] for row in rows if row[0] == "lattice"], dtype=float) * BOHR
        atoms = [row for row in rows if row[0] == "atom"]
        places, symbols = np.array([row[1:4] for row in atoms], dtype=float) * BOHR, [row[4] for row in atoms]
        found.append(Structure.from_symbols(symbols, places, cell if len(cell) else np.zeros((3, 3)), len(cell) > 0))
    return found
