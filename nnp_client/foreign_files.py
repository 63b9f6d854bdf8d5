"""The files of a potential of another program: packed for the way to the service, unpacked from it."""

import io
import tarfile
from pathlib import Path

PATTERNS = ("input.nn", "scaling.data", "weights*.data", "hardness*.data", "potential_saved*")
"""The files that make up a potential, of n2p2 or RuNNer and of SIMPLE-NN; each may be gzipped (.gz)."""


def pack(source: Path) -> bytes:
    """The potential's files as a tar archive; equal files give equal bytes.

    Args:
        source: A folder, of which only the files of a potential are taken, or one file.

    Raises:
        ValueError: There is no file of a potential in the folder.
        OSError: A file cannot be read.
    """
    files = [source] if source.is_file() else _found(source)
    if not files:
        raise ValueError(f"{source} has no file of a potential ({', '.join(PATTERNS)})")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for file in files:
            content = file.read_bytes()
            entry = tarfile.TarInfo(file.name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def unpack(archive: Path, folder: Path) -> list[Path]:
    """Write the files of an archive into a new or empty folder.

    Raises:
        FileExistsError: The folder holds something.
    """
    check_empty(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return sorted(path for path in folder.rglob("*") if path.is_file())


def check_empty(folder: Path) -> None:
    """Refuse a folder that holds something.

    Raises:
        FileExistsError: It does.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} is not an empty folder; name another one")


def _found(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no {folder}")
    matching = {path for pattern in PATTERNS for end in ("", ".gz") for path in folder.glob(pattern + end)}
    return sorted(path for path in matching if path.is_file())
