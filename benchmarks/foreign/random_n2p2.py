"""Random potentials of n2p2's format that together use everything that the format knows, and structures for them.

Seeded, so that the same call writes the same files. Parameters are sane (a few neighbours inside every window),
networks small. Where n2p2 does not know a keyword that RuNNer has, ``spelled`` holds the same potential in RuNNer's
words.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from ase.data import atomic_numbers

from nnp.learn import foreign
from tests.learn import foreign_reference

ELEMENTS = (("O", "H"), ("Cu", "S"), ("Si", "O"), ("N", "H", "C"), ("As", "Ga"), ("S", "Li", "P"))
ACTIVATIONS = "ltsprgcSeh"
CORES = ("p1", "p2", "p3", "p4", "p1a", "p2a", "p3a", "p4a", "e")
ALPHAS = (0.0, 0.3, 0.7)
SCALINGS = (
    (),
    ("scale_symmetry_functions",),
    ("center_symmetry_functions",),
    ("scale_symmetry_functions", "center_symmetry_functions"),
    ("scale_symmetry_functions_sigma",),
)
ANGLES = ((0, 180), (-90, 90), (90, 270), (20, 130), (-180, 180), (75.5, 180), (0, 360), (0, 61.5))
EXPONENTIAL, COMPACT = (2, 3, 9, 12, 13), (20, 21, 22, 23, 24, 25)
UNITS = "bohr,hartree"
STATISTICS = (0.0, 1.0, 0.5, 0.3)
IMAGES = np.array(list(itertools.product((-2, -1, 0, 1, 2), repeat=3)))
LONGEST, CLOSEST = 7.01, 1.8
"""Bohr: beyond all cutoffs, and the least distance of two atoms."""
LONG = 3
"""How many structures of a potential are longer than its cutoffs."""
BOUNDS = ((0.0, 1.0), (-1.0, 1.0), (0.25, 2.0))


@dataclass(frozen=True, kw_only=True)
class Made:
    """One potential with its structures.

    Attributes:
        name: says what is in it.
        files: of n2p2, by name.
        spelled: files that differ in RuNNer's words; empty where there are none.
        structures: text of `input.data`.
    """

    name: str
    files: dict[str, str]
    structures: str
    spelled: dict[str, str] = field(default_factory=dict)


def potentials(kinds: Sequence[str] = ("cutoff", "core", "topology", "words")) -> list[Made]:
    """All of them: every cutoff function with every inner radius, every core, per-element networks, RuNNer's words."""
    made = []
    if "cutoff" in kinds:
        for number, (kind, alpha) in enumerate(itertools.product(range(9), ALPHAS)):
            made.append(_Potential(number, f"cutoff {kind} alpha {alpha}", cutoff=(kind, alpha)).made(EXPONENTIAL))
    if "core" in kinds:
        for number, core in enumerate(CORES, start=100):
            made.append(_Potential(number, f"core {core}", core=core).made(COMPACT))
    if "topology" in kinds:
        made += [_Potential(number, f"widths of one element {number}").with_own_widths() for number in (200, 201)]
        made += [
            _Potential(number, f"activations of one element {number}").with_own_activations() for number in (210, 211)
        ]
        made += [_Potential(number, f"depth of one element {number}").with_own_depth() for number in (220,)]
    if "words" in kinds:
        made += [
            _Potential(number, f"functions for all elements {number}").with_spread_functions() for number in (300, 301)
        ]
    return made


