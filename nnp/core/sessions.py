"""ONNX Runtime sessions of one file: one for each set of outputs asked for, made when it is first needed."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime

from nnp.core import errors, onnx_graph

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
BLOCK_ATOMS = {"cpu": 128, "cuda": 16384}
"""Atoms that go through the graph together."""

Prepared = tuple[Any, list[str], list[str]]
"""A session with the names of its inputs and outputs."""


class Sessions:
    """Pruned sessions of an ONNX file; safe to use from several threads.

    Every session runs in the thread that calls it: the same blocks give the same bits on any number of cores, and
    blocks of atoms run beside each other in several threads.

    Args:
        file: the whole graph.
        device: ``cpu`` or ``cuda``.

    Attributes:
        block_atoms: atoms that are best evaluated together.

    Raises:
        errors.DeviceError: the device is unknown, or this installation of ONNX Runtime cannot use it.
    """

    engine = "onnxruntime"
    """What computes the graph, in words."""

    def __init__(self, file: onnx.ModelProto, device: str) -> None:
        if device not in PROVIDERS:
            raise errors.DeviceError(f"unknown device {device!r}; known: {', '.join(PROVIDERS)}")
        available = available_providers()
        if PROVIDERS[device] not in available:
            raise errors.DeviceError(
                f"device {device!r} needs {PROVIDERS[device]}, and this onnxruntime offers {', '.join(available)}; "
                "install onnxruntime-gpu in its place, or use device='cpu'"
            )
        self.block_atoms = BLOCK_ATOMS[device]
        self._file = file
        self._provider = PROVIDERS[device]
        self._sessions: dict[tuple[tuple[str, ...], tuple[str, ...]], Prepared] = {}
        self._lock = threading.Lock()

    def run(self, outputs: Sequence[str], feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """These outputs, by name, for inputs by name; inputs that the outputs do not need are left out."""
        return self.run_part(tuple(sorted(outputs)), (), feeds)

    def run_part(
        self, outputs: tuple[str, ...], cuts: tuple[str, ...], feeds: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """As ``run`` with some of ``nnp.core.cuts`` among the outputs or as inputs; both sorted."""
        session, known, names = self._prepared(outputs, cuts)
        return dict(zip(names, session.run(names, {name: feeds[name] for name in known}), strict=True))

    def session(self, outputs: tuple[str, ...]) -> Any:
        """The session that computes exactly these outputs, sorted by name."""
        return self._prepared(outputs, ())[0]

    def _prepared(self, outputs: tuple[str, ...], cuts: tuple[str, ...]) -> Prepared:
        with self._lock:
            if (outputs, cuts) not in self._sessions:
                content = onnx_graph.pruned(self._file, outputs, cuts).SerializeToString()
                session = onnxruntime.InferenceSession(content, sess_options=_options(), providers=[self._provider])
                inputs = [item.name for item in session.get_inputs()]
                self._sessions[outputs, cuts] = (session, inputs, [item.name for item in session.get_outputs()])
            return self._sessions[outputs, cuts]


def available_providers() -> list[str]:
    """The execution providers of the installed ONNX Runtime."""
    return list(onnxruntime.get_available_providers())


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.enable_mem_pattern = False  # it remembers a plan for every shape it meets, without bound
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options
