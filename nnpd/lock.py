"""One `nnpd up` per home: a lock that the kernel drops with the process, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nnpd.errors import HomeInUseError


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold the lock file `path` with our process id in it.

    Raises:
        HomeInUseError: another process holds it.
    """
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise HomeInUseError(path.parent, file.read().strip() or "unknown") from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
        # Emptied, not deleted: deleting would let a third process lock a new file while a second waits on the old one.
        file.truncate(0)


def is_held(path: Path) -> bool:
    """Whether an `nnpd up` runs on this home now."""
    if not path.exists():
        return False
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
