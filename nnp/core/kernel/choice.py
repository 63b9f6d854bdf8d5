"""Whether the compiled kernel evaluates a potential; nothing is imported that it needs before it does."""

import importlib.util
import os

import onnx

from nnp.core import cuts, errors
from nnp.core.kernel import definition
from nnp.core.manifest import Manifest
from nnp.core.sessions import Sessions

SETTING = "NNP_KERNEL"
"""Environment variable: ``off`` leaves the kernel aside unless it is asked for by argument."""


def reason_against(file: onnx.ModelProto, manifest: Manifest, device: str) -> str | None:
    """Why the kernel cannot evaluate this potential here, or None."""
    if device != "cpu":
        return f"it runs on the CPU, not on {device!r}"
    if definition.size(manifest.symmetry_functions) == 0:
        return "it knows Behler-Parrinello functions alone"
    if not any(item.name == cuts.SYMMETRY_FUNCTIONS for item in file.graph.value_info):
        return "the file was written before graphs could be cut"
    if importlib.util.find_spec("numba") is None:
        return "numba is not installed: pip install 'nnpd[kernel]'"
    return None


def sessions(file: onnx.ModelProto, manifest: Manifest, device: str, kernel: bool | None) -> Sessions:
    """What evaluates a potential: ONNX Runtime alone, or with the kernel.

    Args:
        file: the graph.
        manifest: of the file.
        device: ``cpu`` or ``cuda``.
        kernel: None takes it where it can be had.

    Raises:
        errors.DeviceError: the kernel was asked for and cannot be had; or the device cannot.
    """
    if kernel is False or (kernel is None and os.environ.get(SETTING, "auto") == "off"):
        return Sessions(file, device)
    reason = reason_against(file, manifest, device)
    if reason is None:
        try:
            from nnp.core.kernel.engine import KernelSessions

            return KernelSessions(file, manifest)
        except ImportError as error:  # numba refuses versions of numpy that it does not know yet
            reason = f"numba cannot be used: {error}"
    if kernel:
        raise errors.DeviceError(f"the compiled kernel cannot evaluate this potential: {reason}")
    return Sessions(file, device)
