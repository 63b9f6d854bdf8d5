"""The compiled function, and the folder that keeps its machine code from one process to the next.

Compiling takes some seconds for each precision, once on a machine and for each version of the sources: the folder's
name holds their hash, because numba looks at the time stamp of one file only.
"""

import hashlib
import importlib
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from numba.core import config

SOURCES = ("elementary", "windows", "lists", "triplets", "passes")
_lock = threading.Lock()


def evaluate() -> Callable[..., None]:
    """``passes.evaluate``: compiled at the first call for a precision, or read from the folder."""
    with _lock:
        before = config.CACHE_DIR
        config.CACHE_DIR = before or str(folder())
        try:
            return importlib.import_module("nnp.core.kernel.passes").evaluate
        finally:
            config.CACHE_DIR = before


def folder() -> Path:
    """Where the machine code is kept: below ``XDG_CACHE_HOME`` or ``~/.cache``, else in a temporary folder."""
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    chosen = base / "nnpd" / f"kernel-{digest.hexdigest()[:16]}"
    try:
        chosen.mkdir(parents=True, exist_ok=True)
        if os.access(chosen, os.W_OK):
            return chosen
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="nnpd-kernel-"))
