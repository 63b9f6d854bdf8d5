"""Learning rate over the steps of a training, as a fraction of its peak."""

import math
from typing import Literal

Schedule = Literal["one_cycle", "cosine", "warm_restarts", "constant", "plateau"]

WARM_UP = 0.3
"""Fraction of the steps in which the one-cycle schedule rises."""
FIRST_RATE, LAST_RATE = 0.04, 1e-4
"""Where the one-cycle schedule begins, and where every falling schedule ends."""
CYCLES = 3
"""Warm restarts: the steps are divided into this many cycles, each twice as long as the one before."""
REDUCTION = 0.5
"""Plateau: the rate is multiplied by this where the validation loss has stalled."""


def warm_up(schedule: Schedule) -> float:
    """Fraction of the steps in which the rate rises; errors may stall before the peak and fall again behind it."""
    return WARM_UP if schedule == "one_cycle" else 0.0


def factor(schedule: Schedule, done: float) -> float:
    """Learning rate over its peak when a fraction `done` of the steps has been made, 0 <= done <= 1.

    "one_cycle" rises as a cosine, then falls as one; "cosine" falls alone; "warm_restarts" falls `CYCLES` times
    (arXiv:1608.03983); "constant" stays, and so does "plateau", which the loop reduces where the
    validation loss stalls.
    """
    if schedule in ("constant", "plateau"):
        return 1.0
    if schedule == "one_cycle" and done < WARM_UP:
        return _between(FIRST_RATE, 0.5 - 0.5 * math.cos(math.pi * done / WARM_UP))
    if schedule == "one_cycle":
        done = (done - WARM_UP) / (1.0 - WARM_UP)
    elif schedule == "warm_restarts":
        done = _within_cycle(done)
    return _between(LAST_RATE, 0.5 + 0.5 * math.cos(math.pi * done))


def _between(low: float, share: float) -> float:
    return low + (1.0 - low) * share


def _within_cycle(done: float) -> float:
    """Fraction of the present cycle: cycle c takes 2^c of 2^CYCLES - 1 parts."""
    parts = done * (2**CYCLES - 1)
    cycle = min(int(math.log2(parts + 1.0)), CYCLES - 1)
    return (parts - (2**cycle - 1)) / 2**cycle
