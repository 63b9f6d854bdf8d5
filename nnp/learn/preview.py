"""Preview of the automatic symmetry functions of a data set: where its distances and angles are, where functions sit.

python -m nnp.learn.preview DATA.extxyz [--recipe RECIPE.json] --output preview.png [--json]
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnp.core import function_recipe, neighbours, reading, recipe
from nnp.core.label import Frame
from nnp.learn import cutoff, definition, grid, portions, radial
from nnp.learn.descriptor import Descriptor
from nnp.learn.distributions import MOST_ATOMS, Array, Distributions, distributions
from nnp.learn.selection import plots, tuples
from nnp.learn.symmetry_functions import SymmetryFunctions

CURVES = {"radial": ("#0969da", "-"), "angular": ("#cf222e", "--")}
"""Colour and style of the radial functions and of the radial channels of the angular ones."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Preview:
    """What a recipe means on a data set, before any training.

    Attributes:
        wanted: the recipe.
        functions: the descriptor.
        found: radial and angular distributions.
        masks: types of functions by element, with a suggestion which to keep.
        curves: the radial parts R(r) at the distances `found.radii`, by "radial" and "angular"; empty for descriptors
            of other kinds.
    """

    wanted: recipe.Recipe
    functions: Descriptor
    found: Distributions
    masks: tuple[tuples.Tuple, ...]
    curves: dict[str, Array]

    @property
    def counts(self) -> dict[str, int]:
        """Number of functions around each element."""
        return {symbol: len(self.functions.names_of(symbol)) for symbol in self.found.elements}

    def suggested(self) -> recipe.Recipe:
        """The recipe in which only the types that are kept have functions; as it is, if it does not choose by them."""
        grid = self.wanted.symmetry_functions
        if not isinstance(grid, function_recipe.Automatic) or grid.element_tuples:
            return self.wanted
        if grid.channels_of(len(self.found.elements)) is not None:
            return self.wanted
        if all(one.kept for one in self.masks):
            return self.wanted
        chosen = function_recipe.ElementTuples.model_validate(tuples.kept(self.masks))
        narrower = grid.model_copy(update={"element_tuples": chosen})
        return self.wanted.model_copy(update={"symmetry_functions": narrower})

    def summary(self) -> dict[str, Any]:
        """What is decided by it, as JSON-like data: numbers of functions, and the suggestion with its reasons."""
        return {
            "elements": list(self.found.elements),
            "cutoff": self.functions.cutoff,
            "atoms": int(self.found.atoms.sum()),
            "functions": self.counts,
            "types": [one.to_dict() for one in self.masks],
            "element_tuples": tuples.kept(self.masks),
            "recipe": self.suggested().model_dump(mode="json"),
        }

    def to_dict(self) -> dict[str, Any]:
        """The summary and the curves: distances in Å, g(r) a pure number, angles in degrees, their number per atom."""
        found, symbols = self.found, self.found.elements
        return {
            **self.summary(),
            "radii": found.radii.tolist(),
            "rdf": {f"{a}-{b}": found.rdf[i, j].tolist() for i, a in enumerate(symbols) for j, b in enumerate(symbols)},
            "angles": found.angles.tolist(),
            "adf": {
                f"{symbols[a]}-{centre}-{symbols[b]}": found.adf[c, p].tolist()
                for c, centre in enumerate(symbols)
                for p, (a, b) in enumerate(found.pairs)
            },
            "curves": {kind: rows.tolist() for kind, rows in self.curves.items()},
        }

    def plot(self) -> bytes:
        """RDF of every pair with the radial parts of the functions, ADF of every triple, as PNG."""
        symbols = self.found.elements
        with mpl.rc_context(plots.STYLE):
            figure = Figure(figsize=(3.6 * len(symbols) + 0.6, 5.6), layout="constrained")
            rows = figure.subplots(2, len(symbols), squeeze=False)
            for c, centre in enumerate(symbols):
                self._radial(rows[0, c], c)
                self._angular(rows[1, c], c)
                rows[0, c].set_title(f"{centre}: {self.counts[centre]} functions")
            return plots.png(figure)

    def _radial(self, axes: Axes, centre: int) -> None:
        for b, neighbour in enumerate(self.found.elements):
            axes.fill_between(self.found.radii, self.found.rdf[centre, b], alpha=0.35, label=f"g(r) of {neighbour}")
        axes.set(xlabel="distance (Å)", ylabel="g(r)", xlim=(0.0, self.functions.cutoff))
        beside = axes.twinx()
        beside.grid(visible=False)
        for kind, curves in self.curves.items():
            colour, style = CURVES[kind]
            for number, curve in enumerate(curves):
                label = f"{kind} functions" if number == 0 else None
                beside.plot(self.found.radii, curve, style, color=colour, linewidth=0.8, label=label)
        beside.set(ylabel="R(r)")
        handles = [*axes.get_legend_handles_labels()[0], *beside.get_legend_handles_labels()[0]]
        axes.legend(handles=handles, loc="upper right", fontsize=7)

    def _angular(self, axes: Axes, centre: int) -> None:
        symbols = self.found.elements
        for p, (a, b) in enumerate(self.found.pairs):
            if self.found.adf[centre, p].any():
                name = f"{symbols[a]}-{symbols[centre]}-{symbols[b]}"
                axes.plot(self.found.angles, self.found.adf[centre, p], label=name)
        axes.set(xlabel="angle (°)", ylabel="angles per atom and degree", xlim=(0.0, 180.0))
        if axes.lines:
            axes.legend(fontsize=7)


