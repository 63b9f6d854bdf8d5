"""Functions for chosen pairs and triples of elements only (paper, section 3.2.2: O-P-O matters in Li3PO4, P-P-P not).

What an atom sees then depends on its element: one descriptor for each centre, without the neighbours and pairs of
neighbours that are not listed.
"""

from collections.abc import Sequence
from dataclasses import replace

from nnp.core import errors
from nnp.core.function_recipe import ElementTuples
from nnp.learn.behler.by_centre import ByCentre
from nnp.learn.symmetry_functions import SymmetryFunctions


def chosen(functions: SymmetryFunctions, tuples: ElementTuples, centres: Sequence[str] | None = None) -> ByCentre:
    """The functions of the listed pairs [centre, neighbour] and triples [neighbour, centre, neighbour].

    Args:
        functions: those of all pairs and triples.
        tuples: the lists.
        centres: elements that have networks, None = all. Another one for which nothing is listed keeps the first
            radial function of every neighbour element, for the domain.

    Raises:
        RecipeError: a listed element is not among those of the functions, or nothing is left for a centre.
    """
    field = "symmetry_functions.element_tuples"
    listed = [symbol for some in (*(tuples.radial or ()), *(tuples.angular or ())) for symbol in some]
    for symbol in sorted(set(listed) - set(functions.elements)):
        raise errors.RecipeError(field=field, reason=f"the data set has no element {symbol}")
    own = []
    for centre in functions.elements:
        one = _of_centre(functions, tuples, centre)
        if one is None and centres is not None and centre not in centres:
            one = replace(functions, radial=functions.radial[:1], angular=None)
        if one is None:
            raise errors.RecipeError(field=field, reason=f"no pair and no triple is left for the centre {centre}")
        own.append(one)
    return ByCentre(elements=functions.elements, descriptors=tuple(own))


def _of_centre(functions: SymmetryFunctions, tuples: ElementTuples, centre: str) -> SymmetryFunctions | None:
    neighbours, pairs, part, radial = None, None, functions.angular, functions.radial
    if tuples.radial is not None:
        neighbours = _in_order(functions.elements, [other for own, other in tuples.radial if own == centre])
        radial = radial if neighbours else ()
    if tuples.angular is not None:
        pairs = tuple((first, second) for first, own, second in tuples.angular if own == centre)
        part = part if pairs else None
    if not radial and part is None:
        return None
    return replace(
        functions,
        radial=radial,
        angular=part,
        radial_elements=neighbours if radial else None,
        angular_pairs=pairs if part is not None else None,
    )


def _in_order(elements: Sequence[str], some: Sequence[str]) -> tuple[str, ...]:
    return tuple(element for element in elements if element in some)
