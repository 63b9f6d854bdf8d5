"""Random `potential_saved` files that together use everything that SIMPLE-NN's format knows, and structures."""

import itertools

import numpy as np

from nnp.core.structure import Structure

ELEMENTS = (("Si", "O"), ("Ge", "Sb", "Te"), ("C",))
ACTIVATIONS = ("linear", "sigmoid", "tanh", "relu", "selu", "swish")
ZETAS = (1.0, 2.0, 4.0, 1.5, 16.0, 3.0, 2.25)
COUNT = 12
ATOMS, CLOSEST = 5, 1.3
"""Of a structure; the least distance, Å."""


def potentials() -> dict[str, tuple[str, tuple[str, ...], list[Structure]]]:
    """Name -> text of the file, its elements and structures."""
    made = {}
    for number in range(COUNT):
        random = np.random.default_rng(1000 + number)
        elements = ELEMENTS[number % len(ELEMENTS)]
        activation = ACTIVATIONS[number % len(ACTIVATIONS)]
        principal = number >= len(ACTIVATIONS)
        name = f"{activation}{' after principal components' if principal else ''}"
        text = f"ELEM_LIST {' '.join(elements)}\n\n" + "".join(
            _element(random, element, elements, activation, principal=principal, kind=number) for element in elements
        )
        made[name] = text, elements, [_structure(random, elements, periodic) for periodic in (False, True, True)]
    return made


def _element(
    random: np.random.Generator, element: str, elements: tuple[str, ...], activation: str, *, principal: bool, kind: int
) -> str:
    def real(low: float, high: float) -> float:
        return round(float(random.uniform(low, high)), 4)

    lines = [f"2 {real(4, 6)} {real(0.05, 1)} {real(0, 3)} 0.0 {other}" for other in elements]
    for pair in itertools.combinations_with_replacement(elements, 2):
        shown = pair[::-1] if random.random() < 0.5 else pair
        zeta, sign = ZETAS[int(random.integers(len(ZETAS)))], (1.0, -1.0)[int(random.integers(2))]
        lines += [
            f"{number} {real(3.5, 6)} {real(0.005, 0.1)} {zeta} {sign} {' '.join(shown)}"
            for number in ((4, 5) if kind % 2 else (4,))
        ]
    random.shuffle(lines)
    count = len(lines)
    cutoff = max(float(line.split()[1]) for line in lines)
    widths = [count, *([count] if principal else []), 4, 3, 1]
    names = [*(["linear PCA"] if principal else []), activation, activation, "linear"]
    text = [f"POT {element} {cutoff}", f"SYM {count}", *lines]
    text.append("scale1 " + " ".join(str(real(0, 2)) for _ in lines))
    text.append("scale2 " + " ".join(str(real(0.5, 2)) for _ in lines))
    text.append(f"NET {len(widths) - 2} {' '.join(map(str, widths[1:]))}")
    for layer, (before, after) in enumerate(itertools.pairwise(widths)):
        text.append(f"LAYER {layer} {names[layer]}")
        for neuron in range(after):
            text.append(f"w{neuron} " + " ".join(f"{w:.4f}" for w in random.normal(scale=before**-0.5, size=before)))
            text.append(f"b{neuron} {random.normal(scale=0.3):.4f}")
    return "\n".join(text) + "\n\n"


def _structure(random: np.random.Generator, elements: tuple[str, ...], periodic: bool) -> Structure:
    box = (np.diag(random.uniform(4.0, 5.5, 3)) + random.uniform(-1.0, 1.0, (3, 3))).round(4)
    images = np.array(list(itertools.product((-1, 0, 1), repeat=3) if periodic else [(0, 0, 0)])) @ box
    symbols = [elements[i % len(elements)] for i in range(ATOMS)]
    while True:
        places = (random.uniform(size=(ATOMS, 3)) @ box).round(4)
        distances = np.linalg.norm(places[:, None, None] - places[None, :, None] + images, axis=-1)
        if np.sort(distances.ravel())[ATOMS] > CLOSEST:
            return Structure.from_symbols(symbols, places, box if periodic else np.zeros((3, 3)), periodic)
