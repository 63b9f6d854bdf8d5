"""Potentials of SIMPLE-NN, as its LAMMPS pair style `nn` reads them: `potential_saved`.

    ELEM_LIST Si O
    POT Si 6.0                         for each element: largest cutoff
    SYM 70
    2 6.0 0.003 0.0 0.0 Si             type rc eta R_s unused element
    4 6.0 0.0003 1.0 -1.0 Si O         type rc eta zeta lambda element element
    scale1 ...                         x = (G - scale1) / scale2
    scale2 ...
    NET 3 70 30 30 1                   number of hidden layers, width of every layer but the inputs
    LAYER 0 linear PCA                 for each layer: its number and activation
    w0 ...                             for each neuron: its weights and its bias
    b0 ...

Types 2, 4 and 5 are n2p2's 2, 3 and 9 with the cosine cutoff. Units are Å and eV. Source: https://simple-nn-v2.readthedocs.io.
"""

from collections.abc import Container, Sequence
from typing import Any

import numpy as np
from ase.data import atomic_numbers

from nnp.core import errors
from nnp.learn.behler.function import Function
from nnp.learn.foreign import mapping, numbers
from nnp.learn.foreign.imported import Imported
from nnp.learn.foreign.sources import File, Files, Line, matching
from nnp.learn.foreign.units import METAL, Units
from nnp.learn.foreign.weights_data import Layers

NAME = "potential_saved"
FORMAT = "simple-nn"
TYPES = {2: 2, 4: 3, 5: 9}
"""Type in SIMPLE-NN -> type in n2p2."""
ACTIVATIONS = {
    "linear": "linear",
    "sigmoid": "logistic",
    "tanh": "tanh",
    "relu": "relu",
    "selu": "selu",
    "swish": "silu",
}
"""Name in SIMPLE-NN -> name here."""


def read(files: Files, units: Units | None = None) -> Imported:
    """The potential in `potential_saved`, or in the only file whose name begins so.

    Raises:
        ForeignError: something is missing, unsupported or inconsistent, naming file and line.
    """
    name = _choice(files)
    native = units or METAL
    reader = _Reader(files[name])
    symbols = reader.words("ELEM_LIST")
    for symbol in symbols:
        if atomic_numbers.get(symbol, 0) == 0:
            raise reader.error(f"{symbol[:20]!r} is no chemical symbol")
    parts: dict[str, mapping.Element] = {}
    while reader.more():
        part = _element(reader, symbols, native, known=parts)
        parts[part.symbol] = part
    missing = [symbol for symbol in symbols if symbol not in parts]
    if missing or not symbols:
        raise reader.error(f"the file ends without the potential ('POT') of {missing[0] if missing else 'any element'}")
    ordered = [parts[symbol] for symbol in sorted(parts, key=lambda symbol: atomic_numbers[symbol])]
    return Imported(
        potential=mapping.to_potential(ordered, native.energy_ev),
        format=FORMAT,
        files={name: files[name].sha256},
        units=native,
        warnings=(),
    )


def _choice(files: Files) -> str:
    if NAME in files:
        return NAME
    found = matching(files, f"{NAME}*")
    if len(found) > 1:
        raise errors.ForeignError(
            file=found[0], reason=f"there are {len(found)} potentials ({', '.join(found)}); give one file at a time"
        )
    return found[0]


class _Reader:
    """The lines of a file, one after the other; every error names the line."""

    def __init__(self, file: File) -> None:
        self.file = file.name
        self._lines = file.lines("#")
        self._next = 0

    def more(self) -> bool:
        return self._next < len(self._lines)

    def line(self, what: str) -> Line:
        """The next line."""
        if not self.more():
            last = self._lines[-1].number if self._lines else None
            raise errors.ForeignError(
                file=self.file, line=last, reason=f"the file ends where {what} is expected: it is truncated"
            )
        self._next += 1
        return self._lines[self._next - 1]

    def words(self, key: str, count: int | None = None) -> tuple[str, ...]:
        """What follows a key that must come now, with ``count`` words where given."""
        line = self.line(f"'{key}'")
        if line.words[0] != key:
            raise self.error(f"{key!r} is expected here, not {line.words[0][:40]!r}")
        words = line.words[1:]
        if count is not None and len(words) != count:
            raise self.error(f"{key!r} has {len(words)} values, not {count}")
        return words

    def reals(self, key: str, count: int) -> np.ndarray:
        """The numbers after a key."""
        return numbers.reals(self.words(key, count), file=self.file, line=self.number)

    def integer(self, word: str, least: int = 1) -> int:
        return numbers.integer(word, file=self.file, line=self.number, least=least)

    @property
    def number(self) -> int:
        """Number of the line read last."""
        return self._lines[self._next - 1].number

    def error(self, reason: str) -> errors.ForeignError:
        """An error at the line read last."""
        return errors.ForeignError(file=self.file, line=self.number, reason=reason)


