"""The output of CP2K for single points: energy, forces and stress of the coordinates printed before them.

Layouts of CP2K 6 to 2025 (`ATOMIC FORCES in [a.u.]`, later `FORCES|`). Outputs of molecular dynamics and of
optimisations print the coordinates of their first step only and are refused. The cell has three decimals of Å there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nnp.core import errors, units
from nnp.core.reading import lines
from nnp.core.reading.record import Item, Record

VECTOR = re.compile(r"CELL\| Vector ([abc]) \[angstrom\]?:?\s+(\S+)\s+(\S+)\s+(\S+)\s+\|")
PERIODICITY = re.compile(r"(?:CELL|POISSON)\| Periodicity\s+(\w+)")
CHARGE = re.compile(r"DFT\| Charge\s+(\S+)")
ENERGY = re.compile(r"ENERGY\| Total FORCE_EVAL .* energy [\[(](?:a\.u\.|hartree)[\])]:?\s+(\S+)")
COORDINATES = "MODULE QUICKSTEP"
COORDINATE_ROW = re.compile(r"\s*\d+\s+\d+\s+([A-Z][a-z]?)\s+\d+\s+(\S+)\s+(\S+)\s+(\S+)\s")
FORCES = re.compile(r"ATOMIC FORCES in \[a\.u\.\]|FORCES\| Atomic forces \[hartree/bohr\]")
FORCE_ROW = re.compile(r"\s*(?:FORCES\|\s*\d+|\d+\s+\d+\s+[A-Z]\w*)\s+(\S+)\s+(\S+)\s+(\S+)")
STRESS = re.compile(r"(?:STRESS TENSOR|STRESS\| .*stress tensor) \[(GPa|bar)\]", re.IGNORECASE)
STRESS_ROW = re.compile(r"\s*(?:STRESS\|)?\s*[XYZxyz]\s+(\S+)\s+(\S+)\s+(\S+)\s*$")
PRESSURES = {"gpa": units.GPA, "bar": 1e-4 * units.GPA}
LARGEST_GAP = 6
"""Lines between the head of a table and its first row."""


@dataclass(kw_only=True)
class Point:
    """A single point as far as it was read; `expects` is the table whose rows come now."""

    line: int
    cell: dict[str, list[float]]
    periodicity: str | None
    charge: float
    symbols: list[str] = field(default_factory=list)
    positions: list[list[float]] = field(default_factory=list)
    first_atom_line: int | None = None
    energies: list[float] = field(default_factory=list)
    forces: list[list[float]] = field(default_factory=list)
    stress: list[list[float]] = field(default_factory=list)
    pressure: float = 1.0
    converged: bool = True


def read(path: Path, *, file: str) -> Iterator[Item]:
    """The single points of a file, one for each table of coordinates; see `record.Item`.

    Raises:
        ReadError: there is no table of coordinates.
    """
    with lines.opened(path, file=file) as text:
        cell: dict[str, list[float]] = {}
        periodicity, charge, frame = None, 0.0, 0
        point: Point | None = None
        while (line := text.next()) is not None:
            if match := VECTOR.search(line):
                if "CELL_" not in line:
                    cell[match[1]] = _numbers(match.groups()[1:], text, frame)
            elif match := PERIODICITY.search(line):
                periodicity = match[1].upper()
                if point is not None and point.periodicity is None:
                    point.periodicity = periodicity
            elif match := CHARGE.search(line):
                charge = _numbers([match[1]], text, frame)[0]
            elif COORDINATES in line and "ATOMIC COORDINATES" in line.upper():
                if point is not None:
                    yield _item(point, frame, file)
                    frame += 1
                point = Point(line=text.number, cell=dict(cell), periodicity=periodicity, charge=charge)
                _coordinates(point, text, frame)
            elif point is not None:
                _result(point, line, text, frame)
        if point is None:
            raise errors.ReadError(
                file=file, reason="no table 'ATOMIC COORDINATES' in it; print the coordinates, or use extended XYZ"
            )
        yield _item(point, frame, file)


def _coordinates(point: Point, text: lines.Lines, frame: int) -> None:
    for match in _rows(text, COORDINATE_ROW):
        point.first_atom_line = point.first_atom_line or text.number
        point.symbols.append(match[1])
        point.positions.append(_numbers(match.groups()[1:], text, frame))


def _result(point: Point, line: str, text: lines.Lines, frame: int) -> None:
    if "SCF run NOT converged" in line:
        point.converged = False
    elif match := ENERGY.search(line):
        point.energies += _numbers([match[1]], text, frame)
    elif FORCES.search(line):
        point.forces = [_numbers(row.groups(), text, frame) for row in _rows(text, FORCE_ROW)]
    elif (match := STRESS.search(line)) and "EIGEN" not in line:
        point.pressure = PRESSURES[match[1].lower()]
        point.stress = [_numbers(row.groups(), text, frame) for row in _rows(text, STRESS_ROW)]


def _rows(text: lines.Lines, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """The rows of a table after its head: from the first line that matches to the last one in turn."""
    gap, begun = 0, False
    while (line := text.next()) is not None:
        if match := pattern.match(line):
            begun = True
            yield match
        elif begun or gap == LARGEST_GAP:
            text.back(line)
            return
        else:
            gap += 1


def _numbers(words: tuple[str, ...] | list[str], text: lines.Lines, frame: int) -> list[float]:
    try:
        return [float(word) for word in words]
    except ValueError as error:
        raise errors.ReadError(file=text.file, frame=frame, line=text.number, reason=str(error)) from None


def _item(point: Point, frame: int, file: str) -> Item:
    reason = None
    if not point.symbols or len(point.cell) != 3:
        reason = "no coordinates or no cell"
    elif not point.converged:
        reason = "the SCF run is not converged"
    elif len(point.energies) > 1:
        reason = (
            f"{len(point.energies)} energies follow one table of coordinates (molecular dynamics or an optimisation); "
            "only single points can be read from an output, use extended XYZ for trajectories"
        )
    elif point.forces and len(point.forces) != len(point.symbols):
        reason = f"part of the forces is missing: {len(point.forces)} for {len(point.symbols)} atoms"
    if reason is not None:
        return errors.ReadError(file=file, frame=frame, line=point.line, reason=reason)
    values: dict[str, object] = {"charge": point.charge}
    if point.energies:
        values["energy"] = point.energies[0] * units.HARTREE
    if len(point.stress) == 3:
        # CP2K's stress is positive under compression.
        values["stress"] = -point.pressure * np.array(point.stress)
    periodicity = "XYZ" if point.periodicity is None else point.periodicity
    return Record(
        frame=frame,
        line=point.line,
        first_atom_line=point.first_atom_line,
        symbols=point.symbols,
        positions=np.array(point.positions),
        cell=np.array([point.cell[name] for name in "abc"]),
        pbc=[axis in periodicity for axis in "XYZ"],
        values=values,
        arrays={"forces": np.array(point.forces) * (units.HARTREE / units.BOHR)} if point.forces else {},
    )