class _Potential:
    """Draws one potential after the other property; what does not matter to the name goes round by ``number``."""

    def __init__(
        self, number: int, name: str, *, cutoff: tuple[int, float] = (2, 0.0), core: str | None = None
    ) -> None:
        self.number, self.name, self.cutoff, self.core = number, name, cutoff, core or "p2"
        self.random = np.random.default_rng(number)
        self.elements = ELEMENTS[number % len(ELEMENTS)]
        self.ordered = sorted(self.elements, key=lambda symbol: atomic_numbers[symbol])
        self.hidden = [int(n) for n in self.random.integers(2, 5, size=1 + number % 2)]
        self.text = self.structures(small=core is None)
        letters = [ACTIVATIONS[(3 * number + i) % len(ACTIVATIONS)] for i in range(len(self.hidden))]
        self.activations = [*letters, ACTIVATIONS[(number // 2) % len(ACTIVATIONS)] if number % 2 else "l"]

    def made(self, types: Sequence[int]) -> Made:
        lines = self.functions(types)
        return Made(name=self.name, files=self.files(lines), structures=self.text)

    def with_own_widths(self) -> Made:
        """n2p2 2.3 does not read the last width of an element: it is the common one here."""
        self.hidden = [3, 4]
        self.activations = ["t", "s", "l"]
        lines = self.functions((2, 3))
        own = f"element_nodes_short {self.ordered[0]} 5 4"
        files = self.files(lines, [own], {self.ordered[0]: [5, 4]})
        spelled = {"input.nn": files["input.nn"].replace(own, f"element_nodes_short {self.ordered[0]} 1 5")}
        return Made(name=self.name, files=files, structures=self.text, spelled=spelled)

    def with_own_activations(self) -> Made:
        self.hidden = [3, 3]
        self.activations = ["t", "c", "l"]
        lines = self.functions((2, 9))
        own = f"element_activation_short {self.ordered[-1]} p g l"
        return Made(name=self.name, files=self.files(lines, [own]), structures=self.text)

    def with_own_depth(self) -> Made:
        """n2p2 cannot run networks of several depths: there, the shallow one gets a linear layer of unit weights."""
        self.hidden, self.activations = [3, 3], ["t", "t", "l"]
        lines, element = self.functions((2, 3)), self.ordered[0]
        files = self.files(lines, [f"element_activation_short {element} t l l"])
        weights = f"weights.{atomic_numbers[element]:03d}.data"
        values = files[weights].split("\n")[:-1]
        first = len(values) - (3 * 3 + 3) - 4
        shallow = values[:first] + values[-4:]
        unit = [f"{float(i == j)}" for i in range(3) for j in range(3)] + ["0.0"] * 3
        files[weights] = "\n".join(values[:first] + unit + values[-4:]) + "\n"
        words = (
            f"element_hidden_layers_short {element} 1\nelement_nodes_short {element} 3\n"
            f"element_activation_short {element} t l"
        )
        spelled = {
            "input.nn": files["input.nn"].replace(f"element_activation_short {element} t l l", words),
            weights: "\n".join(shallow) + "\n",
        }
        return Made(name=self.name, files=files, structures=self.text, spelled=spelled)

    def with_spread_functions(self) -> Made:
        """`global_symfunction_short` and `element_symfunction_short` for our reader, one by one for n2p2."""
        r = self.random
        everywhere = [(2, self._exponential(2)), (9, self._exponential(9)), (13, self._exponential(13))]
        own = [(3, self._exponential(3)), (22, self._windows(22))]
        short, long = [], []
        for kind, words in everywhere:
            short.append(f"global_symfunction_short {kind} {words}")
            long += [
                f"symfunction_short {centre} {kind} {n}{words}"
                for centre in self.elements
                for n in self._combinations(kind)
            ]
        for (kind, words), centre in zip(own, self.elements, strict=False):
            short.append(f"element_symfunction_short {centre} {kind} {words}")
            long += [f"symfunction_short {centre} {kind} {n}{words}" for n in self._combinations(kind)]
        r.shuffle(long)
        files = self.files(long)
        spelled = {"input.nn": files["input.nn"].replace("\n".join(long), "\n".join(short))}
        return Made(name=self.name, files=files, structures=self.text, spelled=spelled)

    def files(
        self, functions: list[str], extra: Sequence[str] = (), widths: dict[str, list[int]] | None = None
    ) -> dict[str, str]:
        modes = SCALINGS[self.number % len(SCALINGS)]
        low, high = BOUNDS[self.number % len(BOUNDS)]
        lines = [
            f"# {self.name}",
            f"number_of_elements {len(self.elements)}",
            f"elements {' '.join(self.elements)}",
            f"cutoff_type {self.cutoff[0]} {self.cutoff[1]}",
            *modes,
            *([f"scale_min_short {low}", f"scale_max_short {high}"] if modes and self.number % 3 else []),
            f"global_hidden_layers_short {len(self.hidden)}",
            f"global_nodes_short {' '.join(map(str, self.hidden))}",
            f"global_activation_short {' '.join(self.activations)}",
            *extra,
            *functions,
        ]
        if self.number % 2:
            lines.append("normalize_nodes")
        if self.number % 3 == 0:
            lines += [
                f"mean_energy {self._real(-0.3, 0.3)}",
                f"conv_energy {self._real(2, 20)}",
                f"conv_length {self._real(0.5, 3)}",
            ]
        if self.number % 5 < 3:
            lines += [f"atom_energy {symbol} {self._real(-5, -1)}" for symbol in self.elements]
        counts = {s: sum(line.split()[1] == s for line in functions) for s in self.ordered}
        files = {"input.nn": "\n".join(lines) + "\n", "scaling.data": self._scaling(counts)}
        for symbol, count in counts.items():
            own = (widths or {}).get(symbol, self.hidden)
            files[f"weights.{atomic_numbers[symbol]:03d}.data"] = self._weights([count, *own, 1])
        files["scaling.data"] = self._scaling(counts, _statistics(files, self.text))
        return files

    def functions(self, types: Sequence[int]) -> list[str]:
        """For each centre element one function of each type at least, with neighbours drawn."""
        lines = []
        for centre in self.elements:
            for kind in types:
                words = self._exponential(kind) if kind < 20 else self._windows(kind)
                combinations = self._combinations(kind)
                drawn = self.random.permutation(len(combinations))[: 2 if kind in (2, 3, 20, 21) else 1]
                lines += [f"symfunction_short {centre} {kind} {combinations[i]}{words}" for i in drawn]
        self.random.shuffle(lines)
        return lines

    def _combinations(self, kind: int) -> list[str]:
        """Neighbour elements with a blank after each; in any order, as files have them."""
        count = {2: 1, 20: 1, 3: 2, 9: 2, 21: 2, 22: 2}.get(kind, 0)
        found = itertools.combinations_with_replacement(self.elements, count)
        return ["".join(f"{symbol} " for symbol in one) for one in found]

    def _exponential(self, kind: int) -> str:
        eta, rc = self._real(0.005, 0.2), self._real(5.0, 7.0)
        shift = self._real(0.5, 3) if self.random.random() < 0.5 else 0.0
        if kind in (2, 12):
            return f"{eta} {shift} {rc}"
        zeta = [1, 2, 4, 3, 16, 1.5, 7, 2.25][int(self.random.integers(8))]
        sign = [1, -1, 1, -1, 0.5][int(self.random.integers(5))]
        if kind == 13:
            return f"{eta} {shift} {sign} {zeta} {rc}"
        return f"{eta} {sign} {zeta} {rc}" + (f" {shift}" if shift else "")

    def _windows(self, kind: int) -> str:
        right = self._real(5, 7)
        left = [-right, 0.0, self._real(0.1, 2.0), self._real(-2, -0.5)][int(self.random.integers(4))]
        words = f"{left} {right}"
        if kind in (21, 22, 24, 25):
            words += " {} {}".format(*ANGLES[int(self.random.integers(len(ANGLES)))])
        return f"{words} {self.core}"

    def _scaling(self, counts: dict[str, int], functions: npt.NDArray[np.float64] | None = None) -> str:
        """Rows near what the functions are in the structures; n2p2 and we only divide by them."""
        rows = ["# element function min max mean sigma"]
        for element, count in enumerate(counts.values(), start=1):
            for index in range(1, count + 1):
                low, high, mean, sigma = STATISTICS if functions is None else functions[element - 1, index - 1]
                rows.append(f"{element} {index} {low:.5f} {high:.5f} {mean:.5f} {sigma:.5f}")
        return "\n".join([*rows, "-10.0 0.0", "0.1 0.2"]) + "\n"

    def _weights(self, widths: list[int]) -> str:
        count = sum((a + 1) * b for a, b in itertools.pairwise(widths))
        values = self.random.normal(scale=0.5, size=count)
        values[-1] += self.activations[-1] == "r"  # an output that is not zero everywhere
        return "\n".join(f"{value:.4f}" for value in values) + "\n"

    def _real(self, low: float, high: float) -> float:
        return round(float(self.random.uniform(low, high)), 4)

    def structures(self, *, small: bool) -> str:
        """A cluster, a cell and a sheared cell longer than the cutoffs, and where wanted a cell that is shorter.

        Where an atom sees its own images, n2p2's forces are not the derivatives of its energies; and it leaves out
        triplets whose cosine rounds to ±1, as those of an atom and two of its images may or may not do.
        """
        text = self._structure(None, 5)
        for shear in (0.0, 1.5):
            while True:
                cell = np.diag(self.random.uniform(7.1, 8.5, 3)) + self.random.uniform(-shear, shear, (3, 3))
                cell = cell.round(4)
                shifts = IMAGES[np.any(IMAGES, axis=1)] @ cell
                if np.linalg.norm(shifts, axis=1).min() > LONGEST:
                    break
            text += self._structure(cell, 4)
        if not small:
            return text
        shorter = np.diag(self.random.uniform(4.5, 6.0, 3)) + self.random.uniform(-1.0, 1.0, (3, 3))
        return text + self._structure(shorter.round(4), len(self.elements))

    def _structure(self, cell: npt.NDArray[np.float64] | None, atoms: int) -> str:
        box = np.diag([7.0, 7.0, 7.0]) if cell is None else cell
        images = (IMAGES if cell is not None else IMAGES[:0].sum(axis=0, keepdims=True)) @ box
        symbols = [self.elements[i % len(self.elements)] for i in range(atoms)]
        while True:
            places = (self.random.uniform(size=(atoms, 3)) @ box).round(4)
            vectors = places[:, None, None] - places[None, :, None] + images
            if np.sort(np.linalg.norm(vectors, axis=-1).ravel())[atoms] > CLOSEST:
                break
        lines = ["begin", f"comment {self.name}"]
        lines += [] if cell is None else [f"lattice {_words(row)}" for row in cell]
        lines += [f"atom {_words(place)} {symbol} 0 0 0 0 0" for place, symbol in zip(places, symbols, strict=True)]
        return "\n".join([*lines, "energy 0", "charge 0", "end"]) + "\n"


def _words(numbers: Sequence[float]) -> str:
    return " ".join(repr(float(number)) for number in numbers)


def _statistics(files: dict[str, str], structures: str) -> npt.NDArray[np.float64]:
    """Minimum, maximum, mean and deviation (E, D, 4) of the functions in the structures, with a width at least."""
    potential = foreign.read({name: text.encode() for name, text in files.items()}, UNITS).potential
    values: list[list[npt.NDArray[np.float64]]] = [[] for _ in potential.elements]
    for structure in foreign_reference.of_input_data(structures):
        rows = foreign_reference.functions(potential, structure)["torch"]
        for symbol, row in zip(structure.symbols, rows, strict=True):
            values[potential.elements.index(symbol)].append(row)
    every = [np.array(one) for one in values]
    wide = np.array([[one.min(0), one.max(0) + 0.05, one.mean(0), one.std(0) + 0.05] for one in every])
    return wide.transpose(0, 2, 1)
