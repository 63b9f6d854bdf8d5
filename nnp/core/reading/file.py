"""`read_frames`: which format a file has, and its frames one by one."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from nnp.core import errors, plausibility
from nnp.core.label import Frame
from nnp.core.reading import cp2k, extxyz, lammps, lines, meaning, runner, through_ase
from nnp.core.reading.keys import OF_ATOMS, LabelKeys
from nnp.core.reading.record import Item, Record, Rejection

FORMATS = MappingProxyType(
    {
        "extxyz": "extended XYZ (.xyz, .extxyz)",
        "runner": "RuNNer and n2p2 (input.data); Bohr and Hartree",
        "outcar": "VASP (OUTCAR)",
        "vasprun": "VASP (vasprun.xml)",
        "poscar": "VASP (POSCAR, CONTCAR), structures only",
        "espresso": "Quantum ESPRESSO, output of pw.x",
        "cp2k": "CP2K, output of single points",
        "cp2k-restart": "CP2K, restart file, structures only",
        "lammps-data": "LAMMPS data file, structures only",
        "cif": "CIF, structures only",
        "db": "ASE database (.db)",
        "traj": "ASE trajectory (.traj)",
    }
)
"""The names of the formats."""
ASE_NAMES = MappingProxyType(
    {
        "outcar": "vasp-out",
        "vasprun": "vasp-xml",
        "poscar": "vasp",
        "espresso": "espresso-out",
        "cp2k-restart": "cp2k-restart",
        "cif": "cif",
        "db": "db",
        "traj": "traj",
    }
)
ALIASES = MappingProxyType(
    {name: own for own, name in ASE_NAMES.items()} | {"xyz": "extxyz", "runnerdata": "runner", "n2p2": "runner"}
)

OWN = MappingProxyType({"extxyz": extxyz.read, "runner": runner.read, "cp2k": cp2k.read, "lammps-data": lammps.read})
"""Formats read here, or looked at before ASE reads them; ASE reads the others."""

Reader = Callable[[Path], Iterator[Item]]


def read_frames(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    keys: LabelKeys | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    rejected: list[Rejection] | None = None,
    require_labels: bool | None = None,
    length_unit: str | None = None,
    energy_unit: str | None = None,
    name: str | None = None,
) -> Iterator[Frame]:
    """The frames of a file, one by one; memory does not grow with an extended XYZ or RuNNer file.

    Args:
        path: the file; gzip is recognised.
        format: one of `FORMATS`; None finds it by name and content.
        keys: where the file keeps energy, forces and so on; None for the usual names.
        on_error: "raise" at the first frame that cannot be used, or "skip" it and go on. A file that breaks off ends
            there; what was before is kept when skipping.
        rejected: with "skip", what was left out is appended here.
        require_labels: True: a frame without an energy cannot be used; False: it is a structure without a label; None:
            likewise, unless it has values that look like an energy or forces under names that were not looked for.
        length_unit: "angstrom", "bohr" or "nm"; None for the format's own (Å; RuNNer Bohr).
        energy_unit: "eV", "Hartree", "Rydberg" or "meV"; None for the format's own (eV; RuNNer Hartree).
        name: what errors and sources call the file; None for `path`.

    Yields:
        Frames in eV and Å, with their source.

    Raises:
        ReadError: there is no such file, its format is unknown, a key that was given is in none of its frames; with
            "raise" also a frame that cannot be used.
        PlausibilityError: after the last frame, if all lengths look like another unit than they were read in.
        InputError: a unit is unknown.
    """
    path = Path(path)
    file = name or str(path)
    if not path.is_file():
        raise errors.ReadError(file=file, reason="there is no such file")
    format = _known(format, file) if format is not None else _guess(path, file)
    runners = format == "runner"
    unit = length_unit or (runner.LENGTH_UNIT if runners else "angstrom")
    length, energy = meaning.scales(unit, energy_unit or (runner.ENERGY_UNIT if runners else "eV"))
    how = meaning.Meaning(
        file=file, keys=keys or LabelKeys(), length=length, energy=energy, require_labels=require_labels
    )
    seen = _Seen(keys=how.keys.given())
    left_out = rejected if rejected is not None else []
    items = _reader(format, file)(path)
    yield from _frames(items, how, seen, None if on_error == "raise" else left_out)
    seen.check(file)
    plausibility.check_unit(seen.ratios, length_unit=unit.lower(), stated=length_unit is not None, file=file)


def _frames(
    items: Iterator[Item], how: meaning.Meaning, seen: "_Seen", left_out: list[Rejection] | None
) -> Iterator[Frame]:
    """The good frames; the others raise, or go to `left_out` where there is one."""
    number = 0
    try:
        for item in items:
            number += 1
            try:
                if isinstance(item, errors.ReadError):
                    raise item
                seen.add(item)
                frame, contact = meaning.frame(item, how)
            except errors.ReadError as error:
                if left_out is None:
                    raise
                left_out.append(_rejection(error))
                continue
            if contact is not None and contact.bonded_ratio is not None:
                seen.ratios.append(contact.bonded_ratio)
            yield frame
        if number == 0:
            raise errors.ReadError(file=how.file, reason="there is no frame in it")
    except errors.ReadError as error:
        if left_out is None:
            raise
        left_out.append(_rejection(error))


def _rejection(error: errors.ReadError) -> Rejection:
    return Rejection(file=error.file, frame=error.frame, line=error.line, reason=error.reason)


class _Seen:
    """What is known of the file as a whole after its last frame."""

    def __init__(self, *, keys: dict[str, str]) -> None:
        self.missing = keys
        self.ratios: list[float] = []
        self.present: set[str] = set()
        self.records = 0

    def add(self, record: Record) -> None:
        self.records += 1
        if self.missing:
            self.present.update(map(str, record.values))
            self.missing = {
                field: name
                for field, name in self.missing.items()
                if name not in (record.arrays if field in OF_ATOMS else record.values)
            }

    def check(self, file: str) -> None:
        """Find a name that was given and is in no frame: a misspelt one would silently leave all labels out."""
        for field, name in self.missing.items() if self.records else ():
            raise errors.ReadError(
                file=file,
                reason=f"no frame has {name!r}, which was given as the key of {field.replace('_', ' ')}; "
                f"the frames have {', '.join(sorted(self.present)) or 'no values'}",
            )


def _known(format: str, file: str) -> str:
    own = ALIASES.get(format.lower(), format.lower())
    if own not in FORMATS:
        raise errors.ReadError(file=file, reason=f"the format {format!r} is unknown; {_formats()}")
    return own


def _formats() -> str:
    return "possible are " + ", ".join(f"{name}: {what}" for name, what in FORMATS.items())


def _reader(format: str, file: str) -> Reader:
    if format in OWN:
        return partial(OWN[format], file=file)
    return partial(through_ase.read, file=file, format=ASE_NAMES[format])


def _guess(path: Path, file: str) -> str:
    """The format by the name of the file, and by its first lines where the name says nothing."""
    plain = path.name.removesuffix(".gz").lower()
    for ending, format in (
        ((".xyz", ".extxyz"), "extxyz"),
        ((".cif",), "cif"),
        ((".db",), "db"),
        ((".traj",), "traj"),
        ((".pwo",), "espresso"),
        ((".restart",), "cp2k-restart"),
        ((".lmp", ".lammps-data", ".lammps"), "lammps-data"),
        ((".vasp", ".poscar"), "poscar"),
    ):
        if plain.endswith(ending):
            return format
    for part, format in (("outcar", "outcar"), ("poscar", "poscar"), ("contcar", "poscar")):
        if part in plain:
            return format
    if "vasprun" in plain and plain.endswith(".xml"):
        return "vasprun"
    return _guess_by_content(path, file)


def _guess_by_content(path: Path, file: str) -> str:
    with lines.opened(path, file=file) as text:
        first = [line.strip() for line in text.take(200)]
    if not first:
        raise errors.ReadError(file=file, reason="the file is empty")
    filled = [line for line in first if line and not line.startswith("#")]
    if filled and filled[0] == "begin":
        return "runner"
    if filled and filled[0].isdigit():
        return "extxyz"
    for sign, format in (
        ("Program PWSCF", "espresso"),
        ("vasp.", "outcar"),
        ("<modeling>", "vasprun"),
        ("xlo xhi", "lammps-data"),
        ("_cell_length_a", "cif"),
        ("CP2K|", "cp2k"),
        ("&FORCE_EVAL", "cp2k-restart"),
    ):
        if any(sign in line for line in first):
            return format
    raise errors.ReadError(file=file, reason=f"neither its name nor its content tells its format; {_formats()}")
