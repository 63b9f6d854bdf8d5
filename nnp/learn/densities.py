"""Density of the training data among the scaled symmetry functions x: is there anything like this environment?

ρ(x) = Σ_j w_j exp(-|x - x_j|² / (2 s² D))

The Gaussian density function of Jeong et al., J. Phys. Chem. C 122, 22790 (2018), with L weighted landmarks x_j in
place of all training atoms of an element. Each landmark is the training atom farthest from those before it; w_j is the
fraction of the training atoms that are nearest to it, so rare environments are kept and common ones count for what
they are. s² D = median |x - mean|² / L^(2/8): as wide as L landmarks lie apart in a cloud of eight dimensions.
ln ρ is served; ``lowest`` is its least value at a training atom.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

LANDMARKS = 200
MOST_CANDIDATES = 20_000
"""Landmarks of an element are chosen among this many of its training atoms, evenly taken."""
EFFECTIVE_DIMENSIONS = 8
ABSENT = -1e30
"""Logarithm of the weight of a landmark that only fills the array."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Density:
    """Landmarks of every element.

    Attributes:
        landmarks: (E, L, D) scaled symmetry functions.
        log_weights: (E, L) ln w_j.
        widths: (E,) 2 s² D of each element.
        lowest: (E,) least ln ρ of the training atoms.
    """

    landmarks: npt.NDArray[np.float64]
    log_weights: npt.NDArray[np.float64]
    widths: npt.NDArray[np.float64]
    lowest: npt.NDArray[np.float64]


def fit(
    inputs: npt.NDArray[np.floating], species: npt.NDArray[np.integer], n_elements: int, *, count: int = LANDMARKS
) -> Density:
    """Choose landmarks among training atoms.

    Args:
        inputs: (N, D) scaled symmetry functions of the training atoms.
        species: (N,) index of each atom's element; an element without atoms gets a density of zero.
        n_elements: E.
        count: most landmarks L of an element.
    """
    size = inputs.shape[1]
    landmarks, log_weights = np.zeros((n_elements, count, size)), np.full((n_elements, count), ABSENT)
    widths, lowest = np.ones(n_elements), np.zeros(n_elements)
    for element in range(n_elements):
        own = np.asarray(inputs[species == element], dtype=np.float64)
        if len(own) == 0:
            continue
        some = own[:: -(-len(own) // MOST_CANDIDATES)]
        chosen, nearest = _farthest(some, count)
        fractions = np.bincount(nearest, minlength=len(chosen)) / len(some)
        landmarks[element, : len(chosen)] = some[chosen]
        log_weights[element, : len(chosen)] = np.log(np.maximum(fractions, 1e-12))
        spread = np.median(((own - own.mean(axis=0)) ** 2).sum(axis=1))
        widths[element] = 2.0 * max(spread, 1e-6) / len(chosen) ** (2.0 / EFFECTIVE_DIMENSIONS)
        here = [torch.from_numpy(np.asarray(part[element])) for part in (landmarks, log_weights, widths)]
        blocks = [own[start : start + MOST_CANDIDATES] for start in range(0, len(own), MOST_CANDIDATES)]
        lowest[element] = min(float(log_density(torch.from_numpy(block), *here).min()) for block in blocks)
    return Density(landmarks=landmarks, log_weights=log_weights, widths=widths, lowest=lowest)


def log_density(
    x: torch.Tensor, landmarks: torch.Tensor, log_weights: torch.Tensor, width: torch.Tensor
) -> torch.Tensor:
    """The logarithm of ρ (n, 1) of scaled symmetry functions x (n, D), given landmarks (L, D), ln w (L,) and 2 s² D."""
    products = torch.matmul(x, landmarks.transpose(0, 1))
    squares = (x * x).sum(-1, keepdim=True) + (landmarks * landmarks).sum(-1) - products * 2.0
    exponents = torch.clamp(squares, min=0.0) * (-1.0 / width) + log_weights
    largest = exponents.amax(-1, keepdim=True)
    return torch.log(torch.exp(exponents - largest).sum(-1, keepdim=True)) + largest


def _farthest(points: npt.NDArray[np.float64], count: int) -> tuple[list[int], npt.NDArray[np.int64]]:
    """Indices of landmarks, and for every point the position in them of the nearest one.

    The first is the point nearest to the centre; each further one is the point farthest from all before.
    """
    chosen = [int(((points - points.mean(axis=0)) ** 2).sum(axis=1).argmin())]
    distance = ((points - points[chosen[0]]) ** 2).sum(axis=1)
    nearest = np.zeros(len(points), dtype=np.int64)
    while len(chosen) < count and distance.max() > 1e-12:
        chosen.append(int(distance.argmax()))
        to_last = ((points - points[chosen[-1]]) ** 2).sum(axis=1)
        closer = to_last < distance
        nearest[closer] = len(chosen) - 1
        distance = np.minimum(distance, to_last)
    return chosen, nearest
