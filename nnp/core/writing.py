"""Frames to extended XYZ: read back exactly by `nnp.core.reading`, and by ASE with a calculator attached."""

import gzip
import io
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt

from nnp.core.label import Frame, Label
from nnp.core.structure import Structure

CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
QUOTED = re.compile(r"[\s\"'=\\{}\[\],]")
VOIGT = (0, 5, 4, 5, 1, 3, 4, 3, 2)
"""Where each of the nine components stands among xx, yy, zz, yz, xz, xy."""


def write_extxyz(target: str | os.PathLike[str] | TextIO, frames: Iterable[Frame]) -> None:
    """Write frames as extended XYZ.

    Numbers are written so that they are read back exactly. The energy stands as `energy` and as `free_energy`, because
    it is the one whose derivative the forces are; stress in nine components, eV/Å^3, tension positive; the total
    magnetic moment as `magmom`. Control characters in texts become spaces.

    Args:
        target: a path (compressed if it ends in .gz) or a text stream.
        frames: written one by one.
    """
    if not isinstance(target, str | os.PathLike):
        target.writelines(_lines(frames))
        return
    path = Path(target)
    with path.open("wb") as raw:
        # Neither name nor time: the same frames make the same bytes.
        binary = gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) if path.suffix == ".gz" else raw
        with io.TextIOWrapper(binary, encoding="utf-8", newline="\n") as text:
            text.writelines(_lines(frames))


def _lines(frames: Iterable[Frame]) -> Iterator[str]:
    for frame in frames:
        structure = frame.structure
        rows = structure.positions
        columns = [rows.tolist()]
        columns += [values.reshape(len(structure), -1).tolist() for _, values in _arrays(frame)]
        yield f"{len(structure)}\n{' '.join(_pairs(frame))}\n"
        for symbol, *numbers in zip(structure.symbols, *columns, strict=True):
            yield f"{symbol} {' '.join(repr(value) for row in numbers for value in row)}\n"


def _pairs(frame: Frame) -> Iterator[str]:
    structure, label = frame.structure, frame.label
    if structure.pbc.any():
        yield f'Lattice="{_numbers(structure.cell.ravel().tolist())}"'
    columns = (f":{name}:R:{values.size // len(structure)}" for name, values in _arrays(frame))
    yield "Properties=species:S:1:pos:R:3" + "".join(columns)
    if label is not None:
        yield from _label(label)
    for key in ("group", "trajectory", "split", "name"):
        if (value := getattr(frame, key)) is not None:
            yield f"{key}={_text(value)}"
    yield f'pbc="{_truths(structure)}"'


def _arrays(frame: Frame) -> list[tuple[str, npt.NDArray[np.float64]]]:
    """Names and values (N, ...) of what a frame says of its atoms."""
    label = frame.label
    given = {
        "forces": None if label is None else label.forces,
        "atomic_energies": None if label is None else label.atomic_energies,
        "atom_weights": frame.atom_weights,
    }
    return [(name, values) for name, values in given.items() if values is not None]


def _label(label: Label) -> Iterator[str]:
    yield f"energy={label.energy!r}"
    yield f"free_energy={label.energy!r}"
    if label.stress is not None:
        stress = label.stress.tolist()
        yield f'stress="{_numbers([stress[place] for place in VOIGT])}"'
    if label.charge:
        yield f"charge={label.charge!r}"
    if label.spin is not None:
        yield f"magmom={label.spin!r}"
    if label.electronic_temperature is not None:
        yield f"electronic_temperature={label.electronic_temperature!r}"


def _numbers(values: list[float]) -> str:
    return " ".join(repr(value) for value in values)


def _truths(structure: Structure) -> str:
    return " ".join("T" if periodic else "F" for periodic in structure.pbc)


def _text(value: str) -> str:
    value = CONTROL.sub(" ", value)
    if value and not QUOTED.search(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
