"""Numbers in foreign files: Fortran's exponents are read, what is no finite number is refused with its place.

Python takes more for a number than other programs: 1_000, and digits of every alphabet. Here these are none.
"""

import math
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nnp.core import errors

PLAIN = re.compile(r"[-+.0-9A-Za-z]*")
"""What a number, or the name of none, is written with."""


def real(word: str, *, file: str, line: int) -> float:
    """A finite number.

    Raises:
        ForeignError: naming file and line.
    """
    if not PLAIN.fullmatch(word):
        raise errors.ForeignError(file=file, line=line, reason=f"{word[:60]!r} is no number")
    try:
        value = float(word)
    except ValueError:
        try:
            value = float(word.replace("D", "E").replace("d", "e"))
        except ValueError:
            raise errors.ForeignError(file=file, line=line, reason=f"{word[:60]!r} is no number") from None
    if not math.isfinite(value):
        raise errors.ForeignError(file=file, line=line, reason=f"{word[:60]!r} is not finite")
    return value


def reals(words: Sequence[str], *, file: str, line: int) -> npt.NDArray[np.float64]:
    """Finite numbers (n,), n = number of words."""
    try:
        values = np.array(words, dtype=np.float64)
    except ValueError:
        values = np.array([real(word, file=file, line=line) for word in words])
    if not (np.isfinite(values).all() and PLAIN.fullmatch("".join(words))):
        for word in words:
            real(word, file=file, line=line)
    return values


def integer(word: str, *, file: str, line: int, least: int = 0) -> int:
    """A whole number of at least ``least``."""
    try:
        value = int(word if PLAIN.fullmatch(word) else "")
    except ValueError:
        raise errors.ForeignError(file=file, line=line, reason=f"{word[:60]!r} is no whole number") from None
    if value < least:
        raise errors.ForeignError(file=file, line=line, reason=f"{value} is less than {least}")
    return value
