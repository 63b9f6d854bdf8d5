"""LAMMPS data files: which element an atom type is must stand in the file; ASE reads the rest.

Source: https://docs.lammps.org/read_data.html.
"""

from collections.abc import Iterator
from pathlib import Path

from ase.data import atomic_numbers

from nnp.core import errors
from nnp.core.reading import lines, through_ase
from nnp.core.reading.record import Item

MASSES = "Masses"
LABELS = "Atom Type Labels"


def read(path: Path, *, file: str) -> Iterator[Item]:
    """The frame of a file; see `record.Item`.

    Raises:
        ReadError: nothing tells the elements of the atom types, or ASE cannot read the file.
    """
    if not _tells_elements(path, file):
        # ASE would take type 1 for hydrogen, type 2 for helium and so on.
        raise errors.ReadError(
            file=file,
            frame=0,
            reason=f"the elements of the atom types are not told: a section {MASSES!r}, or {LABELS!r} with chemical "
            "symbols, is missing; add one, or write the structures as extended XYZ (in LAMMPS: dump_modify element)",
        )
    yield from through_ase.read(path, file=file, format="lammps-data")


def _tells_elements(path: Path, file: str) -> bool:
    """Whether there are masses, or labels that are all chemical symbols."""
    with lines.opened(path, file=file) as text:
        while (line := text.next()) is not None:
            words = line.partition("#")[0].split()
            if words == [MASSES]:
                return True
            if words == LABELS.split() and _are_symbols(text):
                return True
    return False


def _are_symbols(text: lines.Lines) -> bool:
    found = 0
    while (line := text.next()) is not None:
        words = line.partition("#")[0].split()
        if not words:
            if found:
                break
            continue
        if len(words) != 2 or atomic_numbers.get(words[1], 0) == 0:
            return False
        found += 1
    return found > 0
