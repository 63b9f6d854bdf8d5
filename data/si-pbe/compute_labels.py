"""Label structures by GPAW, one after the other, appending each to the data set as soon as it is finished.

    OMP_NUM_THREADS=1 python compute_labels.py structures.extxyz si-pbe.extxyz

Structures whose `config` is in the output already are passed over, so that an interrupted run is simply started again.
Two processes, each with its own output, share the work by `--part 0 2` and `--part 1 2`; the files are then joined.
The method record goes beside the output.
"""

import argparse
import json
import time
from pathlib import Path

import ase.io
import batched_xc
import method
from ase import Atoms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("structures", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument(
        "--part", type=int, nargs=2, default=(0, 1), metavar=("I", "N"), help="every N-th, from the I-th"
    )
    parser.add_argument("--log", help="file for GPAW's own output (of the structure at work)")
    arguments = parser.parse_args()
    batched_xc.install()
    arguments.output.with_name("method.json").write_text(json.dumps(method.record(), indent=2) + "\n")
    finished = {atoms.info["config"] for atoms in read(arguments.output)}
    part, parts = arguments.part
    for atoms in read(arguments.structures)[part::parts]:
        if atoms.info["config"] in finished:
            continue
        started = time.monotonic()
        labelled = method.label(atoms, log=arguments.log)
        ase.io.write(arguments.output, labelled, format="extxyz", append=True)
        print(summary(labelled, time.monotonic() - started), flush=True)


def read(path: Path) -> list[Atoms]:
    """All frames of a file; none when there is no file."""
    return ase.io.read(path, index=":", format="extxyz") if path.exists() and path.stat().st_size else []


def summary(atoms: Atoms, seconds: float) -> str:
    """One line for the log."""
    energy = atoms.get_potential_energy() / len(atoms)
    force = abs(atoms.get_forces()).max()
    return f"{atoms.info['config']:24s} {energy:9.4f} eV/atom  max |F| {force:6.2f} eV/Å  {seconds:5.1f} s"


if __name__ == "__main__":
    main()
