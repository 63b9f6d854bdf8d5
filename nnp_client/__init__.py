"""The nnpd client: wire contract, Python client, ASE calculator and the command `nnp`."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnp_client.calculator import NNPCalculator
    from nnp_client.client import Client

__all__ = ["Client", "NNPCalculator"]
_HOMES = {"Client": "nnp_client.client", "NNPCalculator": "nnp_client.calculator"}


def __getattr__(name: str) -> Any:
    # Loaded at first use: service and worker read the wire models and need neither httpx nor ASE for that.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
