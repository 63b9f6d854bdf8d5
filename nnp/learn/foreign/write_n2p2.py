"""Write `input.nn`, `scaling.data` and `weights.ZZZ.data` for n2p2 and RuNNer.

Numbers read back to the same bits or, for parameters that a change of units has rounded, within 1e-15. Inputs are
scaled by the range where that is what the potential does (RuNNer and n2p2), by sigma otherwise (n2p2 only).
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers

from nnp.core import errors
from nnp.learn.behler.cutoffs import CUTOFF_TYPES
from nnp.learn.behler.function import Function
from nnp.learn.foreign import export_parts, scaling_data, weights_data, writing
from nnp.learn.foreign.mapping import Element
from nnp.learn.foreign.symmetry_function_lines import COMPACT, LENGTHS, PARAMETERS, Definition
from nnp.learn.foreign.topology import ACTIVATIONS
from nnp.learn.foreign.units import ATOMIC, Units
from nnp.learn.potential import Potential

LETTERS = {name: letter for letter, name in ACTIVATIONS.items()}
EQUAL = 1e-13
"""Relative difference of a scale from one over the range that counts as rounding."""


def write(potential: Potential, directory: Path, units: Units = ATOMIC) -> list[Path]:
    """Write the files of a potential; a committee gets one folder for each member.

    Args:
        potential: parameters.
        directory: made if absent; existing files of these names are replaced.
        units: of the files.

    Returns:
        The paths of the files.

    Raises:
        ExportError: naming the part that the format cannot hold; nothing is written then.
    """
    every = [files(elements, units) for elements in export_parts.members(potential)]
    return writing.write_members(every, directory)


def files(elements: Sequence[Element], units: Units = ATOMIC) -> dict[str, str]:
    """Name -> text of the files of one member."""
    ordered = [_ordered(element, units) for element in _widened(elements)]
    definitions = [found for _, found in ordered]
    sorted_elements = [element for element, _ in ordered]
    ranged = all(_scaled_by_range(element) for element in sorted_elements)
    texts = {
        "input.nn": _settings(sorted_elements, definitions, units, ranged=ranged),
        scaling_data.NAME: _scaling(sorted_elements),
    }
    for element in sorted_elements:
        texts[weights_data.name(atomic_numbers[element.symbol])] = _weights(element, units)
    return texts


def _ordered(element: Element, units: Units) -> tuple[Element, list[Definition]]:
    """The element with its functions in n2p2's order, and their definitions."""
    definitions = [_definition(function, units) for function in element.functions]
    order = sorted(range(len(definitions)), key=lambda i: definitions[i].order())
    weight, bias = element.layers[0]
    part = replace(
        element,
        functions=tuple(element.functions[i] for i in order),
        shift=element.shift[order],
        scale=element.scale[order],
        lower=None if element.lower is None else element.lower[order],
        upper=None if element.upper is None else element.upper[order],
        layers=[(weight[:, order], bias), *element.layers[1:]],
    )
    return part, [definitions[i] for i in order]


def _definition(function: Function, units: Units) -> Definition:
    values = {}
    for name in PARAMETERS[function.type]:
        value = function.angles[name == "right"] if name in ("left", "right") else getattr(function, name)
        if name in LENGTHS:
            value /= units.length_a
        elif name == "eta":
            value *= units.length_a**2
        values[name] = writing.rounded(value)
    if function.type in (3, 9) and function.shift != 0.0:
        values["shift"] = writing.rounded(function.shift / units.length_a)
    subtype = function.core if function.type >= COMPACT else ""
    return Definition(type=function.type, neighbours=function.neighbours, values=values, subtype=subtype, line=0)


def _settings(
    elements: Sequence[Element], definitions: Sequence[Sequence[Definition]], units: Units, *, ranged: bool
) -> str:
    symbols = [element.symbol for element in elements]
    number, alpha = _cutoff(elements)
    lines = [
        f"# written by nnpd; units: {units.length}, {units.energy}",
        f"number_of_elements {len(symbols)}",
        f"elements {' '.join(symbols)}",
        *(f"atom_energy {e.symbol} {writing.number(e.reference_energy / units.energy_ev)}" for e in elements),
        f"cutoff_type {number} {writing.number(alpha)}",
        *(("scale_symmetry_functions", "center_symmetry_functions") if ranged else ("scale_symmetry_functions_sigma",)),
        "scale_min_short 0.0",
        "scale_max_short 1.0",
        *_networks(elements),
    ]
    for element, own in zip(elements, definitions, strict=True):
        lines += ["", *(_line(element.symbol, definition) for definition in own)]
    return "\n".join([*lines, ""])


