"""Downloads: to a file by a temporary name, ONNX files verified by SHA-256 and kept in a cache folder."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnp_client import errors
from nnp_client.transport import Transport
from nnp_client.wire.potentials import PotentialVersionOut


def cache_folder() -> Path:
    """Where ONNX files are kept: NNPD_CACHE, or nnpd in the user's cache folder."""
    given = os.environ.get("NNPD_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nnpd"


def to_file(transport: Transport, path: str, target: Path, *, params: Mapping[str, Any]) -> Path:
    """Write the answer to a file; it appears under its name when it is complete.

    Args:
        transport: Sends the request.
        path: Path with /v1.
        target: The file.
        params: Query parameters.

    Returns:
        The file.

    Raises:
        OSError: The file cannot be written.
        ClientError: See `nnp_client.errors`.
    """
    with _whole(target) as file, transport.stream(path, params=params) as response:
        for piece in response.iter_bytes():
            file.write(piece)
    return target


def onnx(transport: Transport, version: PotentialVersionOut, dtype: str) -> bytes:
    """The ONNX file of a version, from the cache if it is there and undamaged.

    Args:
        transport: Sends the request.
        version: The version.
        dtype: "float32" or "float64".

    Returns:
        The bytes, verified.

    Raises:
        IntegrityError: What was downloaded has another SHA-256.
        ClientError: See `nnp_client.errors`.
    """
    sha256 = next((held.sha256 for held in version.artifacts if held.role == f"onnx_{dtype}"), None)
    cached = None if sha256 is None else cache_folder() / f"{sha256}.onnx"
    if cached is not None and cached.is_file():
        content = cached.read_bytes()
        if hashlib.sha256(content).hexdigest() == sha256:
            return content
    path = f"/v1/potentials/{version.name}/versions/{version.number}/onnx"
    with transport.stream(path, params={"dtype": dtype}) as response:
        content = response.read()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise errors.IntegrityError(f"{version.reference} ({dtype}): {errors.IntegrityError.__doc__}")
    if cached is not None:
        # A cache that cannot be written (a full disk, a foreign folder) costs time, not the result.
        with contextlib.suppress(OSError), _whole(cached) as file:
            file.write(content)
    return content


@contextlib.contextmanager
def _whole(target: Path) -> Any:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
