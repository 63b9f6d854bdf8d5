"""Mean, spread and range of many functions over many atoms, by element, a portion of the atoms at a time."""

import numpy as np
import numpy.typing as npt


class Moments:
    """Running figures (E, D) of D functions over the atoms of each of E elements, in float64.

    Portions are joined as in Chan, Golub and LeVeque, Am. Stat. 37, 242 (1983), which cancels nothing.

    Attributes:
        counts: (E,) atoms.
        mean: arithmetic mean.
        lowest, highest: range; infinite where there is no atom.
    """

    def __init__(self, n_elements: int, size: int) -> None:
        self.counts = np.zeros(n_elements, dtype=np.int64)
        self.mean = np.zeros((n_elements, size))
        self.lowest, self.highest = np.full((n_elements, size), np.inf), np.full((n_elements, size), -np.inf)
        self._squares = np.zeros((n_elements, size))

    def add(self, values: npt.NDArray[np.floating], species: npt.NDArray[np.integer]) -> None:
        """Take in the functions (N, D) of N atoms of these elements (N,)."""
        for element in np.unique(species):
            own = np.asarray(values[species == element], dtype=np.float64)
            before, new = self.counts[element], len(own)
            mean = own.mean(axis=0)
            shift = mean - self.mean[element]
            self._squares[element] += ((own - mean) ** 2).sum(axis=0) + shift**2 * (before * new / (before + new))
            self.mean[element] += shift * (new / (before + new))
            self.counts[element] += new
            self.lowest[element] = np.minimum(self.lowest[element], own.min(axis=0))
            self.highest[element] = np.maximum(self.highest[element], own.max(axis=0))

    def deviation(self) -> npt.NDArray[np.float64]:
        """Population standard deviation (E, D); 0 where there is no atom."""
        found: npt.NDArray[np.float64] = np.sqrt(self._squares / np.maximum(self.counts, 1)[:, None])
        return found
