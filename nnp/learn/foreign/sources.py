"""The files of a foreign potential: by base name, from a folder or from memory, gzipped or not."""

import fnmatch
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnp.core import errors

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
GZIP = b"\x1f\x8b"
RELEVANT = ("input.nn", "scaling.data", "weights.*.data", "weightse.*.data", "hardness.*.data", "potential_saved*")
"""Patterns of the names that are read from a folder; whatever else lies there is left alone."""
LARGEST = 512 * 1024 * 1024
"""Bytes of one file, unpacked."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line that holds something: its words without comments, and its number in the file (1-based)."""

    words: tuple[str, ...]
    number: int


@dataclass(frozen=True, kw_only=True)
class File:
    """One text file.

    Attributes:
        name: base name, without ``.gz``.
        data: as stored, perhaps gzipped.
    """

    name: str
    data: bytes

    @property
    def sha256(self) -> str:
        """Of the unpacked bytes."""
        return hashlib.sha256(self._unpacked()).hexdigest()

    def lines(self, comments: str) -> list[Line]:
        """The lines that hold words before any of the ``comments`` characters.

        Raises:
            ForeignError: the file is damaged or no text.
        """
        return list(self._lines(comments))

    def _lines(self, comments: str) -> Iterator[Line]:
        """As bytes: in text, characters of other alphabets would end lines and be blanks too."""
        for number, text in enumerate(self._text().splitlines(), start=1):
            for mark in comments.encode():
                text = text.partition(bytes((mark,)))[0]  # noqa: PLW2901
            if words := text.split():
                yield Line(words=tuple(str(word, "utf-8", "replace") for word in words), number=number)

    def _text(self) -> bytes:
        """The text; the encoding of comments varies in old files and never matters."""
        data = self._unpacked()
        if b"\0" in data:
            line = data[: data.index(b"\0")].count(b"\n") + 1
            raise errors.ForeignError(file=self.name, line=line, reason="this is no text")
        return data.removeprefix(BYTE_ORDER_MARK)

    def _unpacked(self) -> bytes:
        if not self.data.startswith(GZIP):
            return self.data
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(self.data)) as file:
                data = file.read(LARGEST + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise errors.ForeignError(
                file=self.name, reason="the compressed file is damaged or ends too early"
            ) from None
        if len(data) > LARGEST:
            raise errors.ForeignError(file=self.name, reason=f"larger than {LARGEST // 2**20} MiB when unpacked")
        return data


Files = Mapping[str, File]
"""Base name -> file."""


def collect(source: Path | Mapping[str, bytes]) -> dict[str, File]:
    """The files of a potential.

    Args:
        source: a folder, a single file, or name -> bytes; folders in the names do not count.

    Raises:
        ForeignError: the folder does not exist, or two files have one base name.
    """
    named = source.items() if isinstance(source, Mapping) else _read(Path(source))
    files: dict[str, File] = {}
    for path, data in named:
        name = path.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".gz")
        if not is_relevant(name):
            continue
        if name in files:
            raise errors.ForeignError(
                file=name, reason="there are two files of this name; give one potential at a time"
            )
        files[name] = File(name=name, data=data)
    return files


def is_relevant(name: str) -> bool:
    """Whether a base name (without ``.gz``) may belong to a potential."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in RELEVANT)


def matching(files: Files, pattern: str) -> Sequence[str]:
    """Sorted names that match a pattern."""
    return sorted(name for name in files if fnmatch.fnmatchcase(name, pattern))


def _read(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_file():
        yield path.name, path.read_bytes()
    elif path.is_dir():
        for child in sorted(path.iterdir()):
            if child.is_file() and is_relevant(child.name.removesuffix(".gz")):
                yield child.name, child.read_bytes()
    else:
        raise errors.ForeignError(file=path.name, reason="there is no such file or folder")
