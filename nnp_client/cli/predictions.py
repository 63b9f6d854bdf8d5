"""nnp predict: a structure file in, a table or an extended XYZ file out."""

from pathlib import Path
from typing import Annotated, Any

import typer

from nnp_client import errors
from nnp_client.calculator import PROPERTIES
from nnp_client.cli import exit_codes
from nnp_client.cli.state import State, of, table

PER_ATOM = ("energies", "forces", "energy_novelties", "force_uncertainties")
PER_STRUCTURE = ("energy", "stress", "energy_uncertainty")
AT_ONCE = 200
"""Structures of one request."""


def predict(
    context: typer.Context,
    *,
    file: Annotated[Path, typer.Argument(help="Structures in any format that ASE reads.", exists=True, dir_okay=False)],
    potential: Annotated[str, typer.Option("--potential", "-p", help="Si:3 or Si@production.")],
    format: Annotated[str | None, typer.Option(help="ASE's name of the format; default: by the file's name.")] = None,
    index: Annotated[str, typer.Option(help="Which structures of the file, as ASE's index.")] = ":",
    properties: Annotated[str, typer.Option(help="What to predict, separated by commas.")] = ",".join(PROPERTIES),
    dtype: Annotated[str, typer.Option(help="float32 or float64.")] = "float32",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write extended XYZ here.")] = None,
) -> None:
    """Predict the structures of a file."""
    state = of(context)
    structures = _read(file, format, index)
    wanted = [name.strip() for name in properties.split(",")]
    results: list[Any] = []
    reference = potential
    for start in range(0, len(structures), AT_ONCE):
        found, used = state.client.predict_with_version(
            structures[start : start + AT_ONCE], potential=reference, properties=wanted, dtype=dtype
        )
        reference = used.reference  # an alias that moves meanwhile does not mix versions
        results += found
    if output is not None:
        _write(output, structures, results, reference)
    _show(state, structures, results, reference)
    if any(isinstance(result, errors.ApiError) for result in results):
        raise typer.Exit(exit_codes.REFUSED)


def install(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(predict)


def _read(file: Path, format: str | None, index: str) -> list[Any]:
    import ase.io

    try:
        found = ase.io.read(file, index=index, format=format)
    except Exception as error:
        # ASE's readers end in whatever exception the file leads them to.
        raise ValueError(f"{file} is not readable: {error or type(error).__name__}") from error
    structures = found if isinstance(found, list) else [found]
    if not structures:
        raise ValueError(f"{file} holds no structure; name its format with --format if it is not what it looks like")
    return structures


def _show(state: State, structures: list[Any], results: list[Any], reference: str) -> None:
    rows = [_row(number, atoms, result) for number, (atoms, result) in enumerate(zip(structures, results, strict=True))]
    columns = ["", "formula", "eV", "eV/atom", "± eV", "max |F| eV/Å", "novelty eV", "", "error"]
    drawn = table(columns, rows)
    drawn.title = f"predicted by {reference}"
    state.show({"potential": reference, "predictions": [_plain(result) for result in results]}, drawn)


def _row(number: int, atoms: Any, result: Any) -> list[Any]:
    formula = atoms.get_chemical_formula()
    if isinstance(result, errors.ApiError):
        return [number, formula, *[None] * 6, str(result)]
    largest = None if result.forces is None else float((result.forces**2).sum(axis=1).max() ** 0.5)
    novelty = None if result.energy_novelties is None else float(result.energy_novelties.max())
    outside = "extrapolating" if result.domain is not None and result.domain.extrapolating else None
    per_atom = None if result.energy is None else result.energy / len(atoms)
    return [number, formula, result.energy, per_atom, result.energy_uncertainty, largest, novelty, outside, None]


def _plain(result: Any) -> dict[str, Any]:
    if isinstance(result, errors.ApiError):
        return {"error": {"code": result.code, "message": result.message, "advice": result.advice}}
    values = {name: getattr(result, name) for name in (*PER_STRUCTURE, *PER_ATOM)}
    values = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in values.items()}
    extrapolating = None if result.domain is None else bool(result.domain.extrapolating)
    return {**values, "extrapolating": extrapolating, "unavailable": result.unavailable}


def _write(output: Path, structures: list[Any], results: list[Any], reference: str) -> None:
    import ase.io
    from ase import Atoms

    frames = []
    for atoms, result in zip(structures, results, strict=True):
        frame = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        frame.info["potential"] = reference
        if isinstance(result, errors.ApiError):
            frame.info["error"] = str(result)
        else:
            frame.info |= {name: value for name in PER_STRUCTURE if (value := getattr(result, name)) is not None}
            frame.arrays |= {name: value for name in PER_ATOM if (value := getattr(result, name)) is not None}
        frames.append(frame)
    ase.io.write(output, frames, format="extxyz")
