"""Numbers and files, as the writers of foreign formats need them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

ROUNDING = 1e-15
"""Relative error of a parameter that went through a change of units."""


def rounded(value: float) -> float:
    """The number with 15 digits where that is the same within rounding: 12 rather than 12.000000000000002."""
    short = float(f"{value:.15g}")
    return short if abs(short - value) <= ROUNDING * abs(value) else value


def number(value: float) -> str:
    """The shortest text that reads back to the same bits."""
    return repr(float(value))


def write_members(members: Sequence[Mapping[str, str]], directory: Path) -> list[Path]:
    """Write name -> text for each member: one into the folder itself, several into folders member-1, member-2, ..."""
    paths = []
    for index, texts in enumerate(members, start=1):
        folder = directory if len(members) == 1 else directory / f"member-{index}"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            path = folder / name
            path.write_text(text, encoding="utf-8")
            paths.append(path)
    return paths