def _element(reader: _Reader, symbols: Sequence[str], units: Units, *, known: Container[str]) -> mapping.Element:
    words = reader.words("POT", 2)
    if words[0] in known:
        raise reader.error(f"the potential of {words[0]} is given twice")
    if words[0] not in symbols:
        raise reader.error(f"{words[0][:20]!r} is none of the elements {', '.join(symbols)} of 'ELEM_LIST'")
    largest = float(numbers.reals(words[1:], file=reader.file, line=reader.number)[0]) * units.length_a
    count = reader.integer(reader.words("SYM", 1)[0])
    functions = tuple(_function(reader, symbols, units, count, largest) for _ in range(count))
    shift, width = reader.reals("scale1", count), reader.reals("scale2", count)
    if not np.all(width):
        index = int(np.flatnonzero(width == 0.0)[0])
        raise reader.error(f"scale2 of symmetry function {index + 1} is zero: it cannot be scaled")
    layers, activations = _network(reader, count)
    offset = _offset(layers, activations)
    return mapping.Element(
        symbol=words[0],
        functions=functions,
        shift=shift,
        scale=1.0 / width,
        lower=None,
        upper=None,
        layers=layers,
        activations=activations,
        reference_energy=offset * units.energy_ev,
    )


def _offset(layers: Layers, activations: Sequence[str]) -> float:
    """Take the bias of a linear output out of the network: as a reference energy it costs no digits in float32."""
    if activations[-1] != "linear":
        return 0.0
    weight, bias = layers[-1]
    layers[-1] = (weight, np.zeros(1))
    return float(bias[0])


def _function(reader: _Reader, symbols: Sequence[str], units: Units, count: int, largest: float) -> Function:
    line = reader.line("a symmetry function")
    if not line.words[0].isdigit():
        raise reader.error(f"one of {count} symmetry functions ('SYM {count}') is expected, not {line.words[0][:40]!r}")
    kind = reader.integer(line.words[0])
    if kind not in TYPES:
        raise reader.error(f"symmetry functions of type {kind} are not supported; types: 2, 4, 5")
    neighbours = line.words[5:]
    wanted = 1 if kind == 2 else 2
    if len(line.words) != 5 + wanted:
        raise reader.error(f"type {kind} has a type, 4 numbers and {wanted} elements, not {len(line.words)} words")
    for symbol in neighbours:
        if symbol not in symbols:
            raise reader.error(f"{symbol[:20]!r} is none of the elements {', '.join(symbols)}")
    cutoff, eta, second, third = numbers.reals(line.words[1:5], file=reader.file, line=line.number)
    _check(reader, cutoff * units.length_a, largest, eta)
    if kind != 2:
        _check_angular(reader, second, third)
    shape = {"shift": second * units.length_a} if kind == 2 else {"zeta": second, "lambda_": third}
    values: dict[str, Any] = {name: float(value) for name, value in shape.items()}
    try:
        return Function(
            type=TYPES[kind],
            neighbours=neighbours,
            cutoff=float(cutoff * units.length_a),
            eta=float(eta / units.length_a**2),
            cutoff_function="cosine",
            **values,
        )
    except ValueError as error:
        raise reader.error(str(error)) from error


def _check(reader: _Reader, cutoff: float, largest: float, eta: float) -> None:
    """Refuse what the pair style would cut or what grows with the distance; radii in Å."""
    if cutoff <= 0.0:
        raise reader.error(f"the cutoff radius {cutoff:g} Å is not positive")
    if cutoff > largest * (1.0 + 1e-12):
        raise reader.error(
            f"the cutoff radius {cutoff:g} Å is beyond that of 'POT', {largest:g} Å: neighbours would be cut"
        )
    if eta < 0.0:
        raise reader.error(f"eta = {eta:g} is negative")


def _check_angular(reader: _Reader, zeta: float, lambda_: float) -> None:
    """Beyond these limits SIMPLE-NN stops, or takes powers of |1 + λ cos θ|."""
    if zeta < 1.0:
        raise reader.error(f"zeta = {zeta:g} is below 1")
    if abs(lambda_) > 1.0:
        raise reader.error(f"lambda = {lambda_:g} is outside -1..1")


def _network(reader: _Reader, inputs: int) -> tuple[Layers, tuple[str, ...]]:
    words = reader.words("NET")
    sizes = [reader.integer(word) for word in words[1:]]
    if not words or len(sizes) != reader.integer(words[0], least=0) + 1:
        raise reader.error(f"'NET {' '.join(words)}': after the number of hidden layers come their widths and a 1")
    if sizes[-1] != 1:
        raise reader.error(f"the network has {sizes[-1]} outputs, not 1")
    layers: Layers = []
    activations = []
    for number, (before, after) in enumerate(zip([inputs, *sizes[:-1]], sizes, strict=True)):
        header = reader.words("LAYER")
        if len(header) < 2 or header[0] != str(number):
            raise reader.error(f"'LAYER {number}' and its activation are expected here")
        if header[1] not in ACTIVATIONS:
            raise reader.error(f"activation {header[1][:20]!r} is not supported; known: {', '.join(ACTIVATIONS)}")
        activations.append(ACTIVATIONS[header[1]])
        weight, bias = np.empty((after, before)), np.empty(after)
        for neuron in range(after):
            weight[neuron] = reader.reals(f"w{neuron}", before)
            bias[neuron] = reader.reals(f"b{neuron}", 1)[0]
        layers.append((weight, bias))
    return layers, tuple(activations)
