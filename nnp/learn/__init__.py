"""Symmetry functions, networks, the adjoint, training and export of potentials (PyTorch)."""
