"""What a recipe lets the training data change about symmetry functions that are already placed."""

from collections.abc import Sequence

from nnp.core import recipe
from nnp.core.function_recipe import Automatic
from nnp.core.label import Frame
from nnp.learn import batches, element_channels, projected
from nnp.learn.descriptor import Descriptor
from nnp.learn.reference_energies import ReferenceEnergies
from nnp.learn.symmetry_functions import SymmetryFunctions


def refined(
    functions: Descriptor, wanted: recipe.Recipe, frames: Sequence[Frame], references: ReferenceEnergies
) -> Descriptor:
    """The functions with learned element channels, and their principal components, as far as the recipe says so.

    Args:
        functions: as placed by ``grid``.
        wanted: the recipe.
        frames: training frames, all or an even part of them.
        references: reference energies of the frames' labels.
    """
    grid = wanted.symmetry_functions
    if not isinstance(grid, Automatic):
        return functions
    channels = grid.channels_of(len(functions.elements))
    learnable = channels is not None and channels.kind == "learnable"
    if learnable and isinstance(functions, SymmetryFunctions) and functions.element_channels is not None:
        functions = element_channels.learned(functions, frames, references, wanted.seed)
    if grid.compression is None:
        return functions
    values, species = batches.functions_of(functions, frames)
    asked = grid.compression
    return projected.fit(
        functions,
        values,
        species,
        components=asked.components,
        variance=asked.variance,
        floor=wanted.scaling_floor,
    )
