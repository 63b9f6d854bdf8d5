"""The application: parts, middleware, routes, errors."""

import asyncio
import contextlib
import importlib.metadata
from collections.abc import AsyncIterator

import fastapi
from starlette.middleware import Middleware

from service import errors, openapi
from service.envelope import Envelope
from service.keys import KeyCheck
from service.parts import close_parts, open_parts
from service.routes import aliases, datasets, frames, health, jobs, potentials, predict
from service.settings import Settings

PREFIX = "/v1"
DESCRIPTION = (
    "Neural network potentials of a laboratory: data in, potentials out, predictions with uncertainty. "
    "Units: eV, Å, eV/Å, eV/Å^3. docs/api.md describes errors, MessagePack and examples."
)


def create_app(settings: Settings) -> fastapi.FastAPI:
    """Build an API process; its loops start and its connections end with the application's lifespan."""
    parts = open_parts(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_: fastapi.FastAPI) -> AsyncIterator[None]:
        refreshing = asyncio.create_task(parts.pool.keep_fresh(settings.refresh_seconds))
        try:
            yield
        finally:
            refreshing.cancel()
            close_parts(parts)

    app = fastapi.FastAPI(
        title="nnpd",
        version=importlib.metadata.version("nnpd"),
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=f"{PREFIX}/docs",
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
        middleware=[
            Middleware(
                Envelope,
                metrics=parts.metrics,
                body_bytes=settings.body_bytes,
                upload_bytes=settings.upload_bytes,
                upload_paths=frozenset({f"{PREFIX}/datasets", f"{PREFIX}/potentials"}),
                prefix=PREFIX,
            ),
            Middleware(KeyCheck, sessions=parts.read_sessions, required=settings.require_keys),
        ],
    )
    app.state.parts = parts
    for module in (predict, datasets, frames, potentials, aliases, jobs, health):
        app.include_router(module.router, prefix=PREFIX)
    app.include_router(potentials.resolving, prefix=PREFIX)
    errors.install(app)
    openapi.install(app)
    return app
