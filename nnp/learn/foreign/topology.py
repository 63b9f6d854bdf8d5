"""Widths and activations of the networks in `input.nn`.

Per-element lines exist in two dialects, "element n1 n2 ..." (n2p2) and "element layer n" (RuNNer), and n2p2 up to
version 2.3 leaves the last hidden layer at the global width. The number of weights in the element's file decides.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from nnp.core import errors
from nnp.learn.foreign import numbers
from nnp.learn.foreign.keywords import Entry, Settings

ACTIVATIONS = {
    "l": "linear",
    "t": "tanh",
    "s": "logistic",
    "p": "softplus",
    "r": "relu",
    "g": "gaussian",
    "c": "cos",
    "S": "reversed_logistic",
    "e": "exponential",
    "h": "harmonic",
}
"""Letter in `input.nn` -> name of the activation."""


@dataclass(frozen=True, kw_only=True)
class Topology:
    """One element's network.

    Attributes:
        widths: from the inputs to the one output.
        activations: of all layers but the inputs.
    """

    widths: tuple[int, ...]
    activations: tuple[str, ...]

    @property
    def connections(self) -> int:
        """Number of weights and biases."""
        return sum((before + 1) * after for before, after in itertools.pairwise(self.widths))


def candidates(settings: Settings, element: str, inputs: int) -> list[Topology]:
    """Every reading of the keywords for an element, the most literal first.

    Args:
        settings: keywords of `input.nn`.
        element: its symbol.
        inputs: number of symmetry functions.

    Raises:
        ForeignError: the keywords contradict each other or leave something open.
    """
    layers = _layers(settings, element)
    activations = _activations(settings, element, layers)
    every = []
    for hidden in _hidden(settings, element, layers):
        topology = Topology(widths=(inputs, *hidden, 1), activations=activations)
        if topology not in every:
            every.append(topology)
    return every


def _layers(settings: Settings, element: str) -> int:
    """Number of hidden layers."""
    own = _own(settings, "element_hidden_layers_short", element)
    if own:
        return _integer(settings, settings.with_arguments(own[-1], 2), 1)
    return _integer(settings, settings.needed("global_hidden_layers_short"), 0)


def _hidden(settings: Settings, element: str, layers: int) -> list[list[int]]:
    common = _common(settings, "global_nodes_short", layers)
    shared = None
    if common is not None:
        shared = [_integer(settings, common, i) for i in range(layers)]
    own = _own(settings, "element_nodes_short", element)
    if not own:
        if shared is None:
            raise errors.ForeignError(
                file=settings.file, reason=f"the widths of the hidden layers of {element} are not given"
            )
        return [shared]
    found = []
    if len(own) == 1 and len(own[0].words) == layers + 1:
        literal = [_integer(settings, own[0], i + 1) for i in range(layers)]
        found.append(literal)
        if shared is not None:
            found.append([*literal[:-1], shared[-1]])
    if all(len(entry.words) == 3 for entry in own) and shared is not None:
        single = _single(settings, own, shared)
        if single is not None:
            found.append(single)
    if not found:
        raise settings.error(own[0], f"{element} has {layers} hidden layers; 'element_nodes_short' does not suit them")
    return found


def _single(settings: Settings, own: Sequence[Entry], shared: Sequence[int]) -> list[int] | None:
    """RuNNer's dialect: layer number and width, one layer a line."""
    widths = list(shared)
    for entry in own:
        layer = _integer(settings, entry, 1)
        if layer > len(widths):
            return None
        widths[layer - 1] = _integer(settings, entry, 2)
    return widths


def _activations(settings: Settings, element: str, layers: int) -> tuple[str, ...]:
    common = _common(settings, "global_activation_short", layers + 1)
    shared = None if common is None else [_activation(settings, common, word) for word in common.words]
    own = _own(settings, "element_activation_short", element)
    if not own:
        if shared is None:
            raise errors.ForeignError(
                file=settings.file, reason=f"the activations of the network of {element} are not given"
            )
        return tuple(shared)
    entry = own[-1]
    if len(entry.words) != layers + 2:
        raise settings.error(
            entry, f"{element} has {layers} hidden layers: {layers + 1} activations are needed, output included"
        )
    found = [_activation(settings, entry, word) for word in entry.words[1:]]
    if shared is not None and found[-1] != shared[-1]:
        raise settings.error(
            entry, "another output activation than in 'global_activation_short': n2p2 would not use it; make them equal"
        )
    return tuple(found)


def _common(settings: Settings, keyword: str, count: int) -> Entry | None:
    """A global keyword, None where it is absent or is meant for another number of layers."""
    entry = settings.one(keyword)
    if entry is None:
        return None
    layers = settings.one("global_hidden_layers_short")
    extra = 1 if keyword == "global_activation_short" else 0
    if layers is not None and len(entry.words) != _integer(settings, settings.with_arguments(layers, 1), 0) + extra:
        raise settings.error(
            entry, f"{keyword!r} has {len(entry.words)} values and 'global_hidden_layers_short' is {layers.words[0]}"
        )
    return entry if len(entry.words) == count else None


def _own(settings: Settings, keyword: str, element: str) -> list[Entry]:
    """The lines of an element; only widths may take several, one for each layer."""
    found = [entry for entry in settings.every(keyword) if settings.with_arguments(entry, 2).words[0] == element]
    if len(found) > 1 and (keyword != "element_nodes_short" or len({entry.words[1] for entry in found}) < len(found)):
        raise settings.error(found[-1], f"{keyword!r} is given twice for {element}, first in line {found[0].line}")
    return found


def _activation(settings: Settings, entry: Entry, word: str) -> str:
    if word not in ACTIVATIONS:
        raise settings.error(entry, f"unknown activation {word[:20]!r}; known: {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[word]


def _integer(settings: Settings, entry: Entry, index: int) -> int:
    return numbers.integer(entry.words[index], file=settings.file, line=entry.line, least=1)
