"""The compiled functions, and the folder that keeps their machine code from one process to the next.

Compiling takes some ten seconds for each kind and precision, once on a machine and for each version of the sources:
the folder's name holds a hash of them, because numba looks at the time stamp of one file only, and of processor and
library, because machine code is good for one kind of processor. A process that must not wait lets a child compile
(``compile_beside``): numba holds the interpreter lock meanwhile, so a thread would hold up all others.
"""

import hashlib
import importlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import llvmlite.binding
import numba
from numba.core import config

KINDS = ("passes", "moment_passes")
"""Modules with a compiled function ``evaluate``: of Behler-Parrinello functions, and of moments."""
SOURCES = (
    "elementary",
    "vectors",
    "windows",
    "lists",
    "triplets",
    "passes",
    "neighbour_sums",
    "invariants",
    "moment_passes",
    "definition",
    "moment_definition",
)
"""What the machine code is made from; the definitions, because it is kept under the names of their classes."""
PATIENCE_SECONDS = 3600.0
"""A child that has not compiled by then is given up."""
_lock = threading.Lock()


def evaluate(kind: str) -> Callable[..., None]:
    """The function of a kind: compiled at the first call for a precision, or read from the folder."""
    with _lock:
        before = config.CACHE_DIR
        config.CACHE_DIR = str(folder())
        try:
            found: Callable[..., None] = importlib.import_module(f"nnp.core.kernel.{kind}").evaluate
            return found
        finally:
            config.CACHE_DIR = before


@lru_cache(maxsize=1)
def folder() -> Path:
    """Where the machine code is kept: below ``XDG_CACHE_HOME`` or ``~/.cache``, else in a folder of this process."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    chosen = base / "nnpd" / f"kernel-{_digest()}"
    try:
        chosen.mkdir(parents=True, exist_ok=True)
        if os.access(chosen, os.W_OK):
            return chosen
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="nnpd-kernel-"))


def _digest() -> str:
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    processor = (llvmlite.binding.get_host_cpu_name(), llvmlite.binding.get_host_cpu_features().flatten())
    digest.update(repr((*processor, numba.__version__, sys.version_info[:2])).encode())
    return digest.hexdigest()[:16]


def ready(kind: str, dtype: str) -> bool:
    """Whether the machine code of a kind and precision can be read from the folder."""
    return _mark(kind, dtype).exists()


def note(kind: str, dtype: str) -> None:
    """Say that it can."""
    _mark(kind, dtype).touch()


def _mark(kind: str, dtype: str) -> Path:
    return folder() / f"{kind}-{dtype}.ready"


def compile_beside(kind: str, dtype: str) -> None:
    """Fill the folder from another process, which outlives this one; it ends at once where another is at it."""
    command = [sys.executable, "-m", "nnp.core.kernel", kind, dtype]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    quiet = subprocess.DEVNULL
    child = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, env=environment)
    threading.Thread(target=_reap, args=(child,), daemon=True, name="nnp-compile").start()


def _reap(child: "subprocess.Popen[bytes]") -> None:
    try:
        child.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
