"""``python -m nnp.core.kernel [KIND DTYPE]`` compiles one kind of functions, or all, and keeps the machine code.

Worth a line where an image is built; otherwise a process that meets such a potential starts it in the background.
"""

import contextlib
import itertools
import os
import sys
from collections.abc import Iterator

from nnp.core.kernel import compiled, functions, moment_definition


def main(arguments: list[str]) -> None:
    """Compile what is not there yet, at low priority."""
    with contextlib.suppress(AttributeError, OSError):
        os.nice(10)
    wanted = [tuple(arguments)] if arguments else itertools.product(compiled.KINDS, moment_definition.LANES)
    for kind, dtype in wanted:
        with _alone(kind, dtype) as alone:
            if alone and not compiled.ready(kind, dtype):
                functions.of(functions.EXAMPLES[kind], dtype)
                print(f"compiled {kind} for {dtype} into {compiled.folder()}")


@contextlib.contextmanager
def _alone(kind: str, dtype: str) -> Iterator[bool]:
    """Whether no other process compiles the same; known on POSIX systems, elsewhere some work may be done twice."""
    try:
        import fcntl
    except ImportError:
        yield True
        return
    with (compiled.folder() / f"{kind}-{dtype}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


if __name__ == "__main__":
    main(sys.argv[1:])
