"""Errors of predictions against labels, over all frames and by group. Root mean squares are over components."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
import numpy.typing as npt

from nnp.core import units
from nnp.core.label import Frame

NO_GROUP = "ungrouped"


class Predicted(Protocol):
    """What a prediction must offer to be judged; `nnp.core.prediction.Prediction` does."""

    @property
    def energy(self) -> float | None:
        """Energy of the structure in eV."""

    @property
    def forces(self) -> npt.NDArray[np.floating] | None:
        """(N, 3) forces in eV/Å."""

    @property
    def stress(self) -> npt.NDArray[np.floating] | None:
        """(6,) stress in eV/Å^3, Voigt order, tension positive."""


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Errors over some frames; None where no frame has both the label and the prediction.

    Attributes:
        structures: number of frames with a label.
        atoms: number of atoms in them.
        energy_rmse_mev_per_atom: root mean square over structures of the error of the energy per atom, meV/atom.
        energy_mae_mev_per_atom: mean absolute error of the same, meV/atom.
        force_rmse_ev_per_a: root mean square over force components, eV/Å.
        force_mae_ev_per_a: mean absolute error over force components, eV/Å.
        force_max_ev_per_a: largest length of an atom's force error, eV/Å.
        stress_rmse_gpa: root mean square over the six components, GPa.
        stress_mae_gpa: mean absolute error over the six components, GPa.
    """

    structures: int
    atoms: int
    energy_rmse_mev_per_atom: float | None
    energy_mae_mev_per_atom: float | None
    force_rmse_ev_per_a: float | None
    force_mae_ev_per_a: float | None
    force_max_ev_per_a: float | None
    stress_rmse_gpa: float | None
    stress_mae_gpa: float | None

    def to_dict(self) -> dict[str, int | float | None]:
        """The errors as JSON-like data, keys as the attributes."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, kw_only=True)
class Parity:
    """Reference against prediction, one row per labelled quantity: columns (reference, predicted).

    Attributes:
        energies: (S, 2) eV/atom.
        forces: (F, 2) force components, eV/Å.
        stresses: (T, 2) stress components, GPa.
    """

    energies: npt.NDArray[np.float64]
    forces: npt.NDArray[np.float64]
    stresses: npt.NDArray[np.float64]


def parity(frames: Sequence[Frame], predictions: Sequence[Predicted]) -> Parity:
    """Pair labels with predictions; unlabelled frames and quantities that either side lacks are left out.

    Args:
        frames: S frames.
        predictions: their predictions in the same order.
    """
    energies: list[tuple[float, float]] = []
    forces: list[npt.NDArray[np.float64]] = [np.zeros((0, 2))]
    stresses: list[npt.NDArray[np.float64]] = [np.zeros((0, 2))]
    for frame, prediction in zip(frames, predictions, strict=True):
        label = frame.label
        if label is None:
            continue
        if prediction.energy is not None:
            energies.append((label.energy / len(frame.structure), prediction.energy / len(frame.structure)))
        if label.forces is not None and prediction.forces is not None:
            forces.append(np.stack([label.forces.ravel(), np.asarray(prediction.forces, np.float64).ravel()], axis=1))
        if label.stress is not None and prediction.stress is not None:
            pair = np.stack([label.stress, np.asarray(prediction.stress, np.float64)], axis=1)
            stresses.append(pair / units.GPA)
    return Parity(
        energies=np.array(energies, dtype=np.float64).reshape(-1, 2),
        forces=np.concatenate(forces),
        stresses=np.concatenate(stresses),
    )


def errors(frames: Sequence[Frame], predictions: Sequence[Predicted]) -> Errors:
    """Errors over all labelled frames.

    Args:
        frames: S frames.
        predictions: their predictions in the same order.
    """
    pairs = parity(frames, predictions)
    labelled = [frame for frame in frames if frame.label is not None]
    energy, force, stress = (
        rows[:, 1] - rows[:, 0] for rows in (1000.0 * pairs.energies, pairs.forces, pairs.stresses)
    )
    return Errors(
        structures=len(labelled),
        atoms=sum(len(frame.structure) for frame in labelled),
        energy_rmse_mev_per_atom=_rms(energy),
        energy_mae_mev_per_atom=_mean(np.abs(energy)),
        force_rmse_ev_per_a=_rms(force),
        force_mae_ev_per_a=_mean(np.abs(force)),
        force_max_ev_per_a=float(np.linalg.norm(force.reshape(-1, 3), axis=1).max()) if len(force) else None,
        stress_rmse_gpa=_rms(stress),
        stress_mae_gpa=_mean(np.abs(stress)),
    )


def by_group(frames: Sequence[Frame], predictions: Sequence[Predicted]) -> dict[str, Errors]:
    """Errors of each group by its name, in alphabetic order; frames without a group count as `ungrouped`."""
    return _partition(frames, predictions, lambda frame: frame.group or NO_GROUP)


def by_split(frames: Sequence[Frame], predictions: Sequence[Predicted]) -> dict[str, Errors]:
    """Errors of each split by its name; frames without a split count as `train`."""
    return _partition(frames, predictions, lambda frame: frame.split or "train")


def table(frames: Sequence[Frame], predictions: Sequence[Predicted]) -> dict[str, dict[str, object]]:
    """Errors by split and, within, by group, as JSON-like data: {split: {**errors, "by_group": {group: errors}}}."""
    result: dict[str, dict[str, object]] = {}
    for split, (members, predicted) in _parts(frames, predictions, lambda frame: frame.split or "train").items():
        groups = by_group(members, predicted)
        result[split] = {
            **errors(members, predicted).to_dict(),
            "by_group": {group: found.to_dict() for group, found in groups.items()},
        }
    return result


def _parts(
    frames: Sequence[Frame], predictions: Sequence[Predicted], key: Callable[[Frame], str]
) -> dict[str, tuple[list[Frame], list[Predicted]]]:
    parts: dict[str, tuple[list[Frame], list[Predicted]]] = {}
    for frame, prediction in zip(frames, predictions, strict=True):
        members, predicted = parts.setdefault(key(frame), ([], []))
        members.append(frame)
        predicted.append(prediction)
    return {name: parts[name] for name in sorted(parts)}


def _partition(
    frames: Sequence[Frame], predictions: Sequence[Predicted], key: Callable[[Frame], str]
) -> dict[str, Errors]:
    return {name: errors(*part) for name, part in _parts(frames, predictions, key).items()}


def _rms(values: npt.NDArray[np.float64]) -> float | None:
    return float(np.sqrt(np.mean(values**2))) if len(values) else None


def _mean(values: Iterable[float]) -> float | None:
    values = np.asarray(values)
    return float(values.mean()) if len(values) else None
