"""Ways downhill on one interface: a step changes the parameters in place and keeps its memory in named arrays."""

from nnp.learn.optimisers.adam import Adam
from nnp.learn.optimisers.interface import Arrays, Evaluate, Leaves, Optimiser
from nnp.learn.optimisers.lbfgs import LBFGS
from nnp.learn.optimisers.soap import SOAP

OPTIMISERS: dict[str, Optimiser] = {"adam": Adam(), "soap": SOAP(), "lbfgs": LBFGS()}
"""By the name that a recipe has for them."""

__all__ = ["LBFGS", "OPTIMISERS", "SOAP", "Adam", "Arrays", "Evaluate", "Leaves", "Optimiser"]