def preview(frames: Sequence[Frame], wanted: recipe.Recipe) -> Preview:
    """The functions that a recipe means on frames, beside their distributions. Labels are not looked at.

    Raises:
        InputError: no two atoms are within the cutoff.
        RecipeError: explicit functions or names in the recipe do not suit the data.
    """
    definition.check_names(wanted, frames)
    frames = [frame for frame in frames if frame.group not in wanted.exclude_groups]
    elements = definition.elements_of(frames)
    sample = portions.some(frames, MOST_ATOMS)
    table = neighbours.neighbour_table([frame.structure for frame in sample], wanted.cutoff)
    functions = grid.symmetry_functions_for(wanted, elements, table)
    found = distributions(frames, elements, functions.cutoff)
    masks = tuple(tuples.suggested(found, wanted.centres))
    return Preview(wanted=wanted, functions=functions, found=found, masks=masks, curves=_curves(functions, found.radii))


def _curves(functions: Descriptor, radii: Array) -> dict[str, Array]:
    """R(r) = g(r) f_c(r) of the radial channels of moment functions."""
    if not isinstance(functions, SymmetryFunctions):
        return {}
    r = torch.from_numpy(radii).reshape(1, 1, -1)
    fc, _ = cutoff.cutoff(functions.cutoff_function, r, functions.cutoff)
    parts = {"radial": functions.radial, "angular": () if functions.angular is None else functions.angular.channels}
    return {
        kind: (radial.profiles(rows, r, functions.cutoff)[:, : len(rows)] * fc)[0].numpy()
        for kind, rows in parts.items()
        if rows
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m nnp.learn.preview", description=__doc__)
    parser.add_argument("data", type=Path, help="structures, in any format that nnp reads")
    parser.add_argument("--recipe", type=Path, help="JSON of a recipe; the default recipe without it")
    parser.add_argument("--output", type=Path, required=True, help="the picture (PNG)")
    parser.add_argument("--json", action="store_true", help="print distributions, functions and suggestions as JSON")
    given = parser.parse_args(arguments)
    wanted = recipe.parse(json.loads(given.recipe.read_text()) if given.recipe else {})
    result = preview(list(reading.read_frames(given.data)), wanted)
    given.output.write_bytes(result.plot())
    if given.json:
        print(json.dumps(result.to_dict()))
        return
    for symbol, count in result.counts.items():
        print(f"{symbol}: {count} functions")
    for one in result.masks:
        print(f"{'keep' if one.kept else 'drop'} {one.kind} {'-'.join(one.elements)}: {one.reason}")


if __name__ == "__main__":
    main()
