"""Names that definitions of Behler-Parrinello functions use, as the graph and the compiled functions both read them."""

CUTOFF_TYPES = (
    "hard",
    "cosine",
    "tanh_cubed_unnormalised",
    "tanh_cubed",
    "exponential",
    "polynomial3",
    "polynomial",
    "polynomial7",
    "polynomial9",
)
"""Name of n2p2's cutoff type 0 to 8."""
WITHOUT_INNER_RADIUS = ("hard", "tanh_cubed_unnormalised", "tanh_cubed")
"""Cutoff functions that do not depend on the inner radius."""
CORES = {"p1": "polynomial3", "p2": "polynomial", "p3": "polynomial7", "p4": "polynomial9", "e": "exponential"}
"""Shape of each core function of n2p2's compact symmetry functions (Bircher, Singraber, Dellago, arXiv:2010.14414)."""
