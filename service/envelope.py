"""What surrounds every request: its identifier, the limit of its body, its metrics, and the last resort for errors."""

import re
import secrets
import time
from typing import Any

import fastapi
import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import errors
from service.metrics import Metrics

REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
UNNAMED_ROUTE = "other"


class Envelope:
    """ASGI middleware around the whole application.

    Args:
        app: What it surrounds.
        metrics: Where requests are counted.
        body_bytes: Largest body.
        upload_bytes: Largest body of an upload.
        upload_paths: Paths that take uploads.
        prefix: What the paths of all routes begin with.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        body_bytes: int,
        upload_bytes: int,
        upload_paths: frozenset[str],
        prefix: str,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._body_bytes = body_bytes
        self._upload_bytes = upload_bytes
        self._upload_paths = upload_paths
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = time.perf_counter()
        request_id = _request_id(scope)
        scope["nnpd.request_id"] = request_id
        status = 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        limited = _limited(receive, scope, self._limit(scope))
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, limited, send_named)
            except Exception as error:
                response = await errors.unhandled(fastapi.Request(scope), error)
                if status:
                    raise  # the answer has begun: only a broken connection can tell the caller
                await response(scope, receive, send_named)
        route = self._route(scope)
        self._metrics.requests.labels(scope["method"], route, str(status)).inc()
        self._metrics.request_seconds.labels(route).observe(time.perf_counter() - begin)

    def _route(self, scope: Scope) -> str:
        # FastAPI leaves the route as it was declared, without the prefix under which it was included.
        path = getattr(scope.get("route"), "path", None)
        if path is None:
            return UNNAMED_ROUTE
        return path if path.startswith(self._prefix) else self._prefix + path

    def _limit(self, scope: Scope) -> int:
        return self._upload_bytes if scope["path"] in self._upload_paths else self._body_bytes


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID.match(given := value.decode("latin-1")):
            return given
    return secrets.token_hex(8)


def _limited(receive: Receive, scope: Scope, limit: int) -> Receive:
    announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    too_large = announced.isdigit() and int(announced) > limit
    received = 0

    async def receive_limited() -> Any:
        nonlocal received
        if too_large:
            raise HTTPException(413)
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise HTTPException(413)
        return message

    return receive_limited
