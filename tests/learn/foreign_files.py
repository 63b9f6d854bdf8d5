"""Small potentials in the formats of other programs, written by hand."""

import itertools

import numpy as np

INPUT_NN = """\
# a small potential
number_of_elements 2
elements O H            # not by atomic number
atom_energy H -0.5
atom_energy O -75.0
cutoff_type 2 0.0
scale_symmetry_functions
center_symmetry_functions
scale_min_short 0.0
scale_max_short 1.0
global_hidden_layers_short 2
global_nodes_short 3 2
global_activation_short t t l
epochs 10               ! of a training
symfunction_short H 2 H 0.5 0.0 6.0
symfunction_short H 2 O 0.1 1.0 6.0
symfunction_short H 3 O H 0.05 1.0 2.0 6.0
symfunction_short O 2 H 0.1 0.0 6.0
symfunction_short O 3 H H 0.05 -1.0 1.0 6.0
"""
SCALING = """\
# element function min max mean sigma
1 1 0.0 2.0 0.5 0.3
1 2 0.1 3.0 0.6 0.4
1 3 0.0 1.0 0.2 0.1
2 1 0.2 4.0 1.5 0.5
2 2 0.0 1.5 0.4 0.2
-75.0 -70.0
"""


def weights(inputs: int, hidden: tuple[int, ...] = (3, 2), seed: int = 0) -> str:
    """A file with as many random connections as the network has."""
    widths = (inputs, *hidden, 1)
    count = sum((a + 1) * b for a, b in itertools.pairwise(widths))
    values = np.random.default_rng(seed).normal(size=count)
    return "# connection\n" + "\n".join(repr(float(value)) for value in values) + "\n"


def n2p2(**changes: str) -> dict[str, bytes]:
    """The files of a water potential; `input_nn`, `scaling`, `hydrogen` and `oxygen` replace a file's text."""
    texts = {
        "input.nn": changes.get("input_nn", INPUT_NN),
        "scaling.data": changes.get("scaling", SCALING),
        "weights.001.data": changes.get("hydrogen", weights(3, seed=1)),
        "weights.008.data": changes.get("oxygen", weights(2, seed=2)),
    }
    return {name: text.encode() for name, text in texts.items()}


SIMPLE_NN = """\
ELEM_LIST Si O

POT Si 5.0
SYM 2
2 5.0 0.1 1.0 0.0 O
4 5.0 0.01 2.0 -1.0 O Si
scale1 1.0 0.5
scale2 0.5 0.25
NET 2 2 3 1
LAYER 0 linear PCA
w0 1.0 0.5
b0 0.1
w1 -0.5 1.0
b1 -0.2
LAYER 1 sigmoid
w0 0.3 0.1
b0 0.0
w1 -0.7 0.2
b1 0.5
w2 0.2 0.9
b2 -0.5
LAYER 2 linear
w0 1.0 -2.0 0.5
b0 -3.0

POT O 5.0
SYM 1
5 5.0 0.02 1.0 1.0 Si Si
scale1 0.2
scale2 1.5
NET 1 2 1
LAYER 0 tanh
w0 0.4
b0 0.0
w1 -0.6
b1 0.3
LAYER 1 linear
w0 1.5 0.5
b0 -7.0
"""


def simple_nn(text: str = SIMPLE_NN) -> dict[str, bytes]:
    """The file of a silica potential."""
    return {"potential_saved": text.encode()}
