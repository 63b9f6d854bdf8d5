"""Values that look like a part of a label under a name that nobody mapped: left alone, they would be lost silently."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from nnp.core.reading.keys import LabelKeys
from nnp.core.reading.record import Record

OTHER_ENERGIES = ("cutoff", "fermi", "hull", "kinetic", "zero_point")
"""Words in the names of energies that are no label."""


def energies(record: Record, keys: LabelKeys) -> list[str]:
    """The names of numbers that look like the energy of a frame which has none under the names looked for."""
    if keys.energy is not None:
        return []
    return sorted(
        name
        for name, value in _named(record.values, "energy")
        if not any(word in name.lower() for word in OTHER_ENERGIES) and _is_number(value)
    )


def forces(record: Record, keys: LabelKeys) -> list[str]:
    """The names of (N, 3) arrays that look like the forces of a frame which has none under the names looked for."""
    if keys.forces is not None:
        return []
    shape = (len(record.symbols), 3)
    return sorted(name for name, value in _named(record.arrays, "force") if np.shape(value) == shape)


def _named(place: Any, word: str) -> Iterator[tuple[str, Any]]:
    return ((str(name), value) for name, value in place.items() if word in str(name).lower())


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
