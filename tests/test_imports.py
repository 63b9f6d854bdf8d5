"""A fresh interpreter that imports a package leaves the heavy parts out: what import-linter cannot see."""

import subprocess
import sys

import pytest

FORBIDDEN = {
    "nnp.core.potential": {"torch", "fastapi", "sqlalchemy", "celery"},
    "nnp_client": {"torch", "fastapi", "sqlalchemy", "celery", "onnxruntime"},
    "nnp_client.cli": {"torch", "fastapi", "sqlalchemy", "celery"},
    "models_store.database": {"torch", "fastapi"},
    "service.app": {"torch", "nnp.learn", "worker"},
    "nnpd.cli": {"torch", "nnp.learn"},
}


@pytest.mark.parametrize("module", FORBIDDEN)
def test_a_fresh_interpreter_leaves_heavy_packages_out(module: str) -> None:
    script = f"import {module}, sys; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert not FORBIDDEN[module] & set(loaded.stdout.split())
