"""API keys: asked for when the registry holds any, or when the settings say so."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import fastapi
from sqlalchemy.orm import Session, sessionmaker
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from models_store import keys
from service import errors

OPEN_PATHS = frozenset({"/v1/health", "/v1/ready", "/v1/openapi.json", "/v1/docs"})
REMEMBERED_SECONDS = 5.0
REMEMBERED_KEYS = 1000


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a bearer token opens the API, and in whose name."""

    open: bool
    actor: str | None
    until: float


class KeyCheck:
    """ASGI middleware that asks for a key; a verdict holds for a few seconds, so that it costs a request nothing.

    Args:
        app: What it guards.
        sessions: Read-only sessions of the registry.
        required: Refuse requests without a key even when the registry holds none.
    """

    def __init__(self, app: ASGIApp, *, sessions: sessionmaker[Session], required: bool) -> None:
        self._app = app
        self._sessions = sessions
        self._required = required
        self._verdicts: dict[str, Verdict] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS:
            token = _token(scope)
            verdict = self._verdicts.get(token)
            if verdict is None or verdict.until < time.monotonic():
                verdict = await self._judge(token)
            if not verdict.open:
                await self._refuse(token)(scope, receive, send)
                return
            scope["nnpd.actor"] = verdict.actor
        await self._app(scope, receive, send)

    async def _judge(self, token: str) -> Verdict:
        verdict = await run_in_threadpool(self._verify, token)
        if len(self._verdicts) >= REMEMBERED_KEYS:
            self._verdicts.clear()
        self._verdicts[token] = verdict
        return verdict

    def _verify(self, token: str) -> Verdict:
        until = time.monotonic() + REMEMBERED_SECONDS
        with self._sessions() as session:
            row = keys.verify(session, token) if token else None
            if row is not None:
                return Verdict(open=True, actor=row.name, until=until)
            guarded = self._required or bool(keys.search(session))
            return Verdict(open=not guarded, actor=None, until=until)

    def _refuse(self, token: str) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            request = fastapi.Request(scope)
            error = errors.KeyRefusedError() if token else errors.KeyMissingError()
            detail = errors.detail_of(error, errors.request_id_of(request))
            response = errors.respond(request, detail, errors.status_of(error) or 401, error.headers)
            await response(scope, receive, send)

        return answer


def actor_of(request: fastapi.Request) -> str | None:
    """The name of the key that the request was made with; None where keys are not used."""
    return request.scope.get("nnpd.actor")


def _token(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            kind, _, token = value.decode("latin-1").partition(" ")
            return token.strip() if kind.lower() == "bearer" else ""
    return ""
