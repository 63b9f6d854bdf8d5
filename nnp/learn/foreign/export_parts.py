"""What the writers take from a potential: one function for each input, and refusals that name the part in the way."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnp.core import errors
from nnp.learn.angular import WideAngular
from nnp.learn.behler.by_centre import ByCentre
from nnp.learn.behler.cutoffs import CUTOFF_TYPES
from nnp.learn.behler.function import Function
from nnp.learn.behler.functions import BehlerFunctions
from nnp.learn.descriptor import Descriptor
from nnp.learn.foreign import mapping
from nnp.learn.potential import Head, Potential
from nnp.learn.radial import Channel, Radial
from nnp.learn.selected import Selected
from nnp.learn.symmetry_functions import SymmetryFunctions


def members(potential: Potential) -> list[list[mapping.Element]]:
    """The parts of every committee member, by element; replicas and density do not act on energies and are left out.

    Raises:
        ExportError: something else than a list of Behler-Parrinello functions and plain networks is in it.
    """
    for name in ("baseline", "repulsion"):
        if getattr(potential, name, None) is not None:
            reason = "other programs' files hold symmetry functions and networks only; a recipe with "
            reason += '"baseline": [] and "repulsion": null gives a potential without (docs/importing.md)'
            raise errors.ExportError(part=name, reason=reason)
    return [[_part(potential, head, index) for index in range(len(potential.elements))] for head in _heads(potential)]


def functions_of(descriptor: Descriptor, element: str) -> list[Function]:
    """The functions of a centre element, one for each of its columns.

    Raises:
        ExportError: naming the functions that have no counterpart.
    """
    if isinstance(descriptor, ByCentre):
        return functions_of(descriptor.descriptors[descriptor.elements.index(element)], element)
    if isinstance(descriptor, BehlerFunctions):
        return list(descriptor.functions)
    if isinstance(descriptor, Selected):
        inner = functions_of(descriptor.inner, element)
        return [inner[column] for column in descriptor.columns if column < len(inner)]
    if isinstance(descriptor, SymmetryFunctions):
        return _of_moments(descriptor)
    kind = descriptor.to_dict().get("kind", type(descriptor).__name__)
    raise errors.ExportError(
        part=f"symmetry functions of kind {kind!r}", reason="they are no lists of Behler-Parrinello functions"
    )


def _of_moments(functions: SymmetryFunctions) -> list[Function]:
    if functions.cutoff_function not in CUTOFF_TYPES:
        raise errors.ExportError(
            part=f"cutoff function {functions.cutoff_function!r}",
            reason="other programs do not have it; 'polynomial', 'polynomial7' and 'tanh_cubed' can be written",
        )
    if functions.element_channels is not None:
        raise errors.ExportError(part="element channels", reason="other programs know atomic numbers as weights only")
    common: dict[str, Any] = {"cutoff": functions.cutoff, "cutoff_function": functions.cutoff_function}
    found = [
        Function(type=2, neighbours=(element,), **_gaussian(one), **common)
        for element in functions.elements
        for one in functions.radial
    ]
    angular = functions.angular
    if angular is None:
        return found
    if not isinstance(angular, WideAngular):
        raise errors.ExportError(
            part=f"angular functions of kind {angular.to_dict()['kind']!r}",
            reason="other programs do not have them; train with 'wide_angular' functions to exchange a potential",
        )
    count = len(angular.channels)
    for first, second in angular.pairs(len(functions.elements)):
        pair = (functions.elements[first // count], functions.elements[second // count])
        shape = _gaussian(angular.channels[first % count])
        found += [
            Function(type=9, neighbours=pair, zeta=zeta, lambda_=sign, **shape, **common)
            for zeta in angular.zetas
            for sign in angular.lambdas
        ]
    return found


def _gaussian(channel: Channel) -> dict[str, Any]:
    if not isinstance(channel, Radial):
        raise errors.ExportError(part="Chebyshev polynomials", reason="other programs have Gaussians")
    return {"eta": channel.eta, "shift": channel.shift}


def _heads(potential: Potential) -> Sequence[Head]:
    return list(potential.members)  # type: ignore[arg-type]


def _part(potential: Potential, head: Head, index: int) -> mapping.Element:
    symbol = potential.elements[index]
    functions = functions_of(potential.symmetry_functions, symbol)
    scale = _row(potential, "scale", index)[: len(functions)]
    used = np.flatnonzero(scale)
    one = head.network(index)
    layers = [
        (w.detach().double().numpy(), b.detach().double().numpy()) for w, b in zip(one.weights, one.biases, strict=True)
    ]
    layers[0] = (layers[0][0][:, used], layers[0][1])
    known = potential.lower is not None
    return mapping.Element(
        symbol=symbol,
        functions=tuple(functions[i] for i in used),
        shift=_row(potential, "shift", index)[used],
        scale=scale[used],
        lower=_row(potential, "lower", index)[used] if known else None,
        upper=_row(potential, "upper", index)[used] if known else None,
        layers=layers,
        activations=mapping.layer_names(one.activation, len(layers)),
        reference_energy=potential.reference_energies[symbol],
    )


def _row(potential: Potential, name: str, index: int) -> np.ndarray:
    return getattr(potential, name)[index].detach().double().numpy()
