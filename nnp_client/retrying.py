"""Retries bounded in time: which failures pass, and how long to wait before the next attempt."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from nnp_client import errors

T = TypeVar("T")


class Passing(Exception):
    """An attempt failed in a way that may pass; carries the error to raise when time is up.

    Args:
        error: What the caller gets in the end.
        after_seconds: The wait that the service asked for, if it did.
    """

    def __init__(self, error: errors.ClientError, after_seconds: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after_seconds = after_seconds


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to go on trying.

    Attributes:
        total_seconds: No attempt starts later than this after the first.
        first_seconds: Wait after the first failure; doubles with each further one.
        longest_seconds: Longest wait that the client chooses by itself.
    """

    total_seconds: float = 30.0
    first_seconds: float = 0.1
    longest_seconds: float = 3.0


def attempt(
    call: Callable[[], T],
    patience: Patience,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Call until it answers or the patience is at an end.

    Args:
        call: One attempt; raises `Passing` for a failure worth another attempt, anything else ends it.
        patience: How long to go on.
        sleep: Waits that many seconds.
        clock: Monotonic time in seconds.

    Returns:
        What `call` returned.

    Raises:
        ClientError: The error of the last attempt.
    """
    end = clock() + patience.total_seconds
    wait = patience.first_seconds
    while True:
        try:
            return call()
        except Passing as passing:
            chosen = wait * (0.75 + 0.5 * random.random())  # spread out clients that failed together
            pause = chosen if passing.after_seconds is None else max(passing.after_seconds, chosen)
            if clock() + pause > end:
                raise passing.error from passing.__cause__
        sleep(pause)
        wait = min(2 * wait, patience.longest_seconds)
