"""RuNNer's and n2p2's `input.data`: blocks from `begin` to `end`.

Source: https://compphysvienna.github.io/n2p2/topics/cfg_file.html. The format does not state its units; Bohr and
Hartree are the custom.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nnp.core import errors
from nnp.core.reading import lines
from nnp.core.reading.record import Item, Record

LENGTH_UNIT = "bohr"
ENERGY_UNIT = "hartree"
ATOM_WORDS = 10
"""atom, x, y, z, element, charge, unused, fx, fy, fz."""


@dataclass(kw_only=True)
class Block:
    """What was read of a block so far."""

    line: int
    symbols: list[str] = field(default_factory=list)
    rows: list[list[float]] = field(default_factory=list)
    atom_lines: list[int] = field(default_factory=list)
    lattice: list[list[float]] = field(default_factory=list)
    values: dict[str, object] = field(default_factory=dict)
    problem: errors.ReadError | None = None


def read(path: Path, *, file: str) -> Iterator[Item]:
    """The frames of a file; see `record.Item`.

    Raises:
        ReadError: a line outside a block, or the file ends inside one.
    """
    with lines.opened(path, file=file) as text:
        frame = 0
        while (line := text.next()) is not None:
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if words != ["begin"]:
                raise errors.ReadError(
                    file=file, frame=frame, line=text.number, reason=f"'begin' is expected here, not {words[0]!r}"
                )
            yield _block(text, frame)
            frame += 1


def _block(text: lines.Lines, frame: int) -> Item:
    block = Block(line=text.number)
    while (line := text.next()) is not None:
        words = line.split()
        if words == ["end"]:
            return block.problem or _record(block, frame, text.file)
        if words == ["begin"]:
            break
        if words and block.problem is None:
            try:
                _understand(block, words, line, text.number)
            except ValueError as error:
                block.problem = errors.ReadError(file=text.file, frame=frame, line=text.number, reason=str(error))
    raise errors.ReadError(
        file=text.file,
        frame=frame,
        line=text.number,
        reason=f"the file ends inside this frame: the 'end' of the 'begin' in line {block.line} is missing",
    )


def _understand(block: Block, words: Sequence[str], line: str, number: int) -> None:
    match words[0]:
        case "atom":
            if len(words) < ATOM_WORDS:
                raise ValueError(
                    f"'atom' needs {ATOM_WORDS - 1} values (x y z element charge 0 fx fy fz), not {len(words) - 1}"
                )
            block.symbols.append(words[4])
            block.rows.append(_floats([*words[1:4], *words[7:10]]))
            block.atom_lines.append(number)
        case "lattice":
            if len(words) < 4:
                raise ValueError("'lattice' needs three numbers")
            block.lattice.append(_floats(words[1:4]))
        case "energy" | "charge":
            if len(words) < 2:
                raise ValueError(f"{words[0]!r} needs a number")
            block.values[words[0]] = _floats(words[1:2])[0]
        case "comment":
            block.values["comment"] = line.strip().removeprefix("comment").strip()
        case _:
            raise ValueError(f"unknown word {words[0]!r}")


def _floats(words: Sequence[str]) -> list[float]:
    """Numbers, also with the D of Fortran's exponents."""
    found = []
    for word in words:
        try:
            found.append(float(word.replace("D", "E").replace("d", "e")))
        except ValueError:
            raise ValueError(f"{word[:60]!r} is no number") from None
    return found


def _record(block: Block, frame: int, file: str) -> Item:
    if len(block.lattice) not in (0, 3):
        return errors.ReadError(
            file=file,
            frame=frame,
            line=block.line,
            reason=f"{len(block.lattice)} lattice vectors where 0 or 3 are possible",
        )
    rows = np.array(block.rows).reshape(-1, 6)
    first = block.atom_lines[0] if block.atom_lines else None
    in_turn = first is not None and block.atom_lines == list(range(first, first + len(rows)))
    return Record(
        frame=frame,
        line=block.line,
        first_atom_line=first if in_turn else None,
        symbols=block.symbols,
        positions=rows[:, :3],
        cell=np.array(block.lattice) if block.lattice else np.zeros((3, 3)),
        pbc=[bool(block.lattice)] * 3,
        values=block.values,
        arrays={"forces": rows[:, 3:]},
    )
