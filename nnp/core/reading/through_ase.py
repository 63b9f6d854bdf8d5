"""Formats that ASE reads; lines are not known there, frames are."""

import contextlib
import gzip
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nnp.core import errors
from nnp.core.reading import lines
from nnp.core.reading.record import Item, Record


def read(path: Path, *, file: str, format: str) -> Iterator[Item]:
    """The frames of a file in a format by ASE's name; see `record.Item`.

    Raises:
        ReadError: ASE cannot read it.
    """
    frame = 0
    with _plain(path, file=file) as plain:
        images = _images(plain, format)
        while True:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    atoms = next(images, None)
                    item = _record(atoms, frame) if atoms is not None else None
            except Exception as error:
                # ASE's readers end in whatever exception the file leads them to.
                reason = str(error).strip() or type(error).__name__
                raise errors.ReadError(
                    file=file, frame=frame, reason=f"not readable as {format}: {reason[:500]}"
                ) from error
            if item is None:
                return
            yield item
            frame += 1


def _images(path: Path, format: str) -> Iterator[Any]:
    if format != "db":
        import ase.io

        yield from ase.io.iread(path, index=":", format=format)
        return
    import ase.db

    # ase.io drops the key-value pairs of the rows.
    with ase.db.connect(path, type="db") as database:
        for row in database.select():
            yield row.toatoms(add_additional_information=True)


@contextlib.contextmanager
def _plain(path: Path, *, file: str) -> Iterator[Path]:
    """The file, decompressed beforehand: some of ASE's readers go back and forth in it."""
    with path.open("rb") as raw:
        if raw.read(2) != lines.GZIP:
            yield path
            return
    with tempfile.TemporaryDirectory(prefix="nnp-reading-") as folder:
        copy = Path(folder) / path.name.removesuffix(".gz")
        try:
            with gzip.open(path, "rb") as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target)
        except (EOFError, OSError) as error:
            raise errors.ReadError(file=file, reason="the compressed file is damaged or ends too early") from error
        yield copy


def _record(atoms: Any, frame: int) -> Record:
    values: dict[str, Any] = dict(atoms.info)
    values.update(values.pop("key_value_pairs", {}))
    arrays: dict[str, Any] = dict(atoms.arrays)
    results = getattr(atoms.calc, "results", {}) if atoms.calc is not None else {}
    for name, value in results.items():
        if value is None:
            continue
        if np.ndim(value) and len(value) == len(atoms) and name != "stress":
            arrays[name] = value
        else:
            values[name] = value
    return Record(
        frame=frame,
        symbols=atoms.get_chemical_symbols(),
        positions=atoms.positions,
        cell=np.asarray(atoms.cell),
        pbc=atoms.pbc.tolist(),
        values=values,
        arrays=arrays,
    )
