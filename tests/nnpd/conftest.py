"""Waiting for what other processes do."""

import time
from collections.abc import Callable

import pytest

Eventually = Callable[..., None]


@pytest.fixture
def eventually() -> Eventually:
    """Wait until a condition holds; a generous deadline turns a hang into a failure."""

    def eventually(condition: Callable[[], object], seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "the awaited event did not come"
            time.sleep(0.02)

    return eventually
