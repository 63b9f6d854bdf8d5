"""Finish a potential without labels: replicas on bare structures, files, card and physics contract.

For imported potentials: there is no test set, so errors and calibration stay empty and nothing is claimed.
"""

import time
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nnp.core import contract as contracts
from nnp.core import errors, potential, recipe
from nnp.core.label import Frame
from nnp.core.structure import Structure
from nnp.learn import batches, card, checkpoint, committee, contract, difference, export, replication, stacks, weights
from nnp.learn import definition as definitions
from nnp.learn.finish import Progress, Trained

ROUNDINGS = 10.0
"""Two evaluations in single precision may differ by so many times the error of one."""


def replicate(
    found: weights.Weights, frames: Sequence[Frame], wanted: recipe.Recipe, kept: checkpoint.Resumable
) -> Generator[Progress, None, weights.Weights]:
    """The same potential with replicas, trained on the atomic energies that it predicts for some structures.

    Args:
        found: the potential; its members stay as they are, bit for bit.
        frames: structures; labels are not looked at. A part is held out to judge by (`validation_fraction`).
        wanted: replicas, replica_gain, replica_steps, learning_rate, batch_size and seed count.
        kept: where progress is kept.

    Raises:
        RecipeError: the recipe asks for no replicas.
        InputError: elements that the potential does not know, or not two structures.
    """
    if wanted.replicas is None:
        raise errors.RecipeError(field="replicas", reason="there are none to train")
    definitions.check_elements(found.definition, frames)
    centres = found.definition.centres
    frames = frames if centres is None else difference.holding(centres, frames)
    if len(frames) < 2:
        those = "" if centres is None else f" that hold {' or '.join(centres)}"
        raise errors.InputError(f"replicas need at least two structures{those}: one is held out to judge by")
    order = np.random.default_rng([wanted.seed, 1]).permutation(len(frames))
    held_out = max(1, round(wanted.validation_fraction * len(frames)))
    parts = [_batches(found, [frames[i] for i in own], wanted) for own in (order[held_out:], order[:held_out])]
    copies = yield from replication.replicated(
        wanted, found.definition, weights.members_of(found), training=parts[:1], validation=parts[1], kept=kept
    )
    return replace(found, replicas=wanted.replicas, copies=tuple(stacks.to_weights(copies)))


def finish(
    trained: weights.Weights,
    frames: Sequence[Frame],
    probes: Sequence[Structure],
    provenance: Mapping[str, Any],
    started: float,
    *,
    excused: Collection[str] = (),
) -> Generator[Progress, None, Trained]:
    """Export and check a potential without labels, and write its card.

    Args:
        trained: its weights.
        frames: structures that its replicas saw, for the density; may be none.
        probes: structures for the physics contract, at least one.
        provenance: for manifest and card.
        started: time.monotonic() at the beginning.
        excused: names of checks of the contract that may fail.

    Raises:
        ContractError: the result violates the physics contract otherwise.
    """
    yield Progress(stage="export", message="ONNX files, card")
    module = weights.to_potential(trained, definitions.density(trained.definition, frames) if frames else None)
    described = export.describe(module, "float32", training=dict(provenance))
    light, precise = export.to_onnx(module, described), export.to_onnx(module, described, dtype="float64")
    served = potential.Potential.load(light)
    written = card.describe_unlabelled(
        served,
        frames,
        probes[-1],
        lineage={**provenance, "train_seconds": round(time.monotonic() - started, 1)},
        notes=definitions.notes(trained.definition),
    )

    yield Progress(stage="contract", message="invariances, derivatives, continuity, equality of the files")
    report = contract.check(
        module,
        onnx_float32=light,
        onnx_float64=precise,
        structures=probes,
        tolerances=_tolerances(served, potential.Potential.load(precise, kernel=False), probes),
    )
    if any(row.name not in excused for row in report.failures):
        raise errors.ContractError(f"the potential violates the physics contract:\n{report}")
    return Trained(
        onnx_float32=light,
        onnx_float64=precise,
        checkpoint=weights.pack(trained),
        manifest=described,
        metrics={},
        calibration={},
        contract=report,
        card=written,
        dropped=(),
        warnings=trained.definition.warnings,
    )


def _batches(found: weights.Weights, frames: Sequence[Frame], wanted: recipe.Recipe) -> batches.Batches:
    groups = batches.divide(frames, committee.batch_size(wanted, len(frames)), None)
    return definitions.prepare(found.definition, frames, groups, wanted, room=batches.CACHE_BYTES // 2)


def precision(
    single: potential.Potential, double: potential.Potential, probes: Sequence[Structure]
) -> tuple[float, float]:
    """Largest errors of single precision: of energies, eV per atom, and of forces, as a fraction of their rms."""
    properties = ("energy", "forces")
    exact, rounded = double.evaluate(probes, properties), single.evaluate(probes, properties)
    return contracts.deviation(exact, rounded, relative=True)


def _tolerances(
    single: potential.Potential, double: potential.Potential, probes: Sequence[Structure]
) -> contracts.Tolerances:
    """The usual ones, or what the precision of the numbers allows where a potential is steeper than ours are.

    Energies may round in proportion to their size, and in single precision by a few times what it differs from double.
    """
    references = double.manifest.reference_energies
    largest = 1.0
    for structure, found in zip(probes, double.evaluate(probes, ("energies",)), strict=True):
        assert found.energies is not None
        free = np.array([references[symbol] for symbol in structure.symbols])
        largest = max(largest, float(np.abs(found.energies - free).max()))
    energy, force = precision(single, double, probes)
    usual = contracts.Tolerances()
    return contracts.Tolerances(
        invariance_float64=usual.invariance_float64 * largest,
        energy_float32=ROUNDINGS * max(usual.energy_float32 * largest, energy),
        invariance_float32=max(usual.invariance_float32, ROUNDINGS * force),
        batch_float32=max(usual.batch_float32, ROUNDINGS * force),
    )
