"""The OpenAPI document is complete, and the service does what it says."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from models_store import tables
from nnp_client.wire import datasets, errors, jobs, potentials
from service import testing

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def document(shared_http: testing.TestClient) -> dict[str, Any]:
    return shared_http.get("/v1/openapi.json").json()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_every_operation_says_what_it_does(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["responses"]["default"]["content"], name
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) == len(set(names))


def test_every_parameter_is_described(document: dict[str, Any]) -> None:
    bare = [
        f"{name} {parameter['name']}"
        for name, operation in operations(document)
        for parameter in operation.get("parameters", [])
        if not parameter.get("description") and not parameter["schema"].get("description")
    ]
    assert bare == []


def test_every_field_is_described_and_every_model_closed(document: dict[str, Any]) -> None:
    bare, open_models = [], []
    for name, schema in document["components"]["schemas"].items():
        if schema.get("type") != "object":
            continue
        if schema.get("additionalProperties") is not False:
            open_models.append(name)
        bare += [f"{name}.{field}" for field, inner in schema["properties"].items() if not described(document, inner)]
    assert bare == []
    assert open_models == []


def described(document: dict[str, Any], schema: dict[str, Any]) -> bool:
    if schema.get("description") or "const" in schema:
        return True
    reference = schema.get("$ref", "").rpartition("/")[2]
    return bool(reference) and bool(document["components"]["schemas"][reference].get("description"))


def test_answers_have_no_optional_fields(document: dict[str, Any]) -> None:
    answers: set[str] = set()
    for _, operation in operations(document):
        for response in operation["responses"].values():
            collect(document, response, answers)
    requests = {"Recipe"}
    for name in sorted(answers - requests):
        schema = document["components"]["schemas"][name]
        if schema.get("type") == "object":
            assert set(schema.get("required", [])) == set(schema["properties"]), name


def collect(document: dict[str, Any], node: Any, names: set[str]) -> None:
    if isinstance(node, dict):
        name = str(node.get("$ref", "")).rpartition("/")[2]
        if name and name not in names:
            names.add(name)
            collect(document, document["components"]["schemas"][name], names)
        for value in node.values():
            collect(document, value, names)
    elif isinstance(node, list):
        for value in node:
            collect(document, value, names)


def test_the_enumerations_of_wire_and_tables_are_equal() -> None:
    pairs = [
        (jobs.JobKind, tables.JobKind),
        (jobs.JobState, tables.JobState),
        (jobs.EventKind, tables.EventKind),
        (datasets.DatasetState, tables.DatasetState),
        (datasets.Split, tables.Split),
        (potentials.PotentialState, tables.PotentialState),
    ]
    for wire, table in pairs:
        assert [member.value for member in wire] == [member.value for member in table]


def test_the_service_survives_what_its_document_allows(
    shared_http: testing.TestClient, document: dict[str, Any]
) -> None:
    import schemathesis

    seen: set[str] = set()
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = found.ok()

        @hypothesis.settings(
            max_examples=2,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy())
        def check(case: Any) -> None:
            answer = sent(shared_http, case)
            assert answer.status_code < 500, (case.operation.label, answer.text)
            if answer.status_code >= 400:
                errors.ErrorBody.model_validate_json(answer.content)
            seen.add(case.operation.label)

        check()
    assert len(seen) == len(list(operations(document)))


def sent(http: testing.TestClient, case: Any) -> Any:
    """The answer to a case that schemathesis made up."""
    given = case.as_transport_kwargs(base_url="http://testserver")
    data = given.get("data")
    content = data if data is None or isinstance(data, bytes | str) else json.dumps(data)
    headers = {name: value for name, value in given["headers"].items() if name.lower() != "content-length"}
    return http.request(
        given["method"],
        given["url"],
        params=given.get("params"),
        headers=headers,
        json=given.get("json"),
        content=content,
    )


def test_a_change_of_the_wire_is_seen(document: dict[str, Any], repository: Path) -> None:
    """Every route and field but the recipe's, one a line; `NNPD_WRITE_SNAPSHOT=1` writes the file anew."""
    file = repository / "tests" / "service" / "wire.txt"
    lines = sorted({*routes(document), *fields(document)})
    if os.environ.get("NNPD_WRITE_SNAPSHOT"):
        file.write_text("\n".join(lines) + "\n")
    assert lines == file.read_text().splitlines()


def routes(document: dict[str, Any]) -> Iterator[str]:
    for name, operation in operations(document):
        parameters = [f"{entry['in']}:{entry['name']}" for entry in operation.get("parameters", [])]
        answers = [status for status in operation["responses"] if status != "default"]
        yield f"{name} ({', '.join(parameters)}) -> {', '.join(answers)}"


def fields(document: dict[str, Any]) -> Iterator[str]:
    recipe: set[str] = set()
    collect(document, {"$ref": "#/components/schemas/Recipe"}, recipe)
    for name, schema in document["components"]["schemas"].items():
        if name in recipe:
            continue
        for word in schema.get("enum", []):
            yield f"{name} = {word}"
        for field, inner in schema.get("properties", {}).items():
            yield f"{name}.{field}: {kind(inner)}{'' if field in schema.get('required', []) else ' (optional)'}"


def kind(schema: dict[str, Any]) -> str:
    """The type of a field in a few letters."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema or "oneOf" in schema:
        return " | ".join(kind(entry) for entry in schema.get("anyOf") or schema["oneOf"])
    if schema.get("type") == "array":
        return f"[{kind(schema['items'])}]"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"{{{kind(schema['additionalProperties'])}}}"
    return str(schema.get("const") or schema.get("type", "any"))
