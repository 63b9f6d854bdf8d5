"""Structures from the body of a prediction: MessagePack, JSON, or a structure file as it is.

A structure that cannot be used stands in the list as its error, so that it fails alone.
"""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydantic
import pydantic_core

from nnp.core import errors as core_errors
from nnp.core.structure import Structure
from nnp_client.wire import arrays, predictions, structures
from service import errors

JSON = "application/json"
FILE_FORMATS = {"extxyz": "extxyz", "xyz": "extxyz", "poscar": "vasp", "vasp": "vasp", "cif": "cif"}
"""Name of a file format in the API -> ASE's name."""
MEDIA_FORMATS = {
    "chemical/x-extxyz": "extxyz",
    "chemical/x-xyz": "extxyz",
    "chemical/x-poscar": "poscar",
    "chemical/x-vasp": "poscar",
    "chemical/x-cif": "cif",
}
UNTYPED = frozenset({"", "application/octet-stream", "application/x-www-form-urlencoded", "text/plain"})
"""What programs such as curl say when nobody told them what a file is."""

Entry = Structure | core_errors.NnpError


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A prediction request, read: options, and structures or why there is none."""

    options: predictions.PredictOptions
    entries: list[Entry]


def read(body: bytes, content_type: str, query: Mapping[str, Any]) -> Asked:
    """Read the body of a prediction.

    Args:
        body: The bytes.
        content_type: The header Content-Type.
        query: Query parameters; with a structure file they hold the options, and `format` names the file's format.

    Raises:
        BodyError, MediaError, FieldError: The request as a whole is not possible.
    """
    media = content_type.partition(";")[0].strip().lower()
    if "format" not in query:
        if media == arrays.CONTENT_TYPE:
            return _from_value(_unpacked(body), _from_arrays)
        if media == JSON:
            return _from_value(_json(body), _from_lists)
    return _from_file(body, media, query)


def _unpacked(body: bytes) -> Any:
    try:
        return arrays.unpack(body)
    except arrays.ArrayError as error:
        raise errors.BodyError(str(error)) from error


def _json(body: bytes) -> Any:
    try:
        return pydantic_core.from_json(body)
    except ValueError as error:
        raise errors.BodyError(f"The body is not JSON: {error}.") from error


def _from_value(value: Any, convert: Any) -> Asked:
    if not isinstance(value, dict):
        raise errors.FieldError("The body is a map with potential and structures.", field="structures")
    given = value.pop("structures", None)
    options = _options(value)
    if not isinstance(given, list) or not 1 <= len(given) <= structures.MAX_STRUCTURES:
        raise errors.FieldError(
            f"structures: a list of 1 to {structures.MAX_STRUCTURES} structures is needed", field="structures"
        )
    return Asked(options=options, entries=[_entry(convert, item) for item in given])


def _options(value: Mapping[str, Any]) -> predictions.PredictOptions:
    try:
        return predictions.PredictOptions.model_validate(value)
    except pydantic.ValidationError as error:
        raise errors.from_validation(error) from error


def _entry(convert: Any, item: Any) -> Entry:
    try:
        return convert(item)
    except core_errors.NnpError as error:
        return error
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return core_errors.StructureError(f"{place}: {first['msg']}" if place else str(first["msg"]))


def _from_lists(item: Any) -> Structure:
    given = structures.StructureIn.model_validate(item)
    return _structure(given.numbers, given.positions, given.cell, given.pbc)


def _from_arrays(item: Any) -> Structure:
    """A structure of arrays; the arrays are checked by numpy, not element by element."""
    if (
        not isinstance(item, dict)
        or not item.keys() <= structures.FIELDS
        or not {"numbers", "positions"} <= item.keys()
    ):
        raise core_errors.StructureError("a structure is a map with numbers, positions and, if wanted, cell and pbc")
    if not all(value is None or isinstance(value, np.ndarray | list) for value in item.values()):
        raise core_errors.StructureError("numbers, positions, cell and pbc are arrays")
    try:
        return _structure(item["numbers"], item["positions"], item.get("cell"), item.get("pbc"))
    except (TypeError, ValueError) as error:
        raise core_errors.StructureError(f"the arrays have the wrong shape or type: {error}") from error


def _structure(numbers: Any, positions: Any, cell: Any, pbc: Any) -> Structure:
    if len(numbers) > structures.MAX_ATOMS:
        raise core_errors.StructureError(f"a structure has at most {structures.MAX_ATOMS} atoms")
    return Structure(
        numbers=numbers,
        positions=positions,
        cell=np.zeros((3, 3)) if cell is None else cell,
        pbc=np.full(3, cell is not None) if pbc is None else np.asarray(pbc),
    )


def _from_file(body: bytes, media: str, query: Mapping[str, Any]) -> Asked:
    name = query.get("format") or MEDIA_FORMATS.get(media)
    if name is None and media not in UNTYPED:
        raise errors.MediaError(
            f"{media} cannot be predicted.",
            advice=f"Send {JSON}, {arrays.CONTENT_TYPE} or one of {', '.join(MEDIA_FORMATS)}; or add ?format=.",
        )
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise errors.BodyError("The body is not text.") from error
    name = name or _guess(text)
    if name not in FILE_FORMATS:
        raise errors.FieldError(f"format: one of {', '.join(FILE_FORMATS)} is possible", field="format")
    options = _options({key: query[key] for key in query if key != "format"})
    entries = [_entry(Structure.from_atoms, atoms) for atoms in _atoms(text, name)]
    if not 1 <= len(entries) <= structures.MAX_STRUCTURES:
        raise errors.BodyError(
            f"The body holds {len(entries)} structures, 1 to {structures.MAX_STRUCTURES} are possible."
        )
    return Asked(options=options, entries=entries)


def _atoms(text: str, name: str) -> Iterable[Any]:
    import ase.io

    if not text.strip():
        raise errors.BodyError("The body is empty.")
    try:
        return ase.io.read(io.StringIO(text), index=":", format=FILE_FORMATS[name])
    except Exception as error:
        # ASE's readers end in whatever exception the text leads them to.
        raise core_errors.ReadError(
            file="body", reason=f"not readable as {name}: {error or type(error).__name__}"
        ) from error


def _guess(text: str) -> str:
    lines = text.splitlines()
    if any(line.lower().startswith(("data_", "_cell_length_a")) for line in lines[:200]):
        return "cif"
    if lines and lines[0].strip().isdigit() and len(lines) > 2:
        return "extxyz"
    return "poscar"
