"""Atomic reference energies: the part of the energies that composition alone explains, fitted in float64."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnp.core import errors
from nnp.core.label import Frame

RELATIVE_RANK = 1e-6
"""Singular values of the composition matrix below this fraction of the largest count as zero."""


@dataclass(frozen=True, kw_only=True)
class ReferenceEnergies:
    """One energy per element, subtracted before training and added back in float64.

    Attributes:
        energies: eV per atom by chemical symbol.
        free_directions: changes of the energies (by symbol, largest component 1) that no structure of the data can
            tell from zero, because its compositions span too little; empty where all energies are determined.
    """

    energies: dict[str, float]
    free_directions: tuple[dict[str, float], ...]

    def of(self, symbols: Sequence[str]) -> float:
        """Sum of the reference energies of these atoms, eV."""
        return float(sum(self.energies[symbol] for symbol in symbols))


def fit(frames: Sequence[Frame], elements: Sequence[str]) -> ReferenceEnergies:
    """Fit energies per atom as a linear function of the composition, E/N = Σ_e (N_e/N) E_e, by least squares.

    Where the compositions leave a direction free (one stoichiometry only, say), the solution of least norm is taken
    and a warning names the direction: the potential must not be used on other compositions.

    Args:
        frames: labelled frames; those without a label are left out.
        elements: the symbols to fit.

    Raises:
        InputError: no frame has an energy.
    """
    labelled = [(frame.structure, frame.label) for frame in frames if frame.label is not None]
    if not labelled:
        raise errors.InputError("no structure has an energy: the reference energies cannot be fitted")
    fractions = np.array([[s.symbols.count(element) / len(s) for element in elements] for s, _ in labelled])
    targets = np.array([label.energy / len(structure) for structure, label in labelled])
    # rows of zeros: with at least as many rows as elements the thin decomposition has all E right vectors
    missing = max(0, len(elements) - len(fractions))
    fractions, targets = np.pad(fractions, ((0, missing), (0, 0))), np.pad(targets, (0, missing))
    left, singular, right = np.linalg.svd(fractions, full_matrices=False)
    rank = int(np.sum(singular > RELATIVE_RANK * singular[0]))
    solution = right[:rank].T @ ((left[:, :rank].T @ targets) / singular[:rank])
    free = tuple(_direction(row, elements) for row in right[rank:])
    for direction in free:
        terms = ", ".join(f"{element} by {change:+.3g} eV" for element, change in direction.items())
        warnings.warn(
            f"the compositions of the data do not determine all reference energies: changing {terms} changes no "
            "energy of the data; add structures of other compositions before using the potential on them",
            stacklevel=2,
        )
    return ReferenceEnergies(
        energies={element: float(value) for element, value in zip(elements, solution, strict=True)},
        free_directions=free,
    )


def _direction(row: npt.NDArray[np.float64], elements: Sequence[str]) -> dict[str, float]:
    scaled = row / row[np.argmax(np.abs(row))]
    return {e: float(round(c, 6)) for e, c in zip(elements, scaled, strict=True) if abs(c) > RELATIVE_RANK}