def _networks(elements: Sequence[Element]) -> list[str]:
    """Topologies; all elements have the widths of the first (``_widened``), activations may differ."""
    letters = [" ".join(_letter(name) for name in element.activations) for element in elements]
    widths = [weight.shape[0] for weight, _ in elements[0].layers[:-1]]
    lines = [
        f"global_hidden_layers_short {len(widths)}",
        f"global_nodes_short {' '.join(map(str, widths))}",
        f"global_activation_short {letters[0]}",
    ]
    pairs = zip(elements, letters, strict=True)
    return lines + [f"element_activation_short {e.symbol} {own}" for e, own in pairs if own != letters[0]]


def _widened(elements: Sequence[Element]) -> list[Element]:
    """The same networks with equal widths: neurons whose weights are all zero are added.

    n2p2 up to version 2.3 leaves the last hidden layer of 'element_nodes_short' at the global width, so that lines for
    single elements cannot say what is meant.
    """
    depths = {len(element.layers) for element in elements}
    if len(depths) > 1:
        raise errors.ExportError(part="networks", reason="n2p2 needs the same number of hidden layers for all elements")
    if depths == {1}:
        raise errors.ExportError(part="networks", reason="n2p2 has no networks without hidden layers")
    sizes = [max(element.layers[layer][0].shape[0] for element in elements) for layer in range(depths.pop())]
    return [_widened_to(element, sizes) for element in elements]


def _widened_to(element: Element, sizes: Sequence[int]) -> Element:
    layers = []
    before = element.layers[0][0].shape[1]
    for (weight, bias), after in zip(element.layers, sizes, strict=True):
        wide = np.zeros((after, before))
        wide[: weight.shape[0], : weight.shape[1]] = weight
        layers.append((wide, np.pad(bias, (0, after - len(bias)))))
        before = after
    return replace(element, layers=layers)


def _letter(name: str) -> str:
    if name not in LETTERS:
        raise errors.ExportError(part=f"activation {name!r}", reason=f"n2p2 knows {', '.join(LETTERS)}")
    return LETTERS[name]


def _cutoff(elements: Sequence[Element]) -> tuple[int, float]:
    """Number and inner radius of the cutoff function, the same for all functions that have one."""
    found = {(f.cutoff_function, f.alpha) for e in elements for f in e.functions if f.type < COMPACT}
    if len(found) > 1:
        raise errors.ExportError(part="cutoff functions", reason="n2p2 has one cutoff function for all of a potential")
    name, alpha = found.pop() if found else ("cosine", 0.0)
    return CUTOFF_TYPES.index(name), alpha


def _line(symbol: str, definition: Definition) -> str:
    words = [symbol, str(definition.type), *definition.neighbours]
    words += [writing.number(value) for value in definition.values.values()]
    return " ".join(["symfunction_short", *words, *([definition.subtype] if definition.subtype else [])])


def _scaled_by_range(element: Element) -> bool:
    """Whether x = (G - shift) / (upper - lower) for every function."""
    if element.lower is None or element.upper is None:
        return False
    return bool(np.allclose(element.scale * (element.upper - element.lower), 1.0, rtol=EQUAL, atol=0.0))


def _scaling(elements: Sequence[Element]) -> str:
    lines = [f"# e_index sf_index sf_min sf_max sf_mean sf_sigma; +-{scaling_data.UNKNOWN:g}: range unknown"]
    for number, e in enumerate(elements, start=1):
        unknown = np.full(len(e.functions), scaling_data.UNKNOWN)
        lower, upper = (-unknown, unknown) if e.lower is None or e.upper is None else (e.lower, e.upper)
        for index in range(len(e.functions)):
            values = (lower[index], upper[index], e.shift[index], 1.0 / e.scale[index])
            lines.append(f"{number:10d} {index + 1:10d} " + " ".join(f"{value:25.17E}" for value in values))
    return "\n".join([*lines, ""])


def _weights(element: Element, units: Units) -> str:
    layers = list(element.layers)
    weight, bias = layers[-1]
    if element.activations[-1] != "linear":
        raise errors.ExportError(part="activation of the output", reason="it must be linear for a change of units")
    layers[-1] = (weight / units.energy_ev, bias / units.energy_ev)
    widths = [layers[0][0].shape[1], *(weight.shape[0] for weight, _ in layers)]
    values = np.concatenate([part for weight, bias in layers for part in (weight.T.ravel(), bias)])
    rows = zip(values, weights_data.places(widths), strict=True)
    lines = ["# connection t index l_s n_s l_e n_e"]
    lines += [f"{value:25.17E} {place[0]} " + " ".join(f"{word:>8}" for word in place[1:]) for value, place in rows]
    return "\n".join([*lines, ""])
