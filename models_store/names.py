"""Names, and what to say when one is not found."""

import difflib
import re
from collections.abc import Iterable

from models_store import errors

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
CLOSE = 3
"""How many close names are listed."""


def check(name: str) -> str:
    """The name, if it is one.

    Raises:
        InvalidName: it is not.
    """
    if not NAME.fullmatch(name):
        raise errors.InvalidName(f"{name!r} is not a name: {errors.InvalidName.__doc__}")
    return name


def close(name: str, known: Iterable[str]) -> list[str]:
    """The known names that look like `name`, the closest first; letter case does not count."""
    by_lower: dict[str, list[str]] = {}
    for candidate in known:
        by_lower.setdefault(candidate.lower(), []).append(candidate)
    found = difflib.get_close_matches(name.lower(), by_lower, n=CLOSE, cutoff=0.5)
    return [candidate for lower in found for candidate in by_lower[lower]][:CLOSE]
