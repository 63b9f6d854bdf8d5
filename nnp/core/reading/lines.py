"""The lines of a text file, counted; compressed files too."""

import contextlib
import gzip
import io
import itertools
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from nnp.core import errors

GZIP = b"\x1f\x8b"


class Lines:
    """Lines of a text, and the number of the last one read (1-based)."""

    def __init__(self, stream: IO[str], *, file: str) -> None:
        self._stream = stream
        self.file = file
        self.number = 0
        self._returned: list[str] = []

    def take(self, count: int) -> list[str]:
        """The next lines, fewer at the end of the file.

        Raises:
            ReadError: the compressed file is damaged or ends too early, or the file is no text.
        """
        try:
            taken = self._returned + list(itertools.islice(self._stream, count - len(self._returned)))
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise errors.ReadError(
                file=self.file, line=self.number + 1, reason="the compressed file is damaged or ends too early"
            ) from None
        except UnicodeDecodeError:
            raise errors.ReadError(
                file=self.file, line=self.number + 1, reason="this is no text (UTF-8) from here on"
            ) from None
        self._returned = []
        self.number += len(taken)
        return taken

    def next(self) -> str | None:
        """The next line, None at the end of the file."""
        taken = self.take(1)
        return taken[0] if taken else None

    def back(self, line: str) -> None:
        """Give the last line back: it comes again."""
        self._returned = [line]
        self.number -= 1


@contextlib.contextmanager
def opened(path: Path, *, file: str) -> Iterator[Lines]:
    """The lines of a file, decompressed on the way if it is gzip (by content, not by name)."""
    with path.open("rb") as raw:
        compressed = raw.read(2) == GZIP
        raw.seek(0)
        binary = gzip.GzipFile(fileobj=raw) if compressed else raw
        with io.TextIOWrapper(io.BufferedReader(binary, 1 << 20), encoding="utf-8-sig") as text:
            yield Lines(text, file=file)
