"""/v1/potentials/{name}/aliases: where names point, promotion, history."""

from typing import Annotated

import anyio.from_thread
import fastapi
import sqlalchemy
from fastapi import Query

from models_store import aliases
from nnp_client.wire.potentials import AliasMove, AliasOut, Promote
from service import parts, promotion
from service.routes.parameters import Actor, AliasName, PotentialName
from service.sessions import Reading, Writing
from service.views import potentials as views

router = fastapi.APIRouter(tags=["aliases"], prefix="/potentials/{name}/aliases")


@router.get("", summary="The aliases of a potential")
def list_aliases(session: Reading, name: PotentialName) -> list[AliasOut]:
    return [views.alias(row) for row in aliases.lookup(session, name)]


@router.put("/{alias}", summary="Promote: point an alias at a version, if it points where the caller expects")
def put_alias(
    *, request: fastapi.Request, session: Writing, actor: Actor, name: PotentialName, alias: AliasName, body: Promote
) -> AliasOut:
    _forget_after_commit(request, session, f"{name}@{alias}")
    return views.alias(promotion.promote(session, name, alias, body, actor=actor))


@router.delete("/{alias}", status_code=204, summary="Remove an alias; its history stays")
def delete_alias(
    *,
    request: fastapi.Request,
    session: Writing,
    actor: Actor,
    name: PotentialName,
    alias: AliasName,
    reason: Annotated[str, Query(description="Why, in your words.", max_length=2000)] = "",
) -> None:
    _forget_after_commit(request, session, f"{name}@{alias}")
    aliases.remove(session, name, alias, reason=reason, actor=actor)


@router.get("/{alias}/history", summary="The moves of an alias, newest first")
def alias_history(session: Reading, name: PotentialName, alias: AliasName) -> list[AliasMove]:
    return [views.move(row) for row in aliases.history(session, name, alias)]


def _forget_after_commit(request: fastapi.Request, session: Writing, reference: str) -> None:
    # Who promotes through this process and predicts next gets the new version; other processes follow within a second.
    pool = parts.of(request).pool
    sqlalchemy.event.listen(session, "after_commit", lambda _: anyio.from_thread.run_sync(pool.forget, reference))
