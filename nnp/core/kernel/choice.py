"""Whether the compiled kernel evaluates a potential; nothing is imported that it needs before it does."""

import importlib.util
import os
import threading
from typing import Any

import onnx

from nnp.core import cuts, errors
from nnp.core.kernel import definition, moment_definition
from nnp.core.manifest import Manifest
from nnp.core.sessions import Sessions

SETTING = "NNP_KERNEL"
"""Environment variable: ``off`` leaves the kernel aside unless it is asked for by argument; ``wait`` waits for the
compiler, where ``auto`` begins with the graph."""
_answers: dict[tuple[str, str], bool] = {}
_lock = threading.Lock()


def known(fields: dict[str, Any]) -> bool:
    """Whether there are compiled functions of a definition: Behler-Parrinello functions, or Gaussians and moments."""
    return moment_definition.known(fields) or definition.size(fields) > 0


def reason_against(file: onnx.ModelProto, manifest: Manifest, device: str) -> str | None:
    """Why the kernel cannot evaluate this potential here, or None."""
    if device != "cpu":
        return f"it runs on the CPU, not on {device!r}"
    if not known(manifest.symmetry_functions):
        return "it does not know these symmetry functions"
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
        kernel: None takes it where it can be had without waiting for the compiler (``_without_waiting``).

    Raises:
        errors.DeviceError: the kernel was asked for and cannot be had; or the device cannot.
    """
    setting = os.environ.get(SETTING, "auto")
    if kernel is False or (kernel is None and setting == "off"):
        return Sessions(file, device)
    reason = reason_against(file, manifest, device)
    if reason is None:
        try:
            from nnp.core.kernel.engine import KernelSessions

            if kernel or setting == "wait" or _without_waiting(manifest):
                return KernelSessions(file, manifest)
        except ImportError as error:  # numba refuses versions of numpy that it does not know yet
            reason = f"numba cannot be used: {error}"
    if kernel:
        raise errors.DeviceError(f"the compiled kernel cannot evaluate this potential: {reason}")
    return Sessions(file, device)


def _without_waiting(manifest: Manifest) -> bool:
    """Whether the machine code is there; if not, it is made in the background, for the processes that come later.

    This process keeps to its first answer: a potential that is loaded again gives the bits that it gave before.
    """
    from nnp.core.kernel import compiled, functions

    wanted = functions.kind(manifest.symmetry_functions), manifest.dtype
    with _lock:
        if wanted not in _answers:
            _answers[wanted] = compiled.ready(*wanted)
            if not _answers[wanted]:
                compiled.compile_beside(*wanted)
        return _answers[wanted]
