"""Behler-Parrinello functions compiled for this processor (optional: ``pip install nnpd[kernel]``).

The ONNX graph remains the whole potential. Where numba is installed and the symmetry functions are of a known kind,
their values and their adjoint are computed here, and ONNX Runtime computes all that is left (``engine``).
Nothing but ``definition`` and ``choice`` is imported without numba.
"""
