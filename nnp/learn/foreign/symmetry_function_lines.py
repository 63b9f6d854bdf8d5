"""Lines that define symmetry functions, in RuNNer's and n2p2's order of parameters and of functions.

    2        e1 eta rs rc               20        e1 rl rc subtype
    3, 9     e1 e2 eta lambda zeta rc [rs]   21, 22    e1 e2 rl rc left right subtype
    12       eta rs rc                  23        rl rc subtype
    13       eta rs lambda zeta rc      24, 25    rl rc left right subtype

with lengths in native units and angles in degrees. Source:
https://compphysvienna.github.io/n2p2/topics/keywords.html and api/symmetry_function_types.html.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ase.data import atomic_numbers

from nnp.learn.behler.cutoffs import CUTOFF_TYPES, SUBTYPES
from nnp.learn.behler.function import Function
from nnp.learn.foreign import numbers
from nnp.learn.foreign.keywords import Entry, Settings

NEIGHBOURS = {2: 1, 3: 2, 9: 2, 12: 0, 13: 0, 20: 1, 21: 2, 22: 2, 23: 0, 24: 0, 25: 0}
"""Type -> number of neighbour elements."""
PARAMETERS = {
    2: ("eta", "shift", "cutoff"),
    3: ("eta", "lambda_", "zeta", "cutoff"),
    9: ("eta", "lambda_", "zeta", "cutoff"),
    12: ("eta", "shift", "cutoff"),
    13: ("eta", "shift", "lambda_", "zeta", "cutoff"),
    20: ("lower", "cutoff"),
    21: ("lower", "cutoff", "left", "right"),
    22: ("lower", "cutoff", "left", "right"),
    23: ("lower", "cutoff"),
    24: ("lower", "cutoff", "left", "right"),
    25: ("lower", "cutoff", "left", "right"),
}
"""Type -> its numbers in the order of the file."""
SHIFTED = (3, 9)
"""Angular types of which n2p2 passes over a shift that is not positive."""
LENGTHS = ("shift", "cutoff", "lower")
COMPACT = 20
"""Types from here on are compact: a subtype follows, and the cutoff function does not act on them."""
EXPONENTIAL_ORDER = ("cutoff", "eta", "shift", "zeta", "lambda_")
COMPACT_ORDER = ("cutoff", "lower", "left", "right")


@dataclass(frozen=True, kw_only=True)
class Definition:
    """One function of a centre element as a line gives it, native units.

    Attributes:
        type: number of the type.
        neighbours: elements by atomic number; none for weighted types.
        values: parameters by name.
        subtype: core function of compact types, otherwise "".
        line: number of its line.
    """

    type: int
    neighbours: tuple[str, ...]
    values: Mapping[str, float]
    subtype: str
    line: int

    def order(self) -> tuple[Any, ...]:
        """Sorting key of n2p2, which numbers the inputs of the networks."""
        elements = tuple(atomic_numbers[symbol] for symbol in self.neighbours)
        if self.type >= COMPACT:
            return (self.type, self.subtype, elements, *(self.values.get(name, 0.0) for name in COMPACT_ORDER))
        return (self.type, *(self.values.get(name, 0.0) for name in EXPONENTIAL_ORDER), elements)


def read(settings: Settings, elements: Sequence[str]) -> dict[str, list[Definition]]:
    """The functions of every centre element in n2p2's order.

    Args:
        settings: keywords of `input.nn`.
        elements: all elements by atomic number.

    Raises:
        ForeignError: unknown elements or types, missing or impossible parameters, an element without functions.
    """
    reader = _Reader(settings=settings, elements=elements)
    found: dict[str, list[Definition]] = {element: [] for element in elements}
    for entry in settings.every("symfunction_short"):
        centre = reader.element(settings.with_arguments(entry, 2), entry.words[0])
        found[centre].append(reader.definition(entry, entry.words[1:]))
    for entry in settings.every("element_symfunction_short"):
        centre = reader.element(settings.with_arguments(entry, 2), entry.words[0])
        found[centre] += reader.spread(entry, entry.words[1:])
    for entry in settings.every("global_symfunction_short"):
        functions = list(reader.spread(settings.with_arguments(entry, 1), entry.words))
        found = {element: [*own, *functions] for element, own in found.items()}
    for element, own in found.items():
        if not own:
            elements_line = settings.needed("elements")
            raise settings.error(elements_line, f"there are no symmetry functions ('symfunction_short') for {element}")
        own.sort(key=Definition.order)
    return found


def to_function(definition: Definition, *, length: float, cutoff_type: int, alpha: float) -> Function:
    """The function in Å.

    Args:
        definition: in native units.
        length: native unit of length, Å.
        cutoff_type: number of the cutoff function of the exponential types.
        alpha: their inner radius over the cutoff.

    Raises:
        ValueError: a parameter is impossible.
    """
    values: dict[str, Any] = {n: v * length if n in LENGTHS else v for n, v in definition.values.items()}
    if definition.type >= COMPACT:
        values["core"] = definition.subtype
        if "left" in values:
            values["angles"] = (values.pop("left"), values.pop("right"))
    else:
        values["eta"] /= length**2
        values |= {"cutoff_function": CUTOFF_TYPES[cutoff_type], "alpha": alpha}
    return Function(type=definition.type, neighbours=definition.neighbours, **values)


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """Understands the words of a line; every error names it."""

    settings: Settings
    elements: Sequence[str]

    def spread(self, entry: Entry, words: Sequence[str]) -> Iterator[Definition]:
        """One function for every combination of neighbour elements: type and parameters."""
        count = NEIGHBOURS[self.type(entry, words[0])]
        for neighbours in itertools.combinations_with_replacement(self.elements, count):
            yield self.definition(entry, [words[0], *neighbours, *words[1:]])

    def definition(self, entry: Entry, words: Sequence[str]) -> Definition:
        """The function with this type, these neighbour elements and these parameters."""
        kind = self.type(entry, words[0])
        count = NEIGHBOURS[kind]
        if len(words) < 1 + count:
            plural = "s" if count > 1 else ""
            raise self.settings.error(entry, f"type {kind} needs {count} neighbour element{plural}")
        neighbours = [self.element(entry, word) for word in words[1 : 1 + count]]
        values, subtype = self.parameters(entry, kind, words[1 + count :])
        ordered = tuple(sorted(neighbours, key=lambda symbol: atomic_numbers[symbol]))
        return Definition(type=kind, neighbours=ordered, values=values, subtype=subtype, line=entry.line)

    def parameters(self, entry: Entry, kind: int, words: Sequence[str]) -> tuple[dict[str, float], str]:
        """Numbers by name, and the subtype of compact types."""
        names: tuple[str, ...] = PARAMETERS[kind]
        if kind in (3, 9) and len(words) > len(names):
            names = (*names, "shift")
        compact = kind >= COMPACT
        wanted = len(names) + compact
        if len(words) != wanted:
            listed = " ".join([*names, "subtype"] if compact else names).replace("lambda_", "lambda")
            raise self.settings.error(entry, f"type {kind} has {wanted} parameters ({listed}), not {len(words)}")
        numeric = [numbers.real(word, file=self.settings.file, line=entry.line) for word in words[: len(names)]]
        values = dict(zip(names, numeric, strict=True))
        self.check(entry, values, shifted=kind in SHIFTED)
        subtype = words[-1] if compact else ""
        if compact and subtype not in SUBTYPES:
            raise self.settings.error(entry, f"unknown subtype {subtype!r}; known: {', '.join(SUBTYPES)}")
        return values, subtype

    def check(self, entry: Entry, values: Mapping[str, float], *, shifted: bool) -> None:
        """Refuse impossible parameters, and those that n2p2 passes over."""
        problems = {
            f"eta = {values.get('eta', 0.0):g} is negative": values.get("eta", 0.0) < 0.0,
            f"the shift {values.get('shift', 0.0):g} of an angular function is negative": shifted
            and values.get("shift", 0.0) < 0.0,
            f"the cutoff radius {values['cutoff']:g} is not positive": values["cutoff"] <= 0.0,
            "the left end of the radial range is not below the right one": "lower" in values
            and values["lower"] >= values["cutoff"],
            "the left angle is not below the right one": values.get("left", 0.0) >= values.get("right", 180.0),
            f"zeta = {values.get('zeta', 1.0):g} is not positive": values.get("zeta", 1.0) <= 0.0,
            f"lambda = {values.get('lambda_', 1.0):g} is outside -1..1": abs(values.get("lambda_", 1.0)) > 1.0,
        }
        for problem, present in problems.items():
            if present:
                raise self.settings.error(entry, problem)

    def type(self, entry: Entry, word: str) -> int:
        """The number of a supported type."""
        kind = numbers.integer(word, file=self.settings.file, line=entry.line)
        if kind not in PARAMETERS:
            known = ", ".join(map(str, PARAMETERS))
            raise self.settings.error(entry, f"symmetry functions of type {kind} are not supported; types: {known}")
        return kind

    def element(self, entry: Entry, word: str) -> str:
        """One of the elements."""
        if word not in self.elements:
            raise self.settings.error(entry, f"{word[:20]!r} is none of the elements {', '.join(self.elements)}")
        return word
