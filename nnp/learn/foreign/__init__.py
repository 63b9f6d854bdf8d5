"""Potentials of other programs: RuNNer and n2p2, SIMPLE-NN and its LAMMPS pair style."""

from collections.abc import Mapping
from pathlib import Path

from nnp.core import errors
from nnp.learn.foreign import n2p2, simple_nn, sources
from nnp.learn.foreign import units as native
from nnp.learn.foreign.imported import Imported
from nnp.learn.foreign.write_n2p2 import write as write_n2p2
from nnp.learn.foreign.write_simple_nn import write as write_simple_nn

__all__ = ["Imported", "read", "write_n2p2", "write_simple_nn"]


def read(source: Path | Mapping[str, bytes], units: str | None = None) -> Imported:
    """Read a potential; its files tell the format.

    Args:
        source: a folder, one file, or name -> bytes (gzipped ones too).
        units: "length,energy" of the files, such as "bohr,hartree" or "angstrom,ev"; None takes the format's custom.

    Raises:
        ForeignError: the files are missing, unsupported or inconsistent, naming file and line.
        InputError: unknown units.
    """
    chosen = native.parse(units) if units is not None else None
    files = sources.collect(source)
    saved = sources.matching(files, "potential_saved*")
    if n2p2.SETTINGS in files and saved:
        raise errors.ForeignError(
            file=saved[0],
            reason=f"this belongs to SIMPLE-NN and {n2p2.SETTINGS!r} to n2p2; give one potential at a time",
        )
    if n2p2.SETTINGS in files:
        return n2p2.read(files, chosen)
    if saved:
        return simple_nn.read(files, chosen)
    name = source.name if isinstance(source, Path) else "the files"
    raise errors.ForeignError(
        file=name, reason="neither 'input.nn' (RuNNer, n2p2) nor 'potential_saved' (SIMPLE-NN) is there"
    )
