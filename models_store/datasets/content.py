"""What a dataset version is known by: the hash of its content and its statistics."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson


@dataclass(frozen=True, kw_only=True)
class Line:
    """What the content hash and the statistics see of a member."""

    structure_id: str
    elements: str
    n_atoms: int
    label_digest: str | None
    method: str | None
    energy_per_atom: float | None
    max_force: float | None
    has_stress: bool
    group: str | None
    trajectory: str | None
    split: str


def content_hash(lines: Iterable[Line]) -> str:
    """sha256 over the members in sorted order: structure, label, method, group, trajectory, split.

    The order of the frames, their names and the file they came from do not count.
    """
    keys = sorted(
        orjson.dumps([line.structure_id, line.label_digest, line.method, line.group, line.trajectory, line.split])
        for line in lines
    )
    return hashlib.sha256(b"\n".join(keys)).hexdigest()


def elements(lines: Iterable[Line]) -> str:
    """All chemical symbols between spaces."""
    found = {symbol for text in {line.elements for line in lines} for symbol in text.split()}
    return f" {' '.join(sorted(found))} "


def statistics(lines: Sequence[Line], *, duplicates: int = 0, rejected: int = 0) -> dict[str, Any]:
    """Counts, ranges (eV per atom, eV/Å) and the table of groups and splits."""
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        groups[line.group or ""][line.split] += 1
    return {
        "n_frames": len(lines),
        "n_structures": len({line.structure_id for line in lines}),
        "n_labelled": sum(line.label_digest is not None for line in lines),
        "n_with_forces": sum(line.max_force is not None for line in lines),
        "n_with_stress": sum(line.has_stress for line in lines),
        "n_atoms_total": sum(line.n_atoms for line in lines),
        "n_trajectories": len({line.trajectory for line in lines if line.trajectory is not None}),
        "n_duplicates_dropped": duplicates,
        "n_rejected": rejected,
        "elements": elements(lines).split(),
        "methods": sorted({line.method for line in lines if line.method is not None}),
        "n_atoms": _range([line.n_atoms for line in lines]),
        "energy_per_atom": _range([line.energy_per_atom for line in lines if line.energy_per_atom is not None]),
        "max_force": _range([line.max_force for line in lines if line.max_force is not None]),
        "splits": dict(sorted(Counter(line.split for line in lines).items())),
        "groups": {name: dict(sorted(splits.items())) for name, splits in sorted(groups.items())},
    }


def _range(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    array = np.asarray(values, dtype=float)
    return {
        "min": float(array.min()),
        "max": float(array.max()),
        "mean": float(array.mean()),
        "std": float(array.std()),
    }
