"""The OpenAPI document: what FastAPI finds, with the models it cannot see, the error body and the API key."""

from typing import Any

import fastapi
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from nnp_client.wire.errors import ErrorBody
from service.routes import predict

TEMPLATE = "#/components/schemas/{model}"
ERROR = {
    "description": "An error; `code` is stable, docs/api.md lists all.",
    "content": {"application/json": {"schema": {"$ref": TEMPLATE.format(model="ErrorBody")}}},
}


def install(app: fastapi.FastAPI) -> None:
    """Let the application hand out the whole document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = build(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def build(app: fastapi.FastAPI) -> dict[str, Any]:
    """The OpenAPI document of an application."""
    found = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
    )
    models: list[Any] = [(model, "validation") for model in predict.SCHEMAS] + [(ErrorBody, "serialization")]
    _, extra = models_json_schema(models, ref_template=TEMPLATE)
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    for name, schema in extra["$defs"].items():
        schemas.setdefault(name, schema)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    found["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key; needed when the registry holds any."}
    }
    for methods in found["paths"].values():
        for operation in methods.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = ERROR
            operation["security"] = [{}, {"key": []}]
    return found
