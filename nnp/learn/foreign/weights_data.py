"""`weights.ZZZ.data`: the connections of one element's network.

One number a line in the first column; for every layer all weights, start neuron slowest and end neuron fastest, then
the biases of its end neurons. Further columns, where written, say which connection it is.
"""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from nnp.core import errors
from nnp.learn.foreign import numbers
from nnp.learn.foreign.sources import File, Line
from nnp.learn.foreign.topology import Topology

Layers = list[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]
"""Of every layer: weight (out, in) and bias (out,)."""
COLUMNS = 7


def name(number: int) -> str:
    """Name of the file of the element with this atomic number."""
    return f"weights.{number:03d}.data"


def read(file: File, element: str, readings: Sequence[Topology]) -> tuple[Topology, Layers]:
    """The network of an element.

    Args:
        file: its weights.
        element: its symbol.
        readings: possible topologies; the one whose number of connections is that of the file counts.

    Raises:
        ForeignError: the numbers of connections disagree or suit several readings, or a connection is not finite or
            out of order.
    """
    lines = file.lines("#")
    fitting = [topology for topology in readings if topology.connections == len(lines)]
    if len(fitting) > 1:
        every = " or ".join("-".join(map(str, topology.widths)) for topology in fitting)
        raise errors.ForeignError(
            file=file.name,
            reason=f"{len(lines)} connections suit several networks of {element} ({every}): give all its widths",
        )
    for topology in fitting:
        _check_order(file, lines, topology)
        words = [line.words[0] for line in lines]
        return topology, layers(_values(file, lines, words), topology.widths)
    wanted = readings[0]
    state = "truncated" if len(lines) < wanted.connections else "longer than expected"
    raise errors.ForeignError(
        file=file.name,
        line=lines[-1].number if lines else None,
        reason=f"{len(lines)} connections where the network {'-'.join(map(str, wanted.widths))} of {element} in "
        f"'input.nn' needs {wanted.connections}: the file is {state}, or the networks differ",
    )


def layers(values: npt.NDArray[np.float64], widths: Sequence[int]) -> Layers:
    """Weights and biases from the connections in the order of the file."""
    found, start = [], 0
    for before, after in itertools.pairwise(widths):
        weight = values[start : start + before * after].reshape(before, after).T.copy()
        start += before * after
        found.append((weight, values[start : start + after].copy()))
        start += after
    return found


def places(widths: Sequence[int]) -> Iterator[tuple[str, ...]]:
    """Columns 2 to 7 of every connection: a or b, index, layer and neuron where it starts and where it ends."""
    index = 0
    for layer, (before, after) in enumerate(itertools.pairwise(widths), start=1):
        for start in range(1, before + 1):
            for end in range(1, after + 1):
                index += 1
                yield "a", str(index), str(layer - 1), str(start), str(layer), str(end)
        for end in range(1, after + 1):
            index += 1
            yield "b", str(index), str(layer), str(end)


def _values(file: File, lines: Sequence[Line], words: Sequence[str]) -> npt.NDArray[np.float64]:
    try:
        return numbers.reals(words, file=file.name, line=0)
    except errors.ForeignError:
        for line in lines:  # once more, to name the line
            numbers.real(line.words[0], file=file.name, line=line.number)
        raise


def _check_order(file: File, lines: Sequence[Line], topology: Topology) -> None:
    """Compare the places that a file states with those that the topology gives."""
    for line, place in zip(lines, places(topology.widths), strict=True):
        stated = line.words[1:]
        if len(stated) == len(place) and stated != place:
            raise errors.ForeignError(
                file=file.name,
                line=line.number,
                reason=f"the connection '{' '.join(place)}' is expected here, not '{' '.join(stated)}'",
            )
