"""All pairs of atoms below a distance, each once, by vesin.

vesin's Python wrapper imports torch wherever torch is installed, which takes a second and 200 MB in processes that
never use it; so its C library is called directly, with the declarations that vesin ships beside it.
"""

import contextlib
import ctypes
import functools
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from nnp.core import errors
from nnp.core.structure import Structure

GRID_CELLS = 1e5
"""vesin sorts atoms into at most so many grid cells (MAX_NUMBER_OF_CELLS in its cpu_cell_list.cpp)."""
DENSEST = 4.0
"""Atoms per Å^3; diamond has 0.18. Beyond this a list of pairs would fill the memory."""
SPARE_LISTS, SPARE_PAIRS = 4, 500_000
"""Lists kept for the next call, and the longest that is kept: fresh memory would cost a third of the search."""
_spare: list[Any] = []


@contextlib.contextmanager
def half_list(
    structure: Structure, cutoff: float, *, threads: int = 1
) -> Iterator[tuple[npt.NDArray[np.uint64], npt.NDArray[np.float64]]]:
    """Pairs (E, 2) and their vectors r_j - r_i + S @ cell (E, 3) in Å, shorter than the cutoff, each pair once.

    The arrays are views of vesin's memory and valid inside the `with` block only.

    Raises:
        StructureError: the atoms lie so far apart, or so densely, that no list can be made.
    """
    box = _enclosing_box(structure, cutoff)
    _check_extent(structure, cutoff, box)
    library, declarations = _vesin()
    options = declarations.VesinOptions(
        cutoff=cutoff,
        full=False,
        sorted=False,
        algorithm=declarations.VesinAutoAlgorithm,
        skin=0.0,
        n_threads=threads,
        return_shifts=False,
        return_distances=False,
        return_vectors=True,
    )
    found = _spare_list() or declarations.VesinNeighborList()
    message = ctypes.c_char_p()
    number = ctypes.POINTER(ctypes.c_double)
    try:
        status = library.vesin_neighbors(
            structure.positions.ctypes.data_as(number),
            len(structure),
            box.ctypes.data_as(number),
            (ctypes.c_bool * 3)(True, True, True),
            declarations.VesinDevice(declarations.VesinCPU, 0),
            options,
            ctypes.byref(found),
            ctypes.byref(message),
        )
        if status != 0:
            raise errors.StructureError(f"no neighbour list: {(message.value or b'unknown reason').decode()}")
        if found.length == 0:
            yield np.empty((0, 2), dtype=np.uint64), np.empty((0, 3))
        else:
            yield (
                _view(found.pairs, ctypes.c_uint64, (found.length, 2)),
                _view(found.vectors, ctypes.c_double, (found.length, 3)),
            )
    finally:
        if found.length <= SPARE_PAIRS and len(_spare) < SPARE_LISTS:
            _spare.append(found)
        else:
            library.vesin_free(ctypes.byref(found))


def _spare_list() -> Any | None:
    try:
        return _spare.pop()
    except IndexError:  # also when another thread was faster
        return None


@functools.cache
def _vesin() -> tuple[ctypes.CDLL, ModuleType]:
    """The library and the module of its declarations, loaded without running vesin's own `__init__`."""
    package = importlib.util.find_spec("vesin")
    if package is None or not package.submodule_search_locations:
        raise ImportError("vesin is not installed; it is a dependency of nnpd")
    folder = Path(package.submodule_search_locations[0])
    spec = importlib.util.spec_from_file_location("nnp_core_vesin_declarations", folder / "_c_api.py")
    libraries = sorted([*folder.glob("lib/libvesin.*"), *folder.glob("bin/vesin.dll")])
    if spec is None or spec.loader is None or not libraries:
        raise ImportError(f"the installed vesin has no C library in {folder.name}/lib")
    declarations = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(declarations)
    library = ctypes.CDLL(str(libraries[0]))
    declarations.setup_functions(library)
    return library, declarations


def _view(pointer: ctypes._Pointer, kind: type, shape: tuple[int, int]) -> npt.NDArray:
    return np.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(kind)), shape=shape)


def _enclosing_box(structure: Structure, cutoff: float) -> npt.NDArray[np.float64]:
    """A cell (3, 3), Å, with the same pairs and periodic in all directions: vacuum keeps the images apart.

    vesin's own treatment of directions that are not periodic does not end for some long structures.
    """
    box = structure.cell.copy()
    free = ~structure.pbc
    if free.any():
        normals = np.linalg.svd(box[structure.pbc])[2][structure.pbc.sum() :] if structure.pbc.any() else np.eye(3)
        extent = np.ptp(structure.positions @ normals.T, axis=0)
        box[free] = normals * (extent + 1.01 * cutoff + 1.0)[:, None]
    return box


def _check_extent(structure: Structure, cutoff: float, box: npt.NDArray[np.float64]) -> None:
    """Refuse what ends the process inside vesin: a long and thin box gets zero grid cells across (division by zero)."""
    widths = 1.0 / np.linalg.norm(np.linalg.inv(box), axis=0)
    grid = np.maximum(np.floor(widths / cutoff), 1.0)
    total = grid.prod()
    if total > GRID_CELLS and grid.min() * np.cbrt(GRID_CELLS / total) < 1.5:
        raise errors.StructureError(
            f"the atoms are spread over {' x '.join(f'{width:.3g}' for width in widths)} Å, too far and too thin for a "
            "neighbour list; check the units, or split the structure into its fragments"
        )
    if len(structure) > DENSEST * np.prod(np.where(structure.pbc, widths, widths - 1.01 * cutoff)):
        raise errors.StructureError(
            f"{len(structure)} atoms lie on top of each other: more than {DENSEST} atoms per Å^3"
        )
