"""Write `potential_saved` for SIMPLE-NN's LAMMPS pair style `nn`; see `simple_nn` for the format.

The format has no atomic reference energies: they go into the bias of the output. It has no range of the training data
either.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from nnp.core import errors
from nnp.learn.behler.function import Function
from nnp.learn.foreign import export_parts, simple_nn, writing
from nnp.learn.foreign.mapping import Element
from nnp.learn.potential import Potential

TYPES = {own: theirs for theirs, own in simple_nn.TYPES.items()}
ACTIVATIONS = {own: theirs for theirs, own in simple_nn.ACTIVATIONS.items()}


def write(potential: Potential, directory: Path) -> list[Path]:
    """Write the file of a potential; a committee gets one folder for each member.

    Args:
        potential: parameters.
        directory: made if absent; an existing file is replaced.

    Returns:
        The paths of the files.

    Raises:
        ExportError: naming the part that the format cannot hold; nothing is written then.
    """
    every = [{simple_nn.NAME: text(elements)} for elements in export_parts.members(potential)]
    return writing.write_members(every, directory)


def text(elements: Sequence[Element]) -> str:
    """The file of one member."""
    lines = ["ELEM_LIST " + " ".join(element.symbol for element in elements), ""]
    for element in elements:
        lines += [*_element(element), ""]
    return "\n".join(lines)


def _element(element: Element) -> list[str]:
    widths = [weight.shape[0] for weight, _ in element.layers]
    lines = [
        f"POT {element.symbol} {writing.number(max(function.cutoff for function in element.functions))}",
        f"SYM {len(element.functions)}",
        *(_function(function) for function in element.functions),
        "scale1 " + _numbers(element.shift),
        "scale2 " + _numbers(1.0 / element.scale),
        f"NET {len(widths) - 1} {' '.join(map(str, widths))}",
    ]
    layers = list(element.layers)
    if element.activations[-1] != "linear":
        raise errors.ExportError(part="activation of the output", reason="SIMPLE-NN has linear outputs only")
    layers[-1] = (layers[-1][0], layers[-1][1] + element.reference_energy)
    for index, ((weight, bias), name) in enumerate(zip(layers, element.activations, strict=True)):
        if name not in ACTIVATIONS:
            raise errors.ExportError(part=f"activation {name!r}", reason=f"SIMPLE-NN knows {', '.join(ACTIVATIONS)}")
        lines.append(f"LAYER {index} {ACTIVATIONS[name]}")
        for neuron in range(len(bias)):
            lines += [f"w{neuron} {_numbers(weight[neuron])}", f"b{neuron} {writing.number(bias[neuron])}"]
    return lines


def _function(function: Function) -> str:
    if function.type not in TYPES:
        raise errors.ExportError(
            part=f"symmetry function {function.name}", reason="SIMPLE-NN has types 2, 3 and 9 only"
        )
    if function.cutoff_function != "cosine" or function.alpha != 0.0:
        raise errors.ExportError(
            part=f"cutoff function {function.cutoff_function!r}", reason="SIMPLE-NN has the cosine from 0 to the cutoff"
        )
    if function.type == 2:
        values = (function.cutoff, function.eta, function.shift, 0.0)
    else:
        if function.shift != 0.0 or function.zeta < 1.0:
            raise errors.ExportError(
                part=f"symmetry function {function.name}", reason="SIMPLE-NN needs shift 0 and zeta of at least 1"
            )
        values = (function.cutoff, function.eta, function.zeta, function.lambda_)
    return f"{TYPES[function.type]} {_numbers(values)} {' '.join(function.neighbours)}"


def _numbers(values: Iterable[float]) -> str:
    return " ".join(writing.number(value) for value in values)
