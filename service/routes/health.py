"""GET /v1/health, /v1/ready, /v1/metrics."""

import importlib.metadata

import fastapi
import prometheus_client
from starlette.concurrency import run_in_threadpool

from nnp_client.wire.health import Health, Readiness
from service import parts, readiness

router = fastapi.APIRouter(tags=["health"])


@router.get("/health", summary="Whether the process lives; a prediction that hangs makes it ill")
async def health(request: fastapi.Request) -> Health:
    readiness.check_alive(parts.of(request))
    return Health(status="ok", version=importlib.metadata.version("nnpd"))


@router.get("/ready", summary="Whether the process reaches the database and the broker")
async def ready(request: fastapi.Request) -> Readiness:
    return await run_in_threadpool(readiness.check, parts.of(request))


@router.get(
    "/metrics",
    summary="Metrics of this process in Prometheus' text format",
    response_class=fastapi.responses.PlainTextResponse,
)
def metrics(request: fastapi.Request) -> fastapi.Response:
    return fastapi.Response(parts.of(request).metrics.text(), media_type=prometheus_client.CONTENT_TYPE_LATEST)
