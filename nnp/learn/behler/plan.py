"""How a list of symmetry functions is computed: what they share is computed once, weighted ones are sums of others.

Every function is a sum of terms that concern one neighbour element (radial) or one pair of elements (angular); only a
weighted function has several. The distinct terms are laid out as columns, block by block:

radial  for each element e: n radial parts
wide    for each pair of elements: n angular x m radial parts      Σ Q(θ) R(r_ij) R(r_ik)
narrow  for each pair of elements, shape and shift: those of m η x n angular parts that occur
                                                                   Σ Q(θ) exp(-η S) s(r_ij) s(r_ik) s(r_jk)
"""

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from ase.data import atomic_numbers

from nnp.learn.behler import angular_parts, radial_parts
from nnp.learn.behler.angular_parts import AngularPart
from nnp.learn.behler.function import Function
from nnp.learn.behler.radial_parts import RadialPart, Shape


@dataclass(frozen=True)
class Narrow:
    """Narrow functions of a pair of elements with one shape and shift."""

    shape: Shape
    shift: float
    etas: tuple[float, ...]
    functions: tuple[tuple[int, int], ...]  # numbers of eta and of angular part

    def matrix(self, angles: int) -> tuple[int, ...]:
        """For every eta and each of the angular parts the number of the function, or how many there are."""
        place = {key: number for number, key in enumerate(self.functions)}
        every = itertools.product(range(len(self.etas)), range(angles))
        return tuple(place.get(key, len(place)) for key in every)


@dataclass(frozen=True)
class Pair:
    """The angular functions of neighbours of the elements first <= second."""

    first: int
    second: int
    angles: tuple[AngularPart, ...]
    wide: tuple[RadialPart, ...]
    narrow: tuple[Narrow, ...]

    @property
    def size(self) -> int:
        """Number of columns."""
        return len(self.angles) * len(self.wide) + sum(len(group.functions) for group in self.narrow)

    @property
    def cutoff(self) -> float:
        """Largest cutoff, Å."""
        return max(shape.cutoff for shape in [part.shape for part in self.wide] + [g.shape for g in self.narrow])


@dataclass(frozen=True)
class Plan:
    """What is computed, and how the D functions follow from it.

    Attributes:
        radial: radial parts of the radial functions, for each element.
        pairs: of the angular functions.
        terms: (column, weight) of every term of each of the D functions.
    """

    radial: tuple[tuple[RadialPart, ...], ...]
    pairs: tuple[Pair, ...]
    terms: tuple[tuple[tuple[int, float], ...], ...]

    @property
    def size(self) -> int:
        """Number of columns."""
        return sum(map(len, self.radial)) + sum(pair.size for pair in self.pairs)

    def angular_cutoff(self, element: int) -> float:
        """Largest cutoff of the angular functions of a neighbour element, Å."""
        return max(pair.cutoff for pair in self.pairs if element in (pair.first, pair.second))


@functools.lru_cache(maxsize=256)
def plan(functions: Sequence[Function], elements: tuple[str, ...]) -> Plan:
    """The plan of a list of functions of one centre element."""
    terms = [(function, term) for function in functions for term, _ in _terms(function, elements)]
    radial = tuple(
        radial_parts.ordered({radial_parts.radial_part(function) for function, term in terms if term == (e,)})
        for e in range(len(elements))
    )
    pairs = tuple(
        _pair(term, [function for function, other in terms if other == term])
        for term in sorted({term for _, term in terms if len(term) == 2})
    )
    empty = Plan(radial, pairs, ())
    found = tuple(
        tuple(
            (_column(empty, function, term), weight * angular_parts.factor(function))
            for term, weight in _terms(function, elements)
        )
        for function in functions
    )
    return replace(empty, terms=found)


class Places(NamedTuple):
    """Where every function is a multiple of its own column."""

    columns: tuple[int, ...]  # of each function
    weights: tuple[float, ...]  # of each function
    functions: tuple[int, ...]  # of each column; D where no function has it


@functools.lru_cache(maxsize=256)
def places(plan: Plan) -> Places | None:
    """Column and weight of every function; None where a function is a sum, or two are the same."""
    columns, weights = zip(*(terms[0] for terms in plan.terms), strict=True)
    if max(map(len, plan.terms)) > 1 or len(set(columns)) < len(columns):
        return None
    place = {column: number for number, column in enumerate(columns)}
    return Places(columns, weights, tuple(place.get(column, len(columns)) for column in range(plan.size)))


def combination(plan: Plan, like: torch.Tensor) -> torch.Tensor:
    """Matrix (columns, D) that makes the functions from the columns."""
    result = torch.zeros((plan.size, len(plan.terms)), dtype=like.dtype, device=like.device)
    for number, terms in enumerate(plan.terms):
        for column, weight in terms:
            result[column, number] += weight
    return result


def _terms(function: Function, elements: tuple[str, ...]) -> list[tuple[tuple[int, ...], float]]:
    """Neighbour element, or pair of elements, and weight of every term."""
    if not function.weighted:
        return [(tuple(sorted(elements.index(element) for element in function.neighbours)), 1.0)]
    z = [float(atomic_numbers[element]) for element in elements]
    if not function.angular:
        return [((e,), z[e]) for e in range(len(elements))]
    return [((e, f), z[e] * z[f]) for e in range(len(elements)) for f in range(e, len(elements))]


def _pair(elements: tuple[int, ...], functions: Sequence[Function]) -> Pair:
    parts = [(radial_parts.radial_part(function), angular_parts.angular_part(function)) for function in functions]
    angles = angular_parts.ordered({angle for _, angle in parts})
    groups: dict[tuple[Shape, float], set[tuple[float, int]]] = {}
    for function, (part, angle) in zip(functions, parts, strict=True):
        if function.narrow:
            groups.setdefault((part.shape, part.shift), set()).add((part.eta, angles.index(angle)))
    wide = radial_parts.ordered({p for one, (p, _) in zip(functions, parts, strict=True) if not one.narrow})
    narrow = [_narrow(*key, groups[key]) for key in sorted(groups, key=str)]
    return Pair(elements[0], elements[1], angles, wide, tuple(narrow))


def _narrow(shape: Shape, shift: float, members: set[tuple[float, int]]) -> Narrow:
    etas = sorted({eta for eta, _ in members})
    return Narrow(shape, shift, tuple(etas), tuple(sorted((etas.index(eta), angle) for eta, angle in members)))


def _column(plan: Plan, function: Function, term: tuple[int, ...]) -> int:
    part = radial_parts.radial_part(function)
    if len(term) == 1:
        return sum(map(len, plan.radial[: term[0]])) + plan.radial[term[0]].index(part)
    start = sum(map(len, plan.radial))
    for pair in plan.pairs:
        if (pair.first, pair.second) == term:
            return start + _column_of_pair(pair, function, part)
        start += pair.size
    raise KeyError(term)


def _column_of_pair(pair: Pair, function: Function, part: RadialPart) -> int:
    angle = pair.angles.index(angular_parts.angular_part(function))
    if not function.narrow:
        return angle * len(pair.wide) + pair.wide.index(part)
    start = len(pair.angles) * len(pair.wide)
    for group in pair.narrow:
        if (group.shape, group.shift) == (part.shape, part.shift):
            return start + group.functions.index((group.etas.index(part.eta), angle))
        start += len(group.functions)
    raise KeyError(function)
