"""Extended XYZ, frame by frame: memory does not grow with the file, and each frame knows its line.

ASE's reader loses line numbers, moves values between `info` and a calculator, and takes quadratic time on compressed
files; the format is small enough to be read here.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nnp.core import errors
from nnp.core.reading import comment, lines
from nnp.core.reading.record import Item, Record

PLAIN = "species:S:1:pos:R:3"
"""The columns of a file that does not name them."""
SPECIES = ("species", "symbols")
POSITIONS = ("pos", "positions")
NUMERIC = ("R", "I")
LONGEST_COUNT = 12
"""Digits of a number of atoms; with more it is none."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A named group of columns: `kind` S, R, I or L, the first column and how many."""

    name: str
    kind: str
    start: int
    count: int


def read(path: Path, *, file: str) -> Iterator[Item]:
    """The frames of a file; see `record.Item`.

    Raises:
        ReadError: the file breaks off, or a line that should hold a number of atoms does not.
    """
    with lines.opened(path, file=file) as text:
        frame = 0
        while (atoms := _count(text, frame)) is not None:
            line = text.number
            try:
                rows = _rows(text, frame, atoms)
            except errors.ReadError as error:
                raise error if error.frame is not None else _at(error, frame) from None
            try:
                yield _record(rows, file=file, frame=frame, line=line)
            except errors.ReadError as error:
                yield error
            frame += 1


def _at(error: errors.ReadError, frame: int) -> errors.ReadError:
    return errors.ReadError(file=error.file, frame=frame, line=error.line, reason=error.reason)


def _count(text: lines.Lines, frame: int) -> int | None:
    """The number of atoms of the next frame; None at the end of the file."""
    try:
        line = text.next()
        while line is not None and not line.strip():
            line = text.next()
    except errors.ReadError as error:
        raise _at(error, frame) from None
    if line is None:
        return None
    word = line.strip()
    if not (word.isascii() and word.isdigit() and len(word) <= LONGEST_COUNT):
        raise errors.ReadError(
            file=text.file,
            frame=frame,
            line=text.number,
            reason=f"a number of atoms is expected here, not {_short(word)}"
            + ("; the number of atoms of the frame before may be wrong" if frame else ""),
        )
    return int(word)


def _rows(text: lines.Lines, frame: int, atoms: int) -> list[str]:
    """The comment line and the lines of the atoms."""
    rows = text.take(atoms + 1)
    if len(rows) < atoms + 1:
        raise errors.ReadError(
            file=text.file,
            frame=frame,
            line=text.number,
            reason=f"the file ends inside this frame: {atoms} atoms are announced, {max(len(rows) - 1, 0)} are there",
        )
    return rows


def _record(rows: Sequence[str], *, file: str, frame: int, line: int) -> Record:
    values = comment.parse(rows[0])

    def wrong(reason: str, at: int = line + 1) -> errors.ReadError:
        return errors.ReadError(file=file, frame=frame, line=at, reason=reason)

    try:
        columns = _columns(values.pop("Properties", PLAIN))
        cell, pbc = _cell(values.pop("Lattice", None), values.pop("pbc", None))
    except ValueError as error:
        raise wrong(str(error)) from None
    width = sum(column.count for column in columns)
    table = [row.split() for row in rows[1:]]
    for atom, words in enumerate(table):
        if len(words) != width:
            raise wrong(
                f"atom {atom}: {len(words)} columns where {width} are expected: {_short(rows[1 + atom].strip())}; "
                "the number of atoms, or Properties, may be wrong",
                line + 2 + atom,
            )
    turned = list(zip(*table, strict=True)) if table else [()] * width
    arrays: dict[str, Any] = {}
    for column in columns:
        parts = turned[column.start : column.start + column.count]
        if column.kind not in NUMERIC:
            arrays[column.name] = list(parts[0]) if column.count == 1 else list(zip(*parts, strict=True))
            continue
        try:
            arrays[column.name] = _numbers(parts)
        except ValueError:
            atom, word = _first_wrong(table, column)
            raise wrong(f"atom {atom}: {column.name} has {_short(word)}, no number", line + 2 + atom) from None
    species = next((arrays[name] for name in SPECIES if name in arrays), None)
    positions = next((arrays[name] for name in POSITIONS if name in arrays), None)
    if species is None or positions is None or positions.ndim != 2 or positions.shape[1] != 3:
        raise wrong("Properties names no species:S:1 or no pos:R:3")
    return Record(
        frame=frame,
        line=line,
        first_atom_line=line + 2,
        symbols=[word.capitalize() for word in species],
        positions=positions,
        cell=cell,
        pbc=pbc,
        values=values,
        arrays=arrays,
    )


@functools.lru_cache(maxsize=64)
def _columns(properties: str) -> tuple[Column, ...]:
    words = properties.split(":")
    if len(words) % 3:
        raise ValueError(f"Properties={_short(properties)} is not made of name:kind:count")
    columns: list[Column] = []
    start = 0
    for name, kind, number in zip(words[::3], words[1::3], words[2::3], strict=True):
        if kind not in ("S", "R", "I", "L") or not number.isdigit() or int(number) < 1:
            raise ValueError(
                f"Properties has {name}:{kind}:{number}; the kinds are S, R, I and L, the count is 1 or more"
            )
        columns.append(Column(name=name, kind=kind, start=start, count=int(number)))
        start += int(number)
    return tuple(columns)


def _cell(lattice: str | None, pbc: str | None) -> tuple[npt.NDArray[np.float64], list[bool]]:
    """The vectors and the periodicity; a lattice without a word on periodicity is periodic, as in ASE."""
    cell = np.zeros((3, 3))
    if lattice is not None:
        try:
            vectors = comment.numbers(lattice)
        except ValueError:
            vectors = []
        if len(vectors) != 9:
            raise ValueError(f"Lattice={_short(lattice)} is not made of nine numbers")
        cell = np.array(vectors).reshape(3, 3)
    if pbc is None:
        return cell, [lattice is not None] * 3
    periodic = comment.truths(pbc)
    if len(periodic) not in (1, 3):
        raise ValueError(f"pbc={_short(pbc)} is not made of three letters T or F")
    return cell, periodic if len(periodic) == 3 else periodic * 3


def _numbers(parts: Sequence[Sequence[str]]) -> npt.NDArray[np.float64]:
    columns = [np.array([float(word) for word in part]) for part in parts]
    return columns[0] if len(columns) == 1 else np.stack(columns, axis=1)


def _first_wrong(table: Sequence[Sequence[str]], column: Column) -> tuple[int, str]:
    for atom, words in enumerate(table):
        for word in words[column.start : column.start + column.count]:
            try:
                float(word)
            except ValueError:
                return atom, word
    raise AssertionError("every word is a number")


def _short(text: str, limit: int = 60) -> str:
    return repr(text if len(text) <= limit else text[:limit] + "...")
