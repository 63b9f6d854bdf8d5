"""Fixtures and skips shared by all tests: services that may be absent, the reference data beside the repository."""

import os
import socket
from pathlib import Path

import pytest

os.environ.setdefault("NNP_KERNEL", "off")  # compiled in its own tests only: it takes seconds
REQUIRED = os.environ.get("CI") == "true"
SHARED = Path(__file__).resolve().parents[2] / "shared"
REPOSITORY = Path(__file__).resolve().parents[1]


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs an absent server; in CI absence is a failure, so nothing is skipped there."""
    if REQUIRED:
        return
    for marker, port in (("postgresql", 5432), ("redis", 6379)):
        marked = [item for item in items if item.get_closest_marker(marker)]
        if marked and not _answers(port):
            skip = pytest.mark.skip(reason=f"no {marker} server answers on 127.0.0.1:{port}")
            for item in marked:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the repository; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        if REQUIRED:
            pytest.fail(f"CI needs the reference data in {SHARED.name} beside the repository")
        pytest.skip("the reference data folder ../shared is absent")
    return SHARED


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of this repository."""
    return REPOSITORY
