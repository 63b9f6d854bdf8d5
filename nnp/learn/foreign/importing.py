"""From a foreign potential to what is registered: ONNX files, checkpoint, card with its limits, replicas if wanted."""

import hashlib
import json
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nnp.core import potential as potentials
from nnp.core import recipe
from nnp.core.label import Frame
from nnp.core.representatives import representatives
from nnp.core.structure import Structure
from nnp.learn import checkpoint, export, train, unlabelled, weights
from nnp.learn import definition as definitions
from nnp.learn.finish import Progress, Trained
from nnp.learn.foreign import limits, packing, probes
from nnp.learn.foreign.imported import Imported

MARGIN = 0.006
"""Å; with a hard cutoff, no pair of a structure that is differentiated numerically may be so near to it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Result(Trained):
    """What an import gives.

    Attributes:
        limits: dicts of code, sentence and the checks of the contract that they excuse.
        origin: format, files with their sha256, units.
    """

    limits: tuple[dict[str, Any], ...]
    origin: dict[str, Any]


def build(
    imported: Imported,
    frames: Sequence[Frame] = (),
    wanted: recipe.Recipe | None = None,
    *,
    checkpoint_directory: Path | None = None,
    threads: int | None = None,
    lineage: Mapping[str, Any] | None = None,
) -> Generator[Progress, None, Result]:
    """Export and check a foreign potential, and train replicas for it where structures and recipe are given.

    Yields progress; the value of StopIteration is the result.

    Args:
        imported: as `foreign.read` returns it.
        frames: structures for replicas and contract; their labels are not looked at.
        wanted: the recipe whose replicas are trained on the frames; None, or one without replicas, trains none.
        checkpoint_directory: where the progress of the replicas is kept; None keeps nothing.
        threads: of torch; None takes its setting.
        lineage: what the caller knows of the origin, copied to card and manifest.

    Raises:
        InputError: frames with elements that the potential does not know, or too few of them.
        ContractError: the potential violates the physics contract other than by its recorded limits.
    """
    started, previous = time.monotonic(), torch.get_num_threads()
    torch.set_num_threads(threads or previous)
    try:
        yield Progress(stage="prepare", message=f"potential of {imported.format}, {len(frames)} structures")
        packed = packing.to_weights(imported.potential, imported.warnings)
        if frames and wanted is not None and wanted.replicas is not None:
            kept = checkpoint.Resumable(checkpoint_directory, _header(imported, frames, wanted), train.SAVE_SECONDS)
            packed = yield from unlabelled.replicate(packed, frames, wanted, kept)
        return (yield from _finished(imported, packed, frames, lineage or {}, started))
    finally:
        torch.set_num_threads(previous)


def _finished(
    imported: Imported, packed: weights.Weights, frames: Sequence[Frame], lineage: Mapping[str, Any], started: float
) -> Generator[Progress, None, Result]:
    structures = _probes(imported, packed.definition, frames)
    single, double = (_served(imported, dtype) for dtype in ("float32", "float64"))
    _, rounding = unlabelled.precision(single, double, structures)
    found = [limit.to_dict() for limit in limits.of(imported.potential, double, rounding)]
    provenance = {**lineage, "import": {"origin": imported.origin, "limits": found}}
    result = yield from unlabelled.finish(
        packed,
        frames,
        structures,
        provenance,
        started,
        excused=[check for limit in found for check in limit["checks"]],
    )
    return Result(**vars(result), limits=tuple(found), origin=imported.origin)


def _served(imported: Imported, dtype: str) -> potentials.Potential:
    """The potential as it is served in a precision."""
    described = export.describe(imported.potential, dtype)
    return potentials.Potential.load(export.to_onnx(imported.potential, described), kernel=False)


def _probes(imported: Imported, definition: definitions.Definition, frames: Sequence[Frame]) -> list[Structure]:
    """Structures for the contract: of the frames where they are given, away from the jumps of a hard cutoff."""

    def strangeness(structure: Structure) -> float:
        inputs, _ = definitions.inputs(definition.functions, definition.scaled, [Frame(structure=structure)])
        return float(np.sqrt((inputs**2).mean()))

    elements = imported.potential.elements
    if limits.has_hard_cutoff(imported.potential):
        radii = {one.cutoff for one in limits.functions(imported.potential) if not one.compact}
        return probes.structures(elements, strangeness, radii=radii, margin=MARGIN)
    return representatives(frames) if frames else probes.structures(elements, strangeness)


def _header(imported: Imported, frames: Sequence[Frame], wanted: recipe.Recipe) -> dict[str, Any]:
    """What must be equal for the training of the replicas to go on."""
    origin = hashlib.sha256(json.dumps(imported.origin, sort_keys=True).encode()).hexdigest()
    return {
        "recipe_hash": recipe.recipe_hash(wanted),
        "data_hash": train.data_hash(frames),
        "parent_hash": origin,
    }
