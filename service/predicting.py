"""A prediction request from body to reply: read, load, queue, evaluate, write."""

import asyncio
from collections.abc import Mapping
from typing import Any

import fastapi
import numpy as np
import orjson
from starlette.concurrency import run_in_threadpool

from nnp.core import errors as core_errors
from nnp.core.prediction import PROPERTIES, Prediction
from nnp.core.structure import Structure
from nnp_client.wire import arrays
from nnp_client.wire.predictions import PredictOptions
from service import errors, structure_bodies
from service.batcher import Batcher, Outcome, Work
from service.parts import Parts
from service.pool import Loaded

LARGE_BYTES = 2**20
"""Bodies above this are read and written in a thread, so that they do not hold up other requests."""
TELLING = frozenset({"energy_uncertainty", "force_uncertainties", "energy_novelties", "domain"})
"""Properties whose reply says whether the structure is extrapolating."""

Result = Prediction | core_errors.NnpError


async def predict(parts: Parts, request: fastapi.Request) -> fastapi.Response:
    """Answer one request.

    Raises:
        ServiceError, StoreError: The request as a whole is not possible.
        NnpError: Its only structure cannot be predicted.
    """
    body = await request.body()
    asked = await _read(body, request)
    loaded = await parts.pool.get(asked.options.potential, asked.options.dtype)
    structures = [entry for entry in asked.entries if isinstance(entry, Structure)]
    outcome = Outcome(results=[])
    if structures:
        outcome = await outcome_of(parts.batcher, request, _work(loaded, structures, asked.options))
    predicted = iter(outcome.results)
    results: list[Any] = [next(predicted) if isinstance(entry, Structure) else entry for entry in asked.entries]
    if len(results) == 1 and isinstance(results[0], core_errors.NnpError):
        raise results[0]
    _count(parts, loaded, structures, outcome, results)
    return await _reply(request, asked.options, loaded, results, outcome)


async def _read(body: bytes, request: fastapi.Request) -> structure_bodies.Asked:
    content_type = request.headers.get("content-type", "")
    query = _query(request)
    if len(body) > LARGE_BYTES or "format" in query:
        return await run_in_threadpool(structure_bodies.read, body, content_type, query)
    return structure_bodies.read(body, content_type, query)


def _query(request: fastapi.Request) -> dict[str, Any]:
    if not request.scope["query_string"]:
        return {}
    query: dict[str, Any] = dict(request.query_params)
    if "properties" in query:
        query["properties"] = [
            name for value in request.query_params.getlist("properties") for name in value.split(",")
        ]
    return query


def _work(loaded: Loaded, structures: list[Structure], options: PredictOptions) -> Work:
    properties = {str(name) for name in options.properties}
    return Work(
        potential=loaded.potential,
        sha256=loaded.sha256,
        structures=structures,
        properties=frozenset(properties | {"domain"} if properties & TELLING else properties),
        deterministic=options.deterministic,
    )


async def outcome_of(batcher: Batcher, request: fastapi.Request, work: Work) -> Outcome:
    """Wait in the batcher; a caller that goes away meanwhile is not computed for.

    Raises:
        OverloadedError: The queue is full.
        GoneError: The caller left.
    """
    if batcher.idle:  # begins at once: watching the connection is not worth it
        return await batcher.predict(work)
    computing = asyncio.create_task(batcher.predict(work))
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({computing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not computing.done():
            raise errors.GoneError
        return computing.result()
    finally:
        computing.cancel()
        leaving.cancel()


async def _left(request: fastapi.Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _reply(
    request: fastapi.Request, options: PredictOptions, loaded: Loaded, results: list[Result], outcome: Outcome
) -> fastapi.Response:
    asked = frozenset(map(str, options.properties))
    request_id = errors.request_id_of(request)
    packed = arrays.CONTENT_TYPE in request.headers.get("accept", "")
    value = {
        "potential": {
            "name": loaded.version.name,
            "version": loaded.version.number,
            "reference": loaded.version.reference,
            "dtype": str(options.dtype),
            "sha256": loaded.sha256,
            "withdrawn": loaded.version.withdrawn,
        },
        "predictions": [_entry(result, asked, request_id) for result in results],
    }
    write = arrays.pack if packed else _json
    large = sum(
        len(result.forces) for result in results if isinstance(result, Prediction) and result.forces is not None
    )
    content = await run_in_threadpool(write, value) if large * 100 > LARGE_BYTES else write(value)
    return fastapi.Response(
        content,
        media_type=arrays.CONTENT_TYPE if packed else structure_bodies.JSON,
        headers={"Server-Timing": f"model;dur={1000 * outcome.model_seconds:.4f}"},
    )


def _entry(result: Result, asked: frozenset[str], request_id: str) -> dict[str, Any]:
    if isinstance(result, core_errors.NnpError):
        return {"error": errors.detail_of(result, request_id).model_dump()}
    entry: dict[str, Any] = {name: getattr(result, name) if name in asked else None for name in PROPERTIES}
    if entry["domain"] is not None:
        entry["domain"] = vars(entry["domain"])
    entry["extrapolating"] = None if result.domain is None else bool(result.domain.extrapolating)
    entry["unavailable"] = {name: reason for name, reason in result.unavailable.items() if name in asked}
    return entry


def _json(value: Mapping[str, Any]) -> bytes:
    return orjson.dumps(value, default=_contiguous, option=orjson.OPT_SERIALIZE_NUMPY)


def _contiguous(value: Any) -> Any:
    if isinstance(value, np.ndarray):  # orjson takes C order only
        return value.tolist()
    raise TypeError


def _count(parts: Parts, loaded: Loaded, structures: list[Structure], outcome: Outcome, results: list[Result]) -> None:
    reference = loaded.version.reference
    parts.metrics.predicted_atoms.labels(reference).inc(sum(map(len, structures)))
    parts.metrics.model_seconds.labels(reference).inc(outcome.model_seconds)
    for result in results:
        if isinstance(result, core_errors.NnpError):
            parts.metrics.structures_refused.labels(result.code).inc()
