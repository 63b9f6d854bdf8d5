"""Checkpoints: arrays and one JSON header in an npz file, without pickle, with a format version and an upgrade path."""

import io
import json
import math
import os
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from nnp.core import errors
from nnp.learn import fit

FORMAT_VERSION = 2
HEADER = "header"
FILE = "training.npz"
RUNNING = "running training"
MEMORY = "optimiser"
"""Arrays of the optimiser's memory have this before their names."""
Content = tuple[dict[str, Any], dict[str, np.ndarray]]
"""Header (JSON-like) and arrays by name."""


def _tag_symmetry_functions(content: Content) -> Content:
    """Version 2 says of which kind the symmetry functions are; before there was one kind."""
    header, arrays = content
    tagged = {**header, "format_version": 2}
    if "symmetry_functions" in header:
        tagged["symmetry_functions"] = {"kind": "moments", **header["symmetry_functions"]}
    return tagged, arrays


UPGRADES: dict[int, Callable[[Content], Content]] = {1: _tag_symmetry_functions}
"""Format version n -> function that turns the content of version n into that of version n + 1."""


def pack(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """The bytes of a checkpoint; equal for equal content."""
    text = json.dumps({**header, "format_version": FORMAT_VERSION}, sort_keys=True)
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **{HEADER: np.frombuffer(text.encode(), dtype=np.uint8), **arrays})
    return stream.getvalue()


def unpack(data: bytes) -> Content:
    """Header and arrays of a checkpoint of this or an older format version.

    Raises:
        CheckpointError: damaged, no checkpoint, or written by newer code.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(arrays.pop(HEADER).tobytes())
        version = header["format_version"]
    except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise errors.CheckpointError(f"the checkpoint is damaged or no checkpoint: {error}") from error
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise errors.CheckpointError(
            f"the checkpoint has format version {version}, this code reads up to {FORMAT_VERSION}; "
            "continue it with the version of nnpd that wrote it, or a newer one"
        )
    content: Content = (header, arrays)
    while version < FORMAT_VERSION:
        if version not in UPGRADES:
            raise errors.CheckpointError(f"no upgrade leads from checkpoint format version {version}")
        content = UPGRADES[version](content)
        version = content[0]["format_version"]
    return content


def save(path: Path, data: bytes) -> None:
    """Write bytes so that the file is always either the old or the new one, whatever stops the process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        if temporary.is_file():
            temporary.unlink()
        raise


def state_to(prefix: str, state: fit.State) -> Content:
    """Header and arrays of a state of the loop; array names begin with `prefix` and a dot."""
    values = {field.name: getattr(state, field.name) for field in fields(state)}
    arrays = {f"{prefix}.{name}": value for name, value in values.items() if isinstance(value, np.ndarray)}
    arrays |= {f"{prefix}.{MEMORY}.{name}": value for name, value in state.optimiser.items()}
    numbers = {name: value for name, value in values.items() if not isinstance(value, np.ndarray) and name != MEMORY}
    return {prefix: {**numbers, "random": _plain(numbers["random"]), "train": dict(numbers["train"])}}, arrays


def state_from(prefix: str, content: Content) -> fit.State | None:
    """The inverse of `state_to`; None where the content has no such state."""
    header, arrays = content
    if prefix not in header:
        return None
    own = {name.removeprefix(f"{prefix}."): a for name, a in arrays.items() if name.startswith(f"{prefix}.")}
    memory = {name.removeprefix(f"{MEMORY}."): own.pop(name) for name in list(own) if name.startswith(f"{MEMORY}.")}
    values: dict[str, Any] = {**header[prefix], **own, MEMORY: memory}
    return fit.State(**values)


def _plain(state: Mapping[str, Any]) -> dict[str, Any]:
    """A generator's state as JSON: its integers are of any length in Python and in JSON alike."""
    return {
        k: _plain(v) if isinstance(v, Mapping) else int(v) if isinstance(v, int | np.integer) else v
        for k, v in state.items()
    }


class Resumable:
    """The checkpoint of a running training: the state of each stage, in one file of a folder, or nowhere.

    Args:
        folder: where the file is; None keeps nothing.
        header: what must be equal for a training to go on (hashes of recipe, data, parent and baselines).
        save_seconds: an offered state is written when this much time has passed since the last one.

    Raises:
        CheckpointError: the file is damaged, or belongs to another training.
    """

    def __init__(self, folder: Path | None, header: Mapping[str, Any], save_seconds: float = 0.0) -> None:
        self.path = None if folder is None else folder / FILE
        self.header = dict(header)
        self.save_seconds = save_seconds
        self._written: dict[str, int] = {}
        self._saved = -math.inf
        self._content: Content = ({"kind": RUNNING, **self.header}, {})
        if self.path is not None and self.path.exists():
            found = unpack(self.path.read_bytes())
            if any(found[0].get(name) != value for name, value in self._content[0].items()):
                raise errors.CheckpointError(
                    f"the checkpoint in {self.path.parent.name} belongs to another recipe, data set, parent or "
                    "baseline; give this training a folder of its own"
                )
            self._content = found

    def state(self, stage: str) -> fit.State | None:
        """The last saved state of a stage."""
        return state_from(stage, self._content)

    def offer(self, stage: str, state: fit.State) -> None:
        """Save the state of a stage if it is time to."""
        if time.monotonic() - self._saved > self.save_seconds:
            self.save(stage, state)

    def save(self, stage: str, state: fit.State) -> None:
        """Keep the state of a stage; raises OSError where the disk is full, and the old file stays."""
        if self._written.get(stage) == state.epoch:
            return
        header, arrays = state_to(stage, state)
        self._content = ({**self._content[0], **header}, {**self._content[1], **arrays})
        if self.path is not None:
            save(self.path, pack(*self._content))
        self._saved, self._written[stage] = time.monotonic(), state.epoch
