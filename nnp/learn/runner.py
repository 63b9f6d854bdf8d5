"""`python -m nnp.learn.runner POTENTIAL STRUCTURES`: what an imported potential predicts, in its own units.

For checks by hand against the program that the potential comes from: total energies as it prints them, forces, and
atomic energies (of n2p2: those of the networks, without mean_energy and atom_energy).
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nnp.core import errors, reading
from nnp.core import potential as potentials
from nnp.core.prediction import Prediction
from nnp.core.structure import Structure
from nnp.learn import evaluation, export, foreign
from nnp.learn.foreign import Imported, n2p2
from nnp.learn.foreign.units import METAL


def run(
    imported: Imported, structures: Sequence[Structure], dtype: str = "float64", engine: str = "torch"
) -> Iterator[dict[str, Any]]:
    """Energy, forces and atomic energies of each structure in the units of the potential's files.

    Args:
        imported: the potential.
        structures: to evaluate, Å.
        dtype: "float64" or "float32".
        engine: "torch" from the parameters, "onnx" through the exported file, "kernel" with compiled functions.
    """
    length, energy = imported.units.length_a, imported.units.energy_ev
    references = imported.potential.reference_energies
    offsets = imported.format == n2p2.FORMAT  # of which its atomic energies know nothing; in SIMPLE-NN they are a bias
    for structure, found in zip(structures, _evaluated(imported, structures, dtype, engine), strict=True):
        assert found.energy is not None
        assert found.energies is not None
        assert found.forces is not None
        free = np.array([references[symbol] for symbol in structure.symbols]) if offsets else 0.0
        yield {
            "atoms": len(structure),
            "energy": found.energy / energy,
            "forces": (found.forces * (length / energy)).tolist(),
            "atomic_energies": ((found.energies - free) / energy).tolist(),
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    given = _parser().parse_args(arguments)
    try:
        imported, structures = _read(given)
        results = list(run(imported, structures, given.dtype, given.engine))
    except errors.NnpError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    document = {
        "format": imported.format,
        "length_unit": imported.units.length,
        "energy_unit": imported.units.energy,
        "dtype": given.dtype,
        "engine": given.engine,
        "warnings": list(imported.warnings),
        "structures": results,
    }
    print(json.dumps(document) if given.json else _table(document))
    return 0


def _evaluated(imported: Imported, structures: Sequence[Structure], dtype: str, engine: str) -> list[Prediction]:
    if engine == "torch":
        return evaluation.evaluate(imported.potential, structures, dtype)
    described = export.describe(imported.potential, dtype)
    served = potentials.Potential.load(export.to_onnx(imported.potential, described), kernel=engine == "kernel")
    return served.evaluate(structures, ("energy", "energies", "forces"), deterministic=True)


def _read(given: argparse.Namespace) -> tuple[Imported, list[Structure]]:
    """Potential and structures; numbers in native units are the same whatever these are, so a wrong guess is mended."""
    imported = foreign.read(given.potential, given.units)
    try:
        return imported, _structures(given, imported)
    except errors.PlausibilityError:
        if given.units is not None or imported.format != n2p2.FORMAT:
            raise
        imported = foreign.read(given.potential, str(METAL))
        warning = f"the lengths look like Å, not Bohr: read as {METAL}"
        return replace(imported, warnings=(warning,)), _structures(given, imported)


def _structures(given: argparse.Namespace, imported: Imported) -> list[Structure]:
    """The structures; RuNNer's files are in the units of the potential, other formats say theirs themselves."""
    native = imported.format == n2p2.FORMAT and given.structures.name.removesuffix(".gz").endswith(".data")
    frames = reading.read_frames(
        given.structures,
        format=given.format,
        require_labels=False,
        length_unit=imported.units.length if native else None,
        energy_unit=imported.units.energy if native else None,
    )
    return [frame.structure for frame in frames]


def _table(document: dict[str, Any]) -> str:
    length, energy = document["length_unit"], document["energy_unit"]
    heads = (f"energy [{energy}]", f"largest force [{energy}/{length}]")
    lines = [f"{'structure':>9} {'atoms':>6} {heads[0]:>24} {heads[1]:>34}"]
    for number, found in enumerate(document["structures"]):
        largest = np.abs(np.array(found["forces"])).max()
        lines.append(f"{number:9d} {found['atoms']:6d} {found['energy']:24.12f} {largest:34.12f}")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m nnp.learn.runner", description=__doc__)
    parser.add_argument("potential", type=Path, help="folder (or potential_saved file) of the potential")
    parser.add_argument("structures", type=Path, help="input.data, extended XYZ, LAMMPS data file, ...")
    parser.add_argument("--dtype", choices=("float64", "float32"), default="float64")
    parser.add_argument("--engine", choices=("torch", "onnx", "kernel"), default="torch")
    parser.add_argument("--units", help="of the potential, such as bohr,hartree; None takes the format's custom")
    parser.add_argument("--format", help="of the structures; None finds it by name and content")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
