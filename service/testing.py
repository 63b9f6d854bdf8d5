"""A throwaway service for tests: a whole API process on a folder, with potentials registered from ONNX bytes."""

import contextlib
import json
import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import fastapi
from sqlalchemy.orm import Session

from models_store import aliases, artifacts, database, potentials
from models_store.home import Home
from models_store.tables import PotentialVersion
from nnp.core import onnx_graph
from service.app import create_app
from service.parts import Parts
from service.settings import Settings

with warnings.catch_warnings():
    # Starlette would rather have the successor of httpx; the client under test is made with httpx.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

__all__ = ["TestClient", "parts_of", "passed_gates", "register", "serving"]


@contextlib.contextmanager
def serving(folder: Path, *, migrated: Path | None = None, **settings: Any) -> Iterator[TestClient]:
    """An API process in this one, on a new registry in `folder`; requests go through the same middleware as ever.

    `migrated` is a database with tables, to be copied: making them takes a second.
    """
    home = Home.at(folder).create()
    if migrated is None:
        database.migrate(home.database_url)
    else:
        shutil.copy(migrated, folder / "nnpd.sqlite")
    app = create_app(Settings(home=folder, **settings))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def parts_of(client: TestClient) -> Parts:
    """What the process behind a client holds open."""
    app = client.app
    assert isinstance(app, fastapi.FastAPI)
    return app.state.parts


def passed_gates(**fields: Any) -> dict[str, Any]:
    """A gate report that allows promotion where there is no incumbent."""
    check = {"name": "physics_contract", "passed": True, "detail": "all hold", "values": {}}
    report = {"format": 1, "passed": True, "dataset_version": None, "alias": "production", "incumbent": None}
    return {**report, "checks": [check], **fields}


def register(
    parts: Parts, name: str, files: Mapping[str, bytes], *, alias: str | None = None, **fields: Any
) -> PotentialVersion:
    """Register ONNX files as the next version of a potential, and point an alias at it if one is named."""
    with parts.sessions() as session, session.begin():
        hashes = {f"onnx_{dtype}": _kept(session, parts, content) for dtype, content in files.items()}
        manifest = onnx_graph.read(next(iter(files.values())))[1]
        version = potentials.register(
            session,
            name,
            manifest=json.loads(manifest.to_json()),
            elements=manifest.elements,
            artifacts=hashes,
            code_version="test",
            **{"gates": passed_gates(), **fields},
        )
        if alias is not None:
            aliases.promote(session, name, alias, version.number)
    return version


def _kept(session: Session, parts: Parts, content: bytes) -> str:
    stored = parts.store.put(content)
    artifacts.register(session, stored, "application/vnd.onnx")
    return stored.sha256
