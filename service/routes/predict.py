"""POST /v1/predict."""

from typing import Any

import fastapi

from nnp_client.wire import arrays
from nnp_client.wire.predictions import PredictReply, PredictRequest
from service import parts, predicting, structure_bodies

router = fastapi.APIRouter(tags=["predict"])

FILE = {"schema": {"type": "string", "description": "One or more structures, as the file is."}}
PACKED = {
    "schema": {
        "type": "string",
        "format": "binary",
        "description": "The same map as in JSON, with arrays as maps of dtype, shape and data (docs/api.md).",
    }
}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "JSON for people, MessagePack for programs, or a structure file with the options in the query.",
        "content": {
            structure_bodies.JSON: {"schema": {"$ref": "#/components/schemas/PredictRequest"}},
            arrays.CONTENT_TYPE: PACKED,
            **dict.fromkeys(structure_bodies.MEDIA_FORMATS, FILE),
        },
    },
    "parameters": [
        {
            "name": "potential",
            "in": "query",
            "required": False,
            "description": 'With a structure file: "Si:3" or "Si@production".',
            "schema": {"type": "string"},
        },
        {
            "name": "properties",
            "in": "query",
            "required": False,
            "description": "With a structure file: properties, separated by commas.",
            "schema": {"type": "string"},
        },
        {
            "name": "dtype",
            "in": "query",
            "required": False,
            "description": "With a structure file: precision of the networks.",
            "schema": {"type": "string", "enum": ["float32", "float64"]},
        },
        {
            "name": "deterministic",
            "in": "query",
            "required": False,
            "description": "With a structure file: evaluate every structure alone.",
            "schema": {"type": "boolean"},
        },
        {
            "name": "format",
            "in": "query",
            "required": False,
            "description": "The body is a structure file of this format, whatever its Content-Type says.",
            "schema": {"type": "string", "enum": sorted(structure_bodies.FILE_FORMATS)},
        },
    ],
}


@router.post(
    "/predict",
    summary="Predict energies, forces, stresses and their uncertainties",
    response_model=PredictReply,
    responses={
        200: {
            "content": {arrays.CONTENT_TYPE: PACKED},
            "description": "In the order of the request; a bad structure of several has an error in its place.",
        }
    },
    openapi_extra=BODY,
)
async def predict(request: fastapi.Request) -> Any:
    return await predicting.predict(parts.of(request), request)


SCHEMAS = (PredictRequest,)
"""Models that the OpenAPI document names and FastAPI does not find by itself."""
