"""What a reader needs to repeat and to weigh a figure; every benchmark prints it beside its figures."""

import os
import platform
import resource
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from nnp.core.label import Frame

PACKAGES = ("nnpd", "numpy", "torch", "onnxruntime", "vesin", "numba", "ase", "scikit-learn")


def conditions(*, split: Sequence[Sequence[Frame]], seeds: Mapping[str, int], **own: Any) -> dict[str, Any]:
    """The conditions of a run, at its end.

    Args:
        split: the parts of the data, such as training and test structures, in their order.
        seeds: every random number's, by what it draws.
        own: further ones, such as rounds or the hash of a recipe; the last words of a name are its unit.
    """
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "split_hash": split_hash(*split),
        "seeds": dict(seeds),
        **own,
        "peak_rss_mb": round(usage.ru_maxrss / 1024.0, 1),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "load_average": round(os.getloadavg()[1], 1),
        "cores": len(os.sched_getaffinity(0)),
        "machine": _processor(),
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := _version(name)) is not None},
    }


def split_hash(*parts: Sequence[Frame]) -> str:
    """The sha256 of structures, labels and groups of all parts."""
    from nnp.learn import train  # loads torch, which a benchmark of predictions must not have in memory

    return sha256("".join(train.data_hash(part) for part in parts).encode()).hexdigest()


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
