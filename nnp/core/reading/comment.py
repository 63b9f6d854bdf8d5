"""The second line of a frame of extended XYZ: `key=value` pairs.

Source: https://github.com/libAtoms/extxyz and ASE's documentation of `extxyz`; values stay text here.
"""

import re

PAIR = re.compile(
    r"""
    \s*
    (?: "(?P<quoted_key>(?:\\.|[^"\\])*)" | (?P<key>[^\s="'{}\[\]]+) )
    (?: \s*=\s*
        (?: "(?P<double>(?:\\.|[^"\\])*)"
          | '(?P<single>(?:\\.|[^'\\])*)'
          | \{(?P<brace>[^}]*)\}
          | (?P<bracket>\[(?:[^\[\]]|\[[^\[\]]*\])*\])
          | (?P<plain>[^\s"']\S*)
        )
    )?
    """,
    re.VERBOSE,
)
ESCAPED = re.compile(r"\\(.)")
NO_NUMBERS = re.compile(r"[\[\]{},]")
TRUTH = {
    **dict.fromkeys(("T", "true", "True", "TRUE"), True),
    **dict.fromkeys(("F", "false", "False", "FALSE"), False),
}


def parse(line: str) -> dict[str, str]:
    """The pairs of a comment line as text; a word without a value counts as "T", whatever is no pair is passed over."""
    found: dict[str, str] = {}
    place, line = 0, line.strip()
    while place < len(line):
        match = PAIR.match(line, place)
        if match is None:
            place += 1
            continue
        place = match.end()
        key, value = _unescaped(match["quoted_key"]) if match["key"] is None else match["key"], "T"
        for kind in ("double", "single"):
            if match[kind] is not None:
                value = _unescaped(match[kind])
        for kind in ("brace", "bracket", "plain"):
            if match[kind] is not None:
                value = match[kind]
        found[key] = value
    return found


def numbers(text: str) -> list[float]:
    """The numbers of a value such as "1 2 3", "1,2,3", "[[1, 2], [3, 4]]" or ASE's "_JSON [...]".

    Raises:
        ValueError: there is something else in it.
    """
    return [float(word) for word in NO_NUMBERS.sub(" ", text.removeprefix("_JSON ")).split()]


def truths(text: str) -> list[bool]:
    """The truth values of a value such as "T T F".

    Raises:
        ValueError: there is something else in it.
    """
    words = NO_NUMBERS.sub(" ", text.removeprefix("_JSON ")).split()
    if unknown := [word for word in words if word not in TRUTH]:
        raise ValueError(f"{unknown[0]!r} is neither T nor F")
    return [TRUTH[word] for word in words]


def _unescaped(text: str) -> str:
    return ESCAPED.sub(r"\1", text) if "\\" in text else text
