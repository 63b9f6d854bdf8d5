"""The space of recipes around a given one: names, ranges, and the way from a point back to a recipe."""

from typing import Any

import optuna

from nnp.core import recipe
from nnp.core.function_recipe import PowerSpectrumGrid, WideAngularGrid
from nnp.core.search import Search

LAYERS = (1, 3)
NODES = (8, 128)
CHANNELS = (2, 8)
DEGREES = (2, 6)
RADIAL = (4, 16)
CUTOFF_SHARE = (0.7, 1.3)
"""Cutoffs over that of the given recipe."""
ENERGY_WEIGHTS = (0.3, 30.0)
"""Energy weights of the loss over that of the given recipe."""


def suggest(trial: optuna.trial.BaseTrial, wanted: recipe.Recipe, how: Search) -> recipe.Recipe:
    """The recipe of a trial: one network, without replicas, and what may vary varied."""
    changes: dict[str, Any] = {"replicas": None, "committee": (_network(trial, wanted, how),)}
    if "functions" in how.vary:
        changes["symmetry_functions"] = _functions(trial, wanted)
    if "cutoff" in how.vary:
        low, high = (max(0.6, min(20.0, share * wanted.cutoff)) for share in CUTOFF_SHARE)
        changes["cutoff"] = round(trial.suggest_float("cutoff", low, high), 2)
    if "loss" in how.vary and wanted.loss.energy > 0.0:
        factor = trial.suggest_float("energy_weight", *ENERGY_WEIGHTS, log=True)
        changes["loss"] = wanted.loss.model_copy(update={"energy": float(f"{factor * wanted.loss.energy:.3g}")})
    return wanted.model_copy(update=changes)


def start(wanted: recipe.Recipe, how: Search) -> dict[str, Any]:
    """The point of the space that is the given recipe, as far as the space has it; what is missing is drawn."""
    first = wanted.committee[0]
    point: dict[str, Any] = {}
    if "networks" in how.vary and LAYERS[0] <= len(first.hidden) <= LAYERS[1]:
        point["layers"] = len(first.hidden)
        point |= {f"nodes_{number}": min(max(n, NODES[0]), NODES[1]) for number, n in enumerate(first.hidden)}
    if "activation" in how.vary:
        point["activation"] = first.activation
    if "functions" in how.vary:
        grid = wanted.symmetry_functions.model_dump()
        limits = {"radial": RADIAL, "channels": CHANNELS, "l_max": DEGREES}
        point |= {n: grid[n] for n, (low, high) in limits.items() if grid.get(n) and low <= grid[n] <= high}
    if "cutoff" in how.vary:
        point["cutoff"] = wanted.cutoff
    if "loss" in how.vary and wanted.loss.energy > 0.0:
        point["energy_weight"] = 1.0
    return point


def finished(best: recipe.Recipe, wanted: recipe.Recipe, how: Search) -> recipe.Recipe:
    """A trial's recipe with as many members as the given one and its replicas.

    The members have widths around the trial's, or where networks do not vary, those of the given recipe.
    """
    changes = {"committee": _members(best.committee[0], wanted, how), "replicas": wanted.replicas}
    return best.model_copy(update=changes)


def _members(network: recipe.Network, wanted: recipe.Recipe, how: Search) -> tuple[recipe.Network, ...]:
    if "networks" not in how.vary:
        activation = {"activation": network.activation} if "activation" in how.vary else {}
        return tuple(member.model_copy(update=activation) for member in wanted.committee)
    members = []
    for number in range(len(wanted.committee)):
        # Members of different shapes disagree more honestly: every second one is a little narrower, then wider.
        share = (1.0, 0.875, 1.125, 0.75)[number % 4]
        hidden = tuple(max(4, round(share * width)) for width in network.hidden)
        members.append(network.model_copy(update={"hidden": hidden}))
    return tuple(members)


def _network(trial: optuna.trial.BaseTrial, wanted: recipe.Recipe, how: Search) -> recipe.Network:
    first = wanted.committee[0]
    changes: dict[str, Any] = {}
    if "networks" in how.vary:
        layers = trial.suggest_int("layers", *LAYERS)
        changes["hidden"] = tuple(trial.suggest_int(f"nodes_{i}", *NODES, log=True) for i in range(layers))
        changes["hidden_by_element"] = {}
    if "activation" in how.vary:
        changes["activation"] = trial.suggest_categorical("activation", list(recipe.ACTIVATIONS))
    return first.model_copy(update=changes)


def _functions(trial: optuna.trial.BaseTrial, wanted: recipe.Recipe) -> Any:
    """The grid with other numbers of functions; functions that are given one by one stay."""
    grid = wanted.symmetry_functions
    if isinstance(grid, PowerSpectrumGrid):
        return grid.model_copy(
            update={
                "radial": trial.suggest_int("radial", *RADIAL),
                "channels": trial.suggest_int("channels", *CHANNELS),
                "l_max": trial.suggest_int("l_max", *DEGREES),
            }
        )
    if isinstance(grid, WideAngularGrid):
        numbers = {"radial": trial.suggest_int("radial", *RADIAL), "channels": trial.suggest_int("channels", *CHANNELS)}
        return grid.model_copy(update=numbers)
    return grid
